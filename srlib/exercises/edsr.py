"""Self-checks of the chapter *EDSR and MDSR*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from srlib.live import check, function, kinds

_STEPS = {2: [2], 3: [3], 4: [2, 2]}


def parameters(answer: Callable[[int, int, int], int] | None) -> bool:
    """Exercise 1: ``answer(features, blocks, scale)`` counts what an EDSR has to learn."""

    def count(f: int, blocks: int, scale: int, bias: int = 1, join: int = 1, steps: list[int] | None = None) -> int:
        upsample = sum((9 * f + bias) * f * s * s for s in steps or _STEPS[scale])
        return (2 * blocks + join) * (9 * f * f + bias * f) + 27 * f + bias * f + 27 * f + bias * 3 + upsample

    shapes = [(f, n, s) for f in (1, 24, 64, 256) for n in (1, 4, 16, 32) for s in (2, 3, 4)]
    return check(
        function(answer, kinds.number),
        (lambda f: f(64, 16, 2) % 1 == 0, "A count is a whole number."),
        (
            lambda f: f(64, 16, 2) != count(64, 16, 2, bias=0),
            "Those are the kernels alone. Each convolution also has a bias for every channel that it gives out.",
        ),
        (
            lambda f: f(64, 16, 2) != count(64, 16, 2, join=0),
            "One convolution is missing: behind the blocks stands one more (join), inside the long skip.",
        ),
        (
            lambda f: f(64, 17, 2) - f(64, 16, 2) == 2 * (9 * 64 * 64 + 64),
            "One block more must bring two convolutions from f to f channels, and nothing else.",
        ),
        (
            lambda f: f(64, 16, 2) == count(64, 16, 2),
            "Wrong at x2: 3 to f channels, the blocks, one more, f to 4 f channels for the shuffle, f to 3.",
        ),
        (
            lambda f: f(64, 16, 4) != count(64, 16, 4, steps=[4]),
            "x4 is not one step with 16 f channels: it doubles twice, with 4 f channels each time.",
        ),
        (
            lambda f: f(64, 16, 4) != f(64, 16, 2) and f(64, 16, 3) != f(64, 16, 2),
            "The upsampler depends on the scale: x3 wants 9 f channels, and x4 a second doubling.",
        ),
        (lambda f: all(f(*key) == count(*key) for key in shapes), "Right for 64 channels at x2, wrong for others."),
        hint=[
            "Print a network: models.create('edsr', 4). Which convolutions are there?",
            "One from a to b channels has 9 a b weights and b biases. The pixel shuffle has none. x4 is x2, twice.",
            "(27 f + f) + (2 blocks + 1) (9 f f + f) + upsampler + (27 f + 3); the upsampler has (9 f + 1) f s s for "
            "each step s: [2], [3] or [2, 2].",
        ],
    )


def fold(answer: Callable[[nn.Conv2d, nn.BatchNorm2d], tuple[Tensor, Tensor]] | None) -> bool:
    """Exercise 2: ``answer(conv, norm)`` gives weight and bias of the one convolution that does what both do."""
    conv, norm, x = _pair_of_layers()
    with torch.no_grad():
        true = norm(conv(x))
    factor = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
    plain = conv.weight.detach()
    weight, bias = plain * factor[:, None, None, None], norm.bias.detach()
    shift = norm.running_mean * factor
    by_variance = plain * (norm.weight.detach() / (norm.running_var + norm.eps))[:, None, None, None]

    def untouched(f: Callable) -> bool:
        mine, theirs = _pair_of_layers(), _pair_of_layers()
        f(*theirs[:2])
        states = zip(mine[:2], theirs[:2], strict=True)
        return all(torch.equal(m.state_dict()[k], t) for m, other in states for k, t in other.state_dict().items())

    def given(f: Callable) -> list[Tensor]:
        return [t.detach() for t in f(*_pair_of_layers()[:2])]

    def like(f: Callable, *wanted: Tensor) -> bool:
        return all(kinds.same(a, b) for a, b in zip(given(f), wanted, strict=False))

    def drawn(f: Callable) -> Tensor:
        return nn.functional.conv2d(x, *given(f), padding=1)

    return check(
        function(answer, kinds.tensors.called("a pair (weight, bias)")),
        (untouched, "Your function changes the layers that it is given. Compute new tensors, or work on copies."),
        (
            lambda f: [t.shape for t in given(f)] == [weight.shape, bias.shape],
            "Return a pair: a weight of the convolution's shape, and a bias of the convolution's shape.",
        ),
        (
            lambda f: not like(f, weight, bias - shift),
            "The convolution's own bias is lost. It passes through the norm like everything else.",
        ),
        (
            lambda f: not like(f, weight, conv.bias.detach() + bias - shift),
            "The convolution's own bias must be multiplied too: the norm sees it as part of its input.",
        ),
        (
            lambda f: not like(f, by_variance),
            "You divided by the variance. The norm divides by its square root, the standard deviation.",
        ),
        (
            lambda f: not like(f, plain),
            "Your weight is the convolution's own. The norm multiplies, and that must go into the weight.",
        ),
        (
            lambda f: like(f, weight),
            "The weight is wrong. Each *output* channel has one factor: gamma / sqrt(variance + eps), remembered ones.",
        ),
        (
            lambda f: kinds.same(drawn(f), true),
            "The weight is right, the bias is not. What does the norm make of a picture that is zero everywhere?",
        ),
        hint=[
            "You need norm.weight (gamma), norm.bias (beta), norm.running_mean, norm.running_var and norm.eps.",
            "Write norm(w x + b) out and sort it: something times x, plus something. The first is the new weight.",
            "factor = gamma / sqrt(var + eps); weight * factor[:, None, None, None]; (b - mean) * factor + beta.",
        ],
    )


def _pair_of_layers() -> tuple[nn.Conv2d, nn.BatchNorm2d, Tensor]:
    """A convolution and a norm that remembers, in which every number matters, and an input for them."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator) - 0.5

    conv, norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4, eps=0.01).eval()
    with torch.no_grad():
        conv.weight.copy_(draw(4, 3, 3, 3))
        conv.bias.copy_(draw(4) + 1)
        norm.weight.copy_(draw(4) + 2)
        norm.bias.copy_(draw(4) + 1)
        norm.running_mean.copy_(draw(4) - 1)
        norm.running_var.copy_(draw(4) + 0.6)
    return conv, norm, draw(2, 3, 6, 7)


