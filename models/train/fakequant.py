"""A LiteNet that rounds as its 8-bit graph does (arXiv 1712.05877)."""

from collections.abc import Iterable
from typing import Literal

import torch
import torch.nn as nn
import torch.nn.functional as F

from lite import Block
from plain import PlainConv

BYTE = 255
SAMPLE = 20_000  # values of a map and batch
SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
# Of a kernel, on either side of 0: 255 x 64 x 2 fits into 16 bits, where x86 without VNNI adds two products up.
LEVELS = 64


def rounded(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """x, in place, to the nearest of the 256 values from `low` to `high`, of which one is 0."""
    scale = (high - low) / BYTE
    zero = round(-low / scale)
    return x.mul_(1 / scale).round_().clamp_(-zero, BYTE - zero).mul_(scale)


class Rounded(nn.Module):
    """
    The values of one map as bytes: one scale for all, and a byte that stands for 0. `watch` lets everything through and looks at it; `clamp` keeps
    to the range without rounding, which is how an exported graph tells it to `quantize.py`.
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))
        self.mode: Literal["round", "watch", "clamp"] = "round"
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        match self.mode:
            case "round":
                return rounded(x, self.low.item(), self.high.item())
            case "clamp":
                return x.clamp(self.low.item(), self.high.item())
        low, high = x.aminmax()
        self.low.copy_(torch.minimum(self.low, low))
        self.high.copy_(torch.maximum(self.high, high))
        self.seen.append(x.flatten()[torch.randint(x.numel(), (SAMPLE,))])
        return x

    def narrow(self) -> None:
        """Of the shares of the range that was seen, the one that loses least in squares: a few large values cost the many small ones precision."""
        values, low, high = torch.cat(self.seen), self.low.item(), self.high.item()
        self.seen = []
        lost = lambda bounds: (rounded(values.clone(), *bounds) - values).square().mean().item()
        choices = [(low * left, high * right) for left in (SHARES if low < 0 else (1.0,)) for right in SHARES]
        for bound, value in zip((self.low, self.high), min(choices, key=lost)):
            bound.fill_(value)


def rounded_kernel(weight: torch.Tensor) -> torch.Tensor:
    """Whole numbers from -LEVELS to LEVELS times a scale of each output channel."""
    scale = weight.detach().flatten(1).abs().amax(1).clamp_min(1e-12) / LEVELS
    return torch.fake_quantize_per_channel_affine(weight, scale, torch.zeros_like(scale, dtype=torch.int32), 0, -LEVELS, LEVELS)


class RoundedConv(nn.Module):
    """A PlainConv whose kernel and output are rounded."""

    def __init__(self, part: PlainConv):
        super().__init__()
        self.plain, self.out = part, Rounded()

    @property
    def conv(self) -> nn.Conv2d:
        return self.plain.conv

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        match self.out.mode:
            case "watch":
                return self.out(self.plain(x))
            case "clamp":
                return self.out(self.plain.convolved(x))
        conv, pad = self.conv, self.plain.pad
        if pad is not None:
            x = F.pad(x, pad)
        x = F.conv2d(x, rounded_kernel(conv.weight), conv.bias, conv.stride, 0 if pad else conv.padding, 1, conv.groups)
        return self.out(x)  # bytes for 0 to at most 6 are a ReLU6 by themselves


class RoundedLinear(nn.Module):
    def __init__(self, part: nn.Linear):
        super().__init__()
        self.linear, self.into = part, Rounded()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.linear.weight
        return F.linear(self.into(x), rounded_kernel(weight) if self.into.mode == "round" else weight, self.linear.bias)


class RoundedBlock(nn.Module):
    def __init__(self, part: Block):
        super().__init__()
        self.convs, self.residual = with_rounding(part.convs), part.residual
        self.sum = Rounded() if part.residual else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.sum(x + self.convs(x)) if self.sum is not None else self.convs(x)


def with_rounding(model: nn.Module) -> nn.Module:
    """The same (of `plain_lite`) with every convolution, sum and linear layer rounded. Weights are shared."""
    for name, part in model.named_children():
        match part:
            case PlainConv():
                setattr(model, name, RoundedConv(part))
            case nn.Linear():
                setattr(model, name, RoundedLinear(part))
            case Block():
                setattr(model, name, RoundedBlock(part))
            case _:
                with_rounding(part)
    return model


def put(model: nn.Module, mode: Literal["round", "watch", "clamp"]) -> None:
    for part in model.modules():
        if isinstance(part, Rounded):
            part.mode = mode


@torch.no_grad()
def measure_ranges(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Sets the range of every map by these batches of pixels [n, 3, h, w]."""
    put(model, "watch")
    for pixels in batches:
        model(pixels)
    put(model, "round")
    for part in model.modules():
        if isinstance(part, Rounded):
            part.narrow()
