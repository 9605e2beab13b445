"""Self-checks of the chapter *ESPCN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib.live import check, function
from srlib.live.kinds import numbers, same, tensor


def seat(answer: Callable[[int, int, int], tuple[int, int, int]] | None) -> bool:
    """Exercise 1: ``answer(row, column, scale)`` names channel, row and column that a large pixel comes from."""
    return check(
        function(answer, numbers(3).called("three numbers, the channel, and the row and column in it,")),
        (lambda f: f(0, 0, 2) == (0, 0, 0), "The first large pixel is the first pixel of channel 0."),
        (
            lambda f: f(0, 1, 2)[0] != 2,
            "You go through the square by columns: one pixel to the right is the next channel, not one pixel down.",
        ),
        (lambda f: f(1, 0, 2)[0] == 2, "At x2, one pixel down from the first sits channel 2."),
        (lambda f: all(0 <= f(5, c, 3)[0] < 9 for c in range(9)), "At x3 there are nine channels, 0 to 8."),
        (
            lambda f: all(f(r, c, 3)[1:] == (r // 3, c // 3) for r, c in product(range(6), range(9))),
            "The channel is right, its row or column is not: all pixels of a square share them.",
        ),
        (
            lambda f: all(f(*a) == _seat(*a) for s in (2, 3, 4) for a in product(range(9), range(7), [s])),
            "Right for some pixels, wrong for others: does your function use scale each time?",
        ),
        hint=[
            "Two questions: which square is it in, and which place of the square is it?",
            "Whole-number division by scale gives the square, the remainder gives the place.",
            "The place (i, j) has channel i * scale + j, with i = row % scale; the square is (row // scale, ...).",
        ],
    )


def shuffle(answer: Callable[[Tensor, int], Tensor] | None) -> bool:
    """Exercise 2: ``answer(x, scale)`` is a pixel shuffle of ``(colours * scale**2, H, W)``."""
    generator = torch.Generator().manual_seed(0)
    gray, rgb = torch.rand(9, 4, 5, generator=generator), torch.rand(27, 4, 5, generator=generator)
    by_columns = F.pixel_shuffle(gray.view(3, 3, 4, 5).transpose(0, 1).reshape(9, 4, 5), 3)
    places_first = torch.cat([F.pixel_shuffle(rgb[k::3], 3) for k in range(3)])

    def gives(f: Callable, x: Tensor, wanted: Tensor) -> bool:
        return same(f(x, 3), wanted)

    return check(
        function(answer, tensor.called("the large picture, a tensor,")),
        (lambda f: f(gray, 3).shape == (1, 12, 15), "9 channels of 4 x 5, shuffled by 3, are 1 channel of 12 x 15."),
        (
            lambda f: not gives(f, gray, gray.reshape(1, 12, 15)),
            "This is a plain reshape: right shape, no picture. Split the axes, change their order, then join them.",
        ),
        (
            lambda f: not gives(f, gray, by_columns),
            "You fill each square by columns: channel 1 belongs to the right of channel 0.",
        ),
        (lambda f: gives(f, gray, F.pixel_shuffle(gray, 3)), "Right shape, wrong seats: follow one pixel by hand."),
        (
            lambda f: not gives(f, rgb, places_first),
            "Right for one colour; with three you take places first, as TensorFlow does. Colours come first here.",
        ),
        (lambda f: gives(f, rgb, F.pixel_shuffle(rgb, 3)), "Right for one colour, wrong for three (27 channels)."),
        (
            lambda f: all(same(f(rgb[: s * s], s), F.pixel_shuffle(rgb[: s * s], s)) for s in (2, 5)),
            "Right for x3, wrong for x2 or x5: does your function use scale?",
        ),
        hint=[
            "The channel axis hides three axes: colour, place down the square, place across it.",
            "view it as (colours, scale, scale, H, W). Which of these belong together in the large picture's rows?",
            "permute(0, 3, 1, 4, 2): colour; row and its place; column and its place. Then reshape.",
        ],
    )


def kernels_of(answer: Callable[[Tensor, int], Tensor] | None) -> bool:
    """Exercise 3: ``answer(stamps, stride)`` turns a deconvolution's weight into that of a convolution and shuffle."""
    generator = torch.Generator().manual_seed(0)
    stamps = {s: torch.randn(4, 1, 3 * s, 3 * s, generator=generator) for s in (2, 3)}
    x = torch.randn(1, 4, 6, 7, generator=generator)

    def drawn(kernels: Tensor, s: int) -> Tensor:
        return F.pixel_shuffle(F.conv2d(x, kernels, padding=1), s)

    def draws(kernels: Tensor, s: int) -> bool:
        fits = kernels.shape == (s * s, 4, 3, 3)
        return fits and same(drawn(kernels, s), F.conv_transpose2d(x, stamps[s], stride=s, padding=s), atol=1e-4)

    def by_columns(kernels: Tensor) -> Tensor:
        return kernels.view(3, 3, 4, 3, 3).transpose(0, 1).reshape(9, 4, 3, 3)

    return check(
        function(answer, tensor.called("the convolution's weight, a tensor,")),
        (
            lambda f: f(stamps[3], 3).shape != (4, 9, 3, 3),
            "That is (4, 9, 3, 3): a convolution's weight has its outputs, the nine places, first.",
        ),
        (lambda f: f(stamps[3], 3).shape == (9, 4, 3, 3), "4 stamps of 9 x 9 become a weight of (9, 4, 3, 3)."),
        (
            lambda f: not draws(f(stamps[3], 3).flip(2, 3), 3),
            "Only the turn is missing: a stamp spreads to where a kernel, turned by 180 degrees, looks from.",
        ),
        (
            lambda f: not draws(by_columns(f(stamps[3], 3)), 3),
            "Right kernels, but for the places of the square by columns; they go by rows.",
        ),
        (
            lambda f: draws(f(stamps[3], 3), 3),
            "Right shape, but convolution and shuffle draw another picture than the deconvolution.",
        ),
        (lambda f: draws(f(stamps[2], 2), 2), "Right for stride 3, wrong for 2: does your function use stride?"),
        hint=[
            "Above, kernels were flipped, transposed and shuffled into stamps. Undo the three, last one first.",
            "F.pixel_unshuffle undoes the shuffle; what does it make of (4, 1, 9, 9)?",
            "(4, 9, 3, 3): change the first two axes, and turn the last two with flip(2, 3).",
        ],
    )


def _seat(row: int, column: int, scale: int) -> tuple[int, int, int]:
    """Where it truly comes from: shuffle the numbers of all seats and look."""
    deep = torch.arange(scale**2 * 81).view(scale**2, 9, 9)
    number = int(F.pixel_shuffle(deep, scale)[0, row, column])
    return number // 81, number % 81 // 9, number % 9
