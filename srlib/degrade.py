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

from srlib import checks, motion
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
        _check_seed(self.seed)

    def __call__(self, img: Tensor) -> Tensor:
        checks.unit_range(checks.picture(img), slack=1.0)
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU, so every device sees the same noise
        grain = torch.randn(img.shape, generator=generator).to(img)
        return (img + grain * (self.sigma / 255)).clamp(0, 1)


@dataclass(frozen=True)
class sensor_noise:
    """The noise of a camera sensor: a value x in [0, 1] gets the variance ``a * x + b``; the result is clipped.

    Photons arrive one by one, so a count is Poisson: brighter is noisier. Reading it out adds Gaussian noise. (Foi et
    al., 2008, "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data".)

    Args:
        a: variance per unit of light. White is 1 / a counted electrons: 0.01 means 100 of them.
        b: variance of the read-out. Its root is a fraction of white: 0.0004 means 2 %, or about 5 of 255 levels.
        seed: the same seed and shape give the same noise.

    The model holds for light as the sensor counts it; on an sRGB photo, which is gamma-coded, it only resembles it.
    """

    a: float
    b: float
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, advice in (("a", self.a, "0.001 to 0.05"), ("b", self.b, "0 to 0.002")):
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"{name}={value!r} is outside 0..1. Use {advice}; values are variances, not sigmas.")
        _check_seed(self.seed)

    def __call__(self, img: Tensor) -> Tensor:
        checks.unit_range(checks.picture(img), slack=1.0)
        generator = torch.Generator().manual_seed(self.seed)
        light = img.detach().cpu().double().clamp(0, 1)  # there is no less than no light
        if self.a > 1e-9:  # a billion electrons: nothing to see
            light = self.a * torch.poisson(light / self.a, generator=generator)
        light = light + self.b**0.5 * torch.randn(light.shape, generator=generator, dtype=light.dtype)
        return light.clamp(0, 1).to(img)


@dataclass(frozen=True)
class motion_blur:
    """Blur by a camera that moved while the shutter was open, mirrored at the border; the size stays.

    Args:
        seed: which kernel. Of Levin's there are eight: 8 is 0 again.
        kernels: "levin", the measured ones; "shake", drawn at random; "auto", Levin's where ``Levin09.mat`` is on
            this machine and drawn ones otherwise. ``repr`` says which of the two it became. See :mod:`srlib.motion`.

    >>> motion_blur(seed=3, kernels="shake")
    motion_blur(seed=3, kernels='shake')
    """

    seed: int = 0
    kernels: str = "auto"

    def __post_init__(self) -> None:
        _check_seed(self.seed)
        checks.choice(self.kernels, ("levin", "shake", "auto"), "kernels")
        if self.kernels == "auto":  # settled now, so that repr tells it and nothing changes later
            object.__setattr__(self, "kernels", "levin" if motion.levin_file() else "shake")

    @property
    def kernel(self) -> Tensor:
        """Where a point's light goes: float64 ``(S, S)``, S odd, sum 1."""
        return motion.shake(self.seed) if self.kernels == "shake" else motion.levin()[self.seed % 8]

    def __call__(self, img: Tensor) -> Tensor:
        checks.picture(img)
        kernel = self.kernel.to(img)
        radius = kernel.shape[-1] // 2
        if min(img.shape[-2:]) <= radius:
            raise ValueError(
                f"img is {img.shape[-2]} x {img.shape[-1]} pixels, too small for a kernel of {kernel.shape[-1]}. "
                f"Use a picture of at least {radius + 1} pixels a side."
            )
        batch = F.pad(img.reshape(-1, 1, *img.shape[-2:]), (radius,) * 4, mode="reflect")
        # torch's conv2d does not turn the kernel round, a convolution does
        return F.conv2d(batch, kernel.flip(0, 1)[None, None]).reshape(img.shape)


