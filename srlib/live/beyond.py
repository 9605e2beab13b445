"""JupyterLab's half of a twin: widgets that run ``fn`` as they move, also between the values of the grid."""

from __future__ import annotations

import html
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
from IPython.display import display

from srlib.live.frames import Frame, beginning, first, frame, numeric
from srlib.live.twin import MOST, still, twin

SWIFT = 0.15  # seconds: an ``fn`` that takes longer runs when the slider is let go, not at every step of a drag


class Live:
    """Two outputs of one cell: the widgets, and before them the page's twin, which hides while they live.

    A notebook that is reopened has no widgets any more; then the twin plays, and what is left of them hides. The
    widgets are shown at once; the twin's frames take the cell some seconds more. Until then, and where the grid has
    more frames than a page holds, there is one picture in its place.
    """

    def __init__(self, fn: Callable, grid: Mapping[str, Sequence]) -> None:
        self.fn, self.grid = one_at_a_time(fn), grid
        began = time.monotonic()
        self.start = frame(self.fn, beginning(grid))
        self.box = box(self.fn, grid, self.start, slow=time.monotonic() - began > SWIFT)

    def _ipython_display_(self) -> None:
        spare = display(still(self.start), display_id=True)
        display(self.box)
        if math.prod(map(len, self.grid.values())) <= MOST:
            spare.update(twin(self.fn, self.grid, spare=""))


def one_at_a_time(fn: Callable) -> Callable:
    """JupyterLab delivers what is touched while the cell still makes the twin: on another thread, which then waits."""
    free = threading.Lock()

    def alone(**chosen: object):
        with free:
            return fn(**chosen)

    return alone


def box(fn: Callable, grid: Mapping[str, Sequence], start: Frame, slow: bool = False) -> ipywidgets.VBox:
    """One control for each parameter, and below them what ``fn`` makes of their values; ``start`` of the first ones."""
    knobs = {name: control(name, values) for name, values in grid.items()}
    said, shown = ipywidgets.HTML(), ipywidgets.HTML()

    def show(made: Frame) -> None:
        words = f"<b>{html.escape(made.label)}</b>" + (f": {html.escape(made.numbers)}" if made.numbers else "")
        said.value, shown.value = f'<p aria-live="polite">{words}</p>', made.markup

    def draw(_) -> None:
        try:
            show(frame(fn, {name: knob.value for name, knob in knobs.items()}))
        except Exception as error:  # between the grid's values fn may have limits of its own: say them, play on
            said.value = f"<p>✗ {type(error).__name__}: {html.escape(str(error))}</p>"

    show(start)
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
