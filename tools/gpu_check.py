"""Does the course work on this GPU, and how fast? One command of at most 8 minutes, for whoever has one.

    python tools/gpu_check.py [--minutes 8] [--device auto|cuda|mps|cpu] [--out DIR] [--install] [--quick]

It needs a copy of this folder and a Python with torch; ``--install`` asks pip for what else the course needs. Photos
come with the packages; ``data/photos.zip`` is used if it was made (``make pack``).

What is tried stands in ``tools/gpu_parts.py``, most telling first. Each part runs in a process of its own with a time
limit, so that one that hangs costs only itself. What was found is written after every line of it, so that a check that
is killed keeps what it had: ``gpu_check.json``, and ``gpu_check.md`` for people. Exit code 1: something failed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import tomllib
import zipfile
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "tools" / "gpu_parts.py"
MARK = "GPU_CHECK "  # begins a line that a part prints for us
EXTRAS = ("nbformat", "nbclient", "papermill", "ipykernel")  # what the chapters need beside the course's own packages

#: part -> the most seconds it may take, of 8 minutes; the chapters get all that is left
PARTS = {
    "environment": 40,
    "networks": 75,
    "recipes": 60,
    "speed": 75,
    "resume": 40,
    "resume_exactly": 40,
    "upscale": 50,
    "benchmark": 50,
    "memory": 30,
    "chapters": 480,
}
LEAST = 5  # seconds without which a part is not begun


class Results:
    """What was found so far, on the disk after every line."""

    def __init__(self, folder: Path, about: dict) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.about, self.rows = folder, about, []
        self.write()

    def add(self, part: str, what: str, result: str, ok: bool | None, **more) -> None:
        """One line: ``ok`` is None for what was measured or skipped, and can be neither right nor wrong."""
        self.rows.append({"part": part, "what": what, "result": result, "ok": ok, **more})
        print(f"{verdict(ok):<7}{part:<15}{what:<32}{result}", flush=True)
        self.write()

    def write(self) -> None:
        """Both files, each whole or not at all."""
        whole(self.folder / "gpu_check.json", json.dumps({**self.about, "rows": self.rows}, indent=1) + "\n")
        lines = [f"# GPU check: {self.about['command']}", "", "| | part | what | result |", "| --- | --- | --- | --- |"]
        for row in self.rows:
            cells = [verdict(row["ok"]), row["part"], row["what"], row["result"]]
            lines.append(f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' ') for cell in cells)} |")
        whole(self.folder / "gpu_check.md", "\n".join(lines) + "\n")


def verdict(ok: bool | None) -> str:
    return {True: "ok", False: "FAILED", None: ""}[ok]


def whole(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def missing(names: list[str]) -> list[str]:
    """Those packages that are not installed, with the versions that are wanted."""
    lacking = []
    for wanted in names:
        name = next((wanted[:i] for i, c in enumerate(wanted) if c in " <>=!~;["), wanted)
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            lacking.append(wanted)
    return lacking


def needed() -> list[str]:
    """The course's packages, and those with which a chapter is run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [w for w in project["optional-dependencies"]["test"] if w.startswith(EXTRAS)]
    return [*project["dependencies"], *wanted]


def run_part(name: str, options: list[str], seconds: float, results: Results) -> None:
    """A part in a process of its own; its lines become rows as they come."""
    command = [sys.executable, str(SCRIPT), name, "--seconds", f"{seconds:.0f}", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    began, log = time.monotonic(), results.folder / f"{name}.log"
    with open(log, "w", encoding="utf-8") as errors:
        child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=ROOT, start_new_session=True
        )
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=lambda: [*map(lines.put, child.stdout), lines.put(None)], daemon=True).start()
        in_time = True
        try:
            while True:
                line = lines.get(timeout=max(0.1, began + seconds - time.monotonic()))
                if line is None:
                    child.wait(timeout=10)
                    break
                if line.startswith(MARK):
                    row = json.loads(line[len(MARK) :])
                    results.add(name, row.pop("what"), row.pop("result"), row.pop("ok"), **row)
        except (queue.Empty, subprocess.TimeoutExpired):
            in_time = False
        finally:
            end(child)
    if not in_time:
        took = f"{time.monotonic() - began:.0f} s"
        results.add(name, "the whole part", f"stopped after {took}; what it said is in {log.name}", False)
    elif child.returncode:
        said = log.read_text(encoding="utf-8").strip().splitlines()
        results.add(name, "the whole part", f"{said[-1] if said else 'no word'} (exit code {child.returncode})", False)


def end(child: subprocess.Popen) -> None:
    """Stop what is still at work of a part: its process, and those that it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    elif child.poll() is None:
        child.kill()
    child.wait()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8, help="for everything together (default: 8)")
    parser.add_argument("--device", default="auto", help="auto (a GPU, or else an error), cuda, mps or cpu")
    parser.add_argument("--out", type=Path, help="folder for the results (default: $OUT, or _build/gpu_check)")
    parser.add_argument("--install", action="store_true", help="install the packages that are missing, with pip")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to try this program, not a GPU")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="only these")
    options = parser.parse_args(argv)
    deadline = time.monotonic() + 60 * options.minutes
    folder = (options.out or Path(os.environ.get("OUT") or ROOT / "_build" / "gpu_check")).resolve()
    if options.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # chapters take a GPU by themselves where they find one
    command = " ".join(["gpu_check.py", *(sys.argv[1:] if argv is None else argv)])
    results = Results(folder, {"command": command, "began": time.strftime("%Y-%m-%d %H:%M")})
    lacking = missing(needed())
    if lacking and options.install:
        done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", *lacking], capture_output=True, text=True)
        results.add("packages", "pip install", (done.stderr.strip() or "done").splitlines()[-1], not done.returncode)
        lacking = missing(needed())
    if lacking:
        results.add("packages", "missing", f"{' '.join(lacking)} (--install asks pip for them)", None)
    if (packed := ROOT / "data" / "photos.zip").exists() and "SRLIB_PHOTOS" not in os.environ:
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder / "photos")
        os.environ["SRLIB_PHOTOS"] = str(folder / "photos")
    passed_on = ["--device", options.device, "--out", str(folder), *(["--quick"] if options.quick else [])]
    for name in options.parts:
        seconds = min(PARTS[name] * max(options.minutes / 8, 0.1), deadline - time.monotonic())
        if seconds < LEAST:
            results.add(name, "the whole part", "no time was left", None)
            continue
        run_part(name, passed_on, seconds, results)
        if name == "environment" and any(row["ok"] is False for row in results.rows):
            break  # no GPU, or none that computes
    failed = sum(row["ok"] is False for row in results.rows)
    print(f"{failed} of {len(results.rows)} lines failed. Everything is in {folder / 'gpu_check.md'}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
