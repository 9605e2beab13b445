"""The self-checks of the chapter *Interpolation*: untried, wrong and right answers each get their sentence."""

import math

import answers
import numpy as np

from srlib import resize
from srlib.exercises import interpolation as exercises


def around(x, a=-0.5):
    first = math.floor(x) - 1
    return [(j, float(resize.cubic(np.float64(x - j), a))) for j in range(first, first + 4)]


def mirrored(pairs):
    return [(j, w) for (j, _), (_, w) in zip(pairs, reversed(pairs), strict=True)]


def shrunk(sr, scale):
    return resize.resize(sr, 1 / scale)


WRONG = [
    ("halfway", "28", "Not yet"),
    ("halfway", "thirty", "Give one number"),
    ("halfway", math.nan, "Give one number"),
    ("halfway", 30, "bilinear's answer"),
    ("halfway", 27.1875, "a = -3/4"),
    ("halfway", 39.375, "Their weights are negative"),
    ("halfway", 31.5, "outer weights are negative"),
    ("halfway", 37.5, "plain mean"),
    ("halfway", 40, "nearest"),
    ("halfway", 28.125 / 255, "units of 255"),
    ("taps", 5, "must be a function"),
    ("taps", lambda i, scale: i / scale, "Return a list of (position, weight) pairs"),
    ("taps", lambda i, scale: [(i / scale, 1.0)], "positions whole numbers"),
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
    ("back_projection", 5, "must be a function"),
    ("back_projection", lambda sr, lr, scale: "sr", "a tensor shaped like sr"),
    ("back_projection", lambda sr, lr, scale: lr - shrunk(sr, scale), "enlarge it before you add"),
    ("back_projection", lambda sr, lr, scale: sr + lr - shrunk(sr, scale), "must match the size"),
    (
        "back_projection",
        lambda sr, lr, scale: sr + resize.resize(lr - shrunk(sr, 2), 2),
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
]

RIGHT = {
    "halfway": 28.125,
    "taps": lambda i, scale: around((i + 0.5) / scale - 0.5),
    "back_projection": lambda sr, lr, scale: sr + resize.resize(lr - shrunk(sr, scale), scale),
}


TestAnswers = answers.of(exercises, RIGHT, WRONG)
