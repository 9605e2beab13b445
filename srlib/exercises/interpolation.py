"""Self-checks for the chapter *Interpolation*. Each prints one sentence and returns whether the answer is right."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from torch import Tensor

from srlib import datasets, images, metrics
from srlib.live import check, function, value
from srlib.live.kinds import number, rows, same, tensor
from srlib.resize import KERNELS, cubic, resize

PIXELS = np.array([10.0, 20.0, 40.0, 80.0])
_DISTANCES = np.array([-1.5, -0.5, 0.5, 1.5])
ROUNDS = 5  # of back-projection


def halfway(answer: float | None) -> bool:
    """Exercise 1: the value that bicubic (a = -1/2) puts halfway between 20 and 40, among 10, 20, 40, 80."""
    keys, opencv = (cubic(_DISTANCES, a) @ PIXELS for a in (-0.5, -0.75))
    positive = np.abs(cubic(_DISTANCES))
    return check(
        value(answer, number.called("one number, such as 12.5,")),
        (_is_not(30), "30 is the straight line between 20 and 40: bilinear's answer. Bicubic also reads 10 and 80."),
        (_is_not(opencv), "That is bicubic with a = -3/4, as OpenCV and PyTorch have it. Use a = -1/2."),
        (_is_not(positive @ PIXELS), "You added the outer two pixels. Their weights are negative: subtract them."),
        (
            _is_not(positive @ PIXELS / positive.sum()),
            "Bicubic's outer weights are negative; you used their size only.",
        ),
        (_is_not(PIXELS.mean()), "That is the plain mean of all four. The two inner pixels are nearer and count more."),
        (_is_not(20, 40), "That is a copy of one neighbour: nearest. Bicubic mixes four pixels."),
        (_is_not(keys / 255), "Right in units of 255. The pixels are given in 0..255, so is the answer."),
        (
            _is(keys),
            "Not yet. The distances to the four pixels are -1.5, -0.5, 0.5 and 1.5; weight each pixel by the kernel "
            "there and add up.",
        ),
        hint=[
            "The four distances from the halfway point are printed in *One formula for all of them*.",
            "Multiply each value by its weight and add up. The outer two weights are negative.",
            "With a = -1/2 the weights at distance 0.5 are 9/16, and those at distance 1.5 are -1/16.",
        ],
    )


def taps(answer: Callable[[int, int], list[tuple[int, float]] | None]) -> bool:
    """Exercise 2: ``taps(i, scale)``, the (position, weight) pairs of output pixel ``i`` in bicubic enlarging."""
    cases = [(i, scale) for scale in (2, 3, 4) for i in range(12)]

    def always(holds: Callable[[dict[int, float], float], bool]) -> Callable[[Callable], bool]:
        """Does this hold for the weights and the true centre of every case?"""
        return lambda fn: all(holds(_as_dict(fn(i, s)), (i + 0.5) / s - 0.5) for i, s in cases)

    def sits_at(centre: Callable[[int, int], float]) -> Callable[[Callable], bool]:
        """Are the weights of every case the cubic around this centre?"""
        return lambda fn: all(_equal(_as_dict(fn(i, s)), _weights(centre(i, s))) for i, s in cases)

    return check(
        function(answer, rows(2).called("a list of (position, weight) pairs")),
        (
            lambda fn: all(j == int(j) for i, s in cases for j, _ in fn(i, s)),
            "A position is the number of a pixel: a whole one.",
        ),
        (
            lambda fn: not sits_at(lambda i, s: i / s)(fn),
            "Your grid is i / scale, so the picture moves by a fraction of a pixel. The middle of output pixel i lies "
            "at (i + 0.5) / scale - 0.5.",
        ),
        (
            lambda fn: not sits_at(lambda i, s: (i + 0.5) / s)(fn),
            "Your grid is half an input pixel off: positions count from the middle of pixel 0, so subtract 0.5.",
        ),
        (
            lambda fn: not always(lambda w, x: _equal(w, _weights(x, -0.75)))(fn),
            "The grid is right, but these are the weights for a = -3/4. Keys and MATLAB use a = -1/2.",
        ),
        (
            lambda fn: not always(lambda w, x: _equal(w, _weights(x, kernel="bilinear")))(fn),
            "The grid is right, but these are bilinear's two weights. Bicubic reads four pixels.",
        ),
        (
            always(lambda w, x: abs(sum(w.values()) - 1) < 1e-6),
            "The weights do not always add up to 1, so a gray wall would not stay gray. Is a neighbour missing?",
        ),
        (
            always(lambda w, x: abs(sum(j * v for j, v in w.items()) - x) < 1e-6),
            "The weights do not balance at the middle of the output pixel. Is each distance x - j the right one?",
        ),
        (always(lambda w, x: _equal(w, _weights(x))), "Grid and sum are right, the weights are not Keys' cubic yet."),
        hint=[
            "First compute where the middle of output pixel i lies in the input. Not at i / scale: see *Half a pixel*.",
            "If that middle is x, the four neighbours are floor(x) - 1 to floor(x) + 2.",
            "The weight of neighbour j is `float(resize.cubic(x - j))`; the four weights add up to 1.",
        ],
    )


def back_projection(answer: Callable[[Tensor, Tensor, int], Tensor | None]) -> bool:
    """Exercise 3: ``back_project(sr, lr, scale)``, one round of making ``sr`` shrink to ``lr`` again."""
    hr = _photo()
    small = {s: resize(images.modcrop(hr, s), 1 / s) for s in (2, 3)}
    first = {s: resize(lr, s) for s, lr in small.items()}

    def broken(sr: Tensor, s: int) -> float:
        return float((resize(sr, 1 / s) - small[s]).abs().mean())

    def after(fn: Callable, s: int, rounds: int) -> Tensor:
        sr = first[s]
        for _ in range(rounds):
            sr = fn(sr, small[s], s)
        return sr

    def better(fn: Callable, s: int) -> bool:
        truth = images.modcrop(hr, s)
        before, now = (metrics.psnr(sr.clamp(-1, 2), truth, crop=s) for sr in (first[s], after(fn, s, ROUNDS)))
        return now > before + 0.2

    both = (2, 3)
    return check(
        function(answer, tensor.called("the improved picture, a tensor shaped like sr,")),
        (
            lambda fn: after(fn, 2, 1).shape == first[2].shape,
            "The result must have the shape of sr. The difference is a small picture: enlarge it before you add it.",
        ),
        (
            lambda fn: all(after(fn, s, 1).shape == first[s].shape for s in both),
            "It works at x2 only. Use the argument scale instead of a fixed 2.",
        ),
        (
            lambda fn: not same(after(fn, 2, 1), first[2]),
            "Nothing changed. Add the enlarged difference between lr and the shrunken sr.",
        ),
        (
            lambda fn: after(fn, 2, 1).mean() > 0.5 * first[2].mean(),
            "You returned the correction alone. Add it to sr.",
        ),
        (
            lambda fn: all(broken(after(fn, s, 1), s) < broken(first[s], s) for s in both),
            "The promise is broken more than before. Mind the sign: what is missing is lr minus the shrunken sr.",
        ),
        (
            lambda fn: all(broken(after(fn, s, ROUNDS), s) < 0.25 * broken(first[s], s) for s in both),
            f"Better, but after {ROUNDS} rounds too much of the promise is still broken. Add the whole difference, "
            "shrunk and enlarged by antialiased bicubic.",
        ),
        (lambda fn: all(better(fn, s) for s in both), "The promise is kept, but the PSNR did not rise by 0.2 dB."),
        hint=[
            "How far is the promise from being kept? Shrink sr and compare with lr. The difference is a small picture.",
            "The difference must be enlarged before it can be added to sr.",
            "Mind the sign: where the shrunken sr is too dark, sr must become brighter. Add what is missing, enlarged.",
        ],
    )


def _is(wanted: float) -> Callable[[float], bool]:
    return lambda answer: abs(answer - wanted) < 0.01


def _is_not(*others: float) -> Callable[[float], bool]:
    return lambda answer: all(abs(answer - other) >= 0.01 for other in others)


def _as_dict(pairs: Sequence[tuple[float, float]]) -> dict[int, float]:
    """(position, weight) pairs as position -> weight, without the zeros; a position named twice has both weights."""
    found: dict[int, float] = {}
    for j, w in pairs:
        found[int(j)] = found.get(int(j), 0.0) + w
    return {j: w for j, w in found.items() if abs(w) > 1e-9}


def _weights(x: float, a: float = -0.5, kernel: str = "bicubic") -> dict[int, float]:
    """What the kernel gives the pixels around x, without the zeros."""
    near = range(math.floor(x) - 2, math.floor(x) + 4)
    k = (lambda d: cubic(d, a)) if kernel == "bicubic" else KERNELS[kernel][0]
    return {j: w for j in near if abs(w := float(k(np.float64(x - j)))) > 1e-9}


def _equal(one: dict[int, float], other: dict[int, float]) -> bool:
    return one.keys() == other.keys() and all(abs(one[j] - other[j]) < 1e-6 for j in one)


@cache
def _photo() -> Tensor:
    """The detail that back-projection is tried on: luma ``(1, 120, 120)``."""
    return images.rgb_to_y(datasets.photos("bundled")["coffee"].image[:, 120:240, 240:360])
