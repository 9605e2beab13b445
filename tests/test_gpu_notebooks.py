"""Every notebook on a GPU that is not there (tests/fake_gpu.py): no cell mixes what is on it with what is not.

Real numbers, the smoke tier, another seed and photo than the stored run; the trainings have to gain here, too.
"""

import nbformat
import pytest
from conftest import load_tool
from nbformat.v4 import new_code_cell

pytestmark = pytest.mark.notebooks

tool = load_tool("notebooks")
NOTEBOOKS = {tool.called(path): path for path in tool.notebooks()}
GPU = """\
import sys
sys.path.insert(0, {tests!r})
import fake_gpu
the_gpu = fake_gpu.present("cuda")
the_gpu.__enter__()
"""


def with_a_gpu(path, folder, root):
    """A copy of the notebook that finds a GPU on its machine."""
    nb = nbformat.read(path, as_version=4)
    nb.cells.insert(0, new_code_cell(GPU.format(tests=str(root / "tests")), id="gpu"))
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, folder / path.name)
    return folder / path.name


@pytest.fixture(scope="module")
def folder(root):
    """Executed copies and results stay in _build/gpu, to be looked at."""
    return root / "_build" / "gpu"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_notebook_runs_on_a_gpu(name, folder, root):
    path = NOTEBOOKS[name]
    results = tool.smoke(with_a_gpu(path, folder / "copies", root), folder)
    if tool.is_chapter(path):
        assert results, f"{name} wrote no results"
        assert tool.judge(results) == []


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("run.model(torch.rand(1, 1, 8, 8))", "Mixed"),  # an input that was left on the processor
        ("run.network()(next(iter(run)).preview[None].to(run.device))", "Mixed"),  # and one that was not
        ("run.model.body[0].weight - weights.load('sprint', 2).body[0].weight", "Mixed"),  # arithmetic, too
        ("run.model.body[0].weight.detach().numpy()", "TypeError"),
    ],
)
def test_a_planted_fault_is_caught(cell, fault, tmp_path, root):
    import papermill

    cells = ["import torch\nfrom srlib import recipes, train, weights"]
    cells += ["run = train.fit(recipes.get('sprint', 2), 'smoke', steps=1)", cell]
    nb = nbformat.v4.new_notebook(cells=[new_code_cell(source) for source in cells])
    nbformat.write(nb, tmp_path / "faulty.ipynb")
    path = with_a_gpu(tmp_path / "faulty.ipynb", tmp_path / "gpu", root)
    with pytest.raises(papermill.PapermillExecutionError, match=fault):
        papermill.execute_notebook(path, None, kernel_name="python3", progress_bar=False)
