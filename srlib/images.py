"""Pictures in and out of files, and the one colour conversion the field agrees on.

Inside ``srlib`` a picture is a float32 tensor ``(C, H, W)`` with values in [0, 1]: three channels
for colour (R, G, B), one for gray. Nothing here resizes, and nothing is evaluated from a file.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from srlib import checks, paths

#: Formats that are read and written; everything else (EPS would start an interpreter) is refused.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
    ".ppm": "PPM",
    ".pgm": "PPM",
}
MAX_PIXELS = 100_000_000  # a decoded colour picture of this size is 1.2 GB of float32


class ImageError(ValueError):
    """A file that cannot be read or written as a picture; the message says why."""


def load(path: str | os.PathLike, max_pixels: int = MAX_PIXELS) -> Tensor:
    """Read a photo as ``(3, H, W)``, or ``(1, H, W)`` if it is stored gray; float32 in [0, 1].

    The rules: EXIF rotation is applied; transparent parts show white; CMYK and other colour modes become
    RGB; 16-bit gray is divided by 65535, 16-bit colour keeps its upper 8 bits (Pillow reads no more); of an
    animation the first frame is taken. A palette picture whose
    colours are all gray is gray; an RGB file with equal channels stays RGB. (Which of the two a benchmark
    photo counts as moves published means: ``datasets.photos`` knows the exceptions.)

    Args:
        path: a PNG, JPEG, WebP, BMP, TIFF, GIF or PPM file. The content decides, not the extension.
        max_pixels: refuse larger pictures before decoding them.

    Raises:
        FileNotFoundError: there is no such file.
        ImageError: empty, damaged, cut short, too large, or not a picture.
    """
    path = Path(path)
    if path.is_dir():
        raise ImageError(f"{path} is a folder, not a picture. Name one file in it.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}. Check the name and the folder you started in.")
    if path.stat().st_size == 0:
        raise ImageError(f"{path} is empty (0 bytes). Copy or download it again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ours is the limit that counts, and damage raises anyway
            with Image.open(path, formats=sorted(set(FORMATS.values()))) as file:
                if file.width * file.height > max_pixels:
                    raise ImageError(
                        f"{path} has {file.width} x {file.height} pixels, more than the limit of {max_pixels:,}. "
                        "Crop or shrink it first. (In Python, images.load(path, max_pixels=...) takes larger ones.)"
                    )
                file.seek(0)
                return from_uint8(_plain(file, path))
    except ImageError:
        raise
    except Image.DecompressionBombError:  # Pillow's own limit, twice its warning's
        limit = min(max_pixels, 2 * Image.MAX_IMAGE_PIXELS)
        raise ImageError(f"{path} has far more pixels, more than the limit of {limit:,}. Crop it first.") from None
    except PermissionError:
        raise ImageError(f"{path} may not be read by you. Change its permissions, or copy it elsewhere.") from None
    except MemoryError:
        raise ImageError(f"{path} does not fit into the memory that is free. Crop it first.") from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{path} is not a picture in a format we read ({', '.join(sorted(set(FORMATS.values())))}). "
            "Open it in an image program and save it as PNG."
        ) from None
    except Exception as error:  # Pillow raises many kinds for damaged files
        raise ImageError(
            f"{path} is damaged or cut short ({type(error).__name__}: {error}). Copy or download it again."
        ) from None


def _plain(file: Image.Image, path: Path) -> np.ndarray:
    """An open Pillow picture as an array ``(H, W)`` or ``(H, W, 3)``, uint8 or uint16."""
    picture = ImageOps.exif_transpose(file)
    if picture.mode == "F":
        raise ImageError(
            f"{path} is a floating-point TIFF, which has no agreed value range. Save it as 8- or 16-bit first."
        )
    if picture.mode.startswith("I"):
        values, clear = _deep(picture, path)
        return np.where(clear, np.uint16(65535), values)
    transparent = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    if transparent:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
        if file.mode in ("L", "LA", "La"):
            return np.asarray(picture.convert("L"))
    if file.mode in ("P", "PA"):
        rgb = np.asarray(picture.convert("RGB"))
        is_gray = (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all()
        return rgb[..., 0] if is_gray else rgb
    return np.asarray(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))


def _deep(picture: Image.Image, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """16-bit gray (Pillow widens some of it to 32 bits) as uint16, and where it is transparent, both ``(H, W)``."""
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{path} holds integers that do not fit 16 bits. Save it as 8- or 16-bit first.")
    return values.astype(np.uint16), values == picture.info.get("transparency", -1)


def load_with_alpha(path: str | os.PathLike, max_pixels: int = MAX_PIXELS) -> tuple[Tensor, Tensor | None]:
    """As :func:`load`, but with the colours as stored and the opacity ``(1, H, W)`` beside them (None: all opaque).

    Raises:
        FileNotFoundError, ImageError: as :func:`load`.
    """
    picture = load(path, max_pixels)  # whatever is wrong with the file, it says so
    with Image.open(path, formats=sorted(set(FORMATS.values()))) as file:
        if file.mode not in ("RGBA", "LA", "PA", "La", "RGBa") and "transparency" not in file.info:
            return picture, None
        file.seek(0)
        upright = ImageOps.exif_transpose(file)
        if upright.mode.startswith("I"):
            values, clear = _deep(upright, Path(path))
            return from_uint8(values), from_uint8(np.where(clear, 0, 255).astype(np.uint8))
        planes = from_uint8(np.asarray(upright.convert("RGBA")))
    colours = planes[:1] if picture.shape[0] == 1 else planes[:3]
    return colours, planes[3:]


def profile(path: str | os.PathLike, channels: int) -> bytes | None:
    """The ICC profile in a photo's file: which red its red is. None if there is none, or it is of other colours.

    Args:
        path: a file that :func:`load` reads.
        channels: of the picture that shall have it, 1 or 2 (gray), 3 or 4 (colour); a profile for CMYK fits neither.
    """
    with Image.open(path, formats=sorted(set(FORMATS.values()))) as file:
        found = file.info.get("icc_profile") or b""
    return found if found[16:20] == (b"GRAY" if channels < 3 else b"RGB ") else None  # there it names its colours


def save(path: str | os.PathLike, img: Tensor) -> Path:
    """Write a picture; the extension chooses the format. A little overshoot is clipped, values are rounded to 8 bits
    (a GIF has 256 colours in all, JPEG and WebP lose a little).

    The file appears whole or not at all: it is written under a temporary name, then renamed.

    Args:
        path: where to; the folder must exist.
        img: ``(1, H, W)`` or ``(3, H, W)``, float.

    Raises:
        ImageError: unknown extension, missing folder, or the disk refused.
        TypeError, ValueError: not one picture in [0, 1].
    """
    writable(path)
    return write(path, to_uint8(img))


def writable(path: str | os.PathLike, alpha: bool = False) -> None:
    """Can a picture be written to this name? Asked before the work and not after it.

    Raises:
        ImageError: unknown extension, missing folder, or a format without transparency for a picture that has some.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ImageError(f"{path.name}: cannot write {path.suffix or 'a name without extension'}. Use .png or .jpg.")
    if alpha and FORMATS[path.suffix.lower()] not in ("PNG", "WEBP", "TIFF"):
        raise ImageError(f"{path.name}: {path.suffix} keeps no transparency, and the picture has some. Use .png.")
    if not path.parent.is_dir():
        raise ImageError(f"The folder {path.parent} does not exist. Create it first.")


