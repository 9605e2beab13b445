"""Live elements: with a front end controls that act, without one plain HTML that still says everything."""

import pytest
import torch

from srlib import images, live, losses, synthetic, train
from srlib.figures import Html
from srlib.live import studio as studio_module
from srlib.recipes import Recipe

TINY = {"features": 8, "layers": 2}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name, seed in (("T91", 0), ("Set5", 1)):
        (folder / name).mkdir()
        images.save(folder / name / "a.png", synthetic.picture(seed, side=48))
    return folder


@pytest.fixture(autouse=True)
def photos(monkeypatch, drawn):
    monkeypatch.setenv("SRLIB_PHOTOS", str(drawn))
    monkeypatch.setenv("SRLIB_LIVE", "0")


@pytest.fixture
def with_front_end(monkeypatch):
    monkeypatch.setenv("SRLIB_LIVE", "1")


def recipe(**changes):
    settings = {"data": ["T91"], "held_out": "Set5", "patch": 8, "batch": 2, "steps": 6, "every": 3, "arguments": TINY}
    return Recipe("sprint", **{**settings, **changes})


# --- is somebody there?


@pytest.mark.parametrize(
    ("forced", "session", "expected"),
    [("1", None, True), ("0", "x.ipynb", False), (None, "x.ipynb", True), (None, None, False), ("", "x", True)],
)
def test_interactive(monkeypatch, forced, session, expected):
    for name, value in (("SRLIB_LIVE", forced), ("JPY_SESSION_NAME", session)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert live.interactive() is expected


# --- compare


def test_compare_says_everything_without_a_script():
    a, b = torch.rand(3, 8, 8), torch.rand(3, 8, 8)
    shown = live.compare({"bicubic": (a, "33.66 dB"), "<srcnn>": b}, 'a "bird"')
    markup = shown._repr_html_()
    assert 'alt="a &quot;bird&quot;: bicubic, 33.66 dB"' in markup
    assert 'aria-label="Wipe between bicubic and &lt;srcnn&gt;"' in markup
    assert "<span>&lt;srcnn&gt;</span>" in markup
    assert 'type="range"' in markup
    assert " id=" not in markup, "two of them on a page must not collide"
    assert repr(shown) == '[comparison: a "bird": bicubic, 33.66 dB | <srcnn>]'


@pytest.mark.parametrize(
    ("shown", "alt", "sentence"),
    [
        ({"a": torch.rand(1, 8, 8)}, "x", r"compare shows two pictures, but 1 were given\. Use figures\.pictures"),
        ({"a": torch.rand(1, 8, 8), "b": torch.rand(1, 8, 9)}, "x", r"shapes \(1, 8, 8\) and \(1, 8, 9\)"),
        ({"a": torch.rand(1, 8, 8), "b": torch.rand(1, 8, 8)}, "", r"alt is empty"),
        ({"a": torch.ones(1, 8, 8) * 255, "b": torch.rand(1, 8, 8)}, "x", r"Divide 8-bit values by 255"),
    ],
)
def test_wrong_comparisons(shown, alt, sentence):
    with pytest.raises(ValueError, match=sentence):
        live.compare(shown, alt)


# --- explore


def label(a, b=0):
    return Html(f"<i>{a},{b}</i>", f"{a},{b}")


def test_explore_without_a_front_end_shows_at_most_six_sets():
    shown = live.explore(label, a=[1, 2, 3, 4, 5], b=[10, 20])
    assert shown._repr_html_().count("<i>") <= 6
    assert "<b>a = 1, b = 10</b>" in shown._repr_html_()
    few = live.explore(label, a=["<1>", 2])
    assert few._repr_html_().count("<i>") == 2
    assert "a = &lt;1&gt;" in few._repr_html_()
    assert repr(few) == "a = <1>: <1>,0\na = 2: 2,0"


def test_explore_with_a_front_end_redraws(with_front_end):
    box = live.explore(label, a=[1, 2, 3], b=[10, 20])
    a, b, out = box.children
    assert (a.value, b.value, out.value) == (2, 20, "<i>2,20</i>")
    a.value = 3
    b.value = 10
    assert out.value == "<i>3,10</i>"


@pytest.mark.parametrize("grid", [{}, {"a": []}, {"a": [1], "b": ()}])
def test_nothing_to_explore(grid):
    with pytest.raises(ValueError, match=r"Give every parameter at least one value, for example sigma=\[0\.5, 1, 2\]"):
        live.explore(label, **grid)


# --- quiz and check


def test_a_quiz_explains_every_answer():
    shown = live.quiz("1 < 2?", {"yes": (True, "It is."), "<no>": (False, "Count again.")})
    markup = shown._repr_html_()
    assert markup.count("<details>") == 2
    assert "✓ Right. It is." in markup
    assert "✗ Not so. Count again." in markup
    assert "1 &lt; 2?" in markup
    assert "&lt;no&gt;" in markup
    assert repr(shown) == "1 < 2?\n  - yes\n  - <no>"


@pytest.mark.parametrize("answers", [{}, {"a": (True, "")}, {"a": (False, ""), "b": (False, "")}])
def test_a_quiz_needs_a_right_and_a_wrong_answer(answers):
    with pytest.raises(ValueError, match=r"at least one right and one wrong answer"):
        live.quiz("?", answers)


IS_FOUR = (lambda x: x == 4, "Not 4.")
IS_EVEN = (lambda x: x % 2 == 0, "Not even.")


@pytest.mark.parametrize(
    ("answer", "right", "said"),
    [
        (4, True, "✓ Right.\n"),
        (3, False, "✗ Not even.\n  Hint: two and two\n"),
        (6, False, "✗ Not 4.\n  Hint: two and two\n"),
        (None, False, "○ Not tried yet: replace None by your answer and run the cell again.\n  Hint: two and two\n"),
        (
            "four",
            False,
            "✗ Not even. (Trying it raised TypeError: not all arguments converted during string formatting)\n"
            "  Hint: two and two\n",
        ),
    ],
)
def test_check(capsys, answer, right, said):
    assert live.check(answer, IS_EVEN, IS_FOUR, hint="two and two") is right
    assert capsys.readouterr().out == said


# --- the studio


def test_without_a_front_end_the_same_training_runs(capsys):
    studio = live.TrainingStudio(recipe(), "laptop", marks={"bicubic": 30.0})
    assert studio._controls is None
    shown = studio._repr_mimebundle_()
    assert "sprint x2: 6 steps of 2 patches, peak rate 0.001" in shown["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" not in shown
    history = studio.run()
    alone = train.fit(recipe(), "laptop").finish()
    assert [s.loss for s in history] == [s.loss for s in alone.history]
    assert "after 6 steps" in repr(studio.summary())
    assert ">bicubic<" in studio.summary()._repr_html_()


def test_controls_turn_the_knobs_of_the_running_training(with_front_end, monkeypatch):
    studio = live.TrainingStudio(recipe(steps=8), "laptop")
    controls, real = studio._controls, studio._controls.after

    def touched(step):
        if step.step == 2:
            controls.lr.value, controls.batch.value, controls.loss.value = 1e-4, 5, "mse"
        if step.step == 6:
            controls.stop.click()
        real(step)

    monkeypatch.setattr(controls, "after", touched)
    history = studio.run()
    assert len(history) == 6
    assert studio.training.settings["batch"] == 5
    assert studio.training.settings["loss"] == "mse"
    assert studio.training.settings["lr"] == pytest.approx(1e-4)
    assert [at for at, _ in studio.changed] == [2, 2, 2]
    assert "loss l1 -> mse" in studio.changed[-1][1]
    assert "<svg" in controls.curve.value
    assert "<img" in controls.preview.value


def test_pausing_waits_until_it_is_released(with_front_end, monkeypatch):
    studio = live.TrainingStudio(recipe(steps=3), "laptop")
    controls, naps = studio._controls, []

    def nap(_):
        naps.append(controls.text.value)
        controls.pause.value = len(naps) < 3

    monkeypatch.setattr(studio_module.time, "sleep", nap)
    controls.pause.value = True
    assert len(studio.run()) == 3
    assert naps == ["paused after step 1"] * 3


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
    assert studio.changed == [(3, "interrupted")]
    assert len(studio.run()) == 6


def test_divergence_is_told_not_raised(monkeypatch, capsys):
    monkeypatch.setitem(losses.LOSSES, "l1", lambda sr, hr: losses.l1(sr, hr) * float("nan"))
    studio = live.TrainingStudio(recipe(), "laptop")
    studio.changed.append((0, "lr 0.001 -> 1.0"))
    assert studio.run() == []
    said = capsys.readouterr().out
    assert "NaN or infinite values appeared at step 1" in said
    assert "The last change before was: lr 0.001 -> 1.0." in said
