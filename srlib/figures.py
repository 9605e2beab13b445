"""Figures that read well everywhere: JupyterLab, website, slides; light and dark; by eye and by screen reader.

Photos become ``<img>`` with alt text and their numbers underneath; charts become inline SVG whose ink is the page's
own text colour. Nothing here reads a file, and the same input gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image
from torch import Tensor

from srlib import checks
from srlib.images import to_uint8

#: Okabe and Ito's colours without black and yellow: told apart by colour-blind readers, seen on white and on black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))  # colour is never the only difference
_INK = "#010203"  # stands for "the page's text colour" until the SVG is written
WHOLE = 18  # characters of a table's cell that are never broken into lines

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "srlib",
    "font.size": 11,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.grid": True,
    "grid.color": "#888888",
    "grid.alpha": 0.35,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS, linestyle=DASHES),
    "figure.constrained_layout.use": True,
}


class Html:
    """Something that shows itself as HTML in a notebook and as plain text in a terminal."""

    def __init__(self, markup: str, text: str) -> None:
        self.markup, self.text = markup, text

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.text


def axes(columns: int = 1, width: float = 7, height: float = 3.2) -> tuple[Figure, Axes | np.ndarray]:
    """A figure in the course's style and its axes (one, or an array of ``columns``); sizes in inches.

    The figure belongs to nobody (no pyplot), so nothing leaks and nothing is shown twice.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height))
        return figure, figure.subplots(1, columns)


def chart(figure: Figure, alt: str) -> Html:
    """A matplotlib figure as inline SVG; ``alt`` says in words what there is to see.

    Raises:
        ValueError: an empty ``alt``.
    """
    alt = _alt(alt)
    for text in figure.findobj(Text):  # legends and notes were made outside the style
        if text.get_color() == "black":
            text.set_color(_INK)
    for legend in figure.findobj(Legend):
        legend.set_frame_on(False)
    file = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = _slim(file.getvalue())
    width = re.search(r'width="([\d.]+)pt"', svg).group(1)
    style = f"width:100%;max-width:{float(width):.0f}pt;height:auto;font-family:sans-serif"
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{alt}" style="{style}"', 1)
    return Html(f'<figure class="sr-chart" style="margin:0">{svg}</figure>', f"[chart: {html.unescape(alt)}]")


def _slim(svg: str) -> str:
    """The SVG in the page's ink, without what no reader sees."""
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.S)
    svg = re.sub(r">\s+<", "><", svg)
    # a hundredth of a point is finer than any screen; only coordinates are cut, never the numbers people read
    svg = _within(svg, "d|points|transform|x|y", r"(\d+\.\d{2})\d+", r"\1")
    svg = _within(svg, "d", r"\s*([A-Za-z])\s*", r"\1")
    svg = _within(svg, "style", r"font-family: [^;]*;?", "")  # the page's own font will do
    svg = _within(svg, "style", r"(font: [\d.]+px) [^;]*", r"\1 sans-serif")
    svg = _within(svg, "style", r"\s*([;:])\s*", r"\1")
    svg = re.sub(r' transform="rotate\(-?0 [^"]*"', "", svg)
    # Names of this chart's own: a pattern is not drawn from a hidden chart of the same page that has its name.
    used, own = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg)), hashlib.sha256(svg.encode()).hexdigest()[:8]
    short = {name: f"c{own}{number}" for number, name in enumerate(sorted(used))}
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{short[m[1]]}"' if m[1] in used else "", svg)
    return re.sub(r"(url\(#|href=\"#)([^)\"]+)", lambda m: m[1] + short[m[2]], svg)


def _within(svg: str, attributes: str, pattern: str, new: str) -> str:
    """The SVG with a pattern replaced, in the values of these attributes only."""
    return re.sub(rf'( (?:{attributes})=")([^"]*)', lambda m: m[1] + re.sub(pattern, new, m[2].strip()), svg)


