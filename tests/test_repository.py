"""One place names the repository: a fork that moves there leaves no trace of the old address, and checks find one."""

import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT, load_tool

NEW = "https://github.com/some-body/her-fork"


@pytest.fixture(scope="module")
def tool():
    return load_tool("repository")


@pytest.fixture
def fork(tool, tmp_path):
    """A copy of every text of the course; of the notebooks, what is not an output."""
    for path in tool.texts(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            nb = nbformat.read(path, as_version=4)
            for cell in nb.cells:
                cell.update({"outputs": []} if cell.cell_type == "code" else {})
            nbformat.write(nb, copy)
        else:
            shutil.copyfile(path, copy)
    return tmp_path


def mentions(tool, root, url):
    found = (p for p in tool.texts(root) if url in p.read_text(encoding="utf-8"))
    return {str(path.relative_to(root)) for path in found}


def test_the_course_names_one_address(tool):
    said = tool.check(ROOT)
    assert not said, "\n".join(said)


def test_a_fork_keeps_nothing_of_the_old_address(tool, fork, capsys, notebook_tool):
    old, branch = tool.address(fork)
    before = mentions(tool, fork, old)
    assert {"_config.yml", "CITATION.cff", "pyproject.toml", "book/21_srcnn.ipynb"} <= before
    assert tool.main([NEW + ".git/", "--branch", "trunk"], root=fork) == 0, capsys.readouterr().err
    assert tool.address(fork) == (NEW, "trunk")
    assert mentions(tool, fork, old) == set()
    assert before <= mentions(tool, fork, NEW)
    for path in (fork / "book").glob("*.ipynb"):
        nb = nbformat.read(path, as_version=4)
        if any(cell.cell_type == "code" for cell in nb.cells):
            (cell,) = tool.install_cells(nb)
            assert cell.source.endswith(f"git+{NEW}")
            assert nb.metadata.srlib.code_hash == notebook_tool.code_hash(nb), "its outputs are still those of its code"
    assert tool.main([old, "--branch", branch], root=fork) == 0, "and back"
    assert mentions(tool, fork, NEW) == set()


@pytest.mark.parametrize("name", ["CITATION.cff", "pyproject.toml", "CONTRIBUTING.md", "book/21_srcnn.ipynb"])
def test_a_place_that_disagrees_is_named(tool, fork, name, capsys):
    old, _ = tool.address(fork)
    tool.move(fork, *tool.address(fork))  # whatever the tree is like, the copy agrees now
    file = fork / name
    file.write_text(file.read_text(encoding="utf-8").replace(old, "https://github.com/else/where"), encoding="utf-8")
    assert tool.main([], root=fork) == 1
    assert file.name in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["me/course", "http://github.com/me/course", "https://github.com/me"])
def test_what_is_no_address(tool, fork, wrong):
    with pytest.raises(SystemExit, match="is not the address of a repository"):
        tool.main([wrong], root=fork)


def test_a_longer_name_is_another_repository(tool, fork):
    old, _ = tool.address(fork)
    other = fork / "NOTES.md"
    other.write_text(f"{old}-extras {old}. {old}/issues\n")
    tool.move(fork, NEW, "main")
    assert other.read_text() == f"{old}-extras {NEW}. {NEW}/issues\n"


SESSION = """
import importlib.metadata, importlib.util, sys
from IPython.core.interactiveshell import InteractiveShell
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == sys.argv[1] else find(name, *a)
importlib.metadata.version = lambda name: "2.9.0+cu126"
result = InteractiveShell.instance().run_cell(sys.stdin.read())
sys.exit(not result.success)
"""


@pytest.mark.parametrize(("absent", "asked"), [("srlib", True), ("nothing", False)])
def test_the_install_cell_keeps_the_torch_that_is_there(tool, tmp_path, absent, asked, monkeypatch):
    """In a real IPython, with a pip that only says what it was asked for."""
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    (tmp_path / "pip" / "__main__.py").write_text("import sys\nprint('pip', *sys.argv[1:])\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cell = tool.filled(tool.INSTALL, NEW, "main")
    done = subprocess.run([sys.executable, "-c", SESSION, absent], input=cell, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (f"pip install -q torch==2.9.0+cu126 git+{NEW}" in done.stdout) == asked
