"""Self-checks of the chapter *RCAN and SAN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from srlib.live import check, function, kinds

Layer = tuple[Tensor, Tensor]  # weight (out, in) and bias (out,) of a 1 x 1 convolution


def parameters(answer: Callable[[int, int, int, int], int] | None) -> bool:
    """Exercise 1: ``answer(groups, blocks, features, reduction)`` counts what an RCAN x2 has to learn."""

    def count(
        groups: int, blocks: int, f: int, reduction: int, bias: int = 1, ends: int = 1, join: int = 1, gate: int = 1
    ) -> int:
        conv, few = 9 * f * f + f, f // reduction
        attention = gate * (2 * f * few + bias * (few + f))
        group = blocks * (2 * conv + attention) + ends * conv
        return (27 * f + f) + groups * group + join * conv + 4 * (9 * f * f + f) + (27 * f + 3)

    shapes = [(g, b, f, r) for g in (1, 2, 10) for b in (1, 2, 20) for f, r in ((16, 4), (64, 16), (20, 7), (64, 64))]
    paper = (10, 20, 64, 16)
    return check(
        function(answer, kinds.number),
        (lambda f: f(*paper) % 1 == 0, "A count is a whole number."),
        (
            lambda f: f(*paper) != count(*paper, gate=0),
            "Those are the 3 x 3 convolutions alone. Each block also has an attention.",
        ),
        (
            lambda f: f(*paper) != count(*paper, bias=0),
            "The two layers of an attention have biases, too: one for every number that they give out.",
        ),
        (
            lambda f: f(*paper) not in (count(*paper, ends=0), count(*paper, ends=0, join=0)),
            "A group is more than its blocks: behind them, inside the group's skip, stands one more convolution.",
        ),
        (
            lambda f: f(*paper) != count(*paper, join=0),
            "One convolution is missing: behind all groups, inside the long skip.",
        ),
        (
            lambda f: f(10, 21, 64, 16) - f(*paper) == 10 * (2 * (9 * 64 * 64 + 64) + 2 * 64 * 4 + 4 + 64),
            "One block more in each of 10 groups must bring 10 times two convolutions and an attention.",
        ),
        (
            lambda f: f(10, 20, 64, 8) != f(*paper),
            "The reduction must matter: with 8 in place of 16 the attention squeezes to twice as many channels.",
        ),
        (
            lambda f: f(*paper) == count(*paper),
            "Wrong outside the blocks: 3 to f channels, one more behind the groups, f to 4 f, f to 3.",
        ),
        (lambda f: all(f(*key) == count(*key) for key in shapes), "Right for the paper's RCAN, wrong for others."),
        hint=[
            "Print a small one: models.create('rcan', 2, size='course'). Which convolutions are there, and how often?",
            "3 x 3 from a to b channels: 9 a b + b. 1 x 1 from a to b: a b + b. An attention has two of those.",
            "c = 9 f f + f; s = f // reduction; (27 f + f) + groups * (blocks * (2 c + 2 f s + s + f) + c) + c + 4 c + "
            "(27 f + 3).",
        ],
    )


def attend(answer: Callable[[Tensor, Layer, Layer], Tensor] | None) -> bool:
    """Exercise 2: ``answer(x, squeeze, excite)`` weighs the channels of ``(N, C, H, W)`` by their means."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator) * 2 - 1

    x = draw(2, 6, 4, 5) + draw(2, 6, 1, 1)
    squeeze, excite = (draw(3, 6), draw(3)), (draw(6, 3), draw(6))

    def truth(z: Tensor = x, sharp: Callable = torch.sigmoid, bend: Callable = torch.relu) -> Tensor:
        means = z.mean((-2, -1))
        hidden = bend(means @ squeeze[0].T + squeeze[1])
        return sharp(hidden @ excite[0].T + excite[1])[..., None, None]

    def given(f: Callable) -> Tensor:
        return f(x, squeeze, excite)

    crowd = truth(x.mean(0, keepdim=True))  # a mean over the batch as well
    summed = truth(20 * x)
    return check(
        function(answer, kinds.tensor),
        (
            lambda f: given(f).numel() != truth().numel(),
            "Those are the factors alone. Multiply the channels by them and return the features.",
        ),
        (lambda f: given(f).shape == x.shape, "Return features of the shape that came in, (N, C, H, W)."),
        (
            lambda f: not kinds.same(given(f), x * crowd),
            "Every picture of the batch gets the same factors. Take the means over height and width only.",
        ),
        (lambda f: not kinds.same(given(f), x * summed), "You added the pixels up. Take their mean, or size decides."),
        (
            lambda f: not kinds.same(given(f), x * truth(sharp=lambda z: z)),
            "The sigmoid is missing: a factor lies between 0 and 1.",
        ),
        (
            lambda f: not kinds.same(given(f), x * truth(sharp=lambda z: z.softmax(-1))),
            "A softmax makes the channels share one whole. Here each has a factor of its own: use the sigmoid.",
        ),
        (
            lambda f: not kinds.same(given(f), x * truth(bend=lambda z: z)),
            "The ReLU between the two layers is missing. Without it the two are one.",
        ),
        (
            lambda f: not kinds.same(given(f), x + x * truth()),
            "Do not add x: that skip belongs to the block around it.",
        ),
        (lambda f: kinds.same(given(f), x * truth()), "Of the right shape, but other numbers than the attention's."),
        hint=[
            "Four steps: a mean for each channel, a layer and a ReLU, a layer and a sigmoid, a product.",
            "x.mean((-2, -1)) has the shape (N, C). A layer is `means @ weight.T + bias`.",
            "hidden = relu(means @ squeeze[0].T + squeeze[1]); factors = sigmoid(hidden @ excite[0].T + excite[1]); "
            "x * factors[..., None, None].",
        ],
    )


