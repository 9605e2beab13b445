"""EDSR: SRResNet without its batch norms, and with the memory they held spent on width.

B. Lim, S. Son, H. Kim, S. Nah, K. M. Lee, "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPR
workshops 2017 (arXiv:1707.02921). The authors' code is Torch7 (https://github.com/LimBee/NTIRE2017) and PyTorch
(https://github.com/sanghyun-son/EDSR-PyTorch).

- Followed: section 3 and the PyTorch code. Convolution, ReLU, convolution in each block; the long skip spans the body
  and its last convolution. `baseline`: 16 blocks of 64 channels; `full`: 32 blocks of 256 channels whose residuals are
  scaled by 0.1 (only there: scaling a narrow network makes it worse).
- Range: the authors compute with 0 to 255 less DIV2K's mean colour, kept in two frozen convolutions (24 more
  parameters in their count). Here it is a buffer, and the public range is [0, 1].
- `course`: 4 blocks of 24 channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import MeanColour, ResBlock, Upsampler, upsampler_reach


class EDSR(nn.Module):
    """EDSR: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1].

    Args:
        scale: 2, 3 or 4.
        blocks: residual blocks.
        features: channels.
        res_scale: factor on every residual before it is added.
    """

    title = "Enhanced Deep Residual Networks for Single Image Super-Resolution, 2017"
    ancestor = "SRResNet (2017): without batch norm, wider and deeper, trained with L1"
    code = "https://github.com/sanghyun-son/EDSR-PyTorch"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {
        "baseline": {"blocks": 16, "features": 64},
        "full": {"blocks": 32, "features": 256, "res_scale": 0.1},
    }
    course = {"blocks": 4, "features": 24}
    trunk = ("head", "upsample", "tail")

    def __init__(self, scale: int = 2, blocks: int = 16, features: int = 64, res_scale: float = 1.0) -> None:
        super().__init__()
        self.scale, self.blocks = scale, blocks
        self.colour = MeanColour()
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.Sequential(*[ResBlock(features, res_scale=res_scale) for _ in range(blocks)])
        self.join = nn.Conv2d(features, features, 3, padding=1)
        self.upsample = Upsampler(features, scale)
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        x = self.head(self.colour.remove(x))
        x = x + self.join(self.body(x))
        return self.colour.restore(self.tail(self.upsample(x)))

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return 2 * (2 + 2 * self.blocks + upsampler_reach(self.scale, tail=1)) + 1
