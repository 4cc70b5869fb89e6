"""What a finished LiteNet says of every training picture, asked once and kept (distillation, arXiv 1503.02531)."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import torch

from checkpoint import whole
from crops import cut, view_of
from data import at_resolution
from nets import finished

BATCH = 100
# Float pixels [n, 3, side, side], 0..255 -> logits of the last exit [n, classes], both in the processor's memory.
Ask = Callable[[torch.Tensor], torch.Tensor]


def of_run(run: Path, device: str) -> Ask:
    """A run's final.pt, in bfloat16 on this device."""
    _, net = finished(run)
    net = net.to(device).to(memory_format=torch.channels_last)

    def ask(pixels: torch.Tensor) -> torch.Tensor:
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            return net(pixels.contiguous(memory_format=torch.channels_last).to(device))[-1].float().cpu()

    return ask


def of_graphs(stages: list[Path]) -> Ask:
    """The stage graphs of a rung as the gateway serves it, shallow to deep, each fed with the features of the one before; in floats."""
    import onnxruntime

    sessions = [onnxruntime.InferenceSession(stage) for stage in stages]

    def ask(pixels: torch.Tensor) -> torch.Tensor:
        x = pixels.round().byte().permute(0, 2, 3, 1).contiguous().numpy()
        for session in sessions:
            x, *_ = answers = session.run(None, {session.get_inputs()[0].name: x})
        return torch.from_numpy(answers[-1])

    return ask


@torch.no_grad()
def taught_by(teacher: list[Path], x: torch.Tensor, side: int, views: int, kept: Path, device: str) -> torch.Tensor:
    """
    What the teacher, a run's folder or the files of stage graphs, says at this side of x [n, 3, h, w] uint8: logits of its last exit,
    [n, views, classes], of these views of each picture (crops.py), or of the whole picture, [n, 1, classes], if `views` is 0. Pictures and
    answers stay with the processor, which alone resizes bytes; `device` is where a run is asked. Kept with the digest of weights and pictures.
    """
    run = len(teacher) == 1 and teacher[0].is_dir()
    digest = hashlib.sha256(x.numpy())
    for file in [teacher[0] / "final.pt"] if run else teacher:
        digest.update(file.read_bytes())
    name = f"{digest.hexdigest()} at {side}, {views} views"
    if kept.exists():
        held = torch.load(kept, weights_only=True)
        if held["teacher"] == name:
            return held["logits"]
    ask = of_run(teacher[0], device) if run else of_graphs(teacher)
    rows = []
    for i in range(0, len(x), BATCH):
        pictures = x[i : i + BATCH]
        boxes = [[view_of(x.shape[-1], i + k, view) for k in range(len(pictures))] for view in range(views)]
        shown = [cut(pictures, each, side).float() for each in boxes] or [at_resolution(pictures.float(), side)]
        rows.append(torch.stack([ask(pixels) for pixels in shown], dim=1))
        if i % 5000 == 0:
            print(json.dumps({"taught": i, "of": len(x)}), flush=True)
    logits = torch.cat(rows)
    with whole(kept) as out:
        torch.save({"teacher": name, "logits": logits}, out)
    return logits
