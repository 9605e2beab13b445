"""The self-checks of the chapter *The problem*: silent on nothing, helpful on the typical mistake, else content."""

import answers
import pytest
import torch.nn.functional as F

from srlib.exercises import problem


def right_missing(height, width, scale):
    h, w = height - height % scale, width - width % scale
    return 3 * (h * w - h * w // scale**2)


def right_twin(block):
    for i in range(4):
        for change in (1, -1):
            other = list(block)
            other[i] += change
            if 0 <= other[i] <= 255 and (sum(other) + 2) // 4 == (sum(block) + 2) // 4:
                return other
    raise AssertionError("there is always one")


def spread(small, scale):
    return small.repeat_interleave(scale, -2).repeat_interleave(scale, -1)


def right_fit(wanted, small, scale):
    return wanted + spread(small - F.avg_pool2d(wanted, scale), scale)


def one_pixel_for_all(wanted, small, scale):
    """The right means, by changing only the first pixel of each block."""
    changed = wanted.clone()
    changed[:, ::scale, ::scale] += scale**2 * (small - F.avg_pool2d(wanted, scale))
    return changed


RIGHT = {"missing": right_missing, "twin": right_twin, "fit": right_fit}
WRONG = [
    ("missing", lambda h, w, s: h * w - (h // s) * (w // s), "one channel"),
    ("missing", lambda h, w, s: 3 * (h * w - h * w // s), "Both sides shrink"),
    ("missing", lambda h, w, s: 3 * h * w, "Take off those that remain"),
    ("missing", lambda h, w, s: 3 * h * w * 3 // 4, "x4 throws"),
    ("missing", lambda h, w, s: 3 * (h * w - (h // s) * (w // s)), "first cut"),
    ("missing", lambda h, w, s: 0, "144 are gone"),
    ("twin", lambda block: block[::-1], "block itself"),
    ("twin", lambda block: [block[0] + 1, block[1] - 1, *block[2:]], "leave that range"),
    ("twin", lambda block: [min(255, block[0] + 1), *block[1:]], "block itself"),
    ("twin", lambda block: [v - 1 if v else 1 for v in block], "rounded mean changes"),
    ("twin", lambda block: [sum(block) / 4] * 3 + [sum(block) / 4 + 0.1], "whole levels"),
    ("twin", lambda block: block[:3], "four numbers"),
    ("fit", lambda wanted, small, scale: spread(small, scale), "nothing of wanted"),
    ("fit", lambda wanted, small, scale: wanted + spread(small, scale), "take the old mean off"),
    ("fit", lambda wanted, small, scale: wanted, "means that small asks for"),
    ("fit", lambda wanted, small, scale: small, "shape of wanted"),
    ("fit", one_pixel_for_all, "more than needed"),
    ("fit", lambda wanted, small, scale: right_fit(wanted, small, 4), "use the scale"),
    ("fit", lambda wanted, small, scale: wanted + nothing, "NameError"),  # noqa: F821
]


TestAnswers = answers.of(problem, RIGHT, WRONG)


@pytest.mark.parametrize("block", problem.BLOCKS)
def test_every_block_of_the_check_has_a_twin(block):
    other = right_twin(block)
    assert other != list(block)
    assert (sum(other) + 2) // 4 == int(sum(block) / 4 + 0.5)
