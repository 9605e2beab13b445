"""One declaration, played with live in JupyterLab and over frames computed beforehand everywhere else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from srlib.figures import Html
from srlib.live.mode import interactive
from srlib.live.twin import MOST, twin


def explore(fn: Callable[..., Html | tuple[Html, object]], /, **grid: Sequence):
    """Play with the parameters of ``fn``: declared once, alive in JupyterLab and on the website.

    In JupyterLab each parameter has a control, and ``fn`` runs as it moves; a parameter of numbers becomes a slider
    that also stops between the grid's values. Without a kernel (website, slides, a notebook just opened) the same
    controls move over the frames of the whole grid. Where no script may run, and on paper: six of the frames.

    Args:
        fn: takes the grid's parameters by name. Returns what :mod:`srlib.figures` makes (pictures, a chart), or a
            pair of that and its numbers: text, or a dictionary such as ``{"PSNR": "33.66 dB"}``. Give it no random
            numbers: a test computes frames of the committed pages again.
        grid: parameter -> its values, in order; at most 64 frames altogether.

    Raises:
        ValueError: no parameters, one without values, or too many frames for a page.
    """
    if not grid or not all(len(values) for values in grid.values()):
        raise ValueError(f"Give every parameter at least one value, for example sigma=[0.5, 1, 2] (got {grid}).")
    if interactive():
        from srlib.live.beyond import Live  # needs ipywidgets, which is slow to import

        return Live(fn, grid)
    count = math.prod(map(len, grid.values()))
    if count > MOST:
        raise ValueError(f"The grid has {count} frames, and a page holds {MOST}. Give fewer values or parameters.")
    return twin(fn, grid)
