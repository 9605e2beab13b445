"""Open the course in JupyterLab, on the learner's own copies of the notebooks.

    python tools/lab.py [--no-start] [--work FOLDER] [JupyterLab's own options: --port 8890, --no-browser, ...]

The copies (of all notebooks, and of the pages that are plain text) live in work/, which git ignores. A copy that was
never edited follows the course when the course changes; an edited one is never touched, and the newer version is put
beside it. To start a chapter over, delete or rename the copy and run this again.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
STATE = ".course.json"  # in the work folder: what each copy looked like when it was handed out
SETTINGS = ROOT / "tools" / "jupyter"  # JupyterLab's settings for this server only


def fingerprint(content):
    """sha256 of what a learner can edit: every cell, its outputs included.

    JupyterLab may rewrite a notebook's header on opening it; that alone is no edit. A file that cannot be read as a
    notebook (half written, or not a notebook) is taken byte by byte.
    """
    try:
        cells = json.loads(content)["cells"]
        for cell in cells:
            cell["source"] = "".join(cell["source"])
        content = json.dumps(cells, sort_keys=True).encode()
    except (ValueError, TypeError, KeyError):
        pass
    return hashlib.sha256(content).hexdigest()


def as_here(content):
    """A notebook as this Python's kernel would describe its language.

    JupyterLab writes that description into every notebook it opens, the version of Python included; where another one
    stood, the notebook counts as changed the moment it is opened. A header without a language is left alone.
    """
    from ipykernel.ipkernel import IPythonKernel

    nb = json.loads(content)
    if "language_info" not in nb["metadata"]:
        return content
    nb["metadata"]["language_info"] = IPythonKernel.language_info
    return (json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def put(path, content):
    """Write beside, then rename: an interruption leaves the old file or the new one, never half of one."""
    beside = path.with_name(f".{path.name}.course-tmp")
    beside.write_bytes(content)
    os.replace(beside, path)


def update(work, book=BOOK):
    """Bring the copies in `work` up to date with `book`; return one sentence for each thing worth telling."""
    work.mkdir(parents=True, exist_ok=True)
    for left_over in work.glob(".*.course-tmp"):
        left_over.unlink()
    handed_out = read_state(work)
    said = []
    for source in sorted(book.glob("[0-9][0-9]_*.ipynb")):
        said += take_over(work, source.name, handed_out)
    for source in sorted([*book.glob("[!.]*.ipynb"), *book.glob("[!.]*.md")]):
        content = source.read_bytes()
        newest = fingerprint(content)
        for copy in places(work, source.name):
            now = fingerprint(copy.read_bytes()) if copy.exists() else None
            if now == newest:
                break
            if now is None and copy.name != source.name and newest == handed_out.get(copy.name):
                break  # this very version was put beside once, and thrown away
            if now is None or now == handed_out.get(copy.name):  # absent, or never edited
                put(copy, as_here(content) if copy.suffix == ".ipynb" else content)
                if copy.suffix == ".ipynb":
                    sign(copy)
                if copy.name != source.name:
                    said.append(f"{source.name} stays as you edited it; the newer version is beside it: {copy.name}")
                elif now is not None:
                    said.append(f"{source.name} was updated to the newer version of the course.")
                break
            if newest == handed_out.get(copy.name):  # edited, and the course has nothing newer
                break
        handed_out[copy.name] = newest
    put(work / STATE, json.dumps(handed_out, indent=1, sort_keys=True).encode())
    return said


def take_over(work, name, handed_out):
    """Copies from before the chapters had numbers (srcnn.ipynb) take today's name (21_srcnn.ipynb)."""
    old, new = work / name[3:], work / name
    if not old.exists() or new.exists():
        return []
    os.replace(old, new)
    if old.name in handed_out:
        handed_out[new.name] = handed_out.pop(old.name)
    return [f"{old.name} is called {new.name} now."]


def places(work, name):
    """Where a version of the course may be put: the copy itself, then names beside it."""
    path = work / name
    yield path
    yield path.with_stem(f"{path.stem}-newer")
    number = 2
    while True:
        yield path.with_stem(f"{path.stem}-newer-{number}")
        number += 1


def read_state(work):
    """What was handed out. Without a readable record every differing copy counts as edited, so nothing is lost."""
    try:
        state = json.loads((work / STATE).read_bytes())
        return state if isinstance(state, dict) else {}
    except (OSError, ValueError):
        return {}


def sign(path):
    """Let JupyterLab show the stored outputs of a fresh copy; it hides the HTML of notebooks nobody vouches for."""
    import nbformat
    from nbformat.sign import NotebookNotary

    try:
        NotebookNotary().sign(nbformat.read(path, as_version=4))
    except Exception as error:  # a read-only home folder, say: the course works, its stored figures look plainer
        print(f"{path.name} could not be signed ({error}): run its cells to see the figures.", file=sys.stderr)


def start(work, options):
    """Turn into JupyterLab, opened on the welcome page."""
    environment = dict(os.environ)
    settings = [str(SETTINGS), environment.get("JUPYTER_CONFIG_PATH", "")]
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, settings))
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={work}"]
    command += ["--LabApp.default_url=/lab/tree/00_index.ipynb", "--LabApp.extension_manager=readonly"]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in options:
        command.append("--allow-root")  # a container, most likely; JupyterLab would refuse to start
    command += options
    if os.name == "posix":
        os.execve(command[0], command, environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Windows: Ctrl-C is JupyterLab's to handle
    return subprocess.call(command, env=environment)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-start", action="store_true", help="bring the copies up to date, and stop there")
    parser.add_argument("--work", type=Path, default=ROOT / "work", help="folder of your copies (default: work/)")
    args, options = parser.parse_known_args(argv)
    try:
        said = update(args.work.resolve())
    except OSError as error:
        sys.exit(f"Your copies could not be prepared: {error}. Free or choose another folder with --work FOLDER.")
    for sentence in said:
        print(sentence)
    if args.no_start:
        print(f"Your copies are in {args.work}.")
        return 0
    return start(args.work.resolve(), options)


if __name__ == "__main__":
    sys.exit(main())
