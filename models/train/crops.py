"""Augmentation for photographs: random crops resized to the side of a rung, mirrored, with colour jitter."""

import random

import torch


def crops(x: torch.Tensor, side: int, rng: random.Random, least: float = 0.55) -> torch.Tensor:
    """
    x [n, 3, s, s] uint8 -> [n, 3, side, side] float 0..255. Each picture keeps at least `least` of its area in a crop whose aspect ratio
    lies between 4:5 and 5:4 (as in arXiv 1409.4842, but milder: these pictures are small).
    """
    s, out = x.shape[-1], []
    x = x.contiguous(memory_format=torch.channels_last)  # bytes in this order are what torch resizes fastest
    for picture in x:
        area, ratio = rng.uniform(least, 1.0), rng.uniform(0.8, 1.25) ** 0.5
        h = max(8, min(s, round(s * area**0.5 / ratio)))
        w = max(8, min(s, round(s * area**0.5 * ratio)))
        top, left = rng.randint(0, s - h), rng.randint(0, s - w)
        piece = torch.nn.functional.interpolate(
            picture[None, :, top : top + h, left : left + w], size=(side, side), mode="bicubic", antialias=True
        )
        out.append(piece.flip(3) if rng.random() < 0.5 else piece)
    return jitter(torch.cat(out).float(), rng)


def jitter(x: torch.Tensor, rng: random.Random, strength: float = 0.25) -> torch.Tensor:
    """Brightness, contrast and saturation of each picture times up to 1 +- strength; clamped to 0..255."""
    draw = lambda: torch.tensor([rng.uniform(1 - strength, 1 + strength) for _ in range(len(x))]).view(-1, 1, 1, 1)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw()
    mean = x.mean((1, 2, 3), keepdim=True)
    return ((mean + (x - mean) * draw()) * draw()).clamp(0, 255)
