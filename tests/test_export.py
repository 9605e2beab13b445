"""ONNX files against torch, by onnxruntime."""

import importlib.util

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from srlib import cli, export, models

QUICK = ("fsrcnn", "drcn", "lapsrn", "srresnet", "wdsr", "rcan")  # one of each kind of layer; the others are slow
NETWORKS = [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in models.names() if n != "ignn"]


@pytest.mark.parametrize("name", NETWORKS)
def test_onnxruntime_draws_the_same(name, tmp_path):
    import onnxruntime

    torch.manual_seed(0)
    net = models.create(name, models.model_class(name).scales[0], size="course")
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.02 * torch.randn_like(p))
    file = export.to_onnx(net, tmp_path / "deep" / "net.onnx")
    assert [f.name for f in file.parent.iterdir()] == ["net.onnx"]
    assert b".py" not in file.read_bytes(), "it says where on this machine it was written"
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for height, width in ((16, 24), (33, 21)):
        x = torch.rand(1, 1 if net.space == "y" else 3, height, width)
        with torch.no_grad():
            ours = net(x)
        (theirs,) = session.run(["sr"], {"x": x.numpy()})
        assert (torch.from_numpy(theirs) - ours).abs().max() < 1e-5


def test_what_cannot_be_exported(tmp_path):
    with pytest.raises(ValueError, match=r"IGNN searches the picture itself .* Export another network\."):
        export.to_onnx(models.create("ignn", size="course"), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_without_its_packages_it_says_what_to_install(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    blocked = {"onnx", "onnxscript", "onnxruntime"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in blocked else find(name, *a))
    with pytest.raises(ModuleNotFoundError, match=r"needs onnx and onnxscript, .* Run: pip install onnx onnxscript$"):
        export.to_onnx(models.create("espcn", 2), tmp_path / "net.onnx")
    with pytest.raises(ModuleNotFoundError, match=r"Run: pip install onnxruntime$"):
        export.to_int8(tmp_path / "net.onnx", [], tmp_path / "int8.onnx")
    said = CliRunner().invoke(cli.app, ["export", "espcn", "--scale", "2", "-o", str(tmp_path / "net.onnx")])
    assert said.exit_code == 1
    assert "pip install onnx onnxscript" in " ".join(said.output.split())
    assert not list(tmp_path.iterdir())


# --- in fewer bits


def test_int8_files_are_smaller_and_nearly_draw_the_same(tmp_path):
    import onnxruntime

    torch.manual_seed(0)
    net = models.create("espcn", 2)
    pictures = [torch.rand(1, 1, 20, 24) for _ in range(3)]
    file = export.to_onnx(net, tmp_path / "net.onnx")
    small = export.to_int8(file, pictures, tmp_path / "deep" / "int8.onnx")
    assert [f.name for f in small.parent.iterdir()] == ["int8.onnx"]
    assert small.stat().st_size < 0.6 * file.stat().st_size
    drawn = [
        onnxruntime.InferenceSession(f, providers=["CPUExecutionProvider"]).run(["sr"], {"x": pictures[0].numpy()})[0]
        for f in (file, small)
    ]
    error = abs(drawn[1] - drawn[0]).max()
    assert 0 < error < 0.1 * abs(drawn[0]).max()


def toy():
    conv = nn.Conv2d(1, 3, (1, 4))
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[7, -3.4, 0.6, 0], [0.7, 0.34, -0.06, 0], [0, 0, 0, 0]]).view(3, 1, 1, 4))
    return conv


def test_four_bits_by_hand():
    rounded = export.rounded(net := toy(), 4)  # whole numbers from -7 to 7
    wanted = torch.tensor([[7, -3, 1, 0], [0.7, 0.3, -0.1, 0], [0, 0, 0, 0]])
    assert torch.allclose(rounded.weight.view(3, 4), wanted, atol=1e-6)
    assert torch.equal(rounded.bias, net.bias)
    assert torch.equal(net.weight, toy().weight)  # a copy
    together = export.rounded(net, 4, per_channel=False).weight.view(3, 4)
    assert torch.allclose(together[1], torch.tensor([1.0, 0, 0, 0]))


def test_more_bits_are_nearer_and_larger():
    net = models.create("mobilesr", 4, size="course")
    errors = [
        sum((a - b).abs().sum() for a, b in zip(net.parameters(), export.rounded(net, bits).parameters(), strict=True))
        for bits in (2, 4, 8, 16)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3 * errors[0]
    sizes = [export.stored_bytes(net, bits) for bits in (2, 4, 8, 16, 32)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 4 * sum(p.numel() for p in net.parameters())


def test_stored_bytes_by_hand():
    assert export.stored_bytes(toy(), 4) == 12 // 2 + 4 * 3 + 4 * 3
    assert export.stored_bytes(toy(), 4, per_channel=False) == 12 // 2 + 4 * 3 + 4


@pytest.mark.parametrize("bits", [1, 0, 2.5])
def test_too_few_bits(bits):
    with pytest.raises(ValueError, match="at least 2: one bit has no room"):
        export.rounded(toy(), bits)


def test_a_table_of_biases_is_no_kernel():
    net = models.create("swinir", 2, size="course")
    tables = [p for name, p in net.named_parameters() if "bias" in name and p.ndim == 2]
    assert tables, "where a pixel stands in its window"
    assert not any(table is kernel for table in tables for kernel in export.kernels(net))


def test_lengths_of_weight_norm_are_no_kernels():
    """They are one number for each filter, and stay as they are."""
    net = models.create("wdsr", 2, size="course")
    lengths = [p for name, p in net.named_parameters() if name.endswith("original0")]
    assert lengths
    assert not {id(p) for p in lengths} & {id(p) for p in export.kernels(net)}
    assert len(export.kernels(net)) == len(lengths)
