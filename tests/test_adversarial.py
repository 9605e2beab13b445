"""Two players: each learns from its own loss alone, the formulas are the papers', and nothing is lost on the way."""

import math
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from drawn import draw
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit
from torch.nn import functional as F

from srlib import adversarial, datasets, losses, models, perceptual, recipes, train, weights
from srlib.models import esrgan, srgan
from srlib.recipes import AdversarialRecipe, Recipe, from_toml

SRGAN = {
    "model": "srresnet",
    "arguments": {"blocks": 1, "features": 4},
    "judge": "srgan",
    "judge_arguments": {"features": 2, "hidden": 8},
    "game": "vanilla",
    "loss": "mse",
}
ESRGAN = {
    "model": "esrgan",
    "arguments": {"blocks": 1, "features": 4, "growth": 2},
    "judge": "esrgan",
    "judge_arguments": {"features": 2, "hidden": 8},
    "game": "relativistic",
}
BOTH = pytest.mark.parametrize("players", [SRGAN, ESRGAN], ids=["srgan", "esrgan"])


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("photos"), side=64, T91=[0, 1], Set5=[3])


@pytest.fixture(autouse=True)
def photos(monkeypatch, drawn, tmp_path):
    monkeypatch.setenv("SRLIB_PHOTOS", str(drawn))
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))


def recipe(players=SRGAN, **changes):
    settings = {"data": ["T91"], "held_out": "Set5", "scale": 4, "patch": 8, "batch": 2, "steps": 6, "every": 4}
    return AdversarialRecipe(**{**settings, "adversarial": 0.1, **players, **changes})


def fit(players=SRGAN, checkpoint=None, save_every=60, **changes):
    made = recipe(players, **changes)
    return adversarial.fit(made, "laptop", checkpoint=checkpoint, device="cpu", save_every=save_every)


def weights_of(net):
    return [p.detach().clone() for p in net.parameters()]


def moved(net, before):
    return [not torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True)]


def assert_same(run, other):
    """Bit for bit: both players with what batch norm has counted, both optimisers, the next patches, the history."""
    for name in ("model", "judge"):
        states = run.players[name].state_dict(), other.players[name].state_dict()
        assert all(torch.equal(a, b) for a, b in zip(*(s.values() for s in states), strict=True)), name
        states = run.optimizers[name].state, other.optimizers[name].state
        for a, b in zip(*(s.values() for s in states), strict=True):
            assert all(torch.equal(a[k], b[k]) for k in a), name
    assert torch.equal(run.generator.get_state(), other.generator.get_state())
    told = [[{k: v for k, v in vars(s).items() if k != "seconds"} for s in r.history] for r in (run, other)]
    assert told[0] == told[1]


# --- the formulas

LOGITS = hnp.arrays(np.float64, st.integers(1, 5).map(lambda n: (n, 1)), elements=st.floats(-8, 8))


def by_the_papers(real, fake):
    """SRGAN, eq. 2 and 6; ESRGAN, eq. 1 and 2: with sigmoids and logarithms, as printed."""
    above, below = expit(real - fake.mean()), expit(fake - real.mean())  # D_Ra(x_r, x_f) and D_Ra(x_f, x_r)
    return {
        ("vanilla", "judge"): -np.log(expit(real)).mean() - np.log(1 - expit(fake)).mean(),
        ("vanilla", "generator"): -np.log(expit(fake)).mean(),
        ("relativistic", "judge"): -np.log(above).mean() - np.log(1 - below).mean(),
        ("relativistic", "generator"): -np.log(1 - above).mean() - np.log(below).mean(),
    }


@given(LOGITS, LOGITS)
def test_the_losses_are_the_papers(real, fake):
    for (game, player), expected in by_the_papers(real, fake).items():
        found = getattr(losses.GAMES[game], player)(torch.from_numpy(real), torch.from_numpy(fake))
        assert found.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("game", losses.GAMES)
