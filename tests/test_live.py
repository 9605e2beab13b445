"""Live elements: with a front end controls that act, without one plain HTML that still says everything."""

import base64
import html
import importlib
import io
import itertools
import json
import math
import re
import threading
import time

import numpy as np
import pytest
import skimage.metrics
import torch
from drawn import draw
from PIL import Image

from srlib import figures, images, live
from srlib.figures import Html
from srlib.live.check import hints
from srlib.live.pictures import unshare
from srlib.recipes import Recipe

TINY = {"features": 8, "layers": 2}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("photos"), T91=[0], Set5=[1])


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


def live_module(name):
    """srlib.live.NAME itself: the package shows the function of that name."""
    return importlib.import_module(f"srlib.live.{name}")


def pictures_of(shown):
    """The pictures inside an element, decoded."""
    stored = re.findall(r'src="data:image/webp;base64,([^"]+)"', shown._repr_html_())
    return [np.array(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in stored]


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


def about(shown, key):
    """What Python tells the script of an element."""
    return json.loads(html.unescape(re.search(rf'data-{key}="([^"]*)"', shown._repr_html_())[1]))


def test_compare_says_everything_without_a_script():
    a, b = torch.rand(3, 8, 8), torch.rand(3, 8, 8)
    shown = live.compare({"bicubic": (a, "33.66 dB"), "<srcnn>": b}, 'a "bird"')
    markup = shown._repr_html_()
    assert 'alt="a &quot;bird&quot;: bicubic, 33.66 dB"' in markup
    assert "<figcaption><b>&lt;srcnn&gt;</b></figcaption>" in markup
    assert " id=" not in markup, "two of them on a page must not collide"
    assert repr(shown) == '[comparison: a "bird": bicubic, 33.66 dB | <srcnn>]'
    assert about(shown, "about")["reference"] is None


@pytest.mark.parametrize("channels", [1, 3])
def test_compare_measures_against_the_original_what_has_no_text(channels):
    sr, hr = torch.rand(channels, 24, 24), torch.rand(channels, 24, 24)
    shown = live.compare({"ours": sr, "told": (sr, "as told"), "original": hr}, "noise")
    a, b = (np.moveaxis(images.to_uint8(img).reshape(24, 24, channels), 2, 0) for img in (sr, hr))
    psnr = skimage.metrics.peak_signal_noise_ratio(b, a, data_range=255)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    ssim = skimage.metrics.structural_similarity(b, a, data_range=255, channel_axis=0, **options)
    found = re.search(r"ours</b><br>([\d.]+) dB, SSIM (-?[\d.]+)<", shown._repr_html_())
    assert float(found[1]) == pytest.approx(psnr, abs=0.006)
    assert float(found[2]) == pytest.approx(ssim, abs=2e-4)
    assert "told</b><br>as told<" in shown._repr_html_()
    assert "original</b></figcaption>" in shown._repr_html_()
    assert ("of RGB" if channels == 3 else "of the gray picture") in shown._repr_html_()
    assert about(shown, "about")["reference"] == 2


def test_compared_pictures_are_stored_without_loss():
    img = torch.rand(3, 20, 30)
    stored = pictures_of(live.compare({"a": img, "b": 1 - img}, "noise"))
    assert (stored[0] == images.to_uint8(img)).all()
    assert (stored[1] == images.to_uint8(1 - img)).all()


def test_a_heavy_comparison_shows_the_middle_and_says_so(monkeypatch):
    monkeypatch.setattr(live_module("compare"), "BUDGET", 20_000)
    img = torch.rand(3, 100, 121)
    shown = live.compare({"a": img, "original": img.flip(-1)}, "noise")
    stored = pictures_of(shown)
    assert (stored[0] == images.to_uint8(img[:, 18:82, 28:92])).all()
    assert "Shown: the middle 64 x 64 of 121 x 100 pixels." in shown._repr_html_()
    assert len(shown._repr_html_()) < 60_000


def test_compare_enlarges_by_whole_factors():
    for side, width, expected in ((20, 480, 480), (100, 480, 400), (450, 480, 450), (500, 480, 500)):
        img = torch.zeros(1, 4, side)
        assert f"--sr-width:{expected}px" in live.compare({"a": img, "b": img}, "black", width)._repr_html_()


@pytest.mark.parametrize(
    ("shown", "alt", "sentence"),
    [
        (
            {"a": torch.rand(1, 8, 8)},
            "x",
            r"needs two pictures or more, but 1 were given\. See figures\.pictures",
        ),
        ({"a": torch.rand(1, 8, 8), "b": torch.rand(1, 8, 9)}, "x", r"'a' is \(1, 8, 8\) and 'b' is \(1, 8, 9\)"),
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


def test_a_twin_holds_every_frame_and_six_in_the_open():
    shown = live.explore(label, a=[1, 2, 3, 4, 5], b=["x", "<y>"])
    markup = shown._repr_html_()
    opened = re.findall(r"<i>(.*?)</i>", markup.partition("<details")[0])
    assert opened == ["1,x", "2,x", "3,x", "3,<y>", "4,<y>", "5,<y>"], "from end to end, through every parameter"
    assert sorted(re.findall(r'data-at="(\d)"', markup)) == list("0123456789")
    assert "4 more settings</summary>" in markup
    assert 'data-said="a = 2, b = &lt;y&gt;: 2,&lt;y&gt;"' in markup
    assert about(shown, "grid") == [
        {"name": "a", "values": ["1", "2", "3", "4", "5"], "slider": True, "first": 2},
        {"name": "b", "values": ["x", "<y>"], "slider": False, "first": 0},
    ]
    assert repr(shown).splitlines()[0] == "a = 1, b = x: 1,x"


def test_few_frames_need_no_fold_and_numbers_are_said():
    shown = live.explore(lambda a: (label(a), {"PSNR": f"{a} dB"}), a=[1, 2.5])
    assert "<details" not in shown._repr_html_()
    assert "<b>a = 2.5</b>: PSNR 2.5 dB" in shown._repr_html_()
    assert repr(shown) == "a = 1: PSNR 1 dB\na = 2.5: PSNR 2.5 dB"


def squares(a, b):
    side = torch.full((1, 9, 9), a / 10)
    return figures.pictures({"a": side, "b": torch.full((1, 9, 9), b / 10)}, "squares")


def test_folded_frames_share_their_pictures():
    markup = live.explore(squares, a=[1, 2, 3, 4], b=[5, 6, 7])._repr_html_()
    opened, folded = markup.split("<details")
    assert len(re.findall(r'src="data:', opened)) == 12, "what needs no script is whole"
    assert len(re.findall(r'src="data:', folded)) == 0, "all were shown before: 4 + 3 pictures"
    whole = unshare(markup)
    assert len(re.findall(r'src="data:', whole)) == 24
    for at, (a, b) in enumerate(itertools.product([1, 2, 3, 4], [5, 6, 7])):
        assert squares(a, b)._repr_html_() in whole.partition(f'data-at="{at}"')[2].partition("data-at")[0]


def test_pictures_over_the_budget_are_stored_with_loss_and_it_is_said(monkeypatch):
    def noise(seed):
        return figures.pictures({"n": torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(seed))}, "noise")

    exact = live.explore(noise, seed=[1, 2])
    assert "quality" not in exact._repr_html_()
    monkeypatch.setattr(live_module("twin"), "BUDGET", 20_000)
    small = live.explore(noise, seed=[1, 2])
    assert "WebP of quality 90." in small._repr_html_()
    off = [np.abs(a.astype(int) - b).mean() for a, b in zip(pictures_of(small), pictures_of(exact), strict=True)]
    assert 0 < max(off) < 60  # of 255; noise is the hardest to store
    monkeypatch.setattr(live_module("twin"), "BUDGET", 200)
    with pytest.raises(ValueError, match=r"take [\d,]+ bytes; 200 are allowed\. Cut a smaller detail\."):
        live.explore(noise, seed=[1, 2])


def test_a_grid_has_to_fit_on_a_page(with_front_end, monkeypatch):
    live.explore(label, a=range(65))  # no limit where fn runs live
    monkeypatch.setenv("SRLIB_LIVE", "0")
    with pytest.raises(ValueError, match=r"The grid has 65 frames, and a page holds 64\."):
        live.explore(label, a=range(65))


def test_explore_with_a_front_end_redraws(with_front_end):
    a, b, said, out = live.explore(label, a=[1, 2, 3], b=[10, 20]).box.children
    assert (a.value, b.value, out.value) == (2, 20, "<i>2,20</i>")
    a.value = 3
    b.value = 10
    assert out.value == "<i>3,10</i>"
    assert "<b>a = 3, b = 10</b>" in said.value


class Cell:
    """An output cell: what was displayed, each with what it was updated to."""

    def __init__(self):
        self.shown = []

    def display(self, made, display_id=False):
        self.shown.append([made])
        self.update = self.shown[-1].append
        return self


def test_the_saved_copy_holds_the_whole_grid_however_slow(with_front_end, monkeypatch):
    beyond, cell = live_module("beyond"), Cell()
    monkeypatch.setattr(beyond, "display", lambda made, display_id=False: cell.display(made) if display_id else None)
    made = live.explore(label, a=[1, 2, 3], b=["x", "y"])
    made._ipython_display_()
    [(before, after)] = cell.shown
    assert "<i>2,x</i>" in before.markup
    assert "Run this cell to move the controls." in before.markup
    assert "data-grid" not in before.markup, "no controls that could not act"
    assert after.markup.count('class="sr-frame"') == 6
    assert "data-spare" in after.markup
    too_many = Cell()
    cell.display = too_many.display
    live.explore(label, a=range(65))._ipython_display_()
    assert [len(shown) for shown in too_many.shown] == [1], "one picture stays, where no page holds the grid"


def test_the_function_never_runs_twice_at_once():
    inside, most = [], []

    def slow(a):
        inside.append(a)
        most.append(len(inside))
        time.sleep(0.02)
        inside.remove(a)

    alone = live_module("beyond").one_at_a_time(slow)
    threads = [threading.Thread(target=alone, kwargs={"a": a}) for a in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5


def test_an_error_between_the_values_is_said_and_play_goes_on(with_front_end):
    def odd_only(n):
        if n == 4:
            raise ValueError("n is <even>")
        return label(n)

    slider, said, out = live.explore(odd_only, n=[1, 3, 5, 6]).box.children
    slider.value = 4
    assert "✗ ValueError: n is &lt;even&gt;" in said.value
    assert out.value == "<i>5,0</i>"
    slider.value = 3
    assert out.value == "<i>3,0</i>"
    assert "✗" not in said.value


@pytest.mark.parametrize(
    ("values", "kind", "ends"),
    [
        ([2, 4, 8], "IntSlider", (2, 8, 2)),
        ([2, 3, 4], "IntSlider", (2, 4, 1)),
        ([0.5, 0.75, 1.5], "FloatSlider", (0.5, 1.5, 0.01)),
        ([0.01, 0.1, 1.0], "FloatLogSlider", (-2, 0, 0.02)),
        ([4, 2], "ToggleButtons", None),
        ([True, False], "ToggleButtons", None),
        (["a", "b"], "ToggleButtons", None),
        ([3], "ToggleButtons", None),
    ],
)
def test_numbers_become_a_slider_between_the_ends_of_the_grid(values, kind, ends):
    from srlib.live.beyond import control

    made = control("x", values)
    assert type(made).__name__ == kind
    assert made.description == "x"
    if ends:
        assert (made.min, made.max, made.step) == pytest.approx(ends)


@pytest.mark.parametrize("grid", [{}, {"a": []}, {"a": [1], "b": ()}])
def test_nothing_to_explore(grid):
    with pytest.raises(ValueError, match=r"Give every parameter at least one value, for example sigma=\[0\.5, 1, 2\]"):
        live.explore(label, **grid)


# --- all elements


def test_what_is_read_by_the_page_is_part_of_the_package(root):
    for name in ("parts.js", "explore.js", "pixels.js", "wipe.js", "compare.js", "predict.js", "live.css"):
        assert (root / "srlib" / "live" / name).exists()
    assert 'packages = ["srlib"]' in (root / "pyproject.toml").read_text()  # hatchling takes all files of a package
    shown = live.predict("?", 0, 1, 0.5)._repr_html_()
    assert "<script>" in shown
    assert "/*" not in shown, "comments stay in the files"


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
            "✗ Your answer is 'four' (a str): it cannot be checked (TypeError: not all arguments converted during "
            "string formatting).\n  Hint: two and two\n",
        ),
    ],
)
def test_check(capsys, answer, right, said):
    assert live.check(answer, IS_EVEN, IS_FOUR, hint="two and two") is right
    assert capsys.readouterr().out == said


