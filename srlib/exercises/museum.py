"""Self-checks of the chapter *Bug museum*. Each takes what the learner repaired and says one sentence about it.

The first two compare fingerprints (``srlib.fingerprints``): the learner's network and the course's own are filled with
the same weights and shown the same wave. What is still wrong is found by breaking the right network in each way.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, lru_cache

import torch.nn.functional as F
from torch import Tensor, nn

from srlib import fingerprints, models
from srlib.exercises import mistakes
from srlib.live import check, function, kinds


def espcn(answer: Callable[[int], nn.Module] | None) -> bool:
    """Exercise 1: ``answer(scale)`` is an ESPCN, repaired."""
    return check(
        function(answer),
        (lambda f: _same(_of(f, 3), _right("espcn", 3), "shapes"), "It has other tensors than ESPCN's three layers."),
        (lambda f: _same(_of(f, 3), _right("espcn", 3), "size"), "At x3 the wave of 12 x 16 must come out as 36 x 48."),
        (
            lambda f: not _draws(f, 3, _right("espcn", 3, "tanh", "reshape")),
            "The pixels are still those that were found. Follow them: what happens behind the last convolution?",
        ),
        (
            lambda f: not _draws(f, 3, _right("espcn", 3, "reshape")),
            "The range is free now. But the pixels sit elsewhere: reshape cuts rows off one channel after the other.",
        ),
        (
            lambda f: not _draws(f, 3, _right("espcn", 3, "columns")),
            "Nearly: every square is filled by columns. Channel 1 belongs to the right of channel 0, not below it.",
        ),
        (
            lambda f: not _draws(f, 3, _right("espcn", 3, "tanh")),
            "The pixels sit where they belong. But something still bends them: no picture brighter than tanh allows.",
        ),
        (lambda f: _draws(f, 3, _right("espcn", 3)), "Shapes and size are right, the pixels are not."),
        (
            lambda f: _draws(f, 2, _right("espcn", 2)) and _draws(f, 4, _right("espcn", 4)),
            "Right at x3, wrong at x2 or x4.",
        ),
        hint=[
            "Two lines of forward are wrong, both behind the last convolution.",
            "The paper ends with the shuffle: nothing bends the picture, and the channels of a place fill its square.",
            "return F.pixel_shuffle(self.place(x), self.scale)",
        ],
    )


def pyramid(answer: Callable[[int], nn.Module] | None) -> bool:
    """Exercise 2: ``answer(scale)`` is a LapSRN of the course's size, repaired."""
    crop, slope = "one pixel off at each level", "another slope"
    return check(
        function(answer),
        (
            lambda f: _same(_of(f, 2), _right("lapsrn", 2), "shapes"),
            "At x2 it has other tensors than one level: mend what stands there, and add no layer.",
        ),
        (
            lambda f: _same(_of(f, 2), _right("lapsrn", 2), "size"),
            "At x2 the wave of 12 x 16 must come out as 24 x 32.",
        ),
        (
            lambda f: not _draws(f, 2, _right("lapsrn", 2, crop, slope)),
            "At x2 the pixels are still those that were found: compare Level with the chapter LapSRN, line by line.",
        ),
        (
            lambda f: not _draws(f, 2, _right("lapsrn", 2, crop)),
            "One thing is mended in Level. The residual still lies a pixel off: which of the 2n + 1 rows goes?",
        ),
        (
            lambda f: not _draws(f, 2, _right("lapsrn", 2, slope)),
            "Everything lies in its place. But negative numbers pass too weakly: what is nn.LeakyReLU()'s own slope?",
        ),
        (lambda f: _draws(f, 2, _right("lapsrn", 2)), "At x2 shapes and size are right, the pixels are not."),
        (
            lambda f: _of(f, 8).shapes["16x1x3x3"] == 1 and _of(f, 8).size[-1] != 256,
            "x2 is right. But at x8 it draws x16: half of the scale is not the number of doublings.",
        ),
        (
            lambda f: all(_draws(f, s, _right("lapsrn", s)) for s in (2, 4, 8)),
            "Right at x2, wrong at x4 or x8: each level doubles, so how many are needed?",
        ),
        hint=[
            "Three mistakes: one in Pyramid, two in Level. The first shows at x8 alone.",
            "math.log2 counts doublings. The authors drop the last row and column of 2n + 1. Their slope is 0.2.",
            "levels = int(math.log2(scale)); ConvTranspose2d(..., 3, stride=2) without padding and then "
            "[..., :-1, :-1]; nn.LeakyReLU(0.2).",
        ],
    )


