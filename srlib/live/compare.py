"""A wipe between pictures, with a loupe, error maps, spectra and exact pixel values; works in JupyterLab and alone.

The pictures are stored without loss, so what the page measures in them is true. Everything else (error maps,
spectra, enlargements) the page computes from them.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from torch import Tensor

from srlib import checks, metrics
from srlib.figures import Html
from srlib.images import round_to_uint8
from srlib.live.page import attribute, element, exact_uri

BUDGET = 160_000  # bytes that the pictures of one comparison may take in the page
SIDES = (320, 240, 192, 160, 128, 96, 64)  # of the square shown where whole pictures would take more
WHITE = 0.2  # absolute error that an error map shows as white


def compare(
    shown: Mapping[str, Tensor | tuple[Tensor, str]],
    alt: str,
    width: int = 480,
    reference: str = "original",
    budget: int | None = None,
) -> Html:
    """Two or more pictures under one wipe, the first to its left and the last to its right, and a loupe over all.

    A picture without a text of its own gets its PSNR and SSIM against the reference: colour pictures in RGB, gray
    ones as they are, rounded to 8 bits, borders included. Pictures that would weigh too much without loss are shown
    in part: the largest square from the middle that fits; the numbers are always the whole picture's.

    Args:
        shown: name -> picture ``(C, H, W)`` in [0, 1] or (picture, text under it), of equal shape.
        alt: what the pictures show, in words.
        width: width on the page in CSS pixels; a picture is enlarged by whole factors, so its pixels stay squares.
        reference: the name of the true picture. Without it among ``shown`` there are no error maps and no numbers.
        budget: bytes that the pictures may take; None for those of a stored page, 160 kB.

    Raises:
        TypeError, ValueError: fewer than two pictures, shapes that differ, values outside [0, 1], an empty ``alt``.
    """
    if not alt.strip():
        raise ValueError("alt is empty. Say in words what there is to see: some readers only have that.")
    if len(shown) < 2:
        raise ValueError(f"compare needs two pictures or more, but {len(shown)} were given. See figures.pictures.")
    split = {name: value if isinstance(value, tuple) else (value, None) for name, value in shown.items()}
    originals = {name: img for name, (img, _) in split.items()}
    (name, img), *others = originals.items()
    for other, its in others:
        if its.shape != img.shape:
            raise ValueError(
                f"Pictures of one size are compared, but {name!r} is {tuple(img.shape)} "
                f"and {other!r} is {tuple(its.shape)}."
            )
    for name, img in originals.items():
        checks.picture(img, name)
    truth = originals.get(reference)
    exact, part = _within_budget(originals, budget or BUDGET)
    notes = {n: _numbers(i, truth) if note is None else note for n, (i, note) in split.items()}
    markup, labels = _figures(exact, notes, alt)
    remarks = [part] if part else []
    if truth is not None and any(note is None for n, (_, note) in split.items() if n != reference):
        channels = "RGB" if truth.shape[0] == 3 else "the gray picture"
        remarks.append(f"PSNR and SSIM of {channels}, rounded to 8 bits, borders included.")
    if remarks:
        markup += f'<p class="sr-note">{" ".join(remarks)}</p>'
    side = exact[list(exact)[0]].shape[-1]
    about = {
        "names": list(shown),
        "reference": list(shown).index(reference) if truth is not None else None,
        "colour": img.shape[0] == 3,
        "largest": WHITE,
        "alt": " ".join(alt.split()),
    }
    style = f"--sr-width:{side * max(1, width // side)}px"
    markup = element("compare", markup, ("parts", "pixels", "wipe", "compare"), style, about=json.dumps(about))
    return Html(markup, f"[comparison: {alt}: {' | '.join(labels)}]")


def _numbers(img: Tensor, truth: Tensor | None) -> str:
    if truth is None or img is truth:
        return ""
    options = {"crop": 0, "channel": "rgb" if img.shape[0] == 3 else "y", "rounding": "uint8"}
    psnr = metrics.psnr(img, round_to_uint8(truth), **options)
    if min(img.shape[1:]) < 11:  # smaller than SSIM's window
        return f"{psnr:.2f} dB"
    return f"{psnr:.2f} dB, SSIM {metrics.ssim(img, round_to_uint8(truth), **options):.4f}"


def _within_budget(pictures: dict[str, Tensor], budget: int) -> tuple[dict[str, Tensor], str]:
    """The pictures, or the largest middle square of them that can be stored exactly; and a sentence if it is a part."""
    height, width = next(iter(pictures.values())).shape[-2:]
    whole = [(height, width)] + [(min(s, height), min(s, width)) for s in SIDES if s < max(height, width)]
    for rows, columns in whole:
        top, left = (height - rows) // 2, (width - columns) // 2
        cut = {n: p[..., top : top + rows, left : left + columns] for n, p in pictures.items()}
        if sum(len(exact_uri(p)) for p in cut.values()) <= budget:
            break
    if (rows, columns) == (height, width):
        return cut, ""
    return cut, f"Shown: the middle {columns} x {rows} of {width} x {height} pixels. The numbers: the whole picture."


def _figures(pictures: dict[str, Tensor], notes: dict[str, str], alt: str) -> tuple[str, list[str]]:
    """The pictures side by side with their numbers: what is left where no script may run."""
    parts, labels = [], []
    for name, img in pictures.items():
        label = f"{name}, {notes[name]}" if notes[name] else name
        labels.append(label)
        note = f"<br>{html.escape(notes[name])}" if notes[name] else ""
        parts.append(
            f'<figure><img alt="{attribute(f"{alt}: {label}")}" src="{exact_uri(img)}" '
            f'style="width:{img.shape[-1]}px;max-width:100%;height:auto">'
            f"<figcaption><b>{html.escape(name)}</b>{note}</figcaption></figure>"
        )
    return f'<div class="sr-side" style="display:flex;flex-wrap:wrap;gap:12px">{"".join(parts)}</div>', labels
