"""What a finished LiteNet says of every training picture, asked once and kept (distillation, arXiv 1503.02531)."""

import hashlib
import json
import os
from pathlib import Path

import torch

from data import at_resolution
from nets import finished


@torch.no_grad()
def taught_by(run: Path, x: torch.Tensor, side: int, kept: Path) -> torch.Tensor:
    """The logits of the last exit of a finished LiteNet at this side, [n, classes]; kept with the digest of its weights."""
    digest = f"{hashlib.sha256((run / 'final.pt').read_bytes()).hexdigest()} at {side}"
    if kept.exists():
        held = torch.load(kept, weights_only=True)
        if held["teacher"] == digest:
            return held["logits"]
    _, teacher = finished(run)
    teacher = teacher.to(x.device).to(memory_format=torch.channels_last)
    rows = []
    for i in range(0, len(x), 100):
        with torch.autocast(x.device.type, torch.bfloat16):
            seen = at_resolution(x[i : i + 100].float(), side).contiguous(memory_format=torch.channels_last)
            rows.append(teacher(seen)[-1].float())
        if i % 5000 == 0:
            print(json.dumps({"taught": i, "of": len(x)}), flush=True)
    logits = torch.cat(rows).cpu()
    torch.save({"teacher": digest, "logits": logits}, kept.with_suffix(".tmp"))
    os.replace(kept.with_suffix(".tmp"), kept)
    return logits