def test_no_logit_is_too_large(game):
    big = torch.tensor([[1e4], [-1e4]], requires_grad=True)
    for player in ("judge", "generator"):
        loss = getattr(losses.GAMES[game], player)(big, big.flip(0) * 2)
        assert 1e3 < loss.item() < 1e5
        assert torch.autograd.grad(loss, big, allow_unused=True)[0] is None or loss.isfinite()


def test_a_sure_judge_still_teaches_the_generator():
    """The reason for -log D instead of log(1 - D): there the slope would be D itself, next to nothing."""
    fake = torch.full((1, 1), -9.0, requires_grad=True)
    (slope,) = torch.autograd.grad(losses.fooling(None, fake), fake)
    assert slope.item() == pytest.approx(expit(-9.0) - 1)
    (flat,) = torch.autograd.grad(torch.log(1 - fake.sigmoid()).mean(), fake)
    assert abs(flat.item()) < 1e-3


@given(LOGITS, LOGITS, st.floats(-5, 5))
def test_the_relativistic_judge_has_no_zero_of_its_own(real, fake, shift):
    game, (real, fake) = losses.GAMES["relativistic"], map(torch.from_numpy, (real, fake))
    for player in (game.judge, game.generator):
        assert player(real + shift, fake + shift).item() == pytest.approx(player(real, fake).item(), rel=1e-6, abs=1e-9)
    assert game.judge(real, fake).item() == pytest.approx(game.generator(fake, real).item())


# --- one step


@BOTH
def test_one_step_by_hand(players):
    """The usual way, two passes with a detached picture between them, gives the same step for both players."""
    changes = {"optimizer": "sgd", "schedule": "constant", "warmup": 0, "steps": 1, "patch": 16, "batch": 4}
    run = fit(players, lr=0.1, lr_judge=0.3, pixel=2.0, adversarial=0.5, **changes)
    net, judge = (n.train() for n in (train.start(run.recipe), adversarial.judge(run.recipe)))
    run._load()
    x, y = run._pools[4].sample(4, torch.Generator().manual_seed(0))

    def claims(real, fake):
        return (real - fake.mean(), fake - real.mean()) if players is ESRGAN else (real, fake)

    def bce(logits, target):
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    sr = net(x)
    real, fake = claims(judge(y).detach(), judge(sr))
    fooling = bce(fake, 1.0) + (bce(real, 0.0) if players is ESRGAN else 0.0)
    pixel = ((sr - y).abs() if players is ESRGAN else (sr - y) ** 2).mean()
    expected = 2 * pixel + 0.5 * fooling
    gradients = torch.autograd.grad(expected, list(net.parameters()))
    real, fake = claims(judge(y), judge(sr.detach()))
    judging = bce(real, 1.0) + bce(fake, 0.0)
    verdicts = torch.autograd.grad(judging, list(judge.parameters()))

    (step,) = run
    assert step.loss == pytest.approx(expected.item(), rel=1e-5)
    assert step.adversarial == pytest.approx(fooling.item(), rel=1e-5)
    assert step.judge_loss == pytest.approx(judging.item(), rel=1e-5)
    assert step.real == pytest.approx(torch.sigmoid(real).mean().item(), rel=1e-5)
    assert step.fake == pytest.approx(torch.sigmoid(fake).mean().item(), rel=1e-5)
    for p, before, g in zip(run.model.parameters(), net.parameters(), gradients, strict=True):
        assert torch.allclose(p, before - 0.1 * g, rtol=1e-4, atol=1e-5)
    for p, before, g in zip(run.judge.parameters(), judge.parameters(), verdicts, strict=True):
        assert torch.allclose(p, before - 0.3 * g, rtol=1e-4, atol=1e-5)


