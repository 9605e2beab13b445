"""The self-checks of the WDSR and RDN chapter: silent on nothing, helpful on typical mistakes, content with truth."""

import warnings

import answers
import numpy as np
import pytest
import torch
from torch import nn

from srlib.exercises import wdsr
from srlib.models import rdn


def right_dense_block(f, g, n):
    layers = sum(9 * (f + i * g) * g + g for i in range(n))
    return layers + (f + n * g) * f + f


def in_one_formula(f, g, n):
    """n f + n (n - 1) / 2 g channels are read in all."""
    return torch.tensor(9 * g * (n * f + n * (n - 1) / 2 * g) + n * g + (f + n * g) * f + f)


def other_dense_block(f, g, n, fuse=1, bias=1, reads=None):
    reads = reads or (lambda i: f + i * g)
    return sum(9 * reads(i) * g + bias * g for i in range(n)) + fuse * reads(n) * f + bias * f


def right_pass_through(n):
    one = torch.eye(n)
    return torch.cat([one, -one]), torch.cat([one, -one], 1)


def in_pairs_of_rows(n):
    """x and -x stand side by side, and one of them three times as large; lists of numbers."""
    widen = [[(1, -3)[k % 2] * (k // 2 == i) for i in range(n)] for k in range(2 * n)]
    narrow = [[(1, -1 / 3)[k % 2] * (k // 2 == i) for k in range(2 * n)] for i in range(n)]
    return [widen, np.array(narrow)]


def other_pass_through(n, down=-1, back=-1):
    one = torch.eye(n)
    return torch.cat([one, down * one]), torch.cat([one, back * one], 1)


def right_unpack(state):
    made = {}
    for name, tensor in state.items():
        if name.endswith("weight_g"):
            v = state[name.removesuffix("g") + "v"]
            made[name.removesuffix("_g")] = tensor * v / v.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        elif not name.endswith("weight_v"):
            made[name] = tensor
    return made


def by_torch_itself(state):
    """In place, in NumPy's arrays, with the function behind the old weight norm."""
    for name in [name for name in state if name.endswith("_g")]:
        g, v = state.pop(name), state.pop(name[:-1] + "v")
        state[name[:-2]] = torch._weight_norm(v, g, 0)
    return {name: tensor.numpy() for name, tensor in state.items()}


def other_unpack(state, length):
    made = {}
    for name, tensor in state.items():
        if name.endswith("weight_g"):
            v = state[name.removesuffix("g") + "v"]
            made[name.removesuffix("_g")] = tensor * v / length(v)
        elif not name.endswith("weight_v"):
            made[name] = tensor
    return made


def without(state, *endings):
    return {k: t for k, t in state.items() if not k.endswith(endings)}


def one_sign_at_a_time(n):
    """Sums for the positive numbers, the plain ones for the negative: where both meet, neither fits."""
    sums, one = torch.ones(n, n).triu(), torch.eye(n)
    return torch.cat([sums, -one]), torch.cat([sums.inverse(), -one], 1)


RIGHT = {
    "dense_block": [right_dense_block, in_one_formula],
    "pass_through": [right_pass_through, in_pairs_of_rows],
    "unpack": [right_unpack, by_torch_itself],
}
WRONG = [
    ("dense_block", lambda f, g, n: right_dense_block(f, g, n) / 7, "a whole number"),
    ("dense_block", lambda f, g, n: other_dense_block(f, g, n, bias=0), "kernels alone"),
    ("dense_block", lambda f, g, n: sum(9 * (f + i * g) * g + g for i in range(n)), "1 x 1 that fuses"),
    ("dense_block", lambda f, g, n: other_dense_block(f, g, n, reads=lambda i: g if i else f), "predecessor alone"),
    ("dense_block", lambda f, g, n: other_dense_block(f, g, n, fuse=9), "not nine"),
    ("dense_block", lambda f, g, n: right_dense_block(f, g, n) + 1, "Wrong for a single layer"),
    (
        "dense_block",
        lambda f, g, n: other_dense_block(f, g, n, reads=lambda i: f + min(i, 1) * g),
        "Right for one layer",
    ),
    ("dense_block", lambda f, g, n: right_dense_block(16, g, n), "wrong for other numbers"),
    ("pass_through", lambda n: torch.eye(n), "Return a pair"),
    ("pass_through", lambda n: (torch.eye(n), torch.eye(n)), "6 x 3"),
    ("pass_through", lambda n: other_pass_through(n, back=1), "|x|"),
    ("pass_through", lambda n: other_pass_through(n, down=1, back=1), "Not even positive"),
    ("pass_through", lambda n: other_pass_through(n, down=1, back=0), "negative ones do not"),
    ("pass_through", lambda n: right_pass_through(n) if n == 3 else other_pass_through(n, back=1), "other n"),
    ("pass_through", one_sign_at_a_time, "not a mixture"),
    ("pass_through", lambda n: matrices, "NameError"),  # noqa: F821
    ("unpack", lambda state: list(right_unpack(state)), "a dictionary, name -> tensor"),
    ("unpack", lambda state: state | right_unpack(state), "old names are still there"),
    ("unpack", lambda state: without(right_unpack(state), "bias"), "Something got lost"),
    (
        "unpack",
        lambda state: without(state, "_g", "_v") | {k: t for k, t in state.items() if 0},
        "The names are wrong",
    ),
    (
        "unpack",
        lambda state: {k.replace("_g", ""): t for k, t in right_unpack(state).items()},
        "Something got lost",
    ),
    (
        "unpack",
        lambda state: {k.replace("y.weight", "y"): t for k, t in right_unpack(state).items()},
        "Nothing but the end",
    ),
    ("unpack", lambda state: {k: t.flatten() for k, t in right_unpack(state).items()}, "shapes are wrong"),
    ("unpack", lambda state: other_unpack(state, lambda v: 1), "divided by its own length"),
    ("unpack", lambda state: other_unpack(state, lambda v: v.norm()), "length of the whole tensor"),
    ("unpack", lambda state: other_unpack(state, lambda v: v.norm(dim=1, keepdim=True)), "channels alone"),
    ("unpack", lambda state: other_unpack(state, lambda v: v.abs().max()), "not g v / |v|"),
    (
        "unpack",
        lambda state: {k: 2 * t if "bias" in k else t for k, t in right_unpack(state).items()},
        "neither g nor v",
    ),
]


TestAnswers = answers.of(wdsr, RIGHT, WRONG)


@pytest.mark.parametrize(("features", "growth", "layers"), [(16, 12, 3), (64, 64, 8), (4, 2, 1)])
def test_the_first_exercise_counts_the_library_s_block(features, growth, layers):
    block = rdn.DenseBlock(features, growth, layers)
    assert sum(p.numel() for p in block.parameters()) == right_dense_block(features, growth, layers)


def test_what_the_third_exercise_unpacks_draws_the_same():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        old = nn.Sequential(nn.utils.weight_norm(nn.Conv2d(3, 4, 3)), nn.utils.weight_norm(nn.Conv2d(4, 2, 1)))
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1))
    for p in old.parameters():
        nn.init.normal_(p)
    plain.load_state_dict(right_unpack(old.state_dict()))
    x = torch.rand(1, 3, 6, 7)
    assert torch.allclose(plain(x), old(x), atol=1e-5)
