"""The queue of trainings: in order, interruptible, done when it says so, and honest about what it stores."""

import json

import pytest
import torch
from drawn import draw

from srlib import campaign, datasets, images, paths, recipes, synthetic, weights

ENTRY = """
[[training]]
name = "sprint"
scales = [2, 3]
tier = "smoke"
arguments = { features = 8, layers = 2 }
data = ["T91"]
held_out = "Set5"
patch = 8
batch = 2
steps = 6
every = 3

[[training]]
name = "vdsr"
scales = [2]
tier = "smoke"
data = ["T91"]
held_out = "Set5"
steps = 2
"""


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """Small drawn pictures stand in for the photo sets."""
    draw(tmp_path / "photos", T91=[0, 1], Set5=[2], Set14=[3], BSD100=[4])
    monkeypatch.setenv("SRLIB_PHOTOS", str(tmp_path / "photos"))
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "campaign.toml").write_text(ENTRY)
    return tmp_path


@pytest.fixture
def queue(machine):
    return campaign.queue(machine / "campaign.toml")


def test_the_courses_own_queue_can_be_followed():
    found = campaign.queue()
    assert len({t.label for t in found}) == len(found), "two trainings would write the same file"
    for training in found:
        assert training.recipe.held_out not in (*campaign.SETS, "T91")
        assert not set(training.recipe.data) & set(campaign.SETS)
        assert training.recipe.tiers == {}


def test_nobody_is_scored_on_pictures_it_has_learned_from():
    """BSD200 shares pictures with Rain100L, on which every network that takes rain away is scored."""
    full = recipes.get("mprnet", variant="derain").at("full")
    for recipe in [full, *(t.recipe for t in campaign.queue() if t.recipe.variant == "derain")]:
        assert "BSD200" not in (*recipe.data, recipe.held_out)


def test_what_is_usual_holds_where_an_entry_says_nothing(machine):
    usual = '[usual]\ntier = "smoke"\nsteps = 9\nseed = 5\n'
    (machine / "campaign.toml").write_text(usual + ENTRY.replace('tier = "smoke"\n', "", 1))
    first = campaign.queue(machine / "campaign.toml")[0].recipe
    assert (first.steps, first.seed, first.every) == (6, 5, 3)


def test_a_network_for_several_scales_can_be_trained_for_one_alone(machine):
    entry = '[[training]]\nname = "drrn"\nscales = [2]\ntier = "laptop"\n'
    (machine / "campaign.toml").write_text(entry + entry.replace("[2]", "[2]\nalone = true"))
    assert [t.recipe.scales for t in campaign.queue(machine / "campaign.toml")] == [[2, 3, 4], []]


def test_entries_become_recipes(queue):
    assert [t.label for t in queue] == ["sprint_x2", "sprint_x3", "vdsr_x2"]
    assert [t.recipe.steps for t in queue] == [6, 6, 2]
    assert queue[0].recipe.arguments == {"features": 8, "layers": 2}
    assert queue[2].recipe.size == "course", "from the network's own recipe"


def test_a_wrong_entry(machine):
    (machine / "campaign.toml").write_text(ENTRY.replace("patch = 8", "patches = 8"))
    with pytest.raises(ValueError, match=r"recipe field='patches' is unknown"):
        campaign.queue(machine / "campaign.toml")


def test_trained_once_and_known_to_be(queue, tmp_path):
    folder = tmp_path / "weights"
    first, second, _ = queue
    assert not first.done(folder)
    assert [step.step for step in campaign.work(first, folder)] == [1, 2, 3, 4, 5, 6]
    assert first.done(folder)
    assert not second.done(folder)
    changed = campaign.Training(recipes.with_changes(first.recipe, lr=1e-4))
    assert not changed.done(folder), "another recipe is another training"
    card = folder / "sprint_x2.json"
    older = json.loads(card.read_text())
    del older["recipe"]["half"]
    card.write_text(json.dumps(older))
    assert first.done(folder), "a card older than a field of recipes means that field's default"
    looked = campaign.Training(recipes.with_changes(first.recipe, every=2, smoke_gain=9.0))
    assert looked.done(folder), "how it is looked at and judged changes no weight"
    older["recipe"]["from_the_future"] = 1
    card.write_text(json.dumps(older))
    assert not first.done(folder)
    assert not list(paths.runs().glob("*.ckpt"))


