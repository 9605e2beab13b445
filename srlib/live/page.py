"""Elements that play without a kernel: HTML that says everything by itself, and a script that adds the controls.

Each output carries its own style and script, so a page works from a file, without a network and in slides. Where
JupyterLab does not trust a notebook it drops both, and what remains is the HTML: pictures, numbers and words.
"""

from __future__ import annotations

import base64
import html
import io
import re
from functools import cache
from pathlib import Path

from PIL import Image
from torch import Tensor

from srlib.images import to_uint8

_HERE = Path(__file__).parent


def element(
    kind: str, body: str, scripts: tuple[str, ...], style: str = "", sheets: tuple[str, ...] = (), **data: str
) -> str:
    """A ``<div class="sr-live sr-KIND">`` with its body, its style sheets and the scripts (file stems) that start it.

    No ids, nothing random: the same body gives the same bytes, and several elements live on one page. The keyboard
    belongs to its controls: ``data-lm-suppress-shortcuts`` keeps JupyterLab, ``data-prevent-swipe`` reveal.js away.
    """
    attributes = "".join(f' data-{name}="{attribute(value)}"' for name, value in data.items())
    style = f' style="{style}"' if style else ""
    styles = "".join(map(sheet, ("live", "fold", *sheets)))
    return (
        f'<div class="sr-live sr-{kind}"{style}{attributes} data-lm-suppress-shortcuts="true" data-prevent-swipe="">'
        f"{body}<style>{styles}</style>{starter(kind, scripts)}</div>"
    )


def starter(kind: str, scripts: tuple[str, ...]) -> str:
    """The ``<script>`` that calls their ``start(root)`` for every ``.sr-KIND`` which has not been started yet."""
    script = "".join(_read(f"{name}.js") for name in scripts)
    start = (
        f'for (const root of document.querySelectorAll(".sr-{kind}:not([data-ready])"))'
        ' { root.dataset.ready = ""; start(root); }'
    )
    return f"<script>(() => {{\n{script}{start}\n}})();</script>"


def sheet(name: str) -> str:
    """A style sheet of this package, as it goes into a page."""
    return _read(f"{name}.css")


def attribute(text: str) -> str:
    """Text for an HTML attribute: one line, escaped."""
    return html.escape(" ".join(text.split()), quote=True)


def exact_uri(img: Tensor) -> str:
    """A picture as a lossless WebP ``data:`` address: every pixel is the picture's own, rounded to 8 bits."""
    file = io.BytesIO()
    Image.fromarray(to_uint8(img)).save(file, format="WEBP", lossless=True, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


@cache
def _read(name: str) -> str:
    """A file beside this one, without the comments and the indentation that only its readers need."""
    text = (_HERE / name).read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/\n?", "", text, flags=re.S)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"
