"""Self-checks of the chapter *ESRGAN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import losses
from srlib.exercises.srgan import teaches
from srlib.live import check, function, kinds


def mixed_error(answer: Callable[[float, float, float, float], float] | None) -> bool:
    """Exercise 1: ``answer(e0, e1, d, alpha)`` is the squared error of a mixture of two pictures."""
    generator = torch.Generator().manual_seed(0)
    hr, y0, y1 = (torch.rand(1, 6, 7, generator=generator) for _ in range(3))
    y0 = hr + 0.2 * y0  # the first is nearer to the truth
    e0, e1, d = (losses.mse(a, b).item() for a, b in ((y0, hr), (y1, hr), (y0, y1)))

    def true(alpha: float) -> float:
        return losses.mse(torch.lerp(y0, y1, alpha), hr).item()

    def near(f: Callable, wanted: Callable[[float], float], alphas: Sequence[float] = (0.3, 0.8)) -> bool:
        return all(abs(f(e0, e1, d, a) - wanted(a)) < 1e-5 for a in alphas)

    return check(
        function(answer, kinds.number),
        (lambda f: near(f, true, (0.0, 1.0)), "At alpha 0 it has to be e0, and at alpha 1 it has to be e1."),
        (
            lambda f: not near(f, lambda a: (1 - a) * e0 + a * e1),
            "That would be the mean of the errors. Two pictures that err differently help each other: d has to count.",
        ),
        (
            lambda f: not near(f, lambda a: (1 - a) * e0 + a * e1 + a * (1 - a) * d),
            "The sign of the last term is turned round: a mixture errs less than its ends do on average, not more.",
        ),
        (
            lambda f: not near(f, lambda a: (1 - a) ** 2 * e0 + a**2 * e1),
            "That holds if the two errors have nothing to do with each other. Here d says what they have in common.",
        ),
        (lambda f: near(f, true), "Right at both ends, but not between them."),
        hint=[
            "The error of the mixture is (1 - alpha) u + alpha v, with u and v the two pictures' own errors.",
            "Square it. The product u v is in d as well: d = |u - v|^2 = e0 + e1 - 2 u v.",
            "(1 - alpha) * e0 + alpha * e1 - alpha * (1 - alpha) * d",
        ],
    )


def generator_loss(answer: Callable[[Tensor, Tensor], Tensor] | None) -> bool:
    """Exercise 2: ``answer(real, fake)`` is the generator's relativistic average loss, from logits of any size."""
    real, fake = torch.tensor([[3.0], [-1.0], [0.5]]), torch.tensor([[0.3], [-2.0]])
    huge = torch.tensor([[1e4], [-1e4]])
    above, below = losses.relative(real, fake)

    def near(f: Callable, other: Tensor | float) -> bool:
        return abs(float(f(real, fake)) - float(other)) < 1e-5

    return check(
        function(answer, kinds.scalar),
        (
            lambda f: not near(f, losses.relativistic_judging(real, fake)),
            "That is what the judge minimises. The generator wants the opposite of both verdicts.",
        ),
        (
            lambda f: not near(f, losses.fooling(real, fake)),
            "That is SRGAN's loss: nothing is compared with anything.",
        ),
        (
            lambda f: not near(f, losses.fooling(real, below)),
            "Half of it: the photographs' verdicts teach the generator as well.",
        ),
        (
            lambda f: not near(f, losses.relativistic_fooling(real, fake) / 2),
            "Half of it, as in the authors' code: here the two kinds are averaged each, and then added.",
        ),
        (
            lambda f: not near(f, losses.judging(-above.sigmoid(), -below.sigmoid())),
            "One sigmoid too many: it has turned the differences into verdicts, and then they were no logits any more.",
        ),
        (
            lambda f: not near(f, losses.relativistic_fooling(real.sigmoid(), fake.sigmoid())),
            "One sigmoid too many: compare the logits, and only then squash.",
        ),
        (
            lambda f: not near(f, losses.relativistic_fooling(real, fake) / math.log(10)),
            "Those are logarithms to base 10. A log without a base is the natural one: torch.log.",
        ),
        (
            lambda f: not near(f, F.softplus(torch.cat([above, -below])).mean()),
            "You averaged over all pictures at once. Average each kind over its own, and add the two.",
        ),
        (
            lambda f: near(f, losses.relativistic_fooling(real, fake)),
            "Not that number. Compare each logit with the mean of the other kind.",
        ),
        (
            lambda f: torch.isfinite(f(huge, huge)),
            "Right, until a logit is large: then the sigmoid is exactly 0 or 1, and a logarithm infinite.",
        ),
        (
            lambda f: abs(float(f(huge, huge)) - 1e4) < 1,
            "Right for small logits. But for logits of 10,000 and -10,000 in each kind it should be 10,000.",
        ),
        (
            lambda f: teaches(f, losses.relativistic_fooling, real, fake),
            "The number is right, but its gradient is not: both kinds have to lead one back, through "
            "the means as well.",
        ),
        hint=[
            "First compare: each logit minus the mean of the other kind. Which verdict shall be 1 now, which 0?",
            "-log sigmoid(z) is softplus(-z), and -log(1 - sigmoid(z)) is softplus(z). No sigmoid is needed.",
            "F.softplus(real - fake.mean()).mean() + F.softplus(real.mean() - fake).mean()",
        ],
    )


