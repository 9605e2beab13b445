"""Self-checks of the chapter *WDSR and RDN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from srlib.live import check, function, kinds


def dense_block(answer: Callable[[int, int, int], int] | None) -> bool:
    """Exercise 1: ``answer(features, growth, layers)`` counts what a residual dense block has to learn."""

    def count(f: int, g: int, n: int, bias: int = 1, fuse: int = 1, reads: Callable[[int], int] | None = None) -> int:
        reads = reads or (lambda i: f + i * g)
        layers = sum(9 * reads(i) * g + bias * g for i in range(n))
        return layers + fuse * (reads(n) * f + bias * f)

    shapes = [(f, g, n) for f in (4, 16, 64) for g in (2, 12, 64) for n in (1, 3, 8)]
    return check(
        function(answer, kinds.number),
        (lambda f: f(16, 12, 3) % 1 == 0, "A count is a whole number."),
        (
            lambda f: f(16, 12, 3) != count(16, 12, 3, bias=0),
            "Those are the kernels alone. Each convolution also has a bias for every channel that it gives out.",
        ),
        (
            lambda f: f(16, 12, 3) != count(16, 12, 3, fuse=0),
            "One convolution is missing: the 1 x 1 that fuses everything into the block's features again.",
        ),
        (
            lambda f: f(16, 12, 3) != count(16, 12, 3, reads=lambda i: 12 if i else 16),
            "Each of your layers reads its predecessor alone. Here every layer reads the input and all before it.",
        ),
        (
            lambda f: f(16, 12, 3) != count(16, 12, 3) + 8 * (16 + 36) * 16,
            "The fusion is a 1 x 1 convolution: one weight for each pair of channels, not nine.",
        ),
        (
            lambda f: f(16, 12, 1) == count(16, 12, 1),
            "Wrong for a single layer: 16 to 12 channels by 3 x 3, then 16 + 12 to 16 channels by 1 x 1.",
        ),
        (
            lambda f: f(16, 12, 3) == count(16, 12, 3),
            "Right for one layer, wrong for three: the second reads 16 + 12 channels, the third 16 + 24, "
            "the fusion 16 + 36.",
        ),
        (lambda f: all(f(*key) == count(*key) for key in shapes), "Right for 16, 12 and 3, wrong for other numbers."),
        hint=[
            "Look at DenseBlock above: what is concatenated, and who reads it?",
            "Layer i (from 0) reads features + i * growth channels and gives growth. The 1 x 1 reads all of them.",
            "sum of 9 * (f + i * g) * g + g for i = 0 ... n - 1, and then (f + n * g) * f + f.",
        ],
    )


def pass_through(answer: Callable[[int], tuple[Tensor, Tensor]] | None) -> bool:
    """Exercise 2: ``answer(n)`` gives matrices with which n numbers pass a ReLU unharmed: twice as wide, and back."""

    def drawn(f: Callable, n: int, sign: float | None = None) -> tuple[Tensor, Tensor]:
        widen, narrow = f(n)
        x = torch.randn(n, 9, generator=torch.Generator().manual_seed(n))
        x = x if sign is None else sign * x.abs()
        return narrow @ (widen @ x).relu(), x

    def passes(f: Callable, n: int, sign: float | None = None) -> bool:
        return kinds.same(*drawn(f, n, sign), atol=1e-4)

    def absolute(f: Callable, n: int) -> bool:
        y, x = drawn(f, n)
        return kinds.same(y, x.abs(), atol=1e-4)

    return check(
        function(answer, kinds.tensors.called("a pair of matrices")),
        (lambda f: len(f(3)) == 2, "Return a pair: the matrix that widens, and the one that narrows."),
        (
            lambda f: [tuple(m.shape) for m in f(3)] == [(6, 3), (3, 6)],
            "The shapes are wrong. For n = 3 the first matrix is 6 x 3 and the second 3 x 6.",
        ),
        (
            lambda f: not absolute(f, 3),
            "That gives |x|: both halves arrive, but with the same sign. What was negative must become so again.",
        ),
        (
            lambda f: passes(f, 3, +1),
            "Not even positive numbers come through. Let half of the wide channels simply be x.",
        ),
        (
            lambda f: passes(f, 3, -1),
            "Positive numbers come through, negative ones do not. Who carries them past the ReLU?",
        ),
        (lambda f: passes(f, 3), "Positive or negative numbers come through, but not a mixture of both."),
        (lambda f: all(passes(f, n) for n in (1, 2, 5, 12)), "Right for n = 3, wrong for other n."),
        hint=[
            "x is the positive part of x, minus the positive part of -x.",
            "So let the wide layer hold x and -x, one below the other, and let the narrow one subtract.",
            "one = torch.eye(n); torch.cat([one, -one]) widens, and torch.cat([one, -one], 1) narrows.",
        ],
    )


def unpack(answer: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None) -> bool:
    """Exercise 3: ``answer(state)`` turns a file of the old weight norm (g and v) into one of plain weights."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    packed = {}
    # a name with "_g" in its middle, and a filter that is no square
    for name, shape in (("head", (4, 3, 3, 3)), ("body.0.layers.2", (2, 4, 1, 1)), ("to_gray", (2, 2, 3, 1))):
        packed |= {f"{name}.bias": draw(shape[0]), f"{name}.weight_g": draw(shape[0], 1, 1, 1)}
        packed[f"{name}.weight_v"] = draw(*shape)
    packed["prelu.weight"] = draw(1)
    plain = {k: t for k, t in packed.items() if not k.endswith(("_g", "_v"))}
    paths = [k.removesuffix("_g") for k in packed if k.endswith("_g")]
    v = {p: packed[p + "_v"] for p in paths}
    g = {p: packed[p + "_g"] for p in paths}
    per_filter = {p: v[p].flatten(1).norm(dim=1).view(-1, 1, 1, 1) for p in paths}
    truth = plain | {p: g[p] * v[p] / per_filter[p] for p in paths}

    def like(f: Callable, divisor: dict[str, Tensor] | None) -> bool:
        made = f(packed)
        return all(kinds.same(made[p], g[p] * v[p] / (divisor[p] if divisor else 1)) for p in paths)

    return check(
        function(answer, kinds.Kind("a dictionary, name -> tensor, as a state_dict is,", _state)),
        (
            lambda f: not any(k.endswith(("weight_g", "weight_v")) for k in f(packed)),
            "The old names are still there: a network of plain convolutions knows no weight_g and no weight_v.",
        ),
        (lambda f: set(plain) <= set(f(packed)), "Something got lost: biases, and whatever else is not g or v, stay."),
        (
            lambda f: set(f(packed)) == set(truth),
            "The names are wrong: to_gray.weight_g and _v become to_gray.weight. Nothing but the end changes.",
        ),
        (
            lambda f: all(f(packed)[k].shape == t.shape for k, t in truth.items()),
            "The shapes are wrong: a weight has the shape of its v.",
        ),
        (lambda f: not like(f, None), "That is g times v. The v must first be divided by its own length."),
        (
            lambda f: not like(f, {p: v[p].norm() for p in paths}),
            "You divided by the length of the whole tensor. Each filter (first index) has a length of its own.",
        ),
        (
            lambda f: not like(f, {p: v[p].norm(dim=1, keepdim=True) for p in paths}),
            "You took the length over the input channels alone. A filter is all of v[i]: channels, rows and columns.",
        ),
        (lambda f: like(f, per_filter), "The weights are not g v / |v|, with one length for each filter."),
        (
            lambda f: all(torch.equal(f(packed)[k], t) for k, t in plain.items()),
            "The weights are right, but something that was neither g nor v has changed.",
        ),
        hint=[
            "Go through the names. What ends in weight_g has a partner in weight_v; all others are copied.",
            "The length of a filter: v.flatten(1).norm(dim=1), one number for each, shaped like g.",
            "made[name.removesuffix('_g')] = g * v / v.flatten(1).norm(dim=1).view(-1, 1, 1, 1)",
        ],
    )


def _state(given: object) -> dict[str, Tensor]:
    """A dictionary of tensors, whatever its values are written as."""
    if not isinstance(given, Mapping):
        raise kinds.UnusableError
    return {name: kinds.tensor(value) for name, value in given.items()}
