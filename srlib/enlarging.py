"""Photos in, larger photos out: what ``srlib upscale`` does, file by file.

Everything a file holds is kept: gray stays gray, opacity is enlarged beside the colours (by bicubic), 16-bit gray stays
16-bit (unless it has opacity too: no file that we write holds both), a colour profile goes with the colours, a photo
lying on its side is turned upright. The result appears whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from srlib import images, paths, resize, tiling, weights

#: In these formats 16 bits of gray can be kept.
DEEP = (".png", ".tif", ".tiff")


def file(
    model: nn.Module,
    source: str | os.PathLike,
    target: str | os.PathLike,
    tile: int | None = tiling.TILE,
    watch: Callable[[Iterator], Iterator] = iter,
) -> Path:
    """Enlarge a photo into another file.

    Besides the network's own needs for one tile, memory holds the photo and the result in its final bits.

    Args:
        model: a network from ``weights.load``, or a ``tiling.Ensemble`` of one.
        source: any photo that ``images.load`` reads.
        target: .png, .jpg and so on; the extension chooses the format.
        tile: side of a tile in input pixels; None for the whole photo at once.
        watch: sees the tiles go by, such as ``tqdm``.

    Raises:
        images.ImageError, FileNotFoundError: the photo cannot be read, or the result cannot be written there.
    """
    target = Path(target)
    images.writable(target)
    picture, alpha = images.load_with_alpha(source)
    images.writable(target, alpha=alpha is not None)
    deep = picture.shape[0] == 1 and alpha is None and target.suffix.lower() in DEEP and _is_deep(picture)
    largest, kind = (65535, np.uint16) if deep else (255, np.uint8)
    scale, channels = model.scale, picture.shape[0] + (alpha is not None)
    pixels = np.empty((scale * picture.shape[1], scale * picture.shape[2], channels), kind)
    for (rows, columns), drawn in tiling.tiles(model, picture, tile, watch=watch):
        pixels[rows, columns, : len(drawn)] = _rounded(drawn, largest).movedim(0, -1).numpy().astype(kind)
    if alpha is not None:
        pixels[..., -1:] = _rounded(resize.resize(alpha, scale), largest).movedim(0, -1).numpy().astype(kind)
    pixels = pixels[..., 0] if channels == 1 else pixels
    return images.write(target, pixels, images.profile(source, channels))


def network(
    name: str, scale: int | None, folder: Path | None = None, ensemble: bool = False, device: str = "auto"
) -> nn.Module:
    """A trained network, or the self-ensemble of one, on a GPU if there is one.

    Raises:
        ValueError: a device that is not on this machine.
        weights.WeightsError: there are no weights for it.
    """
    net = weights.load(name, scale, folder, device)
    return tiling.Ensemble(net) if ensemble else net


def several(
    jobs: list[tuple[Path, Path]], load: Callable[[], nn.Module], tile: int | None, workers: int
) -> Iterator[tuple[Path, Exception | None]]:
    """Enlarge many photos, each in one of several processes; yields each source when it is done, and what went wrong.

    Args:
        jobs: pairs of source and target.
        load: makes the network, once in each process; it must survive pickling (``functools.partial`` does).
        tile: as in :func:`file`.
        workers: processes, each with one thread; 1 stays in this one.
    """
    if workers == 1:
        model = load()
        for source, target in jobs:
            yield source, _attempt(model, source, target, tile)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(_in_a_process, load, source, target, tile): source for source, target in jobs}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:  # stopped by the user: what has not begun does not begin
            pool.shutdown(cancel_futures=True)


def _attempt(model: nn.Module, source: Path, target: Path, tile: int | None) -> Exception | None:
    try:
        file(model, source, target, tile)
    except (ValueError, TypeError, OSError, RuntimeError, MemoryError) as error:  # torch's lack of memory is the fourth
        return error
    return None


_LOADED: dict[str, nn.Module] = {}  # a process's network, made for its first photo


def _in_a_process(load: Callable[[], nn.Module], source: Path, target: Path, tile: int | None) -> Exception | None:
    torch.set_num_threads(1)
    if "model" not in _LOADED:
        _LOADED["model"] = load()
    return _attempt(_LOADED["model"], source, target, tile)


def folder(source: str | os.PathLike) -> list[Path]:
    """The photos in a folder, by name; files of other kinds are passed over.

    Raises:
        images.ImageError: there is none.
    """
    photos = (f for f in Path(source).iterdir() if f.suffix.lower() in images.FORMATS)
    found = sorted(f for f in photos if not f.name.startswith("."))  # macOS keeps notes beside a photo as "._photo.jpg"
    if not found:
        raise images.ImageError(f"{source} holds no photo ({', '.join(images.FORMATS)}). Name another folder.")
    return found


def named(photos: list[Path], target: Path) -> list[tuple[Path, Path]]:
    """Each photo with the PNG that it becomes in the folder ``target``: a.jpg becomes a.png.

    Where two would get one name, all keep their whole names: a.jpg and a.png become a.jpg.png and a.png.png.
    """
    return [(photo, target / f"{name}.png") for photo, name in zip(photos, paths.names(photos), strict=True)]


def _rounded(img: Tensor, largest: int) -> Tensor:
    return torch.floor(img.clamp(0, 1) * largest + 0.5)  # halves up, as images.round_to_uint8


def _is_deep(gray: Tensor) -> bool:
    """Does it hold values that 8 bits cannot?"""
    return bool((gray * 255 - (gray * 255).round()).abs().max() > 0.01)