@BOTH
def test_photographs_and_pictures_go_to_the_judge_apart(players):
    """Twice a step; a verdict on the pictures then does not depend on the photographs beside them."""
    run = fit(players).finish()
    counts = [int(b) for name, b in run.judge.named_buffers() if name.endswith("num_batches_tracked")]
    assert counts
    assert set(counts) == {2 * len(run.history)}
    y, fake = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        together = run.judge(torch.cat([y * 0.1, fake]))[2:]
        assert not torch.allclose(together, run.judge(fake), atol=1e-3), "else this test could not see a difference"


@BOTH
@pytest.mark.parametrize(("still", "lively"), [("model", "judge"), ("judge", "model")])
def test_a_rate_of_zero_holds_one_player_and_not_the_other(players, still, lively):
    run = fit(players, **{train.RATES[still]: 0.0})
    before = {name: weights_of(net) for name, net in run.players.items()}
    run.finish()
    assert not any(moved(run.players[still], before[still]))
    assert all(moved(run.players[lively], before[lively]))


@BOTH
def test_without_weight_the_judge_does_not_touch_the_generator(players):
    """Not even in the last bit: the generator is that of the same training without a judge."""
    run = fit(players, adversarial=0.0).finish()
    plain = Recipe(**{k: v for k, v in run.recipe.to_dict().items() if k in Recipe.__dataclass_fields__})
    alone = train.fit(plain, "laptop", device="cpu").finish()
    for a, b in zip(run.model.state_dict().values(), alone.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert [s.psnr for s in run.history] == [s.psnr for s in alone.history]


@BOTH
def test_the_generators_weights_do_not_touch_the_judge(players):
    """The judge learns from pictures; how heavily they are weighed is nothing to it."""
    judges = [fit(players, steps=1, pixel=p, adversarial=a).finish().judge for p, a in ((1.0, 0.0), (7.0, 9.0))]
    for a, b in zip(*(j.state_dict().values() for j in judges), strict=True):
        assert torch.equal(a, b)


def test_clip_bounds_both_gradients():
    run = fit(optimizer="sgd", schedule="constant", warmup=0, lr=1.0, lr_judge=1.0, clip=1e-3, steps=1)
    before = {name: weights_of(net) for name, net in run.players.items()}
    run.finish()
    for name, net in run.players.items():
        squares = [(a - b).square().sum().item() for a, b in zip(net.parameters(), before[name], strict=True)]
        assert math.sqrt(sum(squares)) == pytest.approx(1e-3, rel=1e-2)
    assert run.history[0].gradient > 1e-3, "told as it was before"


# --- learning


def assert_both_play(run, before):
    told = {name: [getattr(s, name) for s in run.history] for name in ("loss", "adversarial", "judge_loss", "gradient")}
    for name, values in told.items():
        assert all(map(math.isfinite, values)), name
        assert len(set(values)) == len(values), f"{name} stands still"
    assert all(0 <= p <= 1 for s in run.history for p in (s.real, s.fake))
    for name, net in run.players.items():
        assert all(moved(net, before[name])), name
        assert all(p.isfinite().all() for p in net.parameters())
    assert [s.step for s in run.history if s.psnr is not None][0] == run.recipe.every


@BOTH
def test_a_short_training_moves_both_players(players):
    run = fit(players, steps=12, lr_judge=1e-3)
    before = {name: weights_of(net) for name, net in run.players.items()}
    assert_both_play(run.finish(), before)


@pytest.mark.slow
@BOTH
def test_two_hundred_steps_with_all_three_losses(players):
    run = fit(players, steps=200, lr_judge=1e-3, perceptual=1e-3, adversarial=1e-2)
    before = {name: weights_of(net) for name, net in run.players.items()}
    assert_both_play(run.finish(), before)
    assert sum(s.loss for s in run.history[-20:]) < sum(s.loss for s in run.history[:20])
    assert max(s.judge_loss for s in run.history) - min(s.judge_loss for s in run.history) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", recipes.games())
def test_every_game_on_file_trains_at_its_smoke_size(name):
    run = adversarial.fit(recipes.get(name, scale=4), "smoke", device="cpu")
    before = {n: weights_of(net) for n, net in run.players.items()}
    run.finish()
    assert all(math.isfinite(v) for s in run.history for v in (s.loss, s.adversarial, s.judge_loss, s.real, s.fake))
    assert all(moved(run.judge, before["judge"]))
    assert run.gain() > -1.0, "it may cost PSNR, not the picture"


@BOTH
def test_the_judge_learns_to_tell(players):
    """Against a generator that stands still it wins: photographs are real, pictures are not.

    Not on ESRGAN's smallest pictures: there the last maps are single pixels, and what batch norm leaves of them says
    which picture of its kind it is, but hardly which kind.
    """
    run = fit(players, steps=40, lr=0.0, lr_judge=3e-3, warmup=0, batch=4, patch=16).finish()
    first, last = run.history[0], run.history[-10:]
    assert first.judge_loss == pytest.approx(2 * math.log(2), abs=0.3)
    assert sum(s.judge_loss for s in last) / 10 < 0.7
    assert sum(s.real - s.fake for s in last) / 10 > 0.5


def test_building_the_players_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    fit(perceptual=0.1, steps=1).finish()
    assert torch.equal(torch.rand(1), expected)


def test_the_same_seed_the_same_players():
    assert_same(fit().finish(), fit().finish())
    assert any(moved(fit(seed=1).judge, weights_of(fit().judge)))


# --- where it starts, and what it compares


def test_a_generator_with_weights_starts_from_them(monkeypatch, tmp_path):
    trained = fit(seed=9).finish()
    plain = {k: v for k, v in trained.recipe.to_dict().items() if k != "judge"} | {"variant": None}
    folder = weights.save(trained.model, plain, tmp_path).parent
    monkeypatch.setattr(weights, "_folder", lambda _: folder)
    run = fit()
    assert run.notes == ["The generator starts from the course's weights of srresnet x4."]
    for a, b in zip(run.model.state_dict().values(), trained.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    other = fit(arguments={"blocks": 1, "features": 6})
    assert other.notes == ["The generator starts untrained (init='network'): the course has no weights for it."]


def test_the_notes_say_whose_features_are_compared():
    run = fit(perceptual=0.1, steps=1)
    assert len(run.finish().notes) == 2
    assert run.notes[1] == "The perceptual loss compares features of EfficientNet-Lite0."
    assert len(fit(steps=1).finish().notes) == 1, "with no weight there is nothing to compare"


@pytest.fixture
def no_extractor(monkeypatch):
    def missing(name, device):
        raise perceptual.ExtractorError(f"{name} is not installed. Run: pip install it")

    monkeypatch.setattr(perceptual, "extractor", missing)


SAID = (
    r"goes on without the perceptual loss \(perceptual=0\)\. efficientnet_lite0 is not installed\. Run: pip install it"
)


def test_without_an_extractor_it_says_so_and_trains_on(no_extractor):
    run = fit(perceptual=0.1)
    with pytest.warns(UserWarning, match=SAID):
        run.finish()
    assert run.turned == [(0, "perceptual", "0.1", "0")]
    assert len([n for n in run.notes if "without" in n]) == 1
    for a, b in zip(run.model.parameters(), fit(perceptual=0.0).finish().model.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.warns(UserWarning, match=SAID):
        run.set(perceptual=0.5, adversarial=0.2)
    assert (run.settings["perceptual"], run.settings["adversarial"]) == (0.0, 0.2)


def test_a_checkpoint_with_features_resumed_where_there_are_none(monkeypatch, tmp_path):
    for step in fit(checkpoint=tmp_path / "a.ckpt", perceptual=1e-3):
        if step.step == 2:
            break

    def missing(name, device):
        raise perceptual.ExtractorError("It is gone.")

    monkeypatch.setattr(perceptual, "extractor", missing)
    run = fit(checkpoint=tmp_path / "a.ckpt", perceptual=1e-3)
    with pytest.warns(UserWarning, match="It is gone"):
        run.finish()
    assert run.turned == [(2, "perceptual", "0.001", "0")]


def test_no_extractor_and_no_pixel_loss_is_no_training(no_extractor):
    """The judge alone would accept any photograph, whatever was asked for."""
    with pytest.raises(perceptual.ExtractorError, match="not installed"):
        fit(perceptual=0.1, pixel=0.0).finish()
    run = fit()
    with pytest.raises(perceptual.ExtractorError, match="not installed"):
        run.set(perceptual=0.1, pixel=0.0)
    assert run.settings["pixel"] == 1
    assert run.turned == []


# --- turning knobs


def test_each_knob_takes_effect_at_the_next_step(monkeypatch):
    run = fit(steps=30, warmup=0, schedule="constant", every=100)
    seen, likeness = [], run._likeness
    monkeypatch.setattr(run, "_likeness", lambda sr, y: seen.append((sr.detach(), y)) or likeness(sr, y))
    iterator = iter(run)
    next(iterator)
    run.set(lr=0.0)
    judge, model = weights_of(run.judge), weights_of(run.model)
    assert next(iterator).lr == 0
    assert all(moved(run.judge, judge))
    assert not any(moved(run.model, model))
    run.set(lr=2e-3, lr_judge=0.0)
    judge = weights_of(run.judge)
    assert next(iterator).lr == 2e-3
    assert all(moved(run.model, model))
    assert not any(moved(run.judge, judge))
    run.set(pixel=0.0, adversarial=3.0)
    step = next(iterator)
    assert step.loss == pytest.approx(3 * step.adversarial, rel=1e-6)
    run.set(pixel=5.0, adversarial=0.0, loss="l1")
    assert next(iterator).loss == pytest.approx(5 * losses.l1(*seen[-1]).item(), rel=1e-6)
    run.set(pixel=0.0, perceptual=0.25, loss="mse")
    step = next(iterator)
    features = perceptual.perceptual_loss(*seen[-1], perceptual.extractor("efficientnet_lite0"), loss=losses.mse)
    assert step.loss == pytest.approx(0.25 * features.item(), rel=1e-5)
    expected = [{"lr"}, {"lr", "lr_judge"}, {"pixel", "adversarial"}, {"loss", "pixel", "adversarial"}]
    expected += [{"loss", "pixel", "perceptual"}]
    assert [{knob for at, knob, *_ in run.turned if at == n} for n in range(1, 6)] == expected


def test_both_rates_follow_the_schedule():
    run = fit(steps=8, warmup=4, lr=1e-3, lr_judge=1e-4)
    for step in run:
        assert step.lr == pytest.approx(1e-3 * train.schedule(run.recipe, step.step))
        assert run.judge_optimizer.param_groups[0]["lr"] == pytest.approx(step.lr / 10)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"lr_judge": -1.0}, r"lr_judge=-1\.0 is not a usable learning rate"),
        ({"adversarial": -1.0}, r"adversarial=-1\.0 is not a usable weight\. Use 0 or more"),
        ({"pixel": math.nan}, r"pixel=nan is not a usable weight"),
        ({"perceptual": math.inf}, r"perceptual=inf is not a usable weight"),
        ({"batch": 1}, r"batch=1 is too small: the judge's batch norm needs at least 2 pictures"),
        ({"patch": 4}, r"patch=4 cannot be set now: .* 32 x 32\. Start again: run\.restart\(patch=4\)"),
        ({"judge": "esrgan"}, r"knob='judge' is unknown\. Use one of: lr, batch, .*lr_judge, pixel, perceptual"),
    ],
)
def test_wrong_knobs_change_nothing(settings, sentence):
    run = fit()
    before = dict(run.settings)
    with pytest.raises(ValueError, match=sentence):
        run.set(augment=False, **settings)
    assert run.settings == before


