"""What students are handed lacks the solutions, all of them, and works without."""

import ast
import html
import json
import re
import shutil

import nbformat
import pytest
from conftest import ROOT, load_tool
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

CHAPTERS = sorted((ROOT / "book").glob("[!.]*.ipynb"))


@pytest.fixture(scope="module")
def tool():
    return load_tool("student")


def solutions(nb):
    """Found here by the word alone, wherever it stands in the first line: not by the tool's own rule."""
    return [
        cell
        for cell in nb.cells
        if cell.cell_type == "code" and re.match(r"\s*#+\s*solution", cell.source, re.IGNORECASE)
    ]


def everything(nb):
    """All a notebook says, in every spelling it may say it: its file, its sources and outputs, HTML unescaped."""
    sources = [cell.source for cell in nb.cells]
    outputs = [json.dumps(cell.get("outputs", []), ensure_ascii=False) for cell in nb.cells]
    told = "\n".join(sources + outputs).replace('\\"', '"')
    return told + html.unescape(told)


def secrets(nb):
    """The lines that only solutions hold and that say something: a return, or more than 20 characters."""
    found, hidden = set(), solutions(nb)
    others = everything(new_notebook(cells=[cell for cell in nb.cells if cell not in hidden]))
    for cell in hidden:
        for line in map(str.strip, cell.source.splitlines()[1:]):
            if ("return" in line or len(line) > 20) and line not in others:
                found.add(line)
    return found


def leaks(lines, handed_out):
    told = everything(handed_out)
    return sorted(line for line in lines if line in told)


@pytest.fixture(scope="module")
def copies(tool, tmp_path_factory):
    """Every notebook of the book, beside its student's copy as `make student` writes it."""
    before, after = tmp_path_factory.mktemp("book"), tmp_path_factory.mktemp("student")
    paths = [shutil.copy(path, before) for path in CHAPTERS]
    tool.main([*map(str, paths), "--out", str(after)])
    return {
        path.stem[3:]: tuple(nbformat.read(folder / path.name, as_version=4) for folder in (before, after))
        for path in CHAPTERS
    }


@pytest.fixture(scope="module")
def hidden(copies):
    return {name: secrets(original) for name, (original, _) in copies.items()}


def test_no_solution_leaks(copies, hidden):
    found = {name: leaks(hidden[name], handed_out) for name, (_, handed_out) in copies.items()}
    assert not any(found.values()), found
    assert not any(solutions(handed_out) for _, handed_out in copies.values())


def test_there_is_something_to_leak(copies, hidden):
    counts = {name: len(hidden[name]) for name, (original, _) in copies.items() if solutions(original)}
    assert len(counts) > 5
    assert min(counts.values()) >= 2, counts


def test_a_tool_that_keeps_one_solution_is_caught(copies, hidden):
    for name, (original, _) in copies.items():
        for kept in solutions(original):
            assert leaks(hidden[name], new_notebook(cells=[kept])), kept.source


def test_a_solution_that_an_output_prints_is_caught():
    body = "def answer(x):\n    return 3 * x + 17"
    shown = new_output("display_data", data={"text/html": "<pre>return 3 * x + 17 &lt; 9</pre>"})
    original = new_notebook(cells=[new_code_cell(f"# Solution\n{body} < 9"), new_code_cell("show()")])
    careless = new_notebook(cells=[new_code_cell("show()", outputs=[shown])])
    assert leaks(secrets(original), careless) == ["return 3 * x + 17 < 9"]


def test_everything_else_stays_as_it_was(copies, notebook_tool):
    for name, (original, handed_out) in copies.items():
        before = {cell.id: cell for cell in original.cells}
        for cell in handed_out.cells:
            was = before.pop(cell.id)
            assert cell.source == was.source
            assert [output.get("data", output.get("text")) for output in cell.get("outputs", [])] == [
                output.get("data", output.get("text")) for output in was.get("outputs", [])
            ]
        assert all(cell.id in before for cell in solutions(original))
        assert not any(cell.source.startswith("#") for cell in before.values() if cell.cell_type == "markdown"), name
        if "srlib" in handed_out.metadata:
            assert handed_out.metadata.srlib.code_hash == notebook_tool.code_hash(handed_out)


def names(cell, kind):
    """The names that a code cell assigns or reads; magics are no Python."""
    tree = list(ast.walk(ast.parse(re.sub(r"^(\s*)%.*", r"\1pass", cell.source, flags=re.M))))
    if kind == "read":
        return {node.id for node in tree if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    found = set()
    for node in tree:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return found


def test_nothing_that_is_left_needs_a_solution(copies):
    for name, (original, handed_out) in copies.items():
        left = {cell.id for cell in handed_out.cells}
        defined, only_by_solutions = set(), set()
        for cell in original.cells:
            if cell.cell_type != "code":
                continue
            if cell.id not in left:
                only_by_solutions |= names(cell, "assigned") - defined
                continue
            own = names(cell, "assigned")
            missing = (names(cell, "read") & only_by_solutions) - own
            assert not missing, f"{name}: {missing} is defined by a solution only, and read in: {cell.source[:60]}"
            defined |= own


def test_what_follows_a_solution_goes_with_it_up_to_the_next_heading(tool):
    nb = new_notebook(
        cells=[
            new_markdown_cell("### 1. Double it"),
            new_code_cell("def double(x):\n    return None  # your answer"),
            new_code_cell("# Solution: shift\ndef double(x):\n    return x << 1"),
            new_markdown_cell("A shift to the left doubles:"),
            new_code_cell("print(double(2))"),
            new_markdown_cell("### 2. Halve it"),
            new_markdown_cell("Think first."),
            new_code_cell("# A solution is not here"),
        ]
    )
    left = tool.without_solutions(nb).cells
    assert [cell.source.split("\n")[0] for cell in left] == [
        "### 1. Double it",
        "def double(x):",
        "### 2. Halve it",
        "Think first.",
        "# A solution is not here",
    ]
    assert len(nb.cells) == 8, "the original is left alone"


def test_quizzes_and_hints_stay(copies):
    original, handed_out = copies["srcnn"]
    for words in ("live.quiz(", "sr-hints", "sr-quiz"):
        assert everything(original).count(words) == everything(handed_out).count(words) > 0


def test_one_chapter_can_be_named(tool, tmp_path, capsys):
    assert tool.main(["srcnn", "--out", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["21_srcnn.ipynb"]
    assert "srcnn: 3 cells taken out" in capsys.readouterr().out
