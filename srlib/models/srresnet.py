"""SRResNet: residual blocks with batch norm, and sub-pixel upsampling; also the generator of SRGAN.

C. Ledig, L. Theis, F. Huszar, J. Caballero, A. Cunningham, A. Acosta, A. Aitken, A. Tejani, J. Totz, Z. Wang, W. Shi,
"Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017 (arXiv:1609.04802).
The authors released no code.

- Followed: section 2.1 and figure 4. 9 x 9 convolution and PReLU; 16 blocks of convolution, batch norm, PReLU,
  convolution, batch norm; a convolution with batch norm and the long skip; for each doubling a convolution to 256
  channels, a shuffle and a PReLU; 9 x 9 convolution to colour. Every PReLU has one slope.
- Range: the paper takes LR in [0, 1] and HR in [-1, 1]. Here both are [0, 1] and nothing is squashed at the end: a
  final tanh is an addition of re-implementations. The widely copied 5-block network is another one.
- `course`: 3 blocks of 16 channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import octaves, upsampler_reach


class Block(nn.Module):
    """``(N, features, H, W)`` plus a correction of the same shape."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(features)
        self.prelu = nn.PReLU()
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(features)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm2(self.conv2(self.prelu(self.norm1(self.conv1(x)))))


class SRResNet(nn.Module):
    """SRResNet: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1].

    Args:
        scale: 2 or 4.
        blocks: residual blocks.
        features: channels.
    """

    title = "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network, 2017"
    ancestor = "ResNet (2015) meets ESPCN (2016): residual blocks with batch norm, then sub-pixel upsampling"
    code = "none released"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 4)
    variants = {"16": {"blocks": 16}}
    course = {"blocks": 3, "features": 16}
    trunk = ("head", "upsample", "tail")

    def __init__(self, scale: int = 4, blocks: int = 16, features: int = 64) -> None:
        super().__init__()
        self.scale, self.blocks = scale, blocks
        self.head = nn.Sequential(nn.Conv2d(3, features, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(*[Block(features) for _ in range(blocks)])
        self.join = nn.Sequential(nn.Conv2d(features, features, 3, padding=1), nn.BatchNorm2d(features))
        steps: list[nn.Module] = []
        for step in octaves(scale):
            steps += [nn.Conv2d(features, features * step**2, 3, padding=1), nn.PixelShuffle(step), nn.PReLU()]
        self.upsample = nn.Sequential(*steps)
        self.tail = nn.Conv2d(features, 3, 9, padding=4)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        if x.ndim == 3:  # batch norm wants a batch
            return self(x[None])[0]
        x = self.head(x)
        x = x + self.join(self.body(x))
        return self.tail(self.upsample(x))

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return 2 * (4 + 2 * self.blocks + 1 + upsampler_reach(self.scale, tail=4)) + 1
