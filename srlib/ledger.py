"""The results ledger: one line of JSON for each measurement, dated, with all that is needed to make it again.

``data/results/ledger.jsonl`` is the only place from which a chapter quotes numbers it did not just compute.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import torch
from filelock import FileLock

from srlib import __version__, paths

#: What every row must have; the rest is optional.
REQUIRED = ("model", "dataset", "scale", "protocol", "psnr", "ssim", "date")


def file() -> Path:
    """Where the ledger lies."""
    return paths.data() / "results" / "ledger.jsonl"


def rows(path: Path | None = None, **wanted) -> list[dict]:
    """The rows whose fields equal ``wanted``, oldest first.

    Raises:
        ValueError: a line that is not a row; the message names it.

    >>> rows(model="no such network")
    []
    """
    path = path or file()
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if not line.strip():  # an editor left it
            continue
        try:
            row = json.loads(line)
            missing = [k for k in REQUIRED if k not in row]
        except (json.JSONDecodeError, TypeError):
            raise ValueError(f"{path}, line {number}, is not JSON. Restore the file from git.") from None
        if missing:
            raise ValueError(f"{path}, line {number}, lacks {', '.join(missing)}. Measure again: srlib benchmark.")
        found.append(row)
    return [row for row in found if all(row.get(k) == v for k, v in wanted.items())]


def latest(**wanted) -> dict | None:
    """The newest row with these fields, or None."""
    found = rows(**wanted)
    return found[-1] if found else None


def append(new: Iterable[dict], path: Path | None = None) -> Path:
    """Add rows, replacing older ones of the same measurement (model, weights, dataset, scale, protocol).

    Raises:
        ValueError: a row that lacks a field or holds a number JSON cannot (NaN, infinity).
    """
    path, new = path or file(), list(new)
    for row in new:
        missing = [k for k in REQUIRED if k not in row]
        if missing:
            raise ValueError(f"A ledger row needs {', '.join(missing)}.")
        if not (math.isfinite(row["psnr"]) and math.isfinite(row["ssim"])):
            raise ValueError(f"psnr={row['psnr']}, ssim={row['ssim']} of {row['model']} cannot stand in the ledger.")
    measured = {_measurement(row) for row in new}
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):  # another process may be reading, to write, too
        kept = [row for row in rows(path) if _measurement(row) not in measured]
        lines = [json.dumps(row, sort_keys=True, allow_nan=False) for row in [*kept, *new]]
        return _write(path, "\n".join(lines) + "\n")


def _measurement(row: dict) -> tuple:
    return tuple(row.get(k) for k in ("model", "weights", "dataset", "scale", "protocol"))


def report(chapter: str, **results) -> Path | None:
    """Write a chapter's results as ``<chapter>.json`` into ``$SRLIB_RESULTS``, for the test that judges them.

    Without that variable nothing is written: a learner's run leaves no files behind.
    """
    folder = os.environ.get("SRLIB_RESULTS")
    if not folder:
        return None
    return _write(Path(folder) / f"{chapter}.json", json.dumps({"chapter": chapter, **results}, indent=1) + "\n")


def provenance() -> dict:
    """Date, machine, versions and commit, to stand beside a measurement."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs"
        + (f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""),
        "torch": torch.__version__,
        "srlib": __version__,
        "commit": commit(),
    }


def commit() -> str:
    """The checkout's commit, with "+" if files differ from it; "" outside a checkout."""
    try:
        command = ["git", "describe", "--always", "--dirty=+", "--abbrev=10"]
        answer = subprocess.run(command, cwd=paths.data(), capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _write(path: Path, text: str) -> Path:
    with paths.whole(path) as temporary:
        temporary.write_text(text)
    return path
