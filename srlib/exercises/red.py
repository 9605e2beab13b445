"""Self-checks of the chapter *RED*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import models
from srlib.live import check, function
from srlib.live.kinds import rows, same, tensor


def partners(answer: Callable[[int], list[tuple[int, int]]] | None) -> bool:
    """Exercise 1: ``answer(pairs)`` lists which convolution is bridged to which deconvolution."""

    def true(pairs: int) -> set[tuple[int, int]]:
        return {(n, pairs - n) for n in range(0, pairs, 2)}

    def found(f: Callable, pairs: int) -> set[tuple[int, int]]:
        return set(f(pairs))

    return check(
        function(answer, rows(2).called("a list of pairs, such as (6, 1),")),
        (
            lambda f: sum(conv == deconv for conv, deconv in found(f, 7)) < 2,
            "That pairs each layer with the one of its own number; the bridges are mirrored: early to late.",
        ),
        (lambda f: found(f, 7) != true(7) - {(0, 7)}, "The input is missing: it is bridged to the last layer."),
        (lambda f: all(n % 2 == 0 for n, _ in f(7)), "Only every second convolution has a bridge: 2, 4, 6."),
        (
            lambda f: not found(f, 7) & {(6, 2), (4, 4), (2, 6)},
            "Off by one: the decoder adds a bridge after its layers 1, 3, 5 and so on.",
        ),
        (lambda f: found(f, 3) == {(2, 1), (0, 3)}, "For pairs=3 it is (2, 1) and (0, 3): the input to the last."),
        (lambda f: all(found(f, n) == true(n) for n in (1, 5, 7, 15)), "Right for 3, wrong for another number."),
        (lambda f: len(f(15)) == 8, "A bridge is listed twice; RED30 has 8."),
        hint=[
            "Write the 30 layers in a row, the input before them, and fold the row in the middle.",
            "The last skip made, from convolution pairs - 1, is used by deconvolution 1; go outwards in steps of two.",
            "Convolution n goes to deconvolution pairs - n, for n = 0, 2, 4, ...",
        ],
    )


def as_convolution(answer: Callable[[Tensor], Tensor] | None) -> bool:
    """Exercise 2: ``answer(weight)`` turns a deconvolution's weight into that of an equal convolution."""
    generator = torch.Generator().manual_seed(0)
    weight, x = torch.randn(2, 5, 3, 3, generator=generator), torch.randn(1, 2, 6, 7, generator=generator)
    true = F.conv_transpose2d(x, weight, padding=1)

    def draws(f: Callable, other: Tensor | None = None) -> bool:
        made = F.conv2d(x, f(weight), padding=1)
        return same(made, true if other is None else F.conv2d(x, other, padding=1), atol=1e-4)

    swapped = weight.transpose(0, 1)
    return check(
        function(answer, tensor.called("a tensor (out, in, 3, 3)")),
        (
            lambda f: f(weight).shape == (5, 2, 3, 3),
            "A deconvolution's weight is (in, out, 3, 3), a convolution's is (out, in, 3, 3): swap the first two.",
        ),
        (lambda f: not draws(f, weight.reshape(5, 2, 3, 3)), "reshape renumbers the filters; transpose swaps them."),
        (lambda f: not draws(f, swapped), "The channels are right, but each filter must be turned by half a turn."),
        (
            lambda f: not any(draws(f, swapped.flip(axis)) for axis in (2, 3)),
            "Half a turn is a flip upside down and a flip from left to right; you did one of them.",
        ),
        (
            lambda f: not draws(f, swapped.transpose(2, 3)),
            "Transposing a filter mirrors it at its diagonal; half a turn is something else.",
        ),
        (draws, "The right shape, but the result is not the deconvolution's."),
        hint=[
            "Two things differ: the order of the first two axes, and which way round the filter lies.",
            "`transpose(0, 1)` swaps axes; `flip(2, 3)` reverses the two last ones.",
            "weight.transpose(..., ...).flip(..., ...)",
        ],
    )


def forward(answer: Callable[[Sequence[nn.Module], Sequence[nn.Module], Tensor], Tensor] | None) -> bool:
    """Exercise 3: ``answer(encode, decode, x)`` gives what RED gives."""
    with torch.no_grad():
        nets = {pairs: _network(pairs) for pairs in (3, 5, 7)}
        x = torch.rand(1, 1, 9, 11, generator=torch.Generator().manual_seed(0))

    @torch.no_grad()
    def made(f: Callable, pairs: int = 5) -> Tensor:
        net = nets[pairs]
        return f(list(net.encode), list(net.decode), x)

    def like(f: Callable, **mistake) -> bool:
        with torch.no_grad():
            other = _mistaken(nets[5].encode, nets[5].decode, x, **mistake)
        return same(made(f), other, atol=1e-4)

    return check(
        function(answer, tensor.called("the picture, a tensor,")),
        (lambda f: made(f).shape == x.shape, "A picture (1, 1, H, W) goes in, so one of that shape must come out."),
        (lambda f: not like(f, skips=()), "That is the chain without any skip."),
        (lambda f: not like(f, skips=(2, 4)), "The input's own skip is missing: it is added to the last layer."),
        (
            lambda f: not like(f, paired=True),
            "The inner skips are paired 1 with 1: the last one kept must be used first.",
        ),
        (lambda f: not like(f, late=True), "You add after the ReLU. Add to the layer's output, and then apply ReLU."),
        (lambda f: not like(f, last=False), "The last ReLU is missing: in RED it follows the last sum, too."),
        (
            lambda f: not like(f, skips=(0,)),
            "Only the input is added; every second convolution has a skip as well.",
        ),
        (lambda f: same(made(f), nets[5](x), atol=1e-4), "The right shape, but not what RED draws."),
        (
            lambda f: all(same(made(f, n), nets[n](x), atol=1e-4) for n in nets),
            "Right for 5 and 5 layers, wrong for another number: does your function use len(encode)?",
        ),
        hint=[
            "Keep what comes after every second convolution, and its ReLU; and keep x.",
            "A list serves as a stack: append in the encoder, pop() after the deconvolutions 1, 3, 5 and so on.",
            "In the decoder: h = layer(h); if the number is odd, h = h + skips.pop(); h = h.relu().",
        ],
    )


def _network(pairs: int) -> nn.Module:
    """A small RED whose random weights and biases make every mistake show."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(pairs)
        net = models.create("red", pairs=pairs, features=4)
        for layer in (*net.encode, *net.decode):
            nn.init.normal_(layer.weight, std=0.4)
            nn.init.normal_(layer.bias, std=0.4)
    return net.eval()


def _mistaken(
    encode: Sequence[nn.Module],
    decode: Sequence[nn.Module],
    x: Tensor,
    skips: Sequence[int] = (0, 2, 4),
    paired: bool = False,
    late: bool = False,
    last: bool = True,
) -> Tensor:
    """What a learner's function draws that makes one of the usual mistakes, for five and five layers."""
    kept = {0: x}
    for number, layer in enumerate(encode, 1):
        kept[number] = layer(kept[number - 1]).relu()
    h, mirror = kept[5], {1: 4, 3: 2, 5: 0}
    if paired:
        mirror = {1: 2, 3: 4, 5: 0}
    for number, layer in enumerate(decode, 1):
        h = layer(h)
        skip = kept[mirror[number]] if mirror.get(number) in skips else 0
        if late:
            h = h.relu() + skip
        elif number == 5 and not last:
            h = h + skip
        else:
            h = (h + skip).relu()
    return h
