"""Fine-tunes LiteNet, the dear backbones of photo200: python train_lite.py --size lite0 --data DIR --out RUN. Resumes from RUN/last.pt.

Starts from ImageNet weights, or from a finished run (--start). The first blocks stay as they are (their features are general, and their
large maps are what training costs most on a processor); so do all depthwise kernels (their gradients cost more than all others together)
and the statistics of all batch norms, which makes one network fit every resolution. Convolutions run in bfloat16. Each step draws a
resolution. Every exit learns the labels and the last exit (self-distillation, arXiv 1905.08094), or, with --teacher, what a finished run,
or the stage graphs of a rung that is served, say of the picture at a dear resolution: that brings cheap exits and small resolutions nearer
to it. With --views both see the same crop, as many of each picture (a consistent teacher, arXiv 2106.05237). AdamW, learning rate linear to zero.
"""

import json
import random
import time
from pathlib import Path

import torch
import torch.nn as nn

from checkpoint import keep, resumed
from crops import box_of, crops, view_of
from data import at_resolution
from lite import LITES, LiteNet, classes_of, pretrained
from losses import exits_loss
from nets import save
from runs import begin, log, options, order_of, steps_of
from teacher import taught_by

PEEK = 1000  # pictures for the log


def learned(model: LiteNet) -> list[nn.Parameter]:
    """The parameters of the trunk that learn; all others are fixed. New heads learn whole."""
    for part in (model.stem, *model.blocks[: model.general]):
        part.requires_grad_(False)
    for block in model.blocks[model.general :]:
        for conv in block.convs:
            conv.requires_grad_(conv.conv.groups == 1)
    return [p for p in model.blocks.parameters() if p.requires_grad]


def keep_statistics(model: nn.Module) -> None:
    """Training mode for the dropout, not for the batch norms."""
    model.train()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()


@torch.no_grad()
def measure_heads(model: LiteNet, x: torch.Tensor) -> None:
    """Statistics for the batch norms of the new heads, over all resolutions."""
    norms = [part for head in model.heads[:-1] for part in head.modules() if isinstance(part, nn.BatchNorm2d)]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for i, (_, side) in enumerate(model.rungs * 3):
        rows = x[i * 64 : (i + 1) * 64].float()
        model(at_resolution(rows, side))


@torch.no_grad()
def answers(model: LiteNet, x: torch.Tensor, side: int) -> torch.Tensor:
    """The class that every exit names of every picture, [exits, n], in the precision that the caller has set."""
    model.eval()
    served = (at_resolution(rows.float(), side).round().contiguous(memory_format=torch.channels_last) for rows in x.split(100))
    return torch.cat([torch.stack([z.argmax(1) for z in model(rows)]) for rows in served], 1)


def right(said: torch.Tensor, y: torch.Tensor) -> list[float]:
    """Percent of the answers [exits, n] that are y [n], by exit."""
    return [round(100 * hits / len(y), 2) for hits in (said == y).sum(1).tolist()]


def accuracy(model: LiteNet, x: torch.Tensor, y: torch.Tensor, side: int) -> list[float]:
    """Top-1 of every exit, in percent, in bfloat16."""
    with torch.autocast(x.device.type, torch.bfloat16):
        return right(answers(model, x, side), y)


