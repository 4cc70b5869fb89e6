"""
Kernels of few levels that say nearly what floats say: layer by layer, each fitted to what it is fed with once the layers before it are rounded.

What a rounded layer gets wrong, the next one may put right as far as its own inputs tell: first the kernel is the one of least squares between
its rounded inputs and the outputs of the floats; then its columns are rounded one after another, and what is lost in one is made up for in those
that are still to come (GPTQ, arXiv 2210.17323). The bias takes what is left of the mean (arXiv 1906.04721).
"""

from collections.abc import Callable

import torch
import torch.nn as nn

from fakequant import LEVELS, RoundedConv
from lite import MEAN, STD
from plain import PlainConv

CHUNK = 50  # pictures at once
SPOTS = 50_000  # of the maps of all pictures, for a kernel that sees all channels
FEW = 6_000  # for one that sees a single channel
DAMPING = 0.01  # of the mean variance of the inputs


def chunked(layer: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    return torch.cat([layer(rows) for rows in x.split(CHUNK)])


def patches(part: PlainConv, *maps: torch.Tensor, spots: int, seed: int) -> list[torch.Tensor]:
    """What the kernel sees at the same random spots of each of these maps [n, c, h, w]: [spots, groups, inputs of a group]."""
    conv = part.conv
    (k, _), (stride, _), n = conv.kernel_size, conv.stride, len(maps[0])
    pad = part.pad or (conv.padding[0],) * 4
    rng = torch.Generator().manual_seed(seed)
    height, width = ((side + pad[0] + pad[1] - k) // stride + 1 for side in maps[0].shape[2:])
    draw = lambda below: torch.randint(0, below, (spots, 1, 1), generator=rng)
    picture, top, left = draw(n), draw(height) * stride, draw(width) * stride
    rows, columns = top + torch.arange(k)[None, :, None] - pad[2], left + torch.arange(k)[None, None, :] - pad[0]
    (h, w), out = maps[0].shape[2:], []
    inside = ((rows >= 0) & (rows < h) & (columns >= 0) & (columns < w))[..., None]
    for x in maps:
        seen = x.permute(0, 2, 3, 1)[picture, rows.clamp(0, h - 1), columns.clamp(0, w - 1)] * inside  # [spots, k, k, c]
        out.append(seen.permute(0, 3, 1, 2).reshape(spots, conv.groups, -1))
    return out


def least_squares(kernel: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The kernel [g, o, i] that leads from x [n, g, i] to y [n, g, o], both less their means, near the given one where x says little; and the
    second moments of x with the damping, [g, i, i].
    """
    moments = torch.einsum("ngi,ngj->gij", x, x) / len(x)
    moments += DAMPING * moments.diagonal(dim1=1, dim2=2).mean(1)[:, None, None].clamp_min(1e-8) * torch.eye(x.shape[2])
    missing = torch.einsum("ngo,ngi->goi", y - torch.einsum("ngi,goi->ngo", x, kernel), x) / len(x)
    return kernel + torch.linalg.solve(moments, missing.transpose(1, 2)).transpose(1, 2), moments


def rounded_by_columns(kernel: torch.Tensor, moments: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Whole numbers [g, o, i] for kernel [g, o, i] and its scale [g, o], inputs of much variance first."""
    order = moments.diagonal(dim1=1, dim2=2).sum(0).argsort(descending=True)
    kernel, moments = kernel[:, :, order].clone(), moments[:, order][:, :, order]
    chain = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(moments)), upper=True)
    whole = torch.empty_like(kernel)
    for i in range(kernel.shape[2]):
        whole[:, :, i] = (kernel[:, :, i] / scale).round().clamp(-LEVELS, LEVELS)
        lost = (kernel[:, :, i] - whole[:, :, i] * scale) / chain[:, i, i, None]
        kernel[:, :, i + 1 :] -= lost[:, :, None] * chain[:, None, i, i + 1 :]
    return whole[:, :, order.argsort()]


@torch.no_grad()
def fit_conv(part: RoundedConv, plain: PlainConv, floats: torch.Tensor, bytes_: torch.Tensor) -> None:
    """Sets kernel and bias of `part`, which gets `bytes_`, so that it says what `plain` says of `floats`, both [n, c, h, w]."""
    conv, groups = part.conv, part.conv.groups
    seen, wanted = patches(plain, bytes_, floats, spots=SPOTS if groups == 1 else FEW, seed=conv.weight.numel())
    kernel = plain.conv.weight.reshape(groups, conv.out_channels // groups, -1)
    y = torch.einsum("ngi,goi->ngo", wanted, kernel)
    x_mean, y_mean = seen.mean(0), y.mean(0)
    best, moments = least_squares(kernel, seen - x_mean, y - y_mean)
    scale = best.abs().amax(2).clamp_min(1e-9) / LEVELS
    for _ in range(4):
        whole = rounded_by_columns(best, moments, scale)
        # The scale is found again from the largest number, so that has to be the last level.
        largest = whole.abs().amax(2).clamp_min(1)
        if (largest == LEVELS).all():
            break
        scale = scale * largest / LEVELS
    rounded = whole * scale[:, :, None]
    conv.weight.copy_(rounded.reshape(conv.weight.shape))
    conv.bias.copy_((plain.conv.bias.view(groups, -1) + y_mean - torch.einsum("gi,goi->go", x_mean, rounded)).flatten())


@torch.no_grad()
def fit(rounded: nn.Module, plain: nn.Module, pixels: torch.Tensor) -> None:
    """
    Sets all kernels and biases of `rounded` (fakequant.py, ranges measured), layer by layer, so that it says of pixels [n, 3, s, s] what
    `plain` says, the network that it was made of.
    """

    def convs(parts: nn.Module, plains: nn.Module, floats: torch.Tensor, bytes_: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = lambda module, kind: [part for part in module.modules() if isinstance(part, kind)]
        for part, one in zip(found(parts, RoundedConv), found(plains, PlainConv), strict=True):
            fit_conv(part, one, floats, bytes_)
            floats, bytes_ = chunked(one, floats), chunked(part, bytes_)
        return floats, bytes_

    floats = (pixels - MEAN) / STD
    floats, bytes_ = convs(rounded.stem, plain.stem, floats, floats)
    for at, (part, one) in enumerate(zip(rounded.blocks, plain.blocks)):
        after, rounded_after = convs(part.convs, one.convs, floats, bytes_)
        if one.residual:
            after, rounded_after = after + floats, part.sum(rounded_after + bytes_)
        floats, bytes_ = after, rounded_after
        print(f"block {at}: {(floats - bytes_).square().mean().sqrt() / floats.std():.4f} of its spread is lost", flush=True)
        if at in plain.ends:
            k = plain.ends.index(at)
            convs(rounded.heads[k].convs, plain.heads[k].convs, floats, bytes_)
