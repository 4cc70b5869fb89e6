"""SlimNet: a compact multi-exit, slimmable network for 32 px pictures.

Exits: MSDNet (arXiv 1703.09844). Shared weights with a batch norm per width: slimmable networks (arXiv 1812.08928), and per
resolution: resolution switchable networks (arXiv 2007.09558).
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTHS = (0.5, 1.0)
RESOLUTIONS = (24, 32)
MEAN = (125.3, 123.0, 113.9)
STD = (63.0, 62.1, 66.7)

Rung = tuple[float, int]  # (width, resolution)
RUNGS: list[Rung] = [(w, r) for w in WIDTHS for r in RESOLUTIONS]


class ConvNorm(nn.Module):
    """A 3x3 or 1x1 convolution of which a width uses the first channels, and one batch norm per rung."""

    def __init__(self, cin: int, cout: int, kernel: int = 3, stride: int = 1, depthwise: bool = False, slim_input: bool = True):
        super().__init__()
        self.cin, self.cout, self.stride, self.depthwise, self.slim_input = cin, cout, stride, depthwise, slim_input
        self.padding = kernel // 2
        self.weight = nn.Parameter(torch.empty(cout, 1 if depthwise else cin, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_out" if not depthwise else "fan_in", nonlinearity="relu")
        self.norms = nn.ModuleList(nn.BatchNorm2d(int(cout * w)) for w, _ in RUNGS)

    def sliced(self, width: float) -> tuple[torch.Tensor, int]:
        """The weight that this width uses, and its number of groups."""
        cout = int(self.cout * width)
        if self.depthwise:
            return self.weight[:cout], cout
        return self.weight[:cout, : int(self.cin * width) if self.slim_input else self.cin], 1

    def forward(self, x: torch.Tensor, rung: Rung) -> torch.Tensor:
        weight, groups = self.sliced(rung[0])
        x = F.conv2d(x, weight, None, self.stride, self.padding, groups=groups)
        return self.norms[RUNGS.index(rung)](x)


class Step(nn.Module):
    """conv-norm-relu; with `residual` the input is added before the relu; with `pool` a 2x2 max pool follows."""

    def __init__(self, cin: int, cout: int, residual: bool = False, pool: bool = False, slim_input: bool = True):
        super().__init__()
        self.conv = ConvNorm(cin, cout, slim_input=slim_input)
        self.residual, self.pool = residual, pool

    def forward(self, x: torch.Tensor, rung: Rung) -> torch.Tensor:
        y = self.conv(x, rung)
        y = F.relu(y + x if self.residual else y)
        return F.max_pool2d(y, 2) if self.pool else y


class Head(nn.Module):
    """Depthwise-separable steps (each halves the side), global mean, and one linear layer per width."""

    def __init__(self, channels: list[int], classes: int):
        super().__init__()
        self.convs = nn.ModuleList()
        for cin, cout in zip(channels, channels[1:]):
            self.convs.append(ConvNorm(cin, cin, stride=2, depthwise=True))
            self.convs.append(ConvNorm(cin, cout, kernel=1))
        self.linear = nn.ModuleList(nn.Linear(int(channels[-1] * w), classes) for w in WIDTHS)

    def forward(self, x: torch.Tensor, rung: Rung) -> torch.Tensor:
        for i, conv in enumerate(self.convs):
            x = conv(x, rung)
            if i % 2 == 1:
                x = F.relu(x)
        return self.linear[WIDTHS.index(rung[0])](x.mean((2, 3)))


class SlimNet(nn.Module):
    """[n, 3, h, w] float pixels 0..255 -> one [n, classes] tensor of logits per exit, shallow to deep."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.stages = nn.ModuleList([
            nn.ModuleList([Step(3, 16, slim_input=False), Step(16, 48, pool=True)]),
            nn.ModuleList([Step(48, 48, residual=True), Step(48, 112, pool=True)]),
            nn.ModuleList([Step(112, 112, residual=True)]),
            nn.ModuleList([Step(112, 192, pool=True), Step(192, 192, residual=True), Step(192, 192, residual=True)]),
        ])
        self.heads = nn.ModuleList([
            Head([48, 128, 256], classes), Head([112, 256], classes), Head([112, 256], classes), Head([192], classes),
        ])

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
