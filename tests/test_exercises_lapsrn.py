"""The self-checks of the LapSRN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import math

import answers
import numpy as np
import torch

from srlib.exercises import lapsrn


def right_levels(scale):
    return math.ceil(math.log2(scale))


def levels_by_doubling(scale):
    made, levels = 1, torch.tensor(0)
    while made < scale:
        made, levels = 2 * made, levels + 1
    return levels


def charbonnier_by_pixels(sr, hr, eps=1e-3):
    """A hypotenuse, in double precision."""
    d = (sr - hr).double().flatten()
    return torch.hypot(d, torch.full_like(d, eps)).sum()[None] / len(d)


def right_charbonnier(sr, hr, eps=1e-3):
    return ((sr - hr) ** 2 + eps**2).sqrt().mean()


def right_shift(a, b, most=4):
    cost = {}
    for down in range(-most, most + 1):
        for right in range(-most, most + 1):
            back = b.roll((-down, -right), (-2, -1))
            cost[down, right] = (back - a)[..., most:-most, most:-most].square().mean().item()
    return min(cost, key=cost.get)


def shift_by_windows(a, b, most=4):
    """The inside of a, laid on every place of b."""
    core = a[0, 0, most:-most, most:-most].numpy()
    windows = np.lib.stride_tricks.sliding_window_view(b[0, 0].numpy(), core.shape)
    apart = np.abs(windows - core).sum((2, 3))
    return np.array(np.unravel_index(apart.argmin(), apart.shape)) - most


def shift_with_borders(a, b, most=4):
    """Compares everything, also what came in at the other side."""
    shifts = [(i, j) for i in range(-most, most + 1) for j in range(-most, most + 1)]
    return min(shifts, key=lambda s: (b.roll((-s[0], -s[1]), (-2, -1)) - a).square().sum())


def only_forward(a, b, most=4):
    shifts = [(i, j) for i in range(most + 1) for j in range(most + 1)]
    return min(shifts, key=lambda s: (b.roll((-s[0], -s[1]), (-2, -1)) - a)[..., most:-most, most:-most].square().sum())


RIGHT = {
    "levels": [right_levels, levels_by_doubling],
    "charbonnier": [right_charbonnier, charbonnier_by_pixels],
    "find_shift": [right_shift, shift_by_windows],
}
WRONG = [
    ("levels", lambda scale: int(scale / 2), "would make x16"),
    ("levels", lambda scale: int(math.log2(scale)), "round up"),
    ("levels", lambda scale: {2: 1, 3: 2, 4: 2, 8: 3}.get(scale, 9), "not for x1"),
    ("levels", lambda scale: scale, "start there"),
    ("levels", lambda scale: 1, "x4 is two"),
    ("levels", lambda scale: min(2, right_levels(scale)), "x8 is 2 x 2 x 2"),
    ("charbonnier", lambda sr, hr, eps=1e-3: ((sr - hr) ** 2 + eps).sqrt().mean(), "square of eps"),
    ("charbonnier", lambda sr, hr, eps=1e-3: ((sr - hr) ** 2 + eps**2).sqrt().sum(), "not the sum"),
    ("charbonnier", lambda sr, hr, eps=1e-3: ((sr - hr) ** 2).sqrt().mean() + eps, "not a number"),
    ("charbonnier", lambda sr, hr, eps=1e-3: (sr - hr).abs().mean() + eps, "pixel by pixel"),
    ("charbonnier", lambda sr, hr, eps=1e-3: (sr - hr).abs().mean(), "must cost eps"),
    ("charbonnier", lambda sr, hr, eps=1e-3: ((sr - hr) ** 2).mean().add(eps**2).sqrt(), "pixel by pixel"),
    ("charbonnier", lambda sr, hr, eps=1e-3: right_charbonnier(sr, hr), "does your function use eps"),
    (
        "charbonnier",
        lambda sr, hr, eps=1e-3: ((sr - hr) ** 2 + eps**2).sqrt(),
        "of shape (1, 1, 8, 8)",
    ),
    (
        "charbonnier",
        lambda sr, hr, eps=1e-3: right_charbonnier(sr, hr).item(),
        "(to be trained with) is wanted",
    ),
    ("find_shift", lambda a, b, most=4: right_shift(b, a, most), "other way round"),
    ("find_shift", lambda a, b, most=4: right_shift(a, b, most)[::-1], "Swapped"),
    ("find_shift", lambda a, b, most=4: (1, 1), "are not moved"),
    (
        "find_shift",
        lambda a, b, most=4: (right_shift(a, b, most)[0], max(-3, right_shift(a, b, most)[1])),
        "to the LEFT",
    ),
    ("find_shift", lambda a, b, most=4: (min(3, right_shift(a, b, most)[0]), right_shift(a, b, most)[1]), "4 down"),
    ("find_shift", shift_with_borders, "new at the border"),
    ("find_shift", only_forward, "may be negative"),
    ("find_shift", lambda a, b, most=4: right_shift(a, b, 4), "with most=6"),
    ("find_shift", lambda a, b, most=4: right_shift(a, b, most) + nothing, "NameError"),  # noqa: F821
]
EQUIVALENT = {
    "find_shift": dict.fromkeys(
        ("for down in range(-most, most + 2):", "for right in range(-most, most + 2):"),
        "tries a shift more than it need",
    )
    | {
        "cost[down, right] = (back - a)[..., most:-most, most:-most].square().mean()": "tensors can be compared, too",
        "cost[down, right] = (a - back)[..., most:-most, most:-most].square().mean().item()": "its square is taken",
    },
    "charbonnier": {"return ((hr - sr) ** 2 + eps ** 2).sqrt().mean()": "its square is taken"},
}


TestAnswers = answers.of(lapsrn, RIGHT, WRONG, EQUIVALENT)


def test_the_shift_of_a_known_picture_is_found():
    a = torch.zeros(1, 1, 20, 20)
    a[..., 9, 9] = 1
    assert right_shift(a, a.roll((2, -1), (-2, -1))) == (2, -1)
