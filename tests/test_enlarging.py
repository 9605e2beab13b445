"""Files in, files out: everything kept, nothing half-written, one bad photo spoils no others."""

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from typer.testing import CliRunner

from srlib import cli, enlarging, images, models, paths, resize, tiling, weights

SHIPPED = partial(enlarging.network, "srcnn", 2)


@pytest.fixture(scope="module")
def net():
    return SHIPPED()


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def pixels(path):
    return np.asarray(Image.open(path))


def test_the_file_holds_what_the_network_draws(net, photo, tmp_path):
    out = enlarging.file(net, photo, tmp_path / "out.png", tile=16)
    assert np.array_equal(pixels(out), images.to_uint8(tiling.enlarge(net, images.load(photo))))


@pytest.mark.parametrize("tile", [None, 20])
def test_transparency_is_kept(net, tile, tmp_path):
    rgba = np.random.default_rng(0).integers(0, 256, (24, 20, 4), np.uint8)
    Image.fromarray(rgba).save(tmp_path / "in.png")
    found = pixels(enlarging.file(net, tmp_path / "in.png", tmp_path / "out.png", tile))
    assert found.shape == (48, 40, 4)
    alpha = images.from_uint8(rgba[..., 3])
    assert np.array_equal(found[..., 3], images.to_uint8(resize.resize(alpha, 2)))
    assert np.array_equal(found[..., :3], images.to_uint8(tiling.enlarge(net, images.from_uint8(rgba[..., :3]))))


def test_gray_with_transparency_and_gray(net, tmp_path):
    for mode, channels in (("L", None), ("LA", 2)):
        Image.new(mode, (12, 9), 90).save(tmp_path / f"{mode}.png")
        found = pixels(enlarging.file(net, tmp_path / f"{mode}.png", tmp_path / "out.png"))
        assert found.shape == ((18, 24) if channels is None else (18, 24, channels))


def test_sixteen_bits_of_gray_stay_sixteen(net, tmp_path):
    deep = np.linspace(0, 65535, 20 * 30).reshape(20, 30).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    found = pixels(enlarging.file(net, tmp_path / "deep.png", tmp_path / "out.png"))
    assert found.dtype.itemsize >= 2
    assert found.max() > 60_000
    assert len(np.unique(found % 256)) > 50  # the lower eight bits are used
    assert pixels(enlarging.file(net, tmp_path / "deep.png", tmp_path / "out.jpg")).dtype == np.uint8


