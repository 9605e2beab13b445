"""Fetch a file and unpack it: resumed where it broke off, checked before it is believed, whole or not at all."""

from __future__ import annotations

import errno
import fnmatch
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import pooch
import requests
import urllib3
from tqdm import tqdm

CHUNK = 1 << 16  # what a broken connection can lose at most
TIMEOUT = 30  # seconds without a byte


class DownloadError(RuntimeError):
    """A file that could not be fetched, verified or unpacked; the message says what to do."""


def fetch(urls: list[str], folder: Path, hash: str | None, progress: bool = True) -> Path:
    """Download the first address that answers into ``folder`` and verify it.

    A broken download stays as ``<name>.part`` and is continued by the next call, if the server says that the file is
    still the same. If no hash is on record the
    hash seen the first time is pinned in ``<name>.hash`` and demanded from then on.

    Args:
        urls: addresses of the same file, the best first.
        folder: where to put it (made if missing).
        hash: "sha256:..." or "md5:...", or None if none is recorded anywhere.

    Raises:
        DownloadError: no address answered, the hash is wrong, or the disk is full.
    """
    name = PurePosixPath(urls[0].split("?")[0]).name
    pin = _pin(folder / name)
    if hash is None and pin.exists():
        hash = pin.read_text().strip()
    problems = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for url in urls:
            try:
                resume = _Resume(folder / f"{name}.part", progress, hash is not None)
                path = Path(pooch.retrieve(url, hash, fname=name, path=folder, downloader=resume))
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                problems.append(f"{url}: {type(error).__name__}")
            except ValueError as error:
                if "hash" not in str(error).lower():
                    raise
                problems.append(f"{url}: its {hash.split(':')[0]} is not the one on record, so it was thrown away")
            else:
                if hash is None:
                    hash = "sha256:" + pooch.file_hash(str(path), alg="sha256")
                    pin.write_text(hash + "\n")
                    print(f"No hash of {name} is on record anywhere; pinned what came: {hash}")
                return path
    except OSError as error:
        raise _disk_error(error, folder) from None
    raise DownloadError(
        f"{name} could not be downloaded ({'; '.join(problems)}). Check the network and run the same command "
        "again: it continues where it stopped."
    )


class _Resume:
    """A pooch downloader that keeps what it has in ``part`` and asks the server only for the rest."""

    def __init__(self, part: Path, progress: bool, checked: bool) -> None:
        self.part, self.progress, self.checked = part, progress, checked  # checked: a hash is on record
        self.tag = part.with_name(f"{part.name}.tag")  # the edition of the file that the part is of

    def __call__(self, url: str, output_file: str | os.PathLike, pooch_: object) -> None:
        tag = self.tag.read_text() if self.tag.exists() else ""
        have = self.part.stat().st_size if self.part.exists() and (self.checked or tag) else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        if have and tag:  # the rest, if the file is still the one that this is the beginning of; else all of it
            headers["If-Range"] = tag
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416:  # nothing left to send: we have it all, or the file changed
                have = self._restart_if_odd(answer, have)
                if not have:
                    return self(url, output_file, pooch_)
            else:
                answer.raise_for_status()
                if answer.status_code != 206:
                    have = 0  # the server does not resume, or the file has changed: start over
                    self._note(answer)
                self._receive(answer, have)
        shutil.move(self.part, output_file)
        self.tag.unlink(missing_ok=True)

    def _note(self, answer: requests.Response) -> None:
        """Keep what identifies this edition of the file, if the server says it; without, nothing is resumed."""
        etag = answer.headers.get("ETag", "")
        edition = answer.headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag
        if edition:
            self.tag.write_text(edition)
        else:
            self.tag.unlink(missing_ok=True)

    def _restart_if_odd(self, answer: requests.Response, have: int) -> int:
        if answer.headers.get("Content-Range", "").rpartition("/")[2] == str(have):
            return have
        self.part.unlink()
        return 0

    def _receive(self, answer: requests.Response, have: int) -> None:
        rest = int(answer.headers.get("Content-Length", 0))
        bar = tqdm(total=have + rest or None, initial=have, unit="B", unit_scale=True, disable=not self.progress)
        with open(self.part, "ab" if have else "wb") as file, bar:
            # raw: iter_content would keep back a broken chunk, and unpack a .tgz that the server calls gzip-encoded
            for chunk in answer.raw.stream(CHUNK, decode_content=False):
                file.write(chunk)
                bar.update(len(chunk))
            got = file.tell() - have
        if rest and got < rest:
            raise requests.ConnectionError(f"{got} of {rest} bytes came")