def write(path: str | os.PathLike, array: np.ndarray, icc_profile: bytes | None = None) -> Path:
    """Write pixels as they are: ``(H, W)`` or ``(H, W, C)``, uint8 (C: 1 to 4), or uint16 for a gray PNG or TIFF.

    Args:
        path: where to; the extension chooses the format.
        array: the pixels.
        icc_profile: from :func:`profile`; formats that have no place for it leave it out.

    Raises:
        ImageError: the disk refused; nothing is left half-written.
    """
    path = Path(path)
    options = {"quality": 95} if FORMATS[path.suffix.lower()] in ("JPEG", "WEBP") else {}
    if icc_profile:
        options["icc_profile"] = icc_profile
    try:
        with paths.whole(path) as temporary:
            Image.fromarray(array).save(temporary, format=FORMATS[path.suffix.lower()], **options)
    except (OSError, ValueError) as error:
        raise ImageError(f"{path} could not be written ({error}). Is the disk full or read-only?") from None
    return path


def from_uint8(array: np.ndarray) -> Tensor:
    """An array ``(H, W)`` or ``(H, W, C)`` of uint8 or uint16 as a tensor ``(C, H, W)`` in [0, 1].

    >>> import numpy as np
    >>> from_uint8(np.array([[0, 255]], dtype=np.uint8))
    tensor([[[0., 1.]]])
    """
    array = np.asarray(array)
    if array.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"The array has dtype {array.dtype}, but uint8 or uint16 is needed. Use array.astype('uint8').")
    if array.ndim not in (2, 3):
        raise ValueError(f"The array has shape {array.shape}, but (H, W) or (H, W, C) is needed.")
    largest = float(np.iinfo(array.dtype).max)
    planes = array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)
    return torch.from_numpy(planes.astype(np.float64) / largest).float()


