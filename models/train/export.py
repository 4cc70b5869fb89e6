"""A trained network -> ONNX, all exits as outputs: python export.py --run RUN --out FOLDER [--int8 DATA]

A SlimNet gives one graph per width and resolution (each has its own batch norms), a LiteNet one for all. Input `pixels` [n, 3, h, w]
float32, 0..255, sizes symbolic; outputs `exit1`, `exit2` ... [n, classes]. `sluice import` cuts them.
"""

import argparse
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from data import load
from lite import Conv, LiteNet
from nets import finished
from quantize import quantized
from slimnet import WIDTHS, ConvNorm, Head, Rung, SlimNet, Step


def folded(conv: ConvNorm, rung: Rung) -> nn.Conv2d:
    """The convolution of one rung with its batch norm multiplied in."""
    weight, groups = conv.sliced(rung[0])
    norm = conv.norms[conv.rungs.index(rung)]
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    cout, per_group, kernel, _ = weight.shape
    out = nn.Conv2d(per_group * groups, cout, kernel, conv.stride, conv.padding, groups=groups)
    out.weight.data = (weight * scale.view(-1, 1, 1, 1)).detach().clone()
    out.bias.data = (norm.bias - norm.running_mean * scale).detach().clone()
    return out


class PlainStep(nn.Module):
    def __init__(self, step: Step, rung: Rung):
        super().__init__()
        self.conv, self.residual, self.pool = folded(step.conv, rung), step.residual, step.conv.pool

    def forward(self, x):
        y = self.conv(x)
        y = torch.relu(y + x if self.residual else y)
        return torch.max_pool2d(y, 2) if self.pool else y  # where SlimNet pools before its norm: the same numbers, one node less


class PlainHead(nn.Module):
    def __init__(self, head: Head, rung: Rung):
        super().__init__()
        self.convs = nn.ModuleList(folded(conv, rung) for conv in head.convs)
        self.linear = head.linear[WIDTHS.index(rung[0])]

    def forward(self, x):
        for i, conv in enumerate(self.convs):
            x = conv(x)
            if i % 2 == 1:
                x = torch.relu(x)
        return self.linear(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class PlainSlim(nn.Module):
    """One rung of a SlimNet without what only training needs: the same numbers, fewer nodes."""

    def __init__(self, model: SlimNet, rung: Rung):
        super().__init__()
        self.mean, self.std = model.mean, model.std
        self.stages = nn.ModuleList(nn.ModuleList(PlainStep(step, rung) for step in stage) for stage in model.stages)
        self.heads = nn.ModuleList(PlainHead(head, rung) for head in model.heads)

    def forward(self, pixels):
        x = (pixels - self.mean) / self.std
        logits = []
        for stage, head in zip(self.stages, self.heads):
            for step in stage:
                x = step(x)
            logits.append(head(x))
        return tuple(logits)


class UnevenConv(torch.autograd.Function):
    """Convolution with more zeros right and below than left and above: one node in ONNX, which PyTorch has no layer for."""

    @staticmethod
    def forward(ctx, x, kernel, bias, stride, pad, groups):
        return F.conv2d(F.pad(x, pad), kernel, bias, stride, 0, 1, groups)

    @staticmethod
    def symbolic(g, x, kernel, bias, stride, pad, groups):
        left, right, top, bottom = pad
        return g.op("Conv", x, kernel, bias, strides_i=[stride] * 2, pads_i=[top, left, bottom, right], group_i=groups)


class PlainConv(nn.Module):
    """A Conv with its batch norm multiplied in."""

    def __init__(self, part: Conv):
        super().__init__()
        self.conv, self.pad, self.linear = fuse_conv_bn_eval(part.conv, part.norm), part.pad, part.linear

    def forward(self, x):
        conv = self.conv
        x = conv(x) if self.pad is None else UnevenConv.apply(x, conv.weight, conv.bias, conv.stride[0], self.pad, conv.groups)
        return x if self.linear else F.relu6(x)


def plain_lite(model: nn.Module) -> nn.Module:
    """The same with every Conv as a PlainConv."""
    for name, part in model.named_children():
        setattr(model, name, PlainConv(part) if isinstance(part, Conv) else plain_lite(part))
    return model


def write(plain: nn.Module, wanted: list[torch.Tensor], x: torch.Tensor, file: Path) -> None:
    """Exports after a look at whether the folded network still says the same."""
    with torch.no_grad():
        worst = max((a - b).abs().max().item() for a, b in zip(plain(x), wanted))
    assert worst < 1e-3, worst
    names = [f"exit{k + 1}" for k in range(len(wanted))]
    axes = {"pixels": {0: "n", 2: "h", 3: "w"}, **{name: {0: "n"} for name in names}}
    torch.onnx.export(plain, (x,), str(file), input_names=["pixels"], output_names=names, dynamic_axes=axes, opset_version=17, dynamo=False)
    print(f"{file}: folded differs by {worst:.1e}")


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--run", type=Path, required=True, help="folder with final.pt")
    args.add_argument("--out", type=Path, required=True)
    args.add_argument("--int8", type=Path, metavar="DATA", help="LiteNet: write NAME-int8.onnx too, ranges of its values from these training pictures")
    opt = args.parse_args()
    name, model = finished(opt.run)
    opt.out.mkdir(parents=True, exist_ok=True)
    for width, side in model.rungs[-1:] if isinstance(model, LiteNet) else model.rungs:
        x = torch.rand(2, 3, side, side) * 255
        with torch.no_grad():
            wanted = model(x, width)
        if isinstance(model, LiteNet):
            write(plain_lite(model), wanted, x, opt.out / f"{name}.onnx")
            if opt.int8 is not None:
                sides = [side for _, side in model.rungs]
                quantized(opt.out / f"{name}.onnx", load(opt.int8, "train", opt.run / "cache")[0], sides, opt.out / f"{name}-int8.onnx")
        else:
            write(PlainSlim(model, (width, side)).eval(), wanted, x, opt.out / f"{name}-{width}-{side}.onnx")


if __name__ == "__main__":
    main()
