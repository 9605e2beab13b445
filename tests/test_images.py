"""Pictures in and out: every kind of file, every kind of damage, and the colour conversion of the papers."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from skimage.color import rgb2ycbcr, ycbcr2rgb

from srlib import images


def picture(seed=0, channels=3, height=13, width=17):
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(seed))


def levels(height=12, width=20):
    """An RGB array of uint8 in which every pixel is different."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def saved(tmp_path, image, name="picture.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


# --- what is read, and by which rule


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.tiff", "a.ppm"])
def test_lossless_formats_come_back_to_the_level(tmp_path, name):
    array = levels()
    img = images.load(saved(tmp_path, Image.fromarray(array), name))
    assert img.dtype == torch.float32
    assert torch.equal(img, torch.from_numpy(array).permute(2, 0, 1) / 255)


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.gif"])
def test_lossy_formats_come_back_about_right(tmp_path, name):
    smooth = np.add.outer(np.arange(32), np.arange(48)).astype(np.uint8)[..., None].repeat(3, 2) * 3
    img = images.load(saved(tmp_path, Image.fromarray(smooth), name))
    assert img.shape == (3, 32, 48) or name == "a.gif"  # a palette of grays counts as gray
    assert (img - torch.from_numpy(smooth).permute(2, 0, 1) / 255).abs().max() < 0.04


def test_gray_stays_gray_and_equal_channels_stay_colour(tmp_path):
    gray = levels()[..., 0]
    assert images.load(saved(tmp_path, Image.fromarray(gray))).shape == (1, 12, 20)
    assert images.load(saved(tmp_path, Image.fromarray(gray).convert("RGB"))).shape == (3, 12, 20)
    one_bit = Image.fromarray(gray).convert("1")
    img = images.load(saved(tmp_path, one_bit))
    assert img.shape == (1, 12, 20)
    assert set(img.unique().tolist()) == {0.0, 1.0}


