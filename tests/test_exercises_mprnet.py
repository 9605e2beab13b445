"""The self-checks of the MPRNet chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import torch
from torch.nn import functional as F

from srlib.exercises import mprnet as exercises
from srlib.models import mprnet


def right_quarters(picture):
    upper, lower = picture.chunk(2, -2)
    return torch.stack([*upper.chunk(2, -1), *lower.chunk(2, -1)])


def by_axes(picture):
    """Two axes more, put into order; an array."""
    c, h, w = picture.shape
    return picture.numpy().reshape(c, 2, h // 2, 2, w // 2).transpose(1, 3, 0, 2, 4).reshape(4, c, h // 2, w // 2)


def in_a_list(picture):
    h, w = (side // 2 for side in picture.shape[1:])
    return [picture[:, top : top + h, left : left + w].tolist() for top in (0, h) for left in (0, w)]


def right_channel_weights(features, squeeze, excite):
    mean = features.mean((-2, -1))
    return ((mean @ squeeze.T).relu() @ excite.T).sigmoid()[..., None, None]


def by_convolutions(features, squeeze, excite):
    hidden = F.conv2d(F.adaptive_avg_pool2d(features, 1), squeeze[..., None, None]).clamp_min(0)
    return F.conv2d(hidden, excite[..., None, None]).sigmoid().numpy()


def by_steps(features, squeeze, excite, mean=None, gate=torch.relu, last=torch.sigmoid):
    mean = features.mean((-2, -1)) if mean is None else mean
    return last(gate(mean @ squeeze.T) @ excite.T)[..., None, None]


def softmaxed(features, squeeze, excite):
    return by_steps(features, squeeze, excite, last=lambda x: x.softmax(-1))


def pixel_by_pixel(features, squeeze, excite):
    """The average of attentions instead of the attention to the average."""
    pixels = features.flatten(2).transpose(1, 2)
    return ((pixels @ squeeze.T).relu() @ excite.T).sigmoid()[:, 3, :, None, None]


def right_supervised_attention(x, given, keep, draw, judge):
    picture = given + draw(x)
    return x + keep(x) * judge(picture).sigmoid(), picture


def by_exponentials(x, given, keep, draw, judge):
    """A list, and the drawing is called twice."""
    attention = 1 / (1 + torch.exp(-judge(draw(x) + given)))
    return [torch.addcmul(x, attention, keep(x)).numpy(), draw(x) + given]


RIGHT = {
    "quarters": [right_quarters, by_axes, in_a_list],
    "channel_weights": [right_channel_weights, by_convolutions],
    "supervised_attention": [right_supervised_attention, by_exponentials],
}
WRONG = [
    ("quarters", lambda p: p.chunk, "one tensor, a batch of four"),
    ("quarters", lambda p: right_quarters(p)[:3], "(4, 3, 4, 6)"),
    ("quarters", lambda p: right_quarters(p)[[0, 1, 2, 3] if len(p) == 3 else [0, 2, 1, 3]], "wrong for others"),
    ("quarters", lambda p: p.reshape(3, 4, 4, 6), "(4, 3, 4, 6)"),
    ("quarters", lambda p: torch.stack([p[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]), "every second pixel"),
    ("quarters", lambda p: right_quarters(p)[[0, 2, 1, 3]], "comes second"),
    ("quarters", lambda p: p.reshape(4, 3, 4, 6), "knows no corners"),
    ("quarters", lambda p: right_quarters(p).flip(0), "upper left corner"),
    ("quarters", lambda p: right_quarters(p)[[0, 1, 3, 2]], "others are not"),
    ("channel_weights", lambda x, s, e: right_channel_weights(x, s, e)[..., 0, 0], "ready to multiply"),
    ("channel_weights", softmaxed, "compete"),
    ("channel_weights", lambda x, s, e: by_steps(x, s, e, last=lambda w: w), "between 0 and 1"),
    ("channel_weights", pixel_by_pixel, "Moving the pixels"),
    (
        "channel_weights",
        lambda x, s, e: by_steps(x, s, e, mean=x.mean((0, -2, -1)).expand(len(x), -1)),
        "not over the batch",
    ),
    ("channel_weights", lambda x, s, e: by_steps(x, s, e, mean=x.amax((-2, -1))), "largest pixel"),
    ("channel_weights", lambda x, s, e: by_steps(x, s, e, gate=lambda w: w), "ReLU between"),
    ("channel_weights", lambda x, s, e: by_steps(x, s, e, gate=torch.tanh), "one of these steps"),
    ("channel_weights", lambda x, s, e: by_steps(x, e, s), "RuntimeError"),
    ("supervised_attention", lambda x, given, k, d, j: given + d(x), "two things"),
    ("supervised_attention", lambda x, given, k, d, j: right_supervised_attention(x, given, k, d, j)[0], "two things"),
    ("supervised_attention", lambda *a: right_supervised_attention(*a)[::-1], "other way round"),
    ("supervised_attention", lambda x, given, k, d, j: (d(x), d(x)), "8 channels"),
    ("supervised_attention", lambda x, given, k, d, j: (x + k(x) * j(d(x)).sigmoid(), d(x)), "only the correction"),
    ("supervised_attention", lambda x, given, k, d, j: (x, x[:, :3] + d(x)), "not to features"),
    ("supervised_attention", lambda x, given, k, d, j: (x, given), "given + draw(x)"),
    (
        "supervised_attention",
        lambda x, given, k, d, j: (x + k(x) * j(d(x)).sigmoid(), given + d(x)),
        "looks at the correction",
    ),
    (
        "supervised_attention",
        lambda x, given, k, d, j: (x + k(x) * j(given + d(x)), given + d(x)),
        "sigmoid is missing",
    ),
    (
        "supervised_attention",
        lambda x, given, k, d, j: (k(x) * j(given + d(x)).sigmoid(), given + d(x)),
        "would lose",
    ),
    (
        "supervised_attention",
        lambda x, given, k, d, j: (x + x * j(given + d(x)).sigmoid(), given + d(x)),
        "not the features themselves",
    ),
    ("supervised_attention", lambda x, given, k, d, j: (x + k(x), given + d(x)), "weighed by the attention"),
]


EQUIVALENT = {
    "quarters": {
        "return [*upper.chunk(2, -1), *lower.chunk(2, -1)]": "a list of four is as good as one tensor of them"
    },
    "channel_weights": {"mean = features.mean((-1, -2))": "the order of the axes changes no mean"},
}

TestAnswers = answers.of(exercises, RIGHT, WRONG, EQUIVALENT)


def test_the_answers_are_what_the_network_does():
    torch.manual_seed(0)
    picture = torch.rand(3, 8, 12)
    theirs = mprnet.halves(mprnet.halves(picture[None], -2), -1)  # upper left, lower left, upper right, lower right
    assert torch.equal(right_quarters(picture), theirs[[0, 2, 1, 3]])

    block, act, features = mprnet.Block(8), torch.nn.PReLU(), torch.rand(1, 8, 6, 6)
    y = block.conv2(act(block.conv1(features)))
    weights = right_channel_weights(y, block.squeeze.weight[..., 0, 0], block.excite.weight[..., 0, 0])
    assert torch.allclose(block(features, act), features + y * weights, atol=1e-6)

    module, given = mprnet.SupervisedAttention(8), torch.rand(1, 3, 6, 6)
    pairs = zip(
        module(features, given),
        right_supervised_attention(features, given, module.keep, module.draw, module.judge),
        strict=True,
    )
    assert all(torch.equal(a, b) for a, b in pairs)
