"""A fingerprint is the same for equal networks, and names the first thing in which others differ."""

import copy

import pytest
import torch
from torch import nn

from srlib import fingerprints, models


def made(name="srcnn", scale=2, seed=0, **overrides):
    torch.manual_seed(seed)
    return models.create(name, scale, size="course", **overrides)


def told(theirs, ours):
    return fingerprints.difference(fingerprints.of(theirs), fingerprints.of(ours))


@pytest.mark.parametrize("name", ["srcnn", "fsrcnn", "lapsrn", "drrn", "edsr", "wdsr", "swinir", "mprnet"])
def test_the_weights_do_not_matter(name):
    scale = models.model_class(name).scales[0]
    assert told(made(name, scale), made(name, scale, seed=1)) == ""


def test_the_network_itself_stays_as_it_is():
    net = made("srresnet", 4).train()
    before = copy.deepcopy(net.state_dict())
    fingerprints.of(net)
    assert net.training
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_tensors_first_then_the_size_then_the_pixels():
    right = made("espcn")
    assert told(made("espcn", n2=16), right).startswith("other tensors: 1 of 16")
    small, bent = copy.deepcopy(right), copy.deepcopy(right)
    small.shuffle = nn.Identity()
    bent.tanh = nn.ReLU()
    assert told(small, right) == "another size: 12 x 16 instead of 24 x 32"
    assert told(bent, right).startswith("other pixels: apart by ")


def test_what_it_cannot_see():
    right = made("mdsr")
    swapped = copy.deepcopy(right)
    swapped.enter["x2"], swapped.enter["x4"] = right.enter["x4"], right.enter["x2"]
    assert told(swapped, right) == ""


def test_a_network_that_says_nothing_of_its_colours():
    assert fingerprints.of(nn.Conv2d(3, 5, 3), channels=3).size == (1, 5, 10, 14)


def test_the_wave_is_the_stated_one():
    x = fingerprints.wave(3, 4, 5)
    assert x.shape == (1, 3, 4, 5)
    assert x.dtype == torch.float64
    assert x[0, 2, 1, 3].item() == pytest.approx(0.5 + 0.5 * torch.tensor(0.7 + 3.9 + 4.2).double().sin().item())
