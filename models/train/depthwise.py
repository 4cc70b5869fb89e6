"""Depthwise convolutions whose kernels are not learned.

oneDNN's gradients of depthwise convolutions cost many times the convolution itself (5x5, 672 channels, 12x12 pixels, batch 64, bfloat16, 2
cores with AVX-512: 2.5 ms forward, 118 ms backward; of stride 2: 294 ms), nearly all of it for the kernel, or for bfloat16 at stride 2. With
kernels that stay as they are, only the gradient of the maps is needed: 2 ms as a convolution, 4 ms in float32 at stride 2.
"""

import torch
import torch.nn.functional as F


class FixedDepthwise(torch.autograd.Function):
    """x [n, c, h, w], kernel [c, 1, k, k], bias [c] -> [n, c, h', w']; the gradient is that of x alone."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
        ctx.save_for_backward(kernel)
        ctx.stride, ctx.padding, ctx.shape = stride, padding, x.shape
        return F.conv2d(x, kernel, bias, stride, padding, 1, len(kernel))

    @staticmethod
    def backward(ctx, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (kernel,) = ctx.saved_tensors
        c, _, k, _ = kernel.shape
        if ctx.stride == 1:
            dx = F.conv2d(grad, kernel.flip(2, 3).to(grad.dtype), None, 1, k - 1 - ctx.padding, 1, c)
        else:
            like = torch.empty(ctx.shape, device=grad.device).contiguous(memory_format=torch.channels_last)
            step, pad = [ctx.stride] * 2, [ctx.padding] * 2
            wanted = [True, False, False]
            dx = torch.ops.aten.convolution_backward(grad.float(), like, kernel.float(), None, step, pad, [1, 1], False, [0, 0], c, wanted)[0]
        return dx.to(grad.dtype), None, None, None, None
