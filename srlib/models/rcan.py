"""RCAN: two hundred residual blocks in ten groups, each weighing its channels by what the whole picture holds.

Y. Zhang, K. Li, K. Li, L. Wang, B. Zhong, Y. Fu, "Image Super-Resolution Using Very Deep Residual Channel Attention
Networks", ECCV 2018 (arXiv:1807.02758). The authors' code: https://github.com/yulunzhang/RCAN

- Followed: sections 3.1 to 3.4 and the authors' code. 10 groups of 20 blocks, 64 channels, reduction 16; each group
  ends in a convolution and a skip of its own, and a long skip spans them all (residual in residual).
- Paper and code agree but for a residual scaling that the code offers and never uses.
- Attention averages over the whole picture, so the network sees all of it, and a picture cut into tiles gives a
  slightly different result.
- `course`: 2 groups of 2 blocks, 16 channels, reduction 4.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import MeanColour, Upsampler


class ChannelAttention(nn.Module):
    """A factor in (0, 1) for every channel, from all channels' means (section 3.3)."""

    def __init__(self, features: int, reduction: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(features, features // reduction, 1)
        self.excite = nn.Conv2d(features // reduction, features, 1)
        self.relu = nn.ReLU()
        self.sigmoid = nn.Sigmoid()

    def statistic(self, x: Tensor) -> Tensor:
        """A number for every channel, ``(N, features, 1, 1)``: what is known of the picture."""
        return x.mean((-2, -1), keepdim=True)

    def weights(self, x: Tensor) -> Tensor:
        """``(N, features, H, W)`` to ``(N, features, 1, 1)``."""
        return self.sigmoid(self.excite(self.relu(self.squeeze(self.statistic(x)))))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weights(x)


class Block(nn.Module):
    """Residual channel attention block: ``x + attention(conv(relu(conv(x))))``."""

    def __init__(self, features: int, reduction: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        self.attention = ChannelAttention(features, reduction)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attention(self.conv2(self.relu(self.conv1(x))))


class Group(nn.Module):
    """Residual group: blocks, a convolution, and a skip around them."""

    def __init__(self, features: int, reduction: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*[Block(features, reduction) for _ in range(blocks)])
        self.join = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.join(self.blocks(x))


class RCAN(nn.Module):
    """RCAN: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1].

    Args:
        scale: 2, 3 or 4.
        groups: residual groups.
        blocks: blocks in each group.
        features: channels.
        reduction: how many times fewer channels the attention squeezes to.
    """

    title = "Image Super-Resolution Using Very Deep Residual Channel Attention Networks, 2018"
    ancestor = "EDSR (2017): residual in residual, 400 layers deep, and channels weighed by attention"
    code = "https://github.com/yulunzhang/RCAN"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {"10x20": {"groups": 10, "blocks": 20}}
    course = {"groups": 2, "blocks": 2, "features": 16, "reduction": 4}
    trunk = ("head", "upsample", "tail")

    def __init__(
        self, scale: int = 2, groups: int = 10, blocks: int = 20, features: int = 64, reduction: int = 16
    ) -> None:
        super().__init__()
        if features < reduction:
            raise ValueError(f"reduction={reduction} leaves nothing of features={features}. Use a smaller reduction.")
        self.scale = scale
        self.colour = MeanColour()
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.groups = nn.Sequential(*[Group(features, reduction, blocks) for _ in range(groups)])
        self.join = nn.Conv2d(features, features, 3, padding=1)
        self.upsample = Upsampler(features, scale)
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        x = self.head(self.colour.remove(x))
        x = x + self.join(self.groups(x))
        return self.colour.restore(self.tail(self.upsample(x)))

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> None:
        return None  # attention sees the whole picture
