"""The page's half of an explorer: the frames of the whole grid, and controls that need no kernel."""

from __future__ import annotations

import html
import itertools
import json
from collections.abc import Callable, Mapping, Sequence

from srlib.figures import Html
from srlib.live.fold import fold
from srlib.live.frames import Frame, first, frame, numeric, word
from srlib.live.page import attribute, element
from srlib.live.pictures import Shelf, fit

PRINTED = 6  # frames of the small multiple: on paper, and where no script may run
MOST = 64  # frames a page holds
BUDGET = 200_000  # bytes that the pictures of one twin may take in the page


def twin(fn: Callable, grid: Mapping[str, Sequence], **data: str) -> Html:
    """Every frame as HTML, six of them in the open, the rest folded, and the script that plays with them.

    Raises:
        ValueError: pictures that do not fit the budget at any quality.
    """
    sets = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    frames = [frame(fn, chosen) for chosen in sets]
    few = sorted({round(k * (len(frames) - 1) / (PRINTED - 1)) for k in range(PRINTED)})  # from end to end
    order = [*few, *(i for i in range(len(frames)) if i not in few)]
    quality = fit([f.markup for f in frames], BUDGET)
    shelf = Shelf(quality)
    tags = [_tag(frames[i], i, shelf.put(frames[i].markup, whole=i in few)) for i in order]
    shown, folded = tags[: len(few)], tags[len(few) :]
    body = "".join(shown)
    if folded:
        body += fold(f"{len(folded)} more settings", "".join(folded), "sr-rest")
    if quality is not None:
        body += f'<p class="sr-note">To keep the page small its pictures are WebP of quality {quality}.</p>'
    about = [
        {"name": n, "values": [word(v) for v in vs], "slider": numeric(vs), "first": first(vs)}
        for n, vs in grid.items()
    ]
    markup = element("explore", body, ("parts", "spare", "explore"), grid=json.dumps(about), **data)
    return Html(markup, "\n".join(frames[i].said for i in few))


def still(shown: Frame) -> Html:
    """One frame alone, for a saved notebook without the others: a picture, and no controls that could not act."""
    body = f'{_tag(shown, 0, shown.markup)}<p class="sr-note">Run this cell to move the controls.</p>'
    return Html(element("still", body, ("spare", "aside")), shown.said)


def _tag(shown: Frame, number: int, markup: str) -> str:
    numbers = f": {html.escape(shown.numbers)}" if shown.numbers else ""
    return (
        f'<div class="sr-frame" data-at="{number}" data-said="{attribute(shown.said)}">'
        f'<p class="sr-label"><b>{html.escape(shown.label)}</b>{numbers}</p>{markup}</div>'
    )
