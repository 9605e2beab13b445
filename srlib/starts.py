"""First weights with which a network begins as plain interpolation, so that every minute of training shows.

A freshly drawn network answers a photo with noise and spends its first thousand steps learning to copy. That is the
published way, and the "full" tier's. For a lesson it is too slow. Here the picture is let through: the network's
``trunk``, the convolutions that lead from its input straight to its output, passes the colours on in its first channels
and enlarges them by a truncated cubic; everything else keeps its drawn weights but hardly touches those channels.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from srlib.resize import cubic

FAINT = 0.01  # how much of the drawn weights is left where the picture passes: 0 would be dead under a ReLU


@torch.no_grad()
def begin_as_interpolation(net: nn.Module) -> nn.Module:
    """Let the picture through ``net``, in place.

    Raises:
        ValueError: the network does not say what its trunk is.
    """
    if not getattr(net, "trunk", ()):
        raise ValueError(f"{type(net).__name__} has no trunk to carry the picture. Use init='network'.")
    colours = 1 if net.space == "y" else 3
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    trunk = [m for path in net.trunk for m in net.get_submodule(path).modules() if isinstance(m, kinds)]
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight[:colours] *= FAINT
        elif isinstance(module, nn.ConvTranspose2d) and module in trunk:
            module.weight *= FAINT
            module.weight[0, 0] = spread(module.stride[0], module.kernel_size[0], module.padding[0])
            module.bias.zero_()
        elif isinstance(module, nn.Conv2d) and module in trunk:
            _carry(module, colours)
        elif hasattr(module, "parametrizations"):  # weight norm (WDSR): its body meets the picture only at its tail
            if module is net.tail:
                module.parametrizations.weight.original0 *= FAINT
        elif isinstance(module, nn.Conv2d):
            module.weight[:colours] *= FAINT
            if module.bias is not None:
                module.bias[:colours] = 0
    return net


def _carry(conv: nn.Conv2d, colours: int) -> None:
    """Pass the colours on; enlarge them on the way if the convolution's channels become pixels."""
    ratio = conv.out_channels / conv.in_channels
    step = math.isqrt(int(ratio)) if ratio in (4, 9, 16) else 1  # what a PixelShuffle behind it makes of its channels
    weight = conv.weight.clone()  # a copy: under weight norm it is computed anew each time
    weight[: colours * step**2] *= FAINT
    for colour in range(colours):
        for i, j in np.ndindex(step, step):
            down, across = (taps(n, step, conv.kernel_size[0]) for n in (i, j))
            weight[(colour * step + i) * step + j, colour] += torch.outer(down, across)
    if hasattr(conv, "parametrizations"):
        conv.weight = weight  # torch works out length and direction
    else:
        conv.weight.copy_(weight)
    conv.bias[: colours * step**2] = 0


def taps(pixel: int, step: int, count: int) -> Tensor:
    """Weights of the ``count`` LR samples around LR pixel 0 in its large pixel ``pixel`` of ``step``.

    >>> taps(0, 1, 3)
    tensor([0., 1., 0.])
    """
    offset = (pixel + 0.5) / step - 0.5
    weights = cubic(offset - np.arange(count) + count // 2)
    return torch.tensor(weights / weights.sum(), dtype=torch.get_default_dtype())


def spread(stride: int, size: int, padding: int) -> Tensor:
    """The filter ``(size, size)`` of a deconvolution that enlarges by a truncated cubic.

    LR pixel 0 lies in the middle of its own ``stride`` output pixels, which start at filter position ``padding``.
    """
    position = np.arange(size)
    weights = cubic((position - padding - (stride - 1) / 2) / stride)
    for phase in range(stride):  # each output pixel is a mean: its weights sum to 1
        weights[phase::stride] /= weights[phase::stride].sum()
    line = torch.tensor(weights, dtype=torch.get_default_dtype())
    return torch.outer(line, line)
