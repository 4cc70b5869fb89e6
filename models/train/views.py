"""Views of pictures, whole batches at once: what `crops` does picture by picture, in matrix products, for an accelerator; and mixed (arXiv 1710.09412).

A view is drawn once and can be looked at in any resolution: what a teacher says of it at a dear one is what a student learns at a cheap one.
"""

from dataclasses import dataclass, fields

import torch

LEAST = 0.3  # of a picture's area
STRETCH = 4 / 3  # largest aspect ratio
JITTER = 0.25


@dataclass(frozen=True)
class Views:
    """Of n pictures, all [n, ...]: `box` top, left, height, width in pixels; `colour` factors of saturation, contrast, brightness; the rest says itself."""

    picture: torch.Tensor  # which
    box: torch.Tensor
    mirrored: torch.Tensor
    colour: torch.Tensor
    partner: torch.Tensor  # row of the view that it is mixed with
    share: torch.Tensor  # its own share in the mixture, 0.5 to 1

    def __getitem__(self, rows: torch.Tensor) -> "Views":
        return Views(*(getattr(self, field.name)[rows] for field in fields(self)))


def draw(pictures: torch.Tensor, size: int, mixed: float, rng: torch.Generator) -> Views:
    """One view of each of `pictures` (rows of the data), which are size x size; a share `mixed` of them with another one's view."""
    n, device = len(pictures), pictures.device
    uniform = lambda low, high, *shape: torch.empty(n, *shape, device=device).uniform_(low, high, generator=rng)
    area, ratio = uniform(LEAST, 1).sqrt(), torch.exp(uniform(-0.5, 0.5) * torch.log(torch.tensor(STRETCH)))
    height, width = (size * area / ratio).clamp(max=size), (size * area * ratio).clamp(max=size)
    box = torch.stack([uniform(0, 1) * (size - height), uniform(0, 1) * (size - width), height, width], 1)
    share = torch.where(uniform(0, 1) < mixed, uniform(0.5, 1), torch.ones(n, device=device))
    partner = torch.randperm(n, device=device, generator=rng)
    return Views(pictures, box, uniform(0, 1) < 0.5, uniform(1 - JITTER, 1 + JITTER, 3), partner, share)


def taps(start: torch.Tensor, length: torch.Tensor, side: int, size: int, mirrored: torch.Tensor | None = None) -> torch.Tensor:
    """[n, side, size]: the weights with which `size` pixels give `side`, by cubic convolution (a = -0.5, as the gateway), when enlarging."""
    line = (torch.arange(side, device=start.device) + 0.5) / side
    at = start[:, None] + line * length[:, None] - 0.5
    if mirrored is not None:
        at = torch.where(mirrored[:, None], at.flip(1), at)
    far = (at[:, :, None] - torch.arange(size, device=start.device)).abs()
    near = (1.5 * far - 2.5) * far * far + 1
    wide = ((-0.5 * far + 2.5) * far - 4) * far + 2
    weights = torch.where(far < 1, near, torch.where(far < 2, wide, 0))
    return weights / weights.sum(2, keepdim=True)


def unmixed(data: torch.Tensor, views: Views, side: int) -> torch.Tensor:
    """data [m, 3, s, s] uint8 -> [n, 3, side, side] float, 0..255."""
    size = data.shape[-1]
    top, left, height, width = views.box.unbind(1)
    rows, columns = taps(top, height, side, size), taps(left, width, side, size, views.mirrored)
    x = torch.einsum("nsh,nchw->ncsw", rows, data[views.picture].float())
    x = torch.einsum("ncsw,ntw->ncst", x, columns).clamp(0, 255)
    saturation, contrast, brightness = views.colour[:, :, None, None, None].unbind(1)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * saturation
    mean = x.mean((1, 2, 3), keepdim=True)
    return ((mean + (x - mean) * contrast) * brightness).clamp(0, 255)


def shown(data: torch.Tensor, views: Views, rows: torch.Tensor, side: int) -> torch.Tensor:
    """The views of these rows, mixed with their partners': [k, 3, side, side] float, 0..255, channels last."""
    x, share = unmixed(data, views[rows], side), views.share[rows]
    mixed = share < 1
    if mixed.any():
        other = unmixed(data, views[views.partner[rows[mixed]]], side)
        x[mixed] = torch.lerp(other, x[mixed], share[mixed][:, None, None, None])
    return x.contiguous(memory_format=torch.channels_last)


def one_of(sides: tuple[int, ...], shares: tuple[float, ...], dice: torch.Generator) -> int:
    """A resolution; `dice` is a generator of the processor."""
    return sides[torch.multinomial(torch.tensor(shares), 1, generator=dice).item()]


def labelled(labels: torch.Tensor, views: Views, rows: torch.Tensor, classes: int) -> torch.Tensor:
    """What the views of these rows show, as a distribution over classes [k, classes]."""
    own = torch.nn.functional.one_hot(labels[views.picture], classes).float()
    return torch.lerp(own[views.partner[rows]], own[rows], views.share[rows][:, None])
