"""Self-checks of the chapter *The problem*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib.live import check, function
from srlib.live.kinds import number, numbers, same, tensor

_DRAWN = torch.Generator().manual_seed(0)
#: what a twin is asked of: the blocks that are hard, and others of every remainder, wide and narrow
BLOCKS = (
    *((90, 110, 120, 80), (0, 0, 0, 0), (255, 255, 255, 255), (7, 7, 7, 8), (10, 10, 10, 12), (0, 255, 0, 255)),
    *(
        tuple(torch.randint(low, high + 1, (4,), generator=_DRAWN).tolist())
        for low, high in ((0, 255), (30, 32), (0, 1), (0, 3), (252, 255), (254, 255))
        for _ in range(8)
    ),
)


def missing(answer: Callable[[int, int, int], int] | None) -> bool:
    """Exercise 1: ``answer(height, width, scale)`` counts the numbers that shrinking a colour photo throws away."""
    return check(
        function(answer, number),
        (lambda f: f(8, 8, 2) != 48, "You counted one channel. A colour photo has three numbers at each pixel."),
        (lambda f: f(8, 8, 2) != 96, "Both sides shrink: 4 of 16 numbers remain for each 4 x 4 pixels, not 8."),
        (lambda f: f(8, 8, 2) != 48 * 4, "That is how many numbers there were. Take off those that remain."),
        (lambda f: f(8, 8, 2) == 144, "8 x 8 pixels have 192 numbers, and 48 remain at x2: 144 are gone."),
        (lambda f: f(12, 8, 4) == 270, "Right for 8 x 8 at x2; 12 x 8 at x4 throws 288 - 18 numbers away."),
        (
            lambda f: f(9, 10, 4) == 180,
            "A photo of 9 x 10 is first cut to 8 x 8 at x4. The strip is not the shrinking's.",
        ),
        (
            lambda f: f(9, 13, 3) == 288,
            "Right at x2 and x4, wrong at x3: of 9 x 13, cut to 9 x 12, 324 - 36 go.",
        ),
        hint=[
            "How many numbers has the photo, and how many has the small one?",
            "Each side is first cut to a multiple of the scale: height - height % scale.",
            "With h and w cut so: 3 * h * w numbers before, and 3 * (h // scale) * (w // scale) after. Subtract.",
        ],
    )


def twin(answer: Callable[[Sequence[int]], Sequence[int]] | None) -> bool:
    """Exercise 2: ``answer(block)`` gives four other pixel values that shrink to the same rounded mean."""

    def everywhere(holds: Callable[[list, list], bool]) -> Callable:
        return lambda f: all(holds(list(b), list(f(list(b)))) for b in BLOCKS)

    return check(
        function(answer, numbers(4)),
        (
            everywhere(lambda b, t: t != b),
            "For some block you give back the block itself. (Swapping four equal pixels changes nothing.)",
        ),
        (everywhere(lambda _, t: all(v == int(v) for v in t)), "A file stores whole levels: no fractions, please."),
        (
            everywhere(lambda _, t: all(0 <= v <= 255 for v in t)),
            "Levels run from 0 to 255. Yours leave that range when a pixel is already black or white.",
        ),
        (
            everywhere(lambda b, t: _mean(t) == _mean(b)),
            "For some block the rounded mean changes: try (7, 7, 7, 8), with mean 7.25, and (10, 10, 10, 12).",
        ),
        hint=[
            "The small pixel is the mean, rounded. How much may the sum of the four change without anybody noticing?",
            "The rounded mean is (sum + 2) // 4. Try to change one pixel by one level, up or down, and look at that.",
            "Loop over the four pixels and over +1 and -1; return the first change that stays in 0..255 and keeps it.",
        ],
    )


def fit(answer: Callable[[Tensor, Tensor, int], Tensor] | None) -> bool:
    """Exercise 3: ``answer(wanted, small, scale)`` changes ``wanted`` as little as possible until it shrinks so."""
    generator = torch.Generator().manual_seed(0)
    wanted, small = torch.rand(3, 12, 16, generator=generator), torch.rand(3, 3, 4, generator=generator)
    nearest = wanted + F.interpolate((small - F.avg_pool2d(wanted, 4))[None], scale_factor=4)[0]

    def means(f: Callable, scale: int = 4) -> Tensor:
        return F.avg_pool2d(f(wanted, small, scale), scale)

    other = F.avg_pool2d(wanted, 2).flip(-1)
    return check(
        function(answer, tensor),
        (lambda f: f(wanted, small, 4).shape == wanted.shape, "The result must have the shape of wanted."),
        (
            lambda f: not same(means(f), F.avg_pool2d(wanted, 4) + small),
            "Its blocks have their old mean plus the new one: take the old mean off first.",
        ),
        (lambda f: same(means(f), small), "Its blocks do not have the means that small asks for."),
        (
            lambda f: (f(wanted, small, 4) - F.interpolate(small[None], scale_factor=4)[0]).abs().max() > 1e-4,
            "It shrinks to small, but nothing of wanted is left in it: each block is flat.",
        ),
        (
            lambda f: same(f(wanted, small, 4), nearest),
            "It shrinks to small, but wanted was changed more than needed: within a block, change all pixels alike.",
        ),
        (
            lambda f: same(f(wanted, other, 2), _fitted(wanted, other, 2)),
            "Right at x4, wrong at x2: does your function use the scale?",
        ),
        hint=[
            "What does wanted shrink to, and how far is that from small?",
            "That difference has the size of small. Every pixel of a block must change by the block's difference.",
            "Enlarge `small - F.avg_pool2d(wanted, scale)` with repeat_interleave along -2 and -1, and add it.",
        ],
    )


def _mean(block: Sequence[int]) -> int:
    return (sum(block) + 2) // 4


def _fitted(wanted: Tensor, small: Tensor, scale: int) -> Tensor:
    """Every pixel of a block moved by as much as the block's mean is off."""
    off = small - F.avg_pool2d(wanted, scale)
    return wanted + off.repeat_interleave(scale, -2).repeat_interleave(scale, -1)