@dataclass(frozen=True)
class rain:
    """Rain streaks: ``min(1, picture + streaks)``, the same gray streaks in all channels.

    That is eq. 1 of Yang et al. (2017, "Deep Joint Rain Detection and Removal from a Single Image"), O = B + S, by
    which the pairs of Rain100L and Rain100H were made. Here S is sparse random dots drawn out along the fall; the
    defaults are as light as Rain100L. For the heavy rain of Rain100H compose several directions; :class:`shower` mixes
    near drops with far ones.

    Args:
        length: of a streak, in pixels.
        angle: of the fall in degrees from the vertical; positive leans like "/".
        density: streaks that start per pixel.
        strength: of the brightest single streak, in [0, 1]; the others are spread evenly below it.
        seed: the same seed and shape give the same rain; the pictures of a batch get different rain.
        width: of a streak, in pixels.
    """

    length: float = 25
    angle: float = 10
    density: float = 0.004
    strength: float = 0.3
    seed: int = 0
    width: float = 1.5

    def __post_init__(self) -> None:
        limits = {"length": (1, 200, "pixels"), "angle": (-90, 90, "degrees"), "density": (0, 1, "streaks a pixel")}
        for name, (low, high, unit) in (limits | {"strength": (0, 1, "of white"), "width": (1, 20, "pixels")}).items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or not low <= value <= high:
                raise ValueError(f"{name}={value!r} {unit} is outside {low}..{high}. Try {getattr(rain, name)}.")
        _check_seed(self.seed)

    def __call__(self, img: Tensor) -> Tensor:
        checks.unit_range(checks.picture(img), slack=1.0)
        streak = motion.streak(self.length, self.angle, self.width)
        dy, dx = (n // 2 for n in streak.shape)
        pictures = img.shape[0] if img.ndim == 4 else 1
        generator = torch.Generator().manual_seed(self.seed)
        # streaks that begin outside reach into the picture, so the sky is drawn larger than it
        sky = torch.rand(pictures, 1, img.shape[-2] + 2 * dy, img.shape[-1] + 2 * dx, generator=generator)
        drops = torch.where(sky < self.density, sky / max(self.density, 1e-12), 0)  # brightness even in 0..1
        streaks = self.strength * F.conv2d(drops, streak[None, None])
        return (img + streaks.reshape(*img.shape[:-3], 1, *img.shape[-2:]).to(img)).clamp(0, 1)


@dataclass(frozen=True)
class shower:
    """Rain as it falls on the next photo, and on no other: far, middle and near drops, under a lean of its own.

    No two showers are alike, so a network that learns from many has to learn what rain *is*, and not one angle and one
    length. Far drops are many, short and thin, near ones few, long and wide (:data:`DROPS`, set by eye beside Rain12,
    a set that the course never scores). Each is drawn out by :class:`rain`.

    Args:
        strength: of the brightest single streak, in [0, 1].
        seed: of lean, lengths, widths, densities and places; of the batch's pictures only the places differ.
    """

    strength: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        _check_seed(self.seed)
        self.layers()

    def layers(self) -> list[rain]:
        """The three rains it is made of."""
        generator = torch.Generator().manual_seed(self.seed)

        def between(low: float, high: float) -> float:
            return low + (high - low) * torch.rand((), generator=generator).item()

        lean, found = between(-LEAN, LEAN), []
        for number, drops in enumerate(DROPS):
            length, width, density = (between(*limits) for limits in drops)
            strength, angle = self.strength * between(0.2, 1), lean + between(-3, 3)
            found.append(rain(length, angle, density, strength, (self.seed + number) % 2**63, width))
        return found

    def __call__(self, img: Tensor) -> Tensor:
        return compose(*self.layers())(img)


#: of far, middle and near drops: lengths and widths in pixels, streaks that start per pixel
DROPS = (
    ((8, 20), (1, 1.5), (2e-3, 1e-2)),
    ((15, 40), (1, 2.5), (5e-4, 3e-3)),
    ((30, 90), (2, 6), (1e-5, 1.5e-4)),
)
LEAN = 30  #: degrees from the vertical, at most


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


def _check_seed(seed: int) -> None:
    if not isinstance(seed, int):
        raise ValueError(f"seed={seed!r} is not a whole number. Use 0, 1, 2, ...")
