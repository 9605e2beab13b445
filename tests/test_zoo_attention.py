"""What is particular to SAN, IGNN, ESRGAN and the judges; what holds for every network stands in test_models.py."""

import math
import zlib

import numpy as np
import peers
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from srlib import models
from srlib.models import esrgan, ignn, san, srgan

EVERY = [("san", 2), ("san", 3), ("san", 4), ("ignn", 2), ("ignn", 3), ("ignn", 4), ("esrgan", 2), ("esrgan", 4)]
JUDGES = [pytest.param(srgan.Discriminator, 16, id="srgan"), pytest.param(esrgan.Discriminator, 32, id="esrgan")]


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def make(name, scale=2, **overrides):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return models.create(name, scale, size="course", **overrides)


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def shaken(net):
    """The net with other weights than its first: layers that start at zero would hide others."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in net.parameters():
            p += 0.05 * torch.randn(p.shape, generator=generator)
    return net.eval()


def fill(net, gain):
    """Weights that depend on nothing but a tensor's shape (the rule stands in fingerprints.json)."""
    with torch.no_grad():
        for p in net.parameters():
            key = "x".join(map(str, p.shape))
            r = np.random.RandomState(zlib.crc32(key.encode())).uniform(-1, 1, size=tuple(p.shape))
            r *= np.sqrt(3 / np.prod(p.shape[1:])) * gain if p.ndim >= 2 else 0.05
            p.copy_(torch.from_numpy(r))


def waves(channels, height, width):
    c, i, j = torch.meshgrid(*[torch.arange(float(n)) for n in (channels, height, width)], indexing="ij")
    return (0.5 + 0.5 * torch.sin(0.7 * i + 1.3 * j + 2.1 * c))[None]


