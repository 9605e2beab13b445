"""Every exercise has its answers in a test: a new check without them fails here."""

import importlib
import inspect

import pytest
from conftest import ROOT

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
