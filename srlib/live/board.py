"""A chart of methods by any two of their numbers, each with its picture; what was published stands in outline."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from srlib.figures import Html, data_uri, table
from srlib.live.fold import fold
from srlib.live.page import attribute, element

Numbers = Mapping[str, Mapping[str, float]]  # method -> axis -> value


def board(
    measured: Numbers,
    x: Sequence[str],
    y: Sequence[str],
    alt: str,
    published: Numbers | None = None,
    pictures: Mapping[str, Tensor] | None = None,
    less: Sequence[str] = (),
) -> Html:
    """A chart whose axes the reader chooses; pointing at a method, or reaching it by Tab, shows its picture.

    Without a script (a notebook that is not trusted, paper) the same numbers are a table.

    Args:
        measured: method -> {axis: value}. An axis may be missing: the method is then not on charts with it.
        x, y: names of axes to choose from, the first ones are shown first. An axis whose largest value is 20 times its
            smallest, or more, is logarithmic.
        alt: what there is to see, in words.
        published: the same from the papers, drawn in outline and joined to ours by a line.
        pictures: method -> picture ``(C, H, W)`` in [0, 1]; a detail of 64 to 128 pixels is enough.
        less: axes on which less is better; the chart says so.

    Raises:
        ValueError: an empty ``alt``, no method, or an axis that nobody has.
    """
    published, pictures = published or {}, pictures or {}
    if not alt.strip():
        raise ValueError("alt is empty. Say in words what there is to see: some readers only have that.")
    if not measured:
        raise ValueError("The board has no methods. Measure one first: srlib benchmark bicubic --record")
    for axis in (*x, *y):
        if not any(axis in numbers for numbers in measured.values()):
            raise ValueError(f"No method has {axis!r}. Axes there are: {', '.join(_axes(measured))}.")
    points = [
        # an infinite PSNR (a picture equal to the original) has no place on an axis
        {"name": name, "numbers": {k: v for k, v in numbers.items() if math.isfinite(v)}, "paper": paper}
        for paper, group in ((False, measured), (True, published))
        for name, numbers in group.items()
    ]
    images = "".join(
        f'<img data-of="{attribute(name)}" alt="{attribute(f"{alt}: {name}")}" src="{data_uri(img, exact=False)}" '
        f'width="{img.shape[-1]}" height="{img.shape[-2]}" loading="lazy">'
        for name, img in pictures.items()
    )
    listed = _listed(points, [*y, *x], alt)
    body = listed.markup + fold(f"{len(pictures)} pictures", images, "sr-shelf")
    about = {"points": points, "x": list(x), "y": list(y), "less": list(less), "alt": " ".join(alt.split())}
    return Html(element("board", body, ("parts", "board"), sheets=("board",), about=json.dumps(about)), listed.text)


def _axes(measured: Numbers) -> list[str]:
    return sorted({axis for numbers in measured.values() for axis in numbers})


def _listed(points: Sequence[dict], axes: Sequence[str], caption: str) -> Html:
    """All numbers as a table, best first on the first axis."""
    ordered = sorted(points, key=lambda p: -p["numbers"].get(axes[0], float("-inf")))
    rows = [
        {"": f"{p['name']}, published" if p["paper"] else p["name"]} | {a: _short(p["numbers"].get(a)) for a in axes}
        for p in ordered
    ]
    return table(rows, html.unescape(caption))


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
