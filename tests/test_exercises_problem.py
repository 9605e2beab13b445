"""The self-checks of the chapter *The problem*: silent on nothing, helpful on the typical mistake, else content."""

import answers
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from srlib.exercises import problem


def right_missing(height, width, scale):
    h, w = height - height % scale, width - width % scale
    return 3 * (h * w - h * w // scale**2)


def missing_in_floats(height, width, scale):
    whole = np.array([height, width]) // scale * scale
    return 3.0 * whole.prod() * (1 - 1 / scale**2)


def right_twin(block):
    for i in range(4):
        for change in (1, -1):
            other = list(block)
            other[i] += change
            if 0 <= other[i] <= 255 and (sum(other) + 2) // 4 == (sum(block) + 2) // 4:
                return other
    raise AssertionError("there is always one")


def twin_by_two(block):
    """Moves light from one pixel to another; where no two can, all are equal, and one pixel alone may move."""
    block = np.array(block)
    darkest, brightest = block.argmin(), block.argmax()
    if block[darkest] == block[brightest]:
        block[0] += 1 if block[0] < 255 else -1
    elif block[brightest] - block[darkest] > 1:
        block[[darkest, brightest]] += 1, -1
    elif block.sum() % 4 == 1:  # a level less keeps the mean; there is one to take away
        block[brightest] -= 1
    else:
        block[darkest] += 1
    return block


def spread(small, scale):
    return small.repeat_interleave(scale, -2).repeat_interleave(scale, -1)


def right_fit(wanted, small, scale):
    return wanted + spread(small - F.avg_pool2d(wanted, scale), scale)


def fit_by_blocks(wanted, small, scale):
    made = np.array(wanted)
    for row in range(small.shape[1]):
        for column in range(small.shape[2]):
            block = made[:, row * scale : (row + 1) * scale, column * scale : (column + 1) * scale]
            block += np.array(small[:, row, column])[:, None, None] - block.mean((1, 2), keepdims=True)
    return made


def fit_in_place(wanted, small, scale):
    wanted += torch.kron(small - F.avg_pool2d(wanted, scale), torch.ones(scale, scale))
    return wanted


def one_pixel_for_all(wanted, small, scale):
    """The right means, by changing only the first pixel of each block."""
    changed = wanted.clone()
    changed[:, ::scale, ::scale] += scale**2 * (small - F.avg_pool2d(wanted, scale))
    return changed


RIGHT = {
    "missing": [right_missing, missing_in_floats],
    "twin": [right_twin, twin_by_two, lambda block: tuple(right_twin(block))],
    "fit": [right_fit, fit_by_blocks, fit_in_place],
}
WRONG = [
    ("missing", lambda h, w, s: h * w - (h // s) * (w // s), "one channel"),
    ("missing", lambda h, w, s: 3 * (h * w - h * w // s), "Both sides shrink"),
    ("missing", lambda h, w, s: 3 * h * w, "Take off those that remain"),
    ("missing", lambda h, w, s: 3 * h * w * 3 // 4, "x4 throws"),
    ("missing", lambda h, w, s: 3 * (h * w - (h // s) * (w // s)), "first cut"),
    ("missing", lambda h, w, s: 0, "144 are gone"),
    ("missing", lambda h, w, s: right_missing(h, w, s) + (s == 3), "9 x 12"),
    ("missing", lambda h, w, s: "144", "'144' (a str), but one number is wanted"),
    ("twin", lambda block: block[::-1], "block itself"),
    ("twin", lambda block: [block[0] + 1, block[1] - 1, *block[2:]], "leave that range"),
    ("twin", lambda block: [min(255, block[0] + 1), *block[1:]], "block itself"),
    ("twin", lambda block: [v - 1 if v else 1 for v in block], "rounded mean changes"),
    ("twin", lambda block: [sum(block) / 4] * 3 + [sum(block) / 4 + 0.1], "whole levels"),
    ("twin", lambda block: block[:3], "a list of four numbers is wanted"),
    ("fit", lambda wanted, small, scale: spread(small, scale), "nothing of wanted"),
    ("fit", lambda wanted, small, scale: wanted + spread(small, scale), "take the old mean off"),
    ("fit", lambda wanted, small, scale: wanted, "means that small asks for"),
    ("fit", lambda wanted, small, scale: small, "shape of wanted"),
    ("fit", one_pixel_for_all, "more than needed"),
    ("fit", lambda wanted, small, scale: right_fit(wanted, small, 4), "at line"),
    ("fit", lambda wanted, small, scale: wanted + nothing, "NameError"),  # noqa: F821
    ("fit", lambda wanted, small, scale: right_fit(wanted, small, scale) + 0.1 * (scale == 2), "use the scale"),
]
EQUIVALENT = {
    "missing": {
        "h, w = (width - width % scale, height - height % scale)": "a product of both sides",
        "return 3 * (h * w - h * w / scale ** 2)": "it divides without a remainder",
    },
    "twin": {
        "for i in range(5):": "it never comes to a fifth pixel",
        "other[i] -= change": "up and down are tried in the other order",
        "raise AssertionError()": "it is never raised",
        "raise 'there is always one'": "it is never raised",
    },
}


TestAnswers = answers.of(problem, RIGHT, WRONG, EQUIVALENT)


@pytest.mark.parametrize("block", problem.BLOCKS)
def test_every_block_of_the_check_has_a_twin(block):
    other = right_twin(block)
    assert other != list(block)
    assert (sum(other) + 2) // 4 == int(sum(block) / 4 + 0.5)