def test_a_photo_on_its_side_is_turned(net, tmp_path):
    picture = Image.fromarray(np.zeros((10, 20, 3), np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "side.jpg", exif=exif)
    found = Image.open(enlarging.file(net, tmp_path / "side.jpg", tmp_path / "out.png"))
    assert found.size == (20, 40)
    assert not found.getexif()


@pytest.mark.parametrize(
    ("target", "mode", "sentence"),
    [
        ("out.xyz", "RGB", r"out\.xyz: cannot write \.xyz"),
        ("no/out.png", "RGB", r"The folder .*no does not exist"),
        ("out.jpg", "RGBA", r"out\.jpg: \.jpg keeps no transparency, and the picture has some\. Use \.png"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(net, target, mode, sentence, tmp_path, monkeypatch):
    Image.new(mode, (8, 8)).save(tmp_path / "in.png")
    monkeypatch.setattr(tiling, "enlarge", lambda *_: pytest.fail("it began to work"))
    with pytest.raises(images.ImageError, match=sentence):
        enlarging.file(net, tmp_path / "in.png", tmp_path / target)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["in.png"]


def test_interrupted_nothing_is_left(net, photo, tmp_path):
    def stop(corners):
        yield corners[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enlarging.file(net, photo, tmp_path / "out.png", tile=16, watch=stop)
    assert [f.name for f in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_one_bad_photo_spoils_no_others(workers, photo, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG broken")
    jobs = [(photo, tmp_path / "a.png"), (tmp_path / "bad.png", tmp_path / "b.png"), (photo, tmp_path / "c.png")]
    results = list(enlarging.several(jobs, SHIPPED, 96, workers))
    assert sorted(source.name for source, _ in results) == ["bad.png", "photo.png", "photo.png"]
    assert [source.name for source, why in results if why] == ["bad.png"]
    assert np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "c.png"))
    assert not (tmp_path / "b.png").exists()


def upscale(*arguments):
    return CliRunner().invoke(cli.app, ["upscale", *map(str, arguments)])


def test_the_command(photo, tmp_path):
    shown = upscale(photo, "-o", tmp_path / "out.png", "--model", "srcnn", "--scale", 3)
    assert shown.exit_code == 0, shown.output
    assert pixels(tmp_path / "out.png").shape == (90, 123, 3)
    plain = pixels(tmp_path / "out.png")
    assert upscale(photo, "-o", tmp_path / "out.png", "--scale", 3, "--ensemble").exit_code == 0
    assert not np.array_equal(pixels(tmp_path / "out.png"), plain)


def test_the_command_on_a_folder(photo, tmp_path):
    (tmp_path / "in").mkdir()
    photo.rename(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no photo")
    (tmp_path / "in" / "notes.txt").write_text("passed over")
    shown = upscale(tmp_path / "in", "-o", tmp_path / "large")
    assert shown.exit_code == 1
    assert "1 of 2 photos are in" in shown.stdout
    assert "skipped" in shown.stderr
    assert "bad.jpg" in shown.stderr
    assert [f.name for f in (tmp_path / "large").iterdir()] == ["good.png"]


def test_mistakes_get_a_sentence(photo, tmp_path):
    for arguments, sentence in (
        ((tmp_path / "none.png", "-o", tmp_path / "out.png"), "There is no file"),
        ((photo, "-o", tmp_path / "out.png", "--scale", 8), "There are no weights for srcnn x8"),
        ((photo, "-o", tmp_path / "out.png", "--model", "srcn"), "model='srcn' is unknown"),
    ):
        shown = upscale(*arguments)
        assert shown.exit_code == 1
        assert sentence in shown.stderr
        assert "Traceback" not in shown.output
    (tmp_path / "empty").mkdir()
    assert "holds no photo" in upscale(tmp_path / "empty", "-o", tmp_path / "out").stderr


def test_networks_that_see_everything_say_so(photo, tmp_path):
    torch.manual_seed(0)
    net = models.create("rcan", 2, size="course")
    recipe = {"model": "rcan", "scale": 2, "variant": "10x20", "size": "course", "arguments": {}}
    weights.save(net, recipe, tmp_path / "weights")
    options = ("--model", "rcan", "--folder", tmp_path / "weights")
    shown = upscale(photo, "-o", tmp_path / "out.png", *options)
    assert shown.exit_code == 0, shown.output
    assert "tiles are an approximation. --tile 0 is exact." in shown.stderr
    assert "approximation" not in upscale(photo, "-o", tmp_path / "out.png", *options, "--tile", 0).stderr


@pytest.mark.slow
def test_memory_stays_bounded(tmp_path):
    """960 x 540 to 3840 x 2160, in a process of its own: the result, and at most 250 MB."""
    import subprocess
    import sys

    program = """
import re, sys
from pathlib import Path
import numpy as np
from srlib import enlarging, images, models
net = models.create(sys.argv[1], 4, size="course").eval()
images.write(sys.argv[2] + "/in.png", np.random.default_rng(0).integers(0, 256, (540, 960, 3), np.uint8))
memory = lambda what: 1024 * int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = memory("VmRSS")
enlarging.file(net, sys.argv[2] + "/in.png", sys.argv[2] + "/out.png")
print(memory("VmHWM") - before)  # getrusage would tell the peak of the process that started this one
"""
    for name in ("fsrcnn", "edsr"):
        command = [sys.executable, "-c", program, name, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=paths.data())
        assert int(done.stdout) < 3840 * 2160 * 3 + 250e6
        assert Image.open(tmp_path / "out.png").size == (3840, 2160)


def test_export_command(tmp_path):
    shown = CliRunner().invoke(cli.app, ["export", "srcnn", "-o", str(tmp_path / "srcnn.onnx")])
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "srcnn.onnx").stat().st_size > 4 * 57_281


def test_two_photos_of_one_name_both_stay(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name, level in (("a.jpg", 10), ("a.png", 240), ("a.jpg.png", 100), ("._b.png", 0)):
        Image.new("RGB", (12, 12), (level,) * 3).save(source / name)
    shown = upscale(source, "-o", tmp_path / "out")
    assert (shown.exit_code, shown.stdout) == (0, f"3 of 3 photos are in {tmp_path / 'out'}\n")
    found = {f.name: pixels(f).mean() for f in (tmp_path / "out").iterdir()}
    assert sorted(found) == ["a.jpg.png", "a.jpg.png.png", "a.png.png"]
    assert found["a.jpg.png"] < 60 < 200 < found["a.png.png"]


def test_the_photos_themselves_are_never_replaced(photo):
    before = photo.read_bytes()
    shown = upscale(photo.parent, "-o", photo.parent)
    assert shown.exit_code == 1
    assert "is the folder of the photos themselves" in shown.stderr
    assert photo.read_bytes() == before


def test_too_little_memory_for_one_photo_spoils_no_others(photo, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("not enough memory: you tried to allocate 1 byte")

    monkeypatch.setattr(enlarging, "file", fails)
    ((source, why),) = enlarging.several([(photo, tmp_path / "x.png")], lambda: None, None, 1)
    assert source == photo
    assert "not enough memory" in str(why)


def test_a_photo_never_replaces_itself(photo):
    before = photo.read_bytes()
    shown = upscale(photo, "-o", photo)  # by default it would become twice as large
    assert shown.exit_code == 1
    assert "is the photo itself" in shown.stderr
    assert photo.read_bytes() == before


def test_a_network_that_restores_needs_no_scale(photo, tmp_path):
    shown = upscale(photo, "-o", tmp_path / "out.png", "--model", "mprnet_denoise", "--tile", 0)
    assert shown.exit_code == 0, shown.output
    assert pixels(tmp_path / "out.png").shape == pixels(photo).shape


@pytest.mark.slow
def test_stopped_no_other_photo_is_begun(photo, tmp_path):
    jobs = [(photo, tmp_path / f"{number}.png") for number in range(40)]
    results = enlarging.several(jobs, SHIPPED, 96, 2)
    next(results)
    results.close()
    assert len(list(tmp_path.glob("[0-9]*.png"))) < 20


def test_the_colour_profile_goes_with_the_colours(net, tmp_path):
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # what it says does not matter here
    Image.new("RGB", (20, 20), "red").save(tmp_path / "a.png", icc_profile=wide)
    enlarging.file(net, tmp_path / "a.png", tmp_path / "b.png")
    assert Image.open(tmp_path / "b.png").info["icc_profile"] == wide