def parting(answer: Callable[[nn.Module, nn.Module, Tensor], str] | None) -> bool:
    """Exercise 3: ``answer(right, wrong, x)`` names the first layer that gives something else; "" if none does."""
    x = fingerprints.wave(1).float()
    srcnn, drcn, crossed = _filled("srcnn"), _filled("drcn"), _Crossed()

    nested = fingerprints.fill(nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3)), nn.Conv2d(2, 1, 3)))

    def broken(net: nn.Module, *names: str) -> nn.Module:
        wrong = copy.deepcopy(net)
        for name in names:
            mistakes.after(wrong.get_submodule(name), lambda out: 1.01 * out)
        return wrong

    def clean(f: Callable) -> bool:
        """Are there as many hooks as before? (The mistake itself is one.)"""
        nets = copy.deepcopy(srcnn), broken(srcnn, "map")
        before = [len(m._forward_hooks) for net in nets for m in net.modules()]
        f(*nets, x)
        return [len(m._forward_hooks) for net in nets for m in net.modules()] == before

    def smaller() -> nn.Module:
        """Its last layer loses a row and a column."""
        wrong = copy.deepcopy(srcnn)
        mistakes.after(wrong.reconstruct, lambda out: out[..., 1:, 1:])
        return wrong

    def late(net: nn.Module) -> nn.Module:
        """Right in the first round of its recursion, wrong from the second on."""
        wrong = copy.deepcopy(net)
        rounds = []
        wrong.recur.register_forward_hook(
            lambda _, __, out: out if rounds.append(0) or len(rounds) % 4 == 1 else 2 * out
        )
        return wrong

    return check(
        function(answer, kinds.Kind("the layer's name, a string,", _text)),
        (
            lambda f: f(srcnn, broken(srcnn, "map"), x) != "reconstruct",
            "That is the last layer that differs. All behind the mistake differ; it sits in the first.",
        ),
        (
            lambda f: f(srcnn, mistakes.zero_padding(copy.deepcopy(srcnn)), x) != "",
            "Two networks with equal weights and other padding were called equal. Compare what layers *give*.",
        ),
        (
            lambda f: f(srcnn, broken(srcnn, "map"), x) == "map",
            'In an SRCNN with a mistake in "map", that is the name.',
        ),
        (lambda f: f(srcnn, copy.deepcopy(srcnn), x) == "", 'Two equal networks part nowhere: return "".'),
        (
            lambda f: f(crossed, broken(crossed, "a", "b"), x) == "b",
            "The order of named_modules is the order in which layers were *made*. Here b is made last and runs first.",
        ),
        (
            lambda f: f(drcn, late(drcn), x) == "recur",
            "DRCN calls one layer four times, and only the second call goes wrong: keep what *every* call gives.",
        ),
        (
            lambda f: f(nested, broken(nested, "0"), x) == "1",
            "You name a layer that has others inside. Only those without any count.",
        ),
        (
            lambda f: f(srcnn, smaller(), x) == "reconstruct",
            "Two outputs of different sizes differ as well: compare shapes first.",
        ),
        (clean, "Your hooks are still on the network. Keep what register_forward_hook returns, and remove() it."),
        hint=[
            "A forward hook is called whenever a layer has given something: layer.register_forward_hook(fn).",
            "Let each net write down (name, output) of every layer without children, in the order of the calls; then "
            "walk down both lists together.",
            "def listen(layer, given, out): said.append((name, out)) needs the layer's own name: make it with a "
            "default argument, name=name. Compare by shape and torch.allclose.",
        ],
    )


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise kinds.UnusableError
    return given


@lru_cache(maxsize=8)  # a check asks for the same one many times
def _of(f: Callable, scale: int) -> fingerprints.Fingerprint:
    return fingerprints.of(f(scale), channels=1)


def _same(a: fingerprints.Fingerprint, b: fingerprints.Fingerprint, what: str) -> bool:
    return getattr(a, what) == getattr(b, what)


def _draws(f: Callable, scale: int, wanted: fingerprints.Fingerprint) -> bool:
    return fingerprints.difference(_of(f, scale), wanted) == ""


@cache
def _right(name: str, scale: int, *broken: str) -> fingerprints.Fingerprint:
    """The fingerprint of the course's network, broken in these ways."""
    net = models.create(name, scale, size="course").eval()
    for how in broken:
        _BREAK[how](net)
    return fingerprints.of(net)


def _reshape(net: nn.Module) -> None:
    s = net.scale
    net.shuffle = nn.Identity()
    mistakes.after(net.shuffle, lambda x: x.reshape(len(x), 1, s * x.shape[-2], s * x.shape[-1]))


def _slope(net: nn.Module) -> None:
    for level in net.levels:
        level.leaky.negative_slope = 0.01


_BREAK = {
    "tanh": mistakes.tanh_at_the_end,
    "reshape": _reshape,
    "columns": mistakes.by_columns,
    "one pixel off at each level": mistakes.one_pixel_off,
    "another slope": _slope,
}


def _filled(name: str) -> nn.Module:
    return fingerprints.fill(models.create(name, size="course")).eval()


class _Crossed(nn.Module):
    """Makes ``a`` first, and runs ``b`` first."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)
        fingerprints.fill(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(F.relu(self.b(x)))
