"""Degradations: what they do, against references written elsewhere; that they are seeded, printable and checked."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from srlib import datasets, degrade
from srlib.images import modcrop, to_uint8
from srlib.resize import resize


def picture(channels=3, height=24, width=31):
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(0))


EVERY = [
    degrade.bicubic(2),
    degrade.bicubic(3, antialias=False),
    degrade.blur(1.3),
    degrade.noise(25, seed=4),
    degrade.jpeg(40),
    degrade.quantise(),
    degrade.compose(degrade.blur(0.8), degrade.bicubic(2), degrade.noise(5), degrade.jpeg(70)),
]


@pytest.mark.parametrize("step", EVERY, ids=repr)
def test_every_step_keeps_the_contract(step):
    img = picture()
    before = img.clone()
    out = step(img)
    assert torch.equal(img, before), "the input was changed"
    assert torch.equal(out, step(img)), "the same seed must give the same picture"
    assert out.dtype == torch.float32
    assert out.shape[0] == 3
    assert -0.05 <= out.min() < out.max() <= 1.05  # bicubic may overshoot
    assert eval(repr(step), vars(degrade))(img).equal(out), "repr must say everything"


@pytest.mark.parametrize("step", [s for s in EVERY if "noise" not in repr(s)], ids=repr)
def test_a_batch_is_its_pictures(step):
    batch = torch.stack([picture(), 1 - picture()])
    assert torch.allclose(step(batch)[1], step(batch[1]), atol=1e-6)


@pytest.mark.parametrize("step", EVERY, ids=repr)
def test_what_is_not_a_picture(step):
    with pytest.raises(TypeError, match=r"img is a ndarray"):
        step(picture().numpy())
    with pytest.raises(ValueError, match=r"img has shape \(24, 31\)"):
        step(picture()[0])


@pytest.mark.parametrize("step", [degrade.noise(5), degrade.noise(0), degrade.jpeg(50), degrade.quantise()], ids=repr)
def test_what_would_be_clipped_away_is_refused(step):
    with pytest.raises(ValueError, match=r"values from .* Divide 8-bit values by 255"):
        step(picture() * 255)


def test_bicubic_crops_first():
    img = picture(3, 25, 31)
    assert torch.equal(degrade.bicubic(4)(img), resize(modcrop(img, 4), 1 / 4))
    assert degrade.bicubic(4)(img).shape == (3, 6, 7)


def test_blur_against_scipy():
    img = picture(1, 40, 33).double()
    ours = degrade.blur(1.5)(img)[0].numpy()
    theirs = ndimage.gaussian_filter(img[0].numpy(), 1.5, mode="mirror", radius=math.ceil(3 * 1.5))
    assert np.abs(ours - theirs).max() < 1e-12


@given(st.floats(0, 50), st.integers(1, 9), st.integers(1, 9))
def test_blur_keeps_constants_and_small_pictures(sigma, height, width):
    flat = torch.full((1, height, width), 0.37)
    assert torch.allclose(degrade.blur(sigma)(flat), flat, atol=1e-6)


def test_no_blur_is_the_picture_itself():
    assert torch.equal(degrade.blur(0)(picture()), picture())


def test_noise_has_the_level_it_says():
    gray = torch.full((1, 300, 300), 0.5)
    grain = (degrade.noise(10, seed=1)(gray) - 0.5) * 255
    assert grain.mean().item() == pytest.approx(0, abs=0.1)
    assert grain.std().item() == pytest.approx(10, rel=0.01)
    assert not torch.equal(degrade.noise(10, seed=1)(gray), degrade.noise(10, seed=2)(gray))
    assert torch.equal(degrade.noise(0)(gray), gray)


def test_jpeg_is_a_real_encoder(tmp_path):
    img = datasets.photos("bundled")["coffee"].image[:, 100:164, 100:196]
    Image.fromarray(to_uint8(img)).save(tmp_path / "a.jpg", quality=30)
    decoded = torch.from_numpy(np.array(Image.open(tmp_path / "a.jpg"))).movedim(-1, 0) / 255
    assert torch.equal(degrade.jpeg(30)(img), decoded)
    errors = [(degrade.jpeg(q)(img) - img).square().mean().item() for q in (5, 30, 95)]
    assert errors == sorted(errors, reverse=True)


def test_quantise_leaves_256_levels():
    levels = degrade.quantise()(picture() * 1.2 - 0.1) * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert (levels.min(), levels.max()) == (0, 255)


def test_compose_goes_first_to_last():
    img = picture()
    both = degrade.compose(degrade.blur(2), degrade.bicubic(2))
    assert torch.equal(both(img), degrade.bicubic(2)(degrade.blur(2)(img)))
    assert torch.equal(degrade.compose()(img), img)


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: degrade.bicubic(1.5), ValueError, r"scale=1\.5 is not a whole number"),
        (lambda: degrade.blur(-1), ValueError, r"sigma=-1 pixels is outside 0\.\.50\. Use about 0\.5 to 3"),
        (lambda: degrade.blur(math.nan), ValueError, r"sigma=nan pixels"),
        (lambda: degrade.blur("2"), ValueError, r"sigma='2' pixels"),
        (lambda: degrade.noise(256), ValueError, r"sigma=256 levels is outside 0\.\.255\. Use 5 to 50"),
        (lambda: degrade.noise(None), ValueError, r"sigma=None levels"),
        (lambda: degrade.noise(5, seed=1.5), ValueError, r"seed=1\.5 is not a whole number"),
        (lambda: degrade.jpeg(0), ValueError, r"quality=0 must be a whole number from 1 to 100"),
        (lambda: degrade.jpeg(50.0), ValueError, r"quality=50\.0 must be"),
        (lambda: degrade.jpeg(True), ValueError, r"quality=True must be"),
        (lambda: degrade.compose(degrade.blur(1), 3), TypeError, r"3 is not a degradation\. Give objects such as blur"),
        (lambda: degrade.jpeg(50)(torch.rand(2, 4, 4)), ValueError, r"img has 2 channels"),
        (lambda: degrade.bicubic(9)(torch.rand(1, 8, 20)), ValueError, r"8 x 20 pixels, too small for scale 9"),
    ],
)
def test_wrong_arguments(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()
