"""Self-checks of the chapter *MPRNet*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from srlib.live import check, function, kinds


def quarters(answer: Callable[[Tensor], Tensor] | None) -> bool:
    """Exercise 1: ``answer(picture)`` cuts ``(C, H, W)`` into ``(4, C, H/2, W/2)``, in reading order."""
    picture, tall = torch.arange(3 * 8 * 12.0).view(3, 8, 12), torch.arange(60.0).view(1, 10, 6)
    upper, lower = picture[:, :4], picture[:, 4:]
    right = torch.stack([upper[..., :6], upper[..., 6:], lower[..., :6], lower[..., 6:]])

    def same(f: Callable, other: Tensor) -> bool:
        return kinds.same(f(picture), other)

    def place(of: Tensor, row: int, column: int) -> Tensor:
        return of[:, 5 * row : 5 * row + 5, 3 * column : 3 * column + 3]

    return check(
        function(answer, kinds.tensor.called("one tensor, a batch of four,")),
        (
            lambda f: f(picture).shape == (4, 3, 4, 6),
            "A picture of 3 x 8 x 12 has quarters of 3 x 4 x 6; four of them are a tensor of shape (4, 3, 4, 6).",
        ),
        (
            lambda f: not torch.equal(f(picture)[0], picture[:, ::2, ::2]),
            "You took every second pixel: that is the whole picture, small, four times. A quarter is a corner of it.",
        ),
        (
            lambda f: not same(f, right[[0, 2, 1, 3]]),
            "The right quarters, in another order: the upper right one comes second, as in reading.",
        ),
        (
            lambda f: not same(f, picture.reshape(4, 3, 4, 6)),
            "reshape takes the numbers as they come and knows no corners: colours and rows get mixed up.",
        ),
        (
            lambda f: torch.equal(f(picture)[0], right[0]),
            "The first must be the upper left corner: rows 0-3, columns 0-5.",
        ),
        (
            lambda f: same(f, right),
            "The first is right, but others are not: upper left, upper right, lower left, lower right.",
        ),
        (
            lambda f: kinds.same(f(tall), torch.stack([place(tall, i, j) for i in (0, 1) for j in (0, 1)])),
            "Right for a picture of 3 x 8 x 12, wrong for others: cut at half of the height and half of the width.",
        ),
        hint=[
            "Rows are the last axis but one, columns the last.",
            "Cut at H // 2 into upper and lower, each of them at W // 2 into left and right, and stack the four.",
            "a, b = picture.chunk(2, -2); then torch.stack([*a.chunk(2, -1), *b.chunk(2, -1)])",
        ],
    )


def channel_weights(answer: Callable[[Tensor, Tensor, Tensor], Tensor] | None) -> bool:
    """Exercise 2: ``answer(features, squeeze, excite)`` are the weights of channel attention, ``(N, C, 1, 1)``."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 8, 5, 6, generator=generator) + torch.randn(2, 8, 1, 1, generator=generator)
    squeeze = 0.5 * torch.randn(4, 8, generator=generator)
    excite = 0.5 * torch.randn(8, 4, generator=generator)  # no sigmoid is saturated
    turned = features.flatten(2).flip(2).view_as(features).roll(1, -1)

    def weights(f: Callable, x: Tensor = features) -> Tensor:
        return f(x, squeeze, excite)

    def made(seen: Tensor, gate: Callable = torch.relu) -> Tensor:
        return (gate(seen @ squeeze.T) @ excite.T).sigmoid()[..., None, None]

    def near(f: Callable, other: Tensor) -> bool:
        return kinds.same(weights(f), other)

    average = features.mean((-2, -1))
    return check(
        function(answer, kinds.tensor),
        (
            lambda f: weights(f).shape == (2, 8, 1, 1),
            "Return one number for each picture and channel, ready to multiply: shape (2, 8, 1, 1) here.",
        ),
        (
            lambda f: not kinds.same(weights(f).sum(1), torch.ones(2, 1, 1), atol=1e-4),
            "They sum to 1: a softmax lets channels compete. Here each is judged by itself, with a sigmoid.",
        ),
        (
            lambda f: bool(((weights(f) > 0) & (weights(f) < 1)).all()),
            "The weights must lie between 0 and 1: the last step is a sigmoid.",
        ),
        (
            lambda f: kinds.same(weights(f), weights(f, turned)),
            "Moving the pixels about changes your weights. First average over all pixels; then nothing knows where.",
        ),
        (
            lambda f: kinds.same(weights(f)[:1], weights(f, features[:1])),
            "One picture changes the weights of the other. Average over rows and columns, not over the batch.",
        ),
        (
            lambda f: not near(f, made(features.amax((-2, -1)))),
            "You took each channel's largest pixel. Channel attention takes the mean of all.",
        ),
        (
            lambda f: not near(f, made(average, lambda x: x)),
            "The ReLU between the two matrices is missing; without it the two are one.",
        ),
        (lambda f: near(f, made(average)), "Mean, squeeze, ReLU, excite, sigmoid: one of these steps is another one."),
        hint=[
            "Read the two middle lines of Block.forward again; a 1 x 1 convolution is a matrix.",
            "features.mean((-2, -1)) has shape (N, C); times squeeze.T it has C / 4 numbers a picture.",
            "((mean @ squeeze.T).relu() @ excite.T).sigmoid()[..., None, None]",
        ],
    )