class _Larger(nn.Module):
    """Twice as large by repeating pixels: it treats all directions alike."""

    def forward(self, z: Tensor) -> Tensor:
        return z.repeat_interleave(2, -2).repeat_interleave(2, -1)


class _Biased(_Larger):
    """Brighter towards the right and, faster and faster, towards the bottom: its eight answers all differ."""

    def forward(self, z: Tensor) -> Tensor:
        z = super().forward(z)
        height, width = z.shape[-2:]
        return z + torch.arange(float(width)) / 100 + torch.arange(float(height))[:, None] ** 2 / 1000


def _stack(given: object) -> Tensor:
    """One tensor of pictures, also where they came in a list, each with or without its batch axis."""
    if not isinstance(given, list | tuple):
        return kinds.tensor(given)
    parts = [part if part.ndim == 4 else part[None] for part in kinds.tensors(given)]
    if len({part.shape for part in parts}) != 1:
        raise kinds.UnusableError
    return torch.cat(parts)


def self_ensemble(answer: Callable[[nn.Module, Tensor], Tensor] | None) -> bool:
    """Exercise 3: ``answer(net, x)`` are the eight answers of a network, turned back, the plain one first."""
    x = torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    larger, biased = _Larger(), _Biased()

    def truth() -> Tensor:
        answers = []
        for mirror in (False, True):
            for turn in range(4):
                y = biased(torch.rot90(x.flip(-1) if mirror else x, turn, (-2, -1)))
                y = torch.rot90(y, -turn, (-2, -1))
                answers.append(y.flip(-1) if mirror else y)
        return torch.cat(answers)

    def ordered(t: Tensor) -> Tensor:
        return t[t.flatten(1).double().mul(torch.arange(1, t[0].numel() + 1)).sum(1).argsort()]

    def distinct(t: Tensor) -> int:
        return len({tuple((a * 1e4).round().flatten().tolist()) for a in t})

    return check(
        function(answer, kinds.Kind("a stack of eight pictures, all of one size", _stack)),
        (
            lambda f: f(biased, x).shape not in ((1, 3, 8, 12), (3, 8, 12)),
            "That is one picture, perhaps the mean. Return all eight, stacked: they are needed one by one.",
        ),
        (lambda f: len(f(biased, x)) == 8, "There are eight ways: four turns, each also mirrored."),
        (
            lambda f: f(biased, x).shape == (8, 3, 8, 12),
            "Return a tensor of shape (8, 3, scale*H, scale*W): torch.cat joins eight of shape (1, 3, ...).",
        ),
        (
            lambda f: kinds.same(f(larger, x), larger(x).expand(8, -1, -1, -1)),
            "Not all answers are turned back rightly: a network that treats all directions alike must give the same "
            "picture eight times. Undo the last step first.",
        ),
        (
            lambda f: distinct(f(biased, x)) == 8,
            "Some of the eight are the same: the network was not shown eight different pictures.",
        ),
        (
            lambda f: kinds.same(ordered(f(biased, x)), ordered(truth())),
            "These are not the answers to the eight turned and mirrored pictures.",
        ),
        (
            lambda f: kinds.same(f(biased, x)[:1], biased(x)),
            "All eight are right, but the plain answer should stand first.",
        ),
        hint=[
            "Two loops: mirrored or not, and four turns. Show the network the changed picture.",
            "Turn the answer back by the opposite: if you mirrored first and turned then, turn back first.",
            "seen = rot90(x.flip(-1) if mirror else x, turn, (-2, -1)); y = rot90(net(seen), -turn, (-2, -1)); then "
            "y.flip(-1) if mirror; torch.cat at the end.",
        ],
    )
