"""Trains SlimNet on a packed data set: python train.py --data DIR --out RUN. Resumes from RUN/last.pt by itself.

Sandwich rule (arXiv 1903.05134): a step trains width 1.0 and width 0.5 on the same pictures, each at both resolutions. Deep-to-shallow
self-distillation (arXiv 1905.08094): every exit learns the labels and the last exit of width 1.0. Kernels learn with Muon, the rest with
AdamW; both learning rates fall linearly to zero.
"""

import json
import time
from pathlib import Path

import torch

from checkpoint import keep, resumed
from data import at_resolution, augment
from losses import exits_loss
from muon import Muon
from nets import save
from norms import settle
from runs import begin, log, options, order_of, steps_of
from slimnet import CIFAR10, ConvNorm, SlimNet

EXIT_WEIGHTS = (0.25, 0.25, 0.35, 1.0)
LARGE = 0.75  # share of a batch that width 1.0 sees at the large resolution; it sees the rest at the small one
SLIM = 0.5  # share of a batch that width 0.5 sees too, half of it at each resolution: it learns faster than width 1.0
SLIM_WEIGHT = 0.5
CHUNK = 125  # pictures a forward pass, which is also what a batch norm averages over
PEEK = 1000  # validation pictures for the log; calibrate.py measures on all of them


def chunks(first: int, last: int) -> list[slice]:
    """The rows first..last in pieces whose activations fit the caches of a processor: a third faster there."""
    return [slice(i, min(i + CHUNK, last)) for i in range(first, last, CHUNK)]


def learn(model: SlimNet, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Adds the gradients of one batch; returns the loss of width 1.0 per picture."""
    n, small, large = len(images), *CIFAR10.resolutions
    cut, half = int(n * LARGE), int(n * SLIM / 2)
    shown, teachers = 0.0, []
    for first, last, side in ((0, cut, large), (cut, n, small)):
        for part in chunks(first, last):
            logits = model(at_resolution(images[part], side), 1.0)
            loss = exits_loss(logits, labels[part], logits[-1], EXIT_WEIGHTS) / n
            loss.backward()
            shown += loss.item()
            teachers.append(logits[-1].detach())
    teacher = torch.cat(teachers)
    for first, last, side in ((0, half, small), (n - half, n, large)):
        for part in chunks(first, last):
            logits = model(at_resolution(images[part], side), 0.5)
            (SLIM_WEIGHT * exits_loss(logits, labels[part], teacher[part], EXIT_WEIGHTS) / (2 * half)).backward()
    return shown


@torch.no_grad()
def accuracy(model: SlimNet, x: torch.Tensor, y: torch.Tensor, side: int, width: float) -> list[float]:
    """Top-1 of every exit, in percent."""
    model.eval()
    right = None
    for i in range(0, len(x), 100):
        logits = model(at_resolution(x[i : i + 100].float(), side), width)
        hits = torch.tensor([(z.argmax(1) == y[i : i + 100]).sum().item() for z in logits])
        right = hits if right is None else right + hits
    model.train()
    return [round(100 * h / len(x), 2) for h in right.tolist()]


def optimizers_of(model: SlimNet, lr: float, momentum: float, adam_lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the dense kernels, AdamW for everything else (batch norms, depthwise kernels, linear layers)."""
    kernels = [m.weight for m in model.modules() if isinstance(m, ConvNorm) and not m.depthwise]
    rest = [p for p in model.parameters() if p.requires_grad and all(p is not k for k in kernels)]
    return [Muon(kernels, lr, momentum), torch.optim.AdamW(rest, adam_lr, betas=(0.9, 0.95), weight_decay=0.01)]


def main() -> None:
    args = options(__doc__, epochs=34, batch=500)
    args.add_argument("--lr", type=float, default=0.04, help="of the kernels (Muon)")
    args.add_argument("--momentum", type=float, default=0.9)
    args.add_argument("--adam-lr", type=float, default=0.003, help="of everything else")
    args.add_argument("--cutout", type=int, default=12)
    opt = args.parse_args()

    x, y, vx, vy = begin(opt, "validation")
    steps_per_epoch, total = steps_of(len(x), opt)
    mirrored = torch.rand(len(x), generator=torch.Generator().manual_seed(opt.seed)) < 0.5
    model = SlimNet(int(y.max()) + 1).to(opt.device).to(memory_format=torch.channels_last)
    optimizers = optimizers_of(model, opt.lr, opt.momentum, opt.adam_lr)
    last = opt.out / "last.pt"
    step, seconds = resumed(last, model, optimizers, opt)

    began = time.time()
    order = order_of(len(x), opt.seed, step // steps_per_epoch)
    window: list[float] = []
    while step < total:
        at = step % steps_per_epoch
        if at == 0:
            order = order_of(len(x), opt.seed, step // steps_per_epoch)
        for optimizer, lr in zip(optimizers, (opt.lr, opt.adam_lr)):
            for group in optimizer.param_groups:
                group["lr"] = lr * min(1.0, (step + 1) / 50) * (1 - step / total)
        pick = order[at * opt.batch : (at + 1) * opt.batch]
        # Each picture is mirrored every second epoch, not at random (arXiv 2404.00498): both views come equally often.
        mirror = mirrored[pick] ^ (step // steps_per_epoch % 2 == 1)
        rng = torch.Generator().manual_seed(opt.seed * 1_000_000 + step)
        images = augment(x[pick], mirror, rng, cutout=opt.cutout).to(opt.device)
        window.append(learn(model, images, y[pick].to(opt.device)))
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        spent = seconds + time.time() - began
        if step % 30 == 0:
            print(json.dumps({"step": step, "of": total, "loss": round(sum(window) / len(window), 4), "seconds": round(spent)}), flush=True)
            window.clear()
        if step % steps_per_epoch == 0 or step == total:
            epoch = step // steps_per_epoch
            if epoch % 4 == 0 or step == total:
                row = {f"{w}@{r}": accuracy(model, vx[:PEEK], vy[:PEEK], r, w) for w, r in ((0.5, 24), (0.5, 32), (1.0, 24), (1.0, 32))}
                log(opt.out, {"epoch": epoch, "seconds": round(spent), "validation_top1": row})
            keep(last, model, optimizers, step, spent, opt)

    settle(model, x.to(opt.device))
    save(model, "cifar10", int(y.max()) + 1, opt.out)


if __name__ == "__main__":
    main()
