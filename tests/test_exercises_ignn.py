"""The self-checks of the IGNN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import math

import answers
import numpy as np
import pytest
import torch

from srlib.exercises import ignn as exercises
from srlib.models import ignn


def right_comparisons(height, width, scale, window):
    rows, columns, high, wide = (math.ceil((n - 3) / 2) + 1 for n in (height, width, height // scale, width // scale))
    return rows * columns * (window**2 if window <= min(high, wide) else high * wide)


def by_halves(height, width, scale, window):
    """As many patches as pairs of pixels; numbers of other types."""
    small = np.array([height // scale, width // scale]) // 2
    asked = window * window if (small >= window).all() else small.prod()
    return torch.tensor(height // 2 * (width // 2) * float(asked))


def right_neighbours(queries, candidates, k):
    return (candidates.square().sum(1) - 2 * queries @ candidates.T).topk(k, largest=False).indices


def by_loops(queries, candidates, k):
    """Lists, sorted by the distance itself."""
    q, c = queries.tolist(), candidates.tolist()
    return [sorted(range(len(c)), key=lambda j: math.dist(one, c[j]))[:k] for one in q]


def right_aggregate(query, counterparts, distances):
    centred = counterparts - counterparts.mean(-1, keepdim=True)
    unit = centred / counterparts.std(-1, keepdim=True)
    lit = unit * query.std(-1, keepdim=True) + query.mean(-1, keepdim=True)
    return ((-distances).softmax(0)[:, None, None] * lit).sum(0)


def in_numpy(query, counterparts, distances):
    """A channel at a time, with the deviation that NumPy takes: divided by n."""
    weight = np.exp(-distances.numpy())
    made = []
    for i, channel in enumerate(query.numpy()):
        own = counterparts[:, i].numpy()
        unit = (own - own.mean(1, keepdims=True)) / own.std(1, keepdims=True)
        made.append(np.average(unit, 0, weight) * channel.std() + channel.mean())
    return made


def along(side):
    return -(-(side - 3) // 2) + 1


def in_the_light_of(query, counterparts, axes=-1):
    unit = (counterparts - counterparts.mean(axes, keepdim=True)) / counterparts.std(axes, keepdim=True)
    return unit * query.std(-1, keepdim=True) + query.mean(-1, keepdim=True)


def weighed(counterparts, weight):
    return (weight[:, None, None] * counterparts).sum(0)


RIGHT = {
    "comparisons": [right_comparisons, by_halves],
    "neighbours": [right_neighbours, by_loops],
    "aggregate": [right_aggregate, in_numpy],
}
WRONG = [
    ("comparisons", lambda *size: right_comparisons(*size) / 7, "a whole number"),
    ("comparisons", lambda h, w, s, _: right_comparisons(h, w, s, 10**6), "every candidate"),
    ("comparisons", lambda h, w, *_: along(h) * along(w), "Those are the queries"),
    ("comparisons", lambda h, w, _, side: h * w * side**2, "every second patch"),
    ("comparisons", lambda h, w, _, side: (h - 1) // 2 * ((w - 1) // 2) * side**2, "round up"),
    ("comparisons", lambda h, w, _, side: h // 2 * (w // 2) * side, "Go on"),
    ("comparisons", lambda h, w, _, side: along(h) * along(w) * side**2, "do not fit"),
    (
        "comparisons",
        lambda h, w, s, side: along(h) * along(w) * min(side, along(h // s)) * min(side, along(w // s)),
        "wrong for other sizes",
    ),
    (
        "comparisons",
        lambda h, w, s, side: along(h) * along(w) * min(side**2, along(h // s) * along(w // s)),
        "wrong for other sizes",
    ),
    (
        "comparisons",
        lambda h, w, s, side: right_comparisons(h + h % 2, w + w % 2, s, side),
        "wrong for other sizes",
    ),
    ("neighbours", lambda q, c, k: torch.cdist(q, c).topk(k, largest=False).values, "whole numbers"),
    ("neighbours", lambda q, c, k: torch.cdist(q, c).T.topk(k, largest=False).indices, "(6, 3)"),
    ("neighbours", lambda q, c, k: torch.cdist(q, c).topk(k).indices, "the farthest"),
    ("neighbours", lambda q, c, k: (q @ c.T).topk(k).indices, "squared length is missing"),
    ("neighbours", lambda q, c, k: (c.square().sum(1) - q @ c.T).topk(k, largest=False).indices, "counts twice"),
    ("neighbours", lambda *given: right_neighbours(*given).flip(1), "come first"),
    ("neighbours", lambda q, c, k: (c.sum(1) - 2 * q @ c.T).topk(k, largest=False).indices, "Not yet"),
    ("neighbours", lambda q, c, _: right_neighbours(q, c, 3), "wrong for other sizes"),
    ("aggregate", lambda q, c, d: in_the_light_of(q, c), "return (3, 36)"),
    ("aggregate", lambda q, c, d: weighed(c, (-d).softmax(0)), "own light"),
    ("aggregate", lambda q, c, d: weighed(in_the_light_of(q, c), d.softmax(0)), "a minus"),
    ("aggregate", lambda q, c, d: in_the_light_of(q, c).mean(0), "not used"),
    (
        "aggregate",
        lambda q, c, d: weighed(c - c.mean(-1, keepdim=True) + q.mean(-1, keepdim=True), (-d).softmax(0)),
        "still the counterpart's",
    ),
    ("aggregate", lambda q, c, d: weighed(in_the_light_of(q, c, (-2, -1)), (-d).softmax(0)), "all channels together"),
    ("aggregate", lambda q, c, d: weighed(in_the_light_of(q, c), -d), "Not yet"),
    ("aggregate", lambda q, c, d: in_the_light_of(q, weighed(c, (-d).softmax(0))), "Light each of them first"),
    ("aggregate", lambda q, c, d: weighed(in_the_light_of(q, c), (-(d**2)).softmax(0)), "Not yet"),
    (
        "aggregate",
        lambda q, c, d: right_aggregate(q, c, d) if len(d) == 4 else right_aggregate(q, c, d) * 2,
        "another number",
    ),
]


ROWS = "rows, columns, high, wide = (math.ceil((n - 3) / 2) + 1 for n in (height, width, height "
MULTIPLES = "sides are multiples of the scale, as the exercise says"
EQUIVALENT = {
    "comparisons": {
        ROWS + "/ scale, width // scale))": MULTIPLES,
        ROWS + "// scale, width / scale))": MULTIPLES,
        "return rows * columns * (window ** 2 if window <= min(wide, high) else high * wide)": "the smaller of both",
    },
    "aggregate": {"return ((-distances).softmax(-1)[:, None, None] * lit).sum(0)": "distances have one axis"},
}

TestAnswers = answers.of(exercises, RIGHT, WRONG, EQUIVALENT)


@pytest.mark.parametrize(("height", "width", "scale", "window"), [(24, 32, 2, 4), (30, 36, 3, 3), (16, 40, 2, 99)])
def test_the_first_exercise_counts_what_the_search_compares(height, width, scale, window, monkeypatch):
    """Counted where the library ranks: candidates that the window leaves out are infinitely far."""
    counted, topk = [], torch.Tensor.topk

    def listen(distance, *args, **kwargs):
        counted.append(int(distance.isfinite().sum()))
        return topk(distance, *args, **kwargs)

    queries, candidates = (ignn.patches(torch.rand(1, 2, height // s, width // s)) for s in (1, scale))
    monkeypatch.setattr(torch.Tensor, "topk", listen)
    ignn.nearest(queries, candidates, 1, scale, window)
    assert sum(counted) == right_comparisons(height, width, scale, window)


def test_the_second_exercise_is_the_library_s_search():
    generator = torch.Generator().manual_seed(0)
    queries = torch.rand(1, 5, 6, 8, generator=generator)
    candidates = torch.rand(1, 5, 3, 4, generator=generator)
    by_hand = right_neighbours(queries.flatten(2)[0].T, candidates.flatten(2)[0].T, 2)
    library = ignn.nearest(queries, candidates, 2, 2, 99)
    assert torch.equal(by_hand, library.flatten(2)[0].T)


def test_the_third_exercise_adapts_as_the_network_does():
    generator = torch.Generator().manual_seed(0)
    query, counterparts = torch.rand(3, 9, generator=generator), torch.rand(4, 3, 36, generator=generator)
    library = ignn.adapt(counterparts, query[None])
    assert torch.allclose(in_the_light_of(query, counterparts), library, atol=1e-3)