def root(answer: Callable[[Tensor, int], Tensor] | None) -> bool:
    """Exercise 3: ``answer(matrix, steps)`` is a matrix's square root after so many Newton-Schulz steps."""
    generator = torch.Generator().manual_seed(0)
    wild = torch.rand(5, 9, generator=generator) - 0.3
    matrix = 3 * wild @ wild.T / 9
    trace = matrix.trace()
    other = 50 * wild[:3] @ wild[:3].T

    def truth(m: Tensor, steps: int, size: Tensor | float | None = None, once: bool = False) -> Tensor:
        size = m.trace() if size is None else size
        y, z = m / size, torch.eye(len(m))
        for _ in range(steps):
            step = (3 * torch.eye(len(m)) - z @ y) / 2
            y, z = y @ step, torch.eye(len(m)) if once else step @ z
        return y * size**0.5

    def same(a: Tensor, b: Tensor) -> bool:
        return kinds.same(a, b, atol=1e-5 * float(b.abs().max()))

    values, vectors = torch.linalg.eigh(matrix)
    exact = vectors @ values.sqrt().diag() @ vectors.T
    return check(
        function(answer, kinds.tensor),
        (lambda f: f(matrix, 5).shape == matrix.shape, "Return one matrix, as large as the one given."),
        (
            lambda f: not any(same(f(matrix, 5), m.sqrt()) for m in (matrix.abs(), matrix.clamp_min(0))),
            "Those are the roots of the entries. Wanted is the matrix that, times itself, is the one given.",
        ),
        (
            lambda f: not same(f(matrix, 1), exact),
            "That is the exact root, by eigenvalues. Wanted is what so many steps make of it.",
        ),
        (
            lambda f: not same(f(matrix, 3), truth(matrix, 3, 1.0)),
            "Divide by the trace before the first step: without that a large matrix runs away.",
        ),
        (
            lambda f: not same(f(matrix, 3), truth(matrix, 3) / trace.sqrt()),
            "That is the root of the divided matrix. Multiply the division back in, at the end.",
        ),
        (
            lambda f: not same(f(matrix, 3), truth(matrix, 3) * trace.sqrt()),
            "You multiplied by the trace. What was divided out of the matrix comes back as its square root.",
        ),
        (
            lambda f: not same(f(matrix, 3), truth(matrix, 3, once=True)),
            "Z stays the identity. It has to follow: multiply it by the same step.",
        ),
        (
            lambda f: not any(same(f(matrix, 3), truth(matrix, 3 + k)) for k in (-1, 1)),
            "The number of steps is off by one. With Z = I the first step is (3I - A) / 2.",
        ),
        (lambda f: same(f(matrix, 3), truth(matrix, 3)), "Not what three steps give. Use Y and Z of before the step."),
        (
            lambda f: all(same(f(m, n), truth(m, n)) for m in (matrix, other) for n in (1, 5, 12)),
            "Right for one matrix, wrong for others, or for other numbers of steps.",
        ),
        hint=[
            "Begin with Y = matrix / trace and Z = identity. Where does Y go, and how large was the root to be?",
            "Each step: T = (3 I - Z Y) / 2, then Y becomes Y T and Z becomes T Z. Products of matrices.",
            "for _ in range(steps): t = (3 * eye - z @ y) / 2; y, z = y @ t, t @ z. At the end y * trace ** 0.5.",
        ],
    )
