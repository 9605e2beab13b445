"""The self-checks of the RCAN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from srlib import models
from srlib.exercises import rcan as exercises
from srlib.models import rcan, san


def right_parameters(groups, blocks, f, reduction):
    conv, few = 9 * f * f + f, f // reduction
    attention = f * few + few + few * f + f
    return 27 * f + f + groups * (blocks * (2 * conv + attention) + conv) + 5 * conv + 27 * f + 3


def layer_by_layer(groups, blocks, f, reduction):
    """A list of all convolutions, as (pixels of a kernel, from, to)."""
    few = f // reduction
    block = [(9, f, f), (9, f, f), (1, f, few), (1, few, f)]
    layers = ([(9, 3, f)] + (block * blocks + [(9, f, f)]) * groups) + [(9, f, f), (9, f, 4 * f), (9, f, 3)]
    return np.array([(k * a + 1) * b for k, a, b in layers]).sum()


def other_parameters(groups, blocks, f, reduction, bias=1, ends=1, join=1, gate=1):
    conv, few = 9 * f * f + f, f // reduction
    attention = gate * (2 * f * few + bias * (few + f))
    return (27 * f + f) + groups * (blocks * (2 * conv + attention) + ends * conv) + (join + 4) * conv + (27 * f + 3)


def right_attend(x, squeeze, excite):
    hidden = torch.relu(x.mean((-2, -1)) @ squeeze[0].T + squeeze[1])
    return x * torch.sigmoid(hidden @ excite[0].T + excite[1])[..., None, None]


def picture_by_picture(x, squeeze, excite):
    """Convolutions of 1 x 1, a picture at a time; a list of arrays."""
    drawn = []
    for picture in x:
        mean = F.adaptive_avg_pool2d(picture, 1)
        hidden = F.conv2d(mean, squeeze[0][..., None, None], squeeze[1]).clamp_min(0)
        drawn.append((picture * F.conv2d(hidden, excite[0][..., None, None], excite[1]).sigmoid()).numpy())
    return drawn


def factors(x, squeeze, excite, bend=torch.relu, sharp=torch.sigmoid, means=lambda x: x.mean((-2, -1))):
    hidden = bend(means(x) @ squeeze[0].T + squeeze[1])
    return sharp(hidden @ excite[0].T + excite[1])[..., None, None]


def other_attend(x, *layers, **how):
    return x * factors(x, *layers, **how)


def right_root(matrix, steps):
    eye = torch.eye(len(matrix), dtype=matrix.dtype)
    y, z = matrix / matrix.trace(), eye
    for _ in range(steps):
        t = (3 * eye - z @ y) / 2
        y, z = y @ t, t @ z
    return y * matrix.trace() ** 0.5


def in_double_precision(matrix, steps):
    """NumPy, and the steps in another order: all of these matrices commute."""
    a = matrix.numpy().astype(float)
    y, z = a / a.trace(), np.eye(len(a))
    while steps:
        y, z, steps = 1.5 * y - 0.5 * y @ y @ z, 1.5 * z - 0.5 * y @ z @ z, steps - 1
    return (np.sqrt(a.trace()) * y).tolist()


def other_root(matrix, steps, size=None, back=0.5, follow=True):
    size = matrix.trace() if size is None else size
    eye = torch.eye(len(matrix))
    y, z = matrix / size, eye
    for _ in range(steps):
        t = (3 * eye - z @ y) / 2
        y, z = y @ t, t @ z if follow else eye
    return y * size**back


def exact_root(matrix, steps):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ values.sqrt().diag() @ vectors.T


def one_after_the_other(matrix, steps):
    eye = torch.eye(len(matrix))
    y, z = matrix / matrix.trace(), eye
    for _ in range(steps):
        y = y @ (3 * eye - z @ y) / 2
        z = (3 * eye - z @ y) / 2 @ z
    return y * matrix.trace() ** 0.5


RIGHT = {
    "parameters": [right_parameters, layer_by_layer],
    "attend": [right_attend, picture_by_picture],
    "root": [right_root, in_double_precision],
}
WRONG = [
    ("parameters", lambda *a: right_parameters(*a) / 7, "a whole number"),
    ("parameters", lambda *a: other_parameters(*a, gate=0), "also has an attention"),
    ("parameters", lambda *a: other_parameters(*a, bias=0), "have biases, too"),
    ("parameters", lambda *a: other_parameters(*a, ends=0), "inside the group's skip"),
    ("parameters", lambda *a: other_parameters(*a, ends=0, join=0), "inside the group's skip"),
    ("parameters", lambda *a: other_parameters(*a, join=0), "inside the long skip"),
    ("parameters", lambda g, b, f, r: right_parameters(1, b, f, r), "One block more in each of 10"),
    ("parameters", lambda g, b, f, r: right_parameters(g, b, f, 16), "The reduction must matter"),
    ("parameters", lambda *a: right_parameters(*a) + 24, "outside the blocks"),
    ("parameters", lambda g, b, f, r: right_parameters(g, b, 64, r), "wrong for others"),
    ("parameters", lambda g, b, f, r: right_parameters(g, b, f, r) + (f % r > 0) * g * b * (2 * f + 1), "for others"),
    ("attend", factors, "the factors alone"),
    ("attend", lambda x, *a: right_attend(x, *a).flatten(2), "of the shape that came in"),
    ("attend", lambda x, *a: other_attend(x, *a, means=lambda z: z.mean((0, -2, -1))), "over height and width only"),
    ("attend", lambda x, *a: other_attend(x, *a, means=lambda z: z.sum((-2, -1))), "added the pixels up"),
    ("attend", lambda x, *a: other_attend(x, *a, sharp=lambda z: z), "sigmoid is missing"),
    ("attend", lambda x, *a: other_attend(x, *a, sharp=lambda z: z.softmax(-1)), "use the sigmoid"),
    ("attend", lambda x, *a: other_attend(x, *a, bend=lambda z: z), "ReLU between"),
    ("attend", lambda x, *a: x + right_attend(x, *a), "Do not add x"),
    ("attend", lambda x, *a: other_attend(x, *a, means=lambda z: z.amax((-2, -1))), "other numbers"),
    ("attend", lambda x, *a: weights, "NameError"),  # noqa: F821
    ("root", lambda m, n: right_root(m, n)[0], "Return one matrix"),
    ("root", lambda m, n: m.abs().sqrt(), "roots of the entries"),
    ("root", exact_root, "by eigenvalues"),
    ("root", lambda m, n: other_root(m, n, size=1.0), "Divide by the trace"),
    ("root", lambda m, n: other_root(m, n, back=0), "Multiply the division back in"),
    ("root", lambda m, n: other_root(m, n, back=1), "comes back as its square root"),
    ("root", lambda m, n: other_root(m, n, follow=False), "Z stays the identity"),
    ("root", lambda m, n: right_root(m, n + 1), "off by one"),
    ("root", one_after_the_other, "of before the step"),
    ("root", lambda m, n: right_root(m, min(n, 5)), "other numbers of steps"),
]


COMMUTE = "powers of one matrix commute"
EQUIVALENT = {
    "attend": {
        "hidden = torch.relu(x.mean((-1, -2)) @ squeeze[0].T + squeeze[1])": "the order of the axes changes no mean",
    },
    "root": {
        "eye = torch.eye(len(matrix))": "the probes have torch's usual precision",
        "t = (3 * eye - y @ z) / 2": COMMUTE,
        "y, z = (t @ y, t @ z)": COMMUTE,
        "y, z = (y @ t, z @ t)": COMMUTE,
    },
}

TestAnswers = answers.of(exercises, RIGHT, WRONG, EQUIVALENT)


@pytest.mark.parametrize("shape", [(1, 1, 8, 2), (2, 3, 16, 4), (3, 1, 24, 24)])
def test_the_first_exercise_counts_the_network_itself(shape):
    names = ("groups", "blocks", "features", "reduction")
    net = models.create("rcan", 2, **dict(zip(names, shape, strict=True)))
    assert sum(p.numel() for p in net.parameters()) == right_parameters(*shape)


def test_the_second_exercise_is_the_library_s_attention():
    torch.manual_seed(0)
    part, x = rcan.ChannelAttention(8, 2), torch.randn(3, 8, 5, 6)
    layers = [(layer.weight[..., 0, 0], layer.bias) for layer in (part.squeeze, part.excite)]
    assert torch.allclose(right_attend(x, *layers), part(x), atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 5, 12])
def test_the_third_exercise_is_the_library_s_root(steps):
    x = torch.rand(1, 6, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    matrix = san.covariance(x)
    assert torch.allclose(right_root(matrix[0], steps), san.matrix_sqrt(matrix, steps)[0], atol=1e-12)
