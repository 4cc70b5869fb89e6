"""SlimNet: compact multi-exit, slimmable networks: the backbone of cifar10 and the scout of photo200.

Exits: MSDNet (arXiv 1703.09844). Shared weights with a batch norm per width: slimmable networks (arXiv 1812.08928), and per
resolution: resolution switchable networks (arXiv 2007.09558).
"""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTHS = (0.5, 1.0)
Rung = tuple[float, int]  # (width, resolution)


@dataclass(frozen=True)
class Design:
    """The plan of one SlimNet. A step is (channels, what it does): res adds its input, pool and s2 halve the side."""

    resolutions: tuple[int, ...]
    stages: tuple[tuple[tuple[int, str], ...], ...]
    heads: tuple[tuple[int, ...], ...]  # channels of each exit's depthwise-separable steps
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def rungs(self) -> list[Rung]:
        return [(width, side) for width in WIDTHS for side in self.resolutions]


CIFAR10 = Design(
    resolutions=(24, 32),
    stages=(
        ((16, ""), (48, "pool")),
        ((48, "res"), (112, "pool")),
        ((112, "res"),),
        ((192, "pool"), (192, "res"), (192, "res")),
    ),
    heads=((128, 256), (256,), (256,), ()),
    mean=(125.3, 123.0, 113.9),
    std=(63.0, 62.1, 66.7),
)
SCOUT = Design(
    resolutions=(64,),
    stages=(
        ((16, "s2"), (32, "s2"), (32, "res")),
        ((64, "s2"), (64, "res")),
        ((120, "s2"), (120, "res"), (120, "res"), (256, "s2")),
    ),
    heads=((96, 256), (256,), ()),
    mean=(122.5, 114.3, 101.4),
    std=(70.6, 68.5, 71.9),
)


class ConvNorm(nn.Module):
    """A 3x3 or 1x1 convolution of which a width uses the first channels, and one batch norm per rung."""

    def __init__(self, cin: int, cout: int, kernel: int = 3, stride: int = 1, depthwise: bool = False, slim_input: bool = True,
                 pool: bool = False, rungs: list[Rung] = CIFAR10.rungs):
        super().__init__()
        self.rungs = rungs
        self.cin, self.cout, self.stride, self.depthwise, self.slim_input, self.pool = cin, cout, stride, depthwise, slim_input, pool
        self.padding = kernel // 2
        self.weight = nn.Parameter(torch.empty(cout, 1 if depthwise else cin, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out" if not depthwise else "fan_in", nonlinearity="relu")
        self.norms = nn.ModuleList(nn.BatchNorm2d(int(cout * w)) for w, _ in rungs)
        if pool:  # a gain that stays 1 is never negative, so that norm and pool may change places: cheap in training, folded for serving
            for norm in self.norms:
                norm.weight.requires_grad_(False)

    def sliced(self, width: float) -> tuple[torch.Tensor, int]:
        """The weight that this width uses, and its number of groups."""
        cout = int(self.cout * width)
        if self.depthwise:
            return self.weight[:cout], cout
        return self.weight[:cout, : int(self.cin * width) if self.slim_input else self.cin], 1

    def forward(self, x: torch.Tensor, rung: Rung) -> torch.Tensor:
        weight, groups = self.sliced(rung[0])
        x = F.conv2d(x, weight, None, self.stride, self.padding, groups=groups)
        if self.pool:
            x = F.max_pool2d(x, 2)
        return self.norms[self.rungs.index(rung)](x)


class Step(nn.Module):
    """conv-norm-relu; "res": the input is added before the relu; "pool": a 2x2 max pool follows the convolution; "s2": stride 2."""

    def __init__(self, cin: int, cout: int, kind: str, rungs: list[Rung], slim_input: bool):
        super().__init__()
        self.conv = ConvNorm(cin, cout, stride=2 if kind == "s2" else 1, slim_input=slim_input, pool=kind == "pool", rungs=rungs)
        self.residual = kind == "res"

    def forward(self, x: torch.Tensor, rung: Rung) -> torch.Tensor:
        y = self.conv(x, rung)
        return F.relu(y + x if self.residual else y)


class Head(nn.Module):
    """Depthwise-separable steps (each halves the side), global mean, and one linear layer per width."""

    def __init__(self, channels: list[int], classes: int, rungs: list[Rung]):
        super().__init__()
        self.convs = nn.ModuleList()
        for cin, cout in zip(channels, channels[1:]):
            self.convs.append(ConvNorm(cin, cin, stride=2, depthwise=True, rungs=rungs))
            self.convs.append(ConvNorm(cin, cout, kernel=1, rungs=rungs))
        self.linear = nn.ModuleList(nn.Linear(int(channels[-1] * w), classes) for w in WIDTHS)

    def forward(self, x: torch.Tensor, rung: Rung) -> torch.Tensor:
        for i, conv in enumerate(self.convs):
            x = conv(x, rung)
            if i % 2 == 1:
                x = F.relu(x)
        return self.linear[WIDTHS.index(rung[0])](x.mean((2, 3)))


class SlimNet(nn.Module):
    """[n, 3, h, w] float pixels 0..255 -> one [n, classes] tensor of logits per exit, shallow to deep."""

    def __init__(self, classes: int = 10, design: Design = CIFAR10):
        super().__init__()
        self.rungs = design.rungs
        self.register_buffer("mean", torch.tensor(design.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(design.std).view(1, 3, 1, 1))
        self.stages, self.heads, cin = nn.ModuleList(), nn.ModuleList(), 3
        for steps, head in zip(design.stages, design.heads):
            stage = nn.ModuleList()
            for cout, kind in steps:
                stage.append(Step(cin, cout, kind, self.rungs, slim_input=cin != 3))
                cin = cout
            self.stages.append(stage)
            self.heads.append(Head([cin, *head], classes, self.rungs))

    def forward(self, x: torch.Tensor, width: float = 1.0, exits: int | None = None) -> list[torch.Tensor]:
        rung = (width, x.shape[-1])
        x = (x - self.mean) / self.std
        x = x.contiguous(memory_format=torch.channels_last)
        logits = []
        for stage, head in list(zip(self.stages, self.heads))[:exits]:
            for step in stage:
                x = step(x, rung)
            logits.append(head(x, rung))
        return logits
