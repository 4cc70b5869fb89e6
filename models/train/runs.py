"""What all training runs share: their options, their data, how long they take, the order of the pictures, and the log."""

import argparse
import ctypes
import json
import time
from pathlib import Path

import torch

from data import load


def options(doc: str | None, epochs: float | None, batch: int) -> argparse.ArgumentParser:
    """--data, --out, --batch, --seed, --device and, unless a recipe counts its time otherwise, --epochs; a recipe adds its own."""
    args = argparse.ArgumentParser(description=doc)
    args.add_argument("--data", type=Path, required=True, help="folder with train.images, classes.txt ...")
    args.add_argument("--out", type=Path, required=True, help="checkpoints and log go here")
    if epochs is not None:
        args.add_argument("--epochs", type=float, default=epochs)
    args.add_argument("--batch", type=int, default=batch)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return args


def keep_memory() -> None:
    """
    Has glibc keep what it freed. Else every map is new memory from the kernel, page by page: half of the time of a step in floats on a processor
    (convolution of 96 channels, 112 x 112, batch 16: 58 ms, then 29; a ReLU6: 33, then 5).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((-4, 0), (-1, 2**31 - 1), (-2, 2**28)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            mallopt(parameter, value)


def begin(opt: argparse.Namespace, held_out: str) -> tuple[torch.Tensor, ...]:
    """Seeds torch and makes the folder; training pictures and labels stay in memory, those of the split `held_out` go to the device."""
    torch.set_flush_denormal(True)
    keep_memory()
    torch.manual_seed(opt.seed)
    opt.out.mkdir(parents=True, exist_ok=True)
    x, y = load(opt.data, "train", opt.out / "cache")
    vx, vy = (t.to(opt.device) for t in load(opt.data, held_out, opt.out / "cache"))
    return x, y, vx, vy


def steps_of(pictures: int, opt: argparse.Namespace) -> tuple[int, int]:
    """Steps of an epoch and of the whole training."""
    in_epoch = pictures // opt.batch
    total = int(opt.epochs * in_epoch)
    if total < 1:
        raise SystemExit(f"{pictures} pictures in --epochs {opt.epochs:g} give no step of --batch {opt.batch}")
    return in_epoch, total


def passed(opt: argparse.Namespace, step: int, began: float) -> float:
    """How much of a training is over, 0 to 1, that takes --steps or else --minutes; `began` as time.time() has it."""
    return min(1.0, step / opt.steps if opt.steps else (time.time() - began) / (60 * opt.minutes))


def order_of(pictures: int, seed: int, epoch: int) -> torch.Tensor:
    """The order of the pictures in an epoch: the same after a resume."""
    return torch.randperm(pictures, generator=torch.Generator().manual_seed(seed + epoch))


def log(out: Path, row: dict) -> None:
    line = json.dumps(row)
    print(line, flush=True)
    with (out / "log.jsonl").open("a") as file:
        file.write(line + "\n")