def eight_pixels(out):
    flat = out.flatten()
    return torch.stack([flat[k * (len(flat) - 1) // 7] for k in range(8)])


def count(net):
    return sum(p.numel() for p in net.parameters())


# --- sizes

UNUSED = {"64x64x3x3": 1, "64": 2, "8x64x1x1": 1, "8": 1, "64x8x1x1": 1, "1": 20}  # in the authors' SAN, by its forward


def test_the_parameters_that_san_leaves_out():
    assert (
        sum(n * math.prod(map(int, shape.split("x"))) for shape, n in UNUSED.items()) == 38_044 == 36_928 + 1_096 + 20
    )


@pytest.mark.parametrize(
    ("judge", "parameters"), [(srgan.Discriminator, 23_565_505), (esrgan.Discriminator, 14_499_401)]
)
def test_judges_are_as_large_as_published(judge, parameters):
    with torch.device("meta"):
        assert count(judge()) == parameters


# --- the same pixels as independent code


@pytest.mark.parametrize(
    ("scale", "window", "size", "std", "pixels"),
    [
        (2, 4, (24, 36), 0.102518929, "0.422621008 0.356124922 0.422372783 -0.131370876 0.263100394 0.337628131 "
         "0.217934743 0.351439785"),
        (3, 30, (24, 36), 0.111519195, "0.447667857 0.182903806 0.342369724 0.00763876047 0.122542061 0.224999205 "
         "0.223346759 0.355489504"),
        (4, 3, (16, 44), 0.166738537, "0.442836778 0.176035421 0.630030271 0.640994348 0.490495968 0.345474272 "
         "0.436567696 0.409235113"),
    ],
)  # fmt: skip
def test_the_pixels_of_ignns_code(scale, window, size, std, pixels, double):
    """The authors' network with 4 blocks of 12 channels, filled by the same rule with g = 1.

    Their im2col was replaced by torch's, VGG19 by the nine channels below, and MATLAB's bicubic by torch's.
    """
    net = ignn.IGNN(
        scale,
        blocks=4,
        features=12,
        window=window,
        edge_features=9,
        embedding=lambda x: torch.cat([x, x**2, x**0.5], 1),
    ).eval()
    fill(net, 1.0)
    with torch.no_grad():
        out = net(waves(3, *size))
    assert out.std(correction=0).item() == pytest.approx(std, rel=1e-6)
    assert (eight_pixels(out) - torch.tensor([float(p) for p in pixels.split()])).abs().max() < 1e-6 * std


SPANDREL = """
from spandrel.architectures.ESRGAN import ESRGAN
from srlib.models.esrgan import RRDBNet
torch.manual_seed(0)
for scale, fold in ((4, None), (2, 2)):
    theirs = ESRGAN(in_nc=3 * (fold or 1) ** 2, num_filters=16, num_blocks=2, scale=4, shuffle_factor=fold).eval()
    ours = RRDBNet(scale, blocks=2, features=16, growth=32).eval()
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]
    with torch.no_grad():
        for p, q in zip(ours.parameters(), theirs.parameters()):
            p.copy_(q)
        x = torch.rand(2, 3, 10, 14)
        print(float((theirs(x) - ours(x)).abs().max()), float(ours(x).std()))
"""


def test_rrdbnet_agrees_with_spandrel():
    lines = peers.printed(SPANDREL)
    assert len(lines) == 2
    for line in lines:
        difference, spread = map(float, line.split())
        assert difference < 1e-5 < 1e-3 < spread


# --- any picture


@pytest.mark.parametrize(("name", "scale"), EVERY)
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (13, 7)])
def test_any_size_forward_and_backward(name, scale, size):
    net = shaken(make(name, scale)).train()
    out = net(random(2, 3, *size))
    assert out.shape == (2, 3, scale * size[0], scale * size[1])
    out.square().mean().backward()
    assert out.isfinite().all()
    assert all(p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize(("name", "scale"), [("san", 2), ("ignn", 3), ("esrgan", 4)])
@pytest.mark.parametrize("value", [0.0, 0.45, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (9, 12)])
def test_pictures_in_which_nothing_varies(name, scale, value, size):
    net = make(name, scale).train()
    x = torch.full((1, 3, *size), value, requires_grad=True)
    out = net(x)
    out.square().mean().backward()
    assert out.isfinite().all()
    assert x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize(("name", "scale"), [("san", 2), ("ignn", 3), ("ignn", 4), ("esrgan", 2)])
def test_half_precision(name, scale):
    net, x = make(name, scale).eval(), random(1, 3, 13, 18)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        out = net(x)
    with torch.no_grad():
        full = net(x)
    assert out.isfinite().all()
    assert (out - full).abs().max() < 0.1 * (full.max() - full.min())


@pytest.mark.parametrize(("name", "module", "function"), [("san", san, "matrix_sqrt"), ("ignn", ignn, "nearest")])
def test_what_stays_in_full_precision(name, module, function, monkeypatch):
    seen, original = [], getattr(module, function)

    def listen(x, *args):
        seen.append((x.dtype, torch.is_autocast_enabled("cpu")))
        return original(x, *args)

    monkeypatch.setattr(module, function, listen)
    with torch.autocast("cpu", torch.bfloat16):
        make(name)(random(1, 3, 8, 8))
    assert set(seen) == {(torch.float32, False)}


# --- SAN


def test_covariance_is_that_of_numpy():
    x = random(2, 5, 6, 7).double()
    theirs = np.stack([np.cov(picture.reshape(5, -1), bias=True) for picture in x.numpy()])
    assert np.abs(san.covariance(x).numpy() - theirs).max() < 1e-14


def test_matrix_sqrt_is_that_of_scipy():
    half = torch.randn(3, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    matrices = half @ half.mT + 0.1 * torch.eye(6, dtype=torch.float64)
    theirs = np.stack([scipy.linalg.sqrtm(m) for m in matrices.numpy()])
    assert np.abs(san.matrix_sqrt(matrices, steps=30).numpy() - theirs).max() < 1e-9
    five = np.abs(san.matrix_sqrt(matrices).numpy() - theirs).max()
    assert 1e-4 < five < 0.6  # small eigenvalues lag behind after the paper's 5 steps


def test_five_steps_are_five():
    """A symmetric matrix's eigenvectors stay; every eigenvalue takes the same five steps, as a number."""
    half = torch.randn(5, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    matrix = half @ half.mT
    values, vectors = torch.linalg.eigh(matrix)
    y, z = values / values.sum(), torch.ones(5, dtype=torch.float64)
    for _ in range(5):
        y, z = y * (3 - z * y) / 2, (3 - z * y) / 2 * z
    expected = vectors @ torch.diag(y * values.sum().sqrt()) @ vectors.mT
    assert (san.matrix_sqrt(matrix[None])[0] - expected).abs().max() < 1e-12


def test_the_root_of_nothing_is_nothing():
    matrix = torch.zeros(2, 4, 4, requires_grad=True)
    root = san.matrix_sqrt(matrix)
    root.sum().backward()
    assert torch.equal(root, torch.zeros(2, 4, 4))
    assert matrix.grad.isfinite().all()


def test_san_attention_weighs_channels_by_how_they_vary():
    attention = shaken(make("san")).groups[0].attention
    x = random(2, 24, 5, 6)
    w = attention.weights(x)
    assert w.shape == (2, 24, 1, 1)
    assert ((w > 0) & (w < 1)).all()
    place = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    level = random(1, 24, 1, 1, seed=1)
    assert torch.allclose(attention.weights(x.flatten(2)[..., place].view_as(x) + level), w, atol=1e-5)
    assert (attention.weights(30 * x) - w).abs().max() > 1e-3


@pytest.mark.parametrize("size", [(4, 4), (7, 9), (1, 5), (2, 3), (1, 1)])
def test_non_local_against_a_softmax_written_out(size):
    module = shaken(san.NonLocal(16)).double()
    x = random(1, 16, *size).double() - 0.5

    def linear(conv, v):
        return conv.weight.detach()[:, :, 0, 0].numpy() @ v + conv.bias.detach().numpy()

    picture = x[0].numpy()
    expected = picture.copy()
    height, width = size
    for rows in (range(height // 2), range(height // 2, height)):
        for columns in (range(width // 2), range(width // 2, width)):
            down, across = min(2, len(rows)), min(2, len(columns))
            cells = [
                [picture[:, rows[r + i], columns[c + j]] for i in range(down) for j in range(across)]
                for r in range(0, len(rows) - down + 1, 2)
                for c in range(0, len(columns) - across + 1, 2)
                if len(rows) and len(columns)
            ]
            keys = np.array([np.max([linear(module.key, v) for v in cell], 0) for cell in cells])
            values = np.array([np.max([linear(module.value, v) for v in cell], 0) for cell in cells])
            for i in rows:
                for j in columns:
                    logits = keys @ linear(module.query, picture[:, i, j])
                    weights = np.exp(logits - logits.max())
                    expected[:, i, j] += linear(module.out, weights @ values / weights.sum())
    with torch.no_grad():
        assert np.abs(module(x)[0].numpy() - expected).max() < 1e-12


def test_san_starts_without_looking_around_and_without_repeating_itself():
    net, x = make("san"), random(1, 24, 6, 7)
    assert torch.equal(net.non_local(x), x)
    assert net.gamma.tolist() == [0.0]


def test_san_adds_its_first_features_after_every_group():
    """With silent groups and a silent non-local module, the body gives 2 + groups * gamma times its input."""
    net, calls = make("san", groups=3), []
    for group in net.groups:
        nn.init.zeros_(group.join.weight)
        nn.init.zeros_(group.join.bias)
    nn.init.constant_(net.gamma, 0.5)
    net.non_local.register_forward_hook(lambda *_: calls.append(1))
    x = random(1, 3, 6, 7)
    expected = net.colour.restore(net.tail(net.upsample(3.5 * net.head(net.colour.remove(x)))))
    assert torch.allclose(net(x), expected, atol=1e-5)
    assert len(calls) == 2  # one module, twice


def test_san_last_addition_is_of_what_came_before_the_non_local_module():
    net, seen = shaken(make("san", groups=1)), []
    for layer in (net.head, net.non_local, net.non_local, net.upsample):
        layer.register_forward_hook(lambda _, given, out: seen.append((given[0], out)))
    net(random(1, 3, 6, 7))
    (_, first), *_, (_, last), (drawn, _) = [s for i, s in enumerate(seen) if i in (0, len(seen) - 2, len(seen) - 1)]
    assert torch.equal(drawn, first + last)


def test_san_too_narrow():
    with pytest.raises(ValueError, match=r"features=6 is too few for reduction=8 .* Use 8 or more\."):
        san.SAN(2, features=6, reduction=8)


# --- IGNN


@settings(max_examples=30)
@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 11),
    scale=st.sampled_from([2, 3]),
    window=st.integers(1, 6),
    k=st.integers(1, 5),
    stripe=st.integers(1, 12),
)
def test_nearest_against_every_distance(rows, columns, scale, window, k, stripe):
    high, wide = -(-rows // scale), -(-columns // scale)
    queries, candidates = random(2, 4, rows, columns), random(2, 4, high, wide, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ignn, "STRIPE", stripe)
        found = ignn.nearest(queries, candidates, k, scale, window).numpy()
    q, c = queries.double().numpy(), candidates.double().numpy()
    side = min(window, high, wide)
    everything = window >= high and window >= wide
    for n in range(2):
        for i in range(rows):
            for j in range(columns):
                top = min(max(i // scale - side // 2, 0), high - side)
                left = min(max(j // scale - side // 2, 0), wide - side)
                inside = [
                    (np.square(q[n, :, i, j] - c[n, :, r, s]).sum(), r * wide + s)
                    for r in range(high)
                    for s in range(wide)
                    if everything or (top <= r < top + side and left <= s < left + side)
                ]
                assert found[n, :, i, j].tolist() == [number for _, number in sorted(inside)[:k]]


@settings(max_examples=25)
@given(height=st.integers(3, 12), width=st.integers(3, 12), scale=st.integers(1, 3))
def test_patches_go_back_where_they_were(height, width, scale):
    x = random(2, 2, height, width)
    assert torch.allclose(ignn.assemble(ignn.patches(x), (height, width)), x, atol=1e-6)
    cut = ignn.patches(x).unflatten(1, (2, 3, 1, 3, 1)).expand(-1, -1, -1, scale, -1, scale, -1, -1)
    large = ignn.assemble(cut.flatten(1, 5), (height, width), scale)  # the same patches, every pixel a square
    assert torch.allclose(large, x.repeat_interleave(scale, -1).repeat_interleave(scale, -2), atol=1e-6)


def test_adapted_patches_have_the_mean_and_deviation_of_the_other():
    patch, like = random(2, 3, 36, 4, 5), 3 * random(2, 3, 9, 4, 5, seed=1) + 7
    out = ignn.adapt(patch, like)
    assert torch.allclose(out.mean(2), like.mean(2), atol=1e-4)
    assert torch.allclose(out.std(2), like.std(2), rtol=1e-2)
    flat = torch.ones(1, 1, 36, 1, 1)
    assert torch.allclose(ignn.adapt(flat, like[:1, :1, :, :1, :1]).mean(2), like[:1, :1, :, :1, :1].mean(2))


def test_cosines_are_orthonormal():
    bank = ignn.cosines(75).flatten(1)
    assert (bank @ bank.mT - torch.eye(75)).abs().max() < 1e-6
    assert bank[3:].sum(1).abs().max() < 1e-5  # all but the first three, one a colour, ignore the level
    assert torch.equal(ignn.cosines(16), ignn.cosines(75)[:16])
    with pytest.raises(ValueError, match=r"edge_features=76: the built-in embedding has 1 to 75 channels"):
        ignn.IGNN(2, **{**ignn.IGNN.course, "edge_features": 76})


def test_ignn_finds_a_detail_where_it_is_twice_as_large():
    detail = F.interpolate(random(1, 3, 4, 4), scale_factor=2, mode="bilinear")
    x = torch.full((1, 3, 24, 40), 0.5)
    x[..., 8:16, 4:12] = detail
    x[..., 8:24, 20:36] = F.interpolate(detail, scale_factor=2, mode="bicubic")
    index, edges = make("ignn", edge_features=75).search(x)
    assert edges.shape == (1, 5, 75, 24, 40)
    assert index.shape == (1, 5, 12, 20)
    # the patch at pixel (10, 6), the detail's (2, 2): there the smaller picture has pixel (4 + 2, 10 + 2), patch (3, 6)
    assert index[0, 0, 5, 3] == 3 * 10 + 6


def test_ignn_edges_are_smallest_for_the_first_neighbour_and_nothing_where_nothing_varies():
    net = make("ignn")
    index, edges = net.search(random(1, 3, 16, 20))
    assert edges.min() >= 0
    assert edges[:, 0].square().sum() < edges[:, 4].square().sum()
    flat = net.search(torch.full((1, 3, 32, 40), 0.3))[1]
    assert flat[..., :24, :32].max() < 1e-4  # the last patches reach over the edge


def test_ignn_takes_any_embedding():
    calls = []

    class Look(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.conv = nn.Conv2d(3, channels, 3, padding=1)

        def forward(self, x):
            calls.append(torch.is_grad_enabled())
            assert 0 <= x.min() <= x.max() <= 1
            return self.conv(x)

    plain, net = make("ignn"), make("ignn", embedding=Look(16))
    assert count(plain) == count(net)
    assert plain.state_dict().keys() == net.state_dict().keys()
    net.load_state_dict(plain.state_dict())
    x = random(1, 3, 20, 20)
    assert not torch.equal(plain(x), net(x))
    assert calls == [False, False]  # the picture and the smaller one, without gradients
    net(x.round())  # whose smaller one would overshoot
    with pytest.raises(ValueError, match=r"embedding gave shape \(1, 8, 20, 20\), but \(1, 16, 20, 20\) is needed"):
        make("ignn", embedding=Look(8))(x)


def test_ignn_uses_the_neighbours_there_are():
    net = make("ignn")
    for side, wanted in ((6, 1), (10, 4), (12, 5)):  # 1 x 1, 2 x 2 and 3 x 3 patches in the smaller picture
        assert net.search(random(1, 3, side, side))[0].shape[1] == wanted


# --- ESRGAN


def test_rrdb_shrinks_every_correction_twice():
    """With zero weights and a last bias of 1 a dense block adds 0.2; three add 0.6, and a fifth of that is kept."""
    block = esrgan.RRDB(4, 2)
    for dense in block.dense:
        for conv in dense.convs:
            nn.init.zeros_(conv.weight)
            nn.init.zeros_(conv.bias)
        nn.init.ones_(dense.convs[-1].bias)
    x = random(1, 4, 5, 5)
    assert torch.allclose(block(x), x + 0.2 * (x + 0.6), atol=1e-6)


def test_dense_blocks_start_at_a_tenth():
    torch.manual_seed(0)
    net = esrgan.RRDBNet(4, blocks=1)
    for conv in net.body[0].dense[1].convs:
        he = math.sqrt(2 / (9 * conv.in_channels))
        assert conv.weight.std().item() == pytest.approx(0.1 * he, rel=0.03)
        assert not conv.bias.any()
    assert [conv.in_channels for conv in net.body[0].dense[0].convs] == [64, 96, 128, 160, 192]
    assert net.head.bias.any()


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("blocks", [0, 1])
def test_esrgan_sees_what_it_says(scale, blocks, double):
    net = shaken(esrgan.RRDBNet(scale, blocks=blocks, features=4, growth=2))
    side, reach = net.receptive_field + 8, 0
    for middle in (side // 2, side // 2 + 1):  # x2 folds pixels in pairs: both kinds
        x = random(1, 3, side, side).double().requires_grad_()
        net(x)[..., middle * scale : (middle + 1) * scale, middle * scale : (middle + 1) * scale].sum().backward()
        rows = x.grad[0].abs().sum((0, 2)).nonzero().flatten()
        reach = max(reach, int((rows - middle).abs().max()))
    assert 2 * reach + 1 == net.receptive_field


# --- judges


@pytest.mark.parametrize(("judge", "multiple"), JUDGES)
def test_judges_want_their_patch(judge, multiple):
    for patch in (multiple, 3 * multiple):
        net = judge(patch, **judge.course)
        assert net(random(2, 3, patch, patch)).shape == (2, 1)
        with pytest.raises(ValueError, match=rf"but this judge takes \(N, 3, {patch}, {patch}\)"):
            net(random(2, 3, patch, patch + 1))
        with pytest.raises(ValueError, match=r"this judge takes"):
            net(random(3, patch, patch))
    for patch in (0, multiple // 2, multiple + multiple // 2):
        with pytest.raises(ValueError, match=rf"patch={patch} is not a multiple of {multiple}"):
            judge(patch)
    with pytest.raises(ValueError, match=r"x has 1 channels"):
        net(random(2, 1, patch, patch))


def test_srgan_judge_is_that_of_the_paper():
    with torch.device("meta"):
        net = srgan.Discriminator()
    convs = [m for m in net.look if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convs] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [c.stride[0] for c in convs] == [1, 2, 1, 2, 1, 2, 1, 2]
    assert [m.num_features for m in net.look if isinstance(m, nn.BatchNorm2d)] == [64, 128, 128, 256, 256, 512, 512]
    assert not isinstance(net.look[1], nn.BatchNorm2d)
    assert [m.negative_slope for m in net.modules() if isinstance(m, nn.LeakyReLU)] == [0.2] * 9
    assert [m.out_features for m in net.judge if isinstance(m, nn.Linear)] == [1024, 1]


def test_srgan_judge_sees_pictures_around_zero():
    net, seen = srgan.Discriminator(16, **srgan.Discriminator.course), []
    net.look.register_forward_hook(lambda _, given, out: seen.append(given[0]))
    net(torch.stack([torch.zeros(3, 16, 16), torch.ones(3, 16, 16)]))
    assert seen[0].flatten(1)[:, 0].tolist() == [-1.0, 1.0]


def test_esrgan_judge_is_that_of_the_code():
    with torch.device("meta"):
        net = esrgan.Discriminator()
    convs = [m for m in net.look if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convs] == [64, 64, 128, 128, 256, 256, 512, 512, 512, 512]
    assert [(c.kernel_size[0], c.stride[0]) for c in convs] == [(3, 1), (4, 2)] * 5
    assert [c.bias is not None for c in convs] == [True] + [False] * 9
    assert len([m for m in net.look if isinstance(m, nn.BatchNorm2d)]) == 9
    assert [m.out_features for m in net.judge if isinstance(m, nn.Linear)] == [100, 1]


@pytest.mark.parametrize(("judge", "multiple"), JUDGES)
def test_judges_give_logits(judge, multiple):
    """Nothing squashes the verdict, so its last bias comes out whole."""
    net, x = judge(multiple, **judge.course).eval(), random(2, 3, multiple, multiple)
    with torch.no_grad():
        before = net(x)
        net.judge[-1].bias += 50
        assert torch.allclose(net(x), before + 50, atol=1e-4)


@pytest.mark.parametrize(("judge", "multiple"), JUDGES)
def test_judges_learn_to_tell_noise_from_smooth(judge, multiple):
    torch.manual_seed(0)
    net = judge(multiple, **judge.course)
    noise = random(8, 3, multiple, multiple)
    smooth = F.avg_pool2d(noise, 5, stride=1, padding=2)
    x, y = torch.cat([noise, smooth]), torch.arange(2.0).repeat_interleave(8)[:, None]
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(8):
        loss = F.binary_cross_entropy_with_logits(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad.isfinite().all() for p in net.parameters())
        optimizer.step()
    assert loss < 0.3
    with torch.autocast("cpu", torch.bfloat16):
        assert net(x).isfinite().all()


# --- as files


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 3])
def test_onnx_can_hold_ignn_for_one_size_of_picture(scale, tmp_path):
    import onnxruntime

    net, x = shaken(make("ignn", scale)), random(1, 3, 24, 40)
    program = torch.onnx.export(net, (x,), dynamo=True, input_names=["x"], verbose=False)
    program.save(tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    x = random(1, 3, 24, 40, seed=1)
    with torch.no_grad():
        ours = net(x)
    (theirs,) = session.run(None, {"x": x.numpy()})
    assert (torch.from_numpy(theirs) - ours).abs().max() < 1e-5 * max(1, ours.abs().max())
