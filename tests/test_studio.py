"""The training studio: controls act between two steps, nothing is lost, and what remains needs no kernel."""

import dataclasses
import functools
import math
import re
import threading
from types import SimpleNamespace

import pytest
import torch
from drawn import draw

from srlib import adversarial, live, losses, models, recipes, train, weights
from srlib.figures import Html
from srlib.live import controls, curves, possible, views
from srlib.recipes import AdversarialRecipe, Recipe

TINY = {"features": 8, "layers": 2}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("photos"), T91=[0], Set5=[1])


@pytest.fixture(autouse=True)
def photos(monkeypatch, drawn):
    monkeypatch.setenv("SRLIB_PHOTOS", str(drawn))
    monkeypatch.setenv("SRLIB_LIVE", "0")


@pytest.fixture(autouse=True)
def charts(monkeypatch, request):
    """Drawing three charts takes longer than the training here; one test looks at them."""
    if "real_charts" not in request.fixturenames:
        monkeypatch.setattr(curves, "drawn", lambda curve, _: Html("", curves.spoken(curve)))


@pytest.fixture
def real_charts():
    """Let the charts be drawn."""


@pytest.fixture
def with_front_end(monkeypatch):
    monkeypatch.setenv("SRLIB_LIVE", "1")


def recipe(**changes):
    settings = {"data": ["T91"], "held_out": "Set5", "patch": 8, "batch": 2, "steps": 6, "every": 3, "arguments": TINY}
    return Recipe(**{"model": "sprint", **settings, **changes})


@pytest.fixture
def studio(with_front_end):
    """A studio, and what a learner does at it: ``at(2, turn("lr", 1e-4))`` acts after the second step."""
    made = live.TrainingStudio(recipe(steps=8), "laptop")
    acts, real = {}, made.desk.between

    def between(step):
        for act in acts.pop(step.step if step else 0, []):
            act()
        real(step)

    made.desk.between = between
    made.at = lambda number, *given: acts.setdefault(number, []).extend(given)
    made.turn = lambda name, value: (
        lambda: made.desk.panel._receive(None, {"kind": "turn", "name": name, "value": value}, [])
    )
    made.press = lambda button, file="": (
        lambda: made.desk.panel._receive(None, {"kind": "press", "button": button, "file": str(file)}, [])
    )
    return made


# --- without a front end


def test_without_a_front_end_the_same_training_runs(capsys):
    studio = live.TrainingStudio(recipe(), "laptop", marks={"teacher": 30.0})
    assert studio.desk is None
    studio._ipython_display_()
    assert "sprint x2: 6 steps of 2 patches, peak rate 0.001" in capsys.readouterr().out
    history = studio.run()
    alone = train.fit(recipe(), "laptop").finish()
    assert [s.loss for s in history] == [s.loss for s in alone.history]
    assert "after 6 steps" in repr(studio.summary())
    assert "teacher 30.00" in repr(studio.summary())


def test_what_remains_is_plain_accessible_and_the_same_each_time(real_charts):
    shown = []
    for _ in range(2):
        studio = live.TrainingStudio(recipe(), "laptop")
        for step in studio.training:
            studio.seen = step if step.preview is not None else studio.seen
            if step.step == 2:
                studio.training.set(lr=1e-4, batch=3)
        shown.append(studio.summary())
    markup, text = shown[0]._repr_html_(), repr(shown[0])
    assert markup == shown[1]._repr_html_()
    assert not re.search(r"<script|onclick|<button|widget", markup)
    assert markup.count('role="img" aria-label=') == 3
    assert len(re.findall(r'<img alt="[^"]{20,}"', markup)) == 4
    assert "1. after step 2: lr 0.001 -> 0.0001" in text
    assert "2. after step 2: batch 2 -> 3" in text
    assert ">1, 2</text>" in markup, "one line in the chart for both"
    assert "(bicubic " in text


def test_what_does_not_enlarge_is_compared_with_its_input():
    run = SimpleNamespace(
        recipe=recipe(model="mprnet", scale=1, variant="deblur", arguments={}),
        settings={"degradation": {"shake": 1}},
        history=[],
    )
    assert views.marks(run, 20.0) == {"input": 20.0}, "and the course has no weights against a shaken camera"
    seen = SimpleNamespace(preview=torch.zeros(3, 4, 4), psnr=25.0, step=2)
    assert list(views.pictures(run, seen, (20.0, seen.preview, seen.preview)))[0] == "input"


