"""Self-checks of the chapter *SwinIR*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from srlib.live import check, function, kinds
from srlib.models.swinir import seams


def pairs(answer: Callable[[int, int, int], int] | None) -> bool:
    """Exercise 1: ``answer(height, width, side)`` counts who compares himself with whom, in one layer of windows."""
    sizes = [(8, 8, 8), (40, 40, 4), (50, 61, 8), (17, 33, 8), (3, 100, 7)]

    def truth(height: int, width: int, side: int) -> int:
        return -(-height // side) * -(-width // side) * side**4

    return check(
        function(answer, kinds.number),
        (lambda f: f(48, 64, 8) % 1 == 0, "A count is a whole number."),
        (
            lambda f: f(48, 64, 8) != (48 * 64) ** 2,
            "That is everybody with everybody. With windows a pixel asks only the pixels of its own.",
        ),
        (
            lambda f: f(48, 64, 8) != 6 * 8 * 64,
            "Those are the pixels. Each of them asks every pixel of its window, itself included.",
        ),
        (
            lambda f: f(48, 64, 8) != 6 * 8 * 64 * 63,
            "Nearly: a pixel also asks itself, so it is 64 in a window of 8 x 8, not 63.",
        ),
        (lambda f: f(48, 64, 8) == truth(48, 64, 8), "48 x 64 pixels in windows of 8 x 8 are 6 x 8 windows. Go on."),
        (
            lambda f: f(50, 61, 8) != 6 * 7 * 8**4,
            "Right for whole windows. A picture of 50 x 61 is mirrored to 56 x 64 first: round up, not down.",
        ),
        (
            lambda f: f(50, 61, 8) != 50 * 61 * 64,
            "Right for whole windows. A picture of 50 x 61 is mirrored to 56 x 64 first, and the new pixels ask too.",
        ),
        (
            lambda f: all(f(*size) == truth(*size) for size in sizes),
            "Right for 48 x 64 pixels in windows of 8, wrong for other sizes.",
        ),
        hint=[
            "How many windows are there, and how many pairs does one window have?",
            "A window of side s has s * s pixels, and each asks s * s. Windows are counted rounded up.",
            "-(-height // side) * -(-width // side) * side**4",
        ],
    )


def attend(answer: Callable[[Tensor, Tensor, Tensor], Tensor] | None) -> bool:
    """Exercise 2: ``answer(q, k, v)`` is attention among ``L`` pixels of ``d`` numbers: ``(L, d)`` to ``(L, d)``."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (2 * torch.randn(5, 4, generator=generator) for _ in range(3))
    others = [[2 * torch.randn(n, d, generator=generator) for _ in range(3)] for n, d in ((3, 9), (7, 2), (2, 1))]
    logits = q @ k.T

    def truth(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ v

    def gives(f: Callable, wanted: Tensor) -> bool:
        return kinds.same(f(q, k, v), wanted, atol=1e-4)

    return check(
        function(answer, kinds.tensor),
        (
            lambda f: f(q, k, v).shape == (5, 4),
            "For q, k, v of shape (5, 4) return (5, 4): a new value for each of the five pixels.",
        ),
        (
            lambda f: not gives(f, logits.softmax(-1) @ v),
            "The products are not divided by the square root of d: with many channels the softmax becomes too sure.",
        ),
        (lambda f: not gives(f, (logits / 4).softmax(-1) @ v), "Divide by the square root of d, not by d."),
        (
            lambda f: not any(gives(f, (logits / scale).softmax(0) @ v) for scale in (1, 2, 4)),
            "The weights of the pixel that asks, a row of the table, have to sum to 1. Yours do so down the columns.",
        ),
        (
            lambda f: not gives(f, (logits.T / 2).softmax(-1) @ v),
            "Keys ask queries in yours: row i of the table is the query of pixel i with every key.",
        ),
        (
            lambda f: not any(gives(f, logits / scale @ v) for scale in (1, 2, 4, 5)),
            "The products themselves are no weights: they may be negative. Put a softmax between.",
        ),
        (
            lambda f: gives(f, truth(q, k, v)),
            "Not yet: softmax(q k^T / sqrt(d)), over the pixels that are asked, and with these weights the mean of v.",
        ),
        (
            lambda f: all(kinds.same(f(*other), truth(*other), atol=1e-4) for other in others),
            "Right for five pixels of four numbers, wrong for others: d is the last size of q.",
        ),
        hint=[
            "Three steps: compare, softmax, mean. Look at the toy of four pixels again.",
            "q @ k.T is the table of all comparisons: row i asks, column j is asked.",
            "(q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ v",
        ],
    )


def _booleans(given: object) -> Tensor:
    """Booleans as a tensor, also from NumPy or from lists of lists; numbers are none."""
    if isinstance(given, list | tuple) and any(isinstance(part, Tensor) for part in given):
        parts = [_booleans(part) for part in given]
        if len({part.shape for part in parts}) != 1:
            raise kinds.UnusableError
        return torch.stack(parts)
    try:
        made = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError):  # words, or rows of different lengths
        raise kinds.UnusableError from None
    if made.dtype != torch.bool:
        raise kinds.UnusableError
    return made.cpu()


def allowed(answer: Callable[[int, int, int, int], Tensor] | None) -> bool:
    """Exercise 3: ``answer(height, width, side, shift)`` says who may look at whom: ``(windows, L, L)`` of booleans."""

    def truth(*size: int) -> Tensor:
        return seams(*size, like=torch.zeros(1))[:, 0] == 0

    def same(f: Callable, *size: int) -> bool:
        return torch.equal(f(*size), truth(*size))

    last = slice(-1, None)  # the window in the corner, where all four borders meet
    return check(
        function(answer, kinds.Kind("a table of True and False", _booleans)),
        (
            lambda f: f(16, 16, 8, 4).shape == (4, 64, 64),
            "For 16 x 16 pixels and windows of 8 return booleans of shape (4, 64, 64): window, who asks, who is asked.",
        ),
        (
            lambda f: not f(16, 16, 8, 4).all(),
            "Yours lets everybody look at everybody of the window. At the seams there is somebody from the other side.",
        ),
        (
            lambda f: not torch.equal(f(16, 16, 8, 4), ~truth(16, 16, 8, 4)),
            "The wrong way round: True means that they may look.",
        ),
        (
            lambda f: f(16, 16, 8, 4)[0].all(),
            "In the first window nobody comes from the other side of the picture: there all may look at all.",
        ),
        (
            lambda f: f(16, 16, 8, 4)[last].sum() != 2 * 32 * 32,
            "In the last window two areas meet in yours, but there are four: rows and columns both go round.",
        ),
        (
            lambda f: same(f, 16, 16, 8, 4),
            "Not yet. Of pixels that the roll has brought from the other side, rows and columns must both agree.",
        ),
        (
            lambda f: same(f, 24, 16, 8, 2) and same(f, 8, 12, 4, 1),
            "Right for 16 x 16 pixels and a shift of half a window, wrong for other sizes.",
        ),
        (
            lambda f: same(f, 8, 8, 8, 4),
            "Only a picture of a single window is wrong: there too, what was rolled round looks only at its like.",
        ),
        hint=[
            "Roll a table of row numbers the way the picture is rolled. Which rows have come from the other side?",
            "Those below the shift. Cut both tables (rows, columns) into windows with `swinir.windows`, then compare "
            "all pairs of a window.",
            "came = (torch.arange(height).roll(-shift) < shift); a pair may look if `came` agrees, for rows and for "
            "columns: came[:, :, None] == came[:, None].",
        ],
    )
