"""Chooses exit thresholds on `validation`: python thresholds.py --data DIR --run RUN --calibration calibration.json

For each route (rungs in the order of their cost) and each price of an error, a coordinate search over the thresholds minimises
mean cost + price x errors. Printed are the cheapest routes that lose at most `--drop` points of top-1 against the full network.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch

from calibrate import logits_of
from data import load
from macs import count
from slimnet import RUNGS, SlimNet

GRID = np.concatenate([np.linspace(0.3, 0.9, 25), np.linspace(0.91, 0.99, 17), [0.995, 0.999, 2.0]])
NEVER = 2.0


class Walk:
    """The exits of a route in a row: score and correctness [exits, n], cumulative cost [exits]."""

    def __init__(self, legs: list[dict]):
        self.score = np.concatenate([leg["score"] for leg in legs])
        self.right = np.concatenate([leg["right"] for leg in legs])
        base, cost = 0.0, []
        for leg in legs:
            cost.extend(base + c for c in leg["cost"])
            base = cost[-1]
        self.cost = np.array(cost)

    def measure(self, thresholds: np.ndarray) -> tuple[float, float]:
        """(mean cost, top-1): each picture leaves at the first exit whose score reaches the threshold, or at the last."""
        leaves = self.score >= thresholds[:, None]
        leaves[-1] = True
        at = leaves.argmax(0)
        return float(self.cost[at].mean()), float(self.right[at, np.arange(at.size)].mean())

    def search(self, price: float, sweeps: int = 4) -> np.ndarray:
        """Thresholds that minimise cost + price x error, one exit at a time until nothing changes."""
        best = np.full(len(self.cost), 0.95)
        value = lambda t: (lambda cost, top1: cost + price * (1 - top1))(*self.measure(t))
        for _ in range(sweeps):
            before = best.copy()
            for k in range(len(best) - 1):
                trials = []
                for t in GRID:
                    trial = best.copy()
                    trial[k] = t
                    trials.append(value(trial))
                best[k] = GRID[int(np.argmin(trials))]
            if (before == best).all():
                break
        return best


def legs_of(opt: argparse.Namespace) -> list[dict]:
    """One entry a rung, cheap to dear."""
    x, y = load(opt.data, "validation", opt.run / "cache")
    model = SlimNet(int(y.max()) + 1)
    model.load_state_dict(torch.load(opt.run / "final.pt", weights_only=False, map_location="cpu")["model"])
    model.eval()
    known = {(row["width"], row["resolution"]): row["temperatures"] for row in json.loads(opt.calibration.read_text())}
    legs = []
    for width, side in RUNGS:
        probabilities = [(z / t).softmax(1) for z, t in zip(logits_of(model, x, side, width), known[width, side])]
        score, guess = zip(*(p.max(1) for p in probabilities))
        cost = [count(model, side, width, exits=k + 1) for k in range(len(score))]
        legs.append({"name": f"slimnet/{width:g}@{side}", "cost": cost, "score": torch.stack(score).numpy(),
                     "right": (torch.stack(guess) == y).numpy()})
    return sorted(legs, key=lambda leg: leg["cost"][-1])


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", type=Path, required=True)
    args.add_argument("--run", type=Path, required=True)
    args.add_argument("--calibration", type=Path, required=True)
    args.add_argument("--drop", type=float, nargs="+", default=[0.2, 1.5], help="points of top-1 that may be lost")
    opt = args.parse_args()
    legs = legs_of(opt)
    full_cost, full_top1 = legs[-1]["cost"][-1], float(legs[-1]["right"][-1].mean())
    print(f"full: top-1 {100 * full_top1:.2f}")
    found = []
    for size in range(1, len(legs) + 1):
        for route in itertools.combinations(legs, size):
            walk = Walk(list(route))
            for price in np.geomspace(0.5, 60, 14):
                thresholds = walk.search(price * full_cost)
                cost, top1 = walk.measure(thresholds)
                found.append((cost / full_cost, top1, [leg["name"] for leg in route], thresholds))
    for drop in opt.drop:
        good = sorted((f for f in found if f[1] >= full_top1 - drop / 100), key=lambda f: f[0])
        print(f"\ndrop <= {drop}:")
        for ratio, top1, names, thresholds in good[:3]:
            print(f"  ratio {ratio:.3f} top-1 {100 * top1:.2f}")
            rows = iter(thresholds.tolist())
            for i, name in enumerate(names):
                exits = len(legs[0]["cost"])
                values = [next(rows) for _ in range(exits)]
                if i == len(names) - 1:
                    values[-1] = NEVER
                shown = ", ".join("null" if v > 1 else f"{v:.4g}" for v in values)
                print(f"      - {{ rung: {name}, thresholds: [{shown}] }}")


if __name__ == "__main__":
    main()
