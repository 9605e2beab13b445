"""The self-checks of the SwinIR chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import itertools
import math
import operator

import answers
import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from srlib.exercises import swinir
from srlib.models.swinir import Attention, seams, windows


def right_pairs(height, width, side):
    return -(-height // side) * -(-width // side) * side**4


def window_by_window(height, width, side):
    """Goes from window to window, and counts the pairs of each."""
    starts = itertools.product(range(0, height, side), range(0, width, side))
    return np.sum([(side * side) ** 2 for _ in starts])


def right_attend(q, k, v):
    return (q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ v


def pixel_by_pixel(q, k, v):
    """Loops, exponentials and lists of numbers."""
    made = []
    for one in q.tolist():
        weight = [math.exp(sum(map(operator.mul, one, key)) / math.sqrt(len(one))) for key in k.tolist()]
        made.append([sum(map(operator.mul, weight, column)) / sum(weight) for column in v.T.tolist()])
    return made


def by_torch_itself(q, k, v):
    return F.scaled_dot_product_attention(q[None], k[None], v[None])[0].numpy()


def right_allowed(height, width, side, shift):
    rows = (torch.arange(height).roll(-shift) < shift)[:, None].expand(height, width)
    columns = (torch.arange(width).roll(-shift) < shift)[None].expand(height, width)
    may = True
    for came in (rows, columns):
        cut = windows(came[None, :, :, None], side)[0, :, :, 0]
        may = may & (cut[:, :, None] == cut[:, None])
    return may


def by_loops(height, width, side, shift):
    """Window by window: which of four areas does each of its pixels lie in? Lists of lists."""
    made = []
    for top, left in itertools.product(range(0, height, side), range(0, width, side)):
        pixels = itertools.product(range(top, top + side), range(left, left + side))
        areas = [(row < height - shift, column < width - shift) for row, column in pixels]
        made.append([[one == other for other in areas] for one in areas])
    return made


def from_the_other_side(size, shift):
    return torch.arange(size).roll(-shift) < shift


def same_for_all_pairs(table, side):
    """(H, W) -> (windows, L, L): do asking and asked pixel have the same entry?"""
    cut = windows(table[None, :, :, None], side)[0, ..., 0]
    return cut[:, :, None] == cut[:, None]


def rows_alone(height, width, side, shift):
    return same_for_all_pairs(from_the_other_side(height, shift)[:, None].expand(height, width), side)


def any_border(height, width, side, shift):
    """Two areas: came round, by whichever border, or did not."""
    rows, columns = from_the_other_side(height, shift)[:, None], from_the_other_side(width, shift)[None]
    return same_for_all_pairs(rows | columns, side)


def near(height, width, side, shift):
    """Neighbours in the picture may look; but in a picture of one window everybody is near."""
    rows = torch.arange(height).roll(-shift)[:, None].expand(height, width)
    columns = torch.arange(width).roll(-shift)[None].expand(height, width)
    cut = [windows(t[None, :, :, None], side)[0, ..., 0] for t in (rows, columns)]
    rows_apart, columns_apart = ((c[:, :, None] - c[:, None]).abs() for c in cut)
    return (rows_apart < side) & (columns_apart < side)


def not_rolled(height, width, side, shift):
    rows = (torch.arange(height) < shift)[:, None].expand(height, width)
    columns = (torch.arange(width) < shift)[None].expand(height, width)
    return same_for_all_pairs(rows, side) & same_for_all_pairs(columns, side)


def half_a_window(height, width, side, shift):
    return right_allowed(height, width, side, side // 2)


RIGHT = {
    "pairs": [right_pairs, window_by_window],
    "attend": [right_attend, pixel_by_pixel, by_torch_itself],
    "allowed": [right_allowed, by_loops, lambda *size: np.array(by_loops(*size))],
}
WRONG = [
    ("pairs", lambda h, w, s: right_pairs(h, w, s) / 7, "a whole number"),
    ("pairs", lambda h, w, s: (h * w) ** 2, "everybody with everybody"),
    ("pairs", lambda h, w, s: h * w, "Those are the pixels"),
    ("pairs", lambda h, w, s: h * w * (s * s - 1), "also asks itself"),
    ("pairs", lambda h, w, s: h // s * (w // s) * s * s * s, "Go on"),
    ("pairs", lambda h, w, s: h // s * (w // s) * s**4, "round up"),
    ("pairs", lambda h, w, s: h * w * s * s, "the new pixels ask too"),
    ("pairs", lambda h, w, s: -(-h // 8) * -(-w // 8) * 8**4, "wrong for other sizes"),
    ("attend", lambda q, k, v: (q @ k.T / 2).softmax(-1), "return (5, 4)"),
    ("attend", lambda q, k, v: (q @ k.T).softmax(-1) @ v, "too sure"),
    ("attend", lambda q, k, v: (q @ k.T / q.shape[-1]).softmax(-1) @ v, "not by d"),
    ("attend", lambda q, k, v: (q @ k.T / q.shape[-1] ** 0.5).softmax(0) @ v, "down the columns"),
    ("attend", lambda q, k, v: (k @ q.T / q.shape[-1] ** 0.5).softmax(-1) @ v, "Keys ask queries"),
    ("attend", lambda q, k, v: q @ k.T / q.shape[-1] ** 0.5 @ v, "may be negative"),
    ("attend", lambda q, k, v: (q @ k.T / 2).sigmoid() @ v, "Not yet"),
    ("attend", lambda q, k, v: (q @ k.T / 2).softmax(-1) @ v, "the last size of q"),
    ("attend", lambda q, k, v: (q @ k.T / len(q) ** 0.5).softmax(-1) @ v, "Not yet"),
    ("attend", lambda q, k, v: (q @ k / 2).softmax(-1) @ v, "RuntimeError"),
    ("allowed", lambda *size: -100 * right_allowed(*size).float(), "a table of True and False"),
    ("allowed", lambda *size: [right_allowed(*size)[0], True], "a table of True and False"),
    ("allowed", lambda *size: right_allowed(*size)[:, None], "who is asked"),
    ("allowed", lambda *size: torch.ones_like(right_allowed(*size)), "everybody look"),
    ("allowed", lambda *size: ~right_allowed(*size), "wrong way round"),
    ("allowed", not_rolled, "first window"),
    ("allowed", rows_alone, "there are four"),
    ("allowed", any_border, "must both agree"),
    ("allowed", half_a_window, "wrong for other sizes"),
    ("allowed", near, "a single window"),
]


ALONE = "there is one picture with one channel"
EQUIVALENT = {
    "allowed": {
        "columns = (torch.arange(width).roll(-shift) < shift).expand(height, width)": "the new axis comes by itself",
        "cut = windows(came[None, :, :, None], side)[-1, :, :, 0]": ALONE,
        "cut = windows(came[None, :, :, None], side)[0, :, :, -1]": ALONE,
    },
}

TestAnswers = answers.of(swinir, RIGHT, WRONG, EQUIVALENT)


@pytest.mark.parametrize(("height", "width", "side"), [(16, 24, 8), (12, 4, 4)])
def test_the_first_exercise_counts_what_attention_multiplies(height, width, side):
    """Each pair costs d multiplications to compare and d to take the mean."""
    attention = Attention(6, 1, side)
    x = torch.rand(1, height * width // side**2, side**2, 6)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        attention(x, None)
    flops = {str(op).split(".")[1]: n // 2 for op, n in counter.get_flop_counts()["Global"].items()}
    assert flops["bmm"] == 2 * 6 * right_pairs(height, width, side)


def test_the_second_exercise_is_what_the_network_does():
    attention = Attention(6, 1, 4)  # its table of positions starts at 0
    x = torch.rand(1, 1, 16, 6, generator=torch.Generator().manual_seed(0))
    q, k, v = attention.qkv(x)[0, 0].chunk(3, -1)
    assert torch.allclose(attention.project(right_attend(q, k, v)), attention(x, None)[0, 0], atol=1e-6)


@pytest.mark.parametrize("size", [(16, 24, 8, 4), (9, 6, 3, 1), (8, 8, 8, 4)])
def test_the_third_exercise_is_the_network_s_mask(size):
    assert torch.equal(right_allowed(*size), seams(*size, like=torch.zeros(1))[:, 0] == 0)