def test_the_shipped_weights_are_looked_at_on_the_very_same_crops():
    theirs = weights.card("sprint")["recipe"]
    run = train.fit(recipe(), "laptop")
    as_shipped = train.fit(recipe(init="trained", **{k: theirs[k] for k in ("variant", "size", "arguments")}), "laptop")
    reached, parameters = pytest.approx(as_shipped.look()[0]), sum(p.numel() for p in as_shipped.model.parameters())
    assert views.marks(run, 30.0) == {"bicubic": 30.0, f"shipped weights ({parameters:,} parameters)": reached}
    assert views.marks(as_shipped, 30.0) == {"bicubic": 30.0, "shipped weights": reached}
    assert as_shipped.look()[0] > run.references()[0] + 1
    run.set(degradation={"blur": 1})
    assert views.marks(run, 30.0) == {"bicubic": 30.0}, "the shipped weights know nothing of blurred photos"
    assert list(views.marks(SimpleNamespace(recipe=recipe(scale=8), settings={}), 1.0)) == ["bicubic"], "no weights"


def test_the_shipped_weights_are_looked_at_once(monkeypatch):
    calls, real = [], views.marks
    monkeypatch.setattr(views, "marks", lambda *given: calls.append(given) or real(*given))
    studio = live.TrainingStudio(recipe(), "laptop", marks={"teacher": 30.0})
    studio.run()
    assert calls, "only when something is drawn"
    assert [*studio.lines()][-1] == "teacher"
    studio.summary()
    assert len(calls) == 1


def test_a_restorer_and_a_game_have_weights_of_their_own(game):
    run = train.fit(recipe(model="mprnet", scale=1, variant="denoise", arguments={}, degradation={"noise": 25}))
    (given, _), (label, reached) = views.marks(run, 20.0).items()
    assert given == "input"
    assert label.startswith("shipped weights")
    assert reached > run.references()[0] + 1
    srgan = game.training
    assert list(views.marks(srgan, 1.0)) == ["bicubic"], "there are none of SRGAN at x2"
    four = adversarial.fit(dataclasses.replace(srgan.recipe, scale=4, patch=8))
    assert list(views.marks(four, 1.0))[1].startswith("shipped weights")


def test_a_slider_being_dragged_is_one_change_where_it_began():
    turned = [(10 + k, "lr", str(k), str(k + 1)) for k in range(9)] + [(18, "batch", "4", "8"), (90, "lr", "9", "0")]
    turned += [(91, "clip", "a", "b"), (92, "clip", "b", "a")]
    run = SimpleNamespace(turned=turned, recipe=recipe(steps=100))
    assert views.turns(run) == [(10, "lr 0 -> 9 (until step 18)"), (18, "batch 4 -> 8"), (90, "lr 9 -> 0")]


def test_a_curve_has_few_points_and_keeps_its_last():
    points = curves.thin([(n, 0.0) for n in range(12345)])
    assert len(points) <= curves.POINTS
    assert points[-1][0] == 12344
    assert curves.thin([]) == []


def history(*psnr):
    """Steps whose every second has a look; their loss is a hundred times the step's number."""
    return [
        train.Step(n, 100.0 * n, p, 1e-3, 0.0, gradient=1.0)
        for n, p in enumerate((p for each in psnr for p in (None, each)), 1)
    ]


