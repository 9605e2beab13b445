"""Make the course's virtual environment, whole: what an earlier, interrupted run left half done is made again.

tools/setup.sh finds a Python and runs this with it, only when something has to be installed:

    python tools/install.py VENV
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAMP = ".course-installed"  # in the environment, once all is in it: what was installed, and for which folder
HALF = ".course-half-made"  # in the environment while it is being made
EVERY = 10  # seconds between two signs of life
AGAIN = "Run the same command again: what has arrived is kept."


def wanted():
    """What the stamp must hold; tools/setup.sh computes the same, to be quick when nothing changed."""
    files = (ROOT / name for name in ("pyproject.toml", "constraints.txt"))
    return f"{ROOT}\n{''.join(file.read_text(encoding='utf-8') for file in files)}"


def locked(venv):
    """A lock that lasts as long as this process and the pip it started, however they end."""
    lock = open(venv.with_name(f"{venv.name}.lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Another set-up is at work on {venv}: waiting for it.", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def works(venv):
    """Was the environment made to its end, by a Python that still runs, and does its pip work?"""
    if (venv / HALF).exists() or not (venv / "pyvenv.cfg").exists():
        return False
    python = venv / "bin" / "python"
    for question in (["-c", "import sys; sys.exit(sys.version_info < (3, 11))"], ["-m", "pip", "--version"]):
        try:
            subprocess.run([python, *question], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


def make(venv, lock):
    """A fresh environment in the place of whatever is there, unless that is something else."""
    ours = not venv.exists() or any((venv / name).exists() for name in ("pyvenv.cfg", HALF, "bin/python"))
    if not ours and venv != ROOT / ".venv" and any(venv.iterdir()):
        sys.exit(f"{venv} is no virtual environment and is not empty. Name another folder: make setup VENV=.venv")
    print(f"Making {venv} with Python {sys.version.split()[0]}.", flush=True)
    if venv.exists():
        venv.joinpath(HALF).touch()
        for python in venv.glob("bin/python*"):  # first, so that what a killed removal leaves never works
            python.unlink()
        shutil.rmtree(venv)
    venv.mkdir(parents=True)
    venv.joinpath(HALF).touch()
    command = [sys.executable, "-m", "venv", venv]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, pass_fds=[lock.fileno()])
    if done.returncode:  # not at once: of a Ctrl-C, which reaches both, it would tell where in its code it was
        sys.stderr.write(done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)
    venv.joinpath(HALF).unlink()


def sweep(venv):
    """Remove what a killed pip left: a package that is there in part, but by its name counts as installed.

    pip writes RECORD last; and it renames what it is about to replace to ``~ame``.
    """
    for site in venv.glob("lib/python3*/site-packages"):
        for broken in [d for d in site.glob("*.dist-info") if not (d / "RECORD").exists()] + list(site.glob("~*")):
            shutil.rmtree(broken) if broken.is_dir() else broken.unlink()


class Progress:
    """Reads what pip prints, and says now and then how far it is."""

    def __init__(self, venv):
        self.venv, self.known, self.fetched, self.now, self.unpacking = venv, 0, 0, "", False

    def read(self, lines):
        for line in map(str.strip, lines):
            found = re.match(r"(?:Downloading|Using cached) (\S+)(?<!\.metadata) (\(.*\))", line)
            if line.startswith("Collecting "):
                self.known += 1
            elif found:
                self.fetched += 1
                self.now = f"{found[1].rpartition('/')[2].partition('-')[0]} {found[2]}"
            elif line.startswith("Installing collected packages"):
                self.unpacking = True

    def __str__(self):
        if self.unpacking:
            there = sum(1 for _ in self.venv.glob("lib/python3*/site-packages/*.dist-info"))
            return f"unpacking, {there} packages are in place"
        if self.fetched:
            return f"fetching, {self.fetched} packages so far, at {self.now}"
        return f"looking up versions, {self.known} packages so far"


def pip(venv, lock, *arguments):
    """``pip install``, with a line every ten seconds; says no more than that as long as all goes well."""
    index = os.environ.get("TORCH_INDEX")
    command = [venv / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["-c", "constraints.txt", *(["--extra-index-url", index] if index else []), *arguments]
    began, progress = time.monotonic(), Progress(venv)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, pass_fds=[lock.fileno()])
    threading.Thread(target=progress.read, args=(process.stdout,), daemon=True).start()
    while True:
        try:
            code = process.wait(timeout=EVERY)
            break
        except subprocess.TimeoutExpired:
            print(f"  {time.monotonic() - began:3.0f} s: {progress}", flush=True)
    if code:
        raise subprocess.CalledProcessError(code, command)


def install(venv, lock):
    """The build tools, then the course with all it needs, then what only the tests compare with."""
    for title, arguments in (
        # The build tools go in first, so that the editable install needs no network of its own.
        ("1 of 3: build tools", ("hatchling", "editables")),
        ("2 of 3: the course and its packages", ("--no-build-isolation", "-e", ".[lab,book,test]")),
        # It asks for torchvision, and the tests do not.
        ("3 of 3: networks to compare with", ("--no-deps", "spandrel")),
    ):
        print(title, flush=True)
        pip(venv, lock, *arguments)


def main(argv):
    venv = Path(os.path.abspath(argv[0]))
    venv.parent.mkdir(parents=True, exist_ok=True)
    try:
        with locked(venv) as lock:
            stamp = venv / STAMP
            whole = works(venv)
            if whole and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted():
                return 0  # the other set-up did it
            if not whole:
                make(venv, lock)
            stamp.unlink(missing_ok=True)
            sweep(venv)
            print(
                f"Installing the course's packages into {venv}: once, about 2.1 GB on the disk and a few minutes "
                "(several GB more on Linux where torch comes with CUDA).",
                flush=True,
            )
            install(venv, lock)
            stamp.write_text(wanted(), encoding="utf-8")
    except subprocess.CalledProcessError:
        reason = "the reason stands above; most often the network"
        print(f"The packages could not all be installed ({reason}). {AGAIN}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The set-up stopped: {error}. {AGAIN}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped. {AGAIN}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
