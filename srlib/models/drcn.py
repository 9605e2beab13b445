"""DRCN: one convolution applied sixteen times, every pass supervised, all of them averaged.

J. Kim, J. K. Lee, K. M. Lee, "Deeply-Recursive Convolutional Network for Image Super-Resolution", CVPR 2016
(arXiv:1511.04491). The authors' code is MATLAB (MatConvNet).

- Followed: sections 3.1 to 3.3. Embed (two convolutions), recur (one convolution, D times, always the same weights),
  reconstruct (two convolutions, shared by all recursions) with the input added; the result is the sum of the D
  reconstructions, each times a learned weight (eq. 8). ReLU after every convolution but the last.
- The weights start at 1/D. Some code divides by their sum; the paper's equation does not, nor does this file.
- The recursive convolution starts as the identity, the others as in He et al. (section 4.2).
- Not to be confused with another DRCN (Deep Reconstruction-Classification Network) that is often pasted instead.
- `course`: 24 channels, 4 recursions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srlib import checks


class DRCN(nn.Module):
    """DRCN: ``(N, 1, H, W)`` enlarged by bicubic to ``(N, 1, H, W)``, Y in [0, 1].

    Args:
        scale: for which factor it is trained.
        recursions: how often the shared convolution is applied.
        features: channels of the hidden layers.
    """

    title = "Deeply-Recursive Convolutional Network for Image Super-Resolution, 2016"
    ancestor = "VDSR (2016): its middle layers share one set of weights, and every pass must draw the picture"
    code = "https://cv.snu.ac.kr/research/DRCN (MATLAB)"
    space = "y"
    pre_upsampled = True
    scales = (2, 3, 4)
    variants = {"16": {"recursions": 16}}
    course = {"recursions": 4, "features": 24}

    def __init__(self, scale: int = 2, recursions: int = 16, features: int = 256) -> None:
        super().__init__()
        if recursions < 1:
            raise ValueError(f"recursions={recursions} is too few. Use 1 or more.")
        self.scale, self.recursions = scale, recursions
        self.embed1 = nn.Conv2d(1, features, 3, padding=1)
        self.embed2 = nn.Conv2d(features, features, 3, padding=1)
        self.recur = nn.Conv2d(features, features, 3, padding=1)
        self.reconstruct1 = nn.Conv2d(features, features, 3, padding=1)
        self.reconstruct2 = nn.Conv2d(features, 1, 3, padding=1)
        self.weights = nn.Parameter(torch.full((recursions,), 1 / recursions))
        self.relu = nn.ReLU()
        for conv in (self.embed1, self.embed2, self.recur, self.reconstruct1, self.reconstruct2):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
        nn.init.dirac_(self.recur.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs(x)[-1]

    def outputs(self, x: Tensor) -> list[Tensor]:
        """The reconstruction after each recursion, then their weighted sum: ``recursions + 1`` pictures."""
        checks.picture(x, "x", channels=(1,))
        h = self.relu(self.embed2(self.relu(self.embed1(x))))
        drawn = []
        for _ in range(self.recursions):
            h = self.relu(self.recur(h))
            drawn.append(x + self.reconstruct2(self.relu(self.reconstruct1(h))))
        total = sum(w * y for w, y in zip(self.weights, drawn, strict=True))
        return [*drawn, total]

    @property
    def receptive_field(self) -> int:
        return 2 * (4 + self.recursions) + 1
