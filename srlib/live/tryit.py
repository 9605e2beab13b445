"""A network on the reader's own photo: in the page of the website, or by the kernel of a notebook that is open."""

from __future__ import annotations

import html

from srlib import checks, models
from srlib.figures import Html
from srlib.live.mode import interactive
from srlib.live.page import attribute


def try_it(name: str | None = None, scale: int = 2):
    """A laboratory for a photo of the reader's own, with this network chosen.

    In JupyterLab: widgets that take a photo and enlarge it by the kernel. Without a front end: the place where the
    website has a button; that output carries no script and loads nothing (``book/_ext/tryit.py`` gives the page what
    the button needs), and it is also what a saved notebook shows.

    Args:
        name: a network with shipped weights, or None for all of them.
        scale: the factor to begin with.

    Raises:
        ValueError: a scale that is no whole number of at least 1.
    """
    checks.integer_scale(scale)
    called = "a network of this course" if name is None else f"{name} at x{scale}"
    command = f"srlib upscale photo.jpg --model {name or models.names()[-1]} --scale {scale} -o large.png"
    places = f"On the website {called} runs here on a photo of your own; in JupyterLab, run this cell; in a terminal:"
    asked = "".join(
        f' data-{key}="{attribute(str(value))}"' for key, value in (("network", name), ("scale", scale)) if value
    )
    button = "Open the lab" if name is None else f"Try {called} on a photo of your own"
    said = Html(
        f'<div class="sr-live sr-try"{asked} data-button="{attribute(button)}" data-lm-suppress-shortcuts="true" '
        f'data-prevent-swipe=""><p>{html.escape(places)} <code>{html.escape(command)}</code></p></div>',
        f"{places} {command}",
    )
    if not interactive():
        return said
    from srlib.live.upload import Upload  # needs ipywidgets, which is slow to import

    return Upload(said, name, scale)
