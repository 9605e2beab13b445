"""A reader's own photo, enlarged: from the bytes of its file to a wipe between bicubic and a network. No widgets here.

Pictures stay in 8 bits outside the network, so that a photo of a telephone fits into the memory of a small machine.
"""

from __future__ import annotations

import base64
import html
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops
from torch import Tensor

from srlib import enlarging, images, tiling
from srlib.figures import Html
from srlib.live.compare import compare
from srlib.live.page import attribute

PHOTO, RESULT = 25_000_000, 50_000_000  # pixels, as in the website's lab
LEAST = 16  # pixels a side
SHOWN, DETAIL = 480, 160  # pixels: the longer side of the whole as it is shown, and the side of the detail
WEIGHT = 2_000_000  # bytes that one comparison may take: nothing here is stored in a page
LINKED = 20_000_000  # bytes of a PNG that the link may carry; a larger one becomes a file


@dataclass
class Photo:
    """A picture ``(C, H, W)`` in [0, 1], the name of its file, and its colour profile if there is one."""

    name: str
    picture: Tensor
    profile: bytes | None = None

    @property
    def said(self) -> str:
        return f"{self.name}: {self.picture.shape[2]} x {self.picture.shape[1]} pixels."


@dataclass
class Larger:
    """A photo, and what bicubic and a network made of it; ``seconds`` is the network's time."""

    photo: Photo
    network: str
    scale: int
    bicubic: Image.Image
    drawn: Image.Image
    seconds: float


def read(name: str, content: bytes) -> Photo:
    """A photo from the bytes of its file.

    Raises:
        images.ImageError: no picture, a damaged one, or one of a size that we do not take.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(name).name or "photo")
        path.write_bytes(content)
        try:
            picture = images.load(path, PHOTO)
            photo = Photo(path.name, picture, images.profile(path, len(picture)))
        except images.ImageError as error:
            raise images.ImageError(str(error).replace(str(path), path.name)) from None
    if min(picture.shape[1:]) < LEAST:
        raise images.ImageError(f"{photo.said} Choose one with at least {LEAST} on each side.")
    return photo


def enlarge(photo: Photo, network: str, scale: int, watch: Callable[[Iterator], Iterator] = iter) -> Larger:
    """Bicubic and a trained network on a photo, the network tile by tile.

    Args:
        photo: from :func:`read`, or made of any picture.
        network, scale: one of ``weights.available()``; scale 1 restores, and is compared with the photo itself.
        watch: is given the list of tiles and iterates over it.

    Raises:
        ValueError: the result would be too large.
        weights.WeightsError: there are no weights for it.
    """
    channels, height, width = photo.picture.shape
    tall, broad = scale * height, scale * width
    if tall * broad > RESULT:
        raise ValueError(
            f"The result would have {tall * broad / 1e6:.0f} megapixels, and here {RESULT // 10**6} are the limit. "
            "Crop or shrink the photo first, or take a smaller scale."
        )
    net = enlarging.network(network, scale)
    pixels = np.empty((tall, broad, channels), np.uint8)
    began = time.perf_counter()
    for (rows, columns), tile in tiling.tiles(net, photo.picture, watch=watch):
        pixels[rows, columns] = images.to_uint8(tile.clamp(0, 1)).reshape(*tile.shape[1:], channels)
    seconds = time.perf_counter() - began
    given = Image.fromarray(images.to_uint8(photo.picture))
    bicubic = given.resize((broad, tall), Image.Resampling.BICUBIC)
    return Larger(photo, network, scale, bicubic, Image.fromarray(pixels[..., 0] if channels == 1 else pixels), seconds)


def report(done: Larger, folder: Path) -> Html:
    """What came of it: a sentence, the whole and a detail under a wipe, and the result to take away.

    A result whose PNG is too large for a link is written into ``folder``.
    """
    width, height = done.drawn.size
    said = (
        f"{done.network} at x{done.scale}: {done.photo.picture.shape[2]} x {done.photo.picture.shape[1]} to "
        f"{width} x {height} pixels in {done.seconds:.1f} seconds."
    )
    first = "bicubic" if done.scale > 1 else "as it is"
    whole = [_within(img, SHOWN) for img in (done.bicubic, done.drawn)]
    box = busiest(done.bicubic, done.drawn)
    parts = [("The detail where the two differ most:", [img.crop(box) for img in (done.bicubic, done.drawn)])]
    shrunk = "" if whole[1].size == done.drawn.size else f", shrunk to {whole[1].width} x {whole[1].height}"
    parts.append((f"The whole{shrunk}:", whole))
    shown = "".join(
        f"<p>{title}</p>" + _compared({first: pair[0], done.network: pair[1]}, done.photo.name).markup
        for title, pair in parts
    )
    return Html(f"<p><b>{html.escape(said)}</b> {_taken_away(done, folder)}</p>{shown}", said)


def busiest(one: Image.Image, other: Image.Image, side: int = DETAIL) -> tuple[int, int, int, int]:
    """The square (left, top, right, bottom) in which two pictures of one size differ most."""
    width, height = one.size
    broad, tall = min(side, width), min(side, height)
    step = max(1, side // 4)
    differs = np.asarray(ImageChops.difference(one, other).convert("L").reduce(step), np.float64)
    rows, columns = max(1, tall // step), max(1, broad // step)
    sums = np.lib.stride_tricks.sliding_window_view(differs, (rows, columns)).sum((2, 3))
    top, left = np.unravel_index(sums.argmax(), sums.shape)
    top, left = min(int(top) * step, height - tall), min(int(left) * step, width - broad)
    return left, top, left + broad, top + tall


def _within(img: Image.Image, side: int) -> Image.Image:
    factor = min(1.0, side / max(img.size))
    return img.resize(tuple(max(1, round(factor * n)) for n in img.size), Image.Resampling.LANCZOS)


def _compared(pair: dict[str, Image.Image], name: str) -> Html:
    shown = {label: (images.from_uint8(np.asarray(img)), "") for label, img in pair.items()}
    return compare(shown, f"{name}, enlarged by {' and by '.join(pair)}", budget=WEIGHT)


def _taken_away(done: Larger, folder: Path) -> str:
    """A link with the PNG in it, or the name of the file that holds it."""
    name = f"{Path(done.photo.name).stem}-{done.network}-x{done.scale}.png"
    file = io.BytesIO()
    done.drawn.save(file, "PNG", icc_profile=done.photo.profile)
    content = file.getvalue()
    if len(content) <= LINKED:
        address = "data:image/png;base64," + base64.b64encode(content).decode()
        return f'<a href="{address}" download="{attribute(name)}">Save {html.escape(name)}</a>'
    path = next(path for path in _names(folder / name) if not path.exists())
    path.write_bytes(content)
    return f"It lies beside this notebook: <code>{html.escape(path.name)}</code>"


def _names(path: Path) -> Iterator[Path]:
    """The name itself, then others that nothing of the reader's can have."""
    yield path
    number = 2
    while True:
        yield path.with_stem(f"{path.stem}-{number}")
        number += 1
