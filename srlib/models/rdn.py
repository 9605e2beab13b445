"""RDN: inside a block every layer reads all layers before it, and at the end every block is read at once.

Y. Zhang, Y. Tian, Y. Kong, B. Zhong, Y. Fu, "Residual Dense Network for Image Super-Resolution", CVPR 2018
(arXiv:1802.08797). The authors' code is Torch7: https://github.com/yulunzhang/RDN

- Followed: sections 3.1 to 3.4 with D = 16 blocks of C = 8 layers, growth G = 64: the authors' published
  configuration. (Their log files' name "D18C6" is stale, and copies with 3 blocks are another network.)
- Range: the authors' Torch7 code multiplies by 255 and subtracts a mean; the PyTorch port that most people use takes
  [0, 1] as it is. This file follows the port.
- `course`: 3 blocks of 3 layers, growth 12, 16 features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import Upsampler, upsampler_reach


class DenseBlock(nn.Module):
    """Residual dense block (figure 3): ``(N, features, H, W)`` plus a correction of the same shape."""

    def __init__(self, features: int, growth: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(features + i * growth, growth, 3, padding=1) for i in range(layers))
        self.fuse = nn.Conv2d(features + layers * growth, features, 1)  # local feature fusion
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        read = x
        for layer in self.layers:
            read = torch.cat([read, self.relu(layer(read))], -3)  # everything so far, for all that follow
        return x + self.fuse(read)


class RDN(nn.Module):
    """RDN: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1].

    Args:
        scale: 2, 3 or 4.
        blocks: dense blocks (the paper's D).
        layers: convolutions in each (C).
        growth: channels that each of them adds (G).
        features: channels between blocks (G0).
    """

    title = "Residual Dense Network for Image Super-Resolution, 2018"
    ancestor = "EDSR (2017) and DenseNet (2017): every layer reads all before it, and all blocks are fused at the end"
    code = "https://github.com/yulunzhang/RDN (Torch7)"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {"16-8-64": {"blocks": 16, "layers": 8, "growth": 64}}
    course = {"blocks": 3, "layers": 3, "growth": 12, "features": 16}
    trunk = ("shallow1", "upsample", "tail")

    def __init__(self, scale: int = 2, blocks: int = 16, layers: int = 8, growth: int = 64, features: int = 64) -> None:
        super().__init__()
        self.scale = scale
        self.body_reach = blocks * layers
        self.shallow1 = nn.Conv2d(3, features, 3, padding=1)
        self.shallow2 = nn.Conv2d(features, features, 3, padding=1)
        self.blocks = nn.ModuleList(DenseBlock(features, growth, layers) for _ in range(blocks))
        self.fuse = nn.Conv2d(blocks * features, features, 1)  # global feature fusion
        self.smooth = nn.Conv2d(features, features, 3, padding=1)
        self.upsample = Upsampler(features, scale)
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        first = self.shallow1(x)
        h, kept = self.shallow2(first), []
        for block in self.blocks:
            h = block(h)
            kept.append(h)
        h = first + self.smooth(self.fuse(torch.cat(kept, -3)))
        return self.tail(self.upsample(h))

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return 2 * (3 + self.body_reach + upsampler_reach(self.scale, tail=1)) + 1
