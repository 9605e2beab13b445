"""What plays without a kernel: twins, comparisons and guesses on a page opened from a file, with no network."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from srlib import figures, images, live, synthetic
from srlib.figures import Html
from srlib.live.check import hints

pytestmark = pytest.mark.site

SIGMAS, KINDS = [0.5, 1.0, 2.0, 4.0], ["disc", "<box>"]
HR = images.round_to_uint8(synthetic.picture(1, side=40))
SOFT = images.round_to_uint8((HR + HR.roll(1, -1) + HR.roll(1, -2)) / 3)
MEASURED = {"flat": {"PSNR": 33.6, "weights": 9, "ms": 2}, "deep": {"PSNR": 37.25, "weights": 50_000, "ms": 300}}
PUBLISHED = {"deep": {"PSNR": 38.5, "weights": 2_000_000}}
COARSE = images.round_to_uint8((HR * 8).round() / 8)


def tint(sigma, kind):
    """A picture that depends on both parameters, one that does not, and a number."""
    level = sigma / 4 if kind == "disc" else 1 - sigma / 8
    shown = figures.pictures({"same": HR, "level": torch.full((1, 16, 16), level)}, alt="Two squares", width=64)
    return shown, {"level": f"{level:.3f}"}


def elements():
    return {
        "twin": live.explore(tint, sigma=SIGMAS, kind=KINDS),
        "again": live.explore(tint, sigma=SIGMAS, kind=KINDS),
        "compare": live.compare({"soft": SOFT, "coarse": COARSE, "original": HR}, "Shapes", width=160),
        "predict": live.predict("How far?", -2, 2, 0.67, "dB", "Because."),
        "quiz": live.quiz("1 < 2?", {"yes": (True, "It is."), "no": (False, "Count again.")}),
        "hints": hints(["one", "two", "three"]),
        "board": live.board(MEASURED, ["weights", "ms"], ["PSNR"], "Methods", PUBLISHED, {"deep": HR, "flat": SOFT}),
    }


def document(shown: dict[str, Html]) -> str:
    body = "".join(f'<div class="{name}">{part._repr_html_()}</div>' for name, part in shown.items())
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Twins</title>'
    return f'<!doctype html><html lang="en">{head}<body>{body}</body></html>'


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("twins") / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRLIB_LIVE", "0")
        file.write_text(document(elements()), encoding="utf-8")
    return file


@pytest.fixture
def page(browser, path):
    """The page from its file, without a network; whatever it complains about fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, offline=True, has_touch=True)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None)
    page.goto(path.as_uri())
    page.wait_for_selector(".sr-compare .sr-loupes")
    yield page
    context.close()
    assert not wrong


