"""A line to open, and what it hides: answers, hints, further frames. Every ``<summary>`` of the course is made here.

Browsers draw a triangle before such a line, and some pages take it away (jupyterlab-myst does, in all of JupyterLab);
then nobody sees that there is something to open. So the mark is a character of the text itself, which even survives
where JupyterLab strips styles and scripts; ``fold.css`` hides the browser's own and turns ours.
"""

from __future__ import annotations

from srlib.live.page import sheet

_MARK = '<span class="sr-arrow" aria-hidden="true">▸</span>'  # parts.js makes the same
_OPENS = 'class="sr-fold" style="list-style:none;cursor:pointer"'  # at once, also where the style sheet is dropped


def fold(opens: str, inside: str, kind: str = "") -> str:
    """``inside`` (HTML), shown when ``opens`` (HTML) is clicked; ``kind`` is the fold's own class, if it has one."""
    kind = f' class="{kind}"' if kind else ""
    return f"<details{kind}><summary {_OPENS}>{_MARK} {opens}</summary>{inside}</details>"


def style() -> str:
    """The folds' ``<style>``, for elements without other style sheets; ``page.element`` brings it by itself."""
    return f"<style>{sheet('fold')}</style>"
