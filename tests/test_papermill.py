"""Every notebook, whole, at the smoke tier with another seed and photo than the stored run; its gains are judged."""

import math

import pytest
from conftest import load_tool

pytestmark = pytest.mark.notebooks

tool = load_tool("notebooks")
NOTEBOOKS = {tool.called(path): path for path in tool.notebooks()}


@pytest.fixture(scope="module")
def folder(root):
    """Executed copies and results stay in _build/smoke, to be looked at."""
    return root / "_build" / "smoke"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_notebook_runs_and_its_trainings_gain(name, folder):
    path = NOTEBOOKS[name]
    results = tool.smoke(path, folder)
    if not tool.is_chapter(path):
        return
    assert results is not None, f"{name} wrote no {name}.json into SRLIB_RESULTS"
    assert results["chapter"] == name
    assert results["tier"] == "smoke"
    stored = tool.parameters(tool.nbformat.read(path, as_version=4))
    assert results["seed"] != stored["seed"]
    assert results["photo"] != stored["photo"]
    assert all(math.isfinite(number) for number in results["numbers"].values() if isinstance(number, float))
    assert results["trainings"] or "train.fit" not in path.read_text(encoding="utf-8"), (
        "trains, but reports no training"
    )
    assert all(training["smoke_gain"] > 0 for training in results["trainings"]), "a recipe without a smoke_gain"
    assert tool.judge(results) == []


def test_the_judge_fails_a_training_that_learns_nothing(folder):
    results = tool.smoke(NOTEBOOKS["srcnn"], folder / "without-learning", lr=0.0)
    assert results["trainings"], "the chapter has to write its results even when its training fails"
    assert tool.judge(results), f"lr = 0 passed the judge: {results['trainings']}"
