"""Self-checks of the chapter *MobileSR*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from srlib.live import check, function, kinds


def parameters(answer: Callable[[int, int], int] | None) -> bool:
    """Exercise 1: ``answer(features, ratio)`` counts what MobileNet's block has to learn."""

    def count(f: int, ratio: int, bias: int = 1) -> int:
        w = ratio * f
        return f * w + bias * w + 9 * w + bias * w + w * f + bias * f

    w, narrow = 80, 80 * 40 + 40  # 40 channels, widened twice
    shapes = [(f, ratio) for f in (1, 24, 40, 64) for ratio in (1, 2, 4, 6)]
    return check(
        function(answer, kinds.number),
        (lambda g: g(40, 2) % 1 == 0, "A count is a whole number."),
        (
            lambda g: g(40, 2) != count(40, 2, bias=0),
            "Those are the kernels alone. Each of the three convolutions also has a bias for every output channel.",
        ),
        (
            lambda g: g(40, 2) != count(40, 2) + 9 * w * w - 9 * w,
            "Your convolution in the middle mixes all channels. A depthwise one has a single kernel for each channel.",
        ),
        (lambda g: g(40, 2) != count(40, 2) - narrow, "The last convolution is missing: it narrows again."),
        (
            lambda g: g(40, 2) != count(40, 2) + 8 * 2 * 40 * w,
            "Your convolutions that widen and narrow are 3 x 3. They look at one pixel only: 1 x 1.",
        ),
        (
            lambda g: g(40, 2) == count(40, 2),
            "Not yet for 40 channels widened twice: 1 x 1 to 80 channels, one 3 x 3 kernel for each, 1 x 1 back to 40.",
        ),
        (
            lambda g: all(g(*key) == count(*key) for key in shapes),
            "Right for 40 channels widened twice, wrong for others.",
        ),
        hint=[
            "Print the block: mobilesr.ResBlock(40, 2). Three convolutions, each with a bias.",
            "With w = ratio * features: from features to w, each of w alone, from w to features.",
            "(features w + w) + (9 w + w) + (w features + features)",
        ],
    )


def fold(answer: Callable[[nn.Conv2d], tuple[Tensor, Tensor]] | None) -> bool:
    """Exercise 2: ``answer(place)`` gives weight and bias of the one depthwise convolution that does x + place(x)."""
    place, x = _depthwise()
    weight, bias = place.weight.detach().clone(), place.bias.detach().clone()
    with torch.no_grad():
        true = x + place(x)

    def given(f: Callable) -> list[Tensor]:
        return [t.detach() for t in f(place)]

    def drawn(f: Callable) -> Tensor:
        return nn.functional.conv2d(x, *given(f), padding=1, groups=4)

    def untouched(f: Callable) -> bool:
        f(place)
        same = torch.equal(place.weight, weight) and torch.equal(place.bias, bias)
        place.weight.data.copy_(weight)
        place.bias.data.copy_(bias)
        return same

    return check(
        function(answer, kinds.tensors.called("a pair (weight, bias)")),
        (
            untouched,
            "Your function changes the convolution that it is given; folded twice, it would add the input twice. "
            "Work on a copy: place.weight.detach().clone().",
        ),
        (
            lambda f: [t.shape for t in given(f)] == [weight.shape, bias.shape],
            "Return a pair: a weight of the convolution's shape, and a bias of the convolution's shape.",
        ),
        (
            lambda f: not kinds.same(given(f)[0], weight),
            "Your weight is the convolution's own. The input must be added, and that must go into the weight.",
        ),
        (
            lambda f: not kinds.same(given(f)[0], weight + 1),
            "You added 1 to all nine weights: that adds the sum of nine pixels. x is the pixel in the middle alone.",
        ),
        (
            lambda f: not kinds.same(given(f)[1], bias + 1),
            "The bias does not depend on x; leave it as it is.",
        ),
        (
            lambda f: kinds.same(drawn(f), true),
            "Not yet. Which kernel gives its input back? Add that one to every channel's.",
        ),
        hint=[
            "Which 3 x 3 kernel makes a convolution give back its input?",
            "One with a 1 in the middle and 0 around it; and convolutions of the same x are added by adding kernels.",
            "weight = place.weight.detach().clone(); weight[:, 0, 1, 1] += 1; the bias stays.",
        ],
    )


