"""The page "Try it", in a browser: the same pictures as torch's, from a server and from a file, and nothing else."""

import numpy as np
import pytest
import torch
from PIL import Image
from test_site import LOOK, NAMELESS
from tryit_page import CANCEL, FRAMES, Lab, file

from srlib import datasets, images, live, metrics, resize, tiling, weights

pytestmark = pytest.mark.site

FEW = {
    ("fsrcnn", 2),
    ("espcn", 3),
    ("sprint", 4),
    ("vdsr", 3),
    ("lapsrn", 4),
    ("srresnet", 4),
    ("swinir", 2),
    ("rcan", 2),
}
LEFT_OUT = {"ignn"}
NOISE = images.round_to_uint8(torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(0)))


@pytest.fixture(scope="module")
def cat():
    """A part of a photo with fur, whose sides are no multiples of anything."""
    return datasets.photos("bundled")["chelsea"].image[:, 60:127, 120:209]


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context(viewport={"width": 1100, "height": 900}, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture(scope="module")
def shared(context, address):
    return Lab(context, address).open()


@pytest.fixture
def fresh(context, address):
    lab = Lab(context, address).open()
    yield lab
    lab.page.close()


def difference(a, b):
    return (a - b).abs().max().item()


def photo(img):
    return file(images.to_uint8(img))


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("which", ["few", pytest.param("all", marks=pytest.mark.slow)])
def test_networks_draw_what_torch_draws(shared, cat, which):
    shipped = [pair for pair in weights.available() if pair[0] not in LEFT_OUT]
    offered = {(net["name"], net["scale"]): net for net in shared.networks()}
    assert set(shipped) == set(offered), "shipped and offered (a graph is missing? python tools/tryit.py graphs)"
    for name, scale in shipped:
        if which == "few" and (name, scale) not in FEW:
            continue
        net, facts = weights.load(name, scale), offered[name, scale]
        assert facts["halo"] == tiling.needed_halo(net), name
        assert (facts["space"], facts["pre_upsampled"]) == (net.space, net.pre_upsampled), name
        ours = tiling.enlarge(net, cat)
        whole, pixels, said = shared.drawn(name, scale, cat, {"tile": 4096, "halo": 0, "exact": True})
        assert difference(whole, ours) <= 2e-5, name
        assert (pixels[..., :3] != images.to_uint8(ours)).mean() < 1e-3, name  # a tie may fall to the other side
        assert said["exact"], name
        if facts["halo"] is not None:
            grid, up = facts["grid"], lambda n, grid=facts["grid"]: -(-n // grid) * grid
            tiled, _, _ = shared.drawn(name, scale, cat, {"tile": up(40), "halo": up(facts["halo"]), "exact": True})
            # windows are cut by the picture's edge at other places: their softmax sums in another order
            assert difference(tiled, whole) <= (2e-6 if grid == 1 else 2e-5), name


def test_a_halo_too_small_is_noticed(shared, cat):
    whole, _, _ = shared.drawn("fsrcnn", 2, cat, {"tile": 4096, "halo": 0, "exact": True})
    halo = tiling.needed_halo(weights.load("fsrcnn", 2))
    tiled, _, _ = shared.drawn("fsrcnn", 2, cat, {"tile": 40, "halo": halo - 1, "exact": True})
    assert difference(tiled, whole) > 2e-6


def test_of_itself_the_lab_takes_tiles_that_are_exact(shared):
    img = images.round_to_uint8(torch.rand(3, 40, 170, generator=torch.Generator().manual_seed(1)))
    ours = tiling.enlarge(weights.load("espcn", 2), img)
    drawn, _, said = shared.drawn("espcn", 2, img)
    assert said["exact"]
    assert difference(drawn, ours) <= 2e-5


@pytest.mark.parametrize(
    ("label", "kernel"),
    [("Nearest neighbour", "nearest"), ("Bilinear", "bilinear"), ("Bicubic", "bicubic"), ("Lanczos", "lanczos3")],
)
def test_interpolation_is_that_of_the_library(shared, cat, label, kernel):
    for scale in (2, 3, 4):
        drawn, _, _ = shared.drawn(label, scale, cat, {"tile": 30, "halo": 3})
        assert difference(drawn, resize.resize(cat, scale, kernel=kernel)) <= 1e-6


def test_scores_are_those_of_the_protocol(shared, cat):
    rules = metrics.protocol("paper_rgb")
    lr, hr = rules.pair(cat, 3)
    drawn, _, said = shared.drawn("Bicubic", 3, lr, truth=hr)
    expected = rules(drawn, hr, 3)
    assert said["scores"]["psnr"] == pytest.approx(expected["psnr"], abs=1e-6)
    assert said["scores"]["ssim"] == pytest.approx(expected["ssim"], abs=1e-8)


# ---------------------------------------------------------------- a visit


@pytest.mark.parametrize("way", ["http", "file"])
def test_a_visit_asks_nobody_else_and_loads_nothing_unasked(browser, site, address, cat, way):
    """Opened, run, saved: from a server and from the disk. What each step loads is counted."""
    root = address if way == "http" else site.as_uri()
    context = browser.new_context(accept_downloads=True)
    lab = Lab(context, root)
    assert not [url for url in lab.before if "tryit/" in url], "loaded before anybody asked"
    lab.open()
    opened = {url.rpartition("/")[2] for url in lab.asked[len(lab.before) :]}
    assert opened == {"lab.js", "lab.css"}

    lab.give(photo(cat))
    said = lab.run("FSRCNN", 2)
    rules = metrics.protocol("paper_rgb")
    lr, hr = rules.pair(cat, 2)
    ours = tiling.enlarge(weights.load("fsrcnn", 2), lr)
    expected = rules(ours, hr, 2)
    assert f"PSNR {expected['psnr']:.2f} dB, SSIM {expected['ssim']:.4f}." in said
    assert said.startswith("FSRCNN ×2: ")
    with lab.page.expect_download() as coming:
        lab.page.get_by_role("button", name="Save FSRCNN as PNG").click()
    assert coming.value.suggested_filename == "photo-fsrcnn-x2.png"
    saved = np.asarray(Image.open(coming.value.path()).convert("RGB"))
    assert (saved != images.to_uint8(ours)).mean() < 1e-3
    assert np.abs(saved.astype(int) - images.to_uint8(ours)).max() <= 1

    lab.rest()
    run = {url.rpartition("/")[2].split("-")[0] for url in lab.asked[len(lab.before) :]} - {"lab.js", "lab.css"}
    assert {name for name in run if name.endswith(".js") or name == "net"} == {"runtime.js", "net"}
    foreign = [url for url in lab.asked if not url.startswith((root, "blob:", "data:"))]
    assert not foreign
    assert not lab.said
    context.close()


def test_all_of_it_together_weighs_at_most_12_mb(site):
    assert sum(path.stat().st_size for path in (site / "_static" / "tryit").iterdir()) <= 12e6


def test_a_chapter_can_embed_it(context, address, site):
    out = live.try_it("fsrcnn", 3)._repr_html_()
    assert "<script" not in out
    page = (site / "83_tryit.html").read_text(encoding="utf-8")
    begin = page.index('<div class="sr-live sr-try"')
    end = page.index("</div>", begin) + len("</div>")
    (site / "embedded.html").write_text(page[:begin] + out + page[end:], encoding="utf-8")
    try:
        lab = Lab(context, address, "embedded.html", "Try fsrcnn at x3 on a photo of your own").open()
        assert lab.page.get_by_label("×3", exact=True).is_checked()
        assert (
            lab.page.get_by_label("Method").evaluate("s => s.selectedOptions[0].textContent").startswith("FSRCNN, 2016")
        )
        lab.page.close()
    finally:
        (site / "embedded.html").unlink()


# ---------------------------------------------------------------- hands


def test_dropped_pasted_chosen_and_bundled_photos(fresh):
    assert fresh.give(photo(NOISE), "dropped.png") == "dropped.png: 50 × 40 pixels."
    assert fresh.give(photo(NOISE[:, :30]), "x.png", paste=True) == "pasted photo: 50 × 30 pixels."
    fresh.page.set_input_files(".sr-file", {"name": "chosen.png", "mimeType": "image/png", "buffer": photo(NOISE)})
    assert fresh.rest() == "chosen.png: 50 × 40 pixels."
    fresh.page.get_by_role("button", name="a cat").click()
    assert fresh.rest() == "a cat: 451 × 300 pixels."


def test_model_against_model_with_wipe_and_loupe(fresh, cat):
    page = fresh.page
    fresh.give(photo(cat))
    fresh.run("ESPCN", 2)
    fresh.run("FSRCNN", 2)
    assert page.locator(".sr-tag").all_inner_texts() == ["Bicubic", "FSRCNN"]
    page.get_by_label("Left").select_option(label="ESPCN")
    assert page.locator(".sr-tag").all_inner_texts() == ["ESPCN", "FSRCNN"]
    assert page.locator(".sr-results tbody th").all_inner_texts() == ["Bicubic", "ESPCN", "FSRCNN"]
    assert page.locator(".sr-loupes figcaption").all_inner_texts() == ["original", "Bicubic", "ESPCN", "FSRCNN"]

    wipe = page.get_by_label("Wipe", exact=True)
    wipe.focus()
    page.keyboard.press("Home")
    assert page.locator(".sr-stage").evaluate("s => s.style.getPropertyValue('--p')") == "0%"
    assert wipe.get_attribute("aria-valuetext") == "0 %"

    page.locator(".sr-stage").focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowDown")
    column, row = 88 // 2 - 10, 66 // 2 + 1
    original = images.to_uint8(images.modcrop(cat, 2))
    said = page.locator(".sr-read").inner_text()
    assert said.startswith(
        f"Column {column}, row {row} (red, green, blue): original {' '.join(map(str, original[row, column]))};"
    )
    middle = page.locator(".sr-loupes canvas").first.evaluate(
        "c => [...c.getContext('2d').getImageData(12, 12, 1, 1).data]"
    )
    assert middle[:3] == original[row, column].tolist()


def test_a_finger_moves_the_loupe_and_a_telephone_is_wide_enough(browser, address, cat):
    for theme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme=theme)
        lab = Lab(context, address).open()
        lab.give(photo(cat))
        lab.run("ESPCN", 2)
        stage = lab.page.locator(".sr-stage")
        stage.scroll_into_view_if_needed()
        box = stage.bounding_box()
        lab.page.touchscreen.tap(box["x"] + box["width"] * 10.5 / 88, box["y"] + box["height"] * 20.5 / 66)
        assert lab.page.locator(".sr-read").inner_text().startswith("Column 10, row 20 ")
        seen = lab.page.evaluate(LOOK)
        assert (seen["theme"], seen["faint"]) == (theme, [])
        assert seen["width"] <= 390
        assert lab.page.evaluate(NAMELESS) == []
        context.close()


def test_without_shrinking_the_photo_itself_grows(fresh, cat):
    fresh.give(photo(cat))
    said = fresh.run("ESPCN", 2, shrink=False)
    assert "PSNR" not in said
    assert fresh.page.locator(".sr-results caption").inner_text() == "photo.png, ×2: 178 × 134 pixels"
    assert fresh.page.locator(".sr-loupes figcaption").all_inner_texts() == ["Bicubic", "ESPCN"]


# ---------------------------------------------------------------- what goes wrong


def animated(kind):
    frames = [Image.fromarray(np.full((30, 40, 3), level, np.uint8)) for level in (0, 120, 250)]
    return file(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame(fresh, kind):
    said = fresh.give(animated(kind), f"a.{kind.lower()}", f"image/{kind.lower()}")
    assert said == f"a.{kind.lower()}: 40 × 30 pixels. It moves: the lab takes the first frame."


def test_transparent_parts_become_white(fresh):
    array = np.zeros((30, 40, 4), np.uint8)
    array[:, 20:] = (255, 0, 0, 255)
    assert fresh.give(file(array)) == "photo.png: 40 × 30 pixels. Its transparent parts are shown on white."
    fresh.run("Nearest", 2)
    fresh.page.locator(".sr-stage").focus()
    for _ in range(2):
        fresh.page.keyboard.press("Shift+ArrowLeft")
    assert "original 255 255 255" in fresh.page.locator(".sr-read").inner_text()


def test_a_photo_on_its_side_is_turned_upright(fresh):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert fresh.give(file(np.zeros((30, 40, 3), np.uint8), "JPEG", exif=exif), "p.jpg", "image/jpeg").endswith(
        "30 × 40 pixels."
    )


def test_what_is_no_picture_or_a_broken_one(fresh):
    for content, name, kind in (
        (b"Dear diary", "diary.txt", "text/plain"),
        (b"", "empty.png", "image/png"),
        (photo(NOISE)[:100], "cut.png", "image/png"),
    ):
        assert fresh.give(content, name, kind).startswith(
            "This file is not a picture that your browser can read, or it is"
        )
    assert fresh.give(photo(NOISE)) == "photo.png: 50 × 40 pixels.", "and the next photo is welcome"
    assert "24 on each side" in fresh.give(photo(NOISE[:, :10]))


def test_fifty_megapixels_are_refused_in_a_sentence(fresh):
    for kind, mode in (("PNG", "1"), ("JPEG", "L"), ("BMP", "1")):  # the last says its size only when it is decoded
        content = file(Image.new(mode, (8000, 6250)), kind)
        fresh.give(photo(NOISE))  # so that the sentence is this photo's
        said = fresh.give(content, "large", f"image/{kind.lower()}")
        assert (
            said == "This photo has 50.00 megapixels (8000 × 6250), and the lab takes 25. Shrink or crop it first."
        ), kind
    assert fresh.page.get_by_role("button", name="Run").is_enabled(), "the photo before it is still there"


def test_a_result_too_large_is_refused_before_the_work(fresh):
    fresh.give(file(Image.new("L", (2400, 2400))))
    assert fresh.run("FSRCNN", 4, shrink=False).startswith(
        "The result would have 92.16 megapixels, and the lab draws up to 50."
    )


def test_out_of_memory_is_a_sentence_and_the_lab_lives_on(fresh, cat):
    fresh.give(photo(cat))
    fresh.choose("ESPCN", 2)  # ... with a result of a terapixel, which the worker cannot even begin
    fresh.page.evaluate("() => { srTryit.networks.find(n => n.name === 'espcn' && n.scale === 2).scale = 9000; }")
    fresh.page.get_by_role("button", name="Run").click()
    assert fresh.rest().startswith("There is not enough memory for this.")
    assert fresh.give(photo(NOISE)) == "photo.png: 50 × 40 pixels."


def test_cancelled_within_half_a_second_and_the_page_stays_awake(fresh):
    """A photo of three megapixels: no frame longer than 200 ms while it is read, shrunk, enlarged and shown."""
    large = torch.nn.functional.interpolate(
        datasets.photos("bundled")["coffee"].image[None], size=(1500, 2000), mode="bicubic"
    )[0]
    content = file(images.to_uint8(large.clamp(0, 1)), "JPEG", quality=90)
    longest = []
    for _ in range(3):  # another program may take the processor from us: that is not the page's doing
        fresh.page.evaluate(FRAMES)
        fresh.page.set_input_files(".sr-file", {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": content})
        fresh.page.wait_for_function("() => document.querySelector('.sr-status').textContent.includes('2000 × 1500')")
        assert "for 3.00 megapixels" in fresh.run("Bicubic", 2)
        fresh.choose("FSRCNN", 2)
        fresh.page.get_by_role("button", name="Run").click()
        tiles = "() => /tile [2-9] of/.test(document.querySelector('.sr-tiles').textContent)"
        fresh.page.wait_for_function(tiles, timeout=120_000)
        assert fresh.page.evaluate(CANCEL) < 500
        assert fresh.rest() == "Cancelled."
        longest.append(max(fresh.page.evaluate("() => gaps")))
        if longest[-1] <= 200:
            break
    assert min(longest) <= 200, longest


def test_a_damaged_network_is_noticed(fresh, cat):
    fresh.page.evaluate("() => { for (const net of srTryit.networks) net.sha256 = 'f'.repeat(64); }")
    fresh.give(photo(cat))
    assert fresh.run("ESPCN", 2) == "The network's file arrived damaged. Load the page again."