def to_uint8(img: Tensor) -> np.ndarray:
    """A picture ``(1, H, W)`` or ``(3, H, W)`` as a uint8 array ``(H, W)`` or ``(H, W, 3)``, clipped and rounded."""
    checks.picture(img, channels=(1, 3))
    if img.ndim != 3:
        raise ValueError(f"img is a batch of shape {tuple(img.shape)}. Take one picture of it with img[0].")
    array = (round_to_uint8(img.detach().cpu()) * 255).round().to(torch.uint8).movedim(0, -1).numpy()
    return np.ascontiguousarray(array[..., 0] if array.shape[-1] == 1 else array)


def round_to_uint8(img: Tensor) -> Tensor:
    """Clip to [0, 1] and round to the nearest of 256 levels, halves up as MATLAB does; still a float in [0, 1].

    A network's or kernel's overshoot is clipped; 8-bit values (0..255) are refused.
    """
    checks.unit_range(img, slack=1.0)
    return torch.floor(img.clamp(0, 1) * 255 + 0.5) / 255


def modcrop(img: Tensor, scale: int) -> Tensor:
    """Crop the bottom and right so that height and width are multiples of ``scale``: ``(..., H, W)``."""
    checks.picture(img)
    checks.integer_scale(scale)
    height, width = img.shape[-2:]
    if height < scale or width < scale:
        raise ValueError(f"img is {height} x {width} pixels, too small for scale {scale}. Use a larger picture.")
    return img[..., : height - height % scale, : width - width % scale]


# BT.601 "studio swing": Y spans 16..235 of 255. MATLAB's rgb2ycbcr, and so every SR paper, uses it.
_YCBCR = torch.tensor(
    [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]], dtype=torch.float64
)
_OFFSET = torch.tensor([16.0, 128.0, 128.0], dtype=torch.float64)


def rgb_to_ycbcr(img: Tensor) -> Tensor:
    """RGB to Y, Cb, Cr (BT.601 studio swing): ``(..., 3, H, W)`` in [0, 1] to the same shape.

    Y = (16 + 65.481 R + 128.553 G + 24.966 B) / 255, so white is 235/255 and black 16/255.
    """
    checks.unit_range(checks.picture(img, channels=(3,)), slack=1.0)
    return _mix(img, _YCBCR, _OFFSET)


def ycbcr_to_rgb(img: Tensor) -> Tensor:
    """The inverse of :func:`rgb_to_ycbcr`; the result can leave [0, 1] where Y, Cb, Cr describe no real colour."""
    checks.unit_range(checks.picture(img, channels=(3,)), slack=1.0)
    back = torch.linalg.inv(_YCBCR)
    return _mix(img, back * 255**2, -255 * back @ _OFFSET)


def rgb_to_y(img: Tensor) -> Tensor:
    """The luma the papers measure on: ``(..., 3, H, W) -> (..., 1, H, W)``. One channel is returned as it is.

    >>> white = torch.ones(3, 1, 1)
    >>> round(rgb_to_y(white).item() * 255, 3)
    235.0
    """
    checks.picture(img, channels=(1, 3))
    if img.shape[-3] == 1:
        return img
    checks.unit_range(img, slack=1.0)
    return _mix(img, _YCBCR[:1], _OFFSET[:1])


def _mix(img: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """(matrix @ channels + offset) / 255, in double precision: rounding to 8 bits later must not see float32 noise.

    Apple's GPUs have no doubles; there it is float32.
    """
    wide = torch.float32 if img.device.type == "mps" else torch.float64
    matrix, offset = (numbers.to(wide).to(img.device) for numbers in (matrix, offset))
    mixed = torch.einsum("oc,...chw->...ohw", matrix, img.to(wide))
    return ((mixed + offset.view(-1, 1, 1)) / 255).to(img.dtype)