def test_no_curve_joins_numbers_of_different_photos():
    run = SimpleNamespace(recipe=recipe(), settings={"loss": "mse"}, history=history(30, 31, 20, 21, 32))
    run.turned = [(4, "degradation", "none", "blur 4"), (8, "degradation", "blur 4", "none"), (8, "loss", "l1", "mse")]
    loss, psnr, gradient = curves.curves(run, {"bicubic": 25.0})
    assert psnr.points == [(2, 30), (4, 31), (6, 20), (8, 21), (10, 32)]
    assert psnr.breaks == [2, 4]
    assert psnr.since == 8, "bicubic's line belongs to the photos since then"
    assert "32 at step 10, 32 at step 10, begun anew after step 8; bicubic 25.00" in curves.spoken(psnr)
    assert loss.breaks == gradient.breaks == [4, 8]
    assert [loss.points[k][1] for k in (0, 4, 8)] == [100, 500, 900], "no average over different photos, either"
    assert loss.title == "loss (l1, then mse)"
    run.turned = [(5, "degradation", "none", "blur 4"), (5, "degradation", "blur 4", "none")]
    psnr = curves.curves(run, {})[1]
    assert (psnr.breaks, psnr.since) == ([], 0), "turned there and back"
    run.turned = [(10, "degradation", "none", "blur 4")]
    assert "not looked at yet" in views.words(run, None, 20.0), "32 dB are of the photos before"
    again = dataclasses.replace(run.history[-1], psnr=19.0)
    assert "19.00 dB on the held-out crops (bicubic 20.00 dB)" in views.words(run, again, 20.0)
    psnr = curves.curves(run, {"bicubic": 20.0}, again)[1]
    assert (psnr.points[-1], psnr.breaks, psnr.since) == ((10, 19.0), [5], 10)


def test_other_photos_are_looked_at_before_a_number_is_said(real_charts):
    studio = live.TrainingStudio(recipe(steps=8, every=4), "laptop")
    for step in studio.training:
        studio.seen = step if step.preview is not None else studio.seen
        if step.step == 5:
            studio.training.set(degradation={"blur": 4})
            break
    stale = studio.seen.psnr
    said = repr(studio.summary())
    looked, bicubic = studio.training.look()[0], studio.training.references()[0]
    assert abs(looked - stale) > 1
    assert f"after 5 steps: loss {studio.training.history[-1].loss:.4g}, {looked:.2f} dB" in said
    assert f"(bicubic {bicubic:.2f} dB)" in said
    assert f"{looked:.2f} dB after step 5" in said, "under its picture"
    assert "1. after step 5: degradation none -> blur 4: other photos from here on" in said


def test_a_divergence_on_other_photos_says_no_number(studio, monkeypatch):
    monkeypatch.setattr(studio.desk, "draw", lambda photos=True: None)  # nothing looks again in time
    spoil = functools.partial(monkeypatch.setitem, losses.LOSSES, "l1", lambda sr, hr: losses.l1(sr, hr) * math.nan)
    studio.at(3, studio.turn("degradation.blur", 4), spoil)
    studio.run()
    said = repr(studio.summary())
    assert "NaN or infinite" in said
    assert "not looked at yet" in said


