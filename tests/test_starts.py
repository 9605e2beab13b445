"""First weights: networks that begin as interpolation, and may still learn with all they have."""

import re
from functools import lru_cache

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from srlib import metrics, models, recipes, resize, starts, synthetic, weights

CARRIED = [
    (name, scale, variant)
    for name in models.names()
    if getattr(models.model_class(name), "trunk", ())
    for scale in models.model_class(name).scales
    for variant in models.variants(name)
    if (name, scale) != ("esrgan", 2)  # see there
]


@lru_cache
def photo():
    return synthetic.picture(3, side=96)


def made(name, scale, variant):
    torch.manual_seed(0)
    return starts.begin_as_interpolation(models.create(name, scale, variant, "course"))


@pytest.mark.parametrize(("name", "scale", "variant"), CARRIED)
def test_the_first_answer_is_an_enlargement(name, scale, variant):
    """Between bilinear and a dB above bicubic, in truth about the latter; without the start it is noise."""
    hr = photo() if models.model_class(name).space == "rgb" else photo()[:1]
    lr = resize.resize(hr, 1 / scale)
    net = made(name, scale, variant).eval()
    with torch.no_grad():
        first = net(lr[None])[0].clamp(0, 1)
        drawn = models.create(name, scale, variant, "course").eval()(lr[None])[0].clamp(0, 1)
    score = {k: metrics.psnr(v, hr, crop=8) for k, v in {"first": first, "drawn": drawn}.items()}
    for kernel in ("nearest", "bicubic"):
        score[kernel] = metrics.psnr(resize.resize(lr, scale, kernel=kernel).clamp(0, 1), hr, crop=8)
    assert score["first"] > score["nearest"]
    assert score["first"] > score["bicubic"] - 1.5
    assert score["drawn"] < score["first"] - 3


def asleep(name, scale, variant, x):
    """What gets no gradient at first in the network as its authors draw it: SAN's non-local module starts silent."""
    torch.manual_seed(0)
    net = models.create(name, scale, variant, "course").train()
    net(x).square().mean().backward()
    return idle(net)


def idle(net):
    """Parameters without a gradient. A bias before a softmax (IGNN) changes no weight: it has one by rounding alone."""
    known = [(k, p.grad) for k, p in net.named_parameters() if p.grad is not None]
    return {k for k, grad in known if not grad.any() and not re.fullmatch(r"aggregate\.weigh_\w+\.2\.bias", k)}


@pytest.mark.parametrize(("name", "scale", "variant"), CARRIED)
def test_nothing_is_dead(name, scale, variant):
    net = made(name, scale, variant).train()
    x = torch.rand(2, 1 if net.space == "y" else 3, 10, 10)
    F.mse_loss(net(x), torch.rand_like(net(x))).backward()
    assert idle(net) == asleep(name, scale, variant, x)


@pytest.mark.parametrize("step", [2, 3, 4])
@pytest.mark.parametrize("count", [3, 5])
def test_taps_are_the_cubic(step, count):
    for pixel in range(step):
        weights = starts.taps(pixel, step, count)
        assert weights.sum().item() == pytest.approx(1, abs=1e-6)
        assert torch.allclose(weights, starts.taps(step - 1 - pixel, step, count).flip(0), atol=1e-6)
    if count == 5:  # room for all four: exactly the resizing of this library
        impulse = torch.zeros(1, 1, 11)
        impulse[..., 5] = 1
        large = resize.resize(impulse, size=(1, 11 * step))[0, 0]
        for pixel in range(step):
            theirs = torch.stack([large[(5 - k) * step + pixel] for k in range(-2, 3)])
            assert torch.allclose(starts.taps(pixel, step, 5), theirs, atol=1e-6)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_a_deconvolution_that_interpolates(stride):
    """It keeps a flat picture flat and a ramp straight, pixel centres on pixel centres."""
    layer = nn.ConvTranspose2d(1, 1, 9, stride=stride, padding=4, output_padding=stride - 1, bias=False)
    with torch.no_grad():
        layer.weight[0, 0] = starts.spread(stride, 9, 4)
        flat = layer(torch.ones(1, 1, 9, 9))[0, 0]
        ramp = layer(torch.arange(9.0).expand(1, 1, 9, 9))[0, 0]
    inner = slice(3 * stride, 6 * stride)
    assert torch.allclose(flat[inner, inner], torch.ones(3 * stride, 3 * stride), atol=1e-5)
    middle = (torch.arange(9.0 * stride) + 0.5) / stride - 0.5
    assert (ramp[4 * stride, inner] - middle[inner]).abs().max() < 0.12  # truncated: not quite straight


def test_a_network_without_a_trunk():
    with pytest.raises(ValueError, match=r"VDSR has no trunk to carry the picture\. Use init='network'\."):
        starts.begin_as_interpolation(models.create("vdsr", size="course"))
    with pytest.raises(ValueError, match=r"RRDBNet has no trunk"):
        starts.begin_as_interpolation(models.create("esrgan", 2, size="course"))


def test_trained_weights_to_go_on_from(monkeypatch, tmp_path):
    recipe = recipes.Recipe("sprint", arguments={"features": 6, "layers": 2}, variant="32x4")
    trained = models.create("sprint", 2, features=6, layers=2)
    weights.save(trained, recipe.to_dict(), tmp_path / "weights")
    monkeypatch.setattr(weights.paths, "data", lambda: tmp_path)
    net = starts.start(recipes.with_changes(recipe, init="trained"))
    assert all(map(torch.equal, net.parameters(), trained.parameters()))
    with pytest.raises(
        weights.WeightsError, match=r"have arguments={'features': 6, 'layers': 2}, but this recipe has {}"
    ):
        starts.start(recipes.with_changes(recipe, init="trained", arguments={}))
    with pytest.raises(weights.WeightsError, match="There are no weights for sprint x3"):
        starts.start(recipes.with_changes(recipe, init="trained", scale=3))


def test_edges_are_seen_whatever_the_brightness():
    net = starts.start(recipes.with_changes(recipes.get("espcn", 3), init="edges"))
    gray = [net.extract(torch.full((1, 1, 9, 9), level))[0, :, 4, 4] for level in (0.2, 0.9)]
    steady = [torch.allclose(a, b, atol=1e-5) for a, b in zip(*gray, strict=True)]
    assert steady == [True] * 56 + [False] * 8
    assert net.extract.weight[:56].std().item() == pytest.approx(0.6, rel=0.1)
    assert net.extract.weight[56:].std().item() == pytest.approx(0.1, rel=0.3)


@pytest.mark.parametrize(
    ("name", "scale", "variant"), [("mprnet", 1, "denoise"), ("vdsr", 3, None), ("sprint", 2, None)]
)
def test_trained_weights_are_found_by_their_own_name(name, scale, variant):
    recipe = recipes.get(name, scale, variant)
    called = weights.name_of(recipe.to_dict())
    theirs = weights.card(called, scale)["recipe"]
    changes = {"init": "trained", "size": theirs["size"], "arguments": theirs["arguments"]}
    net = starts.start(recipes.with_changes(recipe, **changes))
    for a, b in zip(net.parameters(), weights.load(called, scale).parameters(), strict=True):
        assert torch.equal(a, b)
