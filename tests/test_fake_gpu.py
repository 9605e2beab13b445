"""Is the make-believe GPU as strict as a real one, and no stricter? One fault of each kind is planted and caught."""

import copy

import fake_gpu
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn import draw
from torch import nn

from srlib import losses, recipes, sampling, train


@pytest.fixture
def gpu():
    with fake_gpu.present("cuda") as gpu:
        yield gpu


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return f"{draw(tmp_path_factory.mktemp('photos'), side=40, mine=[0, 1]) / 'mine'}/"


def training(photos, name="edsr", **changes):
    given = {"data": [photos], "held_out": photos, "steps": 2, "every": 1, "batch": 2, "patch": 8}
    return train.fit(recipes.get(name), "smoke", **given | changes)


# ---------------------------------------------------------------- what is there, and stays there


def test_what_is_made_of_it_is_there_too(gpu):
    x = torch.rand(1, 1, 8, 8).to("cuda")
    for y in (x + 1, x[0], x.mean(), x.new_zeros(2), torch.ones_like(x), torch.zeros(2, device="cuda"), x.detach()):
        assert y.device == torch.device("cuda", 0), y
        assert y.is_cuda
    assert x.cpu().device.type == "cpu"
    assert torch.zeros_like(x, device="cpu").device.type == "cpu"
    assert [part.is_cuda for part in x.max(-1)] == [True, True]


def test_it_computes_real_numbers(gpu):
    x, w = torch.rand(2, 3, 8, 8), torch.rand(4, 3, 3, 3)
    assert torch.equal(F.conv2d(x.cuda(), w.cuda()).cpu(), F.conv2d(x, w))


def test_what_is_moved_is_another_tensor(gpu):
    x = torch.zeros(3)
    there = x.to("cuda")
    there += 1
    back = there.cpu()
    back += 1
    assert (x.tolist(), there.tolist(), back.tolist()) == ([0] * 3, [1] * 3, [2] * 3)
    assert there.to("cuda") is there


def test_a_network_moves_with_its_parameters_and_gradients(gpu):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    first = next(net.parameters())
    net.to("cuda")
    assert next(net.parameters()) is first, "an optimiser would hold on to another parameter"
    assert {t.device.type for t in (*net.parameters(), *net.buffers())} == {"cuda"}
    net(torch.rand(2, 1, 8, 8, device="cuda")).sum().backward()
    assert first.grad.device.type == "cuda"
    twin = copy.deepcopy(net)
    assert isinstance(next(twin.parameters()), nn.Parameter)
    net.cpu()
    assert next(net.parameters()) is first
    assert {t.device.type for t in (*net.parameters(), *net.buffers())} == {"cpu"}
    assert next(twin.parameters()).device.type == "cuda"


def test_torch_says_that_there_is_a_gpu_only_while_it_is_present():
    before = torch.cuda.is_available()
    with fake_gpu.present("cuda"):
        assert torch.cuda.is_available()
    with fake_gpu.present("mps"):
        assert torch.backends.mps.is_available()
    assert torch.cuda.is_available() == before
    with pytest.raises(ValueError, match="tpu"), fake_gpu.present("tpu"):
        pass


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_on_another_torch_it_says_what_is_missing(monkeypatch, required, outcome):
    monkeypatch.delattr(torch._C, "DisableTorchFunctionSubclass")
    monkeypatch.setenv("SRLIB_REQUIRE_PEERS", required)
    with pytest.raises(outcome, match="has no DisableTorchFunctionSubclass"), fake_gpu.present("cuda"):
        pass


def test_waits_are_counted(gpu):
    x = torch.rand(3, device="cuda")
    assert gpu.waits == 0
    x.sum().item(), float(x[0]), bool((x >= 0).all()), x.tolist()
    assert gpu.waits == 4
    torch.rand(3).tolist()
    assert gpu.waits == 4


def test_a_file_of_it_can_be_read_without_a_gpu(gpu, tmp_path):
    torch.save({"x": torch.ones(2, device="cuda")}, tmp_path / "x.pt")
    assert type(torch.load(tmp_path / "x.pt", weights_only=True)["x"]) is torch.Tensor
    assert torch.load(tmp_path / "x.pt", map_location="cuda", weights_only=True)["x"].device.type == "cuda"


# ---------------------------------------------------------------- what a real one refuses