def test_jupyters_stop_button_keeps_everything(monkeypatch):
    studio = live.TrainingStudio(recipe(), "laptop")
    calls = []

    def l1(sr, hr):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return losses.l1(sr, hr)

    monkeypatch.setitem(losses.LOSSES, "l1", l1)
    assert len(studio.run()) == 3
    assert "Interrupted after step 3." in repr(studio.summary())
    assert len(studio.run()) == 6
    assert "Interrupted" not in repr(studio.summary())
    straight = train.fit(recipe(), "laptop").finish()
    for ours, theirs in zip(studio.training.model.parameters(), straight.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_divergence_is_told_not_raised(monkeypatch):
    monkeypatch.setitem(losses.LOSSES, "l1", lambda sr, hr: losses.l1(sr, hr) * math.nan)
    studio = live.TrainingStudio(recipe(), "laptop")
    studio.training.set(lr=1.0)
    assert studio.run() == []
    said = repr(studio.summary())
    assert "NaN or infinite values appeared at step 1" in said
    assert "The last change before was lr 0.001 -> 1, after step 0." in said


# --- with one


def test_every_control_has_a_name_of_its_own_and_a_value(studio):
    panel = studio.desk.panel
    names = [c["name"] for c in panel.controls]
    assert len(names) == len(set(names))
    assert set(names) == set(panel.values)
    assert {"lr", "batch", "patch", "loss", "augment", "degradation.blur", "arguments.features", "seed"} <= set(names)
    assert all(c["label"] for c in panel.controls)
    assert panel.values["arguments.features"] == 8
    assert panel.phase == "ready"


def test_a_training_nobody_touches_is_the_training_without_controls(studio):
    assert [s.loss for s in studio.run()] == [s.loss for s in train.fit(recipe(steps=8), "laptop").finish().history]


def test_controls_turn_the_knobs_of_the_running_training(studio):
    given = {"lr": 1e-4, "batch": 5, "loss": "charbonnier", "augment": False, "patch": 6, "degradation.blur": 0.5}
    studio.at(2, *(studio.turn(name, value) for name, value in given.items()), studio.turn("loss_options.eps", 0.01))
    studio.at(4, studio.turn("degradation.blur", 0))
    studio.at(6, studio.press("stop"))
    history = studio.run()
    assert len(history) == 6
    expected = {"lr": 1e-4, "batch": 5, "loss": "charbonnier", "augment": False, "patch": 6, "degradation": {}}
    settings = studio.training.settings
    assert {name: settings[name] for name in expected} == expected
    assert settings["loss_options"] == {"eps": 0.01}
    assert [at for at, *_ in studio.training.turned] == [2] * 7 + [4]
    assert history[2].lr / history[1].lr == pytest.approx(0.1 * 3 / 2), "still warming up, at a tenth of the rate"
    panel = studio.desk.panel
    assert "loss_options.eps" in panel.values
    assert panel.values["lr"] == 1e-4
    assert "Stopped after step 6." in repr(studio.summary())
    assert studio.ended.startswith("Stopped")
    assert panel.phase == "ended"


def test_what_is_turned_before_the_run_counts_from_the_first_step(studio):
    studio.turn("batch", 7)()
    assert studio.training.settings["batch"] == 7
    studio.turn("lr", 0.01)()
    assert studio.run()[0].lr == pytest.approx(0.01 / 50)


def test_an_impossible_value_is_explained_and_put_back(studio):
    studio.at(2, studio.turn("patch", 60))
    said = []
    studio.at(3, lambda: said.append(studio.desk.panel.said))
    assert len(studio.run()) == 8
    assert said == ["None of the 1 pictures has 60 x 60 input pixels. Use a smaller patch."]
    assert studio.desk.panel.values["patch"] == 8


def test_pause_one_step_and_go_on(studio, monkeypatch):
    naps = []

    def nap(_):
        naps.append((len(studio.training.history), studio.desk.panel.phase, len(studio.desk.panel.curves[0]["points"])))
        if len(naps) == 2:
            studio.press("step")()
        if len(naps) == 4:
            studio.press("pause")()

    monkeypatch.setattr("srlib.live.desk.time.sleep", nap)
    studio.at(3, studio.press("pause"))
    assert len(studio.run()) == 8
    assert naps == [(3, "paused", 3)] * 2 + [(4, "paused", 4)] * 2


def test_a_change_while_paused_is_seen_at_once(studio, monkeypatch):
    panel, seen = studio.desk.panel, []

    def nap(_):
        seen.append(([*panel.turned], [*panel.marks], panel.curves[1]["lines"]["bicubic"], str(panel.pictures)))
        if len(seen) == 1:
            studio.turn("degradation.blur", 4)()
        if len(seen) == 2:
            studio.press("stop")()

    monkeypatch.setattr("srlib.live.desk.time.sleep", nap)
    studio.at(4, studio.press("pause"))
    studio.run()
    (none, no_mark, before, then), (turned, marks, after, now) = seen
    assert (none, no_mark, marks) == ([], [], [[4, "1"]])
    assert turned[0][1].startswith("degradation none -> blur 4")
    assert after < before - 0.5
    assert now != then, "no picture of the photos before"
    assert [p[0] for p in panel.curves[1]["points"]] == [3, 4], "a look at the new photos, after the same step"
    assert panel.curves[1]["breaks"] == [1]


def test_stopping_while_paused(studio, monkeypatch):
    monkeypatch.setattr("srlib.live.desk.time.sleep", lambda _: studio.press("stop")())
    studio.press("pause")()
    assert studio.run() == []
    assert studio.desk.panel.phase == "ended"
    assert len(studio.run()) == 8, "and it can go on"


def test_restart_with_another_network_keeps_the_knobs(studio):
    studio.at(2, studio.turn("lr", 2e-3), studio.turn("arguments.features", 4), studio.turn("seed", 3))
    studio.at(3, studio.press("restart"))
    history = studio.run()
    alone = train.fit(recipe(steps=8, arguments={"features": 4, "layers": 2}, seed=3, lr=2e-3), "laptop").finish()
    assert [s.loss for s in history] == [s.loss for s in alone.history]
    assert studio.training.turned == [(0, "lr", "0.001", "0.002")]
    assert "sprint x2 (features 4, layers 2, seed 3) after 8 steps" in repr(studio.summary())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"f1": 1.5}, "f1=1.5 cannot be: use a whole number from 1 to 1,000, such as 9."),
        ({"f1": -1}, "f1=-1 cannot be: use a whole number from 1 to 1,000, such as 9."),
        ({"f1": 0}, "f1=0 cannot be"),
        ({"f1": math.nan}, "f1=nan cannot be"),
        ({"f1": True}, "f1=True cannot be"),
        ({"f1": 4}, "no middle"),
        ({"f1": 99999}, "f1=99999 cannot be"),
        ({"f1": 999, "f2": 999, "n1": 1000}, "GB or more: choose smaller numbers."),
    ],
)
def test_a_network_that_cannot_be_leaves_the_old_one(with_front_end, arguments, sentence):
    studio = live.TrainingStudio(recipe(model="srcnn", arguments={}), "laptop")
    before = studio.training
    for name, value in arguments.items():
        studio.desk.panel._receive(None, {"kind": "turn", "name": f"arguments.{name}", "value": value}, [])
    studio.desk.panel._receive(None, {"kind": "press", "button": "restart"}, [])
    assert sentence in studio.desk.panel.said
    assert studio.training is before


