"""LapSRN: a pyramid that doubles the picture level by level, drawing a residual and being judged at each.

W.-S. Lai, J.-B. Huang, N. Ahuja, M.-H. Yang, "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution",
CVPR 2017 (arXiv:1704.03915). The authors' code is MATLAB: https://github.com/phoenix104104/LapSRN

- Followed: section 3 and the authors' network file. Feature branch: 3 x 3 convolutions with leaky ReLU (0.2), a 3 x 3
  deconvolution of stride 2, and a convolution that draws the residual. Image branch: a 4 x 4 deconvolution that starts
  as bilinear enlargement, has no bias, and is trained too.
- The number of levels is ceil(log2(scale)). The authors crop the deconvolution's last row and column; torch's
  ``padding=1, output_padding=1`` crops the first and moves everything by a pixel (27.2 dB becomes 19.2).
- Depth: 10 convolutions a level, but 5 in the authors' x8 network. The paper calls every x2 step a level and shows
  sharing of nothing between them; later work (MS-LapSRN) shares.
- `course`: 16 channels, 3 convolutions a level.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from srlib import checks


class Level(nn.Module):
    """Features at one size to features and a residual at twice that size.

    ``(N, features, H, W)`` to ``(N, features, 2H, 2W)`` and ``(N, 1, 2H, 2W)``.
    """

    def __init__(self, features: int, depth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(depth))
        self.enlarge = nn.ConvTranspose2d(features, features, 3, stride=2)
        self.residual = nn.Conv2d(features, 1, 3, padding=1)
        self.leaky = nn.LeakyReLU(0.2)

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        for conv in self.convs:
            h = self.leaky(conv(h))
        h = self.leaky(self.enlarge(h)[..., :-1, :-1])  # 2n + 1 pixels less the last
        return h, self.residual(h)


class LapSRN(nn.Module):
    """LapSRN: LR ``(N, 1, H, W)`` to ``(N, 1, scale*H, scale*W)``, Y in [0, 1].

    Args:
        scale: 2, 4 or 8.
        depth: convolutions in each level; None is the authors' choice, 10, or 5 at x8.
        features: channels of the feature branch.
    """

    title = "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution, 2017"
    ancestor = "VDSR and FSRCNN (2016): residuals at every doubling, judged at every doubling, by a gentler loss"
    code = "https://github.com/phoenix104104/LapSRN (MATLAB)"
    space = "y"
    pre_upsampled = False
    scales = (2, 4, 8)
    variants = {"official": {}}
    course = {"depth": 3, "features": 16}

    def __init__(self, scale: int = 2, depth: int | None = None, features: int = 64) -> None:
        super().__init__()
        self.scale = scale
        self.depth = (5 if scale == 8 else 10) if depth is None else depth
        levels = math.ceil(math.log2(scale))
        self.head = nn.Conv2d(1, features, 3, padding=1)
        self.levels = nn.ModuleList(Level(features, self.depth) for _ in range(levels))
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1, bias=False) for _ in range(levels)
        )
        self.leaky = nn.LeakyReLU(0.2)
        for layer in self.levels.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, std=math.sqrt(2 / (9 * features)))  # He et al. 2015
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.head.weight, std=0.001)
        nn.init.zeros_(self.head.bias)
        tent = torch.tensor([0.25, 0.75, 0.75, 0.25])
        for layer in self.enlarge:
            with torch.no_grad():
                layer.weight.copy_(torch.outer(tent, tent))  # bilinear enlargement

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs(x)[-1]

    def outputs(self, x: Tensor) -> list[Tensor]:
        """The picture of every level: x2, then x4, then x8, as far as ``scale``."""
        checks.picture(x, "x", channels=(1,))
        h, drawn = self.leaky(self.head(x)), []
        for level, enlarge in zip(self.levels, self.enlarge, strict=True):
            h, residual = level(h)
            x = enlarge(x) + residual
            drawn.append(x)
        return drawn

    @property
    def receptive_field(self) -> int:
        first, last = -1, self.scale  # what the output pixels of LR pixel 0 see through the last 3 x 3 convolution
        for _ in self.levels:  # back through a deconvolution of stride 2 and the level's convolutions
            first, last = (first - 1) // 2 - self.depth, last // 2 + self.depth
        return 2 * max(1 - first, last + 1) + 1  # the 1 is the head
