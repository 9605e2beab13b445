"""The widgets of ``try_it``: chosen, run, cancelled, and every mishap a sentence."""

import datetime
import io

import numpy as np
import pytest
from PIL import Image

from srlib import live, weights
from srlib.live import larger, upload


@pytest.fixture
def made(monkeypatch, tmp_path):
    monkeypatch.setenv("SRLIB_LIVE", "1")
    monkeypatch.chdir(tmp_path)
    return live.try_it("espcn", 3)


def png(side):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def give(made, name, content):
    about = {"name": name, "type": "image/png", "size": len(content), "last_modified": datetime.datetime.now()}
    made.file.value = (about | {"content": memoryview(content)},)


def run(made):
    made.start()
    made.worker.join()


def test_it_offers_what_is_shipped_and_begins_with_what_was_asked(made):
    assert {(n, s) for n, scales in made.scales.items() for s in scales} == set(weights.available())
    assert (made.network.value, made.scale.value) == ("espcn", 3)
    made.network.value = "edsr"
    assert made.scale.options == (("x2", 2), ("x4", 4))
    assert made.scale.value == 2, "edsr has no x3"
    made.network.value = "mprnet_denoise"
    assert made.scale.options == (("restore (x1)", 1),)


def test_a_network_without_weights_gives_way_to_one_with(monkeypatch):
    monkeypatch.setenv("SRLIB_LIVE", "1")
    assert live.try_it("nobody", 2).network.value == "sprint"
    assert live.try_it("srcnn", 7).scale.value == 2


def test_a_photo_is_enlarged_and_shown(made):
    give(made, "mine.png", png(40))
    assert "mine.png: 40 x 40 pixels." in made.status.value
    assert made.file.value == (), "the same file can be chosen again"
    run(made)
    [shown] = made.out.outputs
    assert "espcn at x3: 40 x 40 to 120 x 120 pixels" in shown["data"]["text/plain"]
    assert "mine-espcn-x3.png" in shown["data"]["text/html"]
    assert "Done." in made.status.value
    assert not made.button.disabled
    assert made.cancel.disabled
    run(made)
    assert len(made.out.outputs) == 1, "the one before goes"


def test_a_bundled_photo(made):
    made.bundled.value = "coffee"
    assert "coffee: 600 x 400 pixels." in made.status.value


def test_without_a_photo_it_asks_for_one(made):
    made.start()
    assert "Choose a photo first" in made.status.value
    assert made.worker is None
    give(made, "a.txt", b"no picture")
    assert "✗ a.txt is not a picture" in made.status.value
    made.start()
    assert made.worker is None, "the photo before it does not stand in"


def test_cancel_is_heard_between_tiles(made, monkeypatch):
    give(made, "mine.png", png(300))

    def pressed(*arguments):
        made.cancel.click()
        return enlarge(*arguments)

    enlarge = larger.enlarge
    monkeypatch.setattr(upload.larger, "enlarge", pressed)
    run(made)
    assert "Cancelled." in made.status.value
    assert made.out.outputs == ()
    assert not made.button.disabled


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "There is not enough memory for this."),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"), "There is not enough memory for this."),
        (weights.WeightsError("Its card is gone."), "Its card is gone."),
        (ZeroDivisionError("by <0>"), "ZeroDivisionError: by &lt;0&gt;"),
    ],
)
def test_mishaps_are_sentences_and_the_next_photo_is_welcome(made, monkeypatch, error, said):
    def broken(*_):
        raise error

    give(made, "mine.png", png(40))
    with monkeypatch.context() as patch:
        patch.setattr(upload.larger, "enlarge", broken)
        run(made)
    assert f"✗ {said}" in made.status.value
    run(made)
    assert "Done." in made.status.value


def test_without_a_front_end_it_is_the_websites_place(monkeypatch, made, capsys):
    monkeypatch.setenv("SRLIB_LIVE", "0")
    still = live.try_it("espcn", 3)
    assert made.said.markup == still.markup, "what the saved notebook keeps"
    assert "in JupyterLab, run this cell" in still.text
    assert "<script" not in still.markup