SILLY = (0, -1, 1, 2, 3, 7, 1.5, math.nan, math.inf, 10**3, 10**30, "wide", None, True)
TORCHS = r"size_t|argument '|enforce|[Tt]ensor|dimension|Traceback|\n|shape '"


def outcome(own, known, argument, value):
    """What comes of a network with this value: None if it draws, else the sentence."""
    given = own.arguments | {argument: value}
    try:
        possible.checked(known, given)
        with possible.network(given), torch.no_grad():
            net = models.create(own.model, own.scale, own.variant, own.size, **given).eval()
            net(torch.rand(1, 1 if net.space == "y" else 3, 24, 24))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("name", recipes.names())
def test_silly_numbers_of_any_network_are_told_in_a_sentence(monkeypatch, name):
    """Whatever is typed: the network is made, or a sentence of ours says why not, with none of torch's words."""
    monkeypatch.setattr(possible, "memory", lambda: 10**8)
    monkeypatch.setattr(possible, "MANY", 500)
    own = recipes.get(name)
    known = controls.arguments(SimpleNamespace(recipe=own))
    for argument, now in known.items():
        told = {str(value): outcome(own, known, argument, value) for value in SILLY}
        for value, sentence in told.items():
            assert sentence is None or re.search(r"[.]$", sentence), f"{argument}={value}: {sentence}"
            assert sentence is None or not re.search(TORCHS, sentence), f"{argument}={value}: {sentence}"
        assert all(told[value] for value in ("nan", "inf", "wide", "None")), argument
        assert isinstance(now, float) or told["1.5"], argument


@pytest.mark.parametrize("late", [False, True])
def test_a_buttons_words_outlast_a_turn_in_either_order(studio, tmp_path, late):
    said = []
    acts = [studio.turn("batch", 3), studio.press("save", tmp_path / "a.ckpt")]
    studio.at(2, *(acts[::-1] if late else acts))
    studio.at(3, lambda: said.append(studio.desk.panel.said), studio.turn("patch", 60))
    studio.at(4, lambda: said.append(studio.desk.panel.said), studio.turn("batch", 4))
    studio.at(5, lambda: said.append(studio.desk.panel.said), studio.turn("patch", 7))
    studio.run()
    assert said[0] == f"Saved as {tmp_path / 'a.ckpt'}."
    assert "60 x 60" in said[1]
    assert said[2] == said[1], "another knob's turn says nothing about it"
    assert studio.desk.panel.said == "", "the same knob has a possible value now"


def test_a_refused_value_is_shown_again(studio, monkeypatch):
    """The values are what they were, so no trait changes: the page has to be told."""
    sent = []
    monkeypatch.setattr(studio.desk.panel, "send", sent.append)
    studio.turn("batch", 0)()
    assert "batch=0" in studio.desk.panel.said
    assert sent == [{"kind": "refused"}]


