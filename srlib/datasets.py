"""Sets of photos by name: what is on this machine, what can be fetched, and which photos may be trained on.

"bundled" and "synthetic" need no network; every other set is a folder of pictures, described in
``data/datasets.toml``, or your own. A set is split into photos to train on and photos held out, and never both.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from srlib import checks, download, images, paths, synthetic

SPLITS = ("train", "test", "all")

#: name -> (package that ships it, folder in it, file, held out?). scikit-image's are public domain or CC0; the course's
#: own two are CC-BY 2.0, by danielbuechele (china) and vultilion (flower): data/photos/README.txt has the particulars.
BUNDLED = {
    "astronaut": ("skimage", "data", "astronaut.png", False),
    "brick": ("skimage", "data", "brick.png", False),
    "camera": ("skimage", "data", "camera.png", False),
    "chelsea": ("skimage", "data", "chelsea.png", True),
    "china": ("srlib", "photos", "china.jpg", False),
    "coffee": ("skimage", "data", "coffee.png", True),
    "coins": ("skimage", "data", "coins.png", False),
    "flower": ("srlib", "photos", "flower.jpg", True),
    "grass": ("skimage", "data", "grass.png", False),
    "gravel": ("skimage", "data", "gravel.png", False),
    "rocket": ("skimage", "data", "rocket.jpg", False),
}


class Photo(NamedTuple):
    """A named picture: ``(name, image)``, the image float32 ``(C, H, W)`` in [0, 1]."""

    name: str
    image: Tensor


class MissingData(FileNotFoundError):
    """A photo set that is not on this machine; the message names the command that gets it."""


class Photos(Sequence):
    """A lazy sequence of :class:`Photo`: a picture is read when it is asked for, by position or by name."""

    def __init__(self, name: str, files: dict[str, Path | int], rgb: Sequence[str] = ()) -> None:
        self.name, self._files, self._rgb = name, files, frozenset(rgb)
        self._stamps = tuple(_stamp(file) for file in files.values())

    @property
    def names(self) -> list[str]:
        """The photos' names, sorted, without reading any."""
        return list(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return Photos(self.name, {n: self._files[n] for n in self.names[key]}, self._rgb)
        name = key if isinstance(key, str) else self.names[key]
        if name not in self._files:
            raise KeyError(f"{self.name} has no photo {name!r}. It has: {', '.join(self.names[:12])}.")
        source = self._files[name]
        img = images.load(_drawn(source) if isinstance(source, int) else source)
        if name in self._rgb and img.shape[0] == 1:
            img = img.expand(3, -1, -1).clone()
        return Photo(name, img)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Photos) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple:
        """What makes two sequences the same: the files, as they were last written."""
        return self.name, tuple(self._files.items()), self._stamps, self._rgb

    def __repr__(self) -> str:
        return f"Photos({self.name!r}, {len(self)} photos)"


def _stamp(file: Path | int) -> tuple[int, int]:
    """When a file was last written, and how large it is."""
    if isinstance(file, int) or not file.exists():
        return 0, 0
    about = file.stat()
    return about.st_mtime_ns, about.st_size


def photos(name: str, split: str = "all") -> Photos:
    """A set of photos.

    Args:
        name: "bundled" (11 photos of the course and of scikit-image), "synthetic" (64 drawn pictures), or a name
            from :func:`names`, such as "Set5" or "T91"; or the path of a folder of your own photos, with a "/" in it
            ("./holiday"): every tenth photo is then held out.
        split: "train" or "test" (no photo is in both), or "all".

    Returns:
        A lazy sequence: ``len(s)``, ``s[0]``, ``s["butterfly"]``, ``for name, image in s``.

    Raises:
        ValueError: unknown name or split, or a set that has no photo in that split.
        MissingData: the set is known but not on this machine, or the folder has no photos.

    >>> photos("bundled", split="test").names
    ['chelsea', 'coffee', 'flower']
    """
    checks.choice(split, SPLITS, "split")
    if own(name):
        files, rgb = _own_files(Path(name)), ()
        held_out = _held_out(list(files), "every 10th")
    elif checks.choice(name, names(), "photo set") == "bundled":
        files = {n: _bundled_file(n) for n in BUNDLED}
        held_out = {n for n in BUNDLED if BUNDLED[n][3]}
        rgb = ()
    elif name == "synthetic":
        files, held_out, rgb = {f"leaves{i:03d}": i for i in range(64)}, set(), ()
    else:
        entry = manifest()[name]
        files = _folder_files(name, entry.get("clean", ""))
        held_out, rgb = _held_out(list(files), entry["test"]), entry.get("rgb", ())
    if split != "all":
        files = {n: f for n, f in files.items() if (n in held_out) == (split == "test")}
    if not files:
        if own(name):
            raise ValueError(f"{name} has one photo. Put at least one more beside it: one is held out to judge by.")
        raise ValueError(f"{name} has no {split} photos: it is for {'testing' if split == 'train' else 'training'}.")
    return Photos(name, files, rgb)


