"""PSNR and SSIM against scikit-image and against each other, and the published bicubic tables."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from realphotos import needed
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srlib import benchmark, datasets, metrics, papers
from srlib.images import rgb_to_y, round_to_uint8
from srlib.resize import resize

SIDES = st.integers(11, 30)
SEEDS = st.integers(0, 99)


def pictures(seed=0, channels=3, height=30, width=25, error=0.1):
    """An original and a disturbed copy, both in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    hr = torch.rand(channels, height, width, generator=generator)
    return (hr + error * torch.randn(hr.shape, generator=generator)).clamp(0, 1), hr


def planes(img):
    return img.movedim(0, -1).double().numpy()


@pytest.mark.parametrize("crop", [0, 3])
@pytest.mark.parametrize("channel", ["y", "rgb"])
@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_scikit_image_agrees(name, channel, crop):
    hr = datasets.photos("bundled")[name].image[:, :200, :190]
    sr = resize(resize(hr, 1 / 2), 2)
    a, b = ((rgb_to_y(x.double()) if channel == "y" else x) for x in (sr, hr))
    inside = slice(crop, -crop or None)
    a, b = planes(a)[inside, inside], planes(b)[inside, inside]
    theirs = peak_signal_noise_ratio(b, a, data_range=1)
    assert metrics.psnr(sr, hr, crop=crop, channel=channel) == pytest.approx(theirs, abs=1e-6)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    whole = [structural_similarity(a[..., c], b[..., c], full=True, **options)[1] for c in range(a.shape[-1])]
    theirs = np.mean([w[5:-5, 5:-5] for w in whole])  # where the 11 x 11 window fits
    assert metrics.ssim(sr, hr, crop=crop, channel=channel) == pytest.approx(theirs, abs=1e-6)


def test_scikit_images_own_mean_is_ours():
    sr, hr = (x[0].double().numpy() for x in pictures(channels=1))
    theirs = structural_similarity(
        sr, hr, win_size=11, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1
    )
    sr, hr = pictures(channels=1)
    assert metrics.ssim(sr, hr, crop=0) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(("error", "psnr"), [(0.1, 20), (0.01, 40), (1.0, 0), (1 / 255, 48.1308)])
def test_psnr_of_a_constant_error(error, psnr):
    hr = torch.zeros(1, 12, 12)
    assert metrics.psnr(hr + error, hr, crop=0) == pytest.approx(psnr, abs=1e-4)
    assert metrics.mse(hr + error, hr, crop=0) == pytest.approx(error**2, rel=1e-6)


def test_ssim_of_constants_is_its_luminance_term():
    a, b, c1 = 0.3, 0.7, 0.01**2
    flat = torch.ones(1, 15, 15, dtype=torch.float64)
    assert metrics.ssim(a * flat, b * flat, crop=0) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-9)


@given(SEEDS, SIDES, SIDES, st.sampled_from(["y", "rgb"]), st.floats(0.001, 0.5))
def test_symmetric_and_bounded(seed, height, width, channel, error):
    sr, hr = pictures(seed, 3, height, width, error)
    for metric in (metrics.psnr, metrics.ssim, metrics.mse):
        assert metric(sr, hr, crop=0, channel=channel) == pytest.approx(metric(hr, sr, crop=0, channel=channel))
    assert -1 <= metrics.ssim(sr, hr, crop=0, channel=channel) < 1
    assert 0 < metrics.mse(sr, hr, crop=0, channel=channel) <= 1


@given(SEEDS, SIDES, SIDES)
def test_a_picture_equals_itself(seed, height, width):
    _, hr = pictures(seed, 3, height, width)
    assert metrics.psnr(hr, hr, crop=0) == math.inf
    assert metrics.mse(hr, hr, crop=0) == 0
    assert metrics.ssim(hr, hr, crop=0) == pytest.approx(1, abs=1e-12)


@given(SEEDS, st.sampled_from(["y", "rgb"]), st.integers(0, 4))
def test_a_batch_gives_the_mean_of_its_pictures(seed, channel, crop):
    pairs = [pictures(seed + i, error=0.02 + 0.1 * i) for i in range(3)]
    sr, hr = (torch.stack(x) for x in zip(*pairs, strict=True))
    for metric in (metrics.psnr, metrics.ssim, metrics.mse):
        single = [metric(s, h, crop=crop, channel=channel) for s, h in pairs]
        assert metric(sr, hr, crop=crop, channel=channel) == pytest.approx(sum(single) / 3, abs=1e-12)


