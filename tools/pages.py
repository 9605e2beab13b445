"""What every page gets besides what its author wrote: cells folded by one mark, and at its foot the way onward.

The mark is a tag, the same that the website reads; here it also becomes what JupyterLab, Notebook 7, VS Code and Colab
read, each under a name of its own:

    hide-input, remove-input, remove-cell   the source is folded
    hide-cell                               the source and what it printed

A solution, a question of a quiz and a prediction get their tag by what they are.
"""

import re
from functools import cache
from pathlib import Path

from nbformat.v4 import new_markdown_cell

FOLDED = {"hide-input", "remove-input", "remove-cell", "hide-cell"}
TAG = {"solution": "hide-cell", "quiz": "remove-input", "predict": "hide-input"}
WAY = "way"  # the tag of the cell at a page's foot


def kind(cell):
    """ "solution", "quiz" or "predict" for a cell that gives something away, else None."""
    if cell.cell_type != "code":
        return None
    if cell.source.lstrip().startswith("# Solution"):
        return "solution"
    return next((name for name in ("quiz", "predict") if re.search(rf"^live\.{name}\(", cell.source, re.M)), None)


def fold(cell):
    """Write what a cell's tag means where each program looks for it; doing it twice changes nothing more."""
    if cell.cell_type != "code":
        return
    tags = list(cell.metadata.get("tags", []))
    if found := kind(cell):
        tags = [tag for tag in tags if tag not in FOLDED] + [TAG[found]]
        cell.metadata["tags"] = tags
    for name in ("jupyter", "cellView", "collapsed"):
        cell.metadata.pop(name, None)
    if FOLDED & set(tags):
        cell.metadata["jupyter"] = {"source_hidden": True}
        cell.metadata["cellView"] = "form"  # Colab's word for it
    if "hide-cell" in tags:
        cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
        cell.metadata["collapsed"] = True  # and the older word for the outputs


def put_way(nb, path):
    """Let the last cell lead to the pages before and after this one, in JupyterLab as on GitHub.

    The website has such links of its own, so there the cell is left out.
    """
    nb.cells = [cell for cell in nb.cells if WAY not in cell.metadata.get("tags", [])]
    if line := way(path):
        about = {"tags": [WAY, "remove-cell"], "slideshow": {"slide_type": "skip"}}
        nb.cells.append(new_markdown_cell(line, id=WAY, metadata=about))


def way(path):
    """The line that leads to the neighbours in the table of contents; "" for a page that is not in it."""
    order = _order(path.parent)
    if path.stem not in order:
        return ""
    at = order.index(path.stem)
    before, after = order[at - 1] if at else None, order[at + 1] if at + 1 < len(order) else None
    links = [
        before and f"← [{_title(path.parent, before)}]({_file(path.parent, before)})",
        at and f"[All chapters]({_file(path.parent, order[0])}#chapters)",
        after and f"[{_title(path.parent, after)}]({_file(path.parent, after)}) →",
    ]
    return " · ".join(link for link in links if link)  # no rule above: a leading "---" is front matter in MyST


@cache
def _order(book):
    toc = book / "_toc.yml"
    return re.findall(r"^\s*(?:root:|- file:) (\S+)$", toc.read_text(encoding="utf-8"), re.M) if toc.exists() else []


def _file(book, page):
    return f"{page}.md" if (book / f"{page}.md").exists() else f"{page}.ipynb"


@cache
def _title(book, page):
    text = Path(book, _file(book, page)).read_text(encoding="utf-8")
    return re.search(r'^\s*"?# (.+?)(?:\\n",?|"|)$', text, re.M)[1].partition(":")[0]
