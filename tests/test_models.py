"""What holds for every network: made by name, as large as its paper says, the same pixels as independent code,
as far-sighted as it says, and able to learn. ``tests/test_zoo*.py`` have what is particular to one of them."""

import json
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from srlib import models
from srlib.fingerprints import fill, wave
from srlib.models.wdsr import without_weight_norm

EVERY = [
    (name, scale, variant)
    for name in models.names()
    for scale in models.model_class(name).scales
    for variant in models.variants(name)
]
ONE_EACH = [
    (name, models.model_class(name).scales[-1], variant) for name in models.names() for variant in models.variants(name)
]
#: Networks to which every place in a picture is alike. The others have windows on a grid, or see the whole picture.
ALIKE = [
    which
    for which in EVERY
    if which[0] not in ("swinir", "mobilesr", "rcan", "san", "ignn", "mprnet") and which[:2] != ("esrgan", 2)
]
FINGERPRINTS = json.loads(Path(__file__).with_name("fingerprints.json").read_text())["networks"]


def make(name, scale, variant, size="course"):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return models.create(name, scale, variant, size)


def given_to(net, height=9, width=11, batch=2):
    channels = 1 if net.space == "y" else 3
    return torch.rand(batch, channels, height, width, generator=torch.Generator().manual_seed(0))


