"""Every network: made by name, as large as its paper says, the same pixels as independent code, and able to learn."""

import zlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from srlib import models
from srlib.models.sprint import Sprint
from srlib.models.srcnn import SRCNN

EVERY = [
    (name, scale, variant)
    for name in models.names()
    for scale in models.model_class(name).scales
    for variant in models.variants(name)
]


def given(net, height=9, width=11, batch=2):
    channels = 1 if net.space == "y" else 3
    return torch.rand(batch, channels, height, width, generator=torch.Generator().manual_seed(0))


def shaken(net):
    """The net with other weights than its first: a tail that starts at zero would hide the rest."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in net.parameters():
            p += 0.05 * torch.randn(p.shape, generator=generator)
    return net.eval()


# --- what holds for all


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_output_size_and_the_list_of_outputs(name, scale, variant):
    net = models.create(name, scale, variant).eval()
    assert net.scale == scale
    for height, width in ((1, 1), (5, 8), (13, 7)):
        x = given(net, height, width)
        factor = 1 if net.pre_upsampled else scale
        assert net(x).shape == (2, x.shape[1], factor * height, factor * width)
        assert torch.equal(net.outputs(x)[-1], net(x))


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_a_batch_is_its_pictures(name, scale, variant):
    net = shaken(models.create(name, scale, variant))
    x = given(net)
    assert (net(x)[1] - net(x[1:])[0]).abs().max() < 1e-5


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_every_parameter_gets_a_gradient(name, scale, variant):
    net = shaken(models.create(name, scale, variant))
    net(given(net)).square().sum().backward()
    for key, p in net.named_parameters():
        assert p.grad is not None, key
        assert p.grad.abs().max() > 0, key


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_a_few_steps_learn_one_picture(name, scale, variant):
    torch.manual_seed(0)
    net = models.create(name, scale, variant)
    x = given(net, 12, 12, batch=1)
    y = net(x).detach().clamp(0, 1).flip(-1)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    found = []
    for _ in range(15):
        loss = F.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert found[-1] < 0.95 * found[0]


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_weights_survive_a_file(name, scale, variant, tmp_path):
    net = shaken(models.create(name, scale, variant))
    torch.save(net.state_dict(), tmp_path / "net.pt")
    copy = models.create(name, scale, variant).eval()
    copy.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True), strict=True)
    assert torch.equal(copy(given(net)), net(given(net)))


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_the_receptive_field_is_what_the_gradient_sees(name, scale, variant):
    """The output pixels of one input position: no input outside the stated square may move them."""
    net = shaken(models.create(name, scale, variant)).double()
    side = 2 * net.receptive_field + 5
    x = given(net, side, side, batch=1).double().requires_grad_()
    factor = 1 if net.pre_upsampled else scale
    middle = side // 2 * factor
    net(x)[..., middle : middle + factor, middle : middle + factor].sum().backward()
    rows = x.grad[0].abs().sum((0, 2)).nonzero().flatten()
    reach = int((rows - side // 2).abs().max())
    assert 2 * reach + 1 <= net.receptive_field + (net.receptive_field + 1) % 2


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_wrong_pictures(name, scale, variant):
    net = models.create(name, scale, variant)
    wrong = 3 if net.space == "y" else 1
    with pytest.raises(ValueError, match=rf"x has {wrong} channels"):
        net(torch.rand(1, wrong, 8, 8))
    with pytest.raises(TypeError, match=r"x has dtype torch\.uint8"):
        net(torch.zeros(1, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"x is a ndarray"):
        net(np.zeros((1, 1, 8, 8)))


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_one_picture_without_a_batch(name, scale, variant):
    net = shaken(models.create(name, scale, variant))
    x = given(net)
    assert torch.allclose(net(x[0]), net(x)[0], atol=1e-5)


def test_the_description_agrees_with_the_network():
    for name, scale, variant in EVERY:
        net = models.create(name, scale, variant)
        found = models.describe(name, scale, variant)
        assert found.parameters == sum(p.numel() for p in net.parameters())
        assert (found.space, found.pre_upsampled) == (net.space, net.pre_upsampled)
        assert found.receptive_field == net.receptive_field
        assert net.title in found.title
        assert name in str(found)
        assert f"{found.parameters:,}" in str(found)
    assert len(models.table()) == len(EVERY)


# --- the registry


@pytest.mark.parametrize(
    ("arguments", "changes", "sentence"),
    [
        (("srcn",), {}, r"model='srcn' is unknown\. Use one of: srcnn"),
        (("srcnn", 5), {}, r"scale=5 is not offered here\. Use one of 2, 3, 4"),
        (("srcnn", 2.0), {}, r"scale=2\.0 is not a whole number"),
        (("srcnn", 2, "999"), {}, r"variant of srcnn='999' is unknown\. Use one of: 955, 915, 935"),
        (("srcnn", 2, None, "huge"), {}, r"size='huge' is unknown\. Use one of: paper, course"),
        (("srcnn",), {"width": 9}, r"argument of srcnn='width' is unknown\. Use one of: f1, f2, f3, n1, n2"),
        (("sprint",), {"layers": 1}, r"layers=1 is too few"),
    ],
)
@pytest.mark.parametrize("function", [models.create, models.describe])
def test_networks_that_do_not_exist(function, arguments, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        function(*arguments, **changes)


def test_overrides_reach_the_network():
    assert models.create("srcnn", n1=8, n2=4).extract.out_channels == 8
    assert models.create("sprint", features=5, layers=3).tail.in_channels == 5


def test_describing_costs_no_memory():
    found = models.describe("srcnn", n1=100_000, n2=1000)
    assert found.parameters > 10**9


# --- SRCNN


@pytest.mark.parametrize(
    ("variant", "parameters"),
    [("915", 8_129), ("935", 24_513), ("955", 57_281)],  # the paper's 8,032, 24,416 and 57,184 count no biases
)
def test_srcnn_is_as_large_as_its_paper_says(variant, parameters):
    assert models.describe("srcnn", 2, variant).parameters == parameters
    assert models.describe("srcnn", 2, variant).multiply_adds == (parameters - 97) * 1280 * 720


def test_srcnn_against_an_independent_one():
    """Pixels of another implementation under a stated fill of the weights (each tensor from its shape's checksum)."""
    torch.set_default_dtype(torch.float64)
    try:
        net = SRCNN().eval()
        with torch.no_grad():
            for p in net.parameters():
                key = "x".join(map(str, p.shape))
                fill = np.random.RandomState(zlib.crc32(key.encode())).uniform(-1, 1, size=tuple(p.shape))
                fill *= np.sqrt(3 / np.prod(p.shape[1:])) * 1.4 if p.ndim > 1 else 0.05
                p.copy_(torch.from_numpy(fill))
        i, j = torch.meshgrid(torch.arange(24.0), torch.arange(32.0), indexing="ij")
        out = net((0.5 + 0.5 * torch.sin(0.7 * i + 1.3 * j))[None, None]).flatten()
    finally:
        torch.set_default_dtype(torch.float32)
    pixels = [out[k * (len(out) - 1) // 7].item() for k in range(8)]
    theirs = [0.498199813, 0.591048007, 0.543998265, 0.348894053, 0.964977333, -0.414510034, 0.13744231, 0.187775504]
    assert pixels == pytest.approx(theirs, abs=1e-8)
    assert out.std(correction=0).item() == pytest.approx(0.443838889, abs=1e-8)


def test_srcnn_keeps_flat_pictures_flat_up_to_the_edge():
    """Zero padding would draw a frame."""
    out = shaken(SRCNN())(torch.full((1, 1, 24, 24), 0.6))
    assert (out - out[..., 12, 12]).abs().max() < 1e-5


# --- Sprint


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_sprint_starts_as_bicubic(scale):
    from srlib.resize import resize

    x = given(Sprint(scale), 20, 20)
    inside = (..., slice(4 * scale, -4 * scale), slice(4 * scale, -4 * scale))
    assert (Sprint(scale)(x)[inside] - resize(x, scale)[inside]).abs().max() < 1e-5


def test_sprint_shuffles_its_channels_into_place():
    net = Sprint(2, features=4, layers=2)
    with torch.no_grad():
        net.tail.bias.copy_(torch.tensor([0.0, 0.1, 0.2, 0.3]))
    out = net(torch.full((1, 1, 6, 6), 0.5))[0, 0] - 0.5
    assert torch.allclose(out[:2, :2], torch.tensor([[0.0, 0.1], [0.2, 0.3]]), atol=1e-5)
