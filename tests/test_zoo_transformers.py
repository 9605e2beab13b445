"""What is particular to SwinIR, MobileSR and MPRNet; what holds for every network stands in test_models.py."""

import itertools

import numpy as np
import peers
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from srlib import models
from srlib.models import mobilesr, mprnet, swinir
from srlib.models.mobilesr import MobileSR
from srlib.models.mprnet import MPRNet
from srlib.models.swinir import SwinIR

#: name, scale, variant, parameters of the published network
COURSE = [
    ("swinir", 2, "light"),
    ("swinir", 3, "classical"),
    ("swinir", 4, "real"),
    ("mobilesr", 4, "40"),
    ("mobilesr", 3, "40"),
    ("mprnet", 1, "derain"),
]


def course(name, scale, variant, **changes):
    torch.manual_seed(0)
    return models.create(name, scale, variant, "course", **changes).eval()


def shaken(net, amount=0.1):
    """Other weights than the first: a bias of 0 or a norm of 1 would hide a mistake."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in net.parameters():
            p += amount * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return net.eval()


def photo(*size, seed=0, batch=1):
    return torch.rand(batch, 3, *size, generator=torch.Generator().manual_seed(seed))


# --- as published


@pytest.mark.parametrize(
    ("name", "scale", "giga"),
    [
        pytest.param("swinir", 2, 195.6, marks=pytest.mark.slow),
        pytest.param("swinir", 3, 87.2, marks=pytest.mark.slow),
        ("swinir", 4, 49.6),
        ("mobilesr", 4, 12.0),
    ],
)
def test_multiply_adds_are_near_the_published_ones(name, scale, giga):
    """They count convolutions and linear layers, not the products of attention; ours count both."""
    with torch.device("meta"):
        net, x = models.create(name, scale), torch.empty(1, 3, -(-720 // scale), -(-1280 // scale))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        net(x)
    counts = {str(op).split(".")[1]: n / 2e9 for op, n in counter.get_flop_counts()["Global"].items()}
    assert 0.999 * giga < counts["convolution"] + counts["addmm"] + counts.get("mm", 0) < 1.05 * giga
    assert models.describe(name, scale).multiply_adds / 1e9 == pytest.approx(sum(counts.values()))


@pytest.mark.parametrize(("name", "scale", "variant"), COURSE)
def test_weights_are_registered_in_the_order_of_their_use(name, scale, variant):
    net, used = course(name, scale, variant), []
    leaves = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.LayerNorm)]
    for leaf in leaves:
        leaf.register_forward_hook(lambda module, *_: used.append(module))
    net(photo(16, 16))
    assert [id(m) for m in dict.fromkeys(used)] == [id(m) for m in leaves]


# --- any size


@given(height=st.integers(1, 20), width=st.integers(1, 20), multiple=st.sampled_from([4, 8]))
def test_mirrored_is_numpys_reflection(height, width, multiple):
    x = np.arange(height * width, dtype=np.float32).reshape(1, height, width)
    wanted = np.pad(x, ((0, 0), (0, -height % multiple), (0, -width % multiple)), mode="reflect")
    for module in (swinir, mprnet):
        assert np.array_equal(module.mirrored(torch.from_numpy(x), multiple).numpy(), wanted)


@pytest.mark.parametrize(("name", "scale", "variant"), COURSE)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 8), (13, 17)])
def test_any_size(name, scale, variant, size):
    net = shaken(course(name, scale, variant)).double()
    x = photo(*size, batch=2).double()
    outputs = net.outputs(x)
    assert [o.shape for o in outputs] == [(2, 3, scale * size[0], scale * size[1])] * len(outputs)
    assert torch.equal(outputs[-1], net(x))
    assert all(o.isfinite().all() for o in outputs)
    assert (net(x[0]) - net(x)[0]).abs().max() < 1e-10  # without a batch
    if name != "mobilesr":  # the others' borders are mirrored
        padded = np.pad(x, ((0, 0), (0, 0), (0, -size[0] % 8), (0, -size[1] % 8)), mode="reflect")
        padded = net(torch.from_numpy(padded))[..., : scale * size[0], : scale * size[1]]
        assert (padded - net(x)).abs().max() < 1e-10


def test_mobilesr_looks_at_empty_pixels_where_the_window_is_not_full():
    """Of one pixel's 64 tokens 63 are zero: they ask for nothing and give nothing, but take their part of the sum."""
    block = shaken(mobilesr.Transformer(8, 1, 8, 2))
    x = torch.randn(1, 1, 1, 8, generator=torch.Generator().manual_seed(0))
    q, k, v = block.attention.qkv(x[0, 0]).chunk(3, -1)
    own = ((q * k).sum() / 8**0.5).exp()
    wanted = block.attention.project(v * own / (own + 63))
    assert torch.allclose(block.attend(x)[0, 0], wanted, atol=1e-6)