def shaken(net):
    """The net with other weights than its first: a tail that starts at zero would hide the rest."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in net.parameters():
            p += 0.05 * torch.randn(p.shape, generator=generator)
    return net.eval()


FIRST = ("name", "scale", "variant")


@lru_cache
def described(name, scale, variant):
    return models.describe(name, scale, variant)


def factor(net):
    return 1 if net.pre_upsampled else net.scale


# --- sizes


@pytest.mark.parametrize(
    ("name", "scale", "variant", "parameters"),
    [
        ("srcnn", 2, "955", 57_281),  # the paper's 57,184, 8,032 and 24,416 count no biases
        ("srcnn", 2, "915", 8_129),
        ("srcnn", 2, "935", 24_513),
        ("fsrcnn", 2, None, 12_809),
        ("fsrcnn", 3, None, 12_809),
        ("fsrcnn", 4, None, 12_809),
        ("fsrcnn", 3, "32-5-1", 4_086),
        ("espcn", 2, None, 21_284),
        ("espcn", 3, None, 22_729),
        ("espcn", 4, None, 24_752),
        ("vdsr", 2, None, 665_921),
        ("drcn", 3, None, 1_775_121),
        ("drrn", 4, "official", 310_659),
        ("drrn", 2, "plain", 297_601),
        ("red", 2, "30", 4_134_785),
        ("lapsrn", 2, None, 407_441),
        ("lapsrn", 4, None, 814_242),
        ("lapsrn", 8, None, 667_123),
        ("srresnet", 4, None, 1_549_462),
        ("srresnet", 2, None, 1_401_749),
        ("edsr", 2, "baseline", 1_369_859),
        ("edsr", 3, "baseline", 1_554_499),
        ("edsr", 4, "baseline", 1_517_571),
        ("edsr", 2, "full", 40_729_603),
        ("edsr", 3, "full", 43_680_003),
        ("edsr", 4, "full", 43_089_923),
        ("mdsr", 2, "full", 7_953_987),
        ("mdsr", 4, "baseline", 3_227_203),
        ("wdsr", 2, "a", 1_190_100),
        ("wdsr", 3, "a", 1_195_605),
        ("wdsr", 4, "a", 1_203_312),
        ("wdsr", 2, "b", 1_202_260),
        ("wdsr", 3, "b", 1_212_085),
        ("rdn", 2, None, 22_123_395),
        ("rdn", 3, None, 22_308_035),
        ("rdn", 4, None, 22_271_107),
        ("rcan", 2, None, 15_444_643),
        ("rcan", 3, None, 15_629_283),
        ("rcan", 4, None, 15_592_355),
        # the authors' count less 24 of a frozen mean shift and 38,044 that their forward never reads: see san.py
        ("san", 2, None, 15_712_800 - 24 - 38_044),
        ("san", 3, None, 15_897_440 - 24 - 38_044),
        ("san", 4, None, 15_860_512 - 24 - 38_044),
        ("ignn", 2, None, 47_113_477),
        ("ignn", 3, None, 50_063_877),
        ("ignn", 4, None, 49_473_797),
        ("esrgan", 4, None, 16_697_987),
        ("esrgan", 2, None, 16_697_987 + 9 * 9 * 64),  # nine more input channels
        ("swinir", 2, "light", 910_152),
        ("swinir", 3, "light", 918_267),
        ("swinir", 4, "light", 929_628),
        ("swinir", 2, "classical", 11_752_487),
        ("swinir", 3, "classical", 11_937_127),
        ("swinir", 4, "classical", 11_900_199),
        ("swinir", 4, "real", 11_715_559),
        ("mobilesr", 4, None, 175_883),
        ("mprnet", None, "derain", 3_637_249),
        ("mprnet", None, "denoise", 15_741_025),
        ("mprnet", None, "deblur", 20_127_073),
    ],
)
def test_as_large_as_its_paper_says(name, scale, variant, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in models.create(name, scale, variant).parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "scale", "variant", "giga"),
    [
        ("srcnn", 2, "955", 52.7),
        ("srcnn", 2, "915", 7.4),
        ("fsrcnn", 2, None, 2.87),  # later tables say 6.0: they count the deconvolution once per output pixel
        ("fsrcnn", 3, None, 1.28),
        ("fsrcnn", 4, None, 0.72),
        ("espcn", 2, None, 4.88),
        ("espcn", 3, None, 2.32),
        ("espcn", 4, None, 1.42),
        ("vdsr", 3, None, 612.6),
        ("drcn", 2, None, 17_974.3),
        ("drrn", 2, None, 6_796.9),
        ("red", 2, None, 3_807.2),
        ("lapsrn", 2, None, 94.1),
        ("lapsrn", 4, None, 117.49),
        ("lapsrn", 8, None, 67.6),
        ("srresnet", 4, None, 127.8),
        ("srresnet", 2, None, 332.17),
        ("edsr", 2, "baseline", 316.3),
        ("edsr", 3, "baseline", 160.4),
        ("edsr", 4, "baseline", 114.2),
        ("edsr", 2, "full", 9_384.75),
        ("edsr", 4, "full", 2_894.55),
        ("rdn", 2, None, 5_096.18),
        ("rdn", 3, None, 2_286.51),
        ("rdn", 4, None, 1_309.21),
        ("rcan", 2, None, 3_526.78),
        ("rcan", 3, None, 1_588.46),
        ("rcan", 4, None, 916.86),
    ],
)
def test_costs_what_its_paper_says(name, scale, variant, giga):
    found = described(name, scale, variant).multiply_adds / 1e9
    assert abs(found - giga) <= 0.055 if giga >= 5 else abs(found - giga) <= 0.0051


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_the_course_size_is_small(name, scale, variant):
    assert sum(p.numel() for p in make(name, scale, variant).parameters()) < 200_000


# --- the same pixels as independent implementations

SAME = {  # the paper's name in fingerprints.json -> ours; numbers of the same network at another scale follow from it
    "SRCNN 9-5-5": ("srcnn", "955"),
    "FSRCNN(56,12,4)": ("fsrcnn", "56-12-4"),
    "ESPCN": ("espcn", "5-3-3"),
    "VDSR": ("vdsr", "20"),
    "DRCN (weighted sum)": ("drcn", "16"),
    "DRRN B1U25 (BN)": ("drrn", "official"),
    "DRRN B1U25 (no BN)": ("drrn", "plain"),
    "RED30 (final ReLU)": ("red", "30"),
    "LapSRN": ("lapsrn", "official"),
    "SRResNet x4 (paper)": ("srresnet", "16"),
    "EDSR-baseline": ("edsr", "baseline"),
    "EDSR": ("edsr", "full"),
    "MDSR-baseline": ("mdsr", "baseline"),
    "WDSR-A": ("wdsr", "a"),
    "WDSR-B": ("wdsr", "b"),
    "RDN": ("rdn", "16-8-64"),
    "RCAN": ("rcan", "10x20"),
    "SAN": ("san", "20x10"),
    "RRDBNet": ("esrgan", "23"),
    "SwinIR-light": ("swinir", "light"),
    "SwinIR-classical": ("swinir", "classical"),
    "MobileSR": ("mobilesr", "40"),
    "MPRNet Deraining": ("mprnet", "derain"),
    "MPRNet Denoising": ("mprnet", "denoise"),
}
#: in the authors' SAN, but never read by its forward
UNUSED = {"64x64x3x3": 1, "64": 2, "8x64x1x1": 1, "8": 1, "64x8x1x1": 1, "1": 20}
LARGE = ("EDSR x", "RDN x4", "SwinIR-classical x3", "MPRNet Denoising")  # several seconds each
KNOWN = [
    pytest.param(key, marks=pytest.mark.slow) if key.startswith(LARGE) else key
    for key in FINGERPRINTS
    if key in SAME or key.rsplit(" x", 1)[0] in SAME
]


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("key", KNOWN)
def test_the_pixels_of_independent_code(key, double):
    theirs = FINGERPRINTS[key]
    name, variant = SAME.get(key) or SAME[key.rsplit(" x", 1)[0]]
    net = models.create(name, theirs["scale"] if theirs["scale"] > 1 else None, variant).eval()
    if name == "wdsr":
        without_weight_norm(net)  # the stated fill is of the plain weights
    shapes = Counter("x".join(map(str, p.shape)) for p in net.parameters())
    assert shapes + Counter(UNUSED if name == "san" else {}) == theirs["shapes"]
    fill(net, theirs["g"])
    with torch.no_grad():
        out = net.outputs(wave(*theirs["input"][1:]))
    assert list(out[-1].shape) == theirs["output"]
    flat = out[-1].flatten()
    pixels = torch.stack([flat[k * (len(flat) - 1) // 7] for k in range(8)])
    assert (pixels - torch.tensor(theirs["pixels"])).abs().max() < 1e-6 * theirs["std"]
    assert flat.mean().item() == pytest.approx(theirs["mean"], abs=1e-6 * theirs["std"])
    if "all_output_means" in theirs:
        listed = out[::-1] if name == "mprnet" else out  # its authors list the last stage first
        assert [y.mean().item() for y in listed] == pytest.approx(theirs["all_output_means"], abs=1e-6)


# --- any picture


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_output_size_and_the_list_of_outputs(name, scale, variant):
    net = make(name, scale, variant).eval()
    assert net.scale == scale
    for height, width in ((1, 1), (5, 8), (13, 7)):
        x = given_to(net, height, width)
        assert net(x).shape == (2, x.shape[1], factor(net) * height, factor(net) * width)
        assert torch.equal(net.outputs(x)[-1], net(x))


@settings(max_examples=60, deadline=None)
@given(which=st.sampled_from(EVERY), height=st.integers(1, 23), width=st.integers(1, 23))
def test_output_size_for_any_input(which, height, width):
    net = make(*which).eval()
    with torch.no_grad():
        out = net(given_to(net, height, width, batch=1))
    assert out.shape[-2:] == (factor(net) * height, factor(net) * width)
    assert out.isfinite().all()


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_a_batch_is_its_pictures_and_one_needs_no_batch(name, scale, variant):
    net = shaken(make(name, scale, variant))
    x = given_to(net)
    with torch.no_grad():
        both = net(x)
        span = both.max() - both.min()
        assert (both[1] - net(x[1:])[0]).abs().max() < 1e-5 * span
        assert (both[0] - net(x[0])).abs().max() < 1e-5 * span


@pytest.mark.parametrize(("name", "scale", "variant"), ONE_EACH)
def test_wrong_pictures(name, scale, variant):
    net = make(name, scale, variant)
    wrong = 3 if net.space == "y" else 1
    with pytest.raises(ValueError, match=rf"x has {wrong} channels"):
        net(torch.rand(1, wrong, 8, 8))
    with pytest.raises(TypeError, match=r"x has dtype torch\.uint8"):
        net(torch.zeros(1, 4 - wrong, 8, 8, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"x is a ndarray"):
        net(np.zeros((1, 1, 8, 8)))
    with pytest.raises(ValueError, match=r"an axis is empty"):
        net(torch.zeros(1, 4 - wrong, 8, 0))


# --- inside

#: LapSRN's image branch stands behind its feature branch, as with its authors; MPRNet's one PReLU serves everywhere.
NOT_IN_ORDER = {"lapsrn", "mprnet"}


@pytest.mark.parametrize(("name", "scale", "variant"), ONE_EACH)
def test_tensors_are_registered_as_data_flows(name, scale, variant):
    """So that weights listed head to tail, as authors publish them, fit in one after the other."""
    net, met = make(name, scale, variant).eval(), []
    layers = {id(m): key for key, m in net.named_modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.PReLU)}
    hooks = [m.register_forward_hook(lambda m, *_: met.append(layers[id(m)])) for m in net.modules() if id(m) in layers]
    net(given_to(net))
    for hook in hooks:
        hook.remove()
    met = list(dict.fromkeys(met))
    assert met
    registered = [key for key in layers.values() if key in met]
    assert (met == registered) == (name not in NOT_IN_ORDER)
    norm = ("parametrizations.weight.original0", "parametrizations.weight.original1")
    for key in met:
        own = [k for k, _ in net.get_submodule(key).named_parameters()]
        assert own in (["weight"], ["weight", "bias"], ["bias", *norm])


@pytest.mark.parametrize(("name", "scale", "variant"), ONE_EACH)
def test_a_file_of_weights_holds_what_is_trained_and_nothing_else(name, scale, variant, tmp_path):
    net = shaken(make(name, scale, variant))
    trained = {key for key, _ in net.named_parameters()}
    statistics = {key for key in net.state_dict() if key.rsplit(".", 1)[-1].startswith(("running_", "num_batches"))}
    assert set(net.state_dict()) == trained | statistics
    torch.save(net.state_dict(), tmp_path / "net.pt")
    copy = models.create(name, scale, variant, "course").eval()
    copy.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True), strict=True)
    assert torch.equal(copy(given_to(net)), net(given_to(net)))


@pytest.mark.parametrize(("name", "scale", "variant"), [e for e in EVERY if e[0] != "mprnet"])  # see its own tests
def test_every_parameter_gets_a_finite_gradient(name, scale, variant):
    net = shaken(make(name, scale, variant)).train()
    sum(y.square().mean() for y in net.outputs(given_to(net))).backward()
    unused = set()
    for key, p in net.named_parameters():
        if p.grad is None:
            unused.add(key)
            continue
        assert p.grad.isfinite().all(), key
        assert p.grad.abs().max() > 0, key
    # by design: a pass through MDSR takes one entrance and one exit of three
    idle = {f"{part}.x{s}." for part in ("enter", "upsample") for s in (2, 3, 4) if s != scale}
    assert unused == {k for k, _ in net.named_parameters() if name == "mdsr" and k.startswith(tuple(idle))}


@pytest.mark.parametrize(("name", "scale", "variant"), EVERY)
def test_a_few_steps_learn_one_picture(name, scale, variant):
    net = make(name, scale, variant)
    x = given_to(net, 12, 12, batch=1)
    y = F.interpolate(x.flip(-1), scale_factor=factor(net))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    found = []
    for _ in range(15):
        loss = F.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert found[-1] < 0.95 * found[0]


@torch.no_grad()
def all_positive(net):
    """Weights that let every ReLU through, and the sum over a filter be about 1: nothing dies, nothing explodes."""
    for module in net.modules():
        for p in module.parameters(recurse=False):
            p.fill_(1 / p[0].numel() if p.ndim > 1 else 0.25 if isinstance(module, nn.PReLU) else 1e-3)
    return net.eval()


@pytest.mark.parametrize("size", ["course", "paper"])
@pytest.mark.parametrize(("name", "scale", "variant"), ALIKE)
def test_the_receptive_field_is_what_the_gradient_sees(name, scale, variant, size, double):
    """How far from its own LR pixel any output pixel looks; along a line, which is cheap and the same."""
    net = make(name, scale, variant, size)
    if name == "wdsr":
        without_weight_norm(net)
    if sum(p.numel() for p in net.parameters()) > 10e6:
        return  # the course size has the same formula
    all_positive(net)
    side = net.receptive_field + 8
    x = torch.ones(1, 1 if net.space == "y" else 3, 1, side, requires_grad=True)
    middle = side // 2
    net(x)[..., middle * factor(net) : (middle + 1) * factor(net)].sum().backward()
    seen = x.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert 2 * int((seen - middle).abs().max()) + 1 == net.receptive_field


@pytest.mark.parametrize(("name", "scale", "variant"), ALIKE)
def test_a_shifted_picture_gives_the_shifted_result(name, scale, variant):
    net = shaken(make(name, scale, variant)).double()
    reach = net.receptive_field // 2
    x = given_to(net, 5, 2 * reach + 12, batch=1).double()
    with torch.no_grad():
        still, moved = net(x[..., 1:]), net(x[..., :-1])  # moved[i + 1] is still[i]
    k = factor(net)
    inner = slice(k * (reach + 2), k * (reach + 8))
    further = slice(k * (reach + 3), k * (reach + 9))
    assert (still[..., inner] - moved[..., further]).abs().max() < 1e-9 * (still.max() - still.min())


@pytest.mark.parametrize(("name", "scale", "variant"), ONE_EACH)
def test_half_precision_stays_finite(name, scale, variant):
    net = make(name, scale, variant).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = net(given_to(net)).float().square().mean()
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


# --- by name


def test_the_description_agrees_with_the_network():
    for name, scale, variant in ONE_EACH:
        net = make(name, scale, variant)
        found = models.describe(name, scale, variant, "course")
        assert found.parameters == sum(p.numel() for p in net.parameters())
        assert (found.space, found.pre_upsampled) == (net.space, net.pre_upsampled)
        assert found.receptive_field == net.receptive_field
        assert net.title in found.title
        assert name in str(found)
        assert f"{found.parameters:,}" in str(found)


def test_the_table_has_every_network_at_paper_size(monkeypatch):
    describe = models.describe  # the real one takes its time for all of them; other tests look at its numbers
    monkeypatch.setattr(
        models, "describe", lambda *asked: replace(describe("srcnn"), **dict(zip(FIRST, asked, strict=True)))
    )
    table = models.table()
    assert [(row["name"], row["scale"], row["variant"]) for row in table] == [
        (name, scale, variant)
        for name in models.names()
        for variant in models.variants(name)
        for scale in models.model_class(name).scales
    ]
    assert {row["size"] for row in table} == {"paper"}


@pytest.mark.parametrize("name", models.names())
def test_every_network_says_where_it_comes_from(name):
    cls = models.model_class(name)
    assert cls.space in ("y", "rgb")
    assert cls.title[-5:-1].isdigit() or cls.title[-4:].isdigit() or "20" in cls.title
    assert len(cls.ancestor) > 20
    assert cls.code
    module = __import__(cls.__module__, fromlist=["x"])
    if name != "sprint":
        assert "arXiv:" in module.__doc__ or "CVPR 20" in module.__doc__
        assert "`paper` and `course` are the same" in module.__doc__ or "`course`:" in module.__doc__
    assert (cls.course == {}) == ("`course`:" not in module.__doc__)


@pytest.mark.parametrize(
    ("arguments", "changes", "sentence"),
    [
        (("srcn",), {}, r"model='srcn' is unknown\. Use one of: srcnn"),
        (("srcnn", 5), {}, r"scale=5 is not offered here\. Use one of 2, 3, 4"),
        (("lapsrn", 3), {}, r"scale=3 is not offered here\. Use one of 2, 4, 8"),
        (("srcnn", 2.0), {}, r"scale=2\.0 is not a whole number"),
        (("srcnn", 2, "999"), {}, r"variant of srcnn='999' is unknown\. Use one of: 955, 915, 935"),
        (("srcnn", 2, None, "huge"), {}, r"size='huge' is unknown\. Use one of: paper, course"),
        (("srcnn",), {"width": 9}, r"argument of srcnn='width' is unknown\. Use one of: f1, f2, f3, n1, n2"),
        (("sprint",), {"layers": 1}, r"layers=1 is too few"),
        (("vdsr",), {"layers": 1}, r"layers=1 is too few"),
        (("drcn",), {"recursions": 0}, r"recursions=0 is too few"),
        (("drrn",), {"units": 0}, r"units=0 is too few"),
        (("red",), {"pairs": 4}, r"pairs=4 must be odd"),
        (("rcan",), {"features": 8}, r"reduction=16 leaves nothing of features=8"),
    ],
)
@pytest.mark.parametrize("function", [models.create, models.describe])
def test_networks_that_do_not_exist(function, arguments, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        function(*arguments, **changes)


def test_overrides_reach_the_network():
    assert models.create("srcnn", n1=8, n2=4).extract.out_channels == 8
    assert models.create("sprint", features=5, layers=3).tail.in_channels == 5
    assert len(models.create("edsr", size="course", blocks=3).body) == 3


def test_describing_costs_no_memory():
    found = models.describe("srcnn", n1=100_000, n2=1000)
    assert found.parameters > 10**9