def test_a_training_without_a_judge_has_none_of_its_knobs():
    run = train.fit(Recipe("sprint", data=["T91"], held_out="Set5", patch=8, arguments={"features": 4, "layers": 2}))
    with pytest.raises(ValueError, match=r"knob='lr_judge' is unknown\. Use one of: lr, batch, loss"):
        run.set(lr_judge=1e-3)


def test_restarting():
    run = fit()
    run.set(patch=8, lr_judge=5e-4, batch=3)
    again = run.restart(patch=12, seed=2, batch=4)
    assert isinstance(again, adversarial.AdversarialRun)
    assert again.recipe.side == 48
    assert (again.settings["patch"], again.settings["batch"], again.settings["lr_judge"]) == (12, 4, 5e-4)
    assert again.turned == [(0, "lr_judge", "0.0001", "0.0005")]
    assert len(again.finish().history) == 6


# --- interrupted, resumed, diverged


@BOTH
def test_saved_and_resumed_is_the_same_training(players, tmp_path):
    run = fit(players, tmp_path / "a.ckpt", steps=9)
    for step in run:
        if step.step == 2:
            run.set(lr_judge=1e-3, adversarial=0.3)
        if step.step == 5:
            break
    resumed = fit(players, tmp_path / "a.ckpt", steps=9)
    assert len(resumed.history) == 5
    assert resumed.turned == run.turned
    straight = fit(players, steps=9)
    for step in straight:
        if step.step == 2:
            straight.set(lr_judge=1e-3, adversarial=0.3)
    assert_same(resumed.finish(), straight)


