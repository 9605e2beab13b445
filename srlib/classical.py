"""Super-resolution before learning: guess, shrink the guess, compare with the photo, correct, again.

All four methods hold that the photo y is the unknown picture x shrunk, y = A x + noise, where A (:func:`shrink`) is
MATLAB's antialiased bicubic. Many x fit one y; the methods differ in what else they demand of x:

    ibp     nothing: the error of the shrunk guess is enlarged and added          Irani & Peleg, 1991
    pocs    an error of at most ``delta``, and values that a picture can have     Stark & Oskoui, 1989
    map_tv  few and sharp edges: a small total variation                          Rudin, Osher & Fatemi, 1992
    bayes   fine detail faint, as in photos: a Gaussian prior, solved exactly     Field, 1987; Zhao et al., 2016

One fact carries them all: enlarging by bicubic interpolation (:func:`enlarge`) is A transposed, times scale^2, to the
last digit and at the border too, because antialiasing widens the same cubic that enlarging uses. And the largest
eigenvalue of A'A is 1 / scale^2. So ``x + enlarge(y - shrink(x))`` is both back-projection and a step of gradient
descent on |y - A x|^2 / 2, of the longest length that is always safe.

Every method is a generator of ``iterations + 1`` estimates, the first one the bicubic start, so that a slider can
step through them. ``lr`` is ``(N,)C,h,w`` in [0, 1], each estimate a new tensor ``(N,)C,scale*h,scale*w`` of the same
dtype, its channels estimated one by one; like bicubic's, values may overshoot [0, 1] (except where ``pocs`` says so).
Bad input is refused at the call, before the first estimate. PSNR below: Set5's luma, protocol "y_float".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from srlib import checks
from srlib.losses import gradient
from srlib.resize import cubic, resize


def ibp(lr: Tensor, scale: int, iterations: int = 10, step: float = 1.0) -> Iterator[Tensor]:
    """Iterative back-projection: enlarge what the shrunk estimate lacks, and add it.

    M. Irani, S. Peleg, "Improving resolution by image registration", CVGIP 53(3), 1991, with one photo instead of many
    and the cubic as back-projection kernel. It ends where the estimate, shrunk, is the photo: of all such pictures the
    one nearest to the start. It cannot invent what no photo pixel asks for, and noise in the photo is kept.

    Args:
        lr: the photo.
        scale: enlarge so many times.
        iterations: corrections. Each leaves at most 78 % of the error, usually far less; after 10 nothing is gained.
        step: the share of the error that is added back. Below 1 is slower; above 1 coarse shades overshoot on the way;
            beyond 2 every correction makes a greater error than it mends.

    34.93 / 31.27 / 29.22 dB at x2 / x3 / x4 (bicubic 33.69 / 30.41 / 28.43).

    >>> photo = torch.tensor([[[0.2, 0.4], [0.6, 0.8]]])
    >>> for estimate in ibp(photo, scale=2, iterations=3):
    ...     print(f"{(photo - shrink(estimate, 2)).abs().max():.3f}")
    0.036
    0.004
    0.001
    0.000
    """
    start = _start(lr, scale, iterations)
    _number(step, "step", "Use 1.")
    lr = lr.detach()

    def correct(x: Tensor) -> Tensor:
        return x + step * enlarge(lr - shrink(x, scale), scale)

    return _successive(correct, start, iterations)


def pocs(
    lr: Tensor, scale: int, iterations: int = 30, delta: float = 0.5, amplitude: tuple[float, float] = (0.0, 1.0)
) -> Iterator[Tensor]:
    """Projection onto convex sets: everything that is known is a set of pictures; visit the sets in turn.

    H. Stark, P. Oskoui, "High-resolution image recovery from image-plane arrays, using convex projections", JOSA A
    6(11), 1989. Two kinds of sets: pictures that agree with a photo pixel to within ``delta``, and pictures with values
    in ``amplitude``. The paper visits the pixels one after another; here one gradient step serves them all at once, and
    where all agree nothing moves. Any picture in all sets is an answer: which one is reached depends on the start.

    Args:
        lr: the photo.
        scale: enlarge so many times.
        iterations: visits to all sets. More change nothing once no pixel is off by more than ``delta``.
        delta: what a pixel may be off, in 8-bit levels. 0.5 is the rounding of a file; with noise, two or three times
            its standard deviation. Too much and the start is already an answer: nothing happens.
        amplitude: the least and greatest value. (16/255, 235/255) holds for the luma of any photo. Too narrow a range
            contradicts the photo: no picture is in all the sets, and the estimates settle in between.

    34.85 / 31.24 / 29.20 dB; with luma's own amplitude 34.86 / 31.25 / 29.23.
    """
    start = _start(lr, scale, iterations)
    _number(delta, "delta", "Use 0.5 levels.")
    if not isinstance(amplitude, Sequence) or len(amplitude) != 2 or not amplitude[0] < amplitude[1]:
        raise ValueError(f"amplitude={amplitude!r} must be (least, greatest) value. Use (0.0, 1.0).")
    lr, slack = lr.detach(), delta / 255

    def project(x: Tensor) -> Tensor:
        error = lr - shrink(x, scale)
        excess = error - error.clamp(-slack, slack)
        return (x + enlarge(excess, scale)).clamp(*amplitude)

    return _successive(project, start, iterations)


def map_tv(lr: Tensor, scale: int, iterations: int = 60, weight: float = 3e-4) -> Iterator[Tensor]:
    """The most probable picture if edges are rare: the minimum of |y - A x|^2 / 2 + weight * TV(x), sums over pixels.

    TV is the total variation of L. Rudin, S. Osher, E. Fatemi, "Nonlinear total variation based noise removal
    algorithms", Physica D 60, 1992: the sum of the lengths of all gradients, which an edge raises no more when it is
    sharp than when it is soft. The minimum is approached by iterative shrinkage (ISTA): a step of gradient descent on
    the first term, then denoising by TV. A. Beck, M. Teboulle, IEEE TIP 18(11), 2009, prove that the sum never grows.

    Args:
        lr: the photo.
        scale: enlarge so many times.
        iterations: steps. PSNR peaks after 20 for soft shapes and after 300 for sharp outlines (Set5's bird and
            butterfly); this and the weight are within 0.02 dB of the best for eight held-out photos of BSD200.
        weight: the price of a unit of TV. Too little and it is back-projection; from 0.003 on texture melts into flat
            patches with sharp outlines, and the result falls below ``ibp``.

    35.44 / 31.92 / 29.85 dB. Widely seen code calls scikit-image's TV denoising in each step; its default tolerance
    stops that after some 5 iterations, which lets more detail through than the weight asks for. With it, 40 steps and
    weight 0.001 give 35.47 / 31.97 / 29.87, and with its tolerance at 0, 35.27 / 31.73 / 29.60.
    """
    start = _start(lr, scale, iterations)
    _number(weight, "weight", "Use 0.0003.")
    lr = lr.detach()
    dual = torch.zeros(2, *start.shape).to(start)

    def shrinkage(x: Tensor) -> Tensor:
        nonlocal dual
        x = x + enlarge(lr - shrink(x, scale), scale)
        # enlarge() made the gradient step scale^2 long, so the price is multiplied by as much; 5 iterations are
        # enough because the field is kept (from zeros they would denoise by far too little)
        x, dual = denoise_tv(x, weight * scale**2, dual, iterations=5)
        return x

    return _successive(shrinkage, start, iterations)


def bayes(lr: Tensor, scale: int, iterations: int = 6, noise: float = 1.0, contrast: float = 50.0) -> Iterator[Tensor]:
    """The mean of all pictures that could have made the photo, each counted by its probability: a Wiener filter.

    The prior is Gaussian: every cosine wave has its own random amplitude, of variance proportional to 1 / frequency^2
    (D. Field, "Relations between the statistics of natural images ...", JOSA A 4(12), 1987). So is the noise, and then
    the answer has a closed form. Shrinking lets scale^2 frequencies of the picture fall on one of the photo (aliasing),
    so they are solved for together; as each group shares one observation, one division does it (N. Zhao et al., "Fast
    single image super-resolution using a new analytical solution for l2-l2 problems", IEEE TIP 25(8), 2016). They
    assume a picture that repeats; here it is mirrored first, which is exact for ``shrink`` and leaves no seam.

    No iterating is needed. What is stepped through is how noisy the photo is believed to be: from
    ``noise * 2**(iterations - 1)`` each estimate halves it, down to ``noise``, and detail appears as trust grows.

    Args:
        lr: the photo.
        scale: enlarge so many times.
        iterations: noise levels.
        noise: standard deviation of the photo's noise, in 8-bit levels. Too much and the result is blurred; too little
            and the photo's noise is taken for detail, and sharpened.
        contrast: standard deviation of the prior's pictures about their mean, in 8-bit levels. Too much undoes the
            prior (the noise is kept), too little flattens the picture; only ``contrast / noise`` counts.

    35.32 / 31.49 / 29.41 dB.
    """
    start = _start(lr, scale, iterations)
    _number(noise, "noise", "Use 1 level.", zero=False)
    _number(contrast, "contrast", "Use 50 levels.", zero=False)
    y = _mirrored(lr.detach().cpu().double())  # not every GPU has doubles, and there is little to compute
    height, width = start.shape[-2:]
    rows, columns = (_transfer(2 * n, scale) for n in (height, width))
    transfer = rows[:, None] * columns
    power = _power(height, width) * (contrast / 255) ** 2
    observable = _folded(transfer.abs() ** 2 * power, scale)  # variance of what each frequency of the photo shows
    mean = y.mean(dim=(-2, -1), keepdim=True)
    observed = torch.fft.fft2(y - mean)

    def posterior(noise: float) -> Tensor:
        surprise = observed / (observable + (noise / 255) ** 2)
        surprise = surprise.tile(scale, scale)  # the same for all the frequencies that fall on one another
        x = torch.fft.ifft2(power * transfer.conj() * surprise).real + mean
        return x[..., :height, :width].to(start.dtype).to(start.device)

    def estimates() -> Iterator[Tensor]:
        yield start
        for k in reversed(range(iterations)):
            yield posterior(noise * 2**k)

    return estimates()


def shrink(hr: Tensor, scale: int) -> Tensor:
    """A x: how the photo comes from the picture, ``(..., H, W) -> (..., H/scale, W/scale)``. Linear."""
    return resize(hr, 1 / scale)


def enlarge(lr: Tensor, scale: int) -> Tensor:
    """Bicubic: ``(..., h, w) -> (..., scale*h, scale*w)``, which is scale^2 times the transpose of :func:`shrink`."""
    return resize(lr, scale)


def denoise_tv(img: Tensor, weight: float, dual: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """The minimum over x of |x - img|^2 / 2 + weight * TV(x), by gradient descent on its dual problem.

    A. Chambolle, "An algorithm for total variation minimization and applications", JMIV 20, 2004: the answer is
    ``img`` less the transposed gradient of a field of vectors none of which is longer than ``weight``.

    Args:
        img: the noisy picture ``(..., H, W)``.
        weight: the price of TV; the greater, the flatter.
        dual: the field to start from, ``(2, ..., H, W)``: zeros, or what an earlier call returned.
        iterations: steps; from zeros it takes hundreds, from the field of a similar picture a few.

    Returns:
        The denoised picture, and the field.
    """
    for _ in range(iterations):
        # 1/8 is the longest safe step: |gradient(x)|^2 is at most 8 |x|^2
        dual = dual + gradient(img - _gradient_transposed(dual)) / 8
        length = torch.hypot(*dual)
        dual = dual * torch.where(length > weight, weight / length, 1.0)
    return img - _gradient_transposed(dual), dual


def _gradient_transposed(field: Tensor) -> Tensor:
    """<gradient(x), field> = <x, this>, for fields that are 0 where :func:`gradient` is."""
    down, right = field
    above, left = torch.zeros_like(down[..., :1, :]), torch.zeros_like(right[..., :1])
    return -down.diff(dim=-2, prepend=above) - right.diff(dim=-1, prepend=left)


def _mirrored(img: Tensor) -> Tensor:
    """The picture beside its mirror images, ``(..., 2H, 2W)``: repeated for ever, it has no jump at the border."""
    img = torch.cat([img, img.flip(-2)], dim=-2)
    return torch.cat([img, img.flip(-1)], dim=-1)


def _transfer(length: int, scale: int) -> Tensor:
    """By which factor :func:`shrink` passes each frequency of a periodic row of ``length`` pixels: ``(length,)``."""
    pixel = np.arange(-2 * scale, 3 * scale)  # all that the first pixel of the photo sees
    weight = cubic((pixel - (scale - 1) / 2) / scale) / scale
    row = np.bincount(pixel % length, weight, minlength=length)
    return torch.from_numpy(np.fft.fft(row).conj())


def _power(height: int, width: int) -> Tensor:
    """The prior's variance of each frequency of a mirrored picture, ``(2H, 2W)``, scaled to a pixel variance of 1.

    The mean is left out (variance 0): brightness is read off the photo, as if nothing were known about it before.
    """
    rows, columns = (torch.fft.fftfreq(2 * n, dtype=torch.float64) for n in (height, width))
    squared = rows[:, None] ** 2 + columns**2
    squared[0, 0] = math.inf
    power = 1 / squared
    waves = power[:height, :width]  # as many as pixels: a mirrored picture is a sum of cosines
    return power / waves.mean().clamp(min=1e-12)  # a single pixel has a mean and nothing else


def _folded(spectrum: Tensor, scale: int) -> Tensor:
    """The mean over the ``scale^2`` frequencies that become one when only every scale-th pixel is kept."""
    height, width = (n // scale for n in spectrum.shape)
    return spectrum.reshape(scale, height, scale, width).mean(dim=(0, 2))


def _start(lr: Tensor, scale: int, iterations: int) -> Tensor:
    """Refuse what cannot be enlarged; else the bicubic enlargement every method starts from."""
    checks.unit_range(checks.picture(lr, "lr"), "lr", slack=1.0)  # antialiased bicubic overshoots a little
    checks.integer_scale(scale)
    if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < 0:
        raise ValueError(f"iterations={iterations!r} must be a whole number of at least 0. Use 10 to 60.")
    return enlarge(lr.detach(), scale)


def _number(value: float, name: str, hint: str, zero: bool = True) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{name}={value!r} must be a number of at least 0. {hint}")
    if value == 0 and not zero:
        raise ValueError(f"{name}={value!r} must be above 0. {hint}")


def _successive(step: Callable[[Tensor], Tensor], x: Tensor, iterations: int) -> Iterator[Tensor]:
    """The start, then what each step makes of the estimate before; copies, so that nobody's drawing spoils the next."""
    yield x.clone()
    for _ in range(iterations):
        x = step(x)
        yield x.clone()