def main() -> None:
    args = options(__doc__, epochs=3, batch=64)
    args.add_argument("--size", choices=LITES, default="lite0")
    args.add_argument("--start", type=Path, help="finished run to start from, instead of ImageNet weights")
    args.add_argument("--teacher", type=Path, nargs="+", help="finished run, or stage graphs, to learn from; asked once, kept in RUN/teacher.pt")
    args.add_argument("--teacher-side", type=int, default=224, help="resolution at which the teacher is asked")
    args.add_argument("--views", type=int, default=0, help="crops of every picture that the teacher is asked of; 0: of whole pictures")
    args.add_argument("--distil", type=float, default=0.7, help="share of the teacher, or of the last exit, in what an exit learns")
    args.add_argument("--shares", type=float, nargs="+", required=True, help="of the steps, by resolution of the network")
    args.add_argument("--exit-weight", type=float, default=0.5, help="of every exit but the last, which has 1")
    args.add_argument("--held-out", default="val", help="split for the log")
    args.add_argument("--log-sides", type=int, nargs="+", help="resolutions for the log; the dearest that learns if missing")
    args.add_argument("--lr", type=float, default=5e-4, help="of the network")
    args.add_argument("--head-lr", type=float, default=2e-3, help="of the heads")
    args.add_argument("--decay", type=float, default=0.02, help="weight decay")
    opt = args.parse_args()
    size = LITES[opt.size]
    if len(opt.shares) != len(size.sides):
        args.error(f"--shares: {len(opt.shares)} numbers; {opt.size} has the resolutions {', '.join(map(str, size.sides))}")
    opt.log_sides = opt.log_sides or [side for side, share in zip(size.sides, opt.shares) if share][-1:]

    x, y, vx, vy = begin(opt, opt.held_out)
    steps_per_epoch, total = steps_of(len(x), opt)
    classes = classes_of(opt.data)
    model = pretrained(classes, size).to(opt.device).to(memory_format=torch.channels_last)
    if opt.start is not None:
        model.load_state_dict(torch.load(opt.start / "final.pt", weights_only=True, map_location=opt.device)["model"])
    adam = torch.optim.AdamW(
        [{"params": learned(model), "lr": opt.lr}, {"params": list(model.heads.parameters()), "lr": opt.head_lr}], weight_decay=opt.decay
    )
    last = opt.out / "last.pt"
    step, seconds = resumed(last, model, [adam], opt)
    taught = None if opt.teacher is None else taught_by(opt.teacher, x, opt.teacher_side, opt.views, opt.out / "teacher.pt", opt.device)
    if step == 0 and opt.start is None:
        measure_heads(model, x.to(opt.device))

    exit_weights = (*[opt.exit_weight] * (len(model.heads) - 1), 1.0)
    began, window, order = time.time(), [], None
    keep_statistics(model)
    while step < total:
        rng = random.Random(f"{opt.seed} {step}")
        torch.manual_seed(opt.seed * 1_000_000 + step)  # of the heads' dropout
        epoch, at = divmod(step, steps_per_epoch)
        if at == 0 or order is None:
            order = order_of(len(x), opt.seed, epoch)
        for group, lr in zip(adam.param_groups, (opt.lr, opt.head_lr)):
            group["lr"] = lr * min(1.0, (step + 1) / 200) * (1 - step / total)
            group["weight_decay"] = opt.decay
        pick = order[at * opt.batch : (at + 1) * opt.batch]
        side = rng.choices(size.sides, opt.shares)[0]
        view = epoch % max(1, opt.views)
        boxes = [view_of(x.shape[-1], i, view) if opt.views else box_of(x.shape[-1], rng) for i in pick.tolist()]
        images, labels = crops(x[pick], boxes, side, rng).to(opt.device), y[pick].to(opt.device)
        with torch.autocast(opt.device, torch.bfloat16):
            with torch.no_grad():
                features = model.shallow(images.contiguous(memory_format=torch.channels_last), model.general)
            logits = [z.float() for z in model.deep(features, model.general)]
        teacher = logits[-1] if taught is None else taught[pick, view].to(opt.device)
        loss = exits_loss(logits, labels, teacher, exit_weights, opt.distil) / len(pick)
        loss.backward()
        adam.step()
        adam.zero_grad(set_to_none=True)
        window.append(loss.item())
        step += 1
        spent = seconds + time.time() - began
        if step % 50 == 0:
            print(json.dumps({"step": step, "of": total, "loss": round(sum(window) / len(window), 4), "seconds": round(spent)}), flush=True)
            window.clear()
        if step % 500 == 0 or step == total:
            top1 = {side: accuracy(model, vx[:PEEK], vy[:PEEK], side) for side in opt.log_sides}
            log(opt.out, {"step": step, "seconds": round(spent), "top1": top1})
            keep(last, model, [adam], step, spent, opt)
            keep_statistics(model)

    save(model, opt.size, len(classes), opt.out)


if __name__ == "__main__":
    main()
