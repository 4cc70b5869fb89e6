"""Augmentation for photographs: random crops resized to the side of a rung, mirrored, with colour jitter."""

import random

import torch


Box = tuple[int, int, int, int]  # top, left, height, width


def box_of(s: int, rng: random.Random, least: float = 0.55) -> Box:
    """
    A box in a picture of s x s pixels: at least `least` of its area, with an aspect ratio between 4:5 and 5:4 (as in arXiv 1409.4842, but
    milder: these pictures are small).
    """
    area, ratio = rng.uniform(least, 1.0), rng.uniform(0.8, 1.25) ** 0.5
    h = max(8, min(s, round(s * area**0.5 / ratio)))
    w = max(8, min(s, round(s * area**0.5 * ratio)))
    return rng.randint(0, s - h), rng.randint(0, s - w), h, w


def view_of(s: int, picture: int, view: int) -> Box:
    """The box of one view of a picture: always the same, so that what a teacher said of it can be kept."""
    return box_of(s, random.Random(f"picture {picture} view {view}"))


def cut(x: torch.Tensor, boxes: list[Box], side: int) -> torch.Tensor:
    """x [n, 3, s, s] uint8, a box of each -> [n, 3, side, side] uint8."""
    x = x.contiguous(memory_format=torch.channels_last)  # bytes in this order are what torch resizes fastest
    resize = lambda piece: torch.nn.functional.interpolate(piece, size=(side, side), mode="bicubic", antialias=True)
    return torch.cat([resize(picture[None, :, top : top + h, left : left + w]) for picture, (top, left, h, w) in zip(x, boxes)])


def crops(x: torch.Tensor, boxes: list[Box], side: int, rng: random.Random) -> torch.Tensor:
    """x [n, 3, s, s] uint8 -> [n, 3, side, side] float 0..255: each picture's box, mirrored or not, with colour jitter."""
    pieces = cut(x, boxes, side)
    mirrored = torch.tensor([rng.random() < 0.5 for _ in boxes])
    return jitter(torch.where(mirrored[:, None, None, None], pieces.flip(3), pieces).float(), rng)


def jitter(x: torch.Tensor, rng: random.Random, strength: float = 0.25) -> torch.Tensor:
    """Brightness, contrast and saturation of each picture times up to 1 +- strength; clamped to 0..255."""
    draw = lambda: torch.tensor([rng.uniform(1 - strength, 1 + strength) for _ in range(len(x))]).view(-1, 1, 1, 1)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw()
    mean = x.mean((1, 2, 3), keepdim=True)
    return ((mean + (x - mean) * draw()) * draw()).clamp(0, 255)
