"""Where a run keeps its state, so that it goes on after it was stopped."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import torch


@contextmanager
def whole(file: Path) -> Iterator[BinaryIO]:
    """To be written to; the file is there whole or as it was before."""
    half = file.with_suffix(".tmp")
    with half.open("wb") as out:
        yield out
    os.replace(half, file)


def worded(value: object) -> str:
    match value:
        case list():
            return " ".join(map(worded, value))
        case Path():
            return str(value.resolve())
    return str(value)


def asked(opt: argparse.Namespace) -> dict[str, str]:
    """What a run was asked for, by option; where it runs and where it is kept may change."""
    return {f"--{name.replace('_', '-')}": worded(value) for name, value in vars(opt).items() if name not in ("device", "out")}


def keep(file: Path, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], step: int, seconds: float, opt: argparse.Namespace) -> None:
    """
    Random numbers are drawn from the seed and the step, so they need no state: a run that was stopped goes on as if it had not been. (distil.py, which
    seeds once a start, goes on with other views.)
    """
    state = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "step": step, "seconds": seconds, "asked": asked(opt)}
    with whole(file) as out:
        torch.save(state, out)


def resumed(file: Path, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], opt: argparse.Namespace) -> tuple[int, float]:
    """Puts the state back; steps done and seconds spent, (0, 0.0) for a new run. A run goes on as it was asked for, or not at all."""
    if not file.exists():
        return 0, 0.0
    held = torch.load(file, weights_only=True, map_location=opt.device)
    before, now = held["asked"], asked(opt)
    other = [name for name in now if before.get(name) != now[name]]
    if other:
        told = lambda options: " ".join(f"{name} {options.get(name)}" for name in other)
        raise SystemExit(f"{file} is of a run with {told(before)}; asked for {told(now)}")
    model.load_state_dict(held["model"])
    for optimizer, state in zip(optimizers, held["optimizers"]):
        optimizer.load_state_dict(state)
    print(f"resumed after step {held['step']}", flush=True)
    return held["step"], held["seconds"]
