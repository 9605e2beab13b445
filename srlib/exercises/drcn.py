"""Self-checks of the chapter *DRCN and DRRN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from srlib import losses
from srlib.live import check, function
from srlib.live.kinds import number, same, tensor


def parameters(answer: Callable[[int, int], int] | None) -> bool:
    """Exercise 1: ``answer(features, recursions)`` counts what a DRCN has to learn."""
    counts = {(f, d): 27 * f * f + 22 * f + 1 + d for f in (1, 2, 8, 24, 64, 256) for d in (1, 4, 9, 16)}

    def unshared(f: Callable) -> bool:
        return f(256, 16) - f(256, 1) >= 15 * 9 * 256**2

    return check(
        function(answer, number),
        (
            lambda f: not unshared(f),
            "That is a network with a convolution of its own for every pass. Here one set of weights serves them all.",
        ),
        (
            lambda f: f(256, 16) != 1_774_080 and f(256, 16) != 1_774_096,
            "Those are the kernels alone. Each convolution also has a bias for every channel that it gives out.",
        ),
        (
            lambda f: f(256, 16) != f(256, 1),
            "Nearly: the passes share their convolution, but each has one number of its own in the final sum.",
        ),
        (
            lambda f: f(256, 16) - f(256, 1) == 15,
            "15 more passes bring 15 more numbers, the weights of the final sum, and nothing else.",
        ),
        (
            lambda f: f(256, 16) == counts[256, 16],
            "Five convolutions: two embed, one recurs, two reconstruct. The first reads one channel, the last gives "
            "one.",
        ),
        (lambda f: all(f(*key) == count for key, count in counts.items()), "Right for 256 channels, wrong for others."),
        hint=[
            "Which convolutions are there? Read `__init__` again; five lines say nn.Conv2d.",
            "One from a to b channels has 9 a b weights and b biases. What does another pass add?",
            "(9 f + f) + 3 (9 f f + f) + (9 f + 1), and one number for each recursion.",
        ],
    )


def supervised(answer: Callable[[Sequence[Tensor], Tensor, float], Tensor] | None) -> bool:
    """Exercise 2: ``answer(outputs, hr, alpha)`` is DRCN's loss, with the mean squared error."""
    generator = torch.Generator().manual_seed(0)
    hr = torch.rand(2, 1, 6, 7, generator=generator)
    outputs = [hr + (0.1 + 0.1 * k) * torch.randn(hr.shape, generator=generator) for k in range(4)]

    def near(f: Callable, other: Callable[[float], Tensor | float], alphas: Sequence[float]) -> bool:
        return all(abs(f(outputs, hr, a) - float(other(a))) < 1e-5 for a in alphas)

    def single(k: int) -> Tensor:
        return losses.mse(outputs[k], hr)

    def early() -> Tensor:
        return sum(single(k) for k in range(3))

    return check(
        function(answer, number),
        (
            lambda f: not (near(f, lambda _: single(3), (1.0,)) and near(f, lambda _: early() / 3, (0.0,))),
            "The wrong way round: alpha belongs to the recursions, 1 - alpha to the final picture.",
        ),
        (
            lambda f: near(f, lambda _: single(3), (0.0,)),
            "With alpha = 0 only the last picture, the final one, counts.",
        ),
        (
            lambda f: not near(f, lambda _: early(), (1.0,)),
            "You added the recursions' losses up. Take their mean, or more passes would mean longer steps.",
        ),
        (
            lambda f: not near(f, lambda _: (early() + single(3)) / 4, (1.0,)),
            "The final picture has slipped into the mean of the recursions: it is the last of the list.",
        ),
        (lambda f: near(f, lambda _: early() / 3, (1.0,)), "With alpha = 1 it must be the mean over the recursions."),
        (
            lambda f: near(f, lambda a: losses.recursive_supervision(outputs, hr, a), (0.2, 0.5, 0.9)),
            "Right at alpha = 0 and 1, wrong between: weigh the two by alpha and 1 - alpha.",
        ),
        hint=[
            "`*recursions, final = outputs` takes the list apart.",
            "Two numbers: the mean of the recursions' errors, and the final picture's error.",
            "alpha * (mean of ((sr - hr) ** 2).mean() over recursions) + (1 - alpha) * ((final - hr) ** 2).mean()",
        ],
    )


def best_weights(answer: Callable[[Sequence[Tensor], Tensor], Tensor] | None) -> bool:
    """Exercise 3: ``answer(pictures, original)`` are the weights whose sum of pictures is nearest to the original."""
    generator = torch.Generator().manual_seed(0)
    base = torch.rand(1, 12, 13, generator=generator)
    pictures = [base + 0.2 * torch.randn(base.shape, generator=generator) for _ in range(3)]
    true = torch.tensor([0.2, 1.1, -0.4])
    exact = sum(w * p for w, p in zip(true, pictures, strict=True))
    noisy = exact + 0.1 * torch.randn(base.shape, generator=generator)

    def truth(original: Tensor) -> Tensor:
        columns = torch.stack([p.flatten() for p in pictures], 1).double()
        return torch.linalg.lstsq(columns, original.flatten()[:, None].double()).solution[:, 0].float()

    def given(f: Callable, original: Tensor) -> Tensor:
        return f(pictures, original).detach()

    def close(weights: Tensor, other: Tensor) -> bool:
        return same(weights, other, atol=2e-3)

    return check(
        function(answer, tensor.called("a list or tensor of numbers, one weight for each picture,")),
        (lambda f: given(f, exact).shape == (3,), "Return one weight for each picture: a tensor of shape (3,) here."),
        (
            lambda f: not close(given(f, exact), true / true.sum()),
            "You made them sum to 1. Nothing in the task asks for that; DRCN does not do it either.",
        ),
        (
            lambda f: not same(given(f, exact), given(f, 0.5 * exact), atol=1e-6),
            "Your weights do not depend on the original. Half as bright an original wants half the weights.",
        ),
        (
            lambda f: (given(f, exact) < 0).any(),
            "A weight may be negative: here one must be. Solve for them instead of scoring the pictures one by one.",
        ),
        (lambda f: close(given(f, exact), true), "This original is 0.2, 1.1 and -0.4 times the pictures; find that."),
        (
            lambda f: close(given(f, noisy), truth(noisy)),
            "Right where an exact answer exists, wrong where there is none: minimise the squared error over all "
            "pixels.",
        ),
        hint=[
            "Each pixel gives one equation: the weighted sum of the pictures' values is the original's value.",
            "Many equations, few unknowns: least squares. Make a matrix with one column a picture, one row a pixel.",
            "A = torch.stack([p.flatten() for p in pictures], 1).double(); then torch.linalg.lstsq(A, b).solution, "
            "b a column.",
        ],
    )
