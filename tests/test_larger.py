"""A reader's own photo: what is read, drawn, compared and taken away, and what is refused in a sentence."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from srlib import datasets, images, resize, tiling, weights
from srlib.live import larger


@pytest.fixture(scope="module")
def cat():
    return larger.Photo(
        "cat.jpg", images.round_to_uint8(datasets.photos("bundled")["chelsea"].image[:, 60:160, 120:230])
    )


def file(array, kind="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()


NOISE = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)


def test_a_file_becomes_a_photo_under_its_own_name():
    photo = larger.read("holiday/boat.png", file(NOISE))
    assert photo.said == "boat.png: 40 x 30 pixels."
    assert (images.to_uint8(photo.picture) == NOISE).all()
    exif = Image.Exif()
    exif[0x0112] = 6
    assert larger.read("p.jpg", file(NOISE, "JPEG", exif=exif)).said == "p.jpg: 30 x 40 pixels.", "turned upright"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("diary.txt", b"Dear diary", r"^diary\.txt is not a picture in a format we read"),
        ("empty.png", b"", r"^empty\.png is empty \(0 bytes\)\."),
        ("cut.png", file(NOISE)[:200], r"^cut\.png is damaged or cut short"),
        ("thin.png", file(NOISE[:, :8]), r"^thin\.png: 8 x 30 pixels\. Choose one with at least 16 on each side\.$"),
        ("huge.png", file(np.zeros((5100, 5000), np.uint8)), r"^huge\.png has 5000 x 5100 pixels, more than the limit"),
    ],
)
def test_what_cannot_be_read_is_said_without_the_folder(name, content, sentence):
    with pytest.raises(images.ImageError, match=sentence) as caught:
        larger.read(name, content)
    assert "/" not in str(caught.value)


@pytest.mark.parametrize(("network", "scale"), [("espcn", 2), ("mprnet_denoise", 1)])
def test_the_network_draws_what_the_library_draws(cat, network, scale):
    done = larger.enlarge(cat, network, scale)
    ours = tiling.upscale(weights.load(network, scale), cat.picture)
    assert (np.asarray(done.drawn) == images.to_uint8(ours.clamp(0, 1))).all()
    bicubic = images.to_uint8(resize.resize(cat.picture, scale).clamp(0, 1))
    assert np.abs(np.asarray(done.bicubic).astype(int) - bicubic).max() <= 1


def test_gray_stays_gray(cat):
    gray = larger.Photo("gray", cat.picture[:1, :40, :40].contiguous())
    for network in ("espcn", "sprint"):  # on luma, and on RGB
        assert larger.enlarge(gray, network, 2).drawn.mode == "L"


def test_tiles_are_watched(cat):
    seen = []
    larger.enlarge(cat, "espcn", 2, watch=lambda tiles: seen.append(len(tiles)) or iter(tiles))
    assert seen == [4]  # 110 x 100 pixels in tiles of 96


def test_a_result_too_large_is_refused_before_the_work():
    with pytest.raises(ValueError, match=r"The result would have 64 megapixels, and here 50 are the limit\. Crop or"):
        larger.enlarge(larger.Photo("wide", torch.zeros(3, 2000, 2000)), "espcn", 4)


def test_the_detail_is_where_they_differ():
    one = Image.new("RGB", (900, 700))
    other = one.copy()
    other.paste((200, 10, 0), (610, 333, 640, 360))
    left, top, right, bottom = larger.busiest(one, other)
    assert left <= 610 <= 640 <= right
    assert top <= 333 <= 360 <= bottom
    assert (right - left, bottom - top) == (160, 160)
    assert larger.busiest(one.crop((0, 0, 50, 30)), other.crop((0, 0, 50, 30))) == (0, 0, 50, 30)


def test_the_report_shows_both_and_gives_the_result_away(cat, tmp_path):
    done = larger.enlarge(cat, "espcn", 3)
    shown = larger.report(done, tmp_path)
    markup = shown.markup
    assert re.match(r"espcn at x3: 110 x 100 to 330 x 300 pixels in [\d.]+ seconds\.$", shown.text)
    assert markup.count('class="sr-live sr-compare"') == 2
    link = re.search(r'href="data:image/png;base64,([^"]+)" download="cat-espcn-x3\.png"', markup)
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(link[1])))) == np.asarray(done.drawn)).all()
    assert list(tmp_path.iterdir()) == []


def test_a_heavy_result_becomes_a_file_and_replaces_none(cat, tmp_path, monkeypatch):
    monkeypatch.setattr(larger, "LINKED", 1000)
    done = larger.enlarge(cat, "espcn", 2)
    for expected in ("cat-espcn-x2.png", "cat-espcn-x2-2.png"):
        assert f"It lies beside this notebook: <code>{expected}</code>" in larger.report(done, tmp_path).markup
        assert (np.asarray(Image.open(tmp_path / expected)) == np.asarray(done.drawn)).all()


def test_the_whole_of_a_large_photo_is_shrunk_and_it_is_said(tmp_path):
    photo = larger.Photo("wide.png", torch.rand(3, 300, 400, generator=torch.Generator().manual_seed(0)))
    assert "<p>The whole, shrunk to 480 x 360:</p>" in larger.report(larger.enlarge(photo, "espcn", 2), tmp_path).markup
