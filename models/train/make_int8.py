"""Makes the 8-bit graph of a LiteNet: python make_int8.py --size lite2 --from RUN --sides 192 224 --data DIR --out OUT

Kernels are fitted to 129 levels layer by layer (rounding.py), so that two products of a byte and a kernel have room in 16 bits and every
processor comes to the same answers in its fastest way. --from takes a finished run, or the stage graphs of a rung that is served. Gives
OUT/final.pt and OUT/onnx/NAME-int8.onnx.
"""

import argparse
import copy
from pathlib import Path

import torch
import torch.nn as nn

from data import at_resolution, load
from export import trace
from fakequant import RoundedConv, RoundedLinear, measure_ranges, put, rounded_kernel, with_rounding
from lite import LITES, LiteNet, classes_of
from nets import save
from quantize import quantized
from readback import network
from rounding import fit
from runs import keep_memory, order_of

FITTED = 300  # pictures that kernels are fitted on
RANGED = 400  # pictures a side that ranges are measured on
SEED = 1


@torch.no_grad()
def settle(rounded: LiteNet, plain: LiteNet) -> None:
    """Leaves in both, `rounded` and the network that it was made of, the kernels that are served: whole numbers times a scale."""
    layers = lambda model, kinds: [part for part in model.modules() if isinstance(part, kinds)]
    for part, layer in zip(layers(rounded, (RoundedConv, RoundedLinear)), layers(plain, (nn.Conv2d, nn.Linear)), strict=True):
        held = part.conv if isinstance(part, RoundedConv) else part.linear
        held.weight.copy_(rounded_kernel(held.weight))
        layer.load_state_dict(held.state_dict())


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", type=Path, required=True, help="folder with train.images, classes.txt ...")
    args.add_argument("--out", type=Path, required=True)
    args.add_argument("--size", choices=LITES, required=True)
    args.add_argument("--from", type=Path, nargs="+", required=True, dest="start", help="finished run, or stage graphs of a rung")
    args.add_argument("--sides", type=int, nargs="+", required=True, help="resolutions that the graph is for")
    opt = args.parse_args()
    keep_memory()
    torch.manual_seed(SEED)
    opt.out.mkdir(parents=True, exist_ok=True)
    pictures = load(opt.data, "train", opt.out / "cache")[0]
    classes = len(classes_of(opt.data))
    plain = network(opt.start, opt.size, classes).to(memory_format=torch.channels_last)
    model = with_rounding(copy.deepcopy(plain))
    some = pictures[order_of(len(pictures), SEED, -1)[:RANGED]]
    served = lambda rows, side: at_resolution(rows.float(), side).round().contiguous(memory_format=torch.channels_last)
    measure_ranges(model, (served(rows, side) for side in opt.sides for rows in some.split(40)))
    fit(model, plain, served(some[:FITTED], max(opt.sides)))
    settle(model, plain)
    save(plain, opt.size, classes, opt.out, plain=True)
    put(model, "clamp")
    folder, floats = opt.out / "onnx", opt.out / "rounded.onnx"
    folder.mkdir(exist_ok=True)
    trace(model, torch.rand(2, 3, max(opt.sides), max(opt.sides)) * 255, len(model.heads), floats)
    quantized(floats, some, opt.sides, folder / f"{opt.size}-int8.onnx")


if __name__ == "__main__":
    main()
