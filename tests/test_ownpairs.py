"""Trainings on pairs that somebody brought: a photo's own family, random dirt, and what the loop makes of them."""

import pytest
import torch

from srlib import datasets, degrade, models, ownpairs, recipes, sampling, train
from srlib.images import rgb_to_y
from srlib.resize import resize

RECIPE = recipes.with_changes(recipes.get("sprint", scale=2), steps=8, every=4, warmup=2, patch=8, batch=4, tiers={})


def photo(side=97, blur=0.0):
    hr = rgb_to_y(datasets.photos("bundled")["astronaut"].image)[:, 60 : 60 + 2 * side, 160 : 160 + 2 * side]
    return degrade.bicubic(2)(degrade.blur(blur)(hr))


def test_a_family_is_the_photo_and_smaller_copies_each_shrunk_once_more():
    shrink = degrade.compose(degrade.blur(1.2), degrade.bicubic(2))
    pairs = ownpairs.family(photo(), 2, shrink, sizes=(1, 0.5))
    assert [tuple(y.shape) for _, y in pairs] == [(1, 96, 96), (1, 48, 48)]
    assert torch.equal(pairs[0][1], photo()[:, :96, :96])
    assert torch.equal(pairs[1][1], resize(photo(), 0.5).clamp(0, 1)[:, :48, :48])
    assert all(torch.equal(x, shrink(y)) for x, y in pairs)


def test_a_shrink_of_another_scale_is_refused():
    with pytest.raises(ValueError, match=r"makes \(32, 32\) of \(96, 96\), which is not 2 times smaller"):
        ownpairs.family(photo(), 2, degrade.bicubic(3))


def test_damage_is_drawn_within_its_limits_and_by_chance():
    generator = torch.Generator().manual_seed(3)
    drawn = [ownpairs.draw(generator, blur=2, noise=10, quality=50) for _ in range(400)]
    assert all(0 <= d["blur"] < 2 and 0 <= d["noise"] < 10 for d in drawn)
    qualities = [d["jpeg"] for d in drawn if "jpeg" in d]
    assert 230 < len(qualities) < 300  # two in three
    assert min(qualities) >= 50
    assert max(qualities) <= 95
    assert sum(d["blur"] for d in drawn) / 400 == pytest.approx(1, abs=0.1)
    again = torch.Generator().manual_seed(3)
    assert [ownpairs.draw(again, blur=2, noise=10, quality=50) for _ in range(3)] == drawn[:3]


def test_soiled_photos_are_pairs_in_turn():
    image, kinds = datasets.photos("bundled")["astronaut"].image[:, :64, :64], [{"noise": 9}, {"jpeg": 30}]
    pairs = ownpairs.soiled(3 * [image], 2, kinds)
    for (x, y), kind in zip(pairs, (*kinds, kinds[0]), strict=True):
        expected = sampling.pair(image, 2, degradation=kind)
        assert torch.equal(x, expected[0])
        assert torch.equal(y, expected[1])


def test_it_trains_on_the_pairs_and_on_nothing_else():
    pairs = ownpairs.family(photo(), 2, degrade.bicubic(2))
    run = ownpairs.fit(pairs, RECIPE, "laptop")
    list(run)
    net = train.start(RECIPE)
    optimizer = recipes.optimizer_for(RECIPE, net)
    pool, generator = sampling.PatchPool(pairs, 8), torch.Generator().manual_seed(0)
    for step in range(1, 9):
        optimizer.param_groups[0]["lr"] = RECIPE.lr * recipes.schedule(RECIPE, step)
        x, y = pool.sample(4, generator)
        optimizer.zero_grad()
        (net(x) - y).abs().mean().backward()
        optimizer.step()
    x, y = pairs[0]
    with torch.no_grad():
        assert (net(x[None]) - run.model(x[None])).abs().max() < 1e-3
    assert run.gain() == pytest.approx(ownpairs.over_bicubic(run.model, x, y, 2), abs=1e-4)


def test_watched_pairs_are_looked_at_and_survive_a_restart():
    pairs, other = ownpairs.family(photo(), 2, degrade.bicubic(2)), ownpairs.family(photo(40), 2, degrade.bicubic(2))
    run = ownpairs.fit(pairs, RECIPE, "laptop", watched=other[:2]).restart(seed=4)
    assert len(run.references()) == 3
    assert run.references()[2].shape == other[0][1].shape
    assert run.pairs is pairs
    assert run.recipe.seed == 4


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="There are no pairs"):
        ownpairs.fit([], RECIPE)
    run = ownpairs.fit(ownpairs.family(photo(), 3, degrade.bicubic(3)), RECIPE, "laptop")
    with pytest.raises(ValueError, match=r"pairs enlarge by 3, but this network by 2"):
        run.finish()
    with pytest.raises(ValueError, match="made already"):
        run.set(degradation={"noise": 3})
    run.set(lr=1e-4)
    assert run.settings["lr"] == 1e-4


def test_plain_interpolation_gains_nothing():
    x, y = ownpairs.family(photo(), 2, degrade.bicubic(2))[0]
    assert ownpairs.over_bicubic(models.create("sprint", 2), x, y, 2) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("blur", "tolerance"), [(0.6, 0.3), (1.2, 0.2), (1.8, 0.3)])
def test_a_photo_tells_its_blur(blur, tolerance):
    assert ownpairs.guess_blur(photo(190, blur), 2) == pytest.approx(blur, abs=tolerance)


def test_more_blur_is_less_fine():
    values = [ownpairs.fineness(photo(190, blur)) for blur in (0, 0.6, 1.2, 1.8)]
    assert values == sorted(values, reverse=True)
    assert 0 < values[-1] < values[0] < 1
