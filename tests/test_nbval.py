"""The cells tagged `nbval-check-output` still print what is stored, at a tier other than the stored run's."""

import copy
import os
import re
import subprocess
import sys

import nbformat
import pytest
from conftest import load_tool

pytestmark = pytest.mark.notebooks

tool = load_tool("notebooks")
CHAPTERS = {tool.called(path): path for path in tool.notebooks() if tool.is_chapter(path)}


def nbval(root, *what):
    """Run nbval in a pytest of its own; return its exit code and what it printed."""
    environment = os.environ | {"SRLIB_TIER": "smoke", "SRLIB_LIVE": "0", "OMP_NUM_THREADS": "1"}
    environment.pop("SRLIB_RESULTS", None)
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=600", "-p", "no:cacheprovider", "-q"]
    command = [sys.executable, "-m", "pytest", *options, *map(str, what)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_stored_outputs_still_hold(root):
    code, said = nbval(root, "-n", "2", "--dist", "loadscope", *tool.notebooks())
    print(said[-600:])
    assert code == 0, said[-8000:]


def altered(nb):
    """A copy of a chapter up to its first checked number, with one digit of that changed."""
    nb = copy.deepcopy(nb)
    last, output = next(
        (number, output)
        for number, cell in enumerate(nb.cells)
        if "nbval-check-output" in cell.metadata.get("tags", [])
        for output in cell.outputs
        if re.search(r"\d", output.get("text", ""))
    )
    output["text"] = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), output["text"], count=1)
    nb.cells = nb.cells[: last + 1]
    return nb


SOME = sorted(CHAPTERS)[::6]  # the rest wait for make test-slow: a kernel for each takes its seconds


@pytest.mark.parametrize("names", [SOME, pytest.param(sorted({*CHAPTERS} - {*SOME}), marks=pytest.mark.slow)])
def test_one_altered_digit_is_noticed(root, names):
    """In each chapter, and nothing else is: the test above would fail for all the rest."""
    copies = {name: root / "book" / f".{name}-altered.ipynb" for name in names}  # cells expect to run in book/
    try:
        for name, path in copies.items():
            nbformat.write(altered(nbformat.read(CHAPTERS[name], as_version=4)), path)
        code, said = nbval(root, "-n", "2", "--dist", "loadscope", "-rf", *copies.values())
    finally:
        for beside in copies.values():
            beside.unlink(missing_ok=True)
    assert code == 1, said[-4000:]
    failed = re.findall(r"^FAILED .*?\.(\w+)-altered\.ipynb", said, flags=re.M)
    assert sorted(failed) == sorted(names), said[-4000:]
