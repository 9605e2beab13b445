"""VDSR: twenty layers that learn only what bicubic misses, at a learning rate that needs clipping.

J. Kim, J. K. Lee, K. M. Lee, "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", CVPR 2016
(arXiv:1511.04587). The authors' code is MATLAB (MatConvNet).

- Followed: section 3. Twenty 3 x 3 convolutions of 64 channels, zero padding, ReLU after all but the last; the input
  is added to the result inside the network; one network serves x2, x3 and x4. No mean is subtracted.
- Biases: the paper says nothing; the authors' released weights have them (665,921 parameters), popular ports drop
  them (664,704, the "665K" of later tables).
- `course`: 6 layers of 24 channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib import checks


class VDSR(nn.Module):
    """VDSR: ``(N, 1, H, W)`` enlarged by bicubic to ``(N, 1, H, W)``, Y in [0, 1].

    Args:
        scale: for which factor it is used; one set of weights serves all.
        layers: convolutions in all, at least 2.
        features: channels of the hidden layers.
    """

    title = "Accurate Image Super-Resolution Using Very Deep Convolutional Networks, 2016"
    ancestor = "SRCNN (2014): twenty layers instead of three, and only the difference to bicubic is learned"
    code = "https://cv.snu.ac.kr/research/VDSR (MATLAB)"
    space = "y"
    pre_upsampled = True
    scales = (2, 3, 4)
    variants = {"20": {"layers": 20}}
    course = {"layers": 6, "features": 24}

    def __init__(self, scale: int = 2, layers: int = 20, features: int = 64) -> None:
        super().__init__()
        if layers < 2:
            raise ValueError(f"layers={layers} is too few: one to see and one to draw. Use 2 or more.")
        self.scale, self.layers = scale, layers
        self.first = nn.Conv2d(1, features, 3, padding=1)
        self.middle = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(layers - 2))
        self.last = nn.Conv2d(features, 1, 3, padding=1)
        self.relu = nn.ReLU()
        for conv in (self.first, *self.middle, self.last):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")  # section 5.2, after He et al. 2015
            nn.init.zeros_(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(1,))
        residual = self.relu(self.first(x))
        for conv in self.middle:
            residual = self.relu(conv(residual))
        return x + self.last(residual)

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return 2 * self.layers + 1
