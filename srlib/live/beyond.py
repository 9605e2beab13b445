"""JupyterLab's half of a twin: widgets that run ``fn`` as they move, also between the values of the grid."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
from IPython.display import display

from srlib.live.frames import first, frame, numeric
from srlib.live.twin import MOST, twin

SWIFT = 0.15  # seconds: an ``fn`` that takes longer runs when the slider is let go, not at every step of a drag
PATIENCE = 4.0  # seconds that the cell may take to make the whole grid for the saved notebook


class Live:
    """Two outputs of one cell: the widgets, and before them the page's twin, which hides while they live.

    A notebook that is reopened has no widgets any more; then the twin plays, and what is left of them hides.
    Where ``fn`` takes its time, the twin has one value for each parameter: as much as the widgets show at first.
    """

    def __init__(self, fn: Callable, grid: Mapping[str, Sequence]) -> None:
        self.fn, self.grid = fn, grid
        began = time.monotonic()
        self.box = box(fn, grid)
        count = math.prod(map(len, grid.values()))
        self.whole = count <= MOST and count * (time.monotonic() - began) <= PATIENCE

    def _ipython_display_(self) -> None:
        grid = self.grid if self.whole else {name: [vs[first(vs)]] for name, vs in self.grid.items()}
        display(twin(self.fn, grid, spare=""))
        display(self.box)


def box(fn: Callable, grid: Mapping[str, Sequence]) -> ipywidgets.VBox:
    """One control for each parameter, and below them what ``fn`` makes of their values."""
    knobs = {name: control(name, values) for name, values in grid.items()}
    said, shown = ipywidgets.HTML(), ipywidgets.HTML()

    def draw(_=None) -> float:
        began = time.monotonic()
        try:
            made = frame(fn, {name: knob.value for name, knob in knobs.items()})
            words = f"<b>{html.escape(made.label)}</b>" + (f": {html.escape(made.numbers)}" if made.numbers else "")
            said.value, shown.value = f'<p aria-live="polite">{words}</p>', made.markup
        except Exception as error:  # between the grid's values fn may have limits of its own: say them, play on
            said.value = f"<p>✗ {type(error).__name__}: {html.escape(str(error))}</p>"
        return time.monotonic() - began

    slow = draw() > SWIFT
    for knob in knobs.values():
        if slow and hasattr(knob, "continuous_update"):
            knob.continuous_update = False
        knob.observe(draw, "value")
    made = ipywidgets.VBox([*knobs.values(), said, shown])
    made.add_class("sr-beyond")
    return made


def control(name: str, values: Sequence) -> ipywidgets.Widget:
    """A slider between the ends of a grid of numbers; the values themselves as buttons otherwise.

    Whole numbers keep the rhythm of the grid: [2, 4, 8] also offers 6. A geometric grid gets a logarithmic slider.
    """
    start = values[first(values)]
    common = {"description": name, "value": start, "style": {"description_width": "initial"}}
    if not numeric(values):
        return ipywidgets.ToggleButtons(options=[(str(v), v) for v in values], **common)
    low, high = values[0], values[-1]
    if all(isinstance(v, int) for v in values):
        step = math.gcd(*(b - a for a, b in zip(values, values[1:], strict=False)))
        return ipywidgets.IntSlider(min=low, max=high, step=step, **common)
    if geometric(values):
        low, high = math.log10(low), math.log10(high)
        step = (high - low) / 100
        return ipywidgets.FloatLogSlider(base=10, min=low, max=high, step=step, readout_format=".3g", **common)
    return ipywidgets.FloatSlider(min=low, max=high, step=(high - low) / 100, readout_format=".3g", **common)


def geometric(values: Sequence[float]) -> bool:
    """Do the values rise by one constant factor (of at least 1.5)?"""
    if len(values) < 3 or values[0] <= 0:
        return False
    factors = [b / a for a, b in zip(values, values[1:], strict=False)]
    return min(factors) >= 1.5 and max(factors) < 1.05 * min(factors)
