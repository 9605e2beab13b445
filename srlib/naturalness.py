"""A score without the original: how far is a picture from the statistics that natural photographs share?

Divide each pixel's deviation from its surroundings by how much those surroundings vary, and photographs of anything
give nearly the same bell-shaped histogram. Blur, noise, blocks and ringing each change its shape. NIQE (Mittal,
Soundararajan and Bovik, 2013, "Making a 'Completely Blind' Image Quality Analyzer", IEEE SPL 20(3)) measures how much.

This is NIQE's method with our own idea of "natural": its model was fitted to 125 photos that we do not have, ours to
the course's eight bundled training photos, in patches of 48 instead of 96 pixels. So the numbers are not NIQE's: they
rank pictures here, and must not stand beside published ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import ndimage, special
from torch import Tensor

from srlib import checks, datasets
from srlib.images import rgb_to_y
from srlib.resize import resize

PATCH = 48  # pixels a side; halved for the second scale
SHARP = 0.75  # the model learns from patches at least this sharp, beside the sharpest of the same photo

_SHAPES = np.arange(0.2, 10, 0.001)
#: E[x^2] / E[|x|]^2 of a generalised Gaussian, falling with its shape (2: Gaussian, 1: Laplacian)
_RATIOS = special.gamma(1 / _SHAPES) * special.gamma(3 / _SHAPES) / special.gamma(2 / _SHAPES) ** 2


@dataclass(frozen=True)
class Model:
    """What natural patches are like: a Gaussian over their 36 features."""

    mean: np.ndarray
    covariance: np.ndarray
    patches: int  #: how many it was fitted to


def distance(img: Tensor, *, crop: int = 0, model: Model | None = None) -> float:
    """How far the patches of a picture are from natural ones, by NIQE's distance: lower is more natural.

    It is the distance between two Gaussians, one over the picture's patches, one over the model's. It says nothing
    about being the *right* picture: any natural one will do.

    Args:
        img: ``(C, H, W)`` or a batch (the mean of its pictures' values), gray or RGB; its luma is judged.
        crop: pixels left out on each side.
        model: what is natural; None means :func:`bundled`.

    Raises:
        TypeError, ValueError: not a picture in [0, 1], or not a single patch of 48 x 48 left.
    """
    checks.picture(img, channels=(1, 3))
    if img.ndim == 4:
        return sum(distance(one, crop=crop, model=model) for one in img) / len(img)
    if isinstance(crop, bool) or not isinstance(crop, int) or crop < 0:
        raise ValueError(f"crop={crop!r} must be a whole number of pixels, 0 or more.")
    if 2 * crop >= min(img.shape[-2:]):
        raise ValueError(f"crop={crop} leaves nothing of {img.shape[-2]} x {img.shape[-1]} pixels. Crop less.")
    found, _ = features(img[:, crop : img.shape[1] - crop, crop : img.shape[2] - crop])
    model = model or bundled()
    off = found.mean(0) - model.mean
    spread = np.cov(found.T) if len(found) > 1 else 0  # one patch does not vary
    return float(np.sqrt(off @ np.linalg.pinv((model.covariance + spread) / 2) @ off))


@cache
def bundled() -> Model:
    """The model of the bundled training photos, fitted at the first call (about a second; always the same)."""
    return fit(image for _, image in datasets.photos("bundled", split="train"))


def fit(pictures: Iterable[Tensor]) -> Model:
    """A model of what is natural from pictures that are; only their sharp patches count."""
    kept = []
    for img in pictures:
        found, sharpness = features(img)
        kept.append(found[sharpness > SHARP * sharpness.max()])
    kept = np.concatenate(kept)
    if len(kept) < 2:
        raise ValueError(f"The pictures have {len(kept)} sharp patch of {PATCH} x {PATCH}. Give more pictures.")
    return Model(kept.mean(0), np.cov(kept.T), len(kept))


def features(img: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """36 numbers for each patch of a picture, and how sharp it is: ``(n, 36), (n,)``.

    18 at full size and 18 at half: shape and variance of the normalised pixels, then for the products with the
    neighbour in each of four directions shape, mean, and the variance of either side.
    """
    checks.unit_range(checks.picture(img, channels=(1, 3)), slack=1.0)
    if img.ndim != 3:
        raise ValueError(f"img is a batch of shape {tuple(img.shape)}. Take one picture of it with img[0].")
    height, width = (n // PATCH * PATCH for n in img.shape[-2:])
    if not height or not width:
        raise ValueError(
            f"img has {img.shape[-2]} x {img.shape[-1]} pixels left, but the score needs a patch of {PATCH} x {PATCH}. "
            "Use a larger picture, or crop less."
        )
    luma = rgb_to_y(img.detach().cpu().double())[..., :height, :width]
    columns, sharpness = [], None
    for scale in (1, 2):
        y = 255 * (luma if scale == 1 else resize(luma, 1 / scale))[0].numpy()
        normalised, spread = normalise(y)
        if sharpness is None:
            sharpness = _patches(spread, PATCH).mean((1, 2))
        x = _patches(normalised, PATCH // scale)
        columns += fit_symmetric(x)
        columns += fit_asymmetric(x[:, :, :-1] * x[:, :, 1:])  # right
        columns += fit_asymmetric(x[:, :-1] * x[:, 1:])  # below
        columns += fit_asymmetric(x[:, :-1, :-1] * x[:, 1:, 1:])  # below right
        columns += fit_asymmetric(x[:, :-1, 1:] * x[:, 1:, :-1])  # below left
    return np.stack(columns, axis=1), sharpness


def normalise(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luma in 0..255 without its local mean and contrast, and that contrast: both ``(H, W)``.

    "Local" is a Gaussian of 7 x 7 pixels and sigma 7/6. The 1 keeps flat places from blowing up.
    """

    def local(z: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(z, 7 / 6, radius=3, mode="nearest")

    mean = local(y)
    contrast = np.sqrt(np.maximum(local(y * y) - mean**2, 0))
    return (y - mean) / (contrast + 1), contrast


def fit_symmetric(x: np.ndarray) -> list[np.ndarray]:
    """Shape and variance of a generalised Gaussian, by matching moments: ``(n, h, w) -> [(n,), (n,)]``."""
    variance = (x**2).mean((1, 2))
    return [_shape(variance / np.maximum(np.abs(x).mean((1, 2)) ** 2, 1e-12)), variance]


def fit_asymmetric(x: np.ndarray) -> list[np.ndarray]:
    """Shape, mean and the two variances of an asymmetric one: ``(n, h, w) -> four of (n,)``."""
    left, right = (np.sqrt((x**2 * side).sum((1, 2)) / np.maximum(side.sum((1, 2)), 1)) for side in (x < 0, x >= 0))
    skew = left / np.maximum(right, 1e-6)
    ratio = (x**2).mean((1, 2)) / np.maximum(np.abs(x).mean((1, 2)) ** 2, 1e-12)
    shape = _shape(ratio * (skew**2 + 1) ** 2 / ((skew**3 + 1) * (skew + 1)))
    mean = (right - left) * special.gamma(2 / shape) / np.sqrt(special.gamma(1 / shape) * special.gamma(3 / shape))
    return [shape, mean, left**2, right**2]


def _shape(ratio: np.ndarray) -> np.ndarray:
    return np.interp(ratio, _RATIOS[::-1], _SHAPES[::-1])


def _patches(x: np.ndarray, side: int) -> np.ndarray:
    """``(H, W) -> (n, side, side)``, both a multiple of the side."""
    height, width = x.shape
    return x.reshape(height // side, side, width // side, side).swapaxes(1, 2).reshape(-1, side, side)
