"""The self-checks of the chapter *Interpolation*: untried, wrong and right answers each get their sentence."""

import math

import numpy as np
import pytest

from srlib import resize
from srlib.exercises import interpolation as exercises


def around(x, a=-0.5):
    first = math.floor(x) - 1
    return [(j, float(resize.cubic(np.float64(x - j), a))) for j in range(first, first + 4)]


def mirrored(pairs):
    return [(j, w) for (j, _), (_, w) in zip(pairs, reversed(pairs), strict=True)]


def shrunk(sr, scale):
    return resize.resize(sr, 1 / scale)


UNTRIED = [
    (exercises.halfway, None),
    (exercises.taps, None),
    (exercises.taps, lambda i, scale: None),
    (exercises.back_projection, None),
    (exercises.back_projection, lambda sr, lr, scale: None),
]

WRONG = [
    (exercises.halfway, "28", "Not yet"),
    (exercises.halfway, "thirty", "Give one number"),
    (exercises.halfway, math.nan, "Give one number"),
    (exercises.halfway, 30, "bilinear's answer"),
    (exercises.halfway, 27.1875, "a = -3/4"),
    (exercises.halfway, 39.375, "Their weights are negative"),
    (exercises.halfway, 31.5, "outer weights are negative"),
    (exercises.halfway, 37.5, "plain mean"),
    (exercises.halfway, 40, "nearest"),
    (exercises.halfway, 28.125 / 255, "units of 255"),
    (exercises.taps, 5, "must be a function"),
    (exercises.taps, lambda i, scale: i / scale, "Return a list of (position, weight) pairs"),
    (exercises.taps, lambda i, scale: [(i / scale, 1.0)], "positions whole numbers"),
    (exercises.taps, lambda i, scale: around(i / scale), "i / scale"),
    (exercises.taps, lambda i, scale: around((i + 0.5) / scale), "subtract 0.5"),
    (exercises.taps, lambda i, scale: around((i + 0.5) / scale - 0.5, -0.75), "a = -3/4"),
    (
        exercises.taps,
        lambda i, scale: [(j, float(resize.linear((i + 0.5) / scale - 0.5 - j))) for j in range(-2, 9)],
        "bilinear",
    ),
    (exercises.taps, lambda i, scale: around((i + 0.5) / scale - 0.5)[:3], "add up to 1"),
    (exercises.taps, lambda i, scale: mirrored(around((i + 0.5) / scale - 0.5)), "do not balance"),
    (exercises.back_projection, 5, "must be a function"),
    (exercises.back_projection, lambda sr, lr, scale: "sr", "a tensor shaped like sr"),
    (exercises.back_projection, lambda sr, lr, scale: lr - shrunk(sr, scale), "enlarge it before you add"),
    (exercises.back_projection, lambda sr, lr, scale: sr + lr - shrunk(sr, scale), "must match the size"),
    (
        exercises.back_projection,
        lambda sr, lr, scale: sr + resize.resize(lr - shrunk(sr, 2), 2),
        "Use the argument scale",
    ),
    (exercises.back_projection, lambda sr, lr, scale: sr, "Nothing changed"),
    (
        exercises.back_projection,
        lambda sr, lr, scale: resize.resize(lr - shrunk(sr, scale), scale),
        "the correction alone",
    ),
    (
        exercises.back_projection,
        lambda sr, lr, scale: sr - resize.resize(lr - shrunk(sr, scale), scale),
        "Mind the sign",
    ),
    (
        exercises.back_projection,
        lambda sr, lr, scale: sr + 0.1 * resize.resize(lr - shrunk(sr, scale), scale),
        "Add the whole difference",
    ),
]

RIGHT = [
    (exercises.halfway, 28.125),
    (exercises.taps, lambda i, scale: around((i + 0.5) / scale - 0.5)),
    (exercises.back_projection, lambda sr, lr, scale: sr + resize.resize(lr - shrunk(sr, scale), scale)),
]


@pytest.mark.parametrize(("exercise", "answer"), UNTRIED)
def test_an_empty_answer_is_not_tried_yet(exercise, answer, capsys):
    assert exercise(answer) is False
    assert "Not tried yet" in capsys.readouterr().out


@pytest.mark.parametrize(("exercise", "answer", "said"), WRONG)
def test_a_wrong_answer_is_told_why(exercise, answer, said, capsys):
    assert exercise(answer) is False
    out = capsys.readouterr().out
    assert out.startswith("✗")
    assert said in out


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_the_right_answer_is_right(exercise, answer, capsys):
    assert exercise(answer) is True
    assert capsys.readouterr().out == "✓ Right.\n"
