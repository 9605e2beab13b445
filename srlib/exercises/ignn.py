"""Self-checks of the chapter *IGNN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from srlib.live import check, function, kinds


def comparisons(answer: Callable[[int, int, int, int], int] | None) -> bool:
    """Exercise 1: ``answer(height, width, scale, window)`` counts pairs of query and candidate in the search."""
    # odd sides; windows that fit one way only, or just; all of few candidates against the square of a window
    sizes = [(60, 90, 3, 5), (45, 63, 3, 4), (200, 40, 2, 30), (24, 48, 2, 6), (16, 200, 2, 6), (45, 33, 3, 30)]

    def along(side: int) -> int:
        return -(-(side - 3) // 2) + 1

    def queries(height: int, width: int) -> int:
        return along(height) * along(width)

    def truth(height: int, width: int, scale: int, window: int) -> int:
        high, wide = along(height // scale), along(width // scale)
        return queries(height, width) * (window * window if window <= min(high, wide) else high * wide)

    return check(
        function(answer, kinds.number),
        (lambda f: f(96, 128, 2, 8) % 1 == 0, "A count is a whole number."),
        (
            lambda f: f(96, 128, 2, 8) != queries(96, 128) * queries(48, 64),
            "That is every query with every candidate. A window of 8 lets each query choose from 8 x 8.",
        ),
        (
            lambda f: f(96, 128, 2, 8) != queries(96, 128),
            "Those are the queries. Each of them is compared with every candidate of its window.",
        ),
        (
            lambda f: f(96, 128, 2, 8) != 96 * 128 * 64,
            "That is a query at every pixel, but only every second patch is cut, in both directions.",
        ),
        (
            lambda f: f(96, 128, 2, 8) != 47 * 63 * 64,
            "Nearly: 96 pixels have 48 patches along, not 47. What is left over is filled up, so round up.",
        ),
        (lambda f: f(96, 128, 2, 8) == 48 * 64 * 64, "96 x 128 pixels are 48 x 64 queries, each with 8 x 8. Go on."),
        (
            lambda f: f(40, 200, 2, 30) != queries(40, 200) * 30 * 30,
            "Right where the window fits. The smaller picture of 40 x 200 has 10 x 50 candidates: 30 x 30 do not fit.",
        ),
        (
            lambda f: all(f(*size) == truth(*size) for size in sizes),
            "Right for 96 x 128 pixels at x2 and a window of 8, wrong for other sizes, scales or windows.",
        ),
        hint=[
            "How many patches of 3 x 3 are there along one side, if every second one is cut?",
            "-(-(side - 3) // 2) + 1 of them, for the picture and for the one shrunk by the scale. Then: how many "
            "candidates may one query choose from?",
            "along(height) * along(width) * (window * window if it fits, else along(height // scale) * "
            "along(width // scale))",
        ],
    )


def neighbours(answer: Callable[[Tensor, Tensor, int], Tensor] | None) -> bool:
    """Exercise 2: ``answer(queries, candidates, k)``: numbers of the nearest, ``(n, d)``, ``(m, d)`` to ``(n, k)``."""
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(6, 4, generator=generator)
    # lengths that differ, so that the product alone ranks them otherwise
    candidates = torch.randn(9, 4, generator=generator) * torch.linspace(0.3, 3, 9)[:, None]
    distance = torch.cdist(queries, candidates)

    def apart(n: int, m: int, d: int) -> Tensor:
        return torch.cdist(queries[:n, :d], candidates[:m, :d])

    def gives(f: Callable, wanted: Tensor) -> bool:
        return torch.equal(f(queries, candidates, 3).long(), wanted)

    def first(ranking: Tensor, largest: bool = False, k: int = 3, dim: int = 1) -> Tensor:
        return ranking.topk(k, dim, largest=largest).indices

    def is_candidate_numbers(f: Callable) -> bool:
        found = f(queries, candidates, 3)
        return found.shape == (6, 3) and bool((found % 1 == 0).all())

    return check(
        function(answer, kinds.tensor),
        (
            is_candidate_numbers,
            "For 6 queries, 9 candidates and k = 3 return whole numbers of shape (6, 3): topk(...).indices.",
        ),
        (
            lambda f: not gives(f, first(distance, largest=True)),
            "Those are the farthest. topk takes the largest unless you say largest=False.",
        ),
        (
            lambda f: not gives(f, first(queries @ candidates.T, largest=True)),
            "Those have the largest product with the query. A long candidate has a large product without being near: "
            "its own squared length is missing.",
        ),
        (
            lambda f: not gives(f, first(candidates.square().sum(1) - queries @ candidates.T)),
            "The product counts twice: |q - c|^2 = |q|^2 - 2 q.c + |c|^2.",
        ),
        (
            lambda f: not gives(f, first(distance).flip(1)),
            "The right ones, but the nearest should come first.",
        ),
        (
            lambda f: gives(f, first(distance)),
            "Not yet: rank by |c|^2 - 2 q.c, smallest first. The query's own length moves no rank.",
        ),
        (
            lambda f: all(
                torch.equal(f(queries[:n, :d], candidates[:m, :d], k).long(), first(apart(n, m, d), k=k))
                for n, m, d, k in ((2, 5, 4, 1), (6, 2, 3, 2), (1, 9, 2, 9))
            ),
            "Right for k = 3, wrong for other sizes.",
        ),
        hint=[
            "Write out |q - c|^2. Which part is the same for all candidates of one query?",
            "queries @ candidates.T holds all products at once; add the squared lengths of the candidates, once "
            "for each column.",
            "(candidates.square().sum(1) - 2 * queries @ candidates.T).topk(k, largest=False).indices",
        ],
    )


def aggregate(answer: Callable[[Tensor, Tensor, Tensor], Tensor] | None) -> bool:
    """Exercise 3: ``answer(query, counterparts, distances)``: ``(C, 9)``, ``(k, C, 36)``, ``(k,)`` to ``(C, 36)``."""
    generator = torch.Generator().manual_seed(0)
    query = 2 * torch.rand(3, 9, generator=generator) + torch.tensor([[0.0], [1.0], [5.0]])
    counterparts = torch.rand(4, 3, 36, generator=generator) * torch.tensor([1.0, 2, 3, 4]).view(4, 1, 1)
    distances = torch.tensor([0.1, 0.9, 1.7, 2.2])

    def deviation(of: Tensor, axes: tuple, correction: int) -> Tensor:
        return of.std(axes, correction=correction, keepdim=True)

    def lit(of: Tensor, correction: int, spread: bool = True, axes: tuple = (-1,)) -> Tensor:
        unit = of - of.mean(axes, keepdim=True)
        if spread:
            unit = unit / deviation(of, axes, correction) * deviation(query, (-1,), correction)
        return unit + query.mean(-1, keepdim=True)

    def weighed(of: Tensor, weight: Tensor) -> Tensor:
        return (weight[:, None, None] * of).sum(0)

    right = (-distances).softmax(0)

    def gives(f: Callable, wanted: Callable[[int], Tensor], k: int = 4) -> bool:
        """Does it, with the deviation of a sample (divided by n - 1) or with that of all there is (by n)?"""
        found = f(query, counterparts[:k], distances[:k])
        return any(kinds.same(found, wanted(correction), 1e-3, 1e-4) for correction in (1, 0))

    return check(
        function(answer, kinds.tensor),
        (
            lambda f: f(query, counterparts, distances).shape == (3, 36),
            "For a query (3, 9) and counterparts (4, 3, 36) return (3, 36): one large patch in three channels.",
        ),
        (
            lambda f: not gives(f, lambda _: weighed(counterparts, right)),
            "The weights are right, but the counterparts keep their own light: give each the query's mean and "
            "deviation first.",
        ),
        (
            lambda f: not gives(f, lambda c: weighed(lit(counterparts, c), distances.softmax(0))),
            "The farthest neighbour weighs most in yours. Put a minus before the distances.",
        ),
        (
            lambda f: not gives(f, lambda c: lit(counterparts, c).mean(0)),
            "All neighbours weigh the same in yours: the distances are not used.",
        ),
        (
            lambda f: not gives(f, lambda c: weighed(lit(counterparts, c, spread=False), right)),
            "The mean is the query's, the deviation is still the counterpart's: divide by its own, multiply by the "
            "query's.",
        ),
        (
            lambda f: not gives(f, lambda c: weighed(lit(counterparts, c, axes=(-2, -1)), right)),
            "Mean and deviation are taken over all channels together. Each channel has its own: over the last axis.",
        ),
        (
            lambda f: not gives(f, lambda c: lit(weighed(counterparts, right), c)),
            "You average the counterparts and then give that the query's light. Light each of them first.",
        ),
        (
            lambda f: gives(f, lambda c: weighed(lit(counterparts, c), right)),
            "Not yet: (counterpart - its mean) / its deviation * the query's deviation + the query's mean, then the "
            "mean with weights softmax(-distances).",
        ),
        (
            lambda f: all(
                gives(f, lambda c, k=k: weighed(lit(counterparts[:k], c), (-distances[:k]).softmax(0)), k)
                for k in (1, 3)
            ),
            "Right for four neighbours, wrong for another number of them.",
        ),
        hint=[
            "Two steps: AdaPN for each counterpart, then a weighted mean. Look at `ignn.adapt`.",
            "Statistics are taken over the last axis, with keepdim=True; (C, 1) of the query goes with (k, C, 36).",
            "lit = (c - c.mean(-1, keepdim=True)) / c.std(-1, keepdim=True) * query.std(-1, keepdim=True) + "
            "query.mean(-1, keepdim=True); then (weight[:, None, None] * lit).sum(0)",
        ],
    )
