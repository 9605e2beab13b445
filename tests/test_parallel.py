"""Two processes that share a training take the very steps of one."""

import json
import os
import subprocess
import sys

import pytest
import torch
from drawn import draw

from srlib import parallel, recipes, train

RECIPE = {
    "model": "sprint",
    "arguments": {"features": 8, "layers": 2},
    "data": ["T91"],
    "held_out": "Set5",
    "patch": 8,
    "batch": 4,
    "steps": 3,
    "warmup": 1,
    "clip": 0.05,
}
WORKER = """
import json, os, sys
import torch
from srlib import parallel, recipes, train
run = train.fit(recipes.Recipe(**json.loads(sys.argv[1])), "full", checkpoint=sys.argv[2])
mine = list(range(4))[parallel.part(4)]
steps = [(s.loss, s.gradient) for s in run]
told = {"part": mine, "steps": steps, "weights": run.model.state_dict()}
torch.save(told, f"{sys.argv[3]}/rank{os.environ['RANK']}.pt")
parallel.leave()
"""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    draw(tmp_path / "photos", T91=[0, 1], Set5=[2])
    monkeypatch.setenv("SRLIB_PHOTOS", str(tmp_path / "photos"))
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "worker.py").write_text(WORKER)
    return tmp_path


def torchrun(machine, *arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    return subprocess.run(command, cwd=machine, env=environment, capture_output=True, text=True, timeout=240)


def test_two_processes_take_the_steps_of_one(machine):
    checkpoint = machine / "two.ckpt"
    done = torchrun(machine, str(machine / "worker.py"), json.dumps(RECIPE), str(checkpoint), str(machine))
    assert done.returncode == 0, done.stderr[-2000:]
    alone = train.fit(recipes.Recipe(**RECIPE), "full")
    steps = [(s.loss, s.gradient) for s in alone]
    both = [torch.load(machine / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert [theirs["part"] for theirs in both] == [[0, 2], [1, 3]], "each patch goes to one of them"
    for theirs in both:
        torch.testing.assert_close(torch.tensor(theirs["steps"]), torch.tensor(steps), rtol=1e-5, atol=1e-7)
        for name, value in alone.model.state_dict().items():
            torch.testing.assert_close(theirs["weights"][name], value, rtol=1e-4, atol=1e-6)
    resumed = train.fit(recipes.Recipe(**RECIPE), "full", checkpoint=checkpoint)
    assert len(resumed.history) == 3, "one wrote the checkpoint, and a lone process goes on from it"


def test_the_command_line_under_torchrun(machine):
    arguments = ["-m", "srlib", "train", "sprint", "--tier", "smoke", "--data", "T91", "--steps", "4"]
    done = torchrun(machine, *arguments, "--out", str(machine / "out"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("over bicubic on held-out photos") == 1, "only the first process speaks"
    assert sorted(f.name for f in (machine / "out").iterdir() if f.suffix != ".lock") == [
        "ledger.jsonl",
        "sprint_x2.html",
        "sprint_x2.json",
        "sprint_x2.safetensors",
    ]


def test_a_lone_process_shares_with_nobody():
    assert parallel.join(torch.device("cpu")) == torch.device("cpu")
    assert (parallel.size(), parallel.first(), parallel.part(5)) == (1, True, slice(None))
    net = torch.nn.Linear(2, 1)
    net(torch.ones(1, 2)).sum().backward()
    before = net.weight.grad.clone()
    parallel.mean_gradients(net)
    assert torch.equal(net.weight.grad, before)
    assert parallel.means({"loss": 2.0}) == {"loss": 2.0}


def test_a_batch_that_cannot_be_shared(monkeypatch):
    monkeypatch.setattr(parallel, "size", lambda: 3)
    with pytest.raises(ValueError, match=r"batch=4 cannot be shared equally by 3 processes\. Use a multiple of 3\."):
        parallel.part(4)


def test_the_others_wait_until_the_first_has_scored(monkeypatch):
    """Who leaves early takes torchrun's other processes along, in the middle of their work."""
    done = []
    monkeypatch.setattr(parallel.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(parallel.distributed, "barrier", lambda: done.append("waited"))
    monkeypatch.setattr(parallel.distributed, "destroy_process_group", lambda: done.append("left"))
    parallel.leave()
    assert done == ["waited", "left"]


def test_each_process_has_its_gpu_before_they_meet(monkeypatch):
    done = []
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: done.append(str(device)))
    monkeypatch.setattr(parallel.distributed, "is_initialized", lambda: False)
    monkeypatch.setattr(parallel.distributed, "init_process_group", lambda backend, timeout: done.append(backend))
    assert parallel.join(torch.device("cuda")) == torch.device("cuda", 2)
    assert done == ["cuda:2", "nccl"]
    done.clear()
    assert parallel.join(torch.device("cpu")) == torch.device("cpu")  # what was asked for, whatever there is
    assert done == ["gloo"]