@given(SEEDS)
def test_more_noise_is_worse(seed):
    scores = [metrics.psnr(*pictures(seed, error=e), crop=0) for e in (0.01, 0.05, 0.2)]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("crop", [1, 2, 5])
def test_the_border_is_left_out(crop):
    sr, hr = pictures()
    spoilt = sr.clone()
    for edge in (spoilt[:, :crop], spoilt[:, -crop:], spoilt[..., :crop], spoilt[..., -crop:]):
        edge.fill_(1)
    for metric in (metrics.psnr, metrics.ssim):
        assert metric(spoilt, hr, crop=crop) == metric(sr, hr, crop=crop)
        assert metric(spoilt, hr, crop=crop - 1) != metric(sr, hr, crop=crop - 1)


def test_rounding_is_what_saving_would_do():
    sr, hr = pictures()
    rounded = torch.floor(sr.double() * 255 + 0.5) / 255
    assert metrics.psnr(sr, hr, crop=0, rounding="uint8") == metrics.psnr(rounded, hr.double(), crop=0)
    over = sr + 0.3
    assert metrics.psnr(over, hr, crop=0, rounding="uint8") > metrics.psnr(over, hr, crop=0)  # clipped


# --- the perceptual distance, with extractors that can be checked by hand (tests/test_perceptual.py has the real ones)


def pixels(x):
    return [x]


def test_perceptual_distance_by_hand():
    """Two pixels. Colours (3, 4, 0) and (0, 3, 4) have the directions (.6, .8, 0) and (0, .6, .8): 1.04 apart."""
    sr = torch.tensor([[0.3, 0.4, 0.0], [0.5, 0.5, 0.5]]).T.view(3, 1, 2)
    hr = torch.tensor([[0.0, 0.3, 0.4], [0.2, 0.2, 0.2]]).T.view(3, 1, 2)  # the second only darker: no distance
    assert metrics.perceptual_distance(sr, hr, pixels, crop=0) == pytest.approx((1.04 + 0) / 2, abs=1e-6)
    twice = metrics.perceptual_distance(sr, hr, lambda x: [x, x**2], crop=0)
    a, b = np.array([9, 16, 0]) / math.hypot(9, 16), np.array([0, 9, 16]) / math.hypot(9, 16)
    assert twice == pytest.approx(0.52 + ((a - b) ** 2).sum() / 2, abs=1e-6), "the maps' values are summed"


@given(SEEDS, SIDES, SIDES)
def test_perceptual_distance_is_a_distance(seed, height, width):
    sr, hr = pictures(seed, 3, height, width)
    there = metrics.perceptual_distance(sr, hr, pixels, crop=0)
    assert 0 < there <= 4
    assert metrics.perceptual_distance(hr, sr, pixels, crop=0) == pytest.approx(there, abs=1e-9)
    assert metrics.perceptual_distance(hr, hr, pixels, crop=0) == 0
    batch = torch.stack([sr, hr]), torch.stack([hr, hr])
    assert metrics.perceptual_distance(*batch, pixels, crop=0) == pytest.approx(there / 2, abs=1e-9)


def test_perceptual_distance_crops_and_rounds():
    sr, hr = pictures()
    spoilt = sr.clone()
    spoilt[..., :2] = torch.tensor([1.0, 0, 0]).view(3, 1, 1)
    distance = metrics.perceptual_distance
    assert distance(spoilt, hr, pixels, crop=2) == distance(sr, hr, pixels, crop=2)
    assert distance(spoilt, hr, pixels, crop=1) != distance(sr, hr, pixels, crop=1)
    rounded = distance(sr * 1.2, hr, pixels, crop=0, rounding="uint8")
    assert rounded == distance(round_to_uint8(sr.double() * 1.2), hr, pixels, crop=0)
    assert rounded != distance(sr * 1.2, hr, pixels, crop=0)


