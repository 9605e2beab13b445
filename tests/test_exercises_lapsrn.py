"""The self-checks of the LapSRN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import math

import answers
import torch

from srlib.exercises import lapsrn


def right_charbonnier(sr, hr, eps=1e-3):
    return ((sr - hr) ** 2 + eps**2).sqrt().mean()


def right_shift(a, b, most=4):
    cost = {}
    for down in range(-most, most + 1):
        for right in range(-most, most + 1):
            back = b.roll((-down, -right), (-2, -1))
            cost[down, right] = (back - a)[..., most:-most, most:-most].square().mean().item()
    return min(cost, key=cost.get)


def only_forward(a, b, most=4):
    shifts = [(i, j) for i in range(most + 1) for j in range(most + 1)]
    return min(shifts, key=lambda s: (b.roll((-s[0], -s[1]), (-2, -1)) - a)[..., most:-most, most:-most].square().sum())


RIGHT = {
    "levels": lambda scale: math.ceil(math.log2(scale)),
    "charbonnier": right_charbonnier,
    "find_shift": right_shift,
}
WRONG = [
    ("levels", lambda scale: int(scale / 2), "would make x16"),
    ("levels", lambda scale: int(math.log2(scale)), "round up"),
    ("levels", lambda scale: {2: 1, 3: 2, 4: 2, 8: 3}.get(scale), "not for x1"),
    ("levels", lambda scale: scale, "start there"),
    ("charbonnier", lambda sr, hr, eps=1e-3: ((sr - hr) ** 2 + eps).sqrt().mean(), "square of eps"),
    ("charbonnier", lambda sr, hr, eps=1e-3: ((sr - hr) ** 2 + eps**2).sqrt().sum(), "not the sum"),
    ("charbonnier", lambda sr, hr, eps=1e-3: ((sr - hr) ** 2).sqrt().mean() + eps, "not a number"),
    ("charbonnier", lambda sr, hr, eps=1e-3: (sr - hr).abs().mean() + eps, "pixel by pixel"),
    ("charbonnier", lambda sr, hr, eps=1e-3: (sr - hr).abs().mean(), "must cost eps"),
    ("charbonnier", lambda sr, hr, eps=1e-3: ((sr - hr) ** 2).mean().add(eps**2).sqrt(), "pixel by pixel"),
    ("charbonnier", lambda sr, hr, eps=1e-3: right_charbonnier(sr, hr), "does your function use eps"),
    ("charbonnier", lambda sr, hr, eps=1e-3: ((sr - hr) ** 2 + eps**2).sqrt(), "one number"),
    ("charbonnier", lambda sr, hr, eps=1e-3: right_charbonnier(sr, hr).item(), "Return a tensor"),
    ("find_shift", lambda a, b, most=4: right_shift(b, a, most), "other way round"),
    ("find_shift", lambda a, b, most=4: right_shift(a, b, most)[::-1], "Swapped"),
    ("find_shift", only_forward, "may be negative"),
    ("find_shift", lambda a, b, most=4: right_shift(a, b, 4), "with most=6"),
    ("find_shift", lambda a, b, most=4: right_shift(a, b, most) + nothing, "NameError"),  # noqa: F821
]


TestAnswers = answers.of(lapsrn, RIGHT, WRONG)


def test_the_shift_of_a_known_picture_is_found():
    a = torch.zeros(1, 1, 20, 20)
    a[..., 9, 9] = 1
    assert right_shift(a, a.roll((2, -1), (-2, -1))) == (2, -1)
