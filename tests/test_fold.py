"""What opens on a click says so by a mark of its own: some pages (jupyterlab-myst's) take the browser's away."""

import json
import re

import pytest
import torch

from srlib import figures, live
from srlib.live.check import hints
from srlib.live.fold import fold

MARKED = re.compile(r'<summary class="sr-fold"[^>]*><span class="sr-arrow" aria-hidden="true">▸</span> ')
MAKERS = {"srlib/live/fold.py", "srlib/live/parts.js"}
PICTURE = torch.zeros(1, 8, 8)


def unmarked(markup):
    """The folds of a piece of HTML that nobody would see."""
    return [m[0] for m in re.finditer(r"<summary.{0,120}", markup) if not MARKED.match(m[0])]


def square(level):
    return figures.pictures({"square": PICTURE + level / 10}, "a square")


@pytest.mark.parametrize(
    ("shown", "folds"),
    [
        (lambda: live.quiz("?", {"yes": (True, ""), "no": (False, "")}), 2),
        (lambda: live.predict("?", 0, 1, 0.5), 1),
        (lambda: hints(["one", "two", "three"]), 3),
        (lambda: live.explore(square, level=range(8)), 1),
        (lambda: live.board({"a": {"x": 1, "y": 1}}, ["x"], ["y"], "one", pictures={"a": PICTURE}), 1),
        (lambda: live.compare({"a": PICTURE, "b": PICTURE}, "squares"), 0),
    ],
)
def test_each_fold_of_an_element_has_the_mark_and_its_style(shown, folds):
    markup = shown()._repr_html_()
    assert markup.count("<summary") == folds
    assert unmarked(markup) == []
    assert "details[open] > .sr-fold > .sr-arrow" in markup, "the mark turns"
    assert ".sr-fold::-webkit-details-marker { display: none; }" in markup, "never two marks"


def test_a_fold_holds_what_it_is_given():
    assert fold("<b>a</b>", "<p>c</p>", "mine").startswith('<details class="mine"><summary ')
    assert fold("<b>a</b>", "<p>c</p>").endswith(" <b>a</b></summary><p>c</p></details>")


def test_nobody_else_makes_folds(root):
    """The next one who writes a summary by hand is found here."""
    made = set()
    for folder in ("srlib", "tools", "book/_ext", "book/_tryit"):
        for path in (root / folder).rglob("*"):
            if path.suffix in (".py", ".js", ".html") and "vendor" not in path.parts:
                text = path.read_text(encoding="utf-8")
                if re.search(r"""<summary[ >]|(make|createElement)\(\s*["']summary["']""", text):
                    made.add(path.relative_to(root).as_posix())
    assert made == MAKERS


def test_no_fold_of_a_notebook_is_unmarked(root):
    for path in sorted((root / "book").glob("[!.]*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                assert "<summary" not in "".join(cell["source"]), f"{path.name}, {cell['id']}: see srlib/live/fold.py"
            for output in cell.get("outputs", []):
                markup = "".join(output.get("data", {}).get("text/html", ""))
                assert unmarked(markup) == [], f"{path.name}, {cell['id']}: execute it again"