def test_what_the_card_and_the_ledger_say(queue, tmp_path):
    from srlib import benchmark, ledger

    folder = tmp_path / "weights"
    list(campaign.work(queue[0], folder))
    card = weights.card("sprint", 2, folder)
    assert card["recipe"] == queue[0].recipe.to_dict()
    assert card["data"] == {name: campaign.fingerprint(name) for name in ("T91", "Set5")}
    assert {"seconds", "device", "commit", "date", "gain_db", "torch"} <= set(card)
    assert list(card["scores"]) == ["Set5 x2 paper_y", "Set14 x2 paper_y", "BSD100 x2 paper_y"]
    net = weights.load("sprint", 2, folder)
    (row,) = benchmark.run(net, "Set5", name="sprint")
    assert card["scores"]["Set5 x2 paper_y"] == [row["psnr"], row["ssim"]], "the score of the file, not of the training"
    rows = ledger.rows(folder / "ledger.jsonl")
    assert [r["dataset"] for r in rows] == ["Set5", "Set14", "BSD100"]
    assert {r["weights"] for r in rows} == {benchmark.fingerprint(net)}


def test_the_courses_own_folder_has_the_courses_own_ledger(queue, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "data", lambda: tmp_path / "data")
    list(campaign.work(queue[0], tmp_path / "data" / "weights"))
    assert len((tmp_path / "data" / "results" / "ledger.jsonl").read_text().splitlines()) == 3
    assert not (tmp_path / "data" / "weights" / "ledger.jsonl").exists()


def test_killed_it_goes_on_to_the_same_weights(queue, tmp_path):
    training = queue[0]
    list(campaign.work(training, tmp_path / "whole"))
    steps = campaign.work(training, tmp_path / "pieces", minutes=0)
    assert [s.step for s in steps] == [1], "the time is up after the first step"
    assert not training.done(tmp_path / "pieces")
    assert [s.step for s in campaign.work(training, tmp_path / "pieces")] == [2, 3, 4, 5, 6]
    whole, pieces = (weights.load("sprint", 2, tmp_path / name) for name in ("whole", "pieces"))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), pieces.parameters(), strict=True))


def test_half_precision_only_where_it_costs_nothing(queue, tmp_path, monkeypatch):
    def stored():
        list(campaign.work(queue[0], tmp_path / "weights"))
        return (tmp_path / "weights" / "sprint_x2.safetensors").stat().st_size

    small = stored()
    monkeypatch.setattr(campaign, "_gain_of_half", lambda run: run.gain() - 0.006)
    parameters = sum(p.numel() for p in weights.load("sprint", 2, tmp_path / "weights").parameters())
    assert stored() == small + 2 * parameters


def test_the_gain_of_half_leaves_the_weights_alone(queue, tmp_path):
    from srlib import train

    run = train.fit(queue[0].recipe, "full").finish()
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    assert abs(campaign._gain_of_half(run) - run.gain()) < 0.1
    assert all(torch.equal(v, before[k]) for k, v in run.model.state_dict().items())


def test_other_photos_have_another_fingerprint(machine):
    before = campaign.fingerprint("T91")
    assert before == campaign.fingerprint("T91")
    images.save(machine / "photos" / "T91" / "0.png", synthetic.picture(9, side=48))
    assert campaign.fingerprint("T91") != before
    assert len(datasets.photos("T91")) == 2


def test_killed_while_it_is_scored_it_is_scored_the_next_time(queue, machine, monkeypatch):
    folder = machine / "weights"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as m:
        m.setattr(campaign, "_scored", killed)
        with pytest.raises(KeyboardInterrupt):
            list(campaign.work(queue[0], folder))
    assert not queue[0].done(folder)
    assert list(campaign.work(queue[0], folder)) == [], "nothing is left to train"
    assert queue[0].done(folder)
    assert weights.card("sprint", 2, folder)["scores"]


def test_a_name_that_is_no_valid_text_has_a_fingerprint(monkeypatch):
    photo = datasets.Photo("h\udcfctte", torch.zeros(3, 4, 4))
    monkeypatch.setattr(datasets, "photos", lambda name: [photo])
    assert len(campaign.fingerprint("mine")) == 16


def test_the_terminal_gets_its_priority_back(machine):
    group = machine / "autogroup"
    group.write_text("19")
    campaign._give_back(group, "0")
    assert group.read_text() == "0"
    campaign._give_back(machine / "nowhere" / "autogroup", "0")
