"""Post-training quantisation to 8 bits (arXiv 1712.05877): kernels per channel, maps per tensor, as QuantizeLinear/DequantizeLinear pairs."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from data import at_resolution

PICTURES = 400  # per resolution
BATCH = 8


class Pictures(CalibrationDataReader):
    """The first pictures, as they are served, at every resolution of the network."""

    def __init__(self, x: torch.Tensor, sides: list[int]):
        self.batches = self.batched(x, sides)

    def batched(self, x: torch.Tensor, sides: list[int]) -> Iterator[dict[str, np.ndarray]]:
        for side in sides:
            for i in range(0, min(PICTURES, len(x)), BATCH):
                yield {"pixels": at_resolution(x[i : i + BATCH].float(), side).round().numpy()}

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.batches, None)


def quantized(graph: Path, x: torch.Tensor, sides: list[int], out: Path) -> None:
    """
    Writes `out`: convolutions, their ReLU6, the sums of residuals and the linear layers take 8 bits; means, and the logits, are floats.
    x [n, 3, h, w] uint8 are pictures that the ranges of all maps are measured on: from the least to the largest value seen.
    """
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(graph), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready), str(out), Pictures(x, sides), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, reduce_range=True, calibrate_method=CalibrationMethod.MinMax, op_types_to_quantize=["Conv", "Clip", "Add", "Gemm"],
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]},
        )
    print(f"{out}: {out.stat().st_size / graph.stat().st_size:.2f} of the bytes")