def test_three_hints_are_folded_into_each_other(capsys):
    steps = ("Look <here>.", "Add.", "2 + 2")
    markup = hints(steps)._repr_html_()
    assert re.findall(r"</span> (.*?)</summary>", markup) == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3"]
    assert markup.count("</p></details></details></details>") == 1
    assert "Look &lt;here&gt;." in markup
    assert not live.check(3, IS_FOUR, hint=steps)
    assert capsys.readouterr().out == "✗ Not 4.\nHint: Look <here>. (2 more in the notebook)\n"
    assert live.check(4, IS_FOUR, hint=steps)
    assert capsys.readouterr().out == "✓ Right.\n"


@pytest.mark.parametrize(
    ("low", "high", "answer", "step", "digits", "written"),
    [
        (-2, 2, 0.67, 0.1, 1, "0.67 dB"),
        (-2, 2, -0.5, 0.1, 1, "\u22120.5 dB"),
        (0, 100_000, 57_281, 1000, 0, "57,281 dB"),
        (0, 20, 17, 1, 0, "17 dB"),
        (0, 1, 0.1234, 0.01, 2, "0.123 dB"),
    ],
)
def test_a_guess_has_a_slider_and_an_answer_to_unfold(low, high, answer, step, digits, written):
    shown = live.predict("How < far?", low, high, answer, "dB", "Why <so>.")
    told = about(shown, "about")
    assert (told["low"], told["step"], told["digits"]) == (low, pytest.approx(step), digits)
    assert low + told["count"] * told["step"] == pytest.approx(high)
    assert f"<p><b>{written}.</b> Why &lt;so&gt;.</p>" in shown._repr_html_()
    assert written not in repr(shown), "a terminal does not give the answer away"
    assert repr(shown).startswith("How < far?")


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ((2, 2, 0), r"low = 2 to high = 2; low must be"),
        ((0, 1, float("nan")), r"answer is nan\. Give a finite"),
    ],
)
def test_wrong_guesses(numbers, sentence):
    with pytest.raises(ValueError, match=sentence):
        live.predict("?", *numbers)


def test_an_infinite_psnr_stays_off_the_board():
    """JSON has no infinity: a page that is given one shows nothing at all."""
    measured = {"copy": {"PSNR": math.inf, "ms": 1.0}, "bicubic": {"PSNR": 30.0, "ms": 2.0}}
    markup = live.board(measured, ["ms"], ["PSNR"], "Two methods").markup
    assert "Infinity" not in markup
    assert "30.0" in markup
