"""An independent count of multiply-accumulates: forward hooks on the functional convolutions and linear layers of PyTorch."""

import json

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class CountMacs(TorchDispatchMode):
    """Sums the MACs of every convolution and matrix product that runs inside the `with` block."""

    def __init__(self):
        super().__init__()
        self.macs = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name == "convolution":
            weight = args[1]
            self.macs += out.numel() * weight[0].numel()
        elif name == "addmm":
            self.macs += args[1].shape[0] * args[1].shape[1] * args[2].shape[1]
        elif name == "mm":
            self.macs += args[0].shape[0] * args[0].shape[1] * args[1].shape[1]
        return out


def count(model: torch.nn.Module, side: int, width: float, exits: int | None = None) -> int:
    """MACs of one picture of side x side at this width up to exit `exits` (all by default), the heads on the way included."""
    model.eval()
    with torch.no_grad(), CountMacs() as counter:
        model(torch.zeros(1, 3, side, side), width, exits)
    return counter.macs


if __name__ == "__main__":
    from nets import fresh

    for name, classes in (("cifar10", 10), ("scout", 200), ("lite0", 200), ("lite2", 200)):
        net = fresh(name, classes)
        for w, r in net.rungs:
            print(json.dumps({"net": name, "width": w, "resolution": r, "macs": [count(net, r, w, k) for k in range(1, len(net.heads) + 1)]}))
