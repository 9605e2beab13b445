"""The self-checks of the MobileSR chapter: silent on nothing, helpful on the typical mistake, content when right."""

import answers
import numpy as np
import pytest
import torch

from srlib import export, models
from srlib.exercises import mobilesr
from srlib.models.mobilesr import ResBlock


def right_parameters(features, ratio):
    wide = ratio * features
    return features * wide + wide + 9 * wide + wide + wide * features + features


def in_one_formula(features, ratio):
    return np.float64(features * (ratio * (2 * features + 11) + 1))


def right_fold(place):
    weight = place.weight.detach().clone()
    weight[:, 0, 1, 1] += 1
    return weight, place.bias.detach()


def by_impulses(place):
    """Convolution and input answer a picture with one white pixel; the answer, turned round, is the kernel."""
    white = torch.zeros(1, place.in_channels, 3, 3)
    white[..., 1, 1] = 1
    answer = white + place(white) - place.bias.view(-1, 1, 1)
    return [answer.detach().rot90(2, (-2, -1)).transpose(0, 1).numpy(), place.bias.tolist()]


def fold_in_place(place):
    place.weight.data[:, 0, 1, 1] += 1
    return place.weight, place.bias


def in_corner(place):
    weight = place.weight.detach().clone()
    weight[:, 0, 0, 0] += 1
    return weight, place.bias


def packed(weight, step):
    each = step.view(-1, *[1] * (weight.ndim - 1))
    return weight / each, step


def right_to_int8(weight):
    step = weight.flatten(1).abs().amax(1) / 127
    step = step.clamp_min(1e-30)
    each = step.view(-1, *[1] * (weight.ndim - 1))
    return (weight / each).round().to(torch.int8), step


def channel_by_channel(weight):
    """NumPy and loops; a channel of zeros has the step 1; halves are rounded up."""
    whole, steps = [], []
    for channel in weight.numpy().astype(float):
        steps.append(max(channel.max(), -channel.min()) / 127 or 1.0)
        whole.append(np.floor(channel / steps[-1] + 0.5).astype(np.int8))
    return np.stack(whole), steps


def one_step(weight):
    step = weight.abs().max() / 127
    return (weight / step).round().to(torch.int8), step


def without_abs(weight):
    whole, step = packed(weight, weight.flatten(1).amax(1) / 127)
    return whole.round().clamp(-127, 127).to(torch.int8), step


def cut_off(weight):
    whole, step = packed(weight, weight.flatten(1).abs().amax(1) / 127)
    return whole.to(torch.int8), step


def one_more(weight):
    """128 steps, and what does not fit is cut."""
    whole, step = packed(weight, (weight.flatten(1).abs().amax(1) / 128).clamp_min(1e-30))
    return whole.round().clamp(-128, 127).to(torch.int8), step


def by_256(weight):
    whole, step = packed(weight, weight.flatten(1).abs().amax(1) / 63)
    return whole.round().to(torch.int8), step


def only_kernels(weight):
    step = (weight.flatten(1).abs().amax(1) / 127).clamp_min(1e-30)
    each = step.view(-1, 1, 1, 1) if weight.ndim == 4 else step.mean()
    return (weight / each).round().clamp(-127, 127).to(torch.int8), step


def divides_by_zero(weight):
    whole, step = packed(weight, weight.flatten(1).abs().amax(1) / 127)
    return whole.nan_to_num(5).round().to(torch.int8), step


RIGHT = {
    "parameters": [right_parameters, in_one_formula],
    "fold": [right_fold, by_impulses],
    "to_int8": [right_to_int8, channel_by_channel],
}
WRONG = [
    ("parameters", lambda f, r: right_parameters(f, r) / 7, "a whole number"),
    ("parameters", lambda f, r: 2 * f * r * f + 9 * r * f, "kernels alone"),
    ("parameters", lambda f, r: right_parameters(f, r) + 9 * (r * f) ** 2 - 9 * r * f, "mixes all channels"),
    ("parameters", lambda f, r: f * r * f + 11 * r * f, "is missing"),
    ("parameters", lambda f, r: right_parameters(f, r) + 16 * f * r * f, "one pixel only"),
    ("parameters", lambda f, r: 9 * f * f + f, "Not yet for 40"),
    ("parameters", lambda f, r: 2 * f * 2 * f + 22 * f + f, "wrong for others"),
    ("fold", fold_in_place, "changes the convolution"),
    ("fold", lambda place: place.weight.clone(), "a pair"),
    ("fold", lambda place: (place.weight, place.bias), "the convolution's own"),
    ("fold", lambda place: (place.weight + 1, place.bias), "all nine"),
    ("fold", lambda place: (right_fold(place)[0], place.bias + 1), "does not depend on x"),
    ("fold", in_corner, "Not yet"),
    ("fold", lambda place: place.no_such_thing, "AttributeError"),
    ("to_int8", lambda w: (right_to_int8(w)[0].float(), right_to_int8(w)[1]), "torch.int8"),
    ("to_int8", one_step, "One step for the whole layer"),
    ("to_int8", lambda w: (right_to_int8(w)[0], right_to_int8(w)[1][:, None]), "of shape (5,)"),
    ("to_int8", without_abs, "absolute values"),
    ("to_int8", cut_off, "cut the digits off"),
    ("to_int8", lambda w: ((right_to_int8(w)[0] + 1).clamp_max(127), right_to_int8(w)[1]), "take the nearest"),
    ("to_int8", lambda w: right_to_int8(w)[0], "a pair (whole, step)"),
    ("to_int8", by_256, "steps are others"),
    ("to_int8", one_more, "128 has no place"),
    ("to_int8", only_kernels, "wrong for a matrix"),
    ("to_int8", divides_by_zero, "A channel of zeros"),
    ("to_int8", lambda w: (right_to_int8(w)[0], w.flatten(1).abs().amax(1) / 127), "any step above 0"),
]


DETACHED = "the answer is detached where it is taken"
EQUIVALENT = {
    "fold": {
        "weight = place.weight.clone()": DETACHED,
        "return (weight, place.bias)": DETACHED,
        "weight[:, -1, 1, 1] += 1": "a depthwise kernel has one input channel, the first and the last",
    },
}

TestAnswers = answers.of(mobilesr, RIGHT, WRONG, EQUIVALENT)


@pytest.mark.parametrize(("features", "ratio"), [(40, 4), (24, 2), (6, 3)])
def test_the_first_exercise_counts_the_library_s_block(features, ratio):
    block = ResBlock(features, ratio)
    assert right_parameters(features, ratio) == sum(p.numel() for p in block.parameters())


def test_the_second_exercise_changes_no_picture():
    net = models.create("mobilesr", 2, size="course").eval()
    place, x = net.body[0].place, torch.rand(1, 24, 9, 11)
    weight, bias = right_fold(place)
    with torch.no_grad():
        folded = torch.nn.functional.conv2d(x, weight, bias, padding=1, groups=24)
        assert torch.allclose(folded, x + place(x), atol=1e-5)


def test_the_third_exercise_is_the_library_s_rounding():
    net = models.create("mobilesr", 4, size="course")
    for weight, rounded in zip(export.kernels(net), export.kernels(export.rounded(net, 8)), strict=True):
        whole, step = right_to_int8(weight.detach())
        assert torch.allclose(whole * step.view(-1, *[1] * (weight.ndim - 1)), rounded, atol=1e-6)
