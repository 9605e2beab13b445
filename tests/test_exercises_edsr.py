"""The self-checks of the EDSR chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import pytest
import torch

from srlib import models, tiling
from srlib.exercises import edsr


def right_parameters(features, blocks, scale):
    f = features
    body = (2 * blocks + 1) * (9 * f * f + f)
    steps = {2: [2], 3: [3], 4: [2, 2]}[scale]
    return body + 27 * f + f + 27 * f + 3 + sum((9 * f + 1) * f * s * s for s in steps)


def layer_by_layer(features, blocks, scale):
    """A list of all convolutions, as (from, to)."""
    layers = [(3, features), *[(features, features)] * 2 * blocks, (features, features)]
    layers += [(features, 9 * features)] if scale == 3 else [(features, 4 * features)] * (scale // 2)
    return torch.tensor([9 * a * b + b for a, b in [*layers, (features, 3)]]).sum()


def other_parameters(f, blocks, scale, steps=None, join=1, bias=1):
    upsample = sum((9 * f + bias) * f * s * s for s in steps or {2: [2], 3: [3], 4: [2, 2]}[scale])
    return (2 * blocks + join) * (9 * f * f + bias * f) + 27 * f + bias * f + 27 * f + bias * 3 + upsample


def right_fold(conv, norm):
    factor = norm.weight / (norm.running_var + norm.eps) ** 0.5
    return conv.weight * factor[:, None, None, None], (conv.bias - norm.running_mean) * factor + norm.bias


def filter_by_filter(conv, norm):
    """Lists of numbers: what the norm makes of 0 and of 1 gives its two numbers for each channel."""
    picture = torch.zeros(1, conv.out_channels, 2, 1)
    picture[..., 0, :] = 1
    weights, biases = [], []
    for i, (of_one, of_none) in enumerate(norm(picture)[0, :, :, 0].tolist()):
        weights.append((conv.weight[i] * (of_one - of_none)).tolist())
        biases.append(conv.bias[i].item() * (of_one - of_none) + of_none)
    return weights, biases


def other_fold(conv, norm, root=0.5, own=True, eps=None):
    factor = norm.weight / (norm.running_var + (norm.eps if eps is None else eps)) ** root
    bias = (conv.bias if own else 0) - norm.running_mean
    return conv.weight * factor[:, None, None, None], bias * factor + norm.bias


def folded_in_place(conv, norm):
    conv.weight.data, conv.bias.data = right_fold(conv, norm)
    return conv.weight, conv.bias


def turned(x, turn):
    return torch.rot90(x, turn, (-2, -1))


def right_self_ensemble(net, x):
    drawn = []
    for turn in range(4):
        drawn.append(torch.rot90(net(torch.rot90(x, turn, (-2, -1))), -turn, (-2, -1)))
    for turn in range(4):
        drawn.append(torch.rot90(net(torch.rot90(x.flip(-1), turn, (-2, -1))), -turn, (-2, -1)).flip(-1))
    return torch.cat(drawn)


def in_two_batches(net, x):
    """Without a turn: the upright pictures in one batch, the lying ones in another; a list of eight."""
    upright = torch.cat([x, x.flip(-1), x.flip(-2), x.flip(-2, -1)])
    a, b, c, d = net(upright)
    e, f, g, h = net(upright.transpose(-2, -1)).transpose(-2, -1)
    return [a, b.flip(-1), c.flip(-2), d.flip(-2, -1), e, f.flip(-1), g.flip(-2), h.flip(-2, -1)]


def other_self_ensemble(net, x, mirrors=(False, True), turns=range(4), back=-1):
    drawn = []
    for mirror in mirrors:
        for turn in turns:
            y = turned(net(turned(x.flip(-1) if mirror else x, turn)), back * turn)
            drawn.append(y.flip(-1) if mirror else y)
    return torch.cat(drawn)


def mirrored_back_first(net, x):
    drawn = []
    for mirror in (False, True):
        for turn in range(4):
            y = net(turned(x.flip(-1) if mirror else x, turn))
            drawn.append(turned(y.flip(-1) if mirror else y, -turn))
    return torch.cat(drawn)


RIGHT = {
    "parameters": [right_parameters, layer_by_layer],
    "fold": [right_fold, filter_by_filter],
    "self_ensemble": [right_self_ensemble, in_two_batches, lambda *a: [y[None].numpy() for y in in_two_batches(*a)]],
}
WRONG = [
    ("parameters", lambda f, n, s: right_parameters(f, n, s) / 7, "a whole number"),
    ("parameters", lambda f, n, s: other_parameters(f, n, s, bias=0), "kernels alone"),
    ("parameters", lambda f, n, s: other_parameters(f, n, s, join=0), "inside the long skip"),
    ("parameters", lambda f, n, s: right_parameters(f, n, s) + 4 * f * n, "nothing else"),
    ("parameters", lambda f, n, s: right_parameters(f, n, s) + 24, "Wrong at x2"),
    ("parameters", lambda f, n, s: other_parameters(f, n, s, steps=[s]), "doubles twice"),
    ("parameters", lambda f, n, s: right_parameters(f, n, 2), "depends on the scale"),
    ("parameters", lambda f, n, s: right_parameters(64, n, s), "wrong for others"),
    ("fold", folded_in_place, "changes the layers"),
    ("fold", lambda conv, norm: right_fold(conv, norm)[0], "Return a pair"),
    ("fold", lambda conv, norm: conv, "a pair (weight, bias)"),
    ("fold", lambda conv, norm: other_fold(conv, norm, own=False), "own bias is lost"),
    (
        "fold",
        lambda conv, norm: (right_fold(conv, norm)[0], other_fold(conv, norm, own=False)[1] + conv.bias),
        "must be multiplied too",
    ),
    ("fold", lambda conv, norm: other_fold(conv, norm, root=1), "by the variance"),
    ("fold", lambda conv, norm: (conv.weight, right_fold(conv, norm)[1]), "convolution's own. The norm multiplies"),
    ("fold", lambda conv, norm: (conv.weight * norm.weight[:, None, None, None], conv.bias), "The weight is wrong"),
    ("fold", lambda conv, norm: other_fold(conv, norm, eps=0), "+ eps"),
    ("fold", lambda conv, norm: (right_fold(conv, norm)[0], norm.bias), "the bias is not"),
    ("fold", lambda conv, norm: weights, "NameError"),  # noqa: F821
    ("self_ensemble", lambda net, x: right_self_ensemble(net, x).mean(0, keepdim=True), "perhaps the mean"),
    ("self_ensemble", lambda net, x: right_self_ensemble(net, x).mean(0), "perhaps the mean"),
    ("self_ensemble", lambda net, x: other_self_ensemble(net, x, mirrors=[False]), "four turns, each also mirrored"),
    ("self_ensemble", lambda net, x: right_self_ensemble(net, x)[None].transpose(0, 1), "of shape (8"),
    ("self_ensemble", lambda net, x: [net(x), net(x.mT)], "all of one size"),
    ("self_ensemble", lambda net, x: other_self_ensemble(net, x, back=1), "turned back rightly"),
    ("self_ensemble", mirrored_back_first, "Undo the last step first"),
    ("self_ensemble", lambda net, x: torch.cat([net(x)] * 8), "eight different pictures"),
    ("self_ensemble", lambda net, x: other_self_ensemble(net, x, turns=(0, 2, 0, 2)), "eight different pictures"),
    ("self_ensemble", lambda net, x: right_self_ensemble(net, x).flip(0), "should stand first"),
    (
        "self_ensemble",
        lambda net, x: right_self_ensemble(lambda z: net(z) + net(torch.zeros_like(z)), x),
        "not the answers to the eight",
    ),
]


EQUIVALENT = {"self_ensemble": {"return drawn": "a list of the eight is as good as one tensor of them"}}

TestAnswers = answers.of(edsr, RIGHT, WRONG, EQUIVALENT)


@pytest.mark.parametrize(("features", "blocks", "scale"), [(24, 4, 2), (8, 2, 3), (16, 1, 4)])
def test_the_first_exercise_counts_the_network_itself(features, blocks, scale):
    net = models.create("edsr", scale, features=features, blocks=blocks)
    assert sum(p.numel() for p in net.parameters()) == right_parameters(features, blocks, scale)


def test_the_mean_of_the_third_exercise_is_the_library_s_ensemble():
    torch.manual_seed(0)
    net, x = models.create("edsr", 2, features=4, blocks=1).eval(), torch.rand(1, 3, 8, 10)
    with torch.no_grad():
        mean, ensemble = right_self_ensemble(net, x).mean(0, keepdim=True), tiling.Ensemble(net)(x)
    assert torch.allclose(mean, ensemble, atol=1e-5)
