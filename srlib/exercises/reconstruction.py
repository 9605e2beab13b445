"""Self-checks of the chapter *Reconstruction*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from srlib import classical, datasets, images
from srlib.classical import enlarge, shrink
from srlib.live import check, function, value
from srlib.live.kinds import numbers, same, tensor


def landing(answer: tuple[float, float] | None) -> bool:
    """Exercise 1: where back-projection ends from (20, 60), if the photo is the mean of both pixels and says 50."""

    def is_not(left: float, right: float) -> Callable[[tuple[float, float]], bool]:
        return lambda pair: not (_near(pair[0], left) and _near(pair[1], right))

    return check(
        value(answer, numbers(2).called("a pair of numbers, such as (10, 90),")),
        (is_not(50, 50), "(50, 50) fits, but it forgets the start. Back-projection changes no more than it must."),
        (
            lambda pair: not (_near(pair[0], 20) or _near(pair[1], 60)),
            "You changed one pixel only. The photo saw both alike, so the correction goes to both alike.",
        ),
        (is_not(70, 30), "The right two values, the wrong way round: the guess was darker on the left."),
        (
            is_not(25, 65),
            "That is one step with half the error on each. Its mean is 45, so the photo still asks for 5.",
        ),
        (lambda pair: _near(sum(pair) / 2, 50), "The mean of your pair is not 50, so the photo is not met yet."),
        (
            lambda pair: _near(pair[1] - pair[0], 40),
            "It fits the photo, but it is not the nearest fit: the difference between the pixels must stay 40.",
        ),
        hint=[
            "Look at the drawing of two pixels: each way to the line is straight, and meets it at a right angle.",
            "The guess has the mean 40, so 10 are lacking. The photo weighs both pixels alike.",
            "Add the same amount to both, until the mean is 50.",
        ],
    )


def visit(answer: Callable[[Tensor, Tensor, int, float], Tensor] | None) -> bool:
    """Exercise 2: ``answer(x, lr, scale, delta)`` is one POCS correction with a tolerance of ``delta`` levels."""
    lr, delta = _photo(), 3.0
    x = enlarge(lr, 2) + 0.01 * torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(0))
    error = lr - shrink(x, 2)
    allowed = error.clamp(-delta / 255, delta / 255)

    def adds(f: Callable, change: Tensor) -> bool:
        return same(f(x, lr, 2, delta), x + enlarge(change, 2))

    return check(
        function(answer, tensor.called("the corrected large picture, a tensor,")),
        (
            lambda f: f(x, lr, 2, delta).shape == x.shape,
            "The result must have the shape of x. The error is a small picture: enlarge it before you add it.",
        ),
        (lambda f: not adds(f, error), "That corrects the whole error: back-projection. What lies within delta stays."),
        (
            lambda f: not adds(f, torch.zeros_like(error)),
            "Nothing was corrected. delta is in 8-bit levels and the pictures go from 0 to 1: divide by 255.",
        ),
        (lambda f: not adds(f, allowed), "You corrected what is allowed, and left what is not: the other way round."),
        (lambda f: not adds(f, allowed - error), "The sign is wrong: what is lacking is lr minus the shrunken x."),
        (
            lambda f: not adds(f, torch.where(error.abs() > delta / 255, error, 0.0)),
            "Pixels that are off by more are corrected by the whole error. Go only to the edge of the set: the excess.",
        ),
        (lambda f: adds(f, error - allowed), "Not yet: add, enlarged, what the error has beyond delta / 255."),
        (
            lambda f: same(f(enlarge(lr, 3), lr, 3, 0.0), _visited(lr, 3)),
            "Right at x2 with a tolerance of 3, wrong at x3 with 0: use the arguments scale and delta.",
        ),
        hint=[
            "error = lr - shrink(x, scale) is what a plain back-projection would enlarge and add.",
            "tensor.clamp(low, high) gives the part of the error that lies within the tolerance.",
            "excess = error - error.clamp(-delta / 255, delta / 255), and x + enlarge(...).",
        ],
    )


def ghost_of(answer: Callable[[Tensor, int], Tensor] | None) -> bool:
    """Exercise 3: ``answer(picture, scale)`` is the nearest picture that vanishes when it is shrunk."""
    picture = enlarge(_photo(), 2).clamp(0, 1) + 0.2 * torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))
    true = {scale: _ghost(picture[..., :60, :60], scale) for scale in (2, 3)}

    def made(f: Callable, scale: int) -> Tensor:
        return f(picture[..., :60, :60], scale)

    def seen(f: Callable, scale: int) -> float:
        return float(shrink(made(f, scale), scale).abs().max())

    return check(
        function(answer, tensor.called("the ghost, a tensor,")),
        (lambda f: made(f, 2).shape == (1, 60, 60), "The ghost has the size of the picture."),
        (lambda f: made(f, 2).abs().max() > 1e-3, "Black vanishes, but it is far from the picture: keep what you can."),
        (
            lambda f: not same(made(f, 2), picture[..., :60, :60] - true[2], atol=2e-3),
            "That is all the camera does see. The ghost is the rest: subtract it from the picture.",
        ),
        (
            lambda f: seen(f, 2) < 0.1 * float(shrink(picture[..., :60, :60], 2).abs().max()),
            "Shrunk, yours is still there: what it shrinks to has to be enlarged and taken away.",
        ),
        (lambda f: seen(f, 2) < 1e-3, "Nearly invisible, not quite. One round does not take everything away: repeat."),
        (
            lambda f: same(made(f, 2), true[2], atol=2e-3),
            "It is invisible, but not the nearest such picture: change the picture only by enlarged corrections.",
        ),
        (lambda f: same(made(f, 3), true[3], atol=2e-3), "Right at x2, wrong at x3: use the argument scale."),
        hint=[
            "A ghost is a picture whose photo is black. Which method of this chapter finds a picture for a photo?",
            "Start from the picture, and back-project towards a photo of zeros.",
            "Repeat some 60 times: x = x - enlarge(shrink(x, scale), scale).",
        ],
    )


def _near(value: float, wanted: float) -> bool:
    return abs(float(value) - wanted) < 0.01


@cache
def _photo() -> Tensor:
    """A small photo to try answers on: luma ``(1, 32, 32)``."""
    return shrink(images.rgb_to_y(datasets.photos("bundled")["coffee"].image[:, 120:184, 240:304]), 2)


def _visited(lr: Tensor, scale: int) -> Tensor:
    """The true visit without tolerance, from bicubic: one round of back-projection."""
    return list(classical.ibp(lr, scale, iterations=1))[-1]


def _ghost(picture: Tensor, scale: int) -> Tensor:
    """The true ghost: the picture less the one back-projection finds for its photo."""
    return picture - list(classical.ibp(shrink(picture, scale), scale, iterations=100))[-1]
