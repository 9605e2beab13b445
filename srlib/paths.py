"""Where things lie: the course's own small files, and the learner's photos, downloads and trainings."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent
BESIDE = _CHECKOUT.parent / "shared" / "photos"  #: one copy of the photos for a whole class


def data() -> Path:
    """The course's own data (manifest, recipes, weights, ledger): ``data/`` of a checkout, else inside the wheel."""
    checkout = _CHECKOUT / "data"
    return checkout if checkout.is_dir() else _PACKAGE / "_data"


def cache() -> Path:
    """The folder for downloads and trainings, ``$SRLIB_CACHE`` or the system's own place for caches."""
    return Path(os.environ.get("SRLIB_CACHE") or platformdirs.user_cache_dir("srlib"))


def photo_folders() -> list[Path]:
    """Folders that may hold photo sets (``Set5/``, ``T91/`` ...), the first found wins.

    In order: the folders of ``$SRLIB_PHOTOS``, the download folder, and ``shared/photos`` beside the checkout.
    """
    named = [Path(p) for p in os.environ.get("SRLIB_PHOTOS", "").split(os.pathsep) if p]
    return [*named, cache() / "photos", BESIDE]


def runs() -> Path:
    """Where trainings keep their checkpoints: ``<cache>/runs``."""
    return cache() / "runs"


def names(files: list[Path]) -> list[str]:
    """What to call files: without their endings, or, where two would then be called the same, all with them.

    >>> names([Path("a.jpg"), Path("b.png")]), names([Path("a.jpg"), Path("A.png"), Path("b.png")])
    (['a', 'b'], ['a.jpg', 'A.png', 'b.png'])
    """
    stems = {file.stem.lower() for file in files}  # some disks know no difference between A and a
    return [file.stem if len(stems) == len(files) else file.name for file in files]


def toml(file: Path) -> dict:
    """What a TOML file says.

    Raises:
        ValueError: it is damaged; the message names the file, and the place in it where there is one.
        FileNotFoundError: it is not there.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # no TOML, or no text at all
        raise ValueError(f"{file} cannot be read ({error}). Mend that line, or restore the file from git.") from None


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all: fill the temporary one beside it; it takes the name when the block ends well.

    >>> with whole(Path("numbers.txt")) as temporary:  # doctest: +SKIP
    ...     temporary.write_text("1 2 3")
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
