"""The committed notebooks obey the rules, and the rules can fail."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


@pytest.fixture
def chapter(notebook_tool):
    """A chapter that breaks no rule."""
    tool = notebook_tool
    cells = [new_markdown_cell("# Title")]
    cells.append(new_code_cell('tier = "auto"\nseed = 0\nphoto = "coffee"', metadata={"tags": ["parameters"]}))
    cells += [new_markdown_cell(f"## {heading}\n\nText.") for heading in tool.HEADINGS]
    for number in range(tool.FEWEST_CHECKED_CELLS):
        printed = new_output("stream", name="stdout", text=f"{number}\n")
        cell = new_code_cell(f"print({number})", metadata={"tags": ["nbval-check-output"]}, outputs=[printed])
        cells.append(cell)
    for count, cell in enumerate([cell for cell in cells if cell.cell_type == "code"], 1):
        cell.execution_count = count
    return new_notebook(cells=cells)


@pytest.fixture
def complaints(notebook_tool, tmp_path):
    """Store a notebook the way `run` does, and give what `check` says about it."""

    def store(nb, stamp=True):
        if stamp:
            nb.metadata["srlib"] = {"code_hash": notebook_tool.code_hash(nb)}
        path = tmp_path / "chapter.ipynb"
        notebook_tool.write(path, notebook_tool.normalise(nb))
        return "\n".join(notebook_tool.check([path]))

    return store


def test_the_committed_notebooks_obey_the_rules(notebook_tool):
    found = notebook_tool.check(notebook_tool.notebooks())
    assert not found, "\n".join(found)


def test_the_table_of_contents_lists_every_page(notebook_tool, root):
    import yaml

    toc = yaml.safe_load((root / "book" / "_toc.yml").read_text(encoding="utf-8"))
    listed = {toc["root"]} | {entry["file"] for entry in toc["chapters"]}
    assert {path.stem for path in [*notebook_tool.notebooks(), *(root / "book").glob("*.md")]} == listed


def test_a_good_chapter_has_no_complaint(chapter, complaints):
    assert complaints(chapter) == ""


def add(nb, cell):
    nb.cells.append(cell)


def printed(text, name="stdout"):
    return [new_output("stream", name=name, text=text)]


def shown(html):
    return [new_output("display_data", data={"text/html": html, "text/plain": "x"})]


BREAK = {
    "26 lines; 25 are allowed": lambda nb: add(nb, new_code_cell("x = 1\n" * 25 + "x")),
    "misses ['Quiz']": lambda nb: nb.cells.remove(next(c for c in nb.cells if c.source.startswith("## Quiz"))),
    "in another order": lambda nb: nb.cells.append(nb.cells.pop(2)),
    "4 cells with an output for nbval": lambda nb: nb.cells.pop(),
    'one cell tagged "parameters"': lambda nb: nb.cells.pop(1),
    "no alternative text. Write": lambda nb: add(nb, new_markdown_cell("![](photo.webp)")),
    "an <img> has no alternative text": lambda nb: add(nb, new_code_cell("1", outputs=shown("<img src='data:x'>"))),
    "an <img> has no alternative text: <img alt": lambda nb: add(nb, new_code_cell("1", outputs=shown("<img alt=''>"))),
    "neither aria-label nor <title>": lambda nb: add(nb, new_code_cell("1", outputs=shown("<svg><path/></svg>"))),
    "shows a bare image": lambda nb: add(
        nb, new_code_cell("1", outputs=[new_output("display_data", data={"image/png": "aGk="})])
    ),
    "'.model.cpu(' moves or uses a training's own": lambda nb: add(nb, new_code_cell("run.model.cpu().eval()")),
    "'.model(' moves or uses": lambda nb: add(nb, new_code_cell("y = trial.model(x)")),
    "'deepcopy(runs[0].model)' moves": lambda nb: add(nb, new_code_cell("copy.deepcopy(runs[0].model)")),
    "stores a warning": lambda nb: add(nb, new_code_cell("1", outputs=printed("careful", "stderr"))),
    "stores an error": lambda nb: add(nb, new_code_cell("1", outputs=[new_output("error", ename="E", evalue="")])),
    "something of this machine: ' at 0x": lambda nb: add(
        nb, new_code_cell("1", outputs=printed("<O at 0x7f12ab34cd>"))
    ),
    "something of this machine: '/tmp/": lambda nb: add(nb, new_code_cell("1", outputs=printed("in /tmp/me/work"))),
    "1,000,000 are allowed": lambda nb: add(nb, new_markdown_cell("x" * 1_000_000)),
}


@pytest.mark.parametrize("complaint", BREAK)
def test_each_rule_can_fail(chapter, complaints, complaint):
    BREAK[complaint](chapter)
    assert complaint in complaints(chapter)


def test_outputs_older_than_the_code_are_found(chapter, complaints):
    assert complaints(chapter) == ""
    chapter.cells[-1].source = "print(5)"
    assert "has outputs older than its code" in complaints(chapter, stamp=False)


def test_a_fork_changes_the_address_in_the_install_cell_and_nothing_else(chapter, complaints):
    chapter.cells.insert(1, new_code_cell("%pip install here", metadata={"tags": ["install", "remove-cell"]}))
    assert complaints(chapter) == ""
    chapter.cells[1].source = "%pip install there"
    assert complaints(chapter, stamp=False) == ""


def test_prose_may_change_without_a_new_run(chapter, complaints):
    complaints(chapter)
    chapter.cells[0].source = "# Another title"
    assert complaints(chapter, stamp=False) == ""


def test_a_notebook_saved_from_jupyter_is_put_back_into_its_stored_form(chapter, complaints, notebook_tool, tmp_path):
    complaints(chapter)
    chapter.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    chapter.cells[-1].metadata["execution"] = {"iopub.execute_input": "2026-01-01T00:00:00Z"}
    path = tmp_path / "chapter.ipynb"
    nbformat.write(chapter, path)
    assert "is not in its stored form" in "\n".join(notebook_tool.check([path]))
    notebook_tool.main(["normalise", str(path)])
    assert notebook_tool.check([path]) == []


def test_normalising_is_stable_and_drops_what_changes_by_itself(notebook_tool):
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "f00"}, "text/plain": "IntSlider(value=1, min=1)"}
    both = view | {"text/html": "<b>frozen</b>"}
    cells = [
        new_code_cell(
            "slider", execution_count=7, outputs=[new_output("execute_result", data=view, execution_count=7)]
        ),
        new_code_cell("studio", execution_count=9, outputs=[new_output("display_data", data=both)]),
        new_code_cell("print(1)", execution_count=11, outputs=printed("1\n") + printed("2\n")),
        new_code_cell("print(1)"),
    ]
    kernel = {"name": "mine", "display_name": "Mine"}
    nb = new_notebook(cells=cells, metadata={"kernelspec": kernel, "toc": {}})
    nb.cells[3].id = nb.cells[2].id
    nb = notebook_tool.normalise(nb)
    first, second, third, fourth = nb.cells
    assert first.outputs == []
    assert second.outputs[0].data == {"text/html": "<b>frozen</b>", "text/plain": view["text/plain"]}
    assert third.outputs == printed("1\n2\n")
    assert [cell.execution_count for cell in nb.cells] == [1, 2, 3, None]
    assert third.id != fourth.id
    assert set(nb.metadata) == {"kernelspec", "language_info"}
    assert nb.metadata.kernelspec.name == "python3"
    assert notebook_tool.normalise(copy.deepcopy(nb)) == nb


def test_parameters_are_read_from_the_tagged_cell(notebook_tool, chapter):
    assert notebook_tool.parameters(chapter) == {"tier": "auto", "seed": 0, "photo": "coffee"}


def test_the_judge_asks_every_training_for_its_gain(notebook_tool):
    good = {"recipe": "srcnn", "scale": 2, "gain": 0.5, "smoke_gain": 0.2}
    assert notebook_tool.judge({"trainings": [good]}) == []
    for gain in (0.2, 0.0, -1.0, float("nan")):
        (complaint,) = notebook_tool.judge({"trainings": [good, good | {"gain": gain}]})
        assert "srcnn x2 gained" in complaint
