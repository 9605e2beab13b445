"""MPRNet: restore in three stages, from quarters of the picture to the whole, each stage judged and each told the last.

S. W. Zamir, A. Arora, S. Khan, M. Hayat, F. S. Khan, M.-H. Yang, L. Shao, "Multi-Stage Progressive Image Restoration",
CVPR 2021 (arXiv:2102.02808). The authors' code: https://github.com/swz30/MPRNet

- Followed: section 3 and the code, which is one file three times, with other widths: `derain`, `denoise`, `deblur`
  have 40, 80, 96 channels. Stages 1 and 2 are U-Nets (on four quarters, then two halves), stage 3 never shrinks the
  picture. No convolution has a bias, and one PReLU, one number, serves the whole network.
- Nothing is enlarged: input and output have one size, and each stage's picture is a correction to the input. The code
  returns the last stage first; :meth:`MPRNet.outputs` lists the early ones first. All three are trained.
- The code halves features by bilinear interpolation of factor 0.5, which is the mean of every 2 x 2 pixels; so here.
- Channel attention averages over quarters, halves, the whole: every pixel sees the whole picture, and a picture cut
  into tiles gives a slightly different result.
- Any size: the picture is continued by mirroring to multiples of 8, as in the authors' demo, and the results cropped.
  Where one reflection does not suffice (a side of 4 or less), it is reflected again; the demo stops with an error.
- The paper trains every task with Charbonnier and edge loss; the denoising code with Charbonnier alone, on stages
  clamped to [0, 1] and mixed-up pairs. Its patches are of 128 pixels, the others' of 256.
- `course`: 8 channels, 4 more on each level of the U-Net and in stage 3, 2 blocks in each of its groups.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import mirrored


def conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)


def halves(x: Tensor, axis: int) -> Tensor:
    """Cut ``(N, C, H, W)`` at its middle, along axis -2 or -1: ``(2 N, ...)``, all first halves, then all others."""
    return x.unflatten(axis, (2, -1)).movedim(axis - 1, 0).flatten(0, 1)  # torch.chunk would not export to ONNX


def whole(x: Tensor, axis: int) -> Tensor:
    """Undo :func:`halves`."""
    return x.unflatten(0, (2, -1)).movedim(0, axis - 1).flatten(axis - 1, axis)


class Block(nn.Module):
    """Channel attention block: convolve, PReLU, convolve, weigh the channels by what all pixels hold, add (RCAN's)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = conv(features, features, 3)
        self.conv2 = conv(features, features, 3)
        self.squeeze = conv(features, features // 4, 1)
        self.excite = conv(features // 4, features, 1)

    def forward(self, x: Tensor, act: nn.PReLU) -> Tensor:
        y = self.conv2(act(self.conv1(x)))
        weights = self.excite(self.squeeze(y.mean((-2, -1), keepdim=True)).relu()).sigmoid()
        return x + y * weights


class Blocks(nn.ModuleList):
    """``count`` blocks in a row; the PReLU is handed in, for all share it."""

    def __init__(self, features: int, count: int) -> None:
        super().__init__(Block(features) for _ in range(count))

    def forward(self, x: Tensor, act: nn.PReLU) -> Tensor:
        for block in self:
            x = block(x, act)
        return x


class Shallow(nn.Module):
    """First features of a stage: ``(N, 3, H, W)`` to ``(N, features, H, W)``."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv = conv(3, features, 3)
        self.block = Block(features)

    def forward(self, x: Tensor, act: nn.PReLU) -> Tensor:
        return self.block(self.conv(x), act)


class Down(nn.Module):
    """A level of the U-Net's way down: halve the size (but on the first level), change the channels, two blocks.

    With ``fusion`` (stage 2) it is also told what stage 1's U-Net found on this level, on its way down and on its way
    up: cross-stage feature fusion (section 3.2).
    """

    def __init__(self, above: int | None, features: int, fusion: bool) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.AvgPool2d(2), conv(above, features, 1)) if above else nn.Identity()
        self.blocks = Blocks(features, 2)
        self.from_encoder = conv(features, features, 1) if fusion else None
        self.from_decoder = conv(features, features, 1) if fusion else None

    def forward(self, x: Tensor, act: nn.PReLU, encoded: Tensor | None = None, decoded: Tensor | None = None) -> Tensor:
        x = self.blocks(self.enter(x), act)
        return x if self.from_encoder is None else x + self.from_encoder(encoded) + self.from_decoder(decoded)


class Up(nn.Sequential):
    """Twice the size by bilinear interpolation, then other channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), conv(inputs, outputs, 1))


class UpLevel(nn.Module):
    """A level of the way up: what comes from below, enlarged, plus what the way down found here; two blocks."""

    def __init__(self, below: int, features: int) -> None:
        super().__init__()
        self.skip = Block(features)
        self.enter = Up(below, features)
        self.blocks = Blocks(features, 2)

    def forward(self, x: Tensor, encoded: Tensor, act: nn.PReLU) -> Tensor:
        return self.blocks(self.skip(encoded, act) + self.enter(x), act)


class UNet(nn.Module):
    """Stage 1 or 2 (section 3.1): down to a quarter of the size and up again. Lists of features are full size first."""

    def __init__(self, channels: list[int], fusion: bool) -> None:
        super().__init__()
        above = [None, *channels]
        self.down = nn.ModuleList(Down(above[i], features, fusion) for i, features in enumerate(channels))
        self.bottom = Blocks(channels[-1], 2)
        self.up = nn.ModuleList(UpLevel(b, a) for a, b in reversed(list(pairwise(channels))))

    def encode(self, x: Tensor, act: nn.PReLU, *told: list[Tensor]) -> list[Tensor]:
        """The way down; ``told`` are stage 1's encoded and decoded features."""
        encoded = []
        for i, level in enumerate(self.down):
            x = level(x, act, *(features[i] for features in told))
            encoded.append(x)
        return encoded

    def decode(self, encoded: list[Tensor], act: nn.PReLU) -> list[Tensor]:
        """The way up: features of the same shapes as ``encoded``."""
        decoded = [self.bottom(encoded[-1], act)]
        for level, skip in zip(self.up, reversed(encoded[:-1]), strict=True):
            decoded.insert(0, level(decoded[0], skip, act))
        return decoded


class SupervisedAttention(nn.Module):
    """Draw the stage's picture, and let it decide which features the next stage gets (section 3.3)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.keep = conv(features, features, 1)
        self.draw = conv(features, 3, 1)
        self.judge = conv(3, features, 1)

    def forward(self, x: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        kept = self.keep(x)
        picture = given + self.draw(x)
        return x + kept * self.judge(picture).sigmoid(), picture


class FullSize(nn.Module):
    """A group of stage 3 (ORSNet, section 3.1): blocks, a convolution and a skip, all at full size.

    Then it is told what one level of stage 2's U-Net found, enlarged step by step: ``channels`` are those of the
    levels from the first down to that one.
    """

    def __init__(self, features: int, blocks: int, channels: list[int]) -> None:
        super().__init__()
        self.blocks = Blocks(features, blocks)
        self.join = conv(features, features, 3)
        steps = [(b, a) for a, b in reversed(list(pairwise(channels)))]
        self.from_encoder = nn.Sequential(*[Up(*step) for step in steps], conv(channels[0], features, 1))
        self.from_decoder = nn.Sequential(*[Up(*step) for step in steps], conv(channels[0], features, 1))

    def forward(self, x: Tensor, act: nn.PReLU, encoded: Tensor, decoded: Tensor) -> Tensor:
        x = x + self.join(self.blocks(x, act))
        return x + self.from_encoder(encoded) + self.from_decoder(decoded)


class MPRNet(nn.Module):
    """MPRNet: a damaged picture ``(N, 3, H, W)`` to the restored one of the same size, RGB in [0, 1]; any size.

    Args:
        scale: 1; there for the sake of the other networks.
        features: channels at full size.
        deeper: how many more there are on each lower level of the U-Nets.
        wider: how many more there are in stage 3.
        blocks: attention blocks in each of its three groups.
    """

    title = "Multi-Stage Progressive Image Restoration, 2021"
    ancestor = "RCAN (2018): its attention blocks in three supervised stages, on quarters, on halves, on the whole"
    code = "https://github.com/swz30/MPRNet"
    space = "rgb"
    pre_upsampled = False
    scales = (1,)
    variants = {
        "derain": {"features": 40, "deeper": 20, "wider": 16},
        "denoise": {"features": 80, "deeper": 48, "wider": 32},
        "deblur": {"features": 96, "deeper": 48, "wider": 32},
    }
    draws = ("attention12.draw", "attention23.draw", "tail")
    course = {"features": 8, "deeper": 4, "wider": 4, "blocks": 2}

    def __init__(self, scale: int = 1, features: int = 40, deeper: int = 20, wider: int = 16, blocks: int = 8) -> None:
        super().__init__()
        if features < 4:
            raise ValueError(f"features={features} is too few: attention keeps a quarter of them. Use 4 or more.")
        channels = [features, features + deeper, features + 2 * deeper]
        self.scale = scale
        self.act = nn.PReLU()
        self.shallow1 = Shallow(features)
        self.unet1 = UNet(channels, fusion=False)
        self.attention12 = SupervisedAttention(features)
        self.shallow2 = Shallow(features)
        self.join12 = conv(2 * features, features, 3)
        self.unet2 = UNet(channels, fusion=True)
        self.attention23 = SupervisedAttention(features)
        self.shallow3 = Shallow(features)
        self.join23 = conv(2 * features, features + wider, 3)
        self.orsnet = nn.ModuleList(FullSize(features + wider, blocks, channels[: i + 1]) for i in range(3))
        self.tail = conv(features + wider, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs(x)[-1]

    def outputs(self, x: Tensor) -> list[Tensor]:
        """The pictures of stages 1, 2 and 3, all of the input's size; the last is the result."""
        checks.picture(x, "x", channels=(3,))
        if x.ndim == 3:
            return [picture[0] for picture in self.outputs(x[None])]
        height, width = x.shape[-2:]
        x = mirrored(x, 8)  # halves of it can be halved twice more
        act, upper_lower = self.act, halves(x, -2)

        encoded = self.unet1.encode(self.shallow1(halves(upper_lower, -1), act), act)  # four quarters
        encoded = [whole(features, -1) for features in encoded]
        decoded = self.unet1.decode(encoded, act)  # two halves
        kept, stage1 = self.attention12(decoded[0], upper_lower)

        y = self.join12(torch.cat([self.shallow2(upper_lower, act), kept], 1))
        encoded = self.unet2.encode(y, act, encoded, decoded)
        encoded = [whole(features, -2) for features in encoded]
        decoded = self.unet2.decode(encoded, act)  # the whole
        kept, stage2 = self.attention23(decoded[0], x)

        y = self.join23(torch.cat([self.shallow3(x, act), kept], 1))
        for group, *told in zip(self.orsnet, encoded, decoded, strict=True):
            y = group(y, act, *told)
        stage3 = x + self.tail(y)

        return [picture[..., :height, :width] for picture in (whole(stage1, -2), stage2, stage3)]

    @property
    def receptive_field(self) -> None:
        return None  # attention sees the whole picture