def supervised_attention(answer: Callable | None) -> bool:
    """Exercise 3: ``answer(x, given, keep, draw, judge)`` gives what is passed on, and the stage's picture."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        x, given = torch.rand(2, 8, 5, 6), torch.rand(2, 3, 5, 6)
        keep, draw, judge = (nn.Conv2d(a, b, 1, bias=False) for a, b in ((8, 8), (8, 3), (3, 8)))

    def told(f: Callable) -> list[Tensor]:
        return f(x, given, keep, draw, judge)

    def passed(f: Callable, other: Tensor) -> bool:
        return kinds.same(told(f)[0], other)

    def shapes(f: Callable) -> list[tuple[int, ...]]:
        return [tuple(t.shape) for t in told(f)]

    with torch.no_grad():
        kept, picture, drawn = keep(x), given + draw(x), draw(x)
        attention = judge(picture).sigmoid()
        return check(
            function(answer, kinds.tensors.called("a pair of tensors")),
            (
                lambda f: len(told(f)) == 2 and told(f)[0].ndim == 4,
                "Return two things: the features for the next stage, and the picture.",
            ),
            (
                lambda f: shapes(f) != [(2, 3, 5, 6), (2, 8, 5, 6)],
                "The other way round: features first, then the picture.",
            ),
            (
                lambda f: shapes(f) == [(2, 8, 5, 6), (2, 3, 5, 6)],
                "The features for the next stage have 8 channels here, and the picture 3.",
            ),
            (
                lambda f: not kinds.same(told(f)[1], drawn),
                "That is only the correction. The picture is what was given, plus the correction.",
            ),
            (
                lambda f: not kinds.same(told(f)[1], x[:, :3] + drawn),
                "The correction is added to what was given, not to features.",
            ),
            (lambda f: kinds.same(told(f)[1], picture), "The picture is given + draw(x)."),
            (
                lambda f: not passed(f, x + kept * judge(drawn).sigmoid()),
                "Your judge looks at the correction. He is to look at the whole picture: it is what the loss sees.",
            ),
            (
                lambda f: not passed(f, x + kept * judge(picture)),
                "The sigmoid is missing: attention lies between 0 and 1.",
            ),
            (
                lambda f: not passed(f, kept * attention),
                "Attention alone would lose what it turns off. The features themselves are added: x + ...",
            ),
            (lambda f: not passed(f, x + x * attention), "Attention weighs keep(x), not the features themselves."),
            (
                lambda f: passed(f, x + kept * attention),
                "The picture is right, what is passed on is not: x, plus keep(x) weighed by the attention.",
            ),
            hint=[
                "Draw first: the picture is needed for the attention.",
                "The attention is judge(picture).sigmoid(), a number for each pixel and channel.",
                "picture = given + draw(x); return x + keep(x) * judge(picture).sigmoid(), picture",
            ],
        )
