"""The self-checks of the ESRGAN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import itertools

import answers
import torch
from torch.nn import functional as F

from srlib import losses
from srlib.exercises import esrgan


def right_mixed_error(e0, e1, d, alpha):
    """By the product of the two errors."""
    product = (e0 + e1 - d) / 2
    return (1 - alpha) ** 2 * e0 + alpha**2 * e1 + 2 * alpha * (1 - alpha) * product


def right_generator_loss(real, fake):
    nothing = torch.zeros(())
    above, below = real - fake.mean(), fake - real.mean()
    return torch.logaddexp(nothing, above).mean() + torch.logaddexp(nothing, -below).mean()


def right_order(first, second):
    """The best of all orders, pair by pair exchanged until nothing gets better."""
    apart = torch.cdist(first.flatten(1), second.flatten(1))
    found, better = list(range(len(first))), True
    while better:
        better = False
        for i, j in itertools.combinations(range(len(first)), 2):
            if apart[i, found[j]] + apart[j, found[i]] < apart[i, found[i]] + apart[j, found[j]] - 1e-6:
                found[i], found[j], better = found[j], found[i], True
    return found


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


RIGHT = {"mixed_error": right_mixed_error, "generator_loss": right_generator_loss, "order": right_order}
WRONG = [
    ("mixed_error", lambda e0, e1, d, a: right_mixed_error(e1, e0, d, a), "at alpha 1 it has to be e1"),
    ("mixed_error", lambda e0, e1, d, a: (1 - a) * e0 + a * e1, "d has to count"),
    ("mixed_error", lambda e0, e1, d, a: (1 - a) * e0 + a * e1 + a * (1 - a) * d, "sign of the last term"),
    ("mixed_error", lambda e0, e1, d, a: (1 - a) ** 2 * e0 + a**2 * e1, "nothing to do with each other"),
    ("mixed_error", lambda e0, e1, d, a: (1 - a) * e0 + a * e1 - a * (1 - a) * d / 2, "not between them"),
    ("generator_loss", lambda real, fake: F.softplus(real - fake.mean()), "a scalar"),
    ("generator_loss", lambda real, fake: F.softplus(real[: len(fake)] - fake).mean(), "Not that number"),
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
    ("order", lambda *_: undefined, "NameError"),  # noqa: F821
]


TestAnswers = answers.of(esrgan, RIGHT, WRONG)
