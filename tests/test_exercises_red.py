"""The self-checks of the RED chapter: each typical mistake gets a sentence of its own."""

import answers
import torch

from srlib.exercises import red


def wired(kind):
    """RED's forward pass, right or with one of the mistakes."""

    def forward(encode, decode, x):
        skips, h = [x], x
        for number, layer in enumerate(encode, 1):
            h = layer(h).relu()
            if number % 2 == 0:
                skips.append(h)
        for number, layer in enumerate(decode, 1):
            h = layer(h)
            if kind == "plain" or number % 2 == 0:
                h = h.relu()
            elif kind == "queue":
                h = (h + (skips.pop(1) if len(skips) > 1 else x)).relu()
            elif kind == "after":
                h = h.relu() + skips.pop()
            elif kind == "no global":
                h = (h + (skips.pop() if number < len(decode) else 0)).relu()
            elif kind == "only global":
                h = (h + (x if number == len(decode) else 0)).relu()
            elif kind == "no last":
                h = h + skips.pop() if number == len(decode) else (h + skips.pop()).relu()
            else:
                h = (h + skips.pop()).relu()
        return h

    return forward


def five_only(encode, decode, x):
    return wired("right")(encode[:5], decode[: min(5, len(decode)) - 1] + decode[-1:], x)


RIGHT = {
    "partners": lambda pairs: [(n, pairs - n) for n in range(0, pairs, 2)],
    "as_convolution": lambda w: w.permute(1, 0, 2, 3).rot90(2, (2, 3)),
    "forward": wired("right"),
}
WRONG = [
    ("partners", lambda pairs: [(n, n) for n in range(2, pairs, 2)], "mirrored"),
    ("partners", lambda pairs: [(n, pairs - n) for n in range(2, pairs, 2)], "input is missing"),
    ("partners", lambda pairs: [(n, pairs - n) for n in range(pairs)], "every second"),
    ("partners", lambda pairs: [(n, pairs + 1 - n) for n in range(2, pairs, 2)] + [(0, pairs)], "Off by one"),
    ("partners", lambda pairs: [(6, 1), (4, 3), (2, 5), (0, 7)], "For pairs=3"),
    ("partners", lambda pairs: 2 * [(n, pairs - n) for n in range(0, pairs, 2)], "twice"),
    ("as_convolution", lambda w: w, "swap the first two"),
    ("as_convolution", lambda w: w.flip(2, 3), "swap the first two"),
    ("as_convolution", lambda w: w.transpose(0, 1), "half a turn"),
    ("as_convolution", lambda w: w.transpose(0, 1).flip(3), "one of them"),
    ("as_convolution", lambda w: w.transpose(0, 1).transpose(2, 3), "diagonal"),
    ("as_convolution", lambda w: w.reshape(3, 2, 3, 3), "renumbers"),
    ("forward", wired("plain"), "without any skip"),
    ("forward", wired("queue"), "paired 1 with 1"),
    ("forward", wired("after"), "after the ReLU"),
    ("forward", wired("no global"), "input's own skip"),
    ("forward", wired("only global"), "Only the input"),
    ("forward", wired("no last"), "last ReLU"),
    ("forward", five_only, "len(encode)"),
    ("forward", lambda encode, decode, x: missing, "NameError"),  # noqa: F821
]


TestAnswers = answers.of(red, RIGHT, WRONG)


def test_the_mistakes_that_are_looked_for_differ_from_red_and_from_each_other():
    net, x = red._network(5), torch.rand(1, 1, 9, 11, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        drawn = [net(x)]
        for mistake in ({"skips": ()}, {"skips": (2, 4)}, {"paired": True}, {"late": True}, {"last": False}):
            drawn.append(red._mistaken(net.encode, net.decode, x, **mistake))
        assert torch.allclose(red._mistaken(net.encode, net.decode, x), drawn[0], atol=1e-5)
    for i, a in enumerate(drawn):
        assert all((a - b).abs().max() > 1e-3 for b in drawn[:i])
