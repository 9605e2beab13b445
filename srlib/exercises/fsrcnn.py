"""Self-checks of the chapter *FSRCNN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import models
from srlib.live import check, function
from srlib.live.kinds import number, same, tensor


def size(answer: Callable[..., int] | None) -> bool:
    """Exercise 1: ``answer(n, stride, kernel=9, padding=4, output_padding=0)`` counts a deconvolution's pixels."""
    return check(
        function(answer, number),
        (
            lambda f: f(20, 2) != 40,
            "20 pixels give 39 without output_padding: the last stamp is not followed by a gap.",
        ),
        (lambda f: f(20, 3) == 58, "20 pixels at stride 3 give 58: where does the last of 20 stamps begin?"),
        (lambda f: f(20, 3, output_padding=2) == 60, "With output_padding=2 it is 60: does your function use it?"),
        (
            lambda f: all(f(*a) == _made(*a) for a in ((7, 2, 4, 1, 0), (5, 4, 9, 3, 1), (1, 3, 5, 0, 0))),
            "Right for 9 x 9 and padding 4, wrong for another kernel or padding: padding is cut from both ends.",
        ),
        hint=[
            "Draw it: the first stamp begins at pixel 0. Where does the last one begin, and where does it end?",
            "n stamps lie `stride` apart, so the last begins at (n - 1) * stride and is `kernel` long.",
            "Take padding away at both ends and add output_padding: (n - 1) * stride + kernel - 2 * ... + ...",
        ],
    )


def multiply_adds(answer: Callable[[int, int, int, int], float] | None) -> bool:
    """Exercise 2: ``answer(d, s, m, scale)`` counts the multiply-adds for one pixel of the large picture."""
    return check(
        function(answer, number),
        (lambda f: not _near(f(56, 12, 4, 3), 12_464), "That is for one pixel of the small picture: share it out."),
        (
            lambda f: not _near(f(56, 12, 4, 3), (12_464 - 4_536) / 9 + 4_536),
            "The deconvolution stamps once for each small pixel too: divide its work by the same number.",
        ),
        (
            lambda f: not _near(f(56, 12, 4, 3), 12_464 / 3),
            "A small pixel becomes scale times scale large ones: divide by the square.",
        ),
        (
            lambda f: _near(f(56, 12, 4, 3), 12_464 / 9),
            "The paper's network needs 12,464 / 9 at x3, yours says otherwise.",
        ),
        (
            lambda f: all(_near(f(d, s, m, k), _counted(d, s, m, k)) for d, s, m, k in ((32, 5, 1, 2), (40, 8, 6, 4))),
            "Right for 56, 12, 4, wrong for other sizes: does each of d, s, m and scale appear where it should?",
        ),
        hint=[
            "The table at the top of the chapter gives the weights of each part.",
            "Every weight is used once for each small pixel; add the five parts.",
            "(25 d + d s + 9 m s^2 + s d + 81 d) belongs to scale^2 large pixels.",
        ],
    )


def deconvolve(answer: Callable[[Tensor, Tensor, int, int, int], Tensor] | None) -> bool:
    """Exercise 3: ``answer(x, stamp, stride, padding, output_padding)`` is a deconvolution of one channel."""
    generator = torch.Generator().manual_seed(0)
    x, stamp = torch.rand(4, 6, generator=generator), torch.rand(5, 5, generator=generator)
    dot = torch.zeros(3, 3)
    dot[1, 1] = 1.0

    def true(x: Tensor, w: Tensor, *how: int) -> Tensor:
        stride, padding, extra = how
        return F.conv_transpose2d(x[None, None], w[None, None], None, stride, padding, extra)[0, 0]

    def right(f: Callable, x: Tensor, *how: int) -> bool:
        return same(f(x, stamp, *how), true(x, stamp, *how))

    return check(
        function(answer, tensor.called("the large picture, a tensor (H, W),")),
        (
            lambda f: f(x, stamp, 2, 0, 0).shape == (11, 15),
            "4 x 6 pixels, a stamp of 5 and stride 2 make 11 x 15: see exercise 1.",
        ),
        (
            lambda f: not same(f(dot, stamp, 5, 0, 0), true(dot, stamp.flip(0, 1), 5, 0, 0)),
            "Your stamp is turned by 180 degrees: a deconvolution prints it as it is.",
        ),
        (lambda f: right(f, dot, 5, 0, 0), "A single dot of 1 must print the stamp once, as it is, at its place."),
        (lambda f: right(f, x, 5, 0, 0), "Right for one dot, wrong for a picture: multiply each stamp by its pixel."),
        (
            lambda f: right(f, x, 2, 0, 0),
            "Right while the stamps lie apart, wrong where they overlap: add, do not replace.",
        ),
        (lambda f: right(f, x, 2, 2, 0), "Right without padding: padding=2 takes two rows and columns off each side."),
        (lambda f: right(f, x, 3, 2, 2), "Right without output_padding: it keeps more at the bottom and on the right."),
        hint=[
            "Begin with a sheet of zeros that is large enough, and walk over the pixels of x.",
            "Pixel (i, j) adds x[i, j] * stamp to the rows from i * stride on and the columns from j * stride on.",
            "Make the sheet (n - 1) * stride + k + output_padding long, and return sheet[padding : end - padding].",
        ],
    )


def _made(n: int, stride: int, kernel: int, padding: int, output_padding: int) -> int:
    """The true size, from a deconvolution itself."""
    line, stamp = torch.ones(1, 1, n), torch.ones(1, 1, kernel)
    return F.conv_transpose1d(line, stamp, None, stride, padding, output_padding).shape[-1]


def _counted(d: int, s: int, m: int, scale: int) -> float:
    """The true work for a large pixel, from the network's own kernels."""
    net = models.create("fsrcnn", scale, d=d, s=s, m=m)
    return sum(p.numel() for p in net.parameters() if p.ndim == 4) / scale**2


def _near(one: float, other: float) -> bool:
    return abs(one - other) < 1e-6 * abs(other)
