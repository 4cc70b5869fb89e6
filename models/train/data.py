"""CIFAR-10-style packed data sets -> tensors, and the augmentation used in training.

A split is `SPLIT.images` (JPEG bytes end to end) and `SPLIT.index` (20-byte little-endian records: offset, length, label,
header, source; header k > 0 means the JPEG starts with the bytes of `header-k.bin`). Its pictures are in random order: whoever wants some
takes the first ones. `pack.py` writes such files.
"""

import io
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from checkpoint import whole


def jpegs(folder: Path, split: str) -> list[tuple[bytes, int]]:
    """All pictures of a split as (jpeg bytes, label)."""
    images = (folder / f"{split}.images").read_bytes()
    heads: dict[int, bytes] = {0: b""}
    rows = []
    for offset, length, label, head, _source in struct.iter_unpack("<5I", (folder / f"{split}.index").read_bytes()):
        if head not in heads:
            heads[head] = (folder / f"header-{head}.bin").read_bytes()
        rows.append((heads[head] + images[offset : offset + length], label))
    return rows


def stamp(folder: Path, split: str) -> str:
    """Another one after the split was written again, or of another folder of the same name."""
    files = [(folder / f"{split}.{part}").stat() for part in ("images", "index")]
    return " ".join(f"{file.st_size} {file.st_mtime_ns}" for file in files)


def load(folder: Path, split: str, cache: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels [n, 3, h, w] uint8 and labels [n] int64, kept in the folder `cache`; every picture of the split must have one size."""
    file, of = cache / f"{folder.name}-{split}.npz", stamp(folder, split)
    if file.exists():
        held = np.load(file)
        if str(held.get("of")) == of:
            return torch.from_numpy(held["x"]), torch.from_numpy(held["y"])
    rows = jpegs(folder, split)
    x = np.stack([np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")) for jpeg, _ in rows])
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    y = np.array([label for _, label in rows], dtype=np.int64)
    cache.mkdir(parents=True, exist_ok=True)
    with whole(file) as out:
        np.savez(out, x=x, y=y, of=of)
    return torch.from_numpy(x), torch.from_numpy(y)


def augment(x: torch.Tensor, mirror: torch.Tensor, rng: torch.Generator, pad: int = 4, cutout: int = 8) -> torch.Tensor:
    """Random translation (reflected border) and a grey square; x is [n, 3, s, s] uint8, `mirror` [n] bool; the result float 0..255."""
    n, _, side, _ = x.shape
    padded = F.pad(x.float(), (pad,) * 4, mode="reflect")
    dy = torch.randint(0, 2 * pad + 1, (n, 1), generator=rng)
    dx = torch.randint(0, 2 * pad + 1, (n, 1), generator=rng)
    line = torch.arange(side)
    columns = torch.where(mirror[:, None], line.flip(0), line) + dx
    rows = line + dy
    out = padded[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if cutout > 0:
        cy = torch.randint(0, side, (n, 1), generator=rng)
        cx = torch.randint(0, side, (n, 1), generator=rng)
        hole = ((line - cy).abs() < cutout // 2)[:, None, :, None] & ((line - cx).abs() < cutout // 2)[:, None, None, :]
        hole = hole & (torch.rand(n, 1, 1, 1, generator=rng) < 0.5)
        out = torch.where(hole, torch.tensor(120.0), out)
    return out


def at_resolution(x: torch.Tensor, side: int) -> torch.Tensor:
    """Bicubic, antialiased: the kernel that the gateway asks libvips for (`cubic`)."""
    if x.shape[-1] == side:
        return x
    return F.interpolate(x, size=(side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)
