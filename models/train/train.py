"""Trains SlimNet on a packed data set: python train.py --data DIR --out RUN. Resumes from RUN/last.pt by itself.

Sandwich rule over the widths (arXiv 1903.05134): a step trains width 1.0 and, every second time, width 0.5 on the same pictures,
each at its own randomly drawn resolution. Deep-to-shallow self-distillation (arXiv 1905.08094): every exit learns the labels and the last exit
of width 1.0. SGD with Nesterov momentum, learning rate linear to zero; the share of full-resolution steps grows over the run.
"""

import argparse
import json
import os
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from data import at_resolution, augment, load
from norms import settle
from slimnet import RESOLUTIONS, SlimNet

EXIT_WEIGHTS = (0.3, 0.4, 0.5, 1.0)
FADE = 0.6  # of the weight of the early exits, gone by the end: they shape the trunk first, the last exit at last (arXiv 1409.5185)
SLIM_EVERY = 2  # width 0.5 joins every second step: it learns faster than width 1.0, and a step without it is a third cheaper
SLIM_WEIGHT = 0.8  # what width 0.5 counts against width 1.0 in such a step
DISTIL = 0.5  # share of the teacher in the loss of every exit that has one
SMOOTHING = 0.1
PEEK = 1000  # validation pictures for the log; calibrate.py measures on all of them


def weights_at(done: float) -> tuple[float, ...]:
    """What each exit counts after this share of the run."""
    return tuple(weight * (1 - FADE * done) for weight in EXIT_WEIGHTS[:-1]) + EXIT_WEIGHTS[-1:]


def loss_of(
    logits: list[torch.Tensor], labels: torch.Tensor, teacher: torch.Tensor, is_teacher: bool, weights: tuple[float, ...]
) -> torch.Tensor:
    """Weighted over exits: cross-entropy, mixed with the divergence from the teacher's distribution."""
    target = F.softmax(teacher.detach(), dim=1)
    total = logits[0].new_zeros(())
    for i, (z, weight) in enumerate(zip(logits, weights)):
        hard = F.cross_entropy(z, labels, label_smoothing=SMOOTHING)
        if is_teacher and i == len(logits) - 1:
            total = total + weight * hard
        else:
            soft = F.kl_div(F.log_softmax(z, dim=1), target, reduction="batchmean")
            total = total + weight * ((1 - DISTIL) * hard + DISTIL * soft)
    return total


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


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", type=Path, required=True, help="folder with train.images, validation.images ...")
    args.add_argument("--out", type=Path, required=True, help="checkpoints and log go here")
    args.add_argument("--epochs", type=float, default=51)
    args.add_argument("--batch", type=int, default=128)
    args.add_argument("--lr", type=float, default=0.12)
    args.add_argument("--decay", type=float, default=5e-4, help="weight decay")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    opt = args.parse_args()

    torch.set_flush_denormal(True)
    torch.manual_seed(opt.seed)
    random.seed(opt.seed)
    rng = torch.Generator().manual_seed(opt.seed)
    opt.out.mkdir(parents=True, exist_ok=True)
    x, y = load(opt.data, "train", opt.out / "cache")
    vx, vy = (t.to(opt.device) for t in load(opt.data, "validation", opt.out / "cache"))
    mirrored = torch.rand(len(x), generator=torch.Generator().manual_seed(opt.seed)) < 0.5
    model = SlimNet(int(y.max()) + 1).to(opt.device).to(memory_format=torch.channels_last)
    gains = [p for p in model.parameters() if p.ndim == 1]
    kernels = [p for p in model.parameters() if p.ndim > 1]
    sgd = torch.optim.SGD(
        [{"params": kernels, "weight_decay": opt.decay}, {"params": gains, "weight_decay": 0.0}],
        lr=opt.lr, momentum=0.9, nesterov=True,
    )
    steps_per_epoch = len(x) // opt.batch
    total = int(opt.epochs * steps_per_epoch)
    step, seconds = 0, 0.0
    last = opt.out / "last.pt"
    if last.exists():
        held = torch.load(last, weights_only=False)
        model.load_state_dict(held["model"])
        sgd.load_state_dict(held["sgd"])
        rng.set_state(held["rng"])
        random.setstate(held["random"])
        step, seconds = held["step"], held["seconds"]
        print(f"resumed at step {step} of {total}", flush=True)

    began = time.time()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(opt.seed + step // steps_per_epoch))
    window: list[float] = []
    while step < total:
        at = step % steps_per_epoch
        if at == 0:
            order = torch.randperm(len(x), generator=torch.Generator().manual_seed(opt.seed + step // steps_per_epoch))
        done = step / total
        for group in sgd.param_groups:
            group["lr"] = opt.lr * min(1.0, (step + 1) / steps_per_epoch) * (1 - done)
        pick = order[at * opt.batch : (at + 1) * opt.batch]
        # Each picture is mirrored every second epoch, not at random (arXiv 2404.00498): both views come equally often.
        mirror = mirrored[pick] ^ (step // steps_per_epoch % 2 == 1)
        images, labels = augment(x[pick], mirror, rng).to(opt.device), y[pick].to(opt.device)
        full_share = 0.2 + 0.7 * done
        side = RESOLUTIONS[random.random() < full_share]
        slim_side = RESOLUTIONS[random.random() < 0.5]
        weights = weights_at(done)
        logits = model(at_resolution(images, side), 1.0)
        loss = loss_of(logits, labels, logits[-1], True, weights)
        loss.backward()
        if step % SLIM_EVERY == 0:
            slim = model(at_resolution(images, slim_side), 0.5)
            (SLIM_WEIGHT * loss_of(slim, labels, logits[-1], False, weights)).backward()
        sgd.step()
        sgd.zero_grad(set_to_none=True)
        window.append(loss.item())
        step += 1
        if step % 100 == 0:
            spent = seconds + time.time() - began
            print(json.dumps({"step": step, "of": total, "loss": round(sum(window) / len(window), 4), "seconds": round(spent)}), flush=True)
            window.clear()
        if step % steps_per_epoch == 0 or step == total:
            epoch = step // steps_per_epoch
            if epoch % 4 == 0 or step == total:
                row = {f"{w}@{r}": accuracy(model, vx[:PEEK], vy[:PEEK], r, w) for w, r in ((0.5, 24), (0.5, 32), (1.0, 24), (1.0, 32))}
                spent = seconds + time.time() - began
                line = json.dumps({"epoch": epoch, "seconds": round(spent), "validation_top1": row})
                print(line, flush=True)
                with (opt.out / "log.jsonl").open("a") as log:
                    log.write(line + "\n")
            state = {"model": model.state_dict(), "sgd": sgd.state_dict(), "rng": rng.get_state(), "random": random.getstate(),
                     "step": step, "seconds": seconds + time.time() - began}
            torch.save(state, opt.out / "last.tmp")
            os.replace(opt.out / "last.tmp", last)

    settle(model, x.to(opt.device))
    torch.save({"model": model.state_dict()}, opt.out / "final.pt")


if __name__ == "__main__":
    main()
