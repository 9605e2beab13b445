"""ESRGAN: dense blocks inside residual blocks, no batch norm, and a judge that compares pictures with each other.

X. Wang, K. Yu, S. Wu, J. Gu, Y. Liu, C. Dong, Y. Qiao, C. C. Loy, "ESRGAN: Enhanced Super-Resolution Generative
Adversarial Networks", ECCV workshops 2018 (arXiv:1809.00219). The authors' code: https://github.com/xinntao/ESRGAN
(network), and https://github.com/XPixelGroup/BasicSR (training, x2, discriminator).

- Followed: section 3.1 and the authors' code. 23 residual-in-residual dense blocks of 64 channels, growth 32, leaky
  ReLU 0.2; every residual is scaled by 0.2, inside a block and around it; enlarging repeats pixels and convolves,
  twice. No mean is subtracted. The convolutions of the dense blocks start at a tenth of He et al.'s weights.
- x2: the paper has x4 alone, the first code drops one doubling. Followed is BasicSR: the x4 network (16,703,171
  parameters) on squares of 2 x 2 pixels turned into channels. BasicSR refuses odd sizes; here the last row or column is
  repeated, and what comes of it cut off.
- Discriminator: the paper does not give its layers. Followed is BasicSR: ten convolutions for patches of 128, every
  other one halving the side by 4 x 4 filters, then 100 numbers, then one (14,499,401 parameters).
- `course`: 2 blocks of 16 channels, growth 8; the discriminator has 16 channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import judged

RESIDUAL = 0.2  # every correction is shrunk to this part before it is added
START = 0.1  # first weights, as a part of He et al.'s


class DenseBlock(nn.Module):
    """Five convolutions that read all before them: ``(N, features, H, W)`` plus a correction of the same shape."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        widths = [growth] * 4 + [features]
        self.convs = nn.ModuleList(nn.Conv2d(features + i * growth, w, 3, padding=1) for i, w in enumerate(widths))
        self.leaky = nn.LeakyReLU(0.2)
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight)
            nn.init.zeros_(conv.bias)
            with torch.no_grad():
                conv.weight.mul_(START)

    def forward(self, x: Tensor) -> Tensor:
        read = x
        for conv in self.convs[:-1]:
            read = torch.cat([read, self.leaky(conv(read))], -3)
        return x + RESIDUAL * self.convs[-1](read)


class RRDB(nn.Module):
    """Residual in residual dense block (figure 4): three dense blocks and a skip around them."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(*[DenseBlock(features, growth) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        return x + RESIDUAL * self.dense(x)


class RRDBNet(nn.Module):
    """ESRGAN's generator: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1].

    Args:
        scale: 2 or 4.
        blocks: residual-in-residual dense blocks.
        features: channels.
        growth: channels that each convolution of a dense block adds.
    """

    title = "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks, 2018"
    ancestor = "SRGAN (2017): dense blocks without batch norm, and a judge that asks which picture is the more real"
    code = "https://github.com/xinntao/ESRGAN"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 4)
    variants = {"23": {"blocks": 23}}
    trunk = ("head", "twice", "enlarge1", "twice", "enlarge2", "refine", "tail")
    course = {"blocks": 2, "features": 16, "growth": 8}

    def __init__(self, scale: int = 4, blocks: int = 23, features: int = 64, growth: int = 32) -> None:
        super().__init__()
        self.scale, self.blocks = scale, blocks
        self.fold = 4 // scale  # side of the square of pixels that becomes channels
        self.grid = self.fold
        if self.fold > 1:
            self.trunk = ()  # repeating pixels cannot put a square's pixels in their places
        self.head = nn.Conv2d(3 * self.fold**2, features, 3, padding=1)
        self.body = nn.Sequential(*[RRDB(features, growth) for _ in range(blocks)])
        self.join = nn.Conv2d(features, features, 3, padding=1)
        self.enlarge1 = nn.Conv2d(features, features, 3, padding=1)
        self.enlarge2 = nn.Conv2d(features, features, 3, padding=1)
        self.refine = nn.Conv2d(features, features, 3, padding=1)
        self.tail = nn.Conv2d(features, 3, 3, padding=1)
        self.leaky = nn.LeakyReLU(0.2)
        self.twice = nn.UpsamplingNearest2d(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        if x.ndim == 3:  # repeating pixels wants a batch
            return self(x[None])[0]
        height, width = x.shape[-2:]
        self.grid = self.fold
        if self.fold > 1:
            x = F.pad(x, (0, -width % self.fold, 0, -height % self.fold), mode="replicate")
            x = F.pixel_unshuffle(x, self.fold)
        x = self.head(x)
        x = x + self.join(self.body(x))
        x = self.leaky(self.enlarge1(self.twice(x)))
        x = self.leaky(self.enlarge2(self.twice(x)))
        x = self.tail(self.leaky(self.refine(x)))
        return x[..., : self.scale * height, : self.scale * width]

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        body = 1 + 15 * self.blocks + 1
        enlarging = 2  # the three convolutions on the largest grid and the one on the grid before it, from below
        return 2 * self.fold * (body + enlarging) + 1


class Discriminator(nn.Module):
    """ESRGAN's judge: pictures ``(N, 3, patch, patch)`` in [0, 1] to logits ``(N, 1)``.

    Nothing is squashed at the end: a relativistic loss takes differences of logits, and its sigmoid is the loss's own.

    Args:
        patch: side of the pictures, a multiple of 32.
        features: channels of the first convolution; the last have eight times as many.
        hidden: numbers between the convolutions and the verdict.
    """

    course = {"features": 16}

    def __init__(self, patch: int = 128, features: int = 64, hidden: int = 100) -> None:
        super().__init__()
        if patch < 32 or patch % 32:
            raise ValueError(f"patch={patch} is not a multiple of 32, as five halvings need. Use 128, or 96.")
        self.patch = patch
        layers: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.LeakyReLU(0.2)]
        layers += self.halve(features)
        for before, after in ((1, 2), (2, 4), (4, 8), (8, 8)):
            before, after = before * features, after * features
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
            layers += self.halve(after)
        self.look = nn.Sequential(*layers)
        self.judge = nn.Sequential(
            nn.Linear(8 * features * (patch // 32) ** 2, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1)
        )

    @staticmethod
    def halve(features: int) -> list[nn.Module]:
        """Layers from ``(N, features, H, W)`` to half the height and width."""
        conv = nn.Conv2d(features, features, 4, stride=2, padding=1, bias=False)
        return [conv, nn.BatchNorm2d(features), nn.LeakyReLU(0.2)]

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(self.look(judged(x, self.patch)).flatten(1))
