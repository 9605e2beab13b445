"""The self-checks of the SwinIR chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from srlib.exercises import swinir
from srlib.models.swinir import Attention, seams, windows


def right_pairs(height, width, side):
    return -(-height // side) * -(-width // side) * side**4


def right_attend(q, k, v):
    return (q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ v


def from_the_other_side(size, shift):
    return torch.arange(size).roll(-shift) < shift


def same_for_all_pairs(table, side):
    """(H, W) -> (windows, L, L): do asking and asked pixel have the same entry?"""
    cut = windows(table[None, :, :, None], side)[0, ..., 0]
    return cut[:, :, None] == cut[:, None]


def right_allowed(height, width, side, shift):
    rows = from_the_other_side(height, shift)[:, None].expand(height, width)
    columns = from_the_other_side(width, shift)[None].expand(height, width)
    return same_for_all_pairs(rows, side) & same_for_all_pairs(columns, side)


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


RIGHT = {"pairs": right_pairs, "attend": right_attend, "allowed": right_allowed}
WRONG = [
    ("pairs", lambda h, w, s: float(right_pairs(h, w, s)), "an int"),
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
    ("attend", lambda q, k, v: (q @ k / 2).softmax(-1) @ v, "RuntimeError"),
    ("allowed", lambda *size: right_allowed(*size).float(), "booleans"),
    ("allowed", lambda *size: torch.ones_like(right_allowed(*size)), "everybody look"),
    ("allowed", lambda *size: ~right_allowed(*size), "wrong way round"),
    ("allowed", not_rolled, "first window"),
    ("allowed", rows_alone, "there are four"),
    ("allowed", any_border, "must both agree"),
    ("allowed", half_a_window, "wrong for other sizes"),
    ("allowed", near, "a single window"),
]


TestAnswers = answers.of(swinir, RIGHT, WRONG)


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
