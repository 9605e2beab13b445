"""The score without an original: its fits against scipy's distributions, and that every damage makes it worse."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from realphotos import needed
from scipy import ndimage, special, stats
from scipy.spatial.distance import mahalanobis

from srlib import datasets, degrade, naturalness
from srlib.images import rgb_to_y
from srlib.resize import resize


def photo(name="coffee"):
    return datasets.photos("bundled")[name].image


# --- the two fits


@pytest.mark.parametrize("shape", [0.5, 1, 2, 5])
def test_a_generalised_gaussian_is_found_again(shape):
    x = stats.gennorm.rvs(shape, scale=0.7, size=(3, 400, 400), random_state=1)
    found, variance = naturalness.fit_symmetric(x)
    assert found == pytest.approx(shape, rel=0.03)
    assert variance == pytest.approx(stats.gennorm.var(shape, scale=0.7), rel=0.03)


@pytest.mark.parametrize(("shape", "left", "right"), [(1, 0.3, 0.6), (2, 1, 0.4), (0.8, 0.5, 0.5)])
def test_an_asymmetric_one_is_found_again(shape, left, right):
    """Drawn by its definition: the side by its share of the scale, then the distance from 0 by a one-sided law."""
    rng = np.random.default_rng(2)
    size = (2, 500, 500)
    far = np.abs(stats.gennorm.rvs(shape, size=size, random_state=rng))
    x = np.where(rng.random(size) < left / (left + right), -left * far, right * far)
    found, mean, left_variance, right_variance = naturalness.fit_asymmetric(x)
    unit = special.gamma(3 / shape) / special.gamma(1 / shape)
    assert found == pytest.approx(shape, rel=0.03)
    assert mean == pytest.approx((right - left) * special.gamma(2 / shape) / special.gamma(1 / shape), abs=0.01)
    assert mean == pytest.approx(x.mean((1, 2)), abs=0.01)
    assert left_variance == pytest.approx(left**2 * unit, rel=0.03)
    assert right_variance == pytest.approx(right**2 * unit, rel=0.03)


def test_normalising_by_hand():
    y = 255 * rgb_to_y(photo().double())[0, :60, :70].numpy()
    offsets = np.arange(-3, 4)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    mean = ndimage.correlate(y, window, mode="nearest")
    contrast = np.sqrt(ndimage.correlate(y**2, window, mode="nearest") - mean**2)
    found, spread = naturalness.normalise(y)
    assert np.abs(found - (y - mean) / (contrast + 1)).max() < 1e-6
    assert np.abs(spread - contrast).max() < 1e-6
    assert np.abs(naturalness.normalise(np.full((20, 20), 100.0))[0]).max() < 1e-9


# --- features


def test_features_of_each_patch():
    found, sharpness = naturalness.features(photo()[:, :100, :150])
    assert found.shape == (2 * 3, 36)
    assert np.isfinite(found).all()
    assert sharpness.shape == (6,)


def test_the_order_of_the_features():
    """A picture that varies from left to right is told from one that varies from top to bottom by the 4 + 4 features
    of the products to the right and below, and by nothing else."""
    wave = torch.from_numpy(np.random.default_rng(0).random((1, 96, 96))).clamp(0, 1)
    found, turned = (naturalness.features(x)[0] for x in (wave, wave.transpose(1, 2)))
    found, turned = found.reshape(2, 2, 36).swapaxes(0, 1).reshape(4, 36), turned
    for start in (0, 18):
        part, other = found[:, start : start + 18], turned[:, start : start + 18]
        assert np.allclose(part[:, :2], other[:, :2])
        assert np.allclose(part[:, 2:6], other[:, 6:10])
        assert np.allclose(part[:, 6:10], other[:, 2:6])
        assert np.allclose(part[:, 10:14], other[:, 10:14])
        assert np.allclose(part[:, 14:], other[:, 14:])


@given(st.integers(48, 120), st.integers(48, 120), st.floats(0, 1))
def test_any_size_and_even_a_flat_picture(height, width, level):
    assert 20 < naturalness.distance(torch.full((1, height, width), level)) < 1000  # a photo scores about 4


# --- the distance


def test_a_picture_of_one_patch_is_a_mahalanobis_distance():
    model = naturalness.bundled()
    img = photo()[:, 100:148, 200:248]
    (features,), _ = naturalness.features(img)
    by_scipy = mahalanobis(features, model.mean, np.linalg.inv(model.covariance / 2))
    assert naturalness.distance(img) == pytest.approx(by_scipy, rel=1e-6)


def test_the_distance_of_known_gaussians(monkeypatch):
    """Two patches with features 1 and 3 against a model of mean 0 and variance 6: 2 / sqrt((6 + 2) / 2) = 1."""
    monkeypatch.setattr(naturalness, "features", lambda _: (np.array([[1.0, 0], [3.0, 0]]), None))
    model = naturalness.Model(np.zeros(2), np.diag([6.0, 1.0]), 9)
    assert naturalness.distance(photo(), model=model) == pytest.approx(1, abs=1e-12)


def test_the_model_is_the_bundled_training_photos():
    model = naturalness.bundled()
    again = naturalness.bundled.__wrapped__()
    assert np.array_equal(model.mean, again.mean)
    assert np.array_equal(model.covariance, again.covariance)
    assert model.mean.shape == (36,)
    assert model.patches > 5 * 36, "too few patches for so many features"
    assert np.linalg.eigvalsh(model.covariance).min() > 0
    train = [image for _, image in datasets.photos("bundled", split="train")]
    assert naturalness.fit(train).patches == model.patches
    assert naturalness.fit(train[:3]).patches < model.patches


def test_only_sharp_patches_make_the_model():
    img = photo()[:, :96, :192].clone()
    _, sharpness = naturalness.features(img)
    assert naturalness.fit([img]).patches == (sharpness > 0.75 * sharpness.max()).sum() < len(sharpness)


@pytest.mark.parametrize("name", ["chelsea", "coffee", "flower"])
@pytest.mark.parametrize(
    "damages",
    [
        [degrade.blur(s) for s in (0.7, 1, 2)],
        [degrade.noise(s) for s in (10, 20, 40)],
        [degrade.jpeg(q) for q in (20, 10, 5)],
    ],
    ids=["blur", "noise", "jpeg"],
)
def test_damage_makes_held_out_photos_less_natural(name, damages):
    """The three photos are not among those of the model."""
    found = [naturalness.distance(step(photo(name))) for step in (degrade.quantise(), *damages)]
    assert found == sorted(found)


def test_enlarging_makes_photos_less_natural():
    for name in ("chelsea", "coffee", "flower"):
        img = rgb_to_y(photo(name))[:, :288, :396]
        found = [naturalness.distance(resize(resize(img, 1 / s), s)) for s in (1, 2, 3, 4)]
        assert found == sorted(found)


def test_it_asks_for_no_original():
    """A photo of something else is natural all the same: this is what the score cannot see."""
    scores = {name: naturalness.distance(photo(name)) for name in ("chelsea", "coffee")}
    worst = max(scores.values())
    assert naturalness.distance(degrade.blur(2)(photo("coffee"))) > worst
    assert naturalness.distance(photo("coffee").flip(2)) == pytest.approx(scores["coffee"], rel=0.1)


@pytest.mark.slow
def test_every_photo_of_bsd100_beats_its_blurred_enlarged_and_noisy_self():
    better = []
    for _, image in needed("BSD100"):
        y = rgb_to_y(image)[:, : image.shape[1] // 4 * 4, : image.shape[2] // 4 * 4]
        score = naturalness.distance(y)
        for other in (resize(resize(y, 1 / 4), 4), degrade.blur(1)(y), degrade.noise(15)(y)):
            better.append(score < naturalness.distance(other))
    assert np.mean(better) > 0.97


# --- arguments


def test_batch_gray_and_crop():
    a, b = photo("coffee")[:, :200, :300], photo("chelsea")[:, :200, :300]
    one, other = naturalness.distance(a), naturalness.distance(b)
    assert naturalness.distance(torch.stack([a, b])) == pytest.approx((one + other) / 2)
    assert naturalness.distance(rgb_to_y(a)) == pytest.approx(one, rel=1e-4)
    assert naturalness.distance(a, crop=5) == naturalness.distance(a[:, 5:-5, 5:-5])


@pytest.mark.parametrize(
    ("img", "crop", "error", "sentence"),
    [
        (np.zeros((3, 60, 60)), 0, TypeError, r"img is a ndarray"),
        (torch.zeros(60, 60), 0, ValueError, r"img has shape \(60, 60\)"),
        (torch.zeros(2, 60, 60), 0, ValueError, r"img has 2 channels"),
        (torch.full((1, 60, 60), 100.0), 0, ValueError, r"Divide 8-bit values by 255"),
        (torch.zeros(1, 60, 60), 1.0, ValueError, r"crop=1\.0 must be a whole number"),
        (torch.zeros(1, 60, 60), 30, ValueError, r"crop=30 leaves nothing of 60 x 60 pixels\. Crop less"),
        (torch.zeros(1, 60, 70), 7, ValueError, r"img has 46 x 56 pixels left, but the score needs a patch of 48 x 48"),
    ],
)
def test_wrong_arguments(img, crop, error, sentence):
    with pytest.raises(error, match=sentence):
        naturalness.distance(img, crop=crop)


def test_too_little_for_a_model():
    with pytest.raises(ValueError, match=r"The pictures have 1 sharp patch of 48 x 48\. Give more pictures"):
        naturalness.fit([photo()[:, :60, :60]])
    with pytest.raises(ValueError, match=r"img is a batch of shape \(2, 3, 60, 60\)\. Take one picture of it with img"):
        naturalness.fit([torch.rand(2, 3, 60, 60)])
