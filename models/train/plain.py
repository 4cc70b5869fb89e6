"""A LiteNet as it is exported: every batch norm multiplied into the convolution before it."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lite import Conv


class UnevenConv(torch.autograd.Function):
    """Convolution with more zeros right and below than left and above: one node in ONNX, which PyTorch has no layer for."""

    @staticmethod
    def forward(ctx, x, kernel, bias, stride, pad, groups):
        return F.conv2d(F.pad(x, pad), kernel, bias, stride, 0, 1, groups)

    @staticmethod
    def symbolic(g, x, kernel, bias, stride, pad, groups):
        left, right, top, bottom = pad
        return g.op("Conv", x, kernel, bias, strides_i=[stride] * 2, pads_i=[top, left, bottom, right], group_i=groups)


class PlainConv(nn.Module):
    """A Conv with its batch norm multiplied in."""

    def __init__(self, part: Conv):
        super().__init__()
        self.conv, self.pad, self.linear = fuse_conv_bn_eval(part.conv, part.norm), part.pad, part.linear

    def convolved(self, x):
        conv = self.conv
        return conv(x) if self.pad is None else UnevenConv.apply(x, conv.weight, conv.bias, conv.stride[0], self.pad, conv.groups)

    def forward(self, x):
        x = self.convolved(x)
        return x if self.linear else F.relu6(x)


def plain_lite(model: nn.Module) -> nn.Module:
    """The same with every Conv as a PlainConv."""
    for name, part in model.named_children():
        setattr(model, name, PlainConv(part) if isinstance(part, Conv) else plain_lite(part))
    return model
