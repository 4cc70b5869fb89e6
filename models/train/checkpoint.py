"""Where a run keeps its state, so that it goes on after it was stopped."""

import os
from pathlib import Path

import torch


def keep(file: Path, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], step: int, seconds: float) -> None:
    """Whole or not at all. Random numbers are drawn from the seed and the step, so they need no state."""
    state = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "step": step, "seconds": seconds}
    torch.save(state, file.with_suffix(".tmp"))
    os.replace(file.with_suffix(".tmp"), file)


def resumed(file: Path, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], device: str) -> tuple[int, float]:
    """Puts the state back; steps done and seconds spent, (0, 0.0) for a new run."""
    if not file.exists():
        return 0, 0.0
    held = torch.load(file, weights_only=True, map_location=device)
    model.load_state_dict(held["model"])
    for optimizer, state in zip(optimizers, held["optimizers"]):
        optimizer.load_state_dict(state)
    print(f"resumed after step {held['step']}", flush=True)
    return held["step"], held["seconds"]
