"""The weights of a LiteNet as the gateway serves it, read back from its stage graphs: later trainings need no run that was kept, but take one too."""

from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn as nn
from onnx import numpy_helper

from lite import LITES, LiteNet
from nets import finished
from plain import PlainConv, plain_lite


def constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """All weights in floats by the names that layers know them by: 8 bits times their scales, halves widened."""
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in held:
            value, scale = held[node.input[0]].astype(np.float32), held[node.input[1]]
            zero = held[node.input[2]].astype(np.float32) if len(node.input) > 2 else np.float32(0)
            shape = (-1,) + (1,) * (value.ndim - 1) if scale.ndim == 1 and scale.size > 1 else ()
            held[node.output[0]] = (value - zero.reshape(shape or zero.shape)) * scale.reshape(shape or scale.shape)
        elif node.op_type == "Cast" and node.input[0] in held:
            held[node.output[0]] = held[node.input[0]].astype(np.float32)
    return held


def layers(stage: Path) -> list[tuple[str, torch.Tensor, torch.Tensor]]:
    """(type, weight, bias) of every convolution and linear layer, in the order of the graph."""
    graph = onnx.load(stage).graph
    held = constants(graph)
    floats = lambda name: torch.from_numpy(np.array(held[name], dtype=np.float32))
    return [(node.op_type, floats(node.input[1]), floats(node.input[2])) for node in graph.node if node.op_type in ("Conv", "Gemm")]


def convs_of(part: nn.Module) -> list[nn.Conv2d]:
    return [module.conv for module in part.modules() if isinstance(module, PlainConv)]


@torch.no_grad()
def read_back(size: str, classes: int, stages: list[Path]) -> LiteNet:
    """The network of these stage graphs, shallow to deep, with every batch norm multiplied in (a `plain_lite`)."""
    model = plain_lite(LiteNet(classes, LITES[size]).eval())
    if len(stages) != len(model.heads):
        raise SystemExit(f"{' '.join(map(str, stages))}: neither a run's folder nor the {len(model.heads)} stage graphs of {size}")
    begin = 0
    for stage, head, end in zip(stages, model.heads, model.ends):
        trunk = [*(convs_of(model.stem) if begin == 0 else []), *(conv for block in model.blocks[begin : end + 1] for conv in convs_of(block))]
        begin, queues = end + 1, [trunk, convs_of(head)]
        for kind, weight, bias in layers(stage):
            if kind == "Gemm":
                layer = head.classifier
            else:
                # Heads may stand anywhere behind the block that they leave from: whose turn it is, their shapes say.
                layer = next((queue.pop(0) for queue in queues if queue and queue[0].weight.shape == weight.shape), None)
            if layer is None or layer.weight.shape != weight.shape:
                raise SystemExit(f"{stage}: has a {kind} {list(weight.shape)} where {size} with {classes} classes has none")
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        if any(queues):
            raise SystemExit(f"{stage}: lacks {sum(map(len, queues))} convolutions of {size}")
    return model


def network(start: list[Path], size: str, classes: int) -> LiteNet:
    """A finished run's, or that of these stage graphs, as a plain_lite."""
    if not start[0].is_dir():
        return read_back(size, classes, start)
    name, model = finished(start[0])
    if name != size or model.heads[-1].classifier.out_features != classes:
        raise SystemExit(f"{start[0]}: is no {size} of {classes} classes")
    return plain_lite(model)
