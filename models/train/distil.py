"""Trains lite0 long against lite2, and new exits of lite2 beside it: python distil.py --data DIR --teacher LITE2 --out RUN --minutes 9
Resumes from RUN/last.pt.

For an accelerator. Patient and consistent (arXiv 2106.05237): both networks see the very same view (views.py), crops of 30 to 100 % of the picture,
half of them mixed with another picture's, at resolutions of their own; views are never used up. All of lite0 learns, but for the statistics of
its batch norms, which makes one network fit every resolution. What lite2 itself answers stays as it is: only the heads of its first
exits are new, and learn what its last one says. The rate of learning falls to zero as the minutes, or --steps, run out.

--teacher takes a finished run of lite2, or its stage graphs in floats, as they are served. Gives RUN/lite0/final.pt and RUN/lite2/final.pt.
"""

import copy
import time
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from checkpoint import keep, resumed
from lite import LITES, ExitHead, LiteNet, classes_of, pretrained
from nets import save
from plain import plain_lite
from readback import network
from runs import begin, log, options, passed
from train_lite import answers, keep_statistics, measure_heads, right
from views import draw, labelled, one_of, shown

SIDES, SHARES = (128, 96, 160, 64), (0.5, 0.2, 0.22, 0.08)  # of lite0's steps
TEACHER_SIDES, TEACHER_SHARES = (224, 192), (0.75, 0.25)
EXIT_WEIGHT = 0.3  # of every exit but the last, which has 1
WARM = 0.03  # share of the time in which the rate of learning rises
CHUNK = 30  # batches that the teacher is asked of at once


class Pupil:
    """A network and what it learns with: the rate of each group of parameters is its own one times what is left of the time."""

    def __init__(self, groups: list[tuple[list[nn.Parameter], float]], decay: float):
        self.adam = torch.optim.AdamW([{"params": group, "rate": rate} for group, rate in groups], weight_decay=decay)

    def step(self, loss: torch.Tensor, part: float) -> None:
        """`part`: of the time that has passed."""
        groups = self.adam.param_groups
        for group in groups:
            group["lr"] = group["rate"] * min(1.0, part / WARM + 0.01) * (1 - part)
        loss.backward()
        nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], 2.0)
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)


def loss_of(logits: list[torch.Tensor], target: torch.Tensor, weights: list[float]) -> torch.Tensor:
    """Cross-entropy of every exit with the distribution `target` [n, classes], weighted, mean over pictures."""
    return sum(weight * F.cross_entropy(z.float(), target) for z, weight in zip(logits, weights))


def new_heads(size: str, teacher: LiteNet, classes: int) -> nn.ModuleList:
    """Untrained heads for all exits of this network but its last."""
    heads = [ExitHead(teacher.blocks[at].convs[-1].conv.out_channels, channels, classes) for at, channels in LITES[size].exits]
    return nn.ModuleList(heads)