def test_in_a_slow_step_what_is_touched_is_confirmed_at_once(studio, monkeypatch):
    """The messages come in a second thread while the first one computes."""
    panel, told = studio.desk.panel, []
    real = losses.l1

    def touch():
        for act in (studio.turn("lr", 1e-4), studio.turn("augment", False), studio.turn("seed", 3)):
            act()
            told.append(panel.waiting)
        studio.press("pause")()
        told.append(panel.waiting)

    def slow(sr, hr):
        if len(studio.training.history) == 3:
            other = threading.Thread(target=touch)
            other.start()
            other.join()
            told.append(studio.training.settings["lr"])
        return real(sr, hr)

    monkeypatch.setitem(losses.LOSSES, "l1", slow)
    monkeypatch.setattr("srlib.live.panel.SLOW", -1.0)
    monkeypatch.setattr("srlib.live.desk.time.sleep", lambda _: told.append(panel.waiting) or studio.press("stop")())
    studio.run()
    assert told[:4] == [
        "Heard: learning rate (peak) 0.0001; it acts after this step.",
        "Heard: flip and rotate off; it acts after this step.",
        "Heard: seed 3; it is used at Restart.",
        "Heard: Pause; it acts after this step.",
    ]
    assert told[4] == 1e-3, "the step goes on with the old value"
    assert told[5] == "", "and after it nothing waits any more"
    assert studio.training.settings["lr"] == 1e-4


def test_in_a_fast_training_nothing_has_to_be_confirmed(studio, monkeypatch):
    monkeypatch.setattr("srlib.live.panel.SLOW", 60.0)
    told = []
    studio.desk.panel.observe(lambda change: told.append(change.new), "waiting")
    studio.at(2, lambda: setattr(studio.desk.panel, "lately", 0.001), studio.turn("lr", 1e-4))
    studio.run()
    assert told == []


def test_reset_brings_the_recipes_knobs_back(studio):
    studio.at(1, studio.turn("lr", 0.1), studio.turn("degradation.noise", 9), studio.turn("seed", 5))
    studio.at(2, studio.press("reset"))
    studio.run()
    assert studio.training.settings == train.fit(recipe(), "laptop").settings
    assert studio.desk.panel.values["seed"] == 0


def test_save_and_resume(studio, tmp_path):
    studio.at(3, studio.turn("lr", 5e-4), studio.press("save", tmp_path / "a.ckpt"))
    studio.at(5, studio.turn("arguments.features", 4), studio.press("restart"))
    first = studio.run()
    assert first[0].step == 1
    studio.press("resume", tmp_path / "a.ckpt")()
    assert len(studio.training.history) == 3
    assert studio.training.recipe.arguments == TINY
    assert studio.training.turned == [(3, "lr", "0.001", "0.0005")]
    assert len(studio.run()) == 8
    straight = train.fit(recipe(steps=8), "laptop")
    for step in straight:
        if step.step == 3:
            straight.set(lr=5e-4)
    assert [s.loss for s in studio.training.history] == [s.loss for s in straight.history]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("none.ckpt", "There is no checkpoint"),
        ("bad.ckpt", "bad.ckpt is damaged or cut short (its checksum is wrong) and cannot be read."),
        ("srcnn.ipynb", "srcnn.ipynb is no checkpoint of a training. Name a file that was saved as one."),
        ("foreign.ckpt", "foreign.ckpt is no checkpoint of a training. Name a file that Save wrote."),
        ("other.ckpt", "other.ckpt is of espcn x2, but this studio trains sprint x2."),
        ("", "Give the checkpoint a name, such as sprint-x2.ckpt."),
        (".", "is a folder"),
    ],
)
def test_a_checkpoint_that_cannot_be_read_is_said(studio, tmp_path, file, sentence):
    (tmp_path / "bad.ckpt").write_bytes(b"no")
    (tmp_path / "srcnn.ipynb").write_text('{"cells": []}' * 40)
    train.write_checkpoint(tmp_path / "foreign.ckpt", {"weights": torch.zeros(2)})
    train.fit(recipe(model="espcn", arguments={}), "laptop").save(tmp_path / "other.ckpt")
    studio.press("resume", tmp_path / file if file else " ")()
    assert sentence in studio.desk.panel.said
    assert "elete" not in studio.desk.panel.said, "it may be a learner's own work"
    with pytest.raises((ValueError, FileNotFoundError)):
        studio.resumed(tmp_path / file)
    assert len(studio.run()) == 8


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("", "Give the checkpoint a name, such as sprint-x2.ckpt."),
        ("nope/x.ckpt", "nope does not exist"),
        (".", "is a folder"),
        ("srcnn.ipynb", "srcnn.ipynb is no checkpoint, and would be overwritten"),
    ],
)
def test_a_checkpoint_that_cannot_be_saved_is_said(studio, tmp_path, file, sentence):
    (tmp_path / "srcnn.ipynb").write_text("my own work")
    studio.press("save", tmp_path / file if file else "")()
    assert sentence in studio.desk.panel.said
    assert [path.name for path in tmp_path.iterdir() if path.name != "photos"] == ["srcnn.ipynb"]
    assert (tmp_path / "srcnn.ipynb").read_text() == "my own work"