KILLED = """
import sys
from srlib import adversarial
from srlib.recipes import AdversarialRecipe
run = adversarial.fit({recipe!r}, "laptop", checkpoint=sys.argv[1], device="cpu", save_every=0)
for step in run:
    print(step.step, flush=True)
"""


@pytest.mark.slow  # the default suite kills a training without a judge
def test_kill_9_in_the_middle(tmp_path):
    players, path = ESRGAN, tmp_path / "a.ckpt"
    program = KILLED.format(recipe=recipe(players, steps=9))
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) == 5:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    resumed = fit(players, path, steps=9)
    assert 4 <= len(resumed.history) <= 9
    assert_same(resumed.finish(), fit(players, steps=9).finish())


def in_the_judges_loss(monkeypatch, number, act):
    """Let ``act`` change the judge's loss, or raise, when it is asked for the ``number``-th time."""
    calls, game = [], losses.GAMES["vanilla"]

    def judging(real, fake):
        calls.append(1)
        return act(game.judge(real, fake)) if len(calls) == number else game.judge(real, fake)

    monkeypatch.setitem(losses.GAMES, "vanilla", game._replace(judge=judging))


def test_ctrl_c_in_the_middle_of_a_step(monkeypatch, tmp_path):
    """Both have then looked at the batch, and batch norm has counted it: that too is taken back."""

    def interrupt(_):
        raise KeyboardInterrupt

    in_the_judges_loss(monkeypatch, 4, interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(checkpoint=tmp_path / "a.ckpt").finish()
    resumed = fit(checkpoint=tmp_path / "a.ckpt")
    assert len(resumed.history) == 3
    assert_same(resumed.finish(), fit().finish())


@pytest.mark.parametrize(("worse", "sentence"), [(math.nan, "NaN or infinite"), (1e6, "exploded")])
def test_a_judge_gone_wild_is_noticed_and_both_are_put_back(monkeypatch, tmp_path, worse, sentence):
    good = fit(steps=4, schedule="constant").finish()
    in_the_judges_loss(monkeypatch, 6, lambda loss: loss * worse)
    run = fit(checkpoint=tmp_path / "a.ckpt", schedule="constant")
    with pytest.raises(train.Diverged, match=f"{sentence}.* at step 6"):
        run.finish()
    for name, net in run.players.items():
        for a, b in zip(net.state_dict().values(), good.players[name].state_dict().values(), strict=True):
            assert torch.equal(a, b), name
        assert not run.optimizers[name].state
    assert not (tmp_path / "a.ckpt").exists()
    assert math.isfinite(run.finish().gain()), "and one can go on from there"


def test_a_gradient_that_is_not_finite_is_noticed_under_a_loss_that_is(monkeypatch):
    """A root at 0 adds nothing to the loss, and an infinite slope."""
    monkeypatch.setitem(losses.LOSSES, "mse", lambda sr, hr: losses.mse(sr, hr) + (sr * 0).sum().sqrt())
    with pytest.raises(train.Diverged, match="NaN or infinite values appeared at step 1"):
        fit().finish()


def test_a_loss_of_psnr_is_no_divergence(monkeypatch):
    """Against a judge it falls by design: such weights are still the last good ones."""
    run = fit(every=1, steps=3)
    pictures = iter([20.0, 14.0, 13.0])
    monkeypatch.setattr(run, "look", lambda: (next(pictures), torch.zeros(3, 4, 4)))
    run.finish()
    for a, b in zip(run.model.state_dict().values(), run._good["model"].values(), strict=True):
        assert torch.equal(a, b)


def test_checkpoints_of_the_two_kinds_are_not_mixed_up(tmp_path):
    run = fit(checkpoint=tmp_path / "game.ckpt", steps=1).finish()
    plain = Recipe(**{k: v for k, v in run.recipe.to_dict().items() if k in Recipe.__dataclass_fields__})
    with pytest.raises(train.CheckpointError, match=r"was trained with judge='srgan', but this recipe has None"):
        train.fit(plain, "laptop", checkpoint=tmp_path / "game.ckpt", device="cpu")
    train.fit(plain, "laptop", checkpoint=tmp_path / "plain.ckpt", device="cpu").finish()
    with pytest.raises(train.CheckpointError, match=r"was trained with judge=None, but this recipe has 'srgan'"):
        fit(checkpoint=tmp_path / "plain.ckpt", steps=1)


# --- recipes


def test_each_kind_of_recipe_has_its_own_fit():
    with pytest.raises(ValueError, match=r"recipe for srresnet has a judge\. Train it with srlib\.adversarial\.fit"):
        train.fit(recipe())
    with pytest.raises(ValueError, match=r"recipe for srresnet has no judge\. Use train\.fit"):
        adversarial.fit(Recipe("srresnet"))


@pytest.mark.parametrize("name", recipes.games())
def test_every_game_on_file_can_be_played(name):
    for scale in models.model_class(recipes.get(name, 4).model).scales:
        for tier in recipes.TIERS:
            made = recipes.get(name, scale).at(tier)
            assert isinstance(made, AdversarialRecipe)
            assert set(made.data) | {made.held_out} <= set(datasets.names())
            with torch.device("meta"):
                assert adversarial.judge(made).patch == made.side
                models.create(made.model, made.scale, made.variant, made.size, **made.arguments)
    assert "bundled" in recipes.get(name, 4).at("smoke").data


def test_games_are_no_networks_and_come_back_as_plain_values():
    assert {"srgan", "esrgan_gan"} <= set(recipes.games())
    assert not set(recipes.games()) & set(recipes.names())
    made = recipes.get("srgan", scale=4)
    assert (made.model, made.scale, made.judge) == ("srresnet", 4, "srgan")
    assert AdversarialRecipe(**made.to_dict()) == made


@pytest.mark.parametrize(("judge", "cls"), [("srgan", srgan.Discriminator), ("esrgan", esrgan.Discriminator)])
def test_recipes_know_which_sizes_a_judge_takes(judge, cls):
    """The same sizes that the judge itself accepts, but said in the pixels of the recipe."""
    for side in range(8, 200, 8):
        try:
            cls(side, features=1, hidden=1)
            fits = True
        except ValueError:
            fits = False
        assert fits == (side % recipes.JUDGES[judge] == 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"patch": 5}, r"patch=5 gives pictures of 20 x 20 pixels at scale 4, but the judge of srgan needs .* of 16"),
        (
            {"patch": 12, "judge": "esrgan"},
            r"48 x 48 pixels at scale 4, but the judge of esrgan needs a multiple of 32",
        ),
        ({"judge": "vgg"}, r"judge='vgg' is unknown\. Use one of: srgan, esrgan"),
        ({"game": "wgan"}, r"game='wgan' is unknown\. Use one of: vanilla, relativistic"),
        ({"extractor": "auto"}, r"extractor='auto' is unknown\. Use one of: vgg19, efficientnet_lite0"),
        ({"pixel": "1"}, r"pixel='1' is a str, but a recipe wants float"),
        ({"lr_judge": 1e9}, r"lr_judge=1000000000\.0 is not a usable learning rate"),
        ({"model": "srcnn", "arguments": {}}, r"A judge looks at one picture, in colour.*Use srresnet or esrgan"),
        ({"scales": [2, 4]}, r"A judge looks at one picture.*scales=\[2, 4\]"),
        ({"supervise": "pyramid"}, r"supervise='pyramid'"),
    ],
)
def test_games_that_cannot_be(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        recipe(**changes)


def test_a_mistake_in_the_file_of_a_game_shows():
    text = "[recipe]\nmodel = 'srresnet'\njudge = 'srgan'\n"
    assert from_toml(text + "patch = 8", "srgan", 4).side == 32
    with pytest.raises(ValueError, match=r"recipe field='lr_jugde' is unknown\. Use one of: model, .*lr_judge"):
        from_toml(text + "lr_jugde = 1.0", "srgan", 4)
    with pytest.raises(ValueError, match=r"recipe field='lr_judge' is unknown"):
        from_toml("[recipe]\nlr_judge = 1.0", "srresnet", 4)
    with pytest.raises(ValueError, match=r"scale=3 is not offered here\. Use one of 2, 4"):
        from_toml(text, "srgan", 3)


@BOTH
def test_both_players_compute_in_half_precision_where_training_does(players, monkeypatch):
    """What a GPU does, asked of the CPU: pictures and verdicts in bfloat16, losses and weights in 32 bits."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    run, seen = fit(players, steps=2, every=2, half=True), []
    for net in run.players.values():
        layer = next(m for m in net.modules() if isinstance(m, torch.nn.Conv2d))
        layer.register_forward_hook(lambda m, i, output: seen.append((m.training, output.dtype)))
    game = losses.GAMES[run.recipe.game]
    dtypes = []
    monkeypatch.setitem(losses.GAMES, run.recipe.game, Watched(game, dtypes))
    run.finish()
    assert set(seen) == {(True, torch.bfloat16), (False, torch.float32)}, "looks are exact"
    assert set(dtypes) == {torch.float32}
    assert {p.dtype for net in run.players.values() for p in net.parameters()} == {torch.float32}


class Watched:
    """A game that notes what it is given."""

    def __init__(self, game, dtypes):
        self.game, self.dtypes = game, dtypes

    def __getattr__(self, name):
        def played(real, fake):
            self.dtypes += [real.dtype, fake.dtype]
            return getattr(self.game, name)(real, fake)

        return played


def test_a_game_goes_on_from_its_own_weights():
    recipe = recipes.get("srgan", 4)
    theirs = weights.card("srgan", 4)["recipe"]
    changes = {"init": "trained", "size": theirs["size"], "arguments": theirs["arguments"]}
    run = adversarial.fit(recipe, "smoke", **changes)
    for a, b in zip(run.model.parameters(), weights.load("srgan", 4).parameters(), strict=True):
        assert torch.equal(a, b)
    assert "this very game" in run.notes[0]
