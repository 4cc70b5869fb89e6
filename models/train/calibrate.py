"""Temperatures and tables of a trained network: python calibrate.py --data DIR --run RUN --out calibration.json [--graph int8.onnx]

Temperature scaling (arXiv 1706.04599): per width, resolution and exit the one number that minimises the negative log-likelihood on
one split. Top-1 and the rest of the table (MACs, expected calibration error with 15 bins) are measured on another.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import torch
import torch.nn.functional as F

from data import at_resolution, load
from macs import count
from nets import finished

BATCH = 100


Says = Callable[[torch.Tensor, float], list[torch.Tensor]]


@torch.no_grad()
def logits_of(says: Says, x: torch.Tensor, side: int, width: float) -> list[torch.Tensor]:
    """Per exit [n, classes]; pixels are rounded to bytes after resizing, as the gateway's decoder gives them."""
    rows = [says(at_resolution(x[i : i + BATCH].float(), side).round(), width) for i in range(0, len(x), BATCH)]
    return [torch.cat(exit_rows) for exit_rows in zip(*rows)]


def exported(graph: Path) -> Says:
    """What an exported graph says: its arithmetic, not that of the network that it was made from."""
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    return lambda pixels, _width: [torch.from_numpy(z) for z in session.run(None, {"pixels": pixels.numpy()})]


def temperature_of(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Golden-section search on the logarithm of the temperature."""
    low, high, ratio = -1.5, 1.5, 0.6180339887
    nll = lambda t: F.cross_entropy(logits / torch.tensor(t).exp(), labels).item()
    while high - low > 1e-4:
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if nll(a) < nll(b) else (a, high)
    return float(torch.tensor((low + high) / 2).exp())


def calibration_error(probabilities: torch.Tensor, labels: torch.Tensor, bins: int = 15) -> float:
    """Expected calibration error: |confidence - accuracy| averaged over equal-width bins, weighted by their size."""
    confidence, guess = probabilities.max(1)
    right = (guess == labels).float()
    place = (confidence * bins).long().clamp(max=bins - 1)
    error = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            error += inside.float().mean().item() * abs(confidence[inside].mean().item() - right[inside].mean().item())
    return error


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", type=Path, required=True)
    args.add_argument("--run", type=Path, required=True, help="folder with final.pt")
    args.add_argument("--out", type=Path, required=True, help="calibration.json")
    args.add_argument("--splits", nargs=2, default=["validation", "test"], help="temperatures from the one, top-1 and table from the other; "
                      "one split twice: from its first half, on its second")
    args.add_argument("--graph", type=Path, help="ask this export of the run (one for all resolutions: a LiteNet), not the network")
    args.add_argument("--sides", type=int, nargs="+", help="only these resolutions of the network")
    opt = args.parse_args()
    _, model = finished(opt.run)
    (vx, vy), (tx, ty) = (load(opt.data, split, opt.run / "cache") for split in opt.splits)
    if opt.splits[0] == opt.splits[1]:
        half = len(vx) // 2
        vx, vy, tx, ty = vx[:half], vy[:half], tx[half:], ty[half:]
    says = model if opt.graph is None else exported(opt.graph)
    out = []
    print("| width | resolution | exit | top-1 % | million MACs | calibration error % | temperature |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for width, side in [rung for rung in model.rungs if opt.sides is None or rung[1] in opt.sides]:
        valid, test = logits_of(says, vx, side, width), logits_of(says, tx, side, width)
        temperatures = [temperature_of(z, vy) for z in valid]
        accuracy = [(z.argmax(1) == ty).float().mean().item() for z in test]
        for k, (z, t, top1) in enumerate(zip(test, temperatures, accuracy)):
            error = 100 * calibration_error((z / t).softmax(1), ty)
            macs = count(model, side, width, exits=k + 1) / 1e6
            print(f"| {width} | {side} | {k + 1} | {100 * top1:.2f} | {macs:.2f} | {error:.2f} | {t:.3f} |", flush=True)
        out.append({"width": width, "resolution": side, "temperatures": [round(t, 4) for t in temperatures],
                    "accuracy": [round(a, 4) for a in accuracy]})
    opt.out.write_text(json.dumps(out, indent=2) + "\n")


if __name__ == "__main__":
    main()
