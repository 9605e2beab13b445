"""Every dB in the book is measured: it stands in the ledger, in the papers or in an output of its own notebook."""

import json
import re

import nbformat
import pytest
from realphotos import absent, needed

from srlib import benchmark, ledger, papers, weights

DRIFT = 0.005  # dB by which a shipped network may miss its own ledger row


def recorded():
    """What ledger and papers know, as people write it. A set's means alone: single photos would cover any number."""
    measured = [row["psnr"] for row in ledger.rows()]
    published = re.findall(r"\d\d\.\d\d", json.dumps(papers.table()))
    return {f"{value:.2f}" for value in measured} | set(published)


def untraced(nb, known):
    """Each ``NN.NN dB`` of the text that comes from nowhere."""
    outputs = json.dumps([cell.outputs for cell in nb.cells if cell.cell_type == "code"])
    printed = {f"{float(number):.2f}" for number in re.findall(r"\d\d\.\d\d+", outputs)}
    text = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    return sorted(set(re.findall(r"(?<![\d.])(\d\d\.\d\d)(?= ?dB)", text)) - known - printed)


def test_every_number_of_the_book_can_be_traced(notebook_tool):
    known, wrong = recorded(), {}
    for path in notebook_tool.notebooks():
        if lost := untraced(nbformat.read(path, 4), known):
            wrong[path.name] = lost
    assert wrong == {}


def test_a_number_from_nowhere_is_found():
    cells = [
        nbformat.v4.new_markdown_cell(
            "Bicubic has 33.66 dB, ours 65.12 dB, and theirs 99.98 dB; 36.5 dB is not exact."
        ),
        nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("stream", text="65.1234 dB")]),
    ]
    assert untraced(nbformat.v4.new_notebook(cells=cells), recorded()) == ["99.98"]
    assert untraced(nbformat.v4.new_notebook(cells=cells[:1]), recorded()) == ["65.12", "99.98"]


def quick():
    """The shipped networks that score Set5 in seconds, with the scales they have."""
    rows = {(r["model"], r["scale"]): r for r in ledger.rows(dataset="Set5") if r.get("weights")}
    return [key for key in weights.available() if key in rows and rows[key]["ms_per_megapixel"] < 5000]


@pytest.mark.parametrize(("name", "scale"), quick())
def test_shipped_weights_still_score_what_the_ledger_says(name, scale):
    needed("Set5")
    net = weights.load(name, scale)
    (row,) = benchmark.run(net, "Set5", scale=scale, name=name)
    recorded = ledger.latest(model=name, dataset="Set5", scale=scale, protocol=row["protocol"], weights=row["weights"])
    assert recorded, f"{name} x{scale} was trained again, but not measured again: srlib benchmark {name} Set5 --record"
    assert abs(row["psnr"] - recorded["psnr"]) < DRIFT


def test_all_weights_are_on_record():
    measured = {(r["model"], r["scale"]) for r in ledger.rows()}
    missing = [key for key in weights.available() if key not in measured]
    if not weights.available():
        absent("no weights are shipped")
    assert missing == []
