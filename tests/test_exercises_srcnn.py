"""The self-checks of the SRCNN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import numpy as np
import torch

from srlib.exercises import srcnn


def right_parameters(f1, f2, f3, n1=64, n2=32):
    return n1 * (f1 * f1 + 1) + n2 * (f2 * f2 * n1 + 1) + f3 * f3 * n2 + 1


def parameters_by_layers(f1, f2, f3, n1=64, n2=32):
    channels = [1, n1, n2, 1]
    return torch.tensor(
        [n * (c * f * f + 1) for c, n, f in zip(channels, channels[1:], (f1, f2, f3), strict=False)]
    ).sum()


def right_field(filters):
    return 1 + sum(f - 1 for f in filters)


def field_by_walking(filters):
    first, last = 0, 0
    for f in filters:
        first, last = first - (f - 1) / 2, last + (f - 1) / 2
    return np.float64(last - first + 1)


def four_rotations(net, x):
    return sum(net(x.rot90(k, (-2, -1))).rot90(-k, (-2, -1)) for k in range(4)) / 4


def ensemble_by_transposing(net, x):
    """The eight as flips up and down, left and right, and along the diagonal."""
    seen = []
    for down in (False, True):
        for right in (False, True):
            axes = [axis for axis, flip in ((-2, down), (-1, right)) if flip]
            z = x.flip(axes)
            seen += [net(z).flip(axes), net(z.mT).mT.flip(axes)]
    return torch.cat(seen).mean(0, keepdim=True).tolist()


def right_ensemble(net, x):
    total = 0
    for k in range(4):
        for flip in (False, True):
            z = (x.flip(-1) if flip else x).rot90(k, (-2, -1))
            z = net(z).rot90(-k, (-2, -1))
            total = total + (z.flip(-1) if flip else z)
    return total / 8


RIGHT = {
    "parameters": [right_parameters, parameters_by_layers],
    "receptive_field": [right_field, field_by_walking],
    "self_ensemble": [right_ensemble, ensemble_by_transposing],
}
WRONG = [
    ("parameters", lambda f1, f2, f3, n1=64, n2=32: n1 * f1 * f1 + n2 * f2 * f2 * n1 + f3 * f3 * n2, "biases"),
    ("parameters", lambda f1, f2, f3, n1=64, n2=32: n1 * f1 * f1 + n1, "says otherwise"),
    ("parameters", lambda f1, f2, f3, n1=64, n2=32: 57_281, "does your function use f2"),
    ("parameters", lambda f1, f2, f3, n1=64, n2=32: right_parameters(f1, f2, f3), "wrong with 16 and 8"),
    ("receptive_field", sum, "shared pixels"),
    ("receptive_field", lambda filters: filters[0] + 2 * (len(filters) - 1), "9-5-5 sees 17"),
    ("receptive_field", lambda filters: 17, "start there"),
    ("receptive_field", lambda filters: {1: 9, 3: 17}.get(len(filters), 0), "see 41"),
    ("self_ensemble", lambda net, x: lambda: x, "but the averaged picture, a tensor, is wanted"),
    ("self_ensemble", lambda net, x: net(x.mT), "turn each output back"),
    ("self_ensemble", four_rotations, "four rotations"),
    ("self_ensemble", lambda net, x: (four_rotations(net, x) + net(x.flip(-1)).flip(-1)) / 2, "missing"),
    ("self_ensemble", lambda net, x: net(x), "plain output"),
    ("self_ensemble", lambda net, x: sum(net(x.rot90(k, (-2, -1))) for k in (0, 2)) / 2, "undo the turns"),
    ("self_ensemble", lambda net, x: (net(x) + net(x.flip(-1)).flip(-1)) / 2, "missing"),
    ("self_ensemble", lambda net, x: net(x) + missing, "NameError"),  # noqa: F821
]


TestAnswers = answers.of(srcnn, RIGHT, WRONG)


def test_the_network_of_the_check_answers_each_of_the_eight_versions_in_another_way():
    x, net, seen = torch.rand(1, 1, 5, 7), srcnn._Lopsided(), []
    for k in range(4):
        for z in (x, x.flip(-1)):
            y = net(z.rot90(k, (-2, -1))).rot90(-k, (-2, -1))
            seen.append(y if z is x else y.flip(-1))
    assert all((a - b).abs().max() > 0.1 for i, a in enumerate(seen) for b in seen[:i])
    assert (four_rotations(net, x) - right_ensemble(net, x)).abs().max() > 0.05


def test_the_ensemble_of_a_network_without_preference_is_the_network():
    x = torch.rand(1, 1, 5, 5)
    assert torch.allclose(right_ensemble(torch.nn.ReLU(), x), x)
