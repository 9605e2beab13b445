"""Set-ups that were interrupted at any moment: the next one mends them. A small tree with packages of its own stands
for the course, so that none of this needs a network."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="make is not used on Windows")

#: How the small tree is built: pip asks this instead of hatchling.
BACKEND = """
import pathlib, zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    about, extras = "srlib-1.0.dist-info/", "".join(f"Provides-Extra: {name}\\n" for name in ("lab", "book", "test"))
    with zipfile.ZipFile(pathlib.Path(folder) / "srlib-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("srlib_here.py", "here = True")
        wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: srlib\\nVersion: 1.0\\n" + extras)
        wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(about + "RECORD", "")
    return "srlib-1.0-py3-none-any.whl"
build_wheel = build_editable
"""


def wheel(folder, name):
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as made:
        made.writestr(f"{name}/__init__.py", "")
        made.writestr(f"{name}/inside.py", "whole = True")
        about = f"{name}-1.0.dist-info/"
        made.writestr(about + "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        made.writestr(about + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(about + "RECORD", "")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A course in small, in a folder with a space in its name."""
    tree, wheels = tmp_path / "a course", tmp_path / "wheels"
    (tree / "tools").mkdir(parents=True)
    wheels.mkdir()
    for name in ("setup.sh", "install.py"):
        shutil.copy(ROOT / "tools" / name, tree / "tools" / name)
    shutil.copy(ROOT / "Makefile", tree / "Makefile")
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (tree / "backend.py").write_text(BACKEND)
    (tree / "constraints.txt").write_text("")
    for name in ("hatchling", "editables", "spandrel"):
        wheel(wheels, name)
    for name in [name for name in os.environ if name.startswith(("PIP_", "MAKE", "MFLAGS"))]:
        monkeypatch.delenv(name)  # `make test` talks to a make below it, which then says which folder it is in
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHON", sys.executable)
    return tree


def set_up(tree):
    return subprocess.run(["make", "setup"], cwd=tree, capture_output=True, text=True)


def assert_whole(tree):
    question = (
        "import srlib_here, spandrel.inside, hatchling.inside; from importlib.metadata import files; files('srlib')"
    )
    for arguments in (["-c", question], ["-m", "pip", "check"]):
        done = subprocess.run([tree / ".venv/bin/python", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    again = set_up(tree)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", ""), "the second time there is nothing to do"


def half_made(tree, kind):
    """What an interruption may leave: each looks like an environment from some distance."""
    venv = tree / ".venv"
    if kind == "without pip":
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    elif kind == "a folder alone":
        (venv / "lib").mkdir(parents=True)
    elif kind == "half of pip":
        assert set_up(tree).returncode == 0
        (site,) = venv.glob("lib/python3*/site-packages")
        shutil.rmtree(site / "pip" / "_internal")
        (venv / ".course-installed").unlink()
    elif kind == "marked as half made":
        assert set_up(tree).returncode == 0
        (venv / ".course-half-made").touch()
        (venv / ".course-installed").unlink()
    elif kind == "a package in part":  # pip was killed: the name is there, the files and RECORD are not
        assert set_up(tree).returncode == 0
        (site,) = venv.glob("lib/python3*/site-packages")
        (site / "spandrel" / "inside.py").unlink()
        (site / "spandrel-1.0.dist-info" / "RECORD").unlink()
        (site / "~atchling").mkdir()
        (venv / ".course-installed").unlink()
    elif kind == "a Python that is gone":
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").symlink_to("/nowhere/python3.11")
        (venv / "pyvenv.cfg").touch()


KINDS = ("without pip", "a folder alone", "half of pip", "marked as half made", "a package in part")


QUICK = ("without pip", "half of pip")  # the rest waits for `make test-slow`: each makes an environment or two
HALVES = [k if k in QUICK else pytest.param(k, marks=pytest.mark.slow) for k in (*KINDS, "a Python that is gone")]


@pytest.mark.parametrize("kind", HALVES)
def test_a_half_made_environment_is_made_whole(tree, kind):
    half_made(tree, kind)
    done = set_up(tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_whole(tree)
    assert not list(tree.glob(".venv/lib/python3*/site-packages/~*"))


@pytest.mark.parametrize(
    ("how", "after"),
    [("KILL", 0.3), ("INT", 2.0)]
    + [
        pytest.param(how, after, marks=pytest.mark.slow)
        for how in ("KILL", "INT")
        for after in (0.05, 0.1, 0.2, 0.5, 0.8, 1, 1.5, 2.5, 3, 4, 5, 6, 7, 8, 9, 10)
    ],
)
def test_killed_at_any_moment(tree, how, after):
    killed = subprocess.Popen(
        ["make", "setup"], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    time.sleep(after)
    os.killpg(killed.pid, signal.Signals[f"SIG{how}"])
    said = killed.communicate()[0].decode()
    if how == "INT":
        assert "Traceback" not in said
    done = set_up(tree)
    assert done.returncode == 0, said + done.stdout + done.stderr
    assert_whole(tree)


def test_two_at_once_wait_for_each_other(tree):
    both = [
        subprocess.Popen(["make", "setup"], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("Installing" in text for text in said) == 1
    assert_whole(tree)


def test_somebody_elses_folder_is_not_removed(tree):
    folder = tree / "my photos"
    folder.mkdir()
    (folder / "cat.jpg").touch()
    done = subprocess.run(["make", "setup", f"VENV={folder}"], cwd=tree, capture_output=True, text=True)
    assert done.returncode != 0
    assert "is no virtual environment" in done.stderr
    assert (folder / "cat.jpg").exists()


def test_signs_of_life():
    from conftest import load_tool

    progress = load_tool("install").Progress(ROOT / "nowhere")
    assert str(progress) == "looking up versions, 0 packages so far"
    lines = ["Collecting torch>=2.6", "  Downloading torch-2.13.0.whl.metadata (30 kB)", "Collecting numpy"]
    progress.read(lines)
    assert str(progress) == "looking up versions, 2 packages so far"
    progress.read(
        ["Downloading https://host/a-b/torch-2.13.0-cp311.whl (192.3 MB)", "Using cached numpy-2.whl (16 MB)"]
    )
    assert str(progress) == "fetching, 2 packages so far, at numpy (16 MB)"
    progress.read(["Installing collected packages: numpy, torch"])
    assert str(progress) == "unpacking, 0 packages are in place"


def test_the_quick_check_and_the_stamp_agree(tree):
    """The shell compares what Python wrote; were they different, every command would install again."""
    assert set_up(tree).returncode == 0
    (tree / "constraints.txt").write_text("# another line\n")
    done = set_up(tree)
    assert "Installing" in done.stdout
    assert re.search(r"^2 of 3: the course", done.stdout, re.M)
    assert_whole(tree)