def damaged(name: str) -> Photos:
    """The other half of a set of pairs (Rain100L): the same photos, damaged, in the order of ``photos(name)``.

    Raises:
        ValueError: a set without pairs, or one whose halves do not match.
        MissingData: the set is not on this machine.
    """
    checks.choice(name, [n for n, entry in manifest().items() if "damaged" in entry], "set of pairs")
    halves = photos(name), Photos(name, _folder_files(name, manifest()[name]["damaged"]))
    if len(halves[0]) != len(halves[1]):
        raise ValueError(
            f"{name} has {len(halves[0])} clean photos, but {len(halves[1])} damaged ones. Fetch it again."
        )
    return halves[1]


def own(name: str) -> bool:
    """Is this the path of somebody's own folder, rather than a set's name?"""
    return "/" in name or os.sep in name


def names() -> list[str]:
    """All sets the course knows, present or not."""
    return ["bundled", "synthetic", *manifest()]


def present(name: str) -> int:
    """How many photos of the set are on this machine (0 if none)."""
    try:
        return len(photos(name))
    except MissingData:
        return 0


@cache
def manifest() -> dict[str, dict]:
    """What ``data/datasets.toml`` says, by set name."""
    return paths.toml(paths.data() / "datasets.toml")


def fetch(name: str, progress: bool = True) -> Photos:
    """Download, verify and unpack a set, unless it is here complete; a broken download is continued.

    Raises:
        ValueError: unknown name.
        srlib.download.DownloadError: no network, wrong hash, damaged or hostile archive, full disk; or no
            address is known, and then it says where to get the set by hand and where to put it.
    """
    checks.choice(name, names(), "photo set")
    entry = manifest().get(name, {})
    if present(name) >= entry.get("count", 1):
        return photos(name)
    target = paths.cache() / "photos" / name
    if "file" not in entry:
        raise download.DownloadError(
            f"No address that a program can read is known for {name}. Get it by hand"
            f"{' at ' + entry['page'] if 'page' in entry else ''} and put the pictures into {target}."
        )
    for file in entry["file"]:
        archive = download.fetch(file["urls"], paths.cache() / "downloads", file.get("hash"), progress)
        download.unpack(archive, file["members"], target)
    return photos(name)


def _bundled_file(name: str) -> Path:
    package, folder, file, _ = BUNDLED[name]
    if package == "srlib":
        return paths.data() / folder / file
    spec = importlib.util.find_spec(package)  # finds the folder without importing the package
    if spec is None:
        raise MissingData(f"The photo {name} comes with {package}, which is not installed. Run: pip install -e .")
    return Path(spec.submodule_search_locations[0]) / folder / file


def _drawn(seed: int) -> Path:
    """The file of a synthetic picture, drawn the first time it is asked for (a quarter of a second)."""
    file = paths.cache() / "synthetic" / f"v{synthetic.VERSION}" / f"{seed:03d}.png"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        images.save(file, synthetic.picture(seed))
    return file


@lru_cache(maxsize=64)
def _folder_files_in(folder: Path, stamp: float) -> dict[str, Path]:
    found = (f for f in folder.iterdir() if f.suffix.lower() in images.FORMATS and not f.name.startswith("."))
    files = sorted(found)
    return dict(zip(paths.names(files), files, strict=True))


def _own_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise MissingData(f"{folder} is not a folder. Name one with photos in it.")
    if not (files := _folder_files_in(folder, folder.stat().st_mtime)):
        raise MissingData(f"{folder} has no photos. It may hold {', '.join(sorted(images.FORMATS))}.")
    return files


def _folder_files(name: str, part: str = "") -> dict[str, Path]:
    for root in paths.photo_folders():
        folder = root / name / part
        if folder.is_dir() and (files := _folder_files_in(folder, folder.stat().st_mtime)):
            return files
    raise MissingData(
        f"{name} is not on this machine. Fetch it with: srlib fetch {name}   "
        f"(or put its pictures into {paths.cache() / 'photos' / name})"
    )


def _held_out(names: list[str], test: str | list[str]) -> set[str]:
    if test == "all":
        return set(names)
    if test == "every 10th":
        return set(names[::10])
    return set(test)
