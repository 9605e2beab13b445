"""What gives an answer away is folded in every program, and each page leads to its neighbours."""

import re

import nbformat
import pytest
from conftest import load_tool
from nbformat.v4 import new_code_cell, new_notebook, new_output

pages, tool = load_tool("pages"), load_tool("notebooks")
CELLS = [(path, cell) for path in tool.notebooks() for cell in nbformat.read(path, as_version=4).cells]


def folded(source, tags=()):
    cell = new_code_cell(source, metadata={"tags": list(tags)} if tags else {})
    pages.fold(cell)
    return cell.metadata


@pytest.mark.parametrize(
    ("source", "tag"),
    [
        ("# Solution\ndef f(): ...", "hide-cell"),
        ("# Solution: two lines", "hide-cell"),
        ("live.quiz('?', {})", "remove-input"),
        ("live.predict('?', low=0, high=1, answer=x)", "hide-input"),
        ("x = 1\nlive.predict('?', low=0, high=1, answer=x)", "hide-input"),
    ],
)
def test_what_gives_an_answer_away_is_folded(source, tag):
    found = folded(source)
    assert found["tags"] == [tag]
    assert found["jupyter"]["source_hidden"]
    assert found["cellView"] == "form"  # Colab
    assert bool(found["jupyter"].get("outputs_hidden")) == (tag == "hide-cell") == bool(found.get("collapsed"))


def test_other_cells_stay_open():
    assert folded("solution = 1  # live.quiz(") == {}
    assert folded("print(1)", ["nbval-check-output"]) == {"tags": ["nbval-check-output"]}


def test_the_tags_meaning_goes_when_the_tag_goes():
    cell = new_code_cell("print(1)", metadata={"tags": ["hide-input"]})
    pages.fold(cell)
    once = dict(cell.metadata)
    pages.fold(cell)
    assert cell.metadata == once
    cell.metadata["tags"] = []
    pages.fold(cell)
    assert cell.metadata == {"tags": []}


def test_no_answer_stands_open_in_the_book():
    kinds = {"solution": 0, "quiz": 0, "predict": 0}
    for path, cell in CELLS:
        if found := pages.kind(cell):
            kinds[found] += 1
            assert cell.metadata["jupyter"]["source_hidden"], (path.name, cell.id)
        elif cell.cell_type == "code":
            assert "✓" not in str(cell.outputs), f"{path.name}, {cell.id}: an answer before the learner has tried"
    assert all(count > 60 for count in kinds.values()), kinds


def test_every_page_leads_to_the_next_one():
    toc = (tool.BOOK / "_toc.yml").read_text(encoding="utf-8")
    order = re.findall(r"(?:root|file): (\S+)", toc)
    for path in tool.notebooks():
        last = nbformat.read(path, as_version=4).cells[-1]
        assert last.metadata["tags"] == ["way", "remove-cell"], path.name
        linked = re.findall(r"\]\(([\w.]+)", last.source)
        assert all((tool.BOOK / name).exists() for name in linked)
        at = order.index(path.stem)
        wanted = [*order[max(0, at - 1) : at], *order[:1][: bool(at)], *order[at + 1 : at + 2]]
        assert [name.rpartition(".")[0] for name in linked] == wanted


def test_files_sort_in_the_order_of_the_book():
    order = re.findall(r"(?:root|file): (\S+)", (tool.BOOK / "_toc.yml").read_text(encoding="utf-8"))
    assert order == sorted(order)


def test_a_page_that_is_in_no_table_of_contents_has_no_foot(tmp_path):
    nb = new_notebook(cells=[new_code_cell("1", outputs=[new_output("stream", text="1")])])
    pages.put_way(nb, tmp_path / "99_mine.ipynb")
    assert len(nb.cells) == 1
