"""Degradations: what stands between the scene and the file. Small callable objects, seeded and printable.

A degradation is the forward model of the inverse problem the course solves: y = (k * x) downsampled + n,
then quantised and compressed. Each object takes a picture ``(C, H, W)`` or batch in [0, 1] and returns one in
[0, 1]; the same seed gives the same result, and ``repr`` says what it does, ready for a figure's caption.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from srlib import checks
from srlib.images import from_uint8, modcrop, round_to_uint8, to_uint8
from srlib.resize import resize

# Lower-case class names on purpose: they are used, and printed, like functions.


@dataclass(frozen=True)
class bicubic:
    """Shrink by ``scale`` with MATLAB's antialiased bicubic: the degradation of nearly every SR paper.

    The picture is first cropped to a multiple of the scale: ``(..., H, W) -> (..., H//scale, W//scale)``.

    >>> bicubic(2)
    bicubic(scale=2, antialias=True)
    """

    scale: int
    antialias: bool = True

    def __post_init__(self) -> None:
        checks.integer_scale(self.scale)

    def __call__(self, img: Tensor) -> Tensor:
        return resize(modcrop(img, self.scale), 1 / self.scale, antialias=self.antialias)


@dataclass(frozen=True)
class blur:
    """Gaussian blur of standard deviation ``sigma`` pixels, mirrored at the border; the size stays."""

    sigma: float

    def __post_init__(self) -> None:
        if not isinstance(self.sigma, int | float) or not 0 <= self.sigma <= 50:
            raise ValueError(f"sigma={self.sigma!r} pixels is outside 0..50. Use about 0.5 to 3.")

    def __call__(self, img: Tensor) -> Tensor:
        checks.picture(img)
        if self.sigma < 1e-3:  # no neighbour would get any weight
            return img
        # three sigmas hold 99.7 % of the weight; a mirror cannot be wider than the picture itself
        radius = min(int(np.ceil(3 * self.sigma)), min(img.shape[-2:]) - 1)
        x = torch.arange(-radius, radius + 1, dtype=torch.float64)
        row = torch.exp(-(x**2) / (2 * self.sigma**2))
        row = (row / row.sum()).to(img)
        batch = img.reshape(-1, 1, *img.shape[-2:])
        batch = F.pad(batch, (radius,) * 4, mode="reflect")
        batch = F.conv2d(F.conv2d(batch, row.view(1, 1, 1, -1)), row.view(1, 1, -1, 1))
        return batch.reshape(img.shape)


@dataclass(frozen=True)
class noise:
    """Gaussian noise of standard deviation ``sigma`` in 8-bit levels (25 is the denoising papers' "noise 25").

    The result is clipped to [0, 1]. The same seed and shape give the same noise.
    """

    sigma: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.sigma, int | float) or not 0 <= self.sigma <= 255:
            raise ValueError(f"sigma={self.sigma!r} levels is outside 0..255. Use 5 to 50.")
        if not isinstance(self.seed, int):
            raise ValueError(f"seed={self.seed!r} is not a whole number. Use 0, 1, 2, ...")

    def __call__(self, img: Tensor) -> Tensor:
        checks.unit_range(checks.picture(img), slack=1.0)
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU, so every device sees the same noise
        grain = torch.randn(img.shape, generator=generator).to(img)
        return (img + grain * (self.sigma / 255)).clamp(0, 1)


@dataclass(frozen=True)
class jpeg:
    """JPEG compression at ``quality`` 1..100 through a real encoder, one picture at a time (8-bit result)."""

    quality: int

    def __post_init__(self) -> None:
        if isinstance(self.quality, bool) or not isinstance(self.quality, int) or not 1 <= self.quality <= 100:
            raise ValueError(f"quality={self.quality!r} must be a whole number from 1 to 100.")

    def __call__(self, img: Tensor) -> Tensor:
        checks.picture(img, channels=(1, 3))
        if img.ndim == 4:
            return torch.stack([self(one) for one in img])
        file = io.BytesIO()
        Image.fromarray(to_uint8(img)).save(file, format="JPEG", quality=self.quality)
        return from_uint8(np.asarray(Image.open(file))).to(img)


@dataclass(frozen=True)
class quantise:
    """Clip to [0, 1] and round to 8 bits, as writing a file does."""

    def __call__(self, img: Tensor) -> Tensor:
        return round_to_uint8(checks.picture(img))


class compose:
    """Apply degradations one after another, first to last.

    >>> compose(blur(1.2), bicubic(2), noise(5, seed=1))
    compose(blur(sigma=1.2), bicubic(scale=2, antialias=True), noise(sigma=5, seed=1))
    """

    def __init__(self, *steps) -> None:
        for step in steps:
            if not callable(step):
                raise TypeError(f"{step!r} is not a degradation. Give objects such as blur(1.2) or noise(5).")
        self.steps = steps

    def __call__(self, img: Tensor) -> Tensor:
        for step in self.steps:
            img = step(img)
        return img

    def __repr__(self) -> str:
        return f"compose({', '.join(map(repr, self.steps))})"
