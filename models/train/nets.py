"""The networks by name, and where a finished run keeps one."""

from functools import partial
from pathlib import Path

import torch

from lite import LITES, LiteNet
from plain import plain_lite
from slimnet import CIFAR10, SCOUT, SlimNet

NETS = {
    "cifar10": lambda classes: SlimNet(classes, CIFAR10),
    "scout": lambda classes: SlimNet(classes, SCOUT),
    **{name: partial(LiteNet, size=size) for name, size in LITES.items()},
}


def fresh(name: str, classes: int) -> SlimNet | LiteNet:
    """An untrained network; all have `rungs`, `heads` and forward(pixels, width, exits)."""
    return NETS[name](classes)


def save(model: torch.nn.Module, name: str, classes: int, run: Path, plain: bool = False) -> None:
    """`plain`: the model is a plain_lite."""
    torch.save({"net": name, "classes": classes, "plain": plain, "model": model.state_dict()}, run / "final.pt")


def finished(run: Path) -> tuple[str, SlimNet | LiteNet]:
    """Name and network of RUN/final.pt, ready to evaluate."""
    held = torch.load(run / "final.pt", weights_only=True, map_location="cpu")
    model = fresh(held["net"], held["classes"])
    if held.get("plain"):
        model = plain_lite(model.eval())
    model.load_state_dict(held["model"])
    return held["net"], model.eval()