@torch.no_grad()
def maps_of(model: LiteNet, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The maps from which each exit but the last leaves, and the logits of the last."""
    x, maps = model.shallow(x, 0), []
    for at, block in enumerate(model.blocks):
        x = block(x)
        if at in model.ends[:-1]:
            maps.append(x)
    return maps, model.heads[-1](x)


def with_heads(teacher: LiteNet, heads: nn.ModuleList) -> LiteNet:
    """A copy of the teacher that exits through these heads on the way."""
    whole = copy.deepcopy(teacher)
    whole.heads = nn.ModuleList([*plain_lite(copy.deepcopy(heads).eval()), whole.heads[-1]])
    return whole


def main() -> None:
    args = options(__doc__, None, batch=512)
    args.add_argument("--teacher", type=Path, nargs="+", required=True, help="finished run of lite2, or its stage graphs in floats, shallow to deep")
    args.add_argument("--minutes", type=float, default=9)
    args.add_argument("--steps", type=int, help="of lite0, in place of minutes")
    args.add_argument("--looks", type=int, default=2, help="how often lite0 sees each view, at resolutions drawn anew")
    args.add_argument("--mixed", type=float, default=0.5, help="share of the views that are mixed")
    args.add_argument("--distil", type=float, default=0.85, help="share of the teacher in what is learned; the rest are labels")
    args.add_argument("--lr", type=float, default=1e-3, help="of lite0")
    args.add_argument("--head-lr", type=float, default=3e-3, help="of all heads")
    args.add_argument("--decay", type=float, default=0.02, help="weight decay")
    args.add_argument("--held-out", default="val", help="split for the log")
    opt = args.parse_args()
    x, y, vx, vy = (t.to(opt.device) for t in begin(opt, opt.held_out))
    names = classes_of(opt.data)
    on = lambda net: net.to(opt.device).to(memory_format=torch.channels_last)
    teacher = on(network(opt.teacher, "lite2", len(names))).eval().requires_grad_(False)
    heads, student = on(new_heads("lite2", teacher, len(names))), on(pretrained(names, LITES["lite0"]))
    trunk = [p for part in (student.stem, student.blocks) for p in part.parameters()]
    pupil = Pupil([(trunk, opt.lr), (list(student.heads.parameters()), opt.head_lr)], opt.decay)
    aside = Pupil([(list(heads.parameters()), opt.head_lr)], opt.decay)
    pair, last = nn.ModuleDict({"lite0": student, "exits": heads}), opt.out / "last.pt"
    steps, seconds = resumed(last, pair, [pupil.adam, aside.adam], opt)
    if steps == 0:
        measure_heads(student, x[torch.randperm(len(x))[: 64 * 3 * len(student.rungs)]])
    keep_statistics(student)
    weights = [EXIT_WEIGHT] * (len(student.heads) - 1) + [1.0]
    dear = max(TEACHER_SIDES)
    halves = lambda: torch.autocast(opt.device, torch.bfloat16, opt.device == "cuda")  # a processor may be slow at it
    with halves():
        full = answers(teacher, vx, dear)[-1]

    rng, dice = (torch.Generator(device).manual_seed(opt.seed + steps) for device in (opt.device, "cpu"))
    began, spent, told = time.time() - seconds, {"teacher": 0.0, "lite0": 0.0}, 0
    over = lambda: passed(opt, steps, began)
    wait = torch.cuda.synchronize if opt.device == "cuda" else lambda: None
    while over() < 1:
        before = over()
        views = draw(torch.randint(len(x), (CHUNK * opt.batch,), device=opt.device, generator=rng), x.shape[-1], opt.mixed, rng)
        rows = torch.arange(CHUNK * opt.batch, device=opt.device)
        clock, targets, losses = time.time(), [], []
        for some in rows.split(opt.batch):
            with torch.autocast(opt.device, torch.bfloat16):
                maps, said = maps_of(teacher, shown(x, views, some, one_of(TEACHER_SIDES, TEACHER_SHARES, dice)))
                logits = [head(each) for head, each in zip(heads, maps)]
            target = torch.lerp(labelled(y, views, some, len(names)), said.float().softmax(1), opt.distil)
            targets.append(target)
            aside.step(loss_of(logits, target, [1.0] * len(logits)), over())
        wait()
        spent["teacher"] += time.time() - clock
        targets, clock = torch.cat(targets), time.time()
        for _ in range(opt.looks):
            for some in torch.randperm(len(rows), device=opt.device, generator=rng).split(opt.batch):
                images = shown(x, views, some, one_of(SIDES, SHARES, dice))
                with torch.autocast(opt.device, torch.bfloat16):
                    logits = student(images)
                loss = loss_of(logits, targets[some], weights)
                pupil.step(loss, over())
                losses.append(loss.detach())
                steps += 1
        wait()
        spent["lite0"] += time.time() - clock
        if over() - before > 0.2:
            share = f"{100 * (over() - before):.0f} % of the training"
            print(f"one round took {share}, in which the rate of learning falls to zero: ask for more --minutes or --steps", flush=True)
        if over() * 12 >= told or over() == 1:
            told = int(over() * 12) + 1
            lite2 = with_heads(teacher, heads)
            with halves():
                said = {side: answers(student, vx, side) for side in sorted(SIDES)[1:]}
                said2 = answers(lite2, vx, dear)
            lite0 = [{"side": side, "top1": right(each, vy), "agree": right(each[-1:], full)[0]} for side, each in said.items()]
            top1 = {"lite0": lite0, "lite2": right(said2, vy)}
            took = {"all": round(time.time() - began), **{name: round(each) for name, each in spent.items()}}
            log(opt.out, {"step": steps, "seconds": took, "loss": round(torch.stack(losses).mean().item(), 4), **top1})
            keep(last, pair, [pupil.adam, aside.adam], steps, time.time() - began, opt)
            for size, net, plain in (("lite0", student, False), ("lite2", lite2, True)):
                (opt.out / size).mkdir(exist_ok=True)
                save(net, size, len(names), opt.out / size, plain)
            keep_statistics(student)


if __name__ == "__main__":
    main()
