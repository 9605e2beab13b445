"""Self-checks of the chapter *LapSRN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import losses
from srlib.live import check, function
from srlib.live.kinds import number, numbers, scalar


def levels(answer: Callable[[int], int] | None) -> bool:
    """Exercise 1: ``answer(8)`` gives the number of doublings that a scale needs."""
    return check(
        function(answer, number),
        (lambda f: f(2) == 1, "x2 is one doubling: start there."),
        (lambda f: f(4) == 2, "x4 is two doublings."),
        (lambda f: f(8) != 4, "Four levels at x8 would make x16: half of the scale is not its logarithm."),
        (lambda f: f(8) == 3, "x8 is 2 x 2 x 2: three levels."),
        (lambda f: f(3) == 2, "x3 needs two levels, for x2 is too small: round up. (The authors shrink x4 to x3.)"),
        (lambda f: [f(s) for s in (1, 5, 16)] == [0, 3, 4], "Right up to x8, but not for x1, x5 or x16."),
        hint=[
            "How often do you have to double 1 until it is at least the scale?",
            "2 to the power of what? The logarithm to base 2 says it, but it need not be a whole number.",
            "`math.log2(scale)`, rounded up with `math.ceil`.",
        ],
    )


def charbonnier(answer: Callable[..., Tensor] | None) -> bool:
    """Exercise 2: ``answer(sr, hr, eps=1e-3)`` is the mean of sqrt(d^2 + eps^2), with a gradient everywhere."""
    generator = torch.Generator().manual_seed(0)
    hr, small = (torch.rand(1, 1, n, n, generator=generator) for n in (8, 4))
    sr = hr + 0.002 * torch.randn(1, 1, 8, 8, generator=generator)
    return check(
        function(answer, scalar),
        (
            lambda f: not torch.isclose(f(hr, hr), torch.tensor(1e-3**0.5), rtol=1e-3),
            "Equal pictures cost 0.0316 here: under the root stands the square of eps.",
        ),
        (
            lambda f: torch.isclose(f(small, small), f(hr, hr), rtol=1e-3),
            "A larger picture costs more here: take the mean, not the sum, or the rate must fit the patch.",
        ),
        (
            lambda f: torch.isclose(f(hr, hr), torch.tensor(1e-3), rtol=1e-3),
            "Equal pictures must cost eps, 0.001: the root of eps squared is all that is left.",
        ),
        (
            lambda f: bool(_slope(f, hr).isfinite().all()),
            "Equal pictures give a gradient that is not a number: eps belongs under the root, to keep it from 0.",
        ),
        (
            lambda f: torch.isclose(f(sr, hr), losses.charbonnier(sr, hr), rtol=1e-3),
            "Right for equal pictures, wrong for others: the root of (d*d + eps*eps), pixel by pixel, then the mean.",
        ),
        (
            lambda f: torch.isclose(f(sr, hr, 0.1), losses.charbonnier(sr, hr, 0.1), rtol=1e-3),
            "Right for eps 0.001, wrong for 0.1: does your function use eps?",
        ),
        hint=[
            "Four steps: difference, square, root, mean. Where does eps come in, and in which form?",
            "Add eps * eps to the squared difference of each pixel before you take the root.",
            "`((sr - hr) ** 2 + eps**2)`, then `.sqrt()`, then `.mean()`.",
        ],
    )


def find_shift(answer: Callable[..., tuple[int, int]] | None) -> bool:
    """Exercise 3: ``answer(a, b, most=4)`` gives ``(down, right)`` by which ``b`` is moved against ``a``."""
    scene = _scene()

    def moved(down: int, right: int) -> Tensor:
        return scene[..., 10 - down : 50 - down, 10 - right : 60 - right]

    def found(f: Callable, down: int, right: int, most: int = 4) -> tuple[int, ...]:
        return f(moved(0, 0), moved(down, right), most)

    return check(
        function(answer, numbers(2).called("two numbers, down and right,")),
        (lambda f: found(f, 0, 0) == (0, 0), "Two equal pictures are not moved: (0, 0)."),
        (lambda f: found(f, 3, 1) != (-3, -1), "The other way round: b is moved against a, and not a against b."),
        (lambda f: found(f, 3, 1) != (1, 3), "Swapped: first how far down, then how far to the right."),
        (
            lambda f: found(f, 3, 1) == (3, 1),
            "Moved 3 down and 1 to the right, your function says otherwise. Was anything compared that is new at the "
            "border?",
        ),
        (
            lambda f: found(f, -2, 4) == (-2, 4),
            "Moved 2 UP and 4 to the right: down may be negative, and 4 is allowed.",
        ),
        (lambda f: found(f, 0, -4) == (0, -4), "Moved 4 to the LEFT: right may be negative too."),
        (lambda f: found(f, 4, -2) == (4, -2), "Moved 4 down and 2 to the left: that is allowed, too."),
        (lambda f: found(f, -6, 5, 6) == (-6, 5), "Right up to 4 pixels, but with most=6 it misses (-6, 5)."),
        hint=[
            "Try every shift: move b back, compare with a, and keep the one with the smallest difference.",
            "`b.roll((-down, -right), (-2, -1))` moves it back. What comes in at the border is not to be compared.",
            "Compare only `[..., most:-most, most:-most]`, put the mean squared differences into a dictionary with "
            "keys (down, right), and return `min(cost, key=cost.get)`.",
        ],
    )


def _scene() -> Tensor:
    """Faint texture between a bright sky and a dark ground, ``(1, 1, 60, 70)``, and between such walls.

    Of what is cut out at (10, 10), the border of a few pixels weighs more than all the rest: who compares it with what
    came in from the other side finds another shift.
    """
    texture = torch.rand(1, 1, 62, 72, generator=torch.Generator().manual_seed(0))
    scene = 0.5 + 0.05 * (F.avg_pool2d(texture, 3, stride=1) - 0.5)
    for start, stop, light in ((0, 13, 1.0), (47, 60, 0.0)):
        scene[..., start:stop, :] += light - 0.5
    for start, stop, light in ((0, 13, 1.0), (57, 70, 0.0)):
        scene[..., start:stop] += light - 0.5
    return scene


def _slope(loss: Callable[[Tensor, Tensor], Tensor], hr: Tensor) -> Tensor:
    """The gradient of a loss at two equal pictures."""
    sr = hr.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(sr, hr), sr)
    return slope