def decoded(uri):
    return np.array(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB"))


def canvas(page, selector):
    """A canvas's pixels (H, W, 3)."""
    script = "(c, [s]) => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height);"
    width, height, data = page.locator(selector).evaluate(script + " return [c.width, c.height, [...d.data]]; }", [""])
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


# ---------------------------------------------------------------- twins


def visible(page, twin):
    """The one frame in sight: its words, and its pictures as addresses."""
    frames = page.locator(f".{twin} .sr-frame:visible")
    assert frames.count() == 1
    return frames.locator(".sr-label").inner_text(), frames.locator("img").evaluate_all("all => all.map(i => i.src)")


def test_every_setting_can_be_reached_by_keyboard_and_shows_what_python_made(page):
    slider, kinds = page.locator(".twin input[type=range]"), page.locator(".twin input[type=radio]")
    page.keyboard.press("Tab")  # the first control of the page takes the focus
    assert slider.evaluate("input => input === document.activeElement")
    for kind in KINDS:
        slider.focus()
        page.keyboard.press("Home")
        for sigma in SIGMAS:
            assert slider.get_attribute("aria-valuetext") == f"{sigma:g}"
            words, (same, level) = visible(page, "twin")
            shown, numbers = tint(sigma, kind)
            assert words == f"sigma = {sigma:g}, kind = {kind}: level {numbers['level']}"
            first, second = (uri for uri in shown._repr_html_().split('"') if uri.startswith("data:"))
            assert (decoded(same) == decoded(first)).all()
            assert (decoded(level) == decoded(second)).all()
            page.keyboard.press("ArrowRight")
        assert page.locator(".twin [aria-live]").inner_text().startswith(f"sigma = 4, kind = {kind}: level ")
        page.keyboard.press("Tab")
        assert kinds.nth(0).evaluate("input => input.name === document.activeElement.name")
        page.keyboard.press("ArrowRight")
    assert kinds.nth(0).is_checked(), "the arrows go round"


def test_two_twins_on_a_page_are_strangers(page):
    before = visible(page, "again")
    page.locator(".twin input[type=range]").press("End")
    page.locator(".twin label", has_text="<box>").tap()
    assert visible(page, "twin")[0].startswith("sigma = 4, kind = <box>")
    assert visible(page, "again") == before
    assert page.locator(".again input[type=radio]").nth(0).is_checked()


def test_on_paper_there_is_a_small_multiple(page):
    page.emulate_media(media="print")
    assert page.locator(".twin .sr-frame:visible").count() == 6  # of 8, evenly spread
    assert page.locator(".twin input:visible").count() == 0
    assert page.locator(".compare .sr-side img:visible").count() == 3
    assert page.locator(".compare .sr-stage:visible").count() == 0


# ---------------------------------------------------------------- comparisons


def test_comparison_shows_exact_pixels(page):
    stage = page.locator(".compare .sr-stage")
    assert (canvas(page, ".compare .sr-below") == images.to_uint8(SOFT)).all()
    assert (canvas(page, ".compare .sr-above") == images.to_uint8(HR)).all()
    stage.focus()
    for key in ("ArrowRight", "Shift+ArrowUp", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    x, y = 19, 10
    soft, coarse, hr = (images.to_uint8(img)[y, x].astype(int) for img in (SOFT, COARSE, HR))

    def signed(off):
        return " ".join("0" if v == 0 else f"{v:+d}".replace("-", "\u2212") for v in off)

    expected = f"Column {x}, row {y}: soft {' '.join(map(str, soft))} ({signed(soft - hr)}), "
    expected += f"coarse {' '.join(map(str, coarse))} ({signed(coarse - hr)}), original {' '.join(map(str, hr))}."
    assert page.locator(".compare .sr-read").inner_text() == expected
    loupe = canvas(page, ".compare .sr-loupes figure:nth-child(2) canvas")
    assert (loupe == images.to_uint8(COARSE)[y - 7 : y + 8, x - 7 : x + 8]).all()


def test_the_wipe_moves_by_keyboard(page):
    wipe = page.locator(".compare .sr-slider input")
    wipe.press("Home")
    clip = "c => getComputedStyle(c).clipPath"
    assert page.locator(".compare .sr-above").evaluate(clip) in ("inset(0px 0px 0px 0%)", "inset(0%)", "inset(0px)")
    wipe.press("End")
    assert page.locator(".compare .sr-above").evaluate(clip) == "inset(0px 0px 0px 100%)"


def test_dragging_on_the_picture_moves_the_wipe_and_leaves_the_loupe(page):
    stage, wipe = page.locator(".compare .sr-stage"), page.locator(".compare .sr-slider input")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()

    def at(share, line=0.5):
        return box["x"] + share * box["width"], box["y"] + line * box["height"]

    page.mouse.move(*at(0.3))
    assert page.locator(".compare .sr-read").inner_text().startswith("Column 12, ")
    assert wipe.input_value() == "50", "hovering is for the loupe"
    page.mouse.down()
    page.mouse.move(*at(0.5))
    page.mouse.move(*at(0.8))
    assert wipe.input_value() == "80"
    assert wipe.get_attribute("aria-valuetext") == "80 %"
    assert stage.evaluate("s => s.style.getPropertyValue('--p')") == "80%"
    page.mouse.move(*at(1.5))  # beyond the edge the drag goes on
    assert wipe.input_value() == "100"
    assert page.locator(".compare .sr-read").inner_text().startswith("Column 12, "), "the loupe stays where it was"
    page.mouse.up()
    page.mouse.move(*at(0.6, 0.4))
    assert page.locator(".compare .sr-read").inner_text().startswith("Column 24, row 16:")
    assert wipe.input_value() == "100"


def test_a_finger_drags_the_wipe(page):
    stage = page.locator(".compare .sr-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    touch = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.3), ("touchMove", 0.4), ("touchMove", 0.7), ("touchEnd", None)):
        points = [{"x": box["x"] + share * box["width"], "y": box["y"] + 40}] if share else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert abs(int(page.locator(".compare .sr-slider input").input_value()) - 70) <= 1


def test_error_maps_and_spectra_are_those_of_python(page):
    page.get_by_label("errors").check()
    assert (canvas(page, ".compare .sr-below") == images.to_uint8(figures.error_map(SOFT, HR))[..., None]).all()
    assert canvas(page, ".compare .sr-above").max() == 0
    assert "white is 51 of 255 levels or more" in page.locator(".compare .sr-help").inner_text()
    page.get_by_label("spectra").check()
    for name, img in (("below", SOFT), ("above", HR)):
        theirs = canvas(page, f".compare .sr-{name}").astype(int)
        assert abs(theirs - images.to_uint8(figures.spectrum(img))[..., None]).max() <= 1
    assert page.locator(".compare .sr-read").inner_text() == ("Frequency 0.00 across, 0.00 down, in cycles per pixel.")


def test_other_pictures_come_under_the_wipe(page):
    page.locator(".compare fieldset", has_text="Left").get_by_label("coarse").check()
    assert (canvas(page, ".compare .sr-below") == images.to_uint8(COARSE)).all()
    assert page.locator(".compare .sr-tag").all_inner_texts() == ["coarse", "original"]


def test_the_loupe_follows_a_finger(page):
    page.locator(".compare .sr-stage").scroll_into_view_if_needed()
    box = page.locator(".compare .sr-stage").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 5.5 / 40, box["y"] + box["height"] * 30.5 / 40)
    assert page.locator(".compare .sr-read").inner_text().startswith("Column 5, row 30: ")


# ---------------------------------------------------------------- questions


def test_a_guess_is_judged_when_the_answer_is_opened(page):
    slider = page.locator(".predict input")
    assert slider.get_attribute("aria-label") == "Your guess"
    slider.press("Home")
    for _ in range(8):
        slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "\u22121.2 dB"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator(".predict [role=status]").inner_text() == "You said \u22121.2 dB: 1.9 dB too low."
    assert page.locator(".predict details").inner_text().endswith("0.67 dB. Because.")
    assert slider.is_disabled()
    assert page.locator(".predict .sr-truth").is_visible()


def test_quiz_and_hints_open_by_keyboard(page):
    page.locator(".quiz summary").nth(1).press("Enter")
    assert page.get_by_text("✗ Not so. Count again.").is_visible()
    assert page.get_by_text("✓ Right.").is_hidden()
    page.locator(".hints summary").nth(0).press("Enter")
    assert page.get_by_text("one", exact=True).is_visible()
    assert page.get_by_text("three", exact=True).is_hidden()
    assert page.locator(".hints summary:visible").count() == 2


# ---------------------------------------------------------------- all of them


# ---------------------------------------------------------------- the board


def place(page, name, paper=False):
    """Where a method's mark is drawn, in the chart's own units."""
    kind = ".sr-paper" if paper else ":not(.sr-paper)"
    mark = page.locator(f".board .sr-mark{kind}[data-name={name}] circle").last
    return float(mark.get_attribute("cx")), float(mark.get_attribute("cy"))


def test_a_method_is_where_its_numbers_say(page):
    (flat, low), (deep, high), (theirs, top) = place(page, "flat"), place(page, "deep"), place(page, "deep", paper=True)
    assert (high - low) / (top - low) == pytest.approx((37.25 - 33.6) / (38.5 - 33.6), abs=1e-3)
    share = np.log(50_000 / 9) / np.log(2_000_000 / 9)  # an axis over five powers of ten is logarithmic
    assert (deep - flat) / (theirs - flat) == pytest.approx(share, abs=1e-3)
    page.get_by_role("radio", name="ms").check()
    assert page.locator(".board .sr-mark").count() == 2, "the paper gave no milliseconds"
    assert page.locator(".board svg").get_attribute("aria-label") == "Methods: PSNR against ms"


def test_a_method_shows_its_picture_to_mouse_and_keyboard(page):
    page.locator(".board .sr-mark[data-name=flat]").hover()
    assert "flat PSNR 33.6, weights 9, ms 2" in page.locator(".board .sr-shown").inner_text()
    assert np.array_equal(decoded(page.locator(".board .sr-shown img").get_attribute("src")), decoded(uri(SOFT)))
    page.locator(".board .sr-mark[data-name=flat]").focus()
    page.keyboard.press("Tab")
    assert "deep PSNR 37.25, weights 50,000" in page.locator(".board .sr-shown").inner_text()
    page.keyboard.press("Tab")
    assert "deep, as published" in page.locator(".board .sr-shown").inner_text()
    assert page.locator(".board .sr-shown img").count() == 0, "nobody here has seen the paper's picture"


def uri(img):
    return figures.data_uri(img, exact=False)


def test_each_control_has_a_name_and_shows_its_focus(page):
    names = page.evaluate(
        """() => [...document.querySelectorAll("input, [tabindex]")].map(c =>
             c.getAttribute("aria-label") || [...(c.labels || [])].map(l => l.textContent.trim()).join(""))"""
    )
    assert (
        len(names) == 3 + 3 + 3 + 3 + 3 + 2 + 1 + 5
    )  # two twins; left, right, show, stage and wipe; the guess; the board
    assert all(names)
    page.locator(".twin input[type=range]").focus()
    page.keyboard.press("Tab")
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_nothing_is_wider_than_a_phone(page):
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_without_scripts_everything_is_still_said(browser, path):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator(".twin .sr-frame:visible").count() == 6
    assert page.locator(".twin summary").inner_text() == "▸ 2 more settings"
    assert page.locator(".compare figure:visible img").count() == 3
    assert "dB, SSIM" in page.locator(".compare figure").nth(0).inner_text()
    assert page.locator(".board tbody tr").all_inner_texts()[0].split("\t")[:2] == ["deep, published", "38.5"]
    page.locator(".predict summary").press("Enter")
    assert page.get_by_text("0.67 dB.").is_visible()
    context.close()


def test_the_same_elements_give_the_same_bytes(monkeypatch):
    monkeypatch.setenv("SRLIB_LIVE", "0")
    one, two = (json.dumps({k: v._repr_html_() for k, v in elements().items()}) for _ in range(2))
    assert one == two
    assert " id=" not in one