@pytest.mark.parametrize(
    "wrong",
    [
        lambda here, there: here + there,
        lambda here, there: there.mul_(here),
        lambda here, there: here.copy_(there).add_(there),
        lambda here, there: F.l1_loss(there, here),
        lambda here, there: torch.cat([there, here]),
        lambda here, there: torch.stack([there.sum(), here.sum()]),
        lambda here, there: torch.where(there > 0, there, here),
        lambda here, there: torch.zeros(()).add_(there.sum()),
        lambda here, there: here[there.argmax(0)],
        lambda here, there: there.index_select(0, torch.arange(2)),
        lambda here, there: there.index_put_((torch.arange(2),), here[:2]),
        lambda here, there: torch.searchsorted(here[0].sort()[0], there[0]),
        lambda here, there: F.conv2d(there[None, None], torch.ones(1, 1, 3, 3)),
        lambda here, there: F.conv2d(here[None, None], torch.ones(1, 1, 3, 3, device="cuda")),
        lambda here, there: F.conv2d(there[None, None], torch.ones(1, 1, 3, 3, device="cuda"), torch.ones(1)),
        lambda here, there: torch.einsum("ij,jk->ik", there, here),
        lambda here, there: torch.rand(2, device="cuda", generator=torch.Generator()),
        lambda here, there: there.normal_(generator=torch.Generator()),
    ],
)
def test_two_devices_do_not_mix(gpu, wrong):
    with pytest.raises(fake_gpu.Mixed, match="expected"):
        wrong(torch.rand(4, 4), torch.rand(4, 4).to("cuda"))


def test_what_a_real_one_takes_is_taken(gpu):
    here, there = torch.rand(4, 4), torch.rand(4, 4).to("cuda")
    for y in (
        there * torch.tensor(2.0, dtype=torch.float64),  # a single number, even of 64 bits
        there[torch.tensor([0, 2])],
        there[here > 0.5],
        there.copy_(here),
        torch.where(there > 0, there, torch.tensor(0.0)),
    ):
        assert y.is_cuda
    there[1:3] = here[1:3]
    here[:2] = there[:2]
    assert torch.equal(here, there.cpu())
    assert here.type_as(there).is_cuda


@pytest.mark.parametrize("wrong", [lambda x: x.numpy(), np.asarray, lambda x: x.detach().numpy()])
def test_no_array_is_made_of_what_is_there(gpu, wrong):
    with pytest.raises(TypeError, match=r"can't convert cuda:0 .* to numpy"):
        wrong(torch.rand(2, 2).to("cuda"))


@pytest.mark.parametrize(
    "wrong",
    [lambda x: x.double(), lambda x: torch.ones(2, dtype=torch.float64).to("mps"), lambda x: x.to(torch.float64)],
)
def test_mps_has_no_doubles(wrong):
    with fake_gpu.present("mps"):
        x = torch.rand(3).to("mps")
        assert (x * 2.5).device.type == "mps"
        with pytest.raises(fake_gpu.NoDoubles, match="float64"):
            wrong(x)


# ---------------------------------------------------------------- one fault of each kind, in a training


def test_a_training_without_fault_takes_its_steps(gpu, photos):
    run = training(photos).finish()
    assert run.device.type == "cuda"
    assert len(run.history) == 2


def a_weight_left_behind(run, patch):
    weight = next(run.model.parameters())
    weight.data = weight.data.cpu()


def a_bias_left_behind(run, patch):
    bias = next(p for name, p in run.model.named_parameters() if name.endswith("bias"))
    bias.data = bias.data.cpu()


def the_network_taken_away(run, patch):
    run.model.cpu()


def an_input_left_behind(run, patch):
    sample = sampling.PatchPool.sample
    patch.setattr(sampling.PatchPool, "sample", lambda *given: tuple(t.cpu() for t in sample(*given)))


def a_constant_of_the_loss(run, patch):
    weights = lambda sr, hr: ((sr - hr).abs() * torch.tensor([1.0, 2.0, 1.0]).view(3, 1, 1)).mean()  # noqa: E731
    patch.setitem(losses.LOSSES, "l1", weights)


def a_constant_of_the_network(run, patch):
    forward = type(run.model).forward
    patch.setattr(type(run.model), "forward", lambda net, x: forward(net, x.flip(-1)[..., torch.arange(8)] + OFFSET))


def a_hand_on_its_memory(run, patch):
    patch.setattr(run, "_loss", lambda drawn, y: drawn[0].mean() + float(y.numpy().mean()))


OFFSET = torch.zeros(1, 3, 1, 1)


@pytest.mark.parametrize(
    "plant",
    [
        a_weight_left_behind,
        a_bias_left_behind,
        the_network_taken_away,
        an_input_left_behind,
        a_constant_of_the_loss,
        a_constant_of_the_network,
        a_hand_on_its_memory,
    ],
)
def test_a_planted_fault_is_caught(gpu, photos, monkeypatch, plant):
    run = training(photos)
    plant(run, monkeypatch)
    with pytest.raises((fake_gpu.Mixed, TypeError)) as caught:
        run.finish()
    assert "cuda:0" in str(caught.value)


def test_a_planted_double_is_caught(photos, monkeypatch):
    with fake_gpu.present("mps"):
        run = training(photos, device="mps")
        monkeypatch.setattr(run, "_loss", lambda drawn, y: drawn[0].double().mean())
        with pytest.raises(fake_gpu.NoDoubles):
            run.finish()