def test_perceptual_distance_checks_its_pictures():
    for sr, error, sentence in ((SR.numpy(), TypeError, "sr is a ndarray"), (SR * 255, ValueError, "Divide 8-bit")):
        with pytest.raises(error, match=sentence):
            metrics.perceptual_distance(sr, HR, pixels, crop=0)
    with pytest.raises(ValueError, match=r"crop=13 leaves nothing of 30 x 25 pixels"):
        metrics.perceptual_distance(SR, HR, pixels, crop=13)


def test_channels_mean_what_they_say():
    sr, hr = pictures()
    assert metrics.psnr(sr, hr, crop=0) == pytest.approx(
        metrics.psnr(rgb_to_y(sr.double()), rgb_to_y(hr.double()), crop=0)
    )
    assert metrics.mse(sr, hr, crop=0, channel="rgb") == pytest.approx(
        sum(metrics.mse(sr[c : c + 1], hr[c : c + 1], crop=0) for c in range(3)) / 3
    )


SR, HR = pictures()


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim, metrics.mse])
@pytest.mark.parametrize(
    ("sr", "hr", "options", "error", "sentence"),
    [
        (SR.numpy(), HR, {}, TypeError, r"sr is a ndarray, not a torch tensor"),
        (SR, (HR * 255).byte(), {}, TypeError, r"hr has dtype torch\.uint8"),
        (SR[0], HR[0], {}, ValueError, r"sr has shape \(30, 25\)"),
        (SR[:2], HR[:2], {}, ValueError, r"sr has 2 channels"),
        (SR[..., 1:], HR, {}, ValueError, r"sr has shape \(3, 30, 24\) but hr has \(3, 30, 25\)\..*modcrop"),
        (SR * 255, HR, {}, ValueError, r"sr has values from .* Divide 8-bit values by 255"),
        (SR, HR * 1.1, {}, ValueError, r"hr has values from .* to 1\.1"),
        (SR, HR - 0.1, {}, ValueError, r"hr has values from -0\.0?9"),
        (SR * math.nan, HR, {}, ValueError, r"sr contains NaN or infinite values"),
        (SR, HR, {"channel": "r"}, ValueError, r"channel='r' is unknown\. Use one of: y, rgb"),
        (SR, HR, {"rounding": True}, ValueError, r"rounding=True is unknown\. Use one of: none, uint8"),
        (SR, HR, {"crop": -1}, ValueError, r"crop=-1 must be a whole number of pixels, 0 or more"),
        (SR, HR, {"crop": 2.0}, ValueError, r"crop=2\.0 must be"),
        (SR, HR, {"crop": True}, ValueError, r"crop=True must be"),
        (SR, HR, {"crop": 13}, ValueError, r"crop=13 leaves nothing of 30 x 25 pixels\. Crop less"),
    ],
)
def test_wrong_arguments(metric, sr, hr, options, error, sentence):
    with pytest.raises(error, match=sentence):
        metric(sr, hr, **{"crop": 0, **options})


def test_ssim_needs_room_for_its_window():
    with pytest.raises(ValueError, match=r"SSIM needs 11 x 11 pixels after the crop, but 14 x 9 are left\. Crop less"):
        metrics.ssim(SR, HR, crop=8)


# --- protocols


def test_the_protocols_differ_as_their_names_say():
    hr = datasets.photos("bundled")["coffee"].image[:, 100:300, 100:300]

    def score(name):
        rules = metrics.protocol(name)
        lr, reference = rules.pair(hr, 2)
        return rules(resize(lr, 2), reference, 2)["psnr"]

    scores = {name: score(name) for name in metrics.PROTOCOLS}
    assert abs(scores["paper_y"] - scores["y_float"]) < 0.05
    assert abs(scores["paper_y"] - scores["paper_rgb"]) < 0.1
    assert scores["paper_y"] - scores["rgb_crop"] > 0.5
    assert len(set(scores.values())) == len(scores)


def test_paper_y_step_by_step():
    hr = datasets.photos("bundled")["coffee"].image[:, 100:301, 100:300].double()
    lr, reference = metrics.protocol("paper_y").pair(hr, 3)
    y = round_to_uint8(rgb_to_y(hr[:, :201, :198]))
    assert torch.equal(reference, y)
    assert torch.equal(lr, resize(y, 1 / 3))
    sr = resize(lr, 3)
    by_hand = 10 * math.log10(1 / ((round_to_uint8(sr) - y)[:, 3:-3, 3:-3] ** 2).mean().item())
    assert metrics.protocol("paper_y")(sr, reference, 3)["psnr"] == pytest.approx(by_hand, abs=1e-9)


