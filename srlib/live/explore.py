"""Sliders over a function: live in JupyterLab, a small multiple of its grid elsewhere."""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Sequence

from srlib.figures import Html
from srlib.live.mode import interactive

SHOWN = 6  # parameter sets a page shows at most


def explore(fn: Callable[..., Html], **grid: Sequence):
    """Play with the parameters of ``fn``.

    In JupyterLab: one control per parameter (a slider over its values), and ``fn`` is called as it moves.
    Without a front end: the results for up to six sets of values, one under another.

    Args:
        fn: takes the grid's parameters by name, returns something with ``_repr_html_`` (a chart, pictures).
        grid: parameter -> its values, in order.

    Raises:
        ValueError: no parameters, or one without values.
    """
    if not grid or not all(len(values) for values in grid.values()):
        raise ValueError(f"Give every parameter at least one value, for example sigma=[0.5, 1, 2] (got {grid}).")
    return _controls(fn, grid) if interactive() else _pages(fn, grid)


def _controls(fn: Callable[..., Html], grid: dict[str, Sequence]):
    import ipywidgets  # only where somebody can touch it: it is slow to import

    sliders = {
        name: ipywidgets.SelectionSlider(
            options=list(values), value=values[len(values) // 2], description=name, continuous_update=False
        )
        for name, values in grid.items()
    }
    out = ipywidgets.HTML()

    def draw(_=None) -> None:
        out.value = fn(**{name: s.value for name, s in sliders.items()})._repr_html_()

    for slider in sliders.values():
        slider.observe(draw, "value")
    draw()
    return ipywidgets.VBox([*sliders.values(), out])


def _pages(fn: Callable[..., Html], grid: dict[str, Sequence]) -> Html:
    sets = list(itertools.product(*grid.values()))
    step = max(1, -(-len(sets) // SHOWN))
    parts, words = [], []
    for values in sets[::step]:
        chosen = dict(zip(grid, values, strict=True))
        shown = fn(**chosen)
        label = ", ".join(f"{k} = {v}" for k, v in chosen.items())
        parts.append(f"<p><b>{html.escape(label)}</b></p>{shown._repr_html_()}")
        words.append(f"{label}: {shown!r}")
    return Html("".join(parts), "\n".join(words))
