"""What all peers in Python share: a picture decoded as Sluice decodes it, and the whole graph in ONNX Runtime with one thread."""

import io
import os
from typing import Sequence

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

SIDE = int(os.environ["PEER_SIDE"])


def open_picture(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


def pixels(picture: Image.Image) -> np.ndarray:
    """[side, side, 3] uint8: short side resized, centre cropped, cubic; a JPEG is shrunk while it is decoded."""
    picture.draft("RGB", (SIDE, SIDE))
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    return np.asarray(ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.BICUBIC))


class Network:
    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            os.environ["PEER_GRAPH"], options, providers=["CPUExecutionProvider"]
        )
        self._input = os.environ["PEER_INPUT"]
        self._is_bytes = os.environ["PEER_LAYOUT"] == "nhwc-uint8"
        self._scale = float(os.environ["PEER_SCALE"])

    def top1(self, batch: Sequence[np.ndarray]) -> list[int]:
        """Index of the most probable class of each picture."""
        image = np.stack(batch)
        if not self._is_bytes:
            image = np.ascontiguousarray(image.transpose(0, 3, 1, 2), dtype=np.float32) / self._scale
        (logits,) = self._session.run(None, {self._input: image})
        return [int(index) for index in logits.argmax(axis=1)]
