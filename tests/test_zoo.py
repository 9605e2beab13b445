"""What is particular to one network."""

import copy

import peers
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from srlib import models
from srlib.models import blocks
from srlib.models.sprint import Sprint
from srlib.models.srcnn import SRCNN
from srlib.models.wdsr import without_weight_norm


def make(name, *args, **kwargs):
    torch.manual_seed(0)
    return models.create(name, *args, size="course", **kwargs)


def random_picture(channels=1, height=12, width=14, seed=0):
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


# --- SRCNN and Sprint


def test_srcnn_keeps_flat_pictures_flat_up_to_the_edge():
    """Zero padding would draw a frame."""
    torch.manual_seed(0)
    out = SRCNN().eval()(torch.full((1, 1, 24, 24), 0.6))
    assert (out - out[..., 12, 12]).abs().max() < 1e-5


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_sprint_starts_as_bicubic(scale):
    from srlib.resize import resize

    x = random_picture(1, 20, 20)
    inside = (..., slice(4 * scale, -4 * scale), slice(4 * scale, -4 * scale))
    assert (Sprint(scale)(x)[inside] - resize(x, scale)[inside]).abs().max() < 1e-5


def test_sprint_shuffles_its_channels_into_place():
    net = Sprint(2, features=4, layers=2)
    with torch.no_grad():
        net.tail.bias.copy_(torch.tensor([0.0, 0.1, 0.2, 0.3]))
    out = net(torch.full((1, 1, 6, 6), 0.5))[0, 0] - 0.5
    assert torch.allclose(out[:2, :2], torch.tensor([[0.0, 0.1], [0.2, 0.3]]), atol=1e-5)


# --- FSRCNN and ESPCN


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_fsrcnn_puts_pixels_where_they_belong(scale):
    """A deconvolution that spreads one LR pixel must be centred on that pixel's own output square."""
    net = models.create("fsrcnn", scale)
    k = torch.arange(9.0)
    tent = (1 - (k - 4).abs() / scale).clamp(min=0)
    with torch.no_grad():
        net.enlarge.weight.zero_()[0, 0] = torch.outer(tent, tent)
        out = net.enlarge(F.pad(torch.ones(1, 1, 1, 1), (3, 3, 3, 3)).repeat(1, 56, 1, 1))[0, 0]
    rows = torch.arange(float(len(out)))
    middle = (out.sum(1) * rows).sum() / out.sum()
    assert middle == pytest.approx(3 * scale, abs=1e-4)
    assert out.shape == (7 * scale, 7 * scale)


def test_espcn_leaves_its_output_alone():
    """A tanh or a sigmoid at the end could not reach 2."""
    net = models.create("espcn")
    with torch.no_grad():
        net.place.bias.fill_(2.0)
    assert net(random_picture()).mean() > 1.9


# --- VDSR, DRCN, DRRN, RED: the residual and the recursion


@pytest.mark.parametrize(
    ("name", "last"), [("vdsr", "last"), ("drcn", "reconstruct2"), ("drrn", "tail.1"), ("red", "decode.2")]
)
def test_a_silent_last_layer_leaves_the_input(name, last):
    net = make(name).eval()
    layer = net.get_submodule(last)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    x = random_picture()
    assert torch.allclose(net(x), x, atol=1e-6)


def test_vdsr_is_one_network_for_all_scales():
    two, four = models.create("vdsr", 2), models.create("vdsr", 4)
    four.load_state_dict(two.state_dict())
    x = random_picture()
    assert torch.equal(two(x), four(x))


def test_drcn_recursions_share_one_layer_and_are_all_supervised():
    net, calls = make("drcn", recursions=5), []
    net.recur.register_forward_hook(lambda *_: calls.append(1))
    out = net.outputs(random_picture())
    assert (len(calls), len(out)) == (5, 6)
    mean = sum(out[:-1]) / 5  # the weights start equal
    assert torch.allclose(out[-1], mean, atol=1e-5)
    with torch.no_grad():
        net.weights.copy_(torch.tensor([0.0, 0.0, 2.0, 0.0, 0.0]))
    out = net.outputs(random_picture())
    assert torch.allclose(out[-1], 2 * out[2], atol=1e-5)  # not divided by the sum of the weights


