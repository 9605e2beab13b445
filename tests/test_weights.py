"""Weights and their cards: what was saved comes back, and nothing damaged or foreign is loaded."""

import json
import os
import shutil

import pytest
import torch

from srlib import models, recipes, weights

RECIPE = {**recipes.Recipe("sprint", variant="32x4", arguments={"features": 6, "layers": 2}).to_dict()}


def network(seed=0):
    net = models.create("sprint", 2, features=6, layers=2)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    return net


@pytest.fixture
def saved(tmp_path):
    return weights.save(network(), RECIPE, tmp_path, seconds=12, device="cpu")


def test_the_same_weights_come_back(saved, tmp_path):
    net = weights.load("sprint", 2, tmp_path)
    assert not net.training
    for ours, theirs in zip(net.state_dict().values(), network().state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
    assert weights.card("sprint", 2, tmp_path)["seconds"] == 12
    assert weights.available(tmp_path) == [("sprint", 2)]
    assert sorted(os.listdir(tmp_path)) == ["sprint_x2.json", "sprint_x2.safetensors"]


def test_half_precision_is_loaded_as_float32(tmp_path):
    weights.save(network(), RECIPE, tmp_path, half=True)
    net = weights.load("sprint", 2, tmp_path)
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    for ours, theirs in zip(net.parameters(), network().parameters(), strict=True):
        assert torch.equal(ours, theirs.half().float())


def test_any_byte_flipped_is_noticed(saved, tmp_path):
    content = saved.read_bytes()
    for place in (0, 8, 100, len(content) // 2, len(content) - 1):
        saved.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(weights.WeightsError, match=r"sprint_x2\.safetensors is damaged: its sha256 is not the one"):
            weights.load("sprint", 2, tmp_path)
    for length in (0, 10, len(content) - 1):
        saved.write_bytes(content[:length])
        with pytest.raises(weights.WeightsError, match="Restore it, or train it again"):
            weights.load("sprint", 2, tmp_path)


def test_a_damaged_card(saved, tmp_path):
    """Any one bit of it: the right weights, or a WeightsError."""
    path = saved.with_suffix(".json")
    content, refused = path.read_bytes(), 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :])
        try:
            net = weights.load("sprint", 2, tmp_path)
        except weights.WeightsError:
            refused += 1
        else:
            assert torch.equal(net.tail.weight, network().tail.weight)
    assert refused > 100
    for text in ("", "[]", "{}", "null", content.decode()[:-30]):
        path.write_text(text)
        with pytest.raises(weights.WeightsError, match=r"The card .*sprint_x2\.json cannot be read .* Restore it"):
            weights.load("sprint", 2, tmp_path)
    path.unlink()
    with pytest.raises(weights.WeightsError, match="cannot be read"):
        weights.load("sprint", 2, tmp_path)


def test_another_networks_weights_are_not_loaded(saved, tmp_path):
    for suffix in (".json", ".safetensors"):
        shutil.copy(saved.with_suffix(suffix), tmp_path / f"srcnn_x2{suffix}")
    with pytest.raises(
        weights.WeightsError, match=r"srcnn_x2\.json cannot be read \(it is the card of other weights\)"
    ):
        weights.load("srcnn", 2, tmp_path)


def test_weights_of_another_width(saved, tmp_path):
    card = json.loads(saved.with_suffix(".json").read_text())
    card["recipe"]["arguments"]["features"] = 7
    saved.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(weights.WeightsError, match=r"does not fit sprint x2: size mismatch"):
        weights.load("sprint", 2, tmp_path)


def test_weights_that_are_not_there(saved, tmp_path):
    with pytest.raises(
        weights.WeightsError,
        match=r"no weights for srcnn x3 in .*\. There are: sprint x2\. Train them: srlib train srcnn --scale 3$",
    ):
        weights.load("srcnn", 3, tmp_path)
    with pytest.raises(weights.WeightsError, match=r"Of sprint there are those of scale 2\. Train .* --scale 3$"):
        weights.load("sprint", 3, tmp_path)
    with pytest.raises(weights.WeightsError, match=r"Of sprint .* of scale 2\. It is made for scale 2, 3, 4\.$"):
        weights.load("sprint", 5, tmp_path)
    with pytest.raises(weights.WeightsError, match="Train them: srlib train mprnet --variant deblur$"):
        weights.load("mprnet_deblur", folder=tmp_path)
    with pytest.raises(ValueError, match=r"model='espcn9' is unknown"):
        weights.load("espcn9")
    with pytest.raises(ValueError, match=r"scale=2\.5 is not a whole number"):
        weights.load("srcnn", 2.5)