@pytest.mark.parametrize(
    "changes",
    [
        {"augment": "no"},
        {"augment": 1},
        {"degradation": {"blur": "much"}},
        {"degradation": {"noise": math.nan}},
        {"loss_options": {"eps": "small"}, "loss": "charbonnier"},
        {"lr": math.nan},
        {"batch": 2.5},
        {"patch": True},
        {"loss": 3},
    ],
)
def test_a_knob_takes_only_its_own_kind_of_value(changes):
    run = train.fit(recipe(), "laptop")
    with pytest.raises(ValueError, match=r"[.]$"):
        run.set(**changes)
    assert run.settings == train.fit(recipe(), "laptop").settings
    assert run.turned == []


def test_a_front_end_that_delivers_nothing_is_named_once_and_the_training_goes_on(studio, monkeypatch):
    monkeypatch.setattr("srlib.live.panel.PATIENCE", -1.0)
    studio.desk.paused = True  # nobody could ever press Continue
    said = []
    studio.at(2, lambda: said.append(studio.desk.panel.said))
    assert len(studio.run()) == 8
    assert said[0].startswith("This front end delivers what you touch only after the cell has ended")
    studio.training = studio.training.restart()
    studio.at(2, lambda: studio.desk.panel._receive(None, {"kind": "beat"}, []))
    studio.at(3, lambda: said.append(studio.desk.panel.heard))
    studio.run()
    assert said[1] is True


def test_a_newer_ipykernel_is_told_where_replies_go(with_front_end, monkeypatch):
    import comm

    made = comm.create_comm

    def create(**options):
        found = made(**options)
        found._reply_subshell_for = lambda data, default: "the busy shell"
        return found

    monkeypatch.setattr(comm, "create_comm", create)
    from srlib.live.panel import Panel

    assert Panel().comm._reply_subshell_for({}, "the subshell") == "the subshell"


class Place:
    """An output in a notebook."""

    def __init__(self, shown):
        self.shown = [shown]

    def update(self, shown):
        self.shown.append(shown)


@pytest.fixture
def places(monkeypatch):
    """The outputs that a studio makes in a notebook."""
    made = []
    monkeypatch.setattr("srlib.live.studio.display", lambda shown, **_: made.append(Place(shown)) or made[-1])
    return made


def test_no_widget_is_left_in_the_notebook(studio, places):
    studio._ipython_display_()
    studio.run()
    stand_in, panel, result = places
    assert panel.shown[0] is studio.desk.panel
    assert "controls to turn while it trains appear here" in stand_in.shown[0]._repr_html_()
    for place in places:
        assert not hasattr(place.shown[-1], "_repr_mimebundle_")
        assert "<script" not in place.shown[-1]._repr_html_()
    assert "8 steps of 2 patches" in repr(stand_in.shown[-1])
    assert panel.shown[-1]._repr_html_() == ""
    assert "after 8 steps" in repr(result.shown[-1])
    studio.training = studio.training.restart()
    studio.run()  # not shown beforehand: it shows itself
    assert places[4].shown[0] is studio.desk.panel


