"""MDSR: one EDSR trunk for x2, x3 and x4, with an entrance and an exit for each.

B. Lim, S. Son, H. Kim, S. Nah, K. M. Lee, "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPR
workshops 2017 (arXiv:1707.02921), section 3.3; code as for EDSR.

- Followed: section 3.3 and the authors' PyTorch code. Entrance: two residual blocks of 5 x 5 filters for each scale;
  trunk: 80 blocks of 64 channels (`baseline`: 16), shared; exit: an upsampler for each scale. The paper draws a last
  convolution for each scale; the PyTorch code shares one, and so does this file.
- A pass uses one entrance and one exit: the parameters of the other two scales get no gradient from it.
- `course`: 4 blocks of 16 channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import MeanColour, ResBlock, Upsampler, upsampler_reach


class MDSR(nn.Module):
    """MDSR: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1].

    Args:
        scale: the scale of ``net(x)``; ``net(x, scale=3)`` asks for another.
        blocks: residual blocks of the shared trunk.
        features: channels.
    """

    title = "Enhanced Deep Residual Networks for Single Image Super-Resolution, 2017 (section 3.3)"
    ancestor = "EDSR (2017) and VDSR (2016): one trunk for three scales, an entrance and an exit for each"
    code = "https://github.com/sanghyun-son/EDSR-PyTorch"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {"full": {"blocks": 80}, "baseline": {"blocks": 16}}
    course = {"blocks": 4, "features": 16}
    trunk = ("head", "upsample", "tail")

    def __init__(self, scale: int = 2, blocks: int = 80, features: int = 64) -> None:
        super().__init__()
        self.scale, self.blocks = scale, blocks
        self.colour = MeanColour()
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.enter = nn.ModuleDict(
            {f"x{s}": nn.Sequential(ResBlock(features, 5), ResBlock(features, 5)) for s in self.scales}
        )
        self.body = nn.Sequential(*[ResBlock(features) for _ in range(blocks)])
        self.join = nn.Conv2d(features, features, 3, padding=1)
        self.upsample = nn.ModuleDict({f"x{s}": Upsampler(features, s) for s in self.scales})
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor, scale: int | None = None) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        way = f"x{checks.integer_scale(scale or self.scale, self.scales)}"
        x = self.enter[way](self.head(self.colour.remove(x)))
        x = x + self.join(self.body(x))
        return self.colour.restore(self.tail(self.upsample[way](x)))

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        entrance = 8  # two blocks of two 5 x 5 convolutions
        return 2 * (2 + entrance + 2 * self.blocks + upsampler_reach(self.scale, tail=1)) + 1
