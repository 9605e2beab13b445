"""A wipe slider between two pictures, in plain HTML: it works in JupyterLab, on the website and in slides."""

from __future__ import annotations

import html
from collections.abc import Mapping

from torch import Tensor

from srlib import figures
from srlib.figures import Html

# The positions live in <style>, not on the elements: where JupyterLab does not trust a notebook it drops <style>, and
# what remains is the two pictures one after the other.
_CSS = """<style>
.sr-wipe{display:grid;max-width:var(--sr-width);--p:50%}
.sr-wipe>*{grid-column:1}
.sr-wipe>.sr-a,.sr-wipe>.sr-b{grid-row:1;width:100%;height:auto}
.sr-wipe>.sr-b{clip-path:inset(0 0 0 var(--p))}
.sr-pixelated>img{image-rendering:pixelated}
.sr-wipe>input{width:100%;margin:4px 0 0;accent-color:#0072B2}
.sr-wipe>p{display:flex;justify-content:space-between;margin:0}
</style>"""
_MOVE = "this.parentElement.style.setProperty('--p',this.value+'%')"


def compare(shown: Mapping[str, Tensor | tuple[Tensor, str]], alt: str, width: int = 480) -> Html:
    """Two pictures under one slider: the first to its left, the second to its right.

    Args:
        shown: two entries, name -> picture or (picture, text under it), of equal shape.
        alt: what the pictures show, in words.
        width: shown width in CSS pixels.

    Raises:
        ValueError: not two pictures, shapes that differ, or an empty ``alt``.
    """
    if not alt.strip():
        raise ValueError("alt is empty. Say in words what there is to see: some readers only have that.")
    if len(shown) != 2:
        raise ValueError(f"compare shows two pictures, but {len(shown)} were given. Use figures.pictures for more.")
    (left, right), notes, pictures = list(shown), [], []
    for value in shown.values():
        img, note = value if isinstance(value, tuple) else (value, "")
        pictures.append(img)
        notes.append(note)
    if pictures[0].shape != pictures[1].shape:
        raise ValueError(f"The two pictures have shapes {tuple(pictures[0].shape)} and {tuple(pictures[1].shape)}.")
    labels = [f"{n}, {note}" if note else n for n, note in zip(shown, notes, strict=True)]
    words = html.escape(" ".join(alt.split()), quote=True)
    tags = [
        f'<img class="sr-{k}" alt="{words}: {html.escape(label, quote=True)}" src="{figures.data_uri(img)}">'
        for k, label, img in zip("ab", labels, pictures, strict=True)
    ]
    pixelated = " sr-pixelated" if pictures[0].shape[-1] < width else ""
    slider = (
        f'<input type="range" min="0" max="100" value="50" oninput="{_MOVE}" onkeydown="event.stopPropagation()" '
        f'aria-label="Wipe between {html.escape(left, quote=True)} and {html.escape(right, quote=True)}">'
    )
    captions = "".join(f"<span>{html.escape(label)}</span>" for label in labels)
    markup = (
        f'{_CSS}<div class="sr-wipe{pixelated}" style="--sr-width:{width}px" data-lm-suppress-shortcuts="true">'
        f"{''.join(tags)}{slider}<p>{captions}</p></div>"
    )
    return Html(markup, f"[comparison: {alt}: {labels[0]} | {labels[1]}]")
