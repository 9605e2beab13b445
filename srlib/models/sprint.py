"""Sprint: the course's own small network, built to pass 2014's and 2016's numbers within seconds on a laptop.

No paper: it takes the plainest lesson from each of its ancestors. 3 x 3 convolutions on the small picture (FSRCNN,
ESPCN, 2016), pixels shuffled into place at the end (ESPCN), and only the difference to bicubic is learned (VDSR, 2016).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from srlib import checks


class Sprint(nn.Module):
    """Sprint: LR ``(N, 1, H, W)`` to ``(N, 1, scale*H, scale*W)``, Y in [0, 1].

    Args:
        scale: 2, 3 or 4.
        features: channels of every hidden layer.
        layers: how many 3 x 3 convolutions there are in all, at least 2.
    """

    title = "the course's own small network, 2026"
    ancestor = "ESPCN (2016): learns the difference to bicubic, 3 x 3 everywhere"
    code = "this file"
    space = "y"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {"32x4": {"features": 32, "layers": 4}}
    course: dict = {}

    def __init__(self, scale: int = 2, features: int = 32, layers: int = 4) -> None:
        super().__init__()
        if layers < 2:
            raise ValueError(f"layers={layers} is too few: one to see and one to place the pixels. Use 2 or more.")
        self.scale, self.layers = scale, layers
        widths = [1, *[features] * (layers - 1)]
        body = []
        for before, after in zip(widths, widths[1:], strict=False):
            body += [nn.Conv2d(before, after, 3, padding=1), nn.LeakyReLU(0.1)]  # a plain ReLU can die at this lr
            nn.init.kaiming_normal_(body[-2].weight, a=0.1)
        self.body = nn.Sequential(*body)
        self.tail = nn.Conv2d(features, scale**2, 3, padding=1)
        nn.init.zeros_(self.tail.weight)  # starts as plain bicubic, so training can only add to it
        nn.init.zeros_(self.tail.bias)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(1,))
        # antialias=True selects the cubic of the papers (a = -1/2); it has no other effect when enlarging
        base = F.interpolate(x.reshape(-1, 1, *x.shape[-2:]), scale_factor=self.scale, mode="bicubic", antialias=True)
        correction = self.shuffle(self.tail(self.body(x - 0.5)))  # centred input trains faster
        return base.reshape_as(correction) + correction

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return max(2 * self.layers + 1, 4)  # the cubic reads 4 samples