# --- windows


@given(rows=st.integers(1, 3), columns=st.integers(1, 3), side=st.integers(1, 4))
def test_windows_and_back(rows, columns, side):
    x = torch.arange(2.0 * rows * side * columns * side * 3).view(2, rows * side, columns * side, 3)
    cut = swinir.windows(x, side)
    for row, column in itertools.product(range(rows), range(columns)):
        window = x[:, row * side : (row + 1) * side, column * side : (column + 1) * side]
        assert torch.equal(cut[:, row * columns + column], window.reshape(2, side**2, 3))
    assert torch.equal(swinir.from_windows(cut, side, rows * side), x)


def test_every_difference_in_position_has_a_row_of_its_own():
    place = swinir.Attention.relative_positions(3)
    for i, j in itertools.product(range(9), repeat=2):
        down, right = i // 3 - j // 3, i % 3 - j % 3
        assert place[i, j] == 5 * (down + 2) + right + 2


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("size", [(4, 4), (8, 12)])
def test_a_window_against_everybody_asking_everybody(shift, size):
    """Attention among all pixels of the picture, with those outside of one's (shifted) window left out by hand."""
    side, heads, features = 4, 2, 6
    height, width = size
    layer = shaken(swinir.Layer(features, heads, side, shift).double(), 0.5)
    x = torch.randn(1, height, width, features, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    tokens = layer.norm1(x).reshape(height * width, features)
    q, k, v = layer.attention.qkv(tokens).chunk(3, -1)
    asked = torch.zeros(height * width, features, dtype=torch.double)
    for i, head in itertools.product(range(height * width), range(heads)):
        part = slice(head * features // heads, (head + 1) * features // heads)
        row, column = divmod(i, width)
        weights = torch.zeros(height * width, dtype=torch.double)
        for j in range(height * width):
            down, right = row - j // width, column - j % width
            cell = ((row - shift) // side, (column - shift) // side)
            if cell == ((j // width - shift) // side, (j % width - shift) // side):
                entry = (down + side - 1) * (2 * side - 1) + right + side - 1
                logit = (q[i, part] * k[j, part]).sum() / (features // heads) ** 0.5
                weights[j] = (logit + layer.attention.bias[entry, head]).exp()
        asked[i, part] = weights / weights.sum() @ v[:, part]
    y = x + layer.attention.project(asked).view_as(x)
    wanted = y + layer.mlp(layer.norm2(y))
    found = layer(x, swinir.seams(height, width, side, side // 2, like=x))
    assert (found - wanted).abs().max() < 1e-12


@pytest.mark.parametrize(("name", "reach"), [("swinir", 4 * 4 + 7), ("mobilesr", 3 * 8 + 4)])
def test_moved_by_a_window_the_picture_is_the_same(name, reach):
    """Inside, where neither sees a border. Moved by half a window it is not: the windows lie on a grid."""
    net = shaken(course(name, 2, None))
    assert net.receptive_field == 2 * reach + 1
    x = photo(88, 16)
    inside = slice(2 * reach, 2 * (88 - 8 - reach))
    whole = net(x)
    for move, same in ((8, True), (4, False)):
        moved = net(x[..., move : 80 + move, :])
        error = (moved - whole[..., 2 * move : 2 * (80 + move), :])[..., inside, :].abs().max()
        assert (error < 1e-5) == same


@pytest.mark.parametrize(
    ("name", "scale", "variant", "changes"),
    [
        ("swinir", 2, "light", {"window": 4}),
        ("swinir", 3, "classical", {"groups": 1, "window": 4}),
        ("swinir", 4, "real", {"groups": 1, "layers": 3, "window": 3}),
        ("mobilesr", 4, "40", {"ratios": (2, 2), "window": 4}),
        ("mobilesr", 3, "40", {"ratios": (2,)}),
    ],
)
def test_the_receptive_field_is_what_the_gradient_sees(name, scale, variant, changes):
    """The widest view from any place in a window, to the pixel; no view is wider, in either direction."""
    net = shaken(course(name, scale, variant, **changes)).double()
    window, stated = net.window, net.receptive_field
    length = (stated // window + 3) * window
    middle = length // window // 2 * window
    for down in (True, False):
        reaches = []
        for start in range(middle, middle + window):
            x = photo(length, window).double().requires_grad_()
            out = net(x if down else x.transpose(-2, -1))
            out = out if down else out.transpose(-2, -1)
            out[..., scale * start : scale * (start + 1), :].sum().backward()
            rows = x.grad.abs().sum((0, 1, 3))
            rows = (rows > 1e-30).nonzero().flatten()  # what a mask of -100 lets through is 4e-44 of it
            reaches.append(int((rows - start).abs().max()))
        assert 2 * max(reaches) + 1 == stated


def test_swinir_says_what_a_deep_stack_sees():
    assert SwinIR(2).receptive_field == 207
    assert MobileSR(4).receptive_field == 89
    assert MPRNet().receptive_field is None


# --- MPRNet


def test_mprnet_starts_from_its_input_at_every_stage():
    net = course("mprnet", 1, "derain")
    x = photo(11, 16)
    early = net.outputs(x)
    assert len(early) == 3
    assert all((picture - x).abs().max() > 1e-4 for picture in early)
    for path in net.draws:
        nn.init.zeros_(net.get_submodule(path).weight)
    assert all(torch.equal(picture, x) for picture in net.outputs(x))


def test_mprnet_goes_from_parts_to_the_whole():
    """Stage 1 draws each half without knowing the other; stage 2 knows both."""
    net = shaken(course("mprnet", 1, "derain"))
    x = photo(32, 32)
    other = x.clone()
    other[..., 16:, :] = photo(16, 32, seed=1)
    pairs = zip(net.outputs(x), net.outputs(other), strict=True)
    stage1, stage2, stage3 = ((a - b)[..., :16, :].abs().max() for a, b in pairs)
    assert stage1 == 0
    assert stage2 > 1e-4
    assert stage3 > 1e-4
    other = x.clone()
    other[..., 16:] = photo(32, 16, seed=1)  # left and right meet in stage 1's way up
    assert (net.outputs(x)[0] - net.outputs(other)[0])[..., :16].abs().max() > 1e-4


def test_mprnet_has_one_prelu_and_its_weights_survive_a_file(tmp_path):
    net = shaken(course("mprnet", 1, "derain"))
    assert sum(isinstance(m, nn.PReLU) for m in net.modules()) == 1
    assert sum(p.numel() for p in net.state_dict().values()) == sum(p.numel() for p in net.parameters())
    safetensors.torch.save_file(net.state_dict(), tmp_path / "net.safetensors")  # refuses tensors that share memory
    copy = models.create("mprnet", 1, size="course").eval()
    copy.load_state_dict(safetensors.torch.load_file(tmp_path / "net.safetensors"), strict=True)
    assert torch.equal(copy(photo(9, 9)), net(photo(9, 9)))


# --- learning


@pytest.mark.parametrize(
    ("name", "scale", "variant", "size"),
    [
        ("swinir", 2, "light", "paper"),
        ("swinir", 3, "classical", "course"),
        ("swinir", 4, "real", "course"),
        ("mobilesr", 4, "40", "paper"),
        ("mprnet", 1, "derain", "paper"),  # the course's has two channels in a ReLU here and there: both can be 0
    ],
)
def test_every_parameter_gets_a_gradient(name, scale, variant, size):
    torch.manual_seed(0)
    net = models.create(name, scale, variant, size)
    net(photo(9, 11)).square().sum().backward()
    for key, p in net.named_parameters():
        assert p.grad.isfinite().all(), key
        assert p.grad.abs().max() > 0, key


@pytest.mark.parametrize(("name", "scale", "variant"), COURSE)
def test_half_precision_is_finite_and_near(name, scale, variant):
    net, x = course(name, scale, variant), photo(13, 17)
    with torch.autocast("cpu", torch.bfloat16):
        found = net(x)
        found.float().square().mean().backward()
    assert found.isfinite().all()
    assert (found - net(x)).abs().max() < 0.05
    assert all(p.grad.isfinite().all() for p in net.parameters())


# --- wrong input


@pytest.mark.parametrize(
    ("name", "scale", "changes", "sentence"),
    [
        ("swinir", 5, {}, r"scale=5 is not offered here\. Use one of"),
        ("swinir", 2, {"features": 32}, r"features=32 cannot be shared out among heads=6\. Use a multiple of it"),
        ("swinir", 2, {"window": 1}, r"window=1 leaves a pixel nobody to look at\. Use 2 or more"),
        ("swinir", 2, {"tail": "bicubic"}, r"tail='bicubic' is unknown\. Use one of: direct, shuffle, nearest"),
        ("mobilesr", 4, {"heads": 7}, r"features=40 cannot be shared out among heads=7\. Use a multiple of it"),
        ("mprnet", 2, {}, r"scale=2 is not offered here\. Use one of 1"),
        ("mprnet", 1, {"features": 3}, r"features=3 is too few: attention keeps a quarter of them\. Use 4 or more"),
        ("mprnet", 1, {"variant": "dehaze"}, r"variant of mprnet='dehaze' is unknown\. Use one of: derain, denoise"),
    ],
)
def test_networks_that_do_not_exist(name, scale, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        models.create(name, scale, **changes)


# --- other implementations

SPANDREL = """
from spandrel.architectures.SwinIR.__arch.SwinIR import SwinIR as Theirs
from srlib.models.swinir import SwinIR

upsamplers = {"direct": "pixelshuffledirect", "shuffle": "pixelshuffle", "nearest": "nearest+conv"}
for tail, scale in (("direct", 3), ("shuffle", 4), ("nearest", 4)):
    torch.manual_seed(0)
    ours = SwinIR(scale, groups=2, layers=4, features=24, heads=3, tail=tail).eval()
    theirs = Theirs(
        img_size=64, embed_dim=24, depths=[4, 4], num_heads=[3, 3], window_size=8, mlp_ratio=2.0, upscale=scale,
        img_range=1.0, upsampler=upsamplers[tail], resi_connection="1conv",
    ).eval()
    with torch.no_grad():  # equal weights, in the order in which both register them
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            q.copy_(p.add_(0.05 * torch.randn(p.shape)))
        for size in ((16, 24), (21, 30), (8, 8), (5, 9)):
            x = torch.rand(2, 3, *size)
            print(tail, scale, size, (ours(x) - theirs(x)).abs().max().item(), theirs(x).std().item(), sep=";")
"""


@pytest.mark.slow
def test_swinir_against_spandrels():
    rows = [line.split(";") for line in peers.printed(SPANDREL)]
    assert len(rows) == 12
    for row in rows:
        assert float(row[3]) < 1e-5, row
        assert float(row[4]) > 0.01, row  # they do draw something


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "scale", "variant"), [c for c in COURSE if c[:2] != ("mobilesr", 3)] + [("swinir", 2, "classical")]
)
def test_exported_once_it_takes_pictures_of_any_size(name, scale, variant, tmp_path):
    """One ONNX graph with free height and width, mirroring included, agrees with torch."""
    import onnxruntime

    net = shaken(course(name, scale, variant), 0.02)
    free = {2: torch.export.Dim("height", min=2, max=4096), 3: torch.export.Dim("width", min=2, max=4096)}
    program = torch.onnx.export(net, (photo(21, 30),), dynamic_shapes=(free,), dynamo=True, verbose=False)
    program.save(tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    for size in ((24, 32), (40, 16), (21, 30), (8, 8), (5, 9), (2, 3)):
        x = photo(*size)
        (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        assert np.abs(found - net(x).detach().numpy()).max() < 1e-5
