"""WDSR: channels are widened before the ReLU, weights are normalised, and the picture has a short way of its own.

J. Yu, Y. Fan, J. Yang, N. Xu, Z. Wang, X. Wang, T. Huang, "Wide Activation for Efficient and Accurate Image
Super-Resolution", 2018 (arXiv:1808.08718), the report of an entry that won tracks of NTIRE 2018. The authors' code:
https://github.com/JiahuiYu/wdsr_ntire2018, and https://github.com/ychfan/wdsr by its second author.

- Followed: section 3 and the first code. Every convolution is weight-normalised, none is batch-normalised. `a` widens
  four times by 3 x 3 filters; `b` six times by 1 x 1, then shrinks to 0.8 of the features by 1 x 1 before one 3 x 3.
  One convolution and a shuffle end the body; a 5 x 5 convolution and a shuffle carry the picture past it.
- Range: ``(255 x - mean) / 127.5`` inside; the second code subtracts a mean in [0, 1] and divides by nothing.
- Counts include weight norm's lengths g, as the README of the second code counts (1,190,100 at x2).
- Starting lengths are the second code's: 1, then 2 and 1/sqrt(blocks) within a block.
- `course`: 4 blocks, 16 channels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from srlib import checks
from srlib.models.blocks import MeanColour


def normed(inputs: int, outputs: int, kernel: int, length: float = 1.0) -> nn.Conv2d:
    """A convolution whose filters are a direction v and a length g, learned apart: w = g v / |v| (Salimans 2016)."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.zeros_(conv.bias)
    conv = weight_norm(conv)
    nn.init.constant_(conv.parametrizations.weight.original0, length)
    return conv


class Block(nn.Module):
    """Widen, ReLU, narrow: ``(N, features, H, W)`` plus a correction of the same shape."""

    def __init__(self, features: int, expand: float, low_rank: float | None, length: float) -> None:
        super().__init__()
        wide = int(features * expand)
        if low_rank is None:
            layers = [normed(features, wide, 3, 2.0), nn.ReLU(), normed(wide, features, 3, length)]
        else:
            low = int(features * low_rank)
            layers = [normed(features, wide, 1, 2.0), nn.ReLU(), normed(wide, low, 1), normed(low, features, 3, length)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class WDSR(nn.Module):
    """WDSR: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1].

    Args:
        scale: 2, 3 or 4.
        blocks: residual blocks.
        features: channels between blocks.
        expand: how many times as many channels stand before the ReLU; below 1 it is a bottleneck.
        low_rank: None for WDSR-A; for WDSR-B the part of the features that the 1 x 1 convolution shrinks to.
    """

    title = "Wide Activation for Efficient and Accurate Image Super-Resolution, 2018"
    ancestor = "EDSR (2017): wide before the ReLU and narrow after it, weight norm, and a shortcut for the picture"
    code = "https://github.com/JiahuiYu/wdsr_ntire2018"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {
        "a": {"features": 32, "expand": 4, "low_rank": None},
        "b": {"features": 64, "expand": 6, "low_rank": 0.8},
    }
    course = {"blocks": 4, "features": 16}
    trunk = ("skip", "shuffle")

    def __init__(
        self, scale: int = 2, blocks: int = 16, features: int = 32, expand: float = 4, low_rank: float | None = None
    ) -> None:
        super().__init__()
        self.scale = scale
        self.body_reach = blocks * (2 if low_rank is None else 1)
        self.colour = MeanColour()
        self.head = normed(3, features, 3)
        self.body = nn.Sequential(*[Block(features, expand, low_rank, 1 / math.sqrt(blocks)) for _ in range(blocks)])
        self.tail = normed(features, 3 * scale**2, 3)
        self.skip = normed(3, 3 * scale**2, 5)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        x = self.colour.remove(x) / 127.5
        x = self.shuffle(self.tail(self.body(self.head(x)))) + self.shuffle(self.skip(x))
        return self.colour.restore(127.5 * x)

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return 2 * max(2 + self.body_reach, 2) + 1


def without_weight_norm(net: WDSR) -> WDSR:
    """Fold every length and direction into one plain weight, in place: fewer tensors, the same pictures."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and hasattr(module, "parametrizations"):
            kind = type(module)  # torch strikes the weight off a class that copies of the layer share: take our own
            module.__class__ = type(kind.__name__, kind.__bases__, dict(vars(kind)))
            torch.nn.utils.parametrize.remove_parametrizations(module, "weight")
    return net