def pictures(shown: Mapping[str, Tensor | tuple[Tensor, str]], alt: str, width: int = 224, exact: bool = True) -> Html:
    """Pictures side by side, each with its name and its numbers underneath.

    Args:
        shown: name -> picture ``(C, H, W)`` in [0, 1], or (picture, text under it, such as "33.66 dB").
        alt: what the pictures show, in words, said once; each picture's own alt adds its name and numbers.
        width: shown width in CSS pixels. Small pictures are enlarged without smoothing, so pixels stay pixels.
        exact: store small pictures without loss; False where a third of the bytes will do.

    Raises:
        TypeError, ValueError: something that is not a picture, or an empty ``alt``.
    """
    alt, parts, words = _alt(alt), [], []
    for name, value in shown.items():
        img, note = value if isinstance(value, tuple) else (value, "")
        label = html.escape(f"{name}, {note}" if note else name, quote=True)
        words.append(html.unescape(label))
        pixels = "image-rendering:pixelated;" if img.shape[-1] < width else ""
        parts.append(
            f'<figure style="margin:0;width:{width}px;max-width:100%">'
            f'<img alt="{alt}: {label}" src="{data_uri(img, exact)}" style="width:100%;height:auto;{pixels}">'
            f"<figcaption><b>{html.escape(name)}</b>{'<br>' + html.escape(note) if note else ''}</figcaption></figure>"
        )
    markup = f'<div class="sr-pictures" style="display:flex;flex-wrap:wrap;gap:12px">{"".join(parts)}</div>'
    return Html(markup, f"[pictures: {html.unescape(alt)}: {'; '.join(words)}]")


def table(rows: Sequence[Mapping[str, object]], caption: str) -> Html:
    """A table from dictionaries with the same keys; numbers are shown as they are given (format them first)."""
    if not rows:
        raise ValueError("The table has no rows. Measure something first.")
    keys = list(rows[0])
    lines = [keys, *[[str(row.get(k, "")) for k in keys] for row in rows]]
    head = "".join(f'<th scope="col">{html.escape(k)}</th>' for k in keys)
    # what is short stays on one line: a number broken at its slash or hyphen cannot be read down a column
    whole = ' style="white-space:nowrap"'
    cells = [[f"<td{whole if len(c) <= WHOLE else ''}>{html.escape(c)}</td>" for c in line] for line in lines[1:]]
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in cells)
    markup = (
        f'<table class="sr-table"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    widths = [max(len(line[i]) for line in lines) for i in range(len(keys))]
    text = "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
    return Html(f'<div style="overflow-x:auto">{markup}</div>', f"{caption}\n{text}")


def cut(img: Tensor, top: int, left: int, side: int = 64) -> Tensor:
    """A square detail ``(C, side, side)`` of a picture, for showing it large.

    Raises:
        ValueError: the square leaves the picture, or has no pixel.
    """
    checks.picture(img)
    height, width = img.shape[-2:]
    if side < 1 or min(top, left) < 0 or top + side > height or left + side > width:
        raise ValueError(f"A square of {side} pixels at ({top}, {left}) leaves the picture of {height} x {width}.")
    return img[..., top : top + side, left : left + side]


def error_map(sr: Tensor, hr: Tensor, largest: float = 0.2) -> Tensor:
    """The absolute error, averaged over channels, as a gray picture ``(1, H, W)``: white is ``largest`` or more."""
    checks.same_shape(checks.picture(sr, "sr"), checks.picture(hr, "hr"))
    return ((sr - hr).abs().mean(-3, keepdim=True) / largest).clamp(0, 1)


def data_uri(img: Tensor, exact: bool = True) -> str:
    """A picture as a WebP ``data:`` address: lossless up to 40,000 pixels if ``exact``, else of quality 90."""
    array = to_uint8(img)
    file = io.BytesIO()
    lossless = exact and array.shape[0] * array.shape[1] <= 40_000
    Image.fromarray(array).save(file, format="WEBP", lossless=lossless, quality=90, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def spectrum(img: Tensor) -> Tensor:
    """The picture's log amplitude spectrum as a gray picture ``(1, H, W)``, zero frequency in the middle."""
    checks.picture(img)
    amplitude = torch.fft.fftshift(torch.fft.fft2(img.mean(-3)), dim=(-2, -1)).abs()
    log = torch.log1p(amplitude)[None]
    return log / log.max().clamp_min(1e-12)  # a black picture has no spectrum


def _alt(alt: str) -> str:
    if not alt.strip():
        raise ValueError("alt is empty. Say in words what there is to see: some readers only have that.")
    return html.escape(" ".join(alt.split()), quote=True)
