"""Averages two trainings of one LiteNet and fits its first exits again: python soup.py --size lite0 --of RUN --with RUN2 --data DIR --out SOUP

Two networks that began with the same weights can be averaged, weight by weight, and the mean is right more often than either (model soups,
arXiv 2203.05482): here after each batch norm is multiplied in. The heads of the first exits did not begin with the same weights: they are
those of --of, and then learn on what the averaged network gives them: 30 % labels and 70 % what its own last exit says (arXiv 1905.08094), while
all else stays. Views as in distil.py. Gives SOUP/final.pt.
"""

import copy
import json
import time
from pathlib import Path

import torch
import torch.nn as nn

from distil import Pupil, loss_of, maps_of
from lite import LITES, Conv, LiteNet, classes_of
from nets import finished, save
from plain import PlainConv
from readback import network
from runs import begin, log, options, passed
from train_lite import PEEK, answers, keep_statistics, right
from views import draw, labelled, one_of, shown

SIDES, SHARES = (128, 96, 160, 64), (0.45, 0.25, 0.2, 0.1)


@torch.no_grad()
def averaged(model: LiteNet, other: LiteNet, share: float) -> LiteNet:
    """A copy of `model`, of which `other` is a plain_lite: `share` of its own weights and the rest of the other's, but for the first exits."""
    mean = copy.deepcopy(model).eval()
    parts = lambda net, kind: [part for part in (*net.stem.modules(), *net.blocks.modules(), *net.heads[-1].modules()) if isinstance(part, kind)]
    for part, theirs in zip(parts(mean, Conv), parts(other, PlainConv), strict=True):
        norm = part.norm
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        part.conv.weight.lerp_(theirs.conv.weight / scale[:, None, None, None], 1 - share)
        norm.bias.lerp_(theirs.conv.bias + norm.running_mean * scale, 1 - share)
    for mine, theirs in zip(mean.heads[-1].classifier.parameters(), other.heads[-1].classifier.parameters()):
        mine.lerp_(theirs, 1 - share)
    return mean


def main() -> None:
    args = options(__doc__, None, batch=64)
    args.add_argument("--size", choices=LITES, required=True)
    args.add_argument("--of", type=Path, required=True, help="finished run; the heads of its first exits are kept")
    args.add_argument("--with", type=Path, nargs="+", required=True, dest="other", help="finished run, or stage graphs of a rung")
    args.add_argument("--share", type=float, default=0.7, help="of the run in the mean")
    args.add_argument("--minutes", type=float, default=8)
    args.add_argument("--steps", type=int, help="in place of minutes")
    args.add_argument("--lr", type=float, default=2e-4, help="of the heads")
    args.add_argument("--distil", type=float, default=0.7, help="share of the last exit in what the others learn")
    args.add_argument("--held-out", default="val", help="split for the log")
    opt = args.parse_args()
    x, y, vx, vy = (t.to(opt.device) for t in begin(opt, opt.held_out))
    classes = len(classes_of(opt.data))
    model = averaged(finished(opt.of)[1], network(opt.other, opt.size, classes), opt.share)
    model = model.to(opt.device).to(memory_format=torch.channels_last)
    heads = nn.ModuleList(model.heads[:-1])
    pupil = Pupil([(list(heads.parameters()), opt.lr)], 0.02)
    rng, dice = (torch.Generator(device).manual_seed(opt.seed) for device in (opt.device, "cpu"))
    keep_statistics(heads)
    began, part, step, losses = time.time(), 0.0, 0, []
    while part < 1:
        views = draw(torch.randint(len(x), (opt.batch,), device=opt.device, generator=rng), x.shape[-1], 0.5, rng)
        rows = torch.arange(opt.batch, device=opt.device)
        maps, last = maps_of(model, shown(x, views, rows, one_of(SIDES, SHARES, dice)))
        logits = [head(each) for head, each in zip(heads, maps)]
        target = torch.lerp(labelled(y, views, rows, classes), last.softmax(1), opt.distil)
        loss = loss_of(logits, target, [1.0] * len(logits))
        step += 1
        part = passed(opt, step, began)
        pupil.step(loss, part)
        losses.append(loss.item())
        if step % 100 == 0:
            print(json.dumps({"step": step, "seconds": round(time.time() - began), "loss": round(sum(losses) / len(losses), 4)}), flush=True)
            losses.clear()
    save(model, opt.size, classes, opt.out)
    log(opt.out, {"step": step, "lite0": {side: right(answers(model, vx[:PEEK], side), vy[:PEEK]) for side in sorted(SIDES)}})


if __name__ == "__main__":
    main()
