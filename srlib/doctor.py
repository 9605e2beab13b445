"""What machine is this, what of the course is here, what is missing, and which command fixes it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from srlib import datasets, ledger, paths, weights

LAB = ("jupyterlab", "ipykernel", "jupyterlab-myst")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report; ``fix`` is the command that mends it, empty if nothing needs mending."""

    topic: str
    text: str
    fix: str = ""
    serious: bool = False  #: does the course not work without it?


def examine() -> list[Finding]:
    """Look at machine, packages, photos and weights; changes nothing."""
    return [*_machine(), *_packages(), *_photos(), *_weights(), *_ledger()]


def _machine() -> list[Finding]:
    memory = _memory_gib()
    found = [
        Finding("machine", f"{platform.system()} on {platform.machine()}, Python {platform.python_version()}"),
        Finding("cores", f"{os.cpu_count()} CPU cores, torch uses {torch.get_num_threads()} threads"),
    ]
    if memory:
        low = memory < 4
        fix = "close other programs, or set SRLIB_TIER=smoke" if low else ""
        found.append(Finding("memory", f"{memory:.0f} GiB{', which is little' if low else ''}", fix))
    if torch.cuda.is_available():
        device = torch.cuda.get_device_properties(0)
        found.append(Finding("GPU", f"{device.name}, {device.total_memory / 2**30:.0f} GiB: trainings will use it"))
    else:
        found.append(Finding("GPU", "none that torch can use; every chapter also trains on the CPU"))
    found.append(Finding("torch", torch.__version__))
    room = shutil.disk_usage(_existing(paths.cache())).free / 2**30
    closed = not os.access(_existing(paths.cache()), os.W_OK)
    fix = "free some space, or choose another folder with SRLIB_CACHE" if room < 1 or closed else ""
    text = f"{room:.0f} GiB free for downloads and trainings in {paths.cache()}"
    found.append(Finding("disk", f"{text}{', which you may not write' if closed else ''}", fix, closed))
    return found


def _packages() -> list[Finding]:
    found, install = [], "pip install -c constraints.txt -e ."
    if not (needed := _needed()):
        found.append(Finding("packages", "srlib is not installed, so what it needs is not known", install, True))
    for names, topic, fix, serious in (
        (needed, "packages", install, True),
        (LAB, "JupyterLab", 'pip install -c constraints.txt -e ".[lab]"', False),
    ):
        missing = [n for n in names if not _installed(n)]
        if missing:
            found.append(Finding(topic, f"missing: {', '.join(missing)}", fix, serious))
        elif names:
            found.append(Finding(topic, ", ".join(f"{n} {importlib.metadata.version(n)}" for n in names)))
    return found


def _photos() -> list[Finding]:
    found = []
    try:
        found.append(Finding("photos", f"bundled: {len([f for _, f in _bundled()])} photos, no network needed"))
    except datasets.MissingData as error:
        found.append(Finding("photos", str(error), "pip install -c constraints.txt -e .", True))
    try:
        known = datasets.manifest()
    except ValueError as error:
        return [*found, Finding("photos", str(error), "git checkout -- data/datasets.toml", True)]
    have = {name: datasets.present(name) for name in known}
    found += [
        Finding("photos", f"{name}: only {count} of {known[name]['count']} photos", f"srlib fetch {name}")
        for name, count in have.items()
        if 0 < count < known[name]["count"]
    ]
    here = [name for name, count in have.items() if count >= known[name]["count"]]
    away = [name for name, count in have.items() if not count]
    parts = [f"here: {', '.join(here)}" if here else "", f"not here: {', '.join(away)}" if away else ""]
    text = f"optional sets {'; '.join(filter(None, parts))}"
    return [*found, Finding("photos", text, f"srlib fetch {' '.join(away)}" if away else "")]


def _bundled() -> list[tuple[str, Path]]:
    files = []
    for name in datasets.BUNDLED:
        file = datasets._bundled_file(name)
        if not file.exists():
            raise datasets.MissingData(f"The bundled photo {name} should be at {file}, but is not.")
        files.append((name, file))
    return files


def _weights() -> list[Finding]:
    found, whole = [], {}
    for name, scale in weights.available():
        try:
            weights.read(name, scale)  # whole is enough: to build every network takes many times as long
        except weights.WeightsError as error:
            found.append(Finding("weights", str(error), f"git checkout -- data/weights/{name}_x{scale}.*", True))
        else:
            whole.setdefault(name, []).append(f"x{scale}")
    if whole:
        found.append(Finding("weights", ", ".join(f"{name} {' '.join(scales)}" for name, scales in whole.items())))
    return found or [Finding("weights", "none, though the course ships some", "git checkout -- data/weights", True)]


def _ledger() -> list[Finding]:
    try:
        rows = ledger.rows()
    except ValueError as error:
        return [Finding("ledger", str(error), "git checkout -- data/results", True)]
    return [Finding("ledger", f"{len(rows)} measurements", "" if rows else "git checkout -- data/results", not rows)]


def _needed() -> list[str]:
    """The packages that srlib asks for in any case, as its own metadata list them."""
    try:
        wanted = importlib.metadata.requires("srlib") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [re.match(r"[\w.-]+", line)[0] for line in wanted if "extra ==" not in line]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _existing(path: Path) -> Path:
    """The path itself, or its nearest parent that exists."""
    while not path.exists() and path != path.parent:  # a Windows drive that is not there is its own parent
        path = path.parent
    return path if path.exists() else Path.cwd()


def _memory_gib() -> float | None:
    """Physical memory, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return None
