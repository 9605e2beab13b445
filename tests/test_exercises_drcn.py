"""The self-checks of the DRCN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import numpy as np
import pytest
import torch

from srlib import models
from srlib.exercises import drcn


def right_parameters(features, recursions):
    return 10 * features + 3 * (9 * features**2 + features) + 9 * features + 1 + recursions


def parameters_by_layers(features, recursions):
    f = features
    layers = [(1, f), *3 * [(f, f)], (f, 1)]
    return np.float32(sum(9 * a * b + b for a, b in layers) + recursions)


def mse(a, b):
    return ((a - b) ** 2).mean()


def right_supervised(outputs, hr, alpha):
    *recursions, final = outputs
    return alpha * sum(mse(sr, hr) for sr in recursions) / len(recursions) + (1 - alpha) * mse(final, hr)


def supervised_at_once(outputs, hr, alpha):
    errors = (torch.stack(outputs) - hr).square().flatten(1).mean(1)
    share = torch.full((len(outputs),), alpha / (len(outputs) - 1))
    share[-1] = 1 - alpha
    return (errors * share).sum().item()


def weights_by_normal_equations(pictures, original):
    rows = np.array([p.numpy().ravel() for p in pictures], dtype=np.float64)
    return np.linalg.solve(rows @ rows.T, rows @ original.numpy().ravel()).tolist()


def right_best_weights(pictures, original):
    columns = torch.stack([p.flatten() for p in pictures], 1)
    return torch.linalg.lstsq(columns, original.flatten()[:, None]).solution[:, 0]


def scored(pictures, original):
    """The better a picture, the more it counts: never negative."""
    return torch.stack([-mse(p, original) for p in pictures]).softmax(0)


def by_middle_rows(pictures, original):
    """Least squares, but over some of the pixels only."""
    return right_best_weights([p[:, 4:8] for p in pictures], original[:, 4:8])


RIGHT = {
    "parameters": [right_parameters, parameters_by_layers],
    "supervised": [right_supervised, supervised_at_once],
    "best_weights": [right_best_weights, weights_by_normal_equations],
}
WRONG = [
    (
        "parameters",
        lambda f, d: right_parameters(f, d) + (d - 1) * (9 * f * f + f),
        "one set of weights serves",
    ),
    ("parameters", lambda f, d: 27 * f * f + 18 * f, "kernels alone"),
    ("parameters", lambda f, d: 27 * f * f + 18 * f + d, "kernels alone"),
    ("parameters", lambda f, d: right_parameters(f, 0), "one number of its own"),
    ("parameters", lambda f, d: right_parameters(f, 2 * d), "15 more numbers"),
    ("parameters", lambda f, d: 9 * f * f + f + d, "Five convolutions"),
    ("parameters", lambda f, d: 1_775_105 + d, "wrong for others"),
    (
        "supervised",
        lambda outputs, hr, alpha: torch.stack([mse(o, hr) for o in outputs]),
        "but one number is wanted",
    ),
    ("supervised", lambda outputs, hr, alpha: right_supervised(outputs, hr, 1 - alpha), "wrong way round"),
    ("supervised", lambda outputs, hr, alpha: (1 - alpha) * mse(outputs[-1], hr), "must be the mean over"),
    ("supervised", lambda outputs, hr, alpha: mse(outputs[0], hr), "With alpha = 0"),
    (
        "supervised",
        lambda outputs, hr, alpha: alpha * sum(mse(o, hr) for o in outputs[:-1]) + (1 - alpha) * mse(outputs[-1], hr),
        "Take their mean",
    ),
    (
        "supervised",
        lambda outputs, hr, alpha: alpha * sum(mse(o, hr) for o in outputs) / 4 + (1 - alpha) * mse(outputs[-1], hr),
        "slipped into the mean",
    ),
    ("supervised", lambda outputs, hr, alpha: right_supervised(outputs, hr, alpha**2), "wrong between"),
    ("best_weights", lambda p, o: right_best_weights(p, o)[:, None], "one weight for each picture"),
    ("best_weights", lambda p, o: torch.full((len(p),), 1 / len(p)), "do not depend on the original"),
    ("best_weights", lambda p, o: right_best_weights(p, o) / right_best_weights(p, o).sum(), "sum to 1"),
    ("best_weights", scored, "may be negative"),
    ("best_weights", lambda p, o: right_best_weights(p, o).clamp_min(0), "may be negative"),
    ("best_weights", lambda p, o: torch.stack([(a * o).mean() for a in p]), "may be negative"),
    ("best_weights", lambda p, o: right_best_weights(p, o) + 0.1, "find that"),
    ("best_weights", by_middle_rows, "over all pixels"),
    ("best_weights", lambda p, o: weights, "NameError"),  # noqa: F821
]
EQUIVALENT = {
    "supervised": dict.fromkeys(
        (
            "return alpha * sum((mse(hr, sr) for sr in recursions)) / len(recursions) + (1 - alpha) * mse(final, hr)",
            "return alpha * sum((mse(sr, hr) for sr in recursions)) / len(recursions) + (1 - alpha) * mse(hr, final)",
        ),
        "a squared error is the same both ways",
    ),
    "best_weights": {
        "return torch.linalg.lstsq(columns, original.flatten()[:, None]).solution[:, -1]": "there is one column only",
    },
}


TestAnswers = answers.of(drcn, RIGHT, WRONG, EQUIVALENT)


@pytest.mark.parametrize(("features", "recursions"), [(1, 1), (24, 4), (8, 9)])
def test_the_first_exercise_counts_the_network_itself(features, recursions):
    net = models.create("drcn", features=features, recursions=recursions)
    assert sum(p.numel() for p in net.parameters()) == right_parameters(features, recursions)