def test_drcn_recursion_starts_as_the_identity():
    net = make("drcn")
    h = torch.rand(1, 24, 6, 6)
    assert torch.allclose(net.recur(h), h, atol=1e-6)


def test_drrn_shares_convolutions_but_not_batch_norms():
    net = make("drrn", 2, "official", units=4)
    convolutions = [m for m in net.body.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert (len(convolutions), len(norms)) == (2, 2 * 4 + 2)
    assert net.body[2](torch.rand(1, 24, 4, 4), torch.rand(1, 24, 4, 4), net.body[0]).shape == (1, 24, 4, 4)
    assert not [m for m in make("drrn", 2, "plain").modules() if isinstance(m, nn.BatchNorm2d)]


def test_drrn_returns_to_the_first_features():
    """With silent units every unit's output is the block's first features, however many units there are."""
    one, many = make("drrn", 2, "plain", units=1).eval(), make("drrn", 2, "plain", units=7).eval()
    many.load_state_dict(one.state_dict(), strict=True)
    for net in (one, many):
        nn.init.zeros_(net.body[0].conv_b.weight)
    x = random_picture()
    assert torch.equal(one(x), many(x))


# --- LapSRN


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_lapsrn_starts_as_bilinear_and_doubles_step_by_step(scale):
    net = make("lapsrn", scale)
    for level in net.levels:
        nn.init.zeros_(level.residual.weight)
        nn.init.zeros_(level.residual.bias)
    x = random_picture(1, 16, 16)
    out = net.outputs(x)
    assert [y.shape[-1] for y in out] == [16 * 2**n for n in range(1, scale.bit_length())]
    theirs = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(out[0][..., 2:-2, 2:-2], theirs[..., 2:-2, 2:-2], atol=1e-6)


def test_lapsrn_crops_the_last_row_and_column():
    """Features spread by a 3 x 3 deconvolution of stride 2: LR pixel i lands on 2i, 2i + 1, 2i + 2."""
    net = make("lapsrn", 2, features=1, depth=0)
    with torch.no_grad():
        net.levels[0].enlarge.weight.fill_(1.0)
        net.levels[0].enlarge.bias.zero_()
        h, _ = net.levels[0](F.pad(torch.ones(1, 1, 1, 1), (2, 2, 2, 2)))
    assert h[0, 0].nonzero().tolist() == [[r, c] for r in (4, 5, 6) for c in (4, 5, 6)]
    assert h.shape[-2:] == (10, 10)


# --- the EDSR family


def test_colour_is_shifted_and_brought_back():
    colour = blocks.MeanColour()
    x = random_picture(3)
    assert torch.allclose(colour.restore(colour.remove(x)), x, atol=1e-6)
    mean = torch.tensor(blocks.DIV2K_MEAN).view(1, 3, 1, 1)
    assert colour.remove(mean).abs().max() < 1e-4
    assert (colour.remove(mean + 1 / 255) - 1).abs().max() < 1e-3
    assert not list(colour.parameters())


@pytest.mark.parametrize("name", ["edsr", "mdsr", "rcan", "wdsr"])
def test_a_silent_network_paints_the_mean_colour(name):
    net = make(name)
    for layer in [net.tail] + ([net.skip] if name == "wdsr" else []):
        if name == "wdsr":
            layer.parametrizations.weight.original0.data.zero_()
        else:
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    out = net(random_picture(3))
    assert torch.allclose(out, torch.tensor(blocks.DIV2K_MEAN).view(1, 3, 1, 1).expand_as(out), atol=1e-6)


def test_residuals_are_scaled_in_the_wide_network_only():
    assert {b.res_scale for b in make("edsr", 2, "full").body} == {0.1}
    assert {b.res_scale for b in make("edsr", 2, "baseline").body} == {1.0}


def test_mdsr_serves_three_scales_with_one_trunk():
    net = make("mdsr", 3).eval()
    x = random_picture(3, 6, 7)
    assert [tuple(net(x, scale=s).shape[-2:]) for s in (2, 3, 4)] == [(12, 14), (18, 21), (24, 28)]
    assert torch.equal(net(x), net(x, scale=3))
    with pytest.raises(ValueError, match=r"scale=5 is not offered here"):
        net(x, scale=5)


def test_wdsr_without_weight_norm_draws_the_same():
    for variant in ("a", "b"):
        net = make("wdsr", 3, variant).eval()
        x = random_picture(3)
        before, count = net(x), sum(p.numel() for p in net.parameters())
        without_weight_norm(net)
        assert torch.allclose(net(x), before, atol=1e-5)
        assert sum(p.numel() for p in net.parameters()) < count


def test_wdsr_without_weight_norm_leaves_the_original_of_a_copy_alone():
    net, x = make("wdsr", 3, "a").eval(), random_picture(3)
    before = net(x)
    slim = without_weight_norm(copy.deepcopy(net))
    assert torch.equal(net(x), before)
    assert torch.allclose(slim(x), before, atol=1e-5)
    assert torch.allclose(without_weight_norm(copy.deepcopy(net))(x), before, atol=1e-5)


def test_wdsr_widens_before_the_activation():
    first, _, last = make("wdsr", 2, "a").body[0].layers
    assert (first.in_channels, first.out_channels, last.out_channels) == (16, 64, 16)
    widen, _, narrow, place = make("wdsr", 2, "b", features=64).body[0].layers
    assert (widen.out_channels, narrow.out_channels, place.out_channels) == (384, 51, 64)
    assert (widen.kernel_size, place.kernel_size) == ((1, 1), (3, 3))


def test_rdn_layers_read_everything_before_them():
    block = make("rdn").blocks[0]
    assert [layer.in_channels for layer in block.layers] == [16, 28, 40]
    assert block.fuse.in_channels == 16 + 3 * 12


def test_rcan_attention_weighs_channels_by_their_means():
    attention = make("rcan").groups[0].blocks[0].attention
    x = torch.rand(2, 16, 5, 6)
    w = attention.weights(x)
    assert w.shape == (2, 16, 1, 1)
    assert ((w > 0) & (w < 1)).all()
    shuffled = x.flatten(2)[..., torch.randperm(30)].view_as(x)  # only the mean counts
    assert torch.allclose(attention.weights(shuffled), w, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_upsampler_reach(scale):
    """The formula against a walk over every output pixel."""
    for tail in (0, 1, 4):
        net = nn.Sequential(*blocks.Upsampler(1, scale), nn.Conv2d(1, 1, 2 * tail + 1, padding=tail)).double()
        for p in net.parameters():
            nn.init.ones_(p)
        x = torch.ones(1, 1, 1, 41, dtype=torch.float64, requires_grad=True)
        net(x)[..., 20 * scale : 21 * scale].sum().backward()
        seen = x.grad.flatten().nonzero().flatten() - 20
        assert int(seen.abs().max()) == blocks.upsampler_reach(scale, tail)


# --- against another package

RCAN = """
from spandrel.architectures.RCAN import RCAN
from srlib import models
torch.manual_seed(0)
theirs = RCAN(scale=3, n_resgroups=2, n_resblocks=2, n_feats=16, reduction=4, rgb_range=255, norm=True).eval()
ours = models.create("rcan", 3, size="course").eval()
shifts = ("sub_mean", "add_mean")
values = [p for key, p in theirs.named_parameters() if not key.startswith(shifts)]
mine = list(ours.parameters())
assert [p.shape for p in mine] == [p.shape for p in values]
with torch.no_grad():
    for p, q in zip(mine, values):
        p.copy_(q)
    x = torch.rand(2, 3, 11, 14)
    print(float((theirs(x.clone()) - ours(x)).abs().max()), float(ours(x).std()))
"""


def test_rcan_agrees_with_spandrel():
    (line,) = peers.printed(RCAN)
    difference, spread = map(float, line.split())
    assert difference < 1e-5 < 1e-3 < spread