def test_other_files_in_the_folder_do_no_harm(saved, tmp_path):
    for name in ("mine_xl.safetensors", "other_x2.safetensors", "sprint_x.safetensors"):
        (tmp_path / name).touch()
    assert weights.available(tmp_path) == [("sprint", 2)]
    assert weights.available(tmp_path / "nowhere") == []


def test_an_interrupted_save_leaves_the_old_weights(saved, tmp_path, monkeypatch):
    before = saved.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        weights.save(network(1), RECIPE, tmp_path)
    assert saved.read_bytes() == before
    assert len(os.listdir(tmp_path)) == 2


def test_what_the_course_ships():
    for name, scale in weights.available():
        net = weights.load(name, scale)
        x = torch.rand(1, 1 if net.space == "y" else 3, 12, 12)
        assert net(x).isfinite().all()
        assert weights.name_of(weights.card(name, scale)["recipe"]) == name  # a game's has its judge in it


def test_one_file_for_several_scales(tmp_path):
    torch.manual_seed(0)
    net = models.create("vdsr", 2, size="course")
    recipe = {"model": "vdsr", "scale": 2, "variant": "20", "size": "course", "arguments": {}, "scales": [2, 3]}
    weights.save(net, recipe, tmp_path)
    assert weights.available(tmp_path) == [("vdsr", 2), ("vdsr", 3)]
    for scale in (2, 3):
        found = weights.load("vdsr", scale, tmp_path)
        assert found.scale == scale
        assert all(torch.equal(a, b) for a, b in zip(found.parameters(), net.parameters(), strict=True))
    with pytest.raises(
        weights.WeightsError, match=r"no weights for vdsr x4 .*\. Of vdsr there are those of scale 2, 3\."
    ):
        weights.load("vdsr", 4, tmp_path)


def test_a_network_trained_against_a_judge_goes_by_the_games_name(tmp_path):
    torch.manual_seed(0)
    twin, generator = (models.create("srresnet", 4, size="course").eval() for _ in range(2))
    recipe = {"model": "srresnet", "scale": 4, "variant": "16", "size": "course", "arguments": {}}
    weights.save(twin, recipe, tmp_path)
    assert weights.save(generator, {**recipe, "judge": "srgan"}, tmp_path).name == "srgan_x4.safetensors"
    assert weights.available(tmp_path) == [("srgan", 4), ("srresnet", 4)]
    for name, net in (("srresnet", twin), ("srgan", generator)):
        found = weights.load(name, 4, tmp_path)
        assert all(torch.equal(a, b) for a, b in zip(found.parameters(), net.parameters(), strict=True))
    (tmp_path / "srgan_x4.json").write_text((tmp_path / "srresnet_x4.json").read_text())
    with pytest.raises(weights.WeightsError, match=r"it is the card of other weights"):
        weights.load("srgan", 4, tmp_path)


def test_a_network_that_restores_goes_by_its_task(tmp_path):
    for task in ("derain", "denoise"):
        recipe = recipes.Recipe("mprnet", scale=1, variant=task, size="course").to_dict()
        weights.save(models.create("mprnet", variant=task, size="course"), recipe, tmp_path, half=True)
    assert weights.available(tmp_path) == [("mprnet_denoise", 1), ("mprnet_derain", 1)]
    assert weights.load("mprnet_denoise", folder=tmp_path).scale == 1, "its one scale need not be named"
    assert weights.card("mprnet_derain", 1, tmp_path)["recipe"]["variant"] == "derain"
    with pytest.raises(weights.WeightsError, match=r"Train them: srlib train mprnet --variant deblur$"):
        weights.load("mprnet_deblur", folder=tmp_path)


def test_a_card_with_an_unknown_judge(monkeypatch):
    with pytest.raises(ValueError, match="no game of the course has the judge 'nobody'"):
        weights.name_of({"judge": "nobody", "model": "srresnet", "scale": 4})


def test_weights_that_were_there_before_are_kept(saved, tmp_path):
    before = weights.load("sprint", 2, tmp_path).state_dict()
    kept = weights.aside("sprint", 2, tmp_path)
    assert kept.parent == tmp_path / "before"
    card = weights.card("sprint", 2, tmp_path)
    with torch.no_grad():
        other = models.create("sprint", 2, **card["recipe"]["arguments"])
    weights.save(other, card["recipe"], tmp_path)
    again = weights.load("sprint", 2, kept).state_dict()
    assert all(torch.equal(before[k], again[k]) for k in before)
    assert weights.available(tmp_path) == [("sprint", 2)], "what is kept is no second one"
    assert weights.aside("srcnn", 2, tmp_path) is None
