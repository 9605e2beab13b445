"""Degradations: what they do, against references written elsewhere; that they are seeded, printable and checked."""

import math
import re

import numpy as np
import pytest
import realphotos
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage, stats

from srlib import datasets, degrade, images, paths
from srlib.images import modcrop, to_uint8
from srlib.resize import resize


def picture(channels=3, height=24, width=31):
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(0))


EVERY = [
    degrade.bicubic(2),
    degrade.bicubic(3, antialias=False),
    degrade.blur(1.3),
    degrade.noise(25, seed=4),
    degrade.sensor_noise(0.01, 0.0004, seed=2),
    degrade.motion_blur(seed=2, kernels="shake"),
    degrade.rain(length=12, angle=-20, density=0.01, strength=0.5, seed=3),
    degrade.shower(0.5, seed=4),
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


@pytest.mark.parametrize("step", [s for s in EVERY if not re.search("noise|rain|shower", repr(s))], ids=repr)
def test_a_batch_is_its_pictures(step):
    batch = torch.stack([picture(), 1 - picture()])
    assert torch.allclose(step(batch)[1], step(batch[1]), atol=1e-6)


@pytest.mark.parametrize("step", EVERY, ids=repr)
def test_what_is_not_a_picture(step):
    with pytest.raises(TypeError, match=r"img is a ndarray"):
        step(picture().numpy())
    with pytest.raises(ValueError, match=r"img has shape \(24, 31\)"):
        step(picture()[0])


@pytest.mark.parametrize(
    "step",
    [
        degrade.noise(5),
        degrade.noise(0),
        degrade.sensor_noise(0.01, 0),
        degrade.rain(),
        degrade.jpeg(50),
        degrade.quantise(),
    ],
    ids=repr,
)
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


# --- a sensor's noise


@pytest.mark.parametrize(("a", "b"), [(0.01, 0), (0, 0.0004), (0.01, 0.0004), (0.001, 0.0001)])
@pytest.mark.parametrize("level", [0.3, 0.5])
def test_sensor_noise_has_the_variance_and_skew_it_says(a, b, level):
    """Variance a x + b; third cumulant a^2 x: only a real Poisson count has it, the usual Gaussian stand-in has 0."""
    noisy = degrade.sensor_noise(a, b, seed=1)(torch.full((1, 500, 500), level, dtype=torch.float64)).numpy().ravel()
    variance = a * level + b
    assert noisy.mean() == pytest.approx(level, abs=4 * (variance / noisy.size) ** 0.5)
    assert noisy.var() == pytest.approx(variance, rel=0.02)
    assert stats.skew(noisy) == pytest.approx(a**2 * level / variance**1.5, abs=0.025)


def test_without_read_out_noise_white_is_counted_in_electrons():
    counts = degrade.sensor_noise(0.25, 0)(torch.full((1, 200, 200), 0.4, dtype=torch.float64)).numpy().ravel() / 0.25
    assert np.abs(counts - counts.round()).max() < 1e-12
    expected = [*stats.poisson.pmf(range(4), 1.6), stats.poisson.sf(3, 1.6)]  # four and more are clipped to white
    found = np.bincount(counts.round().astype(int), minlength=5) / counts.size
    assert np.abs(found - expected).max() < 0.01


def test_no_light_and_no_noise():
    img = picture()
    assert torch.equal(degrade.sensor_noise(0, 0)(img), img)
    assert torch.equal(degrade.sensor_noise(0.01, 0)(torch.zeros(3, 9, 9)), torch.zeros(3, 9, 9))
    assert not torch.equal(degrade.sensor_noise(0.01, 0, seed=1)(img), degrade.sensor_noise(0.01, 0, seed=2)(img))


# --- a moving camera


def spike(side=61):
    img = torch.zeros(1, side, side, dtype=torch.float64)
    img[0, side // 2, side // 2] = 1
    return img


@pytest.mark.parametrize("seed", range(4))
def test_a_point_of_light_becomes_the_kernel(seed):
    step = degrade.motion_blur(seed, "shake")
    radius = step.kernel.shape[0] // 2
    middle = slice(30 - radius, 31 + radius)
    assert torch.allclose(step(spike())[0, middle, middle], step.kernel, atol=1e-15)
    assert step(spike()).sum().item() == pytest.approx(1, abs=1e-12)


def test_motion_blur_against_scipy():
    img, step = picture(1, 40, 33).double(), degrade.motion_blur(5, "shake")
    theirs = ndimage.convolve(img[0].numpy(), step.kernel.numpy(), mode="mirror")
    assert np.abs(step(img)[0].numpy() - theirs).max() < 1e-12


@given(st.integers(0, 200), st.integers(14, 40), st.integers(14, 40))
def test_motion_blur_keeps_the_light(seed, height, width):
    flat = torch.full((2, height, width), 0.37)
    assert torch.allclose(degrade.motion_blur(seed, "shake")(flat), flat, atol=1e-6)


def test_motion_blur_keeps_a_photos_brightness():
    img = datasets.photos("bundled")["coffee"].image
    for seed in range(4):
        assert degrade.motion_blur(seed, "shake")(img).mean().item() == pytest.approx(img.mean().item(), abs=5e-4)


def test_which_kernels_is_settled_at_once(monkeypatch):
    monkeypatch.setattr(degrade.motion, "levin_file", lambda: None)
    assert repr(degrade.motion_blur(7)) == "motion_blur(seed=7, kernels='shake')"
    monkeypatch.setattr(degrade.motion, "levin_file", lambda: "Levin09.mat")
    assert repr(degrade.motion_blur(7)) == "motion_blur(seed=7, kernels='levin')"


def test_levins_kernels_are_counted_round(monkeypatch):
    kernels = tuple(torch.eye(3) / (i + 1) for i in range(8))
    monkeypatch.setattr(degrade.motion, "levin", lambda: kernels)
    assert degrade.motion_blur(3, "levin").kernel is kernels[3]
    assert degrade.motion_blur(11, "levin").kernel is kernels[3]


# --- rain


def test_rain_is_added_light_the_same_in_all_channels():
    img = 0.2 * picture(3, 80, 90)
    added = degrade.rain(seed=1)(img) - img
    assert added.min() >= 0
    assert (added.amax(0) - added.amin(0)).max() < 1e-6
    assert torch.allclose(added, degrade.rain(seed=1)(torch.zeros(3, 80, 90)), atol=1e-6), "it hangs on the picture"
    assert degrade.rain(seed=1)(img + 0.7).max() == 1


def test_rain_is_as_much_as_it_says():
    """Mean light: density x mean brightness (half the strength) x the light of one streak."""
    black = torch.zeros(1, 600, 600)
    for length, density, strength, width in ((10, 2e-3, 0.3, 1.5), (30, 1e-3, 0.3, 1.5), (20, 1e-3, 0.8, 3)):
        added = degrade.rain(length, 15, density, strength, seed=2, width=width)(black)
        by_hand = density * strength / 2 * (2 / 3 * length) * (0.4 * width * math.sqrt(2 * math.pi))
        assert added.mean().item() == pytest.approx(by_hand, rel=0.1)


@pytest.mark.parametrize("angle", [-60, -10, 0, 30, 75])
def test_rain_falls_at_its_angle(angle):
    """The structure tensor's weak direction is the one along which the picture changes least."""
    streaks = degrade.rain(40, angle, 0.001, 0.5, seed=1)(torch.zeros(1, 300, 300))[0].numpy()
    dy, dx = (ndimage.gaussian_filter(streaks, 2, order=order) for order in ((1, 0), (0, 1)))
    _, directions = np.linalg.eigh([[(dy * dy).mean(), (dy * dx).mean()], [(dy * dx).mean(), (dx * dx).mean()]])
    y, x = directions[:, 0]
    found = math.degrees(math.atan2(-x, y))  # "/" is positive: down and to the left
    assert (found - angle + 90) % 180 - 90 == pytest.approx(0, abs=2)


def test_rain_at_the_border_is_as_in_the_middle():
    batch = torch.zeros(400, 1, 24, 24)
    mean = degrade.rain(20, 10, 0.01, 0.2, seed=0)(batch).mean((0, 1))
    assert mean[0].mean().item() == pytest.approx(mean[12].mean().item(), rel=0.1)
    assert mean[:, 0].mean().item() == pytest.approx(mean[:, 12].mean().item(), rel=0.1)


def test_each_picture_of_a_batch_has_its_own_rain():
    black = torch.zeros(2, 3, 50, 60)
    wet = degrade.rain(seed=5)(black)
    assert not torch.equal(wet[0], wet[1])
    assert torch.allclose(wet[0], degrade.rain(seed=5)(black[0]))
    assert not torch.equal(degrade.rain(seed=5)(black), degrade.rain(seed=6)(black))
    assert torch.equal(degrade.rain(strength=0)(black), black)
    assert torch.equal(degrade.rain(density=0)(black), black)


def test_a_shower_is_far_middle_and_near_drops_of_one_lean():
    black = torch.zeros(3, 90, 80)
    for seed in range(20):
        shower = degrade.shower(0.5, seed)
        layers = shower.layers()
        assert torch.equal(shower(black), degrade.compose(*layers)(black))
        lean = [layer.angle for layer in layers]
        assert max(lean) - min(lean) <= 6
        assert max(map(abs, lean)) <= degrade.LEAN + 3
        assert all(0.1 <= layer.strength <= 0.5 for layer in layers)
        far, _, near = layers
        assert far.length < near.length
        assert far.width < near.width
        assert far.density > near.density
    leans = [degrade.shower(seed=seed).layers()[0].angle for seed in range(50)]
    assert min(leans) < -15 < 15 < max(leans), "a network that knows one lean has not learned rain"
    assert torch.equal(degrade.shower(0)(black), black)


def test_a_shower_is_about_as_much_as_rain12():
    """A set that no table scores: our light is to lie among its own."""
    clean = realphotos.needed("Rain12")
    pairs = zip(clean, datasets.damaged("Rain12"), strict=True)
    theirs = torch.stack([(wet.image - dry.image).mean() for dry, wet in pairs])
    ours = torch.stack([degrade.shower(seed=seed)(torch.zeros(1, 320, 480)).mean() for seed in range(12)])
    assert theirs.min() < ours.median() < theirs.max()


@pytest.mark.parametrize("name", ["Rain100L", "Rain100H"])
def test_published_rain_is_added_light_too(name):
    """The model is not only the paper's: in the published pairs rain - clean is never negative, and gray."""
    realphotos.show()
    folder = next((f for root in paths.photo_folders() if (f := root / name).is_dir()), None)
    if folder is None:
        realphotos.absent(f"{name} is not on this machine")
    for wet, dry in zip(sorted((folder / "rain").iterdir()), sorted((folder / "norain").iterdir()), strict=True):
        wet, dry = images.load(wet), images.load(dry)
        assert (wet - dry).min() >= 0
        unclipped = (wet < 1).all(0)
        spread = (wet - dry).amax(0) - (wet - dry).amin(0)
        assert spread[unclipped].max() < 1.5 / 255


def test_default_rain_is_as_light_as_rain100l():
    """Measured on the ten pairs at hand: mean light 0.016, 11 % of the pixels above 0.05, PSNR 28.3 dB."""
    img = datasets.photos("bundled")["coffee"].image
    added = degrade.rain()(torch.zeros_like(img))
    assert added.mean().item() == pytest.approx(0.016, abs=0.004)
    assert (added > 0.05).float().mean().item() == pytest.approx(0.11, abs=0.03)
    assert -10 * added.square().mean().log10().item() == pytest.approx(28.3, abs=1.5)


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
        (
            lambda: degrade.sensor_noise(-1, 0),
            ValueError,
            r"a=-1 is outside 0\.\.1\. Use 0\.001 to 0\.05; values are var",
        ),
        (lambda: degrade.sensor_noise(0, 25), ValueError, r"b=25 is outside 0\.\.1\. Use 0 to 0\.002; .* not sigmas"),
        (lambda: degrade.sensor_noise(0, math.nan), ValueError, r"b=nan is outside"),
        (lambda: degrade.sensor_noise(0, 0, 1.5), ValueError, r"seed=1\.5 is not a whole number"),
        (lambda: degrade.motion_blur("7"), ValueError, r"seed='7' is not a whole number"),
        (
            lambda: degrade.motion_blur(0, "levin09"),
            ValueError,
            r"kernels='levin09' is unknown\. Use one of: levin, shake",
        ),
        (
            lambda: degrade.motion_blur(0, "shake")(torch.rand(1, 30, 10)),
            ValueError,
            r"30 x 10 pixels, too small for a kernel of 21\. Use a picture of at least 11 pixels a side",
        ),
        (lambda: degrade.rain(length=0), ValueError, r"length=0 pixels is outside 1\.\.200\. Try 25"),
        (lambda: degrade.rain(angle=91), ValueError, r"angle=91 degrees is outside -90\.\.90\. Try 10"),
        (lambda: degrade.rain(density=2), ValueError, r"density=2 streaks a pixel is outside 0\.\.1\. Try 0\.004"),
        (lambda: degrade.rain(strength=25), ValueError, r"strength=25 of white is outside 0\.\.1\. Try 0\.3"),
        (lambda: degrade.rain(width=0.5), ValueError, r"width=0\.5 pixels is outside 1\.\.20\. Try 1\.5"),
        (lambda: degrade.shower(2), ValueError, r"strength=.* of white is outside 0\.\.1\. Try 0\.3"),
        (lambda: degrade.shower(seed=1.5), ValueError, r"seed=1\.5 is not a whole number"),
        (lambda: degrade.rain(seed=None), ValueError, r"seed=None is not a whole number"),
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
