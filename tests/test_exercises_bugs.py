"""Every exhibit is a mistake: it changes what it says it changes, in the direction it claims, and the right one stays.

On trained weights where the course ships them, under the fingerprint's fill everywhere else.
"""

import copy
import re

import pytest
import torch
from conftest import ROOT

from srlib import datasets, figures, fingerprints, losses, models, weights
from srlib.exercises import bugs, judgements, mistakes

NETWORKS = [bug for bug in bugs.ALL if bug.kind == "network"]
SHOWN = [bug for bug in bugs.ALL if bug.shown]
#: what a fingerprint cannot see: equal shapes that changed places, training mode, and what happens only in pictures
#: larger than its wave
ESCAPE = {"the wrong entrance", "left in training mode", "attention in tiles"}
#: whose parameters are other ones: the weights file does not fit
OTHER_SHAPES = {"norms lost in the port", "half of the scale", "lengths and directions", "three blocks for sixteen"}


def ident(bug):
    return bug.name.replace(" ", "-")


@pytest.fixture(scope="module")
def photos():
    details = {}
    for name, image in datasets.photos("bundled", split="test"):
        details[name] = figures.cut(image, *((n - 96) // 2 for n in image.shape[1:]), 96)
    return details


def test_there_are_enough_and_each_has_a_name_of_its_own():
    assert len({bug.name for bug in bugs.ALL}) == len(bugs.ALL) >= 12
    assert len({bug.chapter for bug in bugs.ALL}) >= 10
    assert {bug.kind for bug in bugs.ALL} == {"network", "start", "judge", "loss"}
    assert {bug.sign for bug in bugs.ALL} == {"down", "up", "either"}
    assert bugs.get("zero padding") is next(bug for bug in bugs.ALL if bug.make is mistakes.zero_padding)
    with pytest.raises(ValueError, match="zero padding"):
        bugs.get("no such mistake")


@pytest.mark.parametrize("bug", bugs.ALL, ids=ident)
def test_each_says_what_people_wrote_and_why_it_hides(bug):
    assert len(bug.wrote) > 10
    assert len(bug.hides) > 10
    assert bug.hides.endswith(".")


@pytest.mark.parametrize("bug", bugs.ALL, ids=ident)
def test_each_belongs_to_a_chapter_of_the_book(bug):
    assert re.search(rf"file: \d+_{bug.chapter}$", (ROOT / "book" / "_toc.yml").read_text(), re.M)


@pytest.mark.parametrize("bug", NETWORKS, ids=ident)
def test_the_fingerprint_tells_the_broken_network_from_the_right_one(bug):
    right = bug.untrained()
    before = copy.deepcopy(right.state_dict())
    found = fingerprints.difference(fingerprints.of(bug.broken(right)), fingerprints.of(right))
    assert (found == "") == (bug.name in ESCAPE)
    assert found.startswith("other tensors") == (bug.name in OTHER_SHAPES)
    assert all(torch.equal(v, before[k]) for k, v in right.state_dict().items()), "the right one was changed"


@pytest.mark.parametrize("bug", NETWORKS, ids=ident)
def test_the_repaired_network_is_the_right_one(bug):
    """The mistake taken out again: the right class, with the weights that the broken one still has."""
    right = bug.untrained()
    broken = bug.broken(right)
    assert fingerprints.difference(fingerprints.of(bug.untrained()), fingerprints.of(right)) == ""
    if bug.name in OTHER_SHAPES:  # the weights are lost
        with pytest.raises(RuntimeError, match="Error"):
            right.load_state_dict(broken.state_dict())
    elif bug.make not in (mistakes.InTiles, mistakes.wrong_entrance):
        file = {k: v for k, v in broken.state_dict().items() if k in right.state_dict()}
        repaired = bug.untrained()
        repaired.load_state_dict(file)
        x = fingerprints.wave(1 if right.space == "y" else 3).float()
        with torch.no_grad():
            assert torch.equal(repaired(x), right(x))


@pytest.mark.parametrize("bug", NETWORKS, ids=ident)
def test_what_escapes_the_fingerprint_changes_the_picture(bug):
    torch.manual_seed(0)
    right = bug.untrained()
    with torch.no_grad():
        for p in right.parameters():  # a network as drawn may draw next to nothing
            p += 0.05 * torch.randn(p.shape)
        x = torch.rand(1, 1 if right.space == "y" else 3, 64, 64)
        a, b = right(x), bug.broken(right)(x)
    assert a.shape != b.shape or (a - b).abs().max() > 1e-5


@pytest.mark.parametrize("bug", SHOWN, ids=ident)
def test_the_decibels_go_where_they_are_said_to_go(bug, photos):
    net = weights.load(bug.file, bug.scale)
    moved = [wrong.db - right.db for right, wrong in (bug.trials(photo, net) for photo in photos.values())]
    if bug.sign == "down":
        assert sum(moved) / len(moved) < -0.003
    elif bug.sign == "up":
        assert sum(moved) / len(moved) > 0.003
    assert any(moved)


@pytest.mark.parametrize("bug", [bug for bug in bugs.ALL if bug.kind == "judge"], ids=ident)
def test_a_wrong_judgement_leaves_the_network_alone(bug, photos):
    assert bug.shown, f"the course ships no weights of {bug.file} x{bug.scale} any more"
    net = weights.load(bug.file, bug.scale)
    assert bug.broken(net) is net
    first = bug.trials(photos["coffee"], net)[0]
    assert first.db == judgements.trial(net, photos["coffee"]).db


def test_full_swing_costs_the_same_on_every_photo(photos):
    """Errors grow by 255 / 219, whatever the picture."""
    for photo in photos.values():
        right, wrong = bugs.get("full-swing luma").trials(photo)
        assert wrong.db - right.db == pytest.approx(-1.3219, abs=0.03)  # what is clipped is not stretched


def test_the_start_by_width_hits_other_layers_in_another_width():
    for n1, n2, hit in ((64, 32, ["place"]), (32, 16, ["map"]), (48, 24, [])):
        net = mistakes.start_by_width(models.create("espcn", 3, n1=n1, n2=n2))
        small = [name for name in ("extract", "map", "place") if getattr(net, name).weight.std() < 0.002]
        assert small == hit


def test_two_sigmoids_leave_a_tenth_of_the_slope_and_least_where_the_judge_is_sure():
    z = torch.linspace(-6, 6, 25)[:, None].requires_grad_()
    bug = bugs.get("sigmoid twice")
    once, twice = (torch.autograd.grad(loss(z, z), z)[0].abs() for loss in (bug.instead, bug.make))
    assert twice.max() < 0.1 * once.max()
    assert twice[0] < 0.002 * once[0]
    assert bug.instead is losses.fooling


def test_one_by_one_is_the_average_in_a_batch_of_one():
    bug, generator = bugs.get("one by one"), torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 8, 1, generator=generator)
    assert bug.make(real, fake) != bug.instead(real, fake)
    assert bug.make(real[:1], fake[:1]) == bug.instead(real[:1], fake[:1])
