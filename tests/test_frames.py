"""The frames that a committed page plays with are still what its function makes: a sample of each is computed again."""

import ast
import base64
import html
import io
import itertools
import json
import os
import re
import symtable

import nbformat
import numpy as np
import pytest
import torch
from conftest import load_tool
from PIL import Image

from srlib import figures, live
from srlib.live.frames import frame
from srlib.live.pictures import at_quality, unshare

SAMPLE = 3  # frames computed again, of each twin: the first, the last and one between
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

tool = load_tool("notebooks")
BOOK = {tool.called(path): path for path in tool.notebooks() if "live.explore(" in path.read_text(encoding="utf-8")}


# ---------------------------------------------------------------- what a page holds


def twins(cell):
    """The HTML of the twins in a cell's stored outputs."""
    stored = [output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
    return [markup for markup in stored if 'class="sr-live sr-explore"' in markup]


def stored_frame(markup, number):
    """Words and HTML of one stored frame."""
    found = re.search(rf'<div class="sr-frame" data-at="{number}" data-said="([^"]*)">(.*?)</p>', markup, re.S)
    rest = markup[found.end() :]
    end = min(at for at in map(rest.find, ('<div class="sr-frame"', "<details", "</details>", "<style>")) if at >= 0)
    return html.unescape(found[1]), rest[: min(end, rest.find('</div><p class="sr-note"') % (end + 1))]


def pictures(markup):
    return re.findall(r'src="data:image/webp;base64,([^"]+)"', markup)


def decoded(stored):
    return np.array(Image.open(io.BytesIO(base64.b64decode(stored))).convert("RGB")).astype(int)


def complaints(markup, fn, grid):
    """What differs between a stored twin and its function, one sentence each.

    Words must agree, numbers in words by two units of their last digit (another processor may round differently),
    the numbers of a drawing by one per cent, and pictures by one of 255 levels on average.
    """
    names, sets = list(grid), list(itertools.product(*grid.values()))
    told = json.loads(html.unescape(re.search(r'data-grid="([^"]*)"', markup)[1]))
    if [p["name"] for p in told] != names or [len(p["values"]) for p in told] != [len(v) for v in grid.values()]:
        yield f"the page's grid is {told}"
        return
    lossy = re.search(r"WebP of quality (\d+)\.", markup)
    whole = unshare(markup)
    for number in sorted({0, len(sets) // 2, len(sets) - 1})[:SAMPLE]:
        fresh = frame(fn, dict(zip(names, sets[number], strict=True)))
        said, stored = stored_frame(whole, number)
        if not alike(said, " ".join(fresh.said.split())):
            yield f"{said!r} is now {fresh.said!r}"
        before, now = pictures(stored), pictures(fresh.markup)
        if len(before) != len(now):
            yield f"{fresh.label}: {len(before)} pictures are stored, {len(now)} are made"
            continue
        for old, new in zip(before, now, strict=True):
            a, b = decoded(old), decoded(at_quality(new, lossy and int(lossy[1])))
            if a.shape != b.shape or np.abs(a - b).mean() > 1:
                yield f"{fresh.label}: a picture differs"
        drawings = [re.findall(r"<svg.*?</svg>", part, re.S) for part in (stored, fresh.markup)]
        if len(drawings[0]) != len(drawings[1]) or not all(map(drawn_alike, *drawings)):
            yield f"{fresh.label}: a drawing differs"


def alike(one, other):
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(abs(float(a) - float(b)) <= 2.01 * 10.0 ** -len(a.partition(".")[2]) * ("." in a) for a, b in pairs)


def drawn_alike(one, other):
    one, other = (re.sub(r"[0-9a-f]{6,}", "", part) for part in (one, other))  # clip paths are named by a hash
    a, b = NUMBER.findall(one), NUMBER.findall(other)
    same = len(a) == len(b) and NUMBER.sub("#", one) == NUMBER.sub("#", other)
    return same and np.allclose(np.array(a, float), np.array(b, float), rtol=0.01, atol=0.2)


# ---------------------------------------------------------------- the part of a chapter that a cell needs


def names(source):
    """(names that a cell reads from the chapter, names that it gives to it)."""
    reads, gives = set(), set()

    def visit(table, inside):
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (not inside or symbol.is_global()):
                reads.add(symbol.get_name())
            if not inside and (symbol.is_assigned() or symbol.is_imported()):
                gives.add(symbol.get_name())
        for child in table.get_children():
            visit(child, True)

    visit(symtable.symtable(source, "cell", "exec"), False)
    return reads, gives


def needed(cells, last):
    """The sources of the cells that cell number ``last`` builds on, in order; a training it does not use stays out."""
    wanted, kept, grown = names(cells[last])[0], {last}, True
    while grown:  # a function may use a name that a later cell gives
        grown = False
        for number in range(last):
            reads, gives = names(cells[number])
            if number not in kept and gives & wanted:
                wanted |= reads
                kept.add(number)
                grown = True
    return [cells[number] for number in sorted(kept)]


def code(nb):
    """(cell, source) of each code cell that is plain Python."""
    for cell in nb.cells:
        if cell.cell_type == "code" and not re.search(r"^\s*[%!]", cell.source, re.M):
            yield cell, cell.source


def calls(sources, folder, monkeypatch):
    """Run cells; return what the last one gave to ``live.explore``: (fn, grid) for each call."""
    given = []
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SRLIB_TIER", "laptop")
    monkeypatch.setenv("SRLIB_LIVE", "0")
    space = {"__name__": "chapter"}
    for number, source in enumerate(sources, 1):
        if number == len(sources):
            monkeypatch.setattr(live, "explore", lambda fn, **grid: given.append((fn, grid)))
        exec(compile(source, f"cell {number}", "exec"), space)
    return given


@pytest.mark.site
@pytest.mark.parametrize("name", BOOK)
def test_the_frames_of_the_committed_pages_hold(name, monkeypatch):
    nb = nbformat.read(BOOK[name], as_version=4)
    cells, sources = zip(*code(nb), strict=True)
    wrong = []
    for at, source in enumerate(sources):
        if "live.explore(" not in source:
            continue
        stored = twins(cells[at])
        with monkeypatch.context() as patch:
            given = calls(needed(sources, at), os.path.dirname(BOOK[name]), patch)
        assert len(stored) == len(given), (
            f"cell {cells[at].id} of {name} has {len(stored)} twins stored and makes {len(given)}. "
            f"Run: python tools/notebooks.py run {name}"
        )
        for markup, (fn, grid) in zip(stored, given, strict=True):
            wrong += complaints(markup, fn, grid)
    assert not wrong, "\n".join(wrong)


# ---------------------------------------------------------------- the check itself


def drawn(a, b):
    figure, ax = figures.axes(height=2)
    ax.plot([0, 1, 2], [0, a, b])
    squares = figures.pictures({"x": torch.full((3, 12, 12), a / 8)}, "a square")
    both = figures.Html(figures.chart(figure, "a line")._repr_html_() + squares._repr_html_(), "both")
    return both, {"sum": f"{a + b:.2f}"}


GRID = {"a": [1, 2, 4], "b": [0.5, 3.0]}


@pytest.fixture
def stored(monkeypatch):
    monkeypatch.setenv("SRLIB_LIVE", "0")
    return live.explore(drawn, **GRID)._repr_html_()


def test_a_faithful_page_passes(stored):
    assert list(complaints(stored, drawn, GRID)) == []


def test_each_kind_of_difference_is_seen(stored):
    assert list(complaints(stored.replace("sum 1.50", "sum 1.55"), drawn, GRID))
    assert not list(complaints(stored.replace("sum 1.50", "sum 1.51"), drawn, GRID))
    assert any("picture differs" in c for c in complaints(stored, lambda a, b: drawn(a + 0.1, b - 0.1), GRID))
    assert any("drawing differs" in c for c in complaints(stored, lambda a, b: drawn(a, b), GRID | {"b": [0.5, 3.3]}))
    assert any("grid is" in c for c in complaints(stored, drawn, GRID | {"a": [1, 2]}))
    one, other = pictures(stored)[0], pictures(stored)[-1]
    assert any("picture differs" in c for c in complaints(stored.replace(one, other), drawn, GRID))


def test_only_the_cells_it_needs_are_run():
    cells = [
        "import math\nfrom math import pi",
        "history = train()",
        "def area(r, history=None):\n    factor = scale * pi\n    return factor * r",
        "scale = 2\nrows = []",
        "factor = history",
        "for r in rows:\n    area(r)",
        "explore(area, r=[1])",
    ]
    assert needed(cells, 6) == [cells[0], cells[2], cells[3], cells[6]]
    assert all(ast.parse(cell) for cell in cells)
