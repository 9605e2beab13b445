"""ONNX files against torch, by onnxruntime."""

import pytest
import torch

from srlib import export, models

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
