"""A trained network -> ONNX, all exits as outputs: python export.py --run RUN --out FOLDER

A SlimNet gives one graph per width and resolution (each has its own batch norms), a LiteNet one for all. Input `pixels` [n, 3, h, w]
float32, 0..255, sizes symbolic; outputs `exit1`, `exit2` ... [n, classes]. `sluice import` cuts them.
"""

import argparse
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from lite import LiteNet
from nets import finished
from plain import plain_lite
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


def write(plain: nn.Module, wanted: list[torch.Tensor], x: torch.Tensor, file: Path) -> None:
    """Exports after a look at whether the folded network still says the same."""
    with torch.no_grad():
        worst = max((a - b).abs().max().item() for a, b in zip(plain(x), wanted))
    assert worst < 1e-3, worst
    print(f"{file}: folded differs by {worst:.1e}")
    trace(plain, x, len(wanted), file)


def trace(plain: nn.Module, x: torch.Tensor, exits: int, file: Path) -> None:
    """Writes the graph of a network with so many exits; x [n, 3, s, s] are some pixels."""
    names = [f"exit{k + 1}" for k in range(exits)]
    axes = {"pixels": {0: "n", 2: "h", 3: "w"}, **{name: {0: "n"} for name in names}}
    torch.onnx.export(plain, (x,), str(file), input_names=["pixels"], output_names=names, dynamic_axes=axes, opset_version=17, dynamo=False)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--run", type=Path, required=True, help="folder with final.pt")
    args.add_argument("--out", type=Path, required=True)
    opt = args.parse_args()
    name, model = finished(opt.run)
    opt.out.mkdir(parents=True, exist_ok=True)
    for width, side in model.rungs[-1:] if isinstance(model, LiteNet) else model.rungs:
        x = torch.rand(2, 3, side, side) * 255
        with torch.no_grad():
            wanted = model(x, width)
        if isinstance(model, LiteNet):
            write(plain_lite(model), wanted, x, opt.out / f"{name}.onnx")
        else:
            write(PlainSlim(model, (width, side)).eval(), wanted, x, opt.out / f"{name}-{width}-{side}.onnx")


if __name__ == "__main__":
    main()
