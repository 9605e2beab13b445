"""The self-checks of the RED chapter: each typical mistake gets a sentence of its own."""

import answers
import numpy as np
import torch

from srlib.exercises import red


def right_partners(pairs):
    return [(n, pairs - n) for n in range(0, pairs, 2)]


def partners_from_the_middle(pairs):
    return np.array([[pairs - n, n] for n in range(1, pairs + 1) if n % 2 == 1])


def right_convolution(weight):
    return weight.transpose(0, 1).flip(2, 3)


def convolution_by_numbers(weight):
    made = np.zeros((weight.shape[1], weight.shape[0], 3, 3))
    for i, j in np.ndindex(3, 3):
        made[:, :, 2 - i, 2 - j] = weight[:, :, i, j].T
    return made


def right_forward(encode, decode, x):
    kept = {0: x}
    for n, layer in enumerate(encode, 1):
        kept[n] = layer(kept[n - 1]).relu()
    h = kept[len(encode)]
    for n, layer in enumerate(decode, 1):
        h = layer(h)
        if n % 2:
            h = h + kept[len(encode) - n]
        h = h.relu()
    return h


def forward_from_the_outside(encode, decode, x):
    """The outermost bridge holds the two outer pairs of layers, and RED without them between."""
    if len(encode) == 1:
        return torch.relu(x + decode[0](torch.relu(encode[0](x))))
    h = torch.relu(encode[1](torch.relu(encode[0](x))))
    h = forward_from_the_outside(encode[2:], decode[:-2], h)
    return torch.relu(x + decode[-1](torch.relu(decode[-2](h))))


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
    "partners": [right_partners, partners_from_the_middle, lambda pairs: set(right_partners(pairs))],
    "as_convolution": [right_convolution, convolution_by_numbers, lambda w: w.permute(1, 0, 2, 3).rot90(2, (2, 3))],
    "forward": [right_forward, forward_from_the_outside, wired("right")],
}
WRONG = [
    ("partners", lambda pairs: [(n, n) for n in range(2, pairs, 2)], "mirrored"),
    ("partners", lambda pairs: [(n, pairs - n) for n in range(2, pairs, 2)], "input is missing"),
    ("partners", lambda pairs: [(n, pairs - n) for n in range(pairs)], "every second"),
    ("partners", lambda pairs: [(n, pairs + 1 - n) for n in range(2, pairs, 2)] + [(0, pairs)], "Off by one"),
    ("partners", lambda pairs: [(6, 1), (4, 3), (2, 5), (0, 7)], "For pairs=3"),
    ("partners", lambda pairs: 2 * [(n, pairs - n) for n in range(0, pairs, 2)], "twice"),
    ("partners", lambda pairs: right_partners(pairs) if pairs in (3, 7) else [], "Right for 3"),
    ("as_convolution", lambda w: 2 * right_convolution(w), "not the deconvolution's"),
    ("as_convolution", lambda w: w, "swap the first two"),
    ("as_convolution", lambda w: w.flip(2, 3), "swap the first two"),
    ("as_convolution", lambda w: w.transpose(0, 1), "half a turn"),
    ("as_convolution", lambda w: w.transpose(0, 1).flip(3), "one of them"),
    ("as_convolution", lambda w: w.transpose(0, 1).transpose(2, 3), "diagonal"),
    ("as_convolution", lambda w: w.reshape(5, 2, 3, 3), "renumbers"),
    ("forward", wired("plain"), "without any skip"),
    ("forward", wired("queue"), "paired 1 with 1"),
    ("forward", wired("after"), "after the ReLU"),
    ("forward", wired("no global"), "input's own skip"),
    ("forward", wired("only global"), "Only the input"),
    ("forward", wired("no last"), "last ReLU"),
    ("forward", lambda encode, decode, x: x[..., :-1], "one of that shape must come out"),
    ("forward", lambda encode, decode, x: 2 * right_forward(encode, decode, x), "not what RED draws"),
    ("forward", five_only, "len(encode)"),
    ("forward", lambda encode, decode, x: missing, "NameError"),  # noqa: F821
]
EQUIVALENT = {
    "as_convolution": {
        "return weight.transpose(1, 0).flip(2, 3)": "two axes change places either way",
        "return weight.transpose(0, 1).flip(3, 2)": "both axes are flipped",
    },
}


TestAnswers = answers.of(red, RIGHT, WRONG, EQUIVALENT)


def test_the_mistakes_that_are_looked_for_differ_from_red_and_from_each_other():
    net, x = red._network(5), torch.rand(1, 1, 9, 11, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        drawn = [net(x)]
        for mistake in ({"skips": ()}, {"skips": (2, 4)}, {"paired": True}, {"late": True}, {"last": False}):
            drawn.append(red._mistaken(net.encode, net.decode, x, **mistake))
        assert torch.allclose(red._mistaken(net.encode, net.decode, x), drawn[0], atol=1e-5)
    for i, a in enumerate(drawn):
        assert all((a - b).abs().max() > 1e-3 for b in drawn[:i])
