"""Every exercise has its answers in a test, and every solution of the book passes its check."""

import ast
import importlib
import inspect
import re

import nbformat
import pytest
from conftest import ROOT

BOOK = [path for path in sorted((ROOT / "book").glob("[!.]*.ipynb")) if "# Solution" in path.read_text()]
CHAPTERS = sorted(p.stem for p in (ROOT / "srlib" / "exercises").glob("[!_]*.py"))


def checks(module):
    """The checks of a chapter: its public functions that take an answer."""
    own = inspect.getmembers(module, inspect.isfunction)
    return {
        name
        for name, fn in own
        if fn.__module__ == module.__name__
        and not name.startswith("_")
        and "answer" in inspect.signature(fn).parameters
    }


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_check_has_answers(chapter):
    found = checks(importlib.import_module(f"srlib.exercises.{chapter}"))
    if found:
        tests = importlib.import_module(f"test_exercises_{chapter}")
        assert set(tests.RIGHT) == found
        assert hasattr(tests, "TestAnswers"), "TestAnswers = answers.of(exercises, RIGHT, WRONG, EQUIVALENT)"


def test_there_are_three_exercises_a_chapter_at_least():
    counts = [len(checks(importlib.import_module(f"srlib.exercises.{chapter}"))) for chapter in CHAPTERS]
    assert sum(counts) >= 60


def solutions(nb):
    """What a chapter's solutions need and do: its imports, what its exercises define, and each check of a solution."""
    exercises = False
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            exercises = exercises or "## Exercises" in cell.source
        if cell.cell_type != "code":
            continue
        solution = cell.source.startswith("# Solution") and "exercises." in cell.source
        for node in ast.parse(re.sub(r"^(\s*)%.*", r"\1pass", cell.source, flags=re.M)).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield cell, node
            elif exercises and (solution or isinstance(node, ast.FunctionDef | ast.ClassDef)):
                yield cell, node
                if "exercises." in ast.unparse(node):
                    break  # what follows puts the solution to use, in the chapter's own world


@pytest.mark.parametrize("path", BOOK, ids=lambda path: path.stem)
def test_the_solutions_of_the_book_pass(path, capsys):
    world, passed = {}, 0
    for cell, node in solutions(nbformat.read(path, as_version=4)):
        exec(compile(ast.Module([node], []), cell.id, "exec"), world)
        if isinstance(node, ast.Assign) and ast.unparse(node).startswith("solved = "):
            assert world["solved"] is True, capsys.readouterr().out
            passed += 1
    assert passed >= 3
