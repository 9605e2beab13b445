"""The self-checks of the SRCNN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import torch

from srlib.exercises import srcnn


def right_parameters(f1, f2, f3, n1=64, n2=32):
    return n1 * (f1 * f1 + 1) + n2 * (f2 * f2 * n1 + 1) + f3 * f3 * n2 + 1


def right_ensemble(net, x):
    total = 0
    for k in range(4):
        for flip in (False, True):
            z = (x.flip(-1) if flip else x).rot90(k, (-2, -1))
            z = net(z).rot90(-k, (-2, -1))
            total = total + (z.flip(-1) if flip else z)
    return total / 8


RIGHT = {
    "parameters": right_parameters,
    "receptive_field": lambda filters: 1 + sum(f - 1 for f in filters),
    "self_ensemble": right_ensemble,
}
WRONG = [
    ("parameters", lambda f1, f2, f3, n1=64, n2=32: n1 * f1 * f1 + n2 * f2 * f2 * n1 + f3 * f3 * n2, "biases"),
    ("parameters", lambda f1, f2, f3, n1=64, n2=32: 57_281, "does your function use f2"),
    ("parameters", lambda f1, f2, f3, n1=64, n2=32: right_parameters(f1, f2, f3), "wrong with 16 and 8"),
    ("receptive_field", sum, "shared pixels"),
    ("receptive_field", lambda filters: filters[0] + 2 * (len(filters) - 1), "9-5-5 sees 17"),
    ("self_ensemble", lambda net, x: net(x), "plain output"),
    ("self_ensemble", lambda net, x: sum(net(x.rot90(k, (-2, -1))) for k in (0, 2)) / 2, "undo the turns"),
    ("self_ensemble", lambda net, x: (net(x) + net(x.flip(-1)).flip(-1)) / 2, "missing"),
    ("self_ensemble", lambda net, x: net(x) + missing, "NameError"),  # noqa: F821
]


TestAnswers = answers.of(srcnn, RIGHT, WRONG)


def test_the_ensemble_of_a_network_without_preference_is_the_network():
    x = torch.rand(1, 1, 5, 5)
    assert torch.allclose(right_ensemble(torch.nn.ReLU(), x), x)