def order(answer: Callable[[Tensor, Tensor], Sequence[int]] | None) -> bool:
    """Exercise 3: ``answer(first, second)`` sorts the filters of the second layer as those of the first."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(9, 4, 3, 3, generator=generator)
    mixed = torch.randperm(9, generator=generator)
    wanted = mixed.argsort().tolist()  # second = first[mixed], so second[wanted] = first
    exact, noise = first[mixed], 0.05 * torch.randn(first.shape, generator=generator)
    uneven = first * torch.linspace(0.2, 3, 9)[:, None, None, None]
    # filters of one number each: twice two of the first have the same nearest one
    close, shifted = (
        torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, 3, 3)
        for values in ((0.0, 1.0, 3.0, 10.0, 12.0, 30.0), (12.4, 1.1, 3.2, -9.0, 40.0, 10.9))
    )

    def found(f: Callable, one: Tensor, other: Tensor) -> list[float]:
        return list(f(one, other))

    return check(
        function(answer, kinds.numbers().called("a list of indices")),
        (lambda f: len(found(f, first, exact)) == 9, "Return as many indices as there are filters."),
        (lambda f: found(f, first, first) == list(range(9)), "Two equal layers need no sorting: 0, 1, 2 and so on."),
        (
            lambda f: found(f, first, exact) != mixed.tolist(),
            "The other way round: this sorts the first layer as the second. Entry i says where in the *second* the "
            "first one's filter i is.",
        ),
        (lambda f: found(f, first, exact) == wanted, "second[order] is not the first layer."),
        (
            lambda f: found(f, first, exact + noise) == wanted,
            "Right without noise. Look for the nearest, not for an equal.",
        ),
        (
            lambda f: found(f, uneven, uneven[mixed]) == wanted,
            "It fails where some filters are much larger than others. Compare distances, not products.",
        ),
        (
            lambda f: sorted(found(f, close, shifted)) == list(range(6)),
            "One of the second layer's filters was given twice: take a pair away once it is found.",
        ),
        (
            lambda f: found(f, close, shifted) == [3, 1, 2, 5, 0, 4],
            "A filter took the nearest that was left, though another one was nearer to that. Take the nearest pair of "
            "all first.",
        ),
        hint=[
            "How far is each filter of the one from each filter of the other? That is a table of n x n.",
            "torch.cdist of the flattened filters. Take the smallest entry, note the pair, strike out its row and "
            "column, and go on.",
            "apart = torch.cdist(first.flatten(1), second.flatten(1)); n times: i, j = divmod(apart.argmin().item(), "
            "n); found[i] = j; apart[i] = apart[:, j] = inf",
        ],
    )
