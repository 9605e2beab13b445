"""What a learner returns is taken in one form, whatever it is made of; what is no answer at all is refused."""

import math

import numpy as np
import pytest
import torch

from srlib.live import kinds

ROWS = [[1, 2, 3], [4, 5, 6]]
PICTURES = [
    ROWS,
    [tuple(row) for row in ROWS],
    np.array(ROWS),
    np.array(ROWS, dtype=np.float64),
    np.array(ROWS)[::-1].copy()[::-1],
    torch.tensor(ROWS),
    torch.tensor(ROWS, dtype=torch.float64, requires_grad=True),
    [torch.tensor(row) for row in ROWS],
]


@pytest.mark.parametrize(
    "given", [3, 3.0, np.int64(3), np.float32(3), np.array(3), np.array([3]), torch.tensor(3), torch.tensor([[3.0]])]
)
def test_one_number(given):
    taken = kinds.number(given)
    assert taken == 3
    assert type(taken) in (int, float)


@pytest.mark.parametrize(
    "given",
    ["3", True, np.True_, torch.tensor(True), None, [3], (3,), math.nan, 3j, torch.tensor([1.0, 2.0]), lambda: 3],
)
def test_what_is_no_number(given):
    with pytest.raises(kinds.UnusableError):
        kinds.number(given)


@pytest.mark.parametrize(
    "given", [(1, 2), [1.0, 2.0], np.array([1, 2]), torch.tensor([1.0, 2.0]), range(1, 3), (n for n in (1, 2)), {1, 2}]
)
def test_several_numbers(given):
    assert kinds.numbers(2)(given) == (1, 2)


def test_any_number_of_numbers():
    assert kinds.numbers()(range(5)) == (0, 1, 2, 3, 4)
    assert kinds.numbers().words == "a list of numbers"
    assert kinds.numbers(2).words == "a list of two numbers"


@pytest.mark.parametrize("given", ["12", 12, {1: 2, 2: 3}, [1], [1, 2, 3], [1, "2"], [True, 2], torch.tensor(5)])
def test_what_is_no_pair_of_numbers(given):
    with pytest.raises(kinds.UnusableError):
        kinds.numbers(2)(given)


@pytest.mark.parametrize("given", [*PICTURES[:7], zip([1, 4], [2, 5], [3, 6], strict=True)])
def test_rows_of_numbers(given):
    assert kinds.rows(3)(given) == [(1, 2, 3), (4, 5, 6)]


@pytest.mark.parametrize("given", PICTURES)
def test_a_tensor(given):
    taken = kinds.tensor(given)
    assert taken.dtype == torch.float32
    assert torch.equal(taken, torch.tensor(ROWS, dtype=torch.float32))
    assert [torch.equal(a, b) for a, b in zip(kinds.tensors(given), taken, strict=True)] == [True, True]


@pytest.mark.parametrize(
    "given",
    ["12", [[1, 2], [3]], [torch.zeros(2), torch.zeros(3)], np.array([True]), torch.tensor([True]), {}, ["a"], np.sum],
)
def test_what_is_no_tensor(given):
    with pytest.raises(kinds.UnusableError):
        kinds.tensor(given)


def test_a_scalar_keeps_its_gradient():
    x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    taken = kinds.scalar(x * x)
    assert taken.shape == ()
    taken.backward()
    assert x.grad == 4
    for given in (4.0, np.float32(4), torch.tensor(4), torch.ones(2)):
        with pytest.raises(kinds.UnusableError):
            kinds.scalar(given)


def test_same_repeats_nothing():
    one = torch.ones(2, 3)
    assert kinds.same(one, one.double() + 1e-7)
    assert not kinds.same(one, one + 1e-3)
    assert not kinds.same(one, torch.ones(3))
    assert torch.allclose(one, torch.ones(3)), "which allclose does"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "None"),
        (5, "5 (an int)"),
        (True, "True (a bool)"),
        ("abc", "'abc' (a str)"),
        ("a" * 99, "a str"),
        ([1, 2], "a list [1, 2]"),
        (list(range(99)), "a list of 99"),
        (torch.zeros(2, 3), "a tensor of shape (2, 3)"),
        (torch.zeros(2, dtype=torch.int8), "a tensor of int8 of shape (2,)"),
        (torch.tensor(1.5), "1.5 (a tensor)"),
        (np.zeros(4), "an array of shape (4,)"),
        (len, "the function len"),
        (torch.nn.ReLU, "the class ReLU"),
        (object(), "an object"),
    ],
)
def test_what_was_given_in_words(given, said):
    assert kinds.described(given) == said


def test_a_kind_can_be_called_by_an_exercise_s_own_words():
    decibels = kinds.number.called("the PSNR in dB")
    assert decibels.words == "the PSNR in dB"
    assert decibels(torch.tensor(30)) == 30
