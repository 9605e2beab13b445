"""The sentences a wrong argument gets: each names what was given and what to do."""

import numpy as np
import pytest
import torch

from srlib import checks

GOOD = torch.rand(3, 4, 5)


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        (np.zeros((4, 5)), TypeError, r"img is a ndarray, not a torch tensor\. Read a file with images\.load\(path\)"),
        ("photo.png", TypeError, r"img is a str, not a torch tensor"),
        (torch.zeros(3, 4, 5, dtype=torch.uint8), TypeError, r"dtype torch\.uint8.*images\.from_uint8"),
        (torch.zeros(4, 5), ValueError, r"shape \(4, 5\), but a picture is \(C, H, W\).*x\[None\]"),
        (torch.zeros(1, 1, 3, 4, 5), ValueError, r"shape \(1, 1, 3, 4, 5\).*x\[0\]"),
        (torch.zeros(3, 0, 5), ValueError, r"shape \(3, 0, 5\): an axis is empty\. Give at least one pixel"),
    ],
)
def test_what_is_not_a_picture(wrong, error, sentence):
    with pytest.raises(error, match=sentence):
        checks.picture(wrong)


@pytest.mark.parametrize(
    ("channels", "given", "sentence"),
    [
        ((1,), 3, r"x has 3 channels \(shape \(3, 4, 5\)\), but 1 are needed\. Convert it with images\.rgb_to_y"),
        ((3,), 1, r"x has 1 channels .* but 3 are needed\. Repeat a gray picture with img\.expand\(3, -1, -1\)"),
        ((1, 3), 4, r"x has 4 channels .* but 1 or 3 are needed\. Leave out an alpha channel with img\[:3\]"),
        ((1, 3), 2, r"x has 2 channels .* but 1 or 3 are needed"),
    ],
)
def test_wrong_channels_get_a_hint_that_works(channels, given, sentence):
    with pytest.raises(ValueError, match=sentence):
        checks.picture(torch.rand(given, 4, 5), "x", channels=channels)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_any_float_picture_or_batch_is_returned_as_it_is(dtype):
    for x in (GOOD.to(dtype), GOOD[None].to(dtype)):
        assert checks.picture(x) is x


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (GOOD * 255, r"img has values from [\d.]+ to 2\d\d\.?\d*, but pictures live in \[0, 1\]\. Divide 8-bit"),
        (GOOD - 1, r"values from -[\d.e-]+ to -?[\d.e-]+.*x\.clamp\(0, 1\)"),
        (torch.tensor([[[0.5, float("nan")]]]), r"img contains NaN or infinite values.*lower the learning rate"),
        (torch.tensor([[[0.5, float("inf")]]]), r"NaN or infinite"),
        (torch.tensor([[[-float("inf"), 0.5]]]), r"NaN or infinite"),
    ],
)
def test_values_out_of_range(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        checks.unit_range(wrong)


def test_the_range_has_its_slack_and_no_more():
    edge = torch.tensor([[[-0.5, 1.5]]])
    assert checks.unit_range(edge, slack=0.5) is edge
    with pytest.raises(ValueError, match="from -0.5 to 1.5"):
        checks.unit_range(edge, slack=0.49)


def test_shapes_that_differ():
    with pytest.raises(ValueError, match=r"sr has shape \(1, 4, 5\) but hr has \(1, 4, 6\)\. Crop .*images\.modcrop"):
        checks.same_shape(torch.zeros(1, 4, 5), torch.zeros(1, 4, 6))
    with pytest.raises(ValueError, match=r"sr is on cpu but hr is on meta\. Move one with \.to\(device\)"):
        checks.same_shape(torch.zeros(1, 4, 5), torch.zeros(1, 4, 5, device="meta"))


@pytest.mark.parametrize("wrong", [0, -2, 2.0, 1.5, True, "2", None, float("nan")])
def test_scales_that_are_none(wrong):
    with pytest.raises(ValueError, match=r"scale=.* is not a whole number of at least 1\. Use 2, 3 or 4\."):
        checks.integer_scale(wrong)


def test_a_scale_that_is_not_offered():
    assert checks.integer_scale(8) == 8
    with pytest.raises(ValueError, match=r"factor=8 is not offered here\. Use one of 2, 3, 4\."):
        checks.integer_scale(8, allowed=(2, 3, 4), what="factor")


def test_an_unknown_name_is_answered_with_the_known_ones():
    assert checks.choice("a", ("a", "b"), "kernel") == "a"
    with pytest.raises(ValueError, match=r"^kernel='c' is unknown\. Use one of: a, b\.$"):
        checks.choice("c", ("a", "b"), "kernel")


def test_a_name_that_cannot_even_be_looked_up():
    """Lists are not hashable, so looking one up in a table would raise a TypeError of Python's own."""
    with pytest.raises(ValueError, match=r"model=\['srcnn'\] is unknown"):
        checks.choice(["srcnn"], {"srcnn": 1}, "model")