def unpack(archive: Path, pattern: str, folder: Path) -> int:
    """Take the files that match ``pattern`` out of a zip or tar into ``folder``, flat; returns how many.

    A new folder appears whole or not at all; in an old one, files of the same name are replaced and others stay.
    An archive with a name that points outside is refused entirely.

    Raises:
        DownloadError: not an archive, damaged, hostile, nothing matched, or the disk is full.
    """
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        for member, source in _members(archive, pattern, folder):
            with source, open(temporary / member.name, "wb") as target:
                shutil.copyfileobj(source, target, CHUNK)
        count = len(list(temporary.iterdir()))
        if not count:
            raise DownloadError(f"{archive.name} holds no file like {pattern}. It may be another edition of the set.")
        temporary.chmod(0o755)
        if folder.is_dir():
            for file in temporary.iterdir():
                os.replace(file, folder / file.name)
        else:
            os.replace(temporary, folder)
        return count
    except DownloadError:
        raise
    except Exception as error:  # damaged archives raise many kinds; only the system's own errors have a number
        if isinstance(error, OSError) and error.errno is not None:
            raise _disk_error(error, folder) from None
        _forget(archive)
        raise DownloadError(f"{archive} is damaged ({error}). Delete it and fetch again.") from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _members(archive: Path, pattern: str, folder: Path) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    """The regular files of an archive that match, after all its names were found harmless."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            entries = [e for e in file.infolist() if not e.is_dir()]
            wanted = _choose(archive, [(e.filename, e.file_size, e) for e in entries], pattern, folder)
            yield from ((PurePosixPath(e.filename), file.open(e)) for e in wanted)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as file:
            entries = [e for e in file.getmembers() if not e.isdir()]
            wanted = _choose(archive, [(e.name, e.size, e) for e in entries], pattern, folder)
            yield from ((PurePosixPath(e.name), file.extractfile(e)) for e in wanted if e.isfile())
    else:
        _forget(archive)
        raise DownloadError(f"{archive} is neither a zip nor a tar archive. Delete it and fetch again.")


def _forget(archive: Path) -> None:
    """Take back the hash that was pinned when this came: a network's login page must not stand for the set."""
    _pin(archive).unlink(missing_ok=True)


def _pin(file: Path) -> Path:
    """Where the hash lies that was seen the first time."""
    return file.with_name(f"{file.name}.hash")


def _choose(archive: Path, entries: list[tuple[str, int, object]], pattern: str, folder: Path) -> list[object]:
    for name, _, _ in entries:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name or ":" in name:
            raise DownloadError(f"{archive.name} holds a file named {name!r}, which points outside: not unpacked.")
    wanted = [(size, entry) for name, size, entry in entries if fnmatch.fnmatchcase(name, pattern)]
    needed, free = sum(size for size, _ in wanted), shutil.disk_usage(folder.parent).free
    if needed > free:
        raise DownloadError(f"Unpacking needs {needed / 1e9:.2f} GB but {folder.parent} has {free / 1e9:.2f} GB free.")
    return [entry for _, entry in wanted]


def _disk_error(error: OSError, folder: Path) -> DownloadError:
    if error.errno == errno.ENOSPC:
        return DownloadError(f"The disk of {folder} is full. Free some space and run the same command again.")
    return DownloadError(f"{folder} cannot be written ({error}). Choose another folder with SRLIB_CACHE.")
