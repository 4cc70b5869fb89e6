"""Statistics of the batch norms, measured again after the training ("post-statistics", universally slimmable networks, arXiv 1903.05134)."""

import torch

from data import at_resolution
from slimnet import SlimNet


@torch.no_grad()
def settle(model: SlimNet, x: torch.Tensor, pictures: int = 10_000, batch: int = 200) -> None:
    """
    Sets the statistics of every rung to their mean over the first `pictures` of x, [n, 3, h, w] uint8, as they are served: not augmented.
    The running ones lag behind weights that also move in the steps of the other rungs: 4 to 8 points of top-1 in mid-training.
    """
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
    model.train()
    for width, side in model.rungs:
        for i in range(0, min(pictures, len(x)), batch):
            model(at_resolution(x[i : i + batch].float(), side).round(), width)
    for norm, momentum in zip(norms, usual):
        norm.momentum = momentum
    model.eval()
