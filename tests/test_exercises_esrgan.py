"""The self-checks of the ESRGAN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import itertools
import math

import answers
import numpy as np
import torch
from torch.nn import functional as F

from srlib import losses
from srlib.exercises import esrgan


def right_mixed_error(e0, e1, d, alpha):
    product = (e0 + e1 - d) / 2
    return (1 - alpha) ** 2 * e0 + alpha**2 * e1 + 2 * alpha * (1 - alpha) * product


def on_a_drawing(e0, e1, d, alpha):
    """Two errors as arrows in the plane: the first along the axis, the second where the lengths put it."""
    u = np.array([e0**0.5, 0])
    along = (e0 + e1 - d) / 2 / u[0]
    v = np.array([along, (e1 - along**2) ** 0.5])
    return torch.tensor(((1 - alpha) * u + alpha * v) ** 2).sum()


def right_generator_loss(real, fake):
    above, below = real - fake.mean(), fake - real.mean()
    return F.softplus(above).mean() + F.softplus(-below).mean()


def by_torch_itself(real, fake):
    """In double precision, of shape (1, 1)."""
    real, fake = real.double(), fake.double()
    sides = ((real - fake.mean(), torch.zeros_like(real)), (fake - real.mean(), torch.ones_like(fake)))
    return sum(F.binary_cross_entropy_with_logits(*side) for side in sides).view(1, 1)


def right_order(first, second):
    apart = torch.cdist(first.flatten(1), second.flatten(1))
    found = [0] * len(first)
    for _ in range(len(first)):
        i, j = divmod(apart.argmin().item(), len(first))
        found[i] = j
        apart[i] = apart[:, j] = torch.inf
    return found


def by_exchanging(first, second):
    """The best of all orders, pair by pair exchanged until nothing gets better; an array."""
    apart = torch.cdist(first.flatten(1), second.flatten(1))
    found, better = list(range(len(first))), True
    while better:
        better = False
        for i, j in itertools.combinations(range(len(first)), 2):
            if apart[i, found[j]] + apart[j, found[i]] < apart[i, found[i]] + apart[j, found[j]] - 1e-6:
                found[i], found[j], better = found[j], found[i], True
    return np.array(found)


def row_by_row(first, second):
    """Whoever comes first takes the nearest that is left."""
    apart, found = torch.cdist(first.flatten(1), second.flatten(1)), []
    for row in apart:
        row[found] = torch.inf
        found.append(row.argmin().item())
    return torch.tensor(found)


def nearest(first, second):
    return torch.cdist(first.flatten(1), second.flatten(1)).argmin(1)


def by_products(first, second):
    return (first.flatten(1) @ second.flatten(1).T).argmax(1)


def same(first, second):
    """Finds equal filters only."""
    return [next((j for j, b in enumerate(second) if torch.equal(a, b)), 0) for a in first]


def with_sigmoids(real, fake):
    above, below = (z.sigmoid() for z in losses.relative(real, fake))
    return -(1 - above).log().mean() - below.log().mean()


RIGHT = {
    "mixed_error": [right_mixed_error, on_a_drawing, lambda e0, e1, d, a: (1 - a) * e0 + a * e1 - a * (1 - a) * d],
    "generator_loss": [right_generator_loss, by_torch_itself],
    "order": [right_order, by_exchanging],
}
WRONG = [
    ("mixed_error", lambda e0, e1, d, a: right_mixed_error(e1, e0, d, a), "at alpha 1 it has to be e1"),
    ("mixed_error", lambda e0, e1, d, a: (1 - a) * e0 + a * e1, "d has to count"),
    ("mixed_error", lambda e0, e1, d, a: (1 - a) * e0 + a * e1 + a * (1 - a) * d, "sign of the last term"),
    ("mixed_error", lambda e0, e1, d, a: (1 - a) ** 2 * e0 + a**2 * e1, "nothing to do with each other"),
    ("mixed_error", lambda e0, e1, d, a: (1 - a) * e0 + a * e1 - a * (1 - a) * d / 2, "not between them"),
    ("generator_loss", lambda real, fake: F.softplus(real - fake.mean()), "one number as a tensor"),
    ("generator_loss", lambda real, fake: F.softplus(real[: len(fake)] - fake).mean(), "Not that number"),
    ("generator_loss", lambda real, fake: F.softplus(real - fake).mean(), "RuntimeError"),
    (
        "generator_loss",
        lambda real, fake: F.softplus(torch.cat([real - fake.mean(), real.mean() - fake])).mean(),
        "over all pictures at once",
    ),
    ("generator_loss", lambda real, fake: right_generator_loss(real, fake) / math.log(10), "the natural one"),
    (
        "generator_loss",
        lambda real, fake: (
            F.softplus(real - fake.detach().mean()).mean() + F.softplus(real.detach().mean() - fake).mean()
        ),
        "through the means",
    ),
    ("generator_loss", losses.relativistic_judging, "what the judge minimises"),
    ("generator_loss", losses.fooling, "SRGAN's loss"),
    ("generator_loss", lambda real, fake: F.softplus(real.mean() - fake).mean(), "Half of it: the photographs"),
    ("generator_loss", lambda real, fake: right_generator_loss(real, fake) / 2, "as in the authors' code"),
    (
        "generator_loss",
        lambda real, fake: right_generator_loss(real.sigmoid(), fake.sigmoid()),
        "compare the logits, and only then",
    ),
    (
        "generator_loss",
        lambda real, fake: (
            losses.fooling(None, losses.relative(real, fake)[1].sigmoid())
            + F.softplus(losses.relative(real, fake)[0].sigmoid()).mean()
        ),
        "into verdicts",
    ),
    ("generator_loss", with_sigmoids, "until a logit is large"),
    (
        "generator_loss",
        lambda real, fake: right_generator_loss(real.clamp(-50, 50), fake.clamp(-50, 50)),
        "should be 10,000",
    ),
    ("order", lambda first, second: right_order(first, second)[:3], "as many indices"),
    ("order", lambda first, second: right_order(first, second)[::-1], "need no sorting"),
    ("order", lambda first, second: right_order(second, first), "The other way round"),
    ("order", lambda first, second: list(range(len(first))), "is not the first layer"),
    ("order", same, "Look for the nearest"),
    ("order", by_products, "Compare distances"),
    ("order", nearest, "given twice"),
    ("order", row_by_row, "nearest pair of all"),
    ("order", lambda first, second: second, "a list of indices"),
    ("order", lambda *_: undefined, "NameError"),  # noqa: F821
]


FILLED = "every place gets its index later"
EQUIVALENT = {
    "mixed_error": {
        "return (alpha - 1) ** 2 * e0 + alpha ** 2 * e1 + 2 * alpha * (1 - alpha) * product": "squared",
    },
    "order": {"found = [1] * len(first)": FILLED, "found = [-1] * len(first)": FILLED},
}

TestAnswers = answers.of(esrgan, RIGHT, WRONG, EQUIVALENT)
