"""Graphs without weights: filled again they are the network; and what the page "Try it" is built from is whole."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess

import numpy as np
import onnx
import pytest
import torch

from srlib import campaign, export, graphs, models, weights

QUICK = {"fsrcnn_x2", "sprint_x3", "vdsr_x4", "lapsrn_x4"}  # the others are slow


@pytest.fixture(scope="module")
def home(root):
    return root / "book" / "_tryit"


def labels():
    trained = [training.recipe.to_dict() for training in campaign.queue()]
    return sorted(f"{weights.name_of(r)}_x{s}" for r in trained for s in r.get("scales") or [r["scale"]])


def made_again(hollow):
    """The network that a graph was made from, with weights that the graph has never seen."""
    made = graphs.about(hollow)["made"]
    torch.manual_seed(7)
    net = models.create(made["model"], made["scale"], made["variant"], made["size"], **made["arguments"]).eval()
    with torch.no_grad():
        for value in net.state_dict().values():
            if value.is_floating_point():
                value.add_(0.02 * torch.randn_like(value))
    return net


def drawn(file, x):
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["sr"], {"x": x.numpy()})[0])


@pytest.mark.parametrize(
    "label",
    [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in labels() if not n.startswith("ignn")],
)
def test_a_graph_filled_with_other_weights_is_that_network(label, home):
    hollow = gzip.decompress((home / "graphs" / f"{label}.onnx.gz").read_bytes())
    net = made_again(hollow)
    whole = graphs.fill(hollow, {name: value.numpy() for name, value in net.state_dict().items()})
    for height, width in ((24, 32), (33, 29)):
        x = torch.rand(1, 1 if net.space == "y" else 3, height, width)
        with torch.no_grad():
            ours = net(x)
        assert (drawn(whole, x) - ours).abs().max() < 2e-5 * max(1, ours.abs().max())
    assert len(hollow) < len(whole)


def test_every_network_of_the_campaign_has_its_graph(home):
    there = {file.name.removesuffix(".onnx.gz") for file in (home / "graphs").iterdir()}
    assert there == {label for label in labels() if not label.startswith("ignn")}, "python tools/tryit.py graphs"


@pytest.fixture(scope="module")
def espcn():
    """A network, and its graph."""
    net = models.create("espcn", 2).eval()
    return net, export.graph(net, made={"model": "espcn"})


def test_half_precision_is_kept_and_widened(espcn):
    net, hollow = espcn
    narrow = {name: value.numpy().astype(np.float16) for name, value in net.state_dict().items()}
    whole = graphs.fill(hollow, narrow)
    kinds = [tensor.data_type for tensor in onnx.load_model_from_string(whole).graph.initializer]
    assert kinds.count(onnx.TensorProto.FLOAT16) == len(narrow)
    net.load_state_dict({name: torch.from_numpy(value).float() for name, value in narrow.items()})
    x = torch.rand(1, 1, 20, 24)
    with torch.no_grad():
        assert (drawn(whole, x) - net(x)).abs().max() < 1e-6


def test_the_same_network_gives_the_same_bytes_and_names_no_machine(espcn, root):
    again = export.graph(models.create("espcn", 2), made={"model": "espcn"})
    assert again == espcn[1]
    for trace in (b".py", b"site-packages", str(root).encode()):
        assert trace not in again
    assert graphs.about(again)["made"] == {"model": "espcn"}
    assert graphs.about(again)["halo"] == 4


def test_weights_that_do_not_fit_are_refused(espcn):
    net, hollow = espcn
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    first = next(iter(state))
    with pytest.raises(
        graphs.GraphError, match=rf"The graph needs {first} of shape .* missing in the weights\. Export"
    ):
        graphs.fill(hollow, {k: v for k, v in state.items() if k != first})
    with pytest.raises(graphs.GraphError, match=r"but it is of shape \[2, 2\] in the weights"):
        graphs.fill(hollow, {**state, first: np.zeros((2, 2), np.float32)})


# ---------------------------------------------------------------- onnxruntime-web


def test_the_runtime_is_what_its_checksums_say(home):
    vendor = home / "vendor"
    for name, digest in json.loads((vendor / "sha256.json").read_text()).items():
        packed = vendor / f"{name}.gz"
        content = gzip.decompress(packed.read_bytes()) if packed.exists() else (vendor / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
    lock = json.loads((vendor / "package-lock.json").read_text())["packages"]
    wanted = json.loads((vendor / "package.json").read_text())["dependencies"]["onnxruntime-web"]
    assert lock["node_modules/onnxruntime-web"]["version"] == wanted
    assert all("resolved" not in package for package in lock.values())
    assert "MIT" in (vendor / "LICENSE").read_text()


def unasked(why):
    """Skip and say why; a failure where npm must answer."""
    pytest.fail(why) if os.environ.get("SRLIB_REQUIRE_PEERS") else pytest.skip(why)


@pytest.mark.slow  # the test above holds the committed files against their checksums, everywhere
def test_the_runtime_is_the_one_that_npm_serves(home, tmp_path):
    npm = shutil.which("npm")
    if npm is None:
        unasked("npm is not installed")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(home / "vendor" / name, tmp_path)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ, timeout=600)
    if done.returncode and any(word in done.stderr for word in ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT")):
        unasked("npm's registry cannot be reached")
    assert done.returncode == 0, done.stderr[-2000:]
    for name, digest in json.loads((home / "vendor" / "sha256.json").read_text()).items():
        content = (tmp_path / "node_modules" / "onnxruntime-web" / "dist" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
