"""Pieces that several networks use unchanged; what only one paper uses stands in that paper's file."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from srlib import checks

#: The mean colour of the DIV2K training photos, red, green, blue in [0, 1]: EDSR and its descendants subtract it.
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class MeanColour(nn.Module):
    """Between pictures in [0, 1] and what EDSR's descendants compute with: 0 to 255, less the mean colour."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(DIV2K_MEAN).view(3, 1, 1), persistent=False)

    def remove(self, x: Tensor) -> Tensor:
        """``(..., 3, H, W)`` in [0, 1] to about -114 ... 152."""
        return 255 * x - self.mean

    def restore(self, x: Tensor) -> Tensor:
        """Undo :meth:`remove`."""
        return (x + self.mean) / 255


class ResBlock(nn.Module):
    """EDSR's residual block (section 3.1): convolve, ReLU, convolve, scale, add. No batch norm.

    ``(N, features, H, W)`` to the same shape. ``res_scale`` below 1 keeps very wide networks stable.
    """

    def __init__(self, features: int, kernel: int = 3, res_scale: float = 1.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, kernel, padding=kernel // 2)
        self.conv2 = nn.Conv2d(features, features, kernel, padding=kernel // 2)
        self.relu = nn.ReLU()
        self.res_scale = res_scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self.res_scale * self.conv2(self.relu(self.conv1(x)))


def octaves(scale: int) -> list[int]:
    """The steps in which an :class:`Upsampler` reaches ``scale``: 4 is 2 and 2 again.

    >>> octaves(4), octaves(3)
    ([2, 2], [3])
    """
    return [2] * (scale.bit_length() - 1) if scale & (scale - 1) == 0 else [scale]


class Upsampler(nn.Sequential):
    """EDSR's upsampler: ``(N, features, H, W)`` to ``(N, features, scale*H, scale*W)``.

    For each octave a 3 x 3 convolution to ``4 * features`` channels whose pixels are shuffled into place (ESPCN);
    x3 is one step with ``9 * features``.
    """

    def __init__(self, features: int, scale: int) -> None:
        layers: list[nn.Module] = []
        for step in octaves(scale):
            layers += [nn.Conv2d(features, features * step**2, 3, padding=1), nn.PixelShuffle(step)]
        super().__init__(*layers)


def upsampler_reach(scale: int, tail: int) -> int:
    """How many LR pixels away the ``scale`` x ``scale`` output pixels of one LR pixel look.

    They look through an :class:`Upsampler` and, before it, a convolution on the large grid that reaches ``tail``
    pixels to each side.
    """
    first, last = -tail, scale - 1 + tail  # seen on the large grid by the output pixels 0 ... scale - 1
    for step in reversed(octaves(scale)):
        first, last = first // step - 1, last // step + 1  # back through the shuffle, then the 3 x 3 convolution
    return max(-first, last)


def mirrored(x: Tensor, multiple: int) -> Tensor:
    """``(..., H, W)`` continued below and to the right, by reflection at the last pixel, to multiples of ``multiple``.

    Written with indices and without negative divisions, so that an exported ONNX graph does it for any size.

    >>> mirrored(torch.arange(3.0).view(1, 3), 8)[0].tolist()
    [0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0]
    """
    for axis in (-2, -1):
        size = x.shape[axis]
        there = torch.arange(size, device=x.device)
        there_and_back = torch.cat([there, there[1:-1].flip(0)])
        x = x.index_select(axis, there_and_back.repeat(multiple)[: (size + multiple - 1) // multiple * multiple])
    return x


def judged(x: Tensor, patch: int) -> Tensor:
    """The pictures ``(N, 3, patch, patch)`` that a judge's dense layers can take; a sentence for any others."""
    checks.picture(x, "x", channels=(3,))
    if x.shape[1:] != (3, patch, patch):
        raise ValueError(
            f"x has shape {tuple(x.shape)}, but this judge takes (N, 3, {patch}, {patch}). "
            "Cut such patches, or make it with another patch."
        )
    return x
