"""Trains the scout of photo200, a SlimNet that learns from LiteNet: python train_scout.py --data DIR --teacher LITE_RUN --out RUN

Distillation (arXiv 1503.02531): every exit of both widths learns the labels and what the finished LiteNet says of the picture, which is
asked once per picture and kept in RUN/teacher.pt. Kernels learn with Muon, the rest with AdamW. Resumes from RUN/last.pt by itself.
"""

import random
import time
from pathlib import Path

import torch

from checkpoint import keep, resumed
from crops import box_of, crops
from losses import exits_loss
from nets import save
from norms import settle
from runs import begin, log, options, order_of, steps_of
from slimnet import SCOUT, SlimNet
from teacher import taught_by
from train import accuracy, chunks, optimizers_of

EXIT_WEIGHTS = (0.4, 0.6, 1.0)
SLIM = 0.5  # share of a batch that width 0.5 sees too
SLIM_WEIGHT = 0.5
DISTIL = 0.7  # share of the teacher
TEACHER_SIDE = 96  # there it knows twice what a scout can, in a third of the time of 160 px
PEEK = 1000  # pictures for the log
(SIDE,) = SCOUT.resolutions


def learn(model: SlimNet, images: torch.Tensor, labels: torch.Tensor, teacher: torch.Tensor) -> float:
    """Adds the gradients of one batch; returns the loss of width 1.0 per picture."""
    shown, n, slim = 0.0, len(images), int(len(images) * SLIM)
    for part in chunks(0, n):
        loss = exits_loss(model(images[part], 1.0), labels[part], teacher[part], EXIT_WEIGHTS, DISTIL) / n
        loss.backward()
        shown += loss.item()
    for part in chunks(n - slim, n):
        loss = exits_loss(model(images[part], 0.5), labels[part], teacher[part], EXIT_WEIGHTS, DISTIL)
        (SLIM_WEIGHT * loss / slim).backward()
    return shown


def main() -> None:
    args = options(__doc__, epochs=6, batch=500)
    args.add_argument("--teacher", type=Path, required=True, help="run of train_lite.py")
    args.add_argument("--lr", type=float, default=0.05, help="of the kernels (Muon)")
    args.add_argument("--adam-lr", type=float, default=0.003, help="of everything else")
    opt = args.parse_args()

    x, y, vx, vy = begin(opt, "val")
    steps_per_epoch, total = steps_of(len(x), opt)
    classes = int(y.max()) + 1
    model = SlimNet(classes, SCOUT).to(opt.device).to(memory_format=torch.channels_last)
    optimizers = optimizers_of(model, opt.lr, 0.9, opt.adam_lr)
    last = opt.out / "last.pt"
    step, seconds = resumed(last, model, optimizers, opt)
    taught = taught_by([opt.teacher], x, TEACHER_SIDE, 0, opt.out / "teacher.pt", opt.device)

    began, window = time.time(), []
    while step < total:
        rng = random.Random(f"{opt.seed} {step}")
        epoch, at = divmod(step, steps_per_epoch)
        order = order_of(len(x), opt.seed, epoch)
        for optimizer, lr in zip(optimizers, (opt.lr, opt.adam_lr)):
            for group in optimizer.param_groups:
                group["lr"] = lr * min(1.0, (step + 1) / 50) * (1 - step / total)
        pick = order[at * opt.batch : (at + 1) * opt.batch]
        images = crops(x[pick], [box_of(x.shape[-1], rng) for _ in pick], SIDE, rng).to(opt.device)
        window.append(learn(model, images, y[pick].to(opt.device), taught[pick, 0].to(opt.device)))
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        spent = seconds + time.time() - began
        if step % steps_per_epoch == 0 or step == total:
            row = {width: accuracy(model, vx[:PEEK], vy[:PEEK], SIDE, width) for width in (0.5, 1.0)}
            loss = round(sum(window) / len(window), 4)
            log(opt.out, {"epoch": step // steps_per_epoch, "seconds": round(spent), "loss": loss, "val_top1": row})
            window.clear()
            keep(last, model, optimizers, step, spent, opt)

    settle(model, x.to(opt.device))
    save(model, "scout", classes, opt.out)


if __name__ == "__main__":
    main()