def test_sixteen_bit_gray_keeps_its_precision(tmp_path):
    values = np.array([[0, 1, 32768, 65534, 65535]], dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        img = images.load(saved(tmp_path, Image.fromarray(values), name))
        assert torch.equal(img, torch.tensor([[[0, 1, 32768, 65534, 65535]]]).double().div(65535).float())


def png(width, height, depth, colour, rows):
    """A PNG written by hand, for kinds that Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_sixteen_bit_colour_is_right_to_eight_bits(tmp_path):
    rows = [struct.pack(">6H", 65535, 0, 0, 12345, 45678, 30000)]
    (tmp_path / "deep.png").write_bytes(png(2, 1, 16, 2, rows))
    img = images.load(tmp_path / "deep.png")
    true = torch.tensor([[65535, 12345], [0, 45678], [0, 30000]]).view(3, 1, 2) / 65535
    assert (img - true).abs().max() <= 1 / 255


def test_cmyk(tmp_path):
    cyan = Image.new("CMYK", (8, 6), (255, 0, 0, 0))
    for name in ("a.jpg", "a.tif"):
        img = images.load(saved(tmp_path, cyan, name))
        assert img.shape == (3, 6, 8)
        assert torch.allclose(img.mean((1, 2)), torch.tensor([0.0, 1.0, 1.0]), atol=0.02)


def test_transparent_parts_show_white(tmp_path):
    array = np.zeros((2, 3, 4), np.uint8)
    array[0, :, 3] = 255  # the upper row opaque black, the lower row transparent black
    array[1, 2, 3] = 51  # a fifth opaque
    img = images.load(saved(tmp_path, Image.fromarray(array)))
    assert torch.allclose(img[0], torch.tensor([[0, 0, 0], [1, 1, 0.8]]), atol=1e-6)
    gray = images.load(saved(tmp_path, Image.fromarray(array).convert("LA")))
    assert gray.shape == (1, 2, 3)
    assert torch.allclose(gray[0], img[0])


def test_palette_pictures(tmp_path):
    colours = Image.fromarray(levels()).quantize(16)
    assert images.load(saved(tmp_path, colours)).shape == (3, 12, 20)
    grays = Image.fromarray(levels()[..., 0]).quantize(16)
    assert grays.mode == "P"
    assert images.load(saved(tmp_path, grays)).shape == (1, 12, 20)


def test_a_palette_with_a_transparent_entry(tmp_path):
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([255, 0, 0, 0, 0, 255])
    indexed.putdata([0, 1])
    img = images.load(saved(tmp_path, indexed, transparency=1))
    assert torch.equal(img.flatten(1).T, torch.tensor([[1.0, 0, 0], [1, 1, 1]]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path, orientation):
    upright = Image.fromarray(levels())
    undo = {2: [0], 3: [3], 4: [1], 5: [5], 6: [2], 7: [6], 8: [4]}.get(orientation, [])
    stored = upright
    for method in undo:  # numbers of Image.Transpose that make the stored picture from the upright one
        stored = stored.transpose(Image.Transpose(method))
    exif = Image.Exif()
    exif[0x0112] = orientation
    img = images.load(saved(tmp_path, stored, exif=exif))
    assert torch.equal(img, images.from_uint8(np.asarray(upright)))


def test_of_an_animation_the_first_frame(tmp_path):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue", "green")]
    for name in ("a.gif", "a.webp", "a.png"):
        path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:])
        img = images.load(path)
        assert img.shape == (3, 4, 6)
        assert torch.allclose(img.mean((1, 2)), torch.tensor([1.0, 0, 0]), atol=0.02)


def test_the_content_decides_not_the_extension(tmp_path):
    array = levels()
    path = saved(tmp_path, Image.fromarray(array), "really.bmp")
    path = path.rename(tmp_path / "really.png.jpg")
    assert torch.equal(images.load(path), images.from_uint8(array))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (30_000, 2), (2, 30_000)])
def test_extreme_shapes(tmp_path, width, height):
    array = np.arange(width * height, dtype=np.uint32).astype(np.uint8).reshape(height, width)
    for name in ("a.png", "a.jpg"):
        assert images.load(saved(tmp_path, Image.fromarray(array), name)).shape == (1, height, width)


# --- what is refused, and with which sentence


def test_files_that_are_no_pictures(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*nowhere\.png\. Check the name"):
        images.load(tmp_path / "nowhere.png")
    with pytest.raises(images.ImageError, match=r"is a folder, not a picture\. Name one file in it"):
        images.load(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(images.ImageError, match=r"empty\.png is empty \(0 bytes\)\. Copy or download it again"):
        images.load(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(images.ImageError, match=r"text\.png is not a picture in a format we read.*save it as PNG"):
        images.load(tmp_path / "text.png")


def test_postscript_is_not_even_opened(tmp_path):
    path = saved(tmp_path, Image.fromarray(levels()), "a.eps")
    with pytest.raises(images.ImageError, match="not a picture in a format we read"):
        images.load(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.bmp", "a.gif"])
def test_cut_in_half(tmp_path, name):
    path = saved(tmp_path, Image.fromarray(levels(64, 64)), name)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(images.ImageError, match=r"damaged or cut short|not a picture"):
        images.load(path)


def test_a_chunk_with_an_impossible_name(tmp_path):
    """Pillow calls this a SyntaxError, which is no OSError."""
    content = png(3, 2, 8, 0, [b"abc", b"def"]).replace(b"IDAT", b"ID\0T")
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(images.ImageError, match=r"damaged or cut short|not a picture"):
        images.load(tmp_path / "a.png")
    several = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    whole = bytearray(saved(tmp_path, several, "b.png").read_bytes())
    whole[whole.rindex(b"IDAT") + 2] = 0  # the second of two
    (tmp_path / "b.png").write_bytes(whole)
    with pytest.raises(images.ImageError, match=r"damaged or cut short \(SyntaxError"):
        images.load(tmp_path / "b.png")


def test_floating_point_files_have_no_range(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.ones((3, 3), np.float32)), "a.tif")
    with pytest.raises(images.ImageError, match=r"a\.tif.*floating-point.* Save it as 8- or 16-bit"):
        images.load(path)


def test_integers_beyond_sixteen_bits(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.full((3, 3), 70_000, np.int32)), "a.tif")
    with pytest.raises(images.ImageError, match=r"a\.tif.*do not fit 16 bits"):
        images.load(path)


@pytest.mark.parametrize("side", [12_000, 60_000])  # Pillow itself warns of the one and refuses the other
def test_decompression_bombs_are_refused_before_decoding(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, 8, 0, [b"\0" * 10]))
    with pytest.raises(images.ImageError, match=r"bomb\.png.*pixels, more than .*Crop (it|or shrink it) first"):
        images.load(path)


def test_the_limit_of_pixels_can_be_set(tmp_path):
    path = saved(tmp_path, Image.fromarray(levels(10, 10)))
    assert images.load(path, max_pixels=100).shape == (3, 10, 10)
    with pytest.raises(
        images.ImageError, match=r"has 10 x 10 pixels, more than the limit of 99\..*max_pixels=\.\.\.\) takes larger"
    ):
        images.load(path, max_pixels=99)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
def test_fuzz_the_reader(tmp_path, kind):
    """Whatever happens to the bytes: a picture, or an ImageError."""
    rng = np.random.default_rng(zlib.crc32(kind.encode()))
    whole = io.BytesIO()
    Image.fromarray(levels(24, 24)).save(whole, format=kind)
    path, refused = tmp_path / "fuzzed", 0
    for _ in range(150):
        content = bytearray(whole.getvalue())
        if rng.random() < 0.3:
            del content[rng.integers(1, len(content)) :]
        for _ in range(rng.integers(1, 8)):
            content[rng.integers(min(len(content), 200 if rng.random() < 0.5 else len(content)))] = rng.integers(256)
        path.write_bytes(content)
        try:
            img = images.load(path, max_pixels=1_000_000)
        except images.ImageError:
            refused += 1
        else:
            assert img.shape[0] in (1, 3)
            assert 0 <= img.min() <= img.max() <= 1
    assert refused > 0


# --- writing


@pytest.mark.parametrize("channels", [1, 3])
def test_saved_pictures_come_back(tmp_path, channels):
    img = images.round_to_uint8(picture(channels=channels))
    assert torch.equal(images.load(images.save(tmp_path / "a.png", img)), img)


def test_saving_clips_overshoot_and_rounds_halves_up(tmp_path):
    img = torch.tensor([[[-0.2, 0.5 / 255, 1.5 / 255, 1.3]]])
    assert (images.load(images.save(tmp_path / "a.png", img)) * 255).round().flatten().tolist() == [0, 1, 2, 255]


def test_every_extension_can_be_written(tmp_path):
    for suffix in images.FORMATS:
        img = picture(channels=1 if suffix == ".pgm" else 3)
        assert images.load(images.save(tmp_path / f"a{suffix}", img)).shape[-2:] == img.shape[-2:]


def test_a_saved_picture_may_be_read_by_the_whole_class(tmp_path):
    assert os.stat(images.save(tmp_path / "a.png", picture())).st_mode & 0o777 == 0o644


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(images.ImageError, match=r"a\.psd: cannot write \.psd\. Use \.png or \.jpg"):
        images.save(tmp_path / "a.psd", picture())
    with pytest.raises(images.ImageError, match=r"cannot write a name without extension"):
        images.save(tmp_path / "a", picture())
    with pytest.raises(images.ImageError, match=r"The folder .*missing does not exist\. Create it first"):
        images.save(tmp_path / "missing" / "a.png", picture())
    with pytest.raises(ValueError, match=r"img has values from .* Divide 8-bit values by 255"):
        images.save(tmp_path / "a.png", picture() * 255)
    with pytest.raises(ValueError, match=r"img is a batch of shape \(1, 3, 13, 17\)\..*img\[0\]"):
        images.save(tmp_path / "a.png", picture()[None])
    with pytest.raises(ValueError, match="NaN or infinite"):
        images.save(tmp_path / "a.png", picture() / 0)
    with pytest.raises(images.ImageError, match="could not be written"):  # WebP ends at 16,383 pixels
        images.save(tmp_path / "a.webp", torch.zeros(1, 1, 17_000))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = images.save(tmp_path / "a.png", torch.zeros(1, 4, 4))
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(images.ImageError, match=r"could not be written .*Is the disk full or read-only"):
        images.save(path, torch.ones(1, 4, 4))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


# --- arrays


def test_from_uint8_against_plain_arithmetic():
    array = levels()
    img = images.from_uint8(array)
    for y, x, c in ((0, 0, 0), (3, 7, 2), (11, 19, 1)):
        assert img[c, y, x].item() == pytest.approx(array[y, x, c] / 255, abs=1e-7)
    assert images.from_uint8(np.array([[65535]], np.uint16)).item() == 1


@pytest.mark.parametrize(
    ("array", "error", "sentence"),
    [
        (np.zeros((4, 4)), TypeError, r"dtype float64, but uint8 or uint16 is needed\. Use array\.astype\('uint8'\)"),
        (np.zeros(4, np.uint8), ValueError, r"shape \(4,\), but \(H, W\) or \(H, W, C\) is needed"),
    ],
)
def test_arrays_that_are_no_pictures(array, error, sentence):
    with pytest.raises(error, match=sentence):
        images.from_uint8(array)


@given(st.integers(0, 255))
def test_every_level_survives(value):
    array = np.full((1, 1), value, np.uint8)
    assert images.to_uint8(images.from_uint8(array)) == array
    assert images.round_to_uint8(images.from_uint8(array)).item() == images.from_uint8(array).item()


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 7])
def test_modcrop_cuts_the_bottom_and_right(scale):
    img = picture()
    cut = images.modcrop(img, scale)
    height, width = cut.shape[-2:]
    assert height % scale == width % scale == 0
    assert 13 - height < scale
    assert 17 - width < scale
    assert torch.equal(cut, img[:, :height, :width])


def test_modcrop_of_too_small_a_picture():
    with pytest.raises(ValueError, match=r"img is 13 x 17 pixels, too small for scale 14\. Use a larger picture"):
        images.modcrop(picture(), 14)
    with pytest.raises(ValueError, match=r"scale=2\.5 is not a whole number"):
        images.modcrop(picture(), 2.5)


# --- colour


def test_ycbcr_is_skimages():
    img = picture().double()
    ours = images.rgb_to_ycbcr(img).movedim(0, -1) * 255
    assert np.abs(ours.numpy() - rgb2ycbcr(img.movedim(0, -1).numpy())).max() < 1e-9
    assert torch.allclose(images.rgb_to_y(img)[0] * 255, ours[..., 0])
    back = images.ycbcr_to_rgb(ours.movedim(-1, 0) / 255)
    assert (
        np.abs(back.movedim(0, -1).numpy() - ycbcr2rgb(ours.numpy())).max() < 1e-5
    )  # skimage's own inverse is rounded


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
def test_ycbcr_round_trip(rgb):
    img = torch.tensor(rgb).view(3, 1, 1)
    assert (images.ycbcr_to_rgb(images.rgb_to_ycbcr(img)) - img).abs().max() < 1e-6


def test_luma_of_known_colours():
    for rgb, y in (((0, 0, 0), 16), ((1, 1, 1), 235), ((1, 0, 0), 81.481), ((0, 1, 0), 144.553), ((0, 0, 1), 40.966)):
        img = torch.tensor(rgb, dtype=torch.float64).view(3, 1, 1)
        assert images.rgb_to_y(img).item() * 255 == pytest.approx(y, abs=1e-9)


def test_a_batch_is_its_pictures():
    batch = torch.stack([picture(0), picture(1)])
    for convert in (images.rgb_to_y, images.rgb_to_ycbcr, images.ycbcr_to_rgb):
        assert torch.equal(convert(batch)[1], convert(batch[1]))


def test_one_channel_is_already_luma():
    gray = picture(channels=1)
    assert images.rgb_to_y(gray) is gray


@pytest.mark.parametrize("convert", [images.rgb_to_y, images.rgb_to_ycbcr, images.ycbcr_to_rgb])
def test_wrong_colours(convert):
    with pytest.raises(ValueError, match=r"img has 4 channels"):
        convert(torch.rand(4, 3, 3))
    with pytest.raises(TypeError, match=r"dtype torch\.uint8"):
        convert(torch.zeros(3, 3, 3, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"from .* to 255.* Divide 8-bit values by 255"):
        convert(torch.full((3, 3, 3), 255.0))


def deep_with_a_clear_pixel(path):
    values = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(values).save(path, transparency=int(values[2, 3]))
    return values


def test_sixteen_bits_with_a_transparent_value(tmp_path):
    values = deep_with_a_clear_pixel(tmp_path / "x.png")
    shown, (stored, alpha) = images.load(tmp_path / "x.png"), images.load_with_alpha(tmp_path / "x.png")
    assert torch.equal(stored, torch.from_numpy(values / 65535).float()[None])
    assert (alpha[0, 2, 3], alpha.sum()) == (0, 63)
    assert shown[0, 2, 3] == 1, "transparent parts show white"
    assert torch.equal(shown[alpha == 1], stored[alpha == 1])


def test_a_gray_palette_with_transparency_is_gray(tmp_path):
    picture = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert("P")
    picture.putpalette([level for level in range(256) for _ in range(3)])
    picture.save(tmp_path / "x.png", transparency=0)
    assert images.load(tmp_path / "x.png").shape == (1, 8, 8)


def test_the_limit_that_is_named_is_the_one_that_counted(tmp_path, monkeypatch):
    Image.new("L", (64, 64)).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(images.ImageError, match=r"more than the limit of 200\. Crop it first"):
        images.load(tmp_path / "x.png", max_pixels=10**9)


@pytest.mark.parametrize(("error", "sentence"), [(PermissionError, "may not be read"), (MemoryError, "memory")])
def test_not_every_trouble_is_the_files(error, sentence, tmp_path, monkeypatch):
    Image.new("L", (8, 8)).save(tmp_path / "x.png")

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(Image, "open", fails)
    with pytest.raises(images.ImageError, match=sentence):
        images.load(tmp_path / "x.png")


def test_profiles_of_the_pictures_own_colours(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (4, 4)).save(tmp_path / "rgb.png", icc_profile=srgb)
    Image.new("L", (4, 4)).save(tmp_path / "gray.png")
    assert images.profile(tmp_path / "rgb.png", 3) == images.profile(tmp_path / "rgb.png", 4) == srgb
    assert images.profile(tmp_path / "rgb.png", 1) is None, "no colours left to which it applies"
    assert images.profile(tmp_path / "gray.png", 1) is None
    for name in ("x.png", "x.jpg", "x.webp", "x.tif"):
        images.write(tmp_path / name, np.zeros((4, 4, 3), np.uint8), srgb)
        assert Image.open(tmp_path / name).info["icc_profile"] == srgb
    images.write(tmp_path / "x.bmp", np.zeros((4, 4, 3), np.uint8), srgb)
    assert images.profile(tmp_path / "x.bmp", 3) is None
