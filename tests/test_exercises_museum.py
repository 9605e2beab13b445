"""The self-checks of the bug museum: silent on nothing, helpful on the typical mistake, content with the truth."""

import copy
import math

import answers
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from srlib import fingerprints, models
from srlib.exercises import bugs, mistakes, museum


def espcn(bend=lambda x: x, place=F.pixel_shuffle, n2=32):
    class Port(nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale
            self.extract = nn.Conv2d(1, 64, 5, padding=2)
            self.map = nn.Conv2d(64, n2, 3, padding=1)
            self.place = nn.Conv2d(n2, scale**2, 3, padding=1)

        def forward(self, x):
            x = self.map(torch.tanh(self.extract(x))).tanh()
            return bend(place(self.place(x), self.scale))

    return Port


def reshape(x, s):
    return x.reshape(len(x), 1, s * x.shape[-2], s * x.shape[-1])


def by_columns(x, s):
    return F.pixel_shuffle(x.unflatten(1, (s, s)).transpose(1, 2).flatten(1, 2), s)


def pyramid(levels=lambda s: int(math.log2(s)), slope=0.2, padding=0, depth=3):
    class Level(nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(16, 16, 3, padding=1) for _ in range(depth))
            self.enlarge = nn.ConvTranspose2d(16, 16, 3, stride=2, padding=padding, output_padding=padding)
            self.residual = nn.Conv2d(16, 1, 3, padding=1)

        def forward(self, h):
            for conv in self.convs:
                h = F.leaky_relu(conv(h), slope)
            h = self.enlarge(h)
            h = F.leaky_relu(h if padding else h[..., :-1, :-1], slope)
            return h, self.residual(h)

    class Pyramid(nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.head = nn.Conv2d(1, 16, 3, padding=1)
            self.levels = nn.ModuleList(Level() for _ in range(levels(scale)))
            self.enlarge = nn.ModuleList(
                nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1, bias=False) for _ in self.levels
            )

        def forward(self, x):
            h = F.leaky_relu(self.head(x), 0.2)
            for level, enlarge in zip(self.levels, self.enlarge, strict=True):
                h, residual = level(h)
                x = enlarge(x) + residual
            return x

    return Pyramid


def heard(net, x, remove=True):
    said, hooks = [], []
    for name, layer in net.named_modules():
        if not list(layer.children()):
            hooks.append(layer.register_forward_hook(lambda *a, name=name: said.append((name, a[2]))))
    with torch.no_grad():
        net(x)
    for hook in hooks if remove else ():
        hook.remove()
    return said


def right_parting(right, wrong, x):
    said = []
    for net in (right, wrong):
        heard, hooks = [], []
        for name, layer in net.named_modules():
            if not list(layer.children()):
                hooks.append(layer.register_forward_hook(lambda *a, name=name, to=heard: to.append((name, a[2]))))
        with torch.no_grad():
            net(x)
        for hook in hooks:
            hook.remove()
        said.append(heard)
    for (name, a), (_, b) in zip(*said, strict=True):
        if a.shape != b.shape or not torch.allclose(a, b):
            return name
    return ""


def on_copies(right, wrong, x):
    """Copies may keep their hooks; what layers gave is compared as lists."""
    first, second = ([(n, y.tolist()) for n, y in heard(copy.deepcopy(net), x, False)] for net in (right, wrong))
    return next((name for (name, a), (_, b) in zip(first, second, strict=True) if a != b), "")


def other_parting(right, wrong, x, remove=True, last=False, same=torch.allclose):
    both = zip(heard(right, x, remove), heard(wrong, x, remove), strict=True)
    differ = [n for (n, a), (_, b) in both if a.shape != b.shape or not same(a, b)]
    return differ[-1 if last else 0] if differ else ""


def containers_too(right, wrong, x):
    """Listens to every layer but the whole network."""
    said = [[], []]
    for net, heard in zip(map(copy.deepcopy, (right, wrong)), said, strict=True):
        for name, layer in list(net.named_modules())[1:]:
            layer.register_forward_hook(lambda *a, name=name, to=heard: to.append((name, a[2])))
        net(x)
    return next((n for (n, a), (_, b) in zip(*said, strict=True) if a.shape != b.shape or not torch.equal(a, b)), "")


def by_corners(right, wrong, x):
    """Cuts both to the size that they share."""
    both = zip(heard(right, x), heard(wrong, x), strict=True)
    return next((n for (n, a), (_, b) in both if not torch.allclose(a[..., -9:, -9:], b[..., -9:, -9:])), "")


def by_weights(right, wrong, x):
    both = zip(right.named_parameters(), wrong.named_parameters(), strict=True)
    return next((name.rpartition(".")[0] for (name, a), (_, b) in both if not torch.equal(a, b)), "")


def by_making(right, wrong, x):
    last = [dict(heard(net, x)) for net in (right, wrong)]
    order = [name for name, m in right.named_modules() if name in last[0]]
    return next((n for n in order if not torch.allclose(last[0][n], last[1][n])), "")


def by_last_call(right, wrong, x):
    last = [dict(reversed(heard(net, x))) for net in (right, wrong)]  # the first call of each layer
    return next((n for n, _ in heard(right, x) if not torch.allclose(last[0][n], last[1][n])), "")


RIGHT = {
    "espcn": [espcn(), lambda scale: models.create("espcn", scale).train()],
    "pyramid": [pyramid(), lambda scale: models.create("lapsrn", scale, size="course")],
    "parting": [right_parting, on_copies],
}
WRONG = [
    ("espcn", espcn(torch.tanh, reshape), "still those that were found"),
    ("espcn", espcn(place=reshape), "sit elsewhere"),
    ("espcn", espcn(torch.tanh), "still bends them"),
    ("espcn", espcn(place=by_columns), "by columns"),
    ("espcn", espcn(torch.sigmoid), "the pixels are not"),
    ("espcn", espcn(n2=16), "other tensors"),
    ("espcn", espcn(place=lambda x, s: x[:, :1]), "36 x 48"),
    ("espcn", lambda scale: (espcn() if scale == 3 else espcn(torch.tanh))(scale), "wrong at x2 or x4"),
    ("pyramid", pyramid(lambda s: s // 2, 0.01, 1), "still those that were found"),
    ("pyramid", pyramid(slope=0.01), "too weakly"),
    ("pyramid", pyramid(padding=1), "a pixel off"),
    ("pyramid", pyramid(lambda s: s // 2), "draws x16"),
    ("pyramid", pyramid(lambda s: 1), "how many are needed"),
    ("pyramid", pyramid(slope=0.3), "the pixels are not"),
    ("pyramid", pyramid(depth=2), "add no layer"),
    ("pyramid", lambda scale: mistakes.after(pyramid()(scale), lambda y: y[..., :-1, :-1]), "24 x 32"),
    ("pyramid", lambda scale: pyramids, "NameError"),  # noqa: F821
    ("parting", lambda right, wrong, x: ["map"], "a string"),
    ("parting", lambda *a: other_parting(*a, last=True), "the last layer that differs"),
    ("parting", by_weights, "other padding"),
    ("parting", lambda right, wrong, x: "map", 'return ""'),
    ("parting", by_making, "runs first"),
    ("parting", by_last_call, "*every* call"),
    ("parting", lambda *a: other_parting(*a, remove=False), "still on the network"),
    ("parting", lambda *a: "extract" if right_parting(*a) else "", "that is the name"),
    ("parting", by_corners, "compare shapes first"),
    ("parting", containers_too, "others inside"),
    ("parting", lambda right, wrong, x: layer, "NameError"),  # noqa: F821
]


CALLS = "both networks call as many layers"
EQUIVALENT = {
    "parting": {
        "for (name, a), (_, b) in zip(*said):": CALLS,
        "for (name, a), (_, b) in zip(*said, strict=False):": CALLS,
        "if a.shape != b.shape or not torch.allclose(b, a):": "two outputs differ both ways round",
    },
}

TestAnswers = answers.of(museum, RIGHT, WRONG, EQUIVALENT)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_first_exercise_accepts_the_library_s_network(scale):
    theirs, ours = espcn()(scale), models.create("espcn", scale)
    assert fingerprints.difference(fingerprints.of(theirs, 1), fingerprints.of(ours)) == ""


def test_the_third_exercise_s_tool_finds_exhibits():
    x = fingerprints.wave(3).float()
    for name, layer in (("mask forgotten", "groups.0.layers.1.attention.project"), ("res_scale of the big one", "")):
        bug = bugs.get(name)
        net = fingerprints.fill(bug.untrained())
        found = right_parting(net, bug.broken(net), x)
        assert found == layer or (not layer and found.startswith("body.1"))
