"""Resizing against MATLAB's recipe written out slowly, against torch and Pillow, and against what must be true."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srlib import resize as module
from srlib.resize import KERNELS, resize

SIDES = st.integers(1, 23)
SCALES = st.sampled_from([0.25, 1 / 3, 0.4, 0.5, 0.77, 1, 1.3, 2, 3, 4])
NAMES = st.sampled_from(list(KERNELS))
BORDERS = st.sampled_from(["symmetric", "replicate"])


def noise(height, width, seed=0):
    return torch.rand(1, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def keys(x):
    """Keys' cubic with a = -1/2, as its paper prints it."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def matlab(rows, scale, antialias=True, border="symmetric", rounding=False):
    """imresize(rows, scale, "bicubic"), one sample at a time, in plain Python: height, then width."""

    def line(values):
        n, stretch = len(values), min(scale, 1) if antialias else 1
        result = []
        for i in range(1, math.ceil(Fraction(scale).limit_denominator(100) * n) + 1):
            centre = i / scale + 0.5 * (1 - 1 / scale)  # MATLAB counts from 1
            left = math.floor(centre - 2 / stretch)
            taps = range(left, left + math.ceil(4 / stretch) + 2)
            weights = [stretch * keys(stretch * (centre - j)) for j in taps]
            total = 0.0
            for j, weight in zip(taps, weights, strict=True):
                if border == "replicate":
                    j = min(max(j, 1), n)
                while not 1 <= j <= n:  # mirrored, the edge sample twice
                    j = 1 - j if j < 1 else 2 * n + 1 - j
                total += weight / sum(weights) * values[j - 1]
            result.append(math.floor(min(max(total, 0), 1) * 255 + 0.5) / 255 if rounding else total)
        return result

    columns = [line(column) for column in zip(*rows, strict=True)]
    return [line(row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("border", ["symmetric", "replicate"])
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("scale", [1 / 4, 1 / 3, 1 / 2, 0.7, 2, 3])
def test_matlabs_imresize_sample_by_sample(scale, antialias, border):
    img = noise(13, 10)
    slow = matlab(img[0].tolist(), scale, antialias, border)
    assert np.abs(resize(img, scale, antialias=antialias, border=border)[0].numpy() - slow).max() < 1e-12


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_stored_lr_files_recipe_is_exact(scale):
    """Rounding after each pass, edge repeated: not one level may differ."""
    img = (noise(24, 36) * 255).round() / 255
    slow = np.array(matlab(img[0].tolist(), 1 / scale, border="replicate", rounding=True)) * 255
    fast = resize(img.float(), 1 / scale, border="replicate", uint8_passes=True)[0].double().numpy() * 255
    assert np.array_equal(fast.round(), slow.round())
    assert np.abs(fast - fast.round()).max() < 1e-4


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize("scale", [1 / 4, 1 / 3, 1 / 2, 2, 3])
def test_torchs_antialiased_modes_agree_inside(mode, scale):
    img = noise(60, 48)
    theirs = F.interpolate(img[None], scale_factor=scale, mode=mode, antialias=True)[0]
    inside = (slice(None), slice(8, -8), slice(8, -8)) if scale > 1 else (slice(None), slice(3, -3), slice(3, -3))
    assert (resize(img, scale, kernel=mode)[inside] - theirs[inside]).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("kernel", "filter"), [("bicubic", "BICUBIC"), ("bilinear", "BILINEAR"), ("lanczos3", "LANCZOS")]
)
@pytest.mark.parametrize("size", [(15, 24), (17, 20), (90, 100)])
def test_pillow_agrees_inside(kernel, filter, size):
    img = noise(60, 80).float()
    pillow = Image.fromarray(img[0].numpy()).resize(size[::-1], Image.Resampling[filter])
    ours = resize(img, size=size, kernel=kernel)[0]
    keep = 5 if size[0] > 60 else 4
    difference = (ours - torch.from_numpy(np.array(pillow))).abs()[keep:-keep, keep:-keep]
    assert difference.max() < 2e-6


def test_nearest_against_indexing():
    img = noise(4, 6)
    assert torch.equal(resize(img, 3, kernel="nearest"), img.repeat_interleave(3, 1).repeat_interleave(3, 2))
    assert torch.equal(resize(img, 1 / 2, kernel="nearest"), resize(img, 1 / 2, kernel="nearest", antialias=False))
    assert set(resize(img, 1 / 2, kernel="nearest").flatten().tolist()) <= set(img.flatten().tolist())


@given(SIDES, SIDES, SCALES, NAMES, BORDERS, st.booleans(), st.floats(0, 1))
def test_constants_stay_constant(height, width, scale, kernel, border, antialias, value):
    out = resize(torch.full((1, height, width), value).double(), scale, None, kernel, antialias, border)
    assert (out - torch.tensor(value)).abs().max() < 1e-12


@given(SIDES, SCALES, NAMES, BORDERS, st.booleans())
def test_weights_sum_to_one_and_are_finite(length, scale, kernel, border, antialias):
    new = math.ceil(scale * length - 1e-9)
    index, weight = module._contributions(length, new, float(scale), kernel, antialias, border)
    assert np.abs(weight.sum(0) - 1).max() < 1e-12
    assert 0 <= index.min() <= index.max() < length


@given(SIDES, SIDES, SCALES, NAMES)
def test_the_size_is_the_ceiling(height, width, scale, kernel):
    exact = Fraction(scale).limit_denominator(100)
    out = resize(torch.zeros(2, height, width), scale, kernel=kernel)
    assert out.shape == (2, math.ceil(exact * height), math.ceil(exact * width))


@given(SIDES, SIDES, SCALES, NAMES, BORDERS)
def test_linear(height, width, scale, kernel, border):
    a, b = noise(height, width, 1), noise(height, width, 2)
    both = resize(2 * a - 3 * b, scale, kernel=kernel, border=border)
    parts = 2 * resize(a, scale, kernel=kernel, border=border) - 3 * resize(b, scale, kernel=kernel, border=border)
    assert (both - parts).abs().max() < 1e-12


@given(SIDES, SIDES, st.sampled_from([1 / 4, 1 / 3, 1 / 2, 2, 3, 4]), BORDERS, st.sampled_from([(1,), (2,), (1, 2)]))
def test_flips_commute(height, width, scale, border, axes):
    """Where the grid is symmetric (whole factors that divide the size), so is the result."""
    factor = round(1 / scale) if scale < 1 else 1
    img = noise(height * factor, width * factor)
    flipped = resize(img.flip(axes), scale, border=border).flip(axes)
    assert (resize(img, scale, border=border) - flipped).abs().max() < 1e-12


@given(SIDES, SIDES, SCALES, NAMES)
def test_transposing_commutes(height, width, scale, kernel):
    img = noise(height, width)
    assert (resize(img, scale, kernel=kernel).mT - resize(img.mT, scale, kernel=kernel)).abs().max() < 1e-12


@given(SIDES, SIDES, SCALES, NAMES)
def test_a_batch_is_its_pictures(height, width, scale, kernel):
    batch = torch.rand(3, 2, height, width, generator=torch.Generator().manual_seed(0))
    assert torch.equal(resize(batch, scale, kernel=kernel)[1], resize(batch[1], scale, kernel=kernel))


@given(SIDES, SIDES, NAMES)
def test_scale_one_changes_nothing(height, width, kernel):
    img = noise(height, width)
    assert (resize(img, 1, kernel=kernel) - img).abs().max() < 1e-12


def test_a_cubic_reproduces_quadratics():
    """Keys chose a = -1/2 because only then are parabolas interpolated exactly."""
    t = torch.arange(20, dtype=torch.float64)
    img = (t**2 / 400).expand(1, 4, 20)
    fine = (torch.arange(40, dtype=torch.float64) + 0.5) / 2 - 0.5
    assert (resize(img, 2)[0, 0] - fine**2 / 400)[6:-6].abs().max() < 1e-12
    assert (resize(img, 2, kernel="bilinear")[0, 0] - fine**2 / 400)[6:-6].abs().max() > 1e-5


def test_floating_point_does_not_add_a_pixel():
    """1/3 of 255 is 85, though 1/3 * 255 is a little more in floating point."""
    assert resize(torch.zeros(1, 255, 256), 1 / 3).shape == (1, 85, 86)
    assert resize(torch.zeros(1, 100, 100), 0.29).shape == (1, 29, 29)


def test_antialiasing_removes_what_the_grid_cannot_hold():
    stripes = torch.tensor([0.0, 1.0, 1.0]).repeat(64).expand(1, 8, 192)
    flat = resize(stripes, 1 / 3)[..., 4:-4]
    assert (flat - 2 / 3).abs().max() < 0.02
    assert resize(stripes, 1 / 2, antialias=False)[..., 4:-4].std() > 0.3


@given(SIDES, SCALES)
def test_antialias_never_changes_enlarging(side, scale):
    if scale >= 1:
        img = noise(side, side)
        assert torch.equal(resize(img, scale), resize(img, scale, antialias=False))


def test_size_and_scale_agree_where_they_mean_the_same():
    img = noise(12, 18)
    assert torch.equal(resize(img, 1 / 3), resize(img, size=(4, 6)))
    assert torch.equal(resize(img, 2), resize(img, size=(24, 36)))
    assert resize(img, size=(5, 40)).shape == (1, 5, 40)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_dtype_is_kept(dtype):
    img = noise(9, 9).to(dtype)
    out = resize(img, 2)
    assert out.dtype == dtype
    assert torch.equal(out, resize(img.double(), 2).to(dtype))


def test_gradients_flow():
    img = noise(6, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: resize(x, 1 / 2), img)
    resize(img, 2).sum().backward()
    assert img.grad.sum().item() == pytest.approx(4 * 30)


def test_impulse_shows_the_kernel():
    img = torch.zeros(1, 1, 21, dtype=torch.float64)
    img[..., 10] = 1
    fine = (np.arange(84) + 0.5) / 4 - 0.5
    for name, (kernel, _) in KERNELS.items():
        response = resize(img, size=(1, 84), kernel=name)[0, 0].numpy()
        total = sum(kernel(fine - k) for k in range(-5, 30))  # Lanczos' weights do not sum to 1 by themselves
        assert np.abs(response - kernel(fine - 10) / total).max() < 1e-12


IMG = torch.rand(3, 8, 9)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"img": IMG}, ValueError, r"Give either scale or size, not both or neither \(scale=None, size=None\)"),
        ({"img": IMG, "scale": 2, "size": (4, 4)}, ValueError, r"not both or neither \(scale=2, size=\(4, 4\)\)"),
        ({"img": IMG, "scale": 0}, ValueError, r"scale=0 must be a positive number, such as 2 or 1/3"),
        ({"img": IMG, "scale": -2}, ValueError, r"scale=-2 must be"),
        ({"img": IMG, "scale": math.nan}, ValueError, r"scale=nan must be"),
        ({"img": IMG, "scale": math.inf}, ValueError, r"scale=inf must be"),
        ({"img": IMG, "scale": True}, ValueError, r"scale=True must be"),
        ({"img": IMG, "scale": "2"}, ValueError, r"scale='2' must be"),
        ({"img": IMG, "scale": (2, 2)}, ValueError, r"scale=\(2, 2\) must be"),
        ({"img": IMG, "size": (4,)}, ValueError, r"size=\(4,\) must be \(height, width\), two whole numbers"),
        ({"img": IMG, "size": (0, 4)}, ValueError, r"size=\(0, 4\) must be"),
        ({"img": IMG, "size": (4.0, 4)}, ValueError, r"size=\(4\.0, 4\) must be"),
        ({"img": IMG, "size": 4}, ValueError, r"size=4 must be"),
        ({"img": IMG, "scale": 2, "kernel": "cubic"}, ValueError, r"kernel='cubic' is unknown\. Use one of: nearest,"),
        ({"img": IMG, "scale": 2, "border": "zero"}, ValueError, r"border='zero' is unknown.*symmetric, replicate"),
        ({"img": IMG[0], "scale": 2}, ValueError, r"img has shape \(8, 9\)"),
        ({"img": IMG.numpy(), "scale": 2}, TypeError, r"img is a ndarray"),
        ({"img": IMG.byte(), "scale": 2}, TypeError, r"dtype torch\.uint8"),
        ({"img": IMG * 255, "scale": 2, "uint8_passes": True}, ValueError, r"Divide 8-bit values by 255"),
    ],
)
def test_wrong_arguments(arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        resize(**arguments)


def test_a_picture_never_vanishes():
    assert resize(IMG, 1e-3).shape == (3, 1, 1)
    assert resize(IMG, 1e-3).mean().item() == pytest.approx(IMG.mean().item(), abs=0.02)
    with pytest.raises(ValueError, match=r"scale=1e-12 .*0 pixels"):
        resize(IMG, 1e-12)
