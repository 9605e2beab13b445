"""The self-checks of the chapter *Interpolation*: untried, wrong and right answers each get their sentence."""

import math

import answers
import numpy as np
import torch

from srlib import resize
from srlib.exercises import interpolation as exercises


def around(x, a=-0.5):
    first = math.floor(x) - 1
    return [(j, float(resize.cubic(np.float64(x - j), a))) for j in range(first, first + 4)]


def mirrored(pairs):
    return [(j, w) for (j, _), (_, w) in zip(pairs, reversed(pairs), strict=True)]


def keys(d):
    """The cubic with a = -1/2, written out."""
    d = abs(d)
    return 1.5 * d**3 - 2.5 * d**2 + 1 if d < 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0


def right_taps(i, scale):
    x = (i + 0.5) / scale - 0.5
    first = math.floor(x) - 1
    return [(j, float(resize.cubic(x - j))) for j in range(first, first + 4)]


def all_near_taps(i, scale):
    """Also names pixels whose weight is zero, in any order, as a tensor."""
    x = (2 * i + 1 - scale) / (2 * scale)
    return torch.tensor([[j, keys(x - j)] for j in range(math.ceil(x) + 3, math.floor(x) - 4, -1)], dtype=torch.double)


def zipped_taps(i, scale):
    x = (i + 0.5) / scale - 0.5
    near = np.floor(x) + np.arange(-1, 3)
    return zip(near, resize.cubic(x - near), strict=True)


def right_back_projection(sr, lr, scale):
    return sr + resize.resize(lr - resize.resize(sr, 1 / scale), scale)


def back_projection_apart(sr, lr, scale):
    """Enlarging is linear: what is there and what should be may be enlarged one by one."""
    sr -= resize.resize(shrunk(sr, scale), scale)
    sr += resize.resize(lr, scale)
    return sr.numpy().astype(np.float64)


def shrunk(sr, scale):
    return resize.resize(sr, 1 / scale)


def spline(i, scale):
    """A softer cubic, which sums to 1 and balances as well, but leaves no pixel as it was."""
    x = (i + 0.5) / scale - 0.5
    first = math.floor(x) - 1
    t = x - math.floor(x)
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    return [(first + k, w / 6) for k, w in enumerate(weights)]


def with_a_ghost(sr, lr, scale):
    """Repaired, and covered by a chessboard that no small picture shows."""
    board = torch.arange(sr.shape[-2])[:, None] + torch.arange(sr.shape[-1])
    return right_back_projection(sr, lr, scale) + 0.05 * (1 - 2 * (board % 2))


WRONG = [
    ("halfway", 28, "Not yet"),
    ("halfway", "thirty", "'thirty' (a str), but one number, such as 12.5, is wanted"),
    ("halfway", math.nan, "nan (a float), but one number"),
    ("halfway", 30, "bilinear's answer"),
    ("halfway", 27.1875, "a = -3/4"),
    ("halfway", 39.375, "Their weights are negative"),
    ("halfway", 31.5, "outer weights are negative"),
    ("halfway", 37.5, "plain mean"),
    ("halfway", 40, "nearest"),
    ("halfway", 28.125 / 255, "units of 255"),
    ("taps", 5, "5 (an int), but a function is wanted"),
    ("taps", lambda i, scale: i / scale, "a list of (position, weight) pairs is wanted"),
    ("taps", lambda i, scale: [(i / scale, 1.0)], "a whole one"),
    ("taps", lambda i, scale: around(i / scale), "i / scale"),
    ("taps", lambda i, scale: around((i + 0.5) / scale), "subtract 0.5"),
    ("taps", lambda i, scale: around((i + 0.5) / scale - 0.5, -0.75), "a = -3/4"),
    (
        "taps",
        lambda i, scale: [(j, float(resize.linear((i + 0.5) / scale - 0.5 - j))) for j in range(-2, 9)],
        "bilinear",
    ),
    ("taps", lambda i, scale: around((i + 0.5) / scale - 0.5)[:3], "add up to 1"),
    ("taps", lambda i, scale: mirrored(around((i + 0.5) / scale - 0.5)), "do not balance"),
    ("taps", lambda i, scale: spline(i, scale), "not Keys' cubic"),
    ("back_projection", 5, "a function is wanted"),
    ("back_projection", lambda sr, lr, scale: "sr", "a tensor shaped like sr, is wanted"),
    ("back_projection", lambda sr, lr, scale: lr - shrunk(sr, scale), "enlarge it before you add"),
    ("back_projection", lambda sr, lr, scale: sr + lr - shrunk(sr, scale), "must match the size"),
    (
        "back_projection",
        lambda sr, lr, scale: sr + resize.resize(lr - shrunk(sr, 2), 2),
        "at line",
    ),
    (
        "back_projection",
        lambda sr, lr, scale: right_back_projection(sr, lr, scale) if scale == 2 else lr,
        "Use the argument scale",
    ),
    ("back_projection", lambda sr, lr, scale: sr, "Nothing changed"),
    (
        "back_projection",
        lambda sr, lr, scale: resize.resize(lr - shrunk(sr, scale), scale),
        "the correction alone",
    ),
    (
        "back_projection",
        lambda sr, lr, scale: sr - resize.resize(lr - shrunk(sr, scale), scale),
        "Mind the sign",
    ),
    (
        "back_projection",
        lambda sr, lr, scale: sr + 0.1 * resize.resize(lr - shrunk(sr, scale), scale),
        "Add the whole difference",
    ),
    ("back_projection", with_a_ghost, "did not rise by 0.2 dB"),
]

RIGHT = {
    "halfway": [28.125, np.float32(28.125), torch.tensor([28.125])],
    "taps": [right_taps, all_near_taps, zipped_taps],
    "back_projection": [right_back_projection, back_projection_apart],
}
EQUIVALENT = {
    "taps": {
        "return [(j, resize.cubic(x - j)) for j in range(first, first + 4)]": "NumPy's numbers are taken like Python's",
        "return [(j, float(resize.cubic(j - x))) for j in range(first, first + 4)]": "the kernel is even",
        "return [(j, float(resize.cubic(x - j))) for j in range(first, first + 5)]": "the fifth weight is zero",
    },
}


TestAnswers = answers.of(exercises, RIGHT, WRONG, EQUIVALENT)