def test_paper_rgb_step_by_step():
    hr = datasets.photos("bundled")["coffee"].image[:, 100:301, 100:300].double()
    lr, reference = metrics.protocol("paper_rgb").pair(hr, 4)
    assert torch.equal(reference, hr[:, :200])
    assert torch.equal(lr, round_to_uint8(resize(hr[:, :200], 1 / 4)))
    sr = resize(lr, 4)
    error = (rgb_to_y(round_to_uint8(sr)) - rgb_to_y(reference))[:, 4:-4, 4:-4]
    by_hand = 10 * math.log10(1 / (error**2).mean().item())
    assert metrics.protocol("paper_rgb")(sr, reference, 4)["psnr"] == pytest.approx(by_hand, abs=1e-9)


def test_wrong_protocols():
    with pytest.raises(ValueError, match=r"protocol='paper' is unknown\. Use one of: paper_y, paper_rgb, "):
        metrics.protocol("paper")
    rules = metrics.protocol("paper_y")
    with pytest.raises(ValueError, match=r"scale=2\.0 is not a whole number"):
        rules(SR, HR, 2.0)
    with pytest.raises(ValueError, match=r"sr has shape"):
        rules(SR[..., 1:], HR, 2)
    for wrong in (HR * 255, HR.numpy()):
        with pytest.raises((TypeError, ValueError), match=r"Divide 8-bit values|not a torch tensor"):
            metrics.protocol("paper_rgb").pair(wrong, 2)


# --- the published numbers


@pytest.mark.parametrize(
    ("scale", "psnr", "ssim"), [(2, "33.66", "0.9299"), (3, "30.39", "0.8682"), (4, "28.42", "0.8104")]
)
def test_published_bicubic_on_set5_to_every_digit(scale, psnr, ssim):
    needed("Set5")
    (row,) = benchmark.run("bicubic", "Set5", "paper_y", scale)
    assert (f"{row['psnr']:.2f}", f"{row['ssim']:.4f}") == (psnr, ssim)
    assert (papers.psnr("bicubic", "Set5", scale), papers.ssim("bicubic", "Set5", scale)) == (float(psnr), float(ssim))


def test_published_bicubic_to_three_digits_on_set5():
    needed("Set5")
    found = [benchmark.run("bicubic", "Set5", "paper_y", scale)[0]["psnr"] for scale in (2, 3, 4)]
    assert found == pytest.approx([33.661, 30.392, 28.421], abs=6e-4)


@pytest.mark.parametrize(("scale", "psnr"), [(2, 30.23), (3, 27.54), (4, 26.00)])
def test_published_bicubic_on_set14(scale, psnr):
    needed("Set14")
    (row,) = benchmark.run("bicubic", "Set14", "paper_y", scale)
    assert row["psnr"] == pytest.approx(psnr, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "psnr"), [(2, 29.56), (3, 27.21), (4, 25.96)])
def test_published_bicubic_on_bsd100(scale, psnr):
    needed("BSD100")
    (row,) = benchmark.run("bicubic", "BSD100", "paper_rgb", scale)
    assert row["psnr"] == pytest.approx(psnr, abs=0.01)


@pytest.mark.parametrize(("scale", "moved"), [(2, 0.77), (4, -0.74)])
def test_what_leaving_out_antialiasing_does_to_the_number(scale, moved):
    """Measured with torch's plain bicubic (a = -3/4, no antialiasing) in both directions, as cv2 users do."""
    rules = metrics.protocol("paper_y")
    difference = 0.0
    for _, image in needed("Set5"):
        lr, reference = rules.pair(image, scale)
        plain = F.interpolate(reference[None], scale_factor=1 / scale, mode="bicubic")
        plain = F.interpolate(plain, scale_factor=scale, mode="bicubic")[0]
        difference += rules(plain, reference, scale)["psnr"] - rules(resize(lr, scale), reference, scale)["psnr"]
    assert difference / 5 == pytest.approx(moved, abs=0.06)
