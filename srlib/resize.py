"""Resizing, exactly as MATLAB's ``imresize`` does it: the operator every SR paper is built on.

One output sample is a weighted mean of the input samples around the point it came from. The kernel gives
the weights; *antialiasing* stretches the kernel when the picture shrinks, so that details too fine for the
new grid are averaged away instead of folding back as false patterns. The axes are separate: one pass each, and as
in MATLAB the one with the smaller factor first (height first, if they are equal).
Kernel: R. Keys, "Cubic convolution interpolation for digital image processing", 1981, eq. 15 (a = -1/2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from srlib import checks
from srlib.images import round_to_uint8

Kernel = Callable[[np.ndarray], np.ndarray]


def box(x: np.ndarray) -> np.ndarray:
    """1 on [-1/2, 1/2): nearest neighbour when enlarging, the mean of a block when shrinking."""
    return ((-0.5 <= x) & (x < 0.5)).astype(float)


def linear(x: np.ndarray) -> np.ndarray:
    """A tent on [-1, 1]: straight lines between samples."""
    return np.maximum(1 - np.abs(x), 0)


def cubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    """Keys' cubic on [-2, 2]. MATLAB and Pillow use a = -1/2; OpenCV and torch's plain mode a = -3/4."""
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def lanczos(x: np.ndarray, lobes: int = 3) -> np.ndarray:
    """The ideal low-pass filter sinc(x), faded out by a second, wider sinc on [-lobes, lobes]."""
    return np.where(np.abs(x) < lobes, np.sinc(x) * np.sinc(x / lobes), 0.0)


def lanczos2(x: np.ndarray) -> np.ndarray:
    """Lanczos with two lobes: about as wide as the cubic."""
    return lanczos(x, 2)


#: name -> (kernel, width of its support in samples)
KERNELS: dict[str, tuple[Kernel, float]] = {
    "nearest": (box, 1.0),
    "bilinear": (linear, 2.0),
    "bicubic": (cubic, 4.0),
    "lanczos2": (lanczos2, 4.0),
    "lanczos3": (lanczos, 6.0),
}
BORDERS = ("symmetric", "replicate")
TIE = 1e-9  # levels; so close to half a level *is* half a level. Doubles err by 1e-13, and other sums keep further away


def resize(
    img: Tensor,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    kernel: str = "bicubic",
    antialias: bool = True,
    border: str = "symmetric",
    uint8_passes: bool = False,
) -> Tensor:
    """Resize a picture: ``(..., C, H, W) -> (..., C, ceil(scale*H), ceil(scale*W))``.

    Args:
        img: float picture or batch, usually in [0, 1]; cubic and Lanczos may overshoot that range.
        scale: factor for both axes (2 doubles, 1/3 shrinks to a third). Give this or ``size``.
        size: ``(height, width)`` of the result.
        kernel: "nearest", "bilinear", "bicubic", "lanczos2" or "lanczos3".
        antialias: stretch the kernel when shrinking (MATLAB's default). Never changes enlarging.
            "nearest" never antialiases, as in MATLAB.
        border: how samples outside the picture are made up: "symmetric" mirrors it (MATLAB today),
            "replicate" repeats the edge (the LR files that papers share were made so).
        uint8_passes: round to 8 bits before, between and after the two passes, as those same files were. Halves go
            up (MATLAB's rule), and they are found exactly: halving or quartering 8-bit pictures meets them often.
            The order of the passes matters here: with ``size`` the axis with the smaller factor comes first.

    Returns:
        A tensor of the same dtype on the same device; differentiable unless ``uint8_passes``. The processor computes
        in 64 bits, another device in 32 (Apple's has no more); 8-bit passes are computed on the processor.

    Raises:
        TypeError, ValueError: wrong picture, both or neither of scale and size, a size of zero, an unknown name.

    >>> resize(torch.tensor([[[0.0, 1.0]]]), scale=2, kernel="bilinear")
    tensor([[[0.0000, 0.2500, 0.7500, 1.0000],
             [0.0000, 0.2500, 0.7500, 1.0000]]])
    """
    checks.picture(img)
    checks.choice(kernel, KERNELS, "kernel")
    checks.choice(border, BORDERS, "border")
    height, width = img.shape[-2:]
    (out_h, out_w), (scale_h, scale_w) = _sizes(height, width, scale, size)
    antialias = antialias and kernel != "nearest"
    passes = sorted([(scale_h, -2, height, out_h), (scale_w, -1, width, out_w)])  # of equal factors -2 is the smaller
    if uint8_passes:  # whole levels 0 to 255 from here on: then the sums of halving and quartering are exact
        out = (round_to_uint8(img.cpu().double()) * 255).round()
    else:
        wide = torch.float64 if img.device.type == "cpu" else torch.float32
        out = img.to(torch.promote_types(img.dtype, wide))
    for factor, axis, length, new in passes:
        out = _resize_axis(out, axis, *_contributions(length, new, factor, kernel, antialias, border))
        if uint8_passes:
            out = (out.clamp(0, 255) + (0.5 + TIE)).floor()
    if uint8_passes:
        out = out / 255
    return out.to(img.dtype).to(img.device)


def _sizes(
    height: int, width: int, scale: float | None, size: tuple[int, int] | None
) -> tuple[tuple[int, int], tuple[float, float]]:
    """The output size and the two factors, from whichever of ``scale`` and ``size`` was given."""
    if (scale is None) == (size is None):
        raise ValueError(f"Give either scale or size, not both or neither (scale={scale}, size={size}).")
    if scale is not None:
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale < math.inf:
            raise ValueError(f"scale={scale!r} must be a positive number, such as 2 or 1/3.")
        # 1e-9 keeps 1/3 * 255 at 85 where floating point says 85.00000000000001
        new = (math.ceil(scale * height - 1e-9), math.ceil(scale * width - 1e-9))
        if 0 in new:
            raise ValueError(f"scale={scale} makes 0 pixels of {height} x {width}. Use a larger scale.")
        return new, (float(scale), float(scale))
    if not isinstance(size, Sequence) or len(size) != 2 or any(not isinstance(n, int) or n < 1 for n in size):
        raise ValueError(f"size={size!r} must be (height, width), two whole numbers of at least 1.")
    return (size[0], size[1]), (size[0] / height, size[1] / width)


@lru_cache(maxsize=256)
def _contributions(
    length: int, new: int, scale: float, kernel: str, antialias: bool, border: str
) -> tuple[np.ndarray, np.ndarray]:
    """Which input samples make each output sample, and with what weights: two arrays ``(taps, new)``."""
    h, support = KERNELS[kernel]
    stretch = scale if antialias and scale < 1 else 1.0  # < 1 widens the kernel
    support = support / stretch
    centre = (np.arange(new) + 0.5) / scale - 0.5  # where each output pixel's middle lies in the input
    first = np.floor(centre - support / 2).astype(int)
    index = first + np.arange(math.ceil(support) + 2)[:, None]
    weight = h((centre - index) * stretch)
    weight /= weight.sum(axis=0)
    used = (weight != 0).any(axis=1)
    index, weight = index[used], weight[used]
    if border == "replicate":
        index = index.clip(0, length - 1)
    else:  # ... 1 0 | 0 1 2 ... n-1 | n-1 n-2 ...
        index = index % (2 * length)
        index = np.where(index < length, index, 2 * length - 1 - index)
    return index, weight


def _resize_axis(img: Tensor, axis: int, index: np.ndarray, weight: np.ndarray) -> Tensor:
    """Weighted sum of shifted copies of ``img`` along one axis, one copy a tap."""
    shape = [1] * img.ndim
    shape[axis] = index.shape[1]
    index, weight = torch.from_numpy(index), torch.from_numpy(weight).to(img.dtype)  # to 32 bits before it travels
    out = 0
    for taps, weights in zip(index.to(img.device), weight.to(img.device), strict=True):
        out = out + img.index_select(axis, taps) * weights.view(shape)
    return out
