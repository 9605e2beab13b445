"""Resizing against MATLAB's recipe written out slowly, against torch and Pillow, and against what must be true."""

import math
from fractions import Fraction

import fake_gpu
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from srlib import resize as module
from srlib.images import round_to_uint8
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


def matlab(rows, scale, antialias=True, border="symmetric"):
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
            result.append(total)
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


def exact_keys(x):
    """Keys' cubic of a fraction, in lowest terms."""
    x = abs(x)
    if x < 1:
        return Fraction(3, 2) * x**3 - Fraction(5, 2) * x**2 + 1
    return -(x**3) / 2 + Fraction(5, 2) * x**2 - 4 * x + 2 if x < 2 else Fraction(0)


def exact_line(levels, factor, border):
    """One row or column of whole levels, resized by a fraction: the sums before they are rounded, as fractions."""
    n, stretch, sums = len(levels), min(factor, 1), []
    for i in range(math.ceil(factor * n)):
        centre = (i + Fraction(1, 2)) / factor - Fraction(1, 2)
        taps = range(math.ceil(centre - 2 / stretch), math.floor(centre + 2 / stretch) + 1)
        weights = [exact_keys(stretch * (centre - j)) for j in taps]
        mirrored = [min(j % (2 * n), 2 * n - 1 - j % (2 * n)) for j in taps]
        at = [min(max(j, 0), n - 1) for j in taps] if border == "replicate" else mirrored
        sums.append(sum(w * levels[j] for w, j in zip(weights, at, strict=True)) / sum(weights))
    return sums


def exact(levels, factors, border):
    """The 8-bit recipe without any rounding error, and how many sums lay on a half.

    Bicubic, antialiased; the axis with the smaller factor first, else the height; rounded after each pass, halves up.
    """
    halves = 0
    for axis in sorted((0, 1), key=lambda axis: factors[axis]):
        rows = levels if axis else list(zip(*levels, strict=True))
        sums = [exact_line(row, factors[axis], border) for row in rows]
        halves += sum(2 * value % 2 == 1 for row in sums for value in row)
        rows = [[min(max(math.floor(value + Fraction(1, 2)), 0), 255) for value in row] for row in sums]
        levels = rows if axis else list(zip(*rows, strict=True))
    return np.array(levels), halves


def small(levels, border, dtype=torch.float32, **how):
    """What ``resize`` makes of whole levels, as whole levels."""
    out = resize(torch.tensor(levels).to(dtype)[None] / 255, border=border, uint8_passes=True, **how)
    assert out.dtype == dtype
    levels = out[0].double() * 255
    assert (levels - levels.round()).abs().max() < (0.1 if dtype == torch.float16 else 1e-4)
    return levels.round().numpy()


FRACTIONS = st.sampled_from([Fraction(*f) for f in ((1, 2), (1, 3), (1, 4), (2, 3), (3, 2), (2, 1), (3, 1), (4, 1))])
DTYPES = st.sampled_from([torch.float16, torch.float32, torch.float64])


@st.composite
def eight_bits(draw):
    """A small picture of whole levels."""
    height, width, seed = draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(st.integers(0, 2**16))
    return np.random.default_rng(seed).integers(0, 256, (height, width)).tolist()


@given(eight_bits(), FRACTIONS, BORDERS, DTYPES)
def test_eight_bit_passes_are_exact(levels, scale, border, dtype):
    """Not one level may differ from what fractions say, on halves neither."""
    expected, _ = exact(levels, (scale, scale), border)
    assert np.array_equal(small(levels, border, dtype, scale=float(scale)), expected)


@given(eight_bits(), st.integers(1, 12), st.integers(1, 12), BORDERS)
def test_eight_bit_passes_take_the_smaller_factor_first(levels, height, width, border):
    factors = (Fraction(height, len(levels)), Fraction(width, len(levels[0])))
    expected, _ = exact(levels, factors, border)
    assert np.array_equal(small(levels, border, size=(height, width)), expected)


@pytest.mark.parametrize("border", ["symmetric", "replicate"])
@pytest.mark.parametrize(("scale", "light", "least"), [(2, 128, 100), (3, 128, 0), (4, 128, 5)])
def test_the_stored_lr_files_recipe_is_exact(scale, light, least, border):
    """Not one level may differ. A picture of two levels meets many halves; without any, this would prove little.
    (At a third there are none: the weights are whole numbers over 81.)
    """
    levels = (np.random.default_rng(0).integers(0, 2, (24, 36)) * light).tolist()
    expected, halves = exact(levels, (Fraction(1, scale),) * 2, border)
    assert halves >= least
    assert np.array_equal(small(levels, border, scale=1 / scale), expected)


def test_the_order_of_the_passes_shows():
    """Otherwise the tests above would not tell one order from the other; of equal factors the height comes first."""
    levels = np.random.default_rng(1).integers(0, 256, (8, 8)).tolist()
    for size in ((4, 5), (5, 4), (4, 4)):
        factors = (Fraction(size[0], 8), Fraction(size[1], 8))
        wrong, _ = exact(list(zip(*levels, strict=True)), factors[::-1], "replicate")
        found = small(levels, "replicate", size=size)
        assert np.array_equal(found, exact(levels, factors, "replicate")[0])
        assert size != (4, 4) or not np.array_equal(found, wrong.T), "width first would give other levels"


def test_eight_bit_passes_round_what_they_are_given():
    """A picture between two levels is first the 8-bit file that it would be."""
    img = noise(12, 9).float()
    how = {"scale": 1 / 2, "border": "replicate", "uint8_passes": True}
    assert torch.equal(resize(img, **how), resize(round_to_uint8(img), **how))
    assert torch.equal(resize(img.double(), **how).float(), resize(img, **how))


class Doubles(TorchDispatchMode):
    """Refuses 64-bit floats on any device but the processor: Apple's GPUs have none."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for t in tree_flatten([args, kwargs, result])[0]:
            if isinstance(t, torch.Tensor) and t.device.type != "cpu":
                assert t.dtype != torch.float64, f"{func}: 64-bit floats on {t.device}"
        return result


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("kernel", list(KERNELS))
def test_no_doubles_on_another_device(kernel, dtype):
    with Doubles():
        out = resize(torch.empty(2, 3, 9, 12, device="meta", dtype=dtype), 1 / 3, kernel=kernel)
    assert (out.device.type, out.dtype, out.shape) == ("meta", dtype, (2, 3, 3, 4))


@pytest.mark.parametrize("kind", fake_gpu.KINDS)
def test_another_device_gives_the_same_values(kind):
    img = noise(9, 12).float()
    ways = [{"scale": 1 / 2}, {"scale": 3}, {"scale": 1 / 2, "uint8_passes": True}, {"size": (20, 4)}]
    expected = [resize(img, **how) for how in ways]
    with fake_gpu.present(kind):
        for how, here in zip(ways, expected, strict=True):
            there = resize(img.to(kind), **how)
            assert there.device.type == kind
            assert (there.cpu() - here).abs().max() < (1e-12 if "uint8_passes" in how else 1e-6)


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