def _depthwise() -> tuple[nn.Conv2d, Tensor]:
    """A depthwise convolution in which every number matters, and an input for it."""
    generator = torch.Generator().manual_seed(0)
    conv = nn.Conv2d(4, 4, 3, padding=1, groups=4)
    with torch.no_grad():
        conv.weight.copy_(torch.rand(conv.weight.shape, generator=generator) - 0.5)
        conv.bias.copy_(torch.rand(4, generator=generator) + 1)
    return conv, torch.rand(2, 4, 6, 7, generator=generator)


def to_int8(answer: Callable[[Tensor], tuple[Tensor, Tensor]] | None) -> bool:
    """Exercise 3: ``answer(weight)`` is ``(whole, step)``: int8 of the same shape, and a float an output channel."""
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(5, 3, 3, 3, generator=generator) * torch.tensor([1, 0.1, 3, 0.02, 0.5]).view(5, 1, 1, 1)
    kernel[2, 0, 0, 0] = -12.0  # its largest number is a negative one
    matrix = torch.randn(6, 8, generator=generator)
    with_zeros = matrix.clone()
    with_zeros[3] = 0

    def steps(weight: Tensor) -> Tensor:
        return weight.flatten(1).abs().amax(1) / 127

    def each(step: Tensor, weight: Tensor) -> Tensor:
        return step.reshape(-1, *[1] * (weight.ndim - 1))

    def off(f: Callable, weight: Tensor) -> float:
        """The largest error, in steps."""
        whole, step = f(weight)
        return float((whole.float() - weight / each(step, weight)).abs().max())

    def right_steps(f: Callable, weight: Tensor) -> bool:
        return kinds.same(f(weight)[1], steps(weight), atol=0, rtol=1e-4)

    def fits(f: Callable, weight: Tensor) -> bool:
        return right_steps(f, weight) and off(f, weight) < 0.501

    return check(
        function(answer, kinds.Kind("a pair (whole, step)", _packed)),
        (
            lambda f: f(kernel)[0].shape == kernel.shape and f(kernel)[0].dtype == torch.int8,
            "The whole numbers must have the weight's shape and dtype torch.int8: x.round().to(torch.int8).",
        ),
        (
            lambda f: f(kernel)[1].numel() != 1,
            "One step for the whole layer: its small channels become zeros. Give each output channel its own.",
        ),
        (lambda f: f(kernel)[1].shape == (5,), "For 5 output channels return 5 steps, of shape (5,)."),
        (
            lambda f: not kinds.same(127 * f(kernel)[1], kernel.flatten(1).amax(1)),
            "The largest number of a channel may be a negative one: take absolute values first.",
        ),
        (
            lambda f: not kinds.same(128 * f(kernel)[1], 127 * steps(kernel)),
            "128 has no place above 0: torch.int8 ends at 127. Stay within -127 and 127.",
        ),
        (
            lambda f: right_steps(f, kernel),
            "Your steps are others. The largest absolute value of each channel is 127 of its steps.",
        ),
        (
            lambda f: not torch.equal(f(kernel)[0], (kernel / each(steps(kernel), kernel)).trunc().char()),
            "You cut the digits off. Round to the nearest whole number: half the error.",
        ),
        (
            lambda f: off(f, kernel) < 0.501,
            "Read back, some weights are further off than half a step: take the nearest whole number.",
        ),
        (lambda f: fits(f, matrix), "Right for a kernel of four axes, wrong for a matrix of two."),
        (
            lambda f: 0 < f(with_zeros)[1][3] < torch.inf and not f(with_zeros)[0][3].any(),
            "A channel of zeros divides 0 by 0. Give it any step above 0; all its whole numbers are 0.",
        ),
        hint=[
            "Two parts: the largest size of each output channel, and how many steps each weight is.",
            "weight.flatten(1).abs().amax(1) / 127 are the steps; shape them to (-1, 1, 1, 1), or (-1, 1), to divide.",
            "step = ....clamp_min(1e-30); whole = (weight / step.view(-1, *[1] * (weight.ndim - 1))).round()"
            ".to(torch.int8).",
        ],
    )


def _packed(given: object) -> tuple[Tensor, Tensor]:
    """Whole numbers, in the type that they have, and steps as floats."""
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise kinds.UnusableError
    step = kinds.tensor(given[1])
    return (given[0] if isinstance(given[0], Tensor) else torch.as_tensor(np.asarray(given[0]))), step
