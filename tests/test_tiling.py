"""Tiles against the whole picture: the same with the right halo, and not with one pixel less."""

from functools import lru_cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from srlib import models, tiling, weights
from srlib.models.wdsr import without_weight_norm
from srlib.tiling import enlarge, needed_halo, upscale

EXACT = [
    (name, scale)
    for name in models.names()
    for scale in models.model_class(name).scales
    if models.create(name, scale, size="course").receptive_field
]
GLOBAL = ["rcan", "san", "ignn", "mprnet"]


def picture(height=70, width=61, channels=3, seed=0):
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(seed))


@lru_cache
def awake(name, scale, **changes):
    """A network in which every weight matters, made so that its answers span about 1."""
    torch.manual_seed(0)
    net = models.create(name, scale, size="course", **changes).eval()
    with torch.no_grad():
        for p in net.parameters():
            p += 0.05 * torch.randn(p.shape)
    return net


class Spanned(nn.Module):
    """A network's pictures stretched to a span of about 1, whatever its weights do."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        for name in ("scale", "space", "pre_upsampled", "receptive_field"):
            setattr(self, name, getattr(net, name))
        self.grid = getattr(net, "grid", 1)
        with torch.no_grad():
            y = net(torch.rand(1, 1 if net.space == "y" else 3, 24, 24))
        self.low, self.span = float(y.min()), float(y.max() - y.min())

    def forward(self, x):
        return (self.net(x) - self.low) / self.span


def linear_view(net):
    """Positive weights everywhere: every input pixel within reach shows in the output."""
    with torch.no_grad():
        for m in net.modules():
            for p in m.parameters(recurse=False):
                p.fill_(1 / p[0].numel() if p.ndim > 1 else 0.25 if isinstance(m, nn.PReLU) else 1e-3)
    return net


@pytest.mark.parametrize(("name", "scale"), EXACT)
def test_tiles_are_the_whole_picture(name, scale):
    net = Spanned(awake(name, scale))
    img = picture()
    whole = enlarge(net, img)
    assert whole.shape == (3, 70 * scale, 61 * scale)
    assert (upscale(net, img, tile=24) - whole).abs().max() <= 2e-6
    assert torch.equal(upscale(net, img, tile=None), whole)


# not those on a grid, whose halo is rounded up, nor the deepest: what lies at their rim counts for less than 1e-12
@pytest.mark.parametrize(
    ("name", "scale"),
    [w for w in EXACT if w[0] not in ("swinir", "mobilesr", "esrgan", "drrn", "srresnet", "rdn")],
)
def test_one_pixel_less_of_halo_is_not_enough(name, scale):
    """In double precision, where equal is equal to 1e-12: the halo is as small as it may be."""
    net = models.create(name, scale, size="course").eval()
    if name == "wdsr":
        without_weight_norm(net)
    halo = needed_halo(net, colour=False)
    net, img = linear_view(net).double(), picture(4, 2 * halo + 50, 1 if net.space == "y" else 3).double()
    whole = enlarge(net, img)
    error = [(upscale(net, img, tile=20, halo=h) - whole).abs().max() for h in (halo, halo - 1)]
    assert error[0] < 1e-12 * whole.abs().max() < error[1]


def test_trained_weights_in_tiles():
    net, img = weights.load("srcnn", 2), picture(80, 90)
    whole = enlarge(net, img)
    tiled = upscale(net, img, tile=32)
    assert (tiled - whole).abs().max() <= 2e-6
    assert (upscale(net, img, tile=32, halo=needed_halo(net) - 1) - whole).abs().max() > 2e-6
    eight_bits = [(x.clamp(0, 1) * 255).round() for x in (tiled, whole)]
    assert (eight_bits[0] - eight_bits[1]).abs().max() <= 1
    assert (eight_bits[0] != eight_bits[1]).float().mean() <= 1e-5


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 50), width=st.integers(1, 50), tile=st.integers(8, 50), which=st.sampled_from(["y", "grid"])
)
def test_any_size_and_any_tile(height, width, tile, which):
    net = awake("espcn", 3) if which == "y" else awake("mobilesr", 2, ratios=(2,))
    img = picture(height, width)
    whole = enlarge(net, img)
    found = upscale(net, img, tile=tile)
    assert found.shape == whole.shape
    assert (found - whole).abs().max() < 1e-5 * max(1, whole.abs().max())


@pytest.mark.parametrize("name", GLOBAL)
def test_networks_that_see_everything(name):
    """No halo makes their tiles exact; they come out near, and whole where one tile is enough."""
    scale = models.model_class(name).scales[0]
    net, img = awake(name, scale), picture(40, 36)
    assert needed_halo(net) is None
    whole = enlarge(net, img)
    assert torch.equal(upscale(net, img, tile=64), whole)
    tiled = upscale(net, img, tile=16, halo=4)
    assert tiled.shape == whole.shape
    assert not torch.allclose(tiled, whole, atol=1e-5)


def test_tiles_are_drawn_once_and_in_order():
    seen = []

    def watch(corners):
        seen.extend(corners)
        return iter(corners)

    upscale(awake("espcn", 2), picture(20, 30, 1), tile=16, watch=watch)
    assert seen == [(0, 0), (0, 16), (16, 0), (16, 16)]


def test_gray_and_colour():
    for name, channels in (("espcn", 3), ("espcn", 1), ("edsr", 1), ("edsr", 3)):
        assert upscale(awake(name, 2), picture(9, 11, channels)).shape == (channels, 18, 22)


def test_the_ensemble_does_not_care_how_the_picture_lies():
    net = tiling.Ensemble(awake("espcn", 2))
    img = picture(14, 11, 1)
    up = enlarge(net, img)
    for turned in (lambda x: x.flip(-1), lambda x: x.rot90(1, (-2, -1)), lambda x: x.flip(-2).rot90(1, (-2, -1))):
        assert torch.allclose(enlarge(net, turned(img)), turned(up), atol=1e-5)
        assert not torch.allclose(enlarge(net.model, turned(img)), turned(enlarge(net.model, img)), atol=1e-3)
    assert torch.allclose(upscale(net, picture(40, 40, 1), tile=16), enlarge(net, picture(40, 40, 1)), atol=1e-5)
    assert tiling.Ensemble(awake("mobilesr", 2)).receptive_field is None


@pytest.mark.parametrize(
    ("img", "options", "sentence"),
    [
        (picture(), {"tile": 0}, r"tile=0 must be a whole number of at least 1"),
        (picture(), {"tile": 2.5}, r"tile=2\.5 must be a whole number"),
        (picture(), {"halo": -1}, r"halo=-1 must be a whole number of at least 0"),
        (picture()[None], {}, r"img is a batch of shape \(1, 3, 70, 61\)\. Enlarge one picture"),
        (picture() * 255, {}, r"Divide 8-bit values by 255"),
        (picture(channels=2), {}, r"2 channels"),
    ],
)
def test_wrong_pictures_and_sizes(img, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        upscale(awake("espcn", 2), img, **options)