def test_the_last_look_is_noted_in_case_that_the_kernel_dies(studio, places):
    studio.run()
    noted = [repr(shown) for shown in places[2].shown]
    assert noted[0] == "Training ..."
    assert re.match(r"Training\. sprint x2 .* after 3 steps: .* dB\), when last noted\.", noted[1])
    assert len(noted) == 3, "seldom: the second look came at once, and then the summary"


def test_an_error_leaves_no_widget_either(studio, places):
    studio.at(2, lambda: (_ for _ in ()).throw(ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        studio.run()
    stand_in, panel, _ = places
    assert panel.shown[0] is studio.desk.panel
    assert "6 steps" not in repr(stand_in.shown[-1])
    assert not hasattr(panel.shown[-1], "_repr_mimebundle_")


def test_drawing_keeps_to_its_budget(studio, monkeypatch):
    """A drawing of one second leaves the next nine to the training."""
    clock, drawings = [0.0], []
    monkeypatch.setattr("srlib.live.desk.time", SimpleNamespace(monotonic=lambda: clock[0], sleep=None))
    status = studio.desk._status

    def slow(now):
        drawings.append(clock[0])
        clock[0] += 1.0
        return status(now)

    monkeypatch.setattr(studio.desk, "_status", slow)
    for number in range(1, 9):
        studio.at(number, lambda: clock.__setitem__(0, clock[0] + 4.0))
    studio.run()
    assert drawings[:2] == [4.0, 17.0]


# --- two players


@pytest.fixture
def game(with_front_end):
    """A studio in which SRResNet plays against SRGAN's judge."""
    tiny = {"arguments": {"blocks": 1, "features": 4}, "judge_arguments": {"features": 2, "hidden": 4}}
    made = AdversarialRecipe("srresnet", data=["T91"], held_out="Set5", patch=16, batch=2, steps=6, every=3, **tiny)
    return live.TrainingStudio(made, "laptop")


def test_a_game_shows_both_losses_and_the_judges_verdicts(game):
    history = game.run()
    game.desk.draw()
    curves = {c["title"]: c for c in game.desk.panel.curves}
    told = {
        "adversarial loss of the generator": "adversarial",
        "loss of the judge": "judge_loss",
        "judge: photographs are real (probability)": "real",
        "judge: the network's pictures are real (probability)": "fake",
    }
    assert set(told) < set(curves)
    for title, name in told.items():
        assert [step for step, _ in curves[title]["points"]] == [1, 2, 3, 4, 5, 6]
        assert curves[title]["points"][0][1] == getattr(history[0], name)
        assert curves[title]["alt"].startswith(f"{title}: ")
    assert curves["loss of the judge"]["lines"] == {"cannot tell": pytest.approx(1.386, abs=1e-3)}
    said = repr(game.summary())
    assert "srresnet x2 (blocks 1, features 4) against the judge of srgan after 6 steps" in said
    assert "The generator starts untrained" in said
    assert all(title in said for title in told)


def test_a_game_has_the_controls_of_both_players_and_no_patch(game):
    panel = game.desk.panel
    names = [c["name"] for c in panel.controls]
    assert {"lr", "lr_judge", "pixel", "perceptual", "adversarial"} <= set(names)
    assert "patch" not in names
    assert set(names) == set(panel.values)
    assert panel.file == "srresnet-x2-srgan-judges.ckpt"
    given = {"lr_judge": 0.0, "pixel": 0.5, "adversarial": 0.25}
    for name, value in given.items():
        panel._receive(None, {"kind": "turn", "name": name, "value": value}, [])
    assert {name: game.training.settings[name] for name in given} == given
    before = [p.clone() for p in game.training.judge.parameters()]
    game.run()
    assert all(torch.equal(a, b) for a, b in zip(before, game.training.judge.parameters(), strict=True))
    panel._receive(None, {"kind": "press", "button": "restart"}, [])
    assert game.training.history == []
    assert game.training.settings["pixel"] == 0.5
    panel._receive(None, {"kind": "press", "button": "reset"}, [])
    assert game.training.settings["lr_judge"] == 1e-4


def test_without_a_judge_nothing_of_a_game_is_shown(studio):
    studio.run()
    assert len(studio.desk.panel.curves) == 3
    assert not {"lr_judge", "pixel", "perceptual", "adversarial"} & {c["name"] for c in studio.desk.panel.controls}
