"""Checks of what a learner wrote: one sentence about it, and hints that open one after the other."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

from IPython.display import display

from srlib.figures import Html


def check(answer: Any, *tests: tuple[Callable[[Any], bool], str], hint: str | Sequence[str] = "") -> bool:
    """Check an exercise's answer and say one sentence about it.

    Args:
        answer: what the learner wrote; None means not tried yet.
        tests: (does the answer have this property?, what to say if it has not); the first failure is reported.
        hint: one hint, printed after the sentence; or several, best three (where to look, how to go about it,
            almost the answer), folded so that each opens only the next. Not shown when the answer is right.

    Returns:
        Whether all tests passed.
    """
    said = "Not tried yet: replace None by your answer and run the cell again."
    if answer is not None:
        said = ""
        for holds, message in tests:
            try:
                if not holds(answer):
                    said = message
            except Exception as error:  # a learner's mistake must not stop the notebook
                said = f"{message} (Trying it raised {type(error).__name__}: {error})"
            if said:
                break
    if not said:
        print("✓ Right.")
        return True
    print(f"{'○' if answer is None else '✗'} {said}")
    if isinstance(hint, str):
        if hint:
            print(f"  Hint: {hint}")
    elif hint:
        display(hints(hint))
    return False


def hints(steps: Sequence[str]) -> Html:
    """Hints folded into each other: opening one shows it and the fold of the next. No script, no kernel."""
    markup = ""
    for number, step in reversed(list(enumerate(steps, 1))):
        opens = f"Hint {number} of {len(steps)}"
        markup = f"<details><summary>{opens}</summary><p>{html.escape(step)}</p>{markup}</details>"
    more = f" ({len(steps) - 1} more in the notebook)" if len(steps) > 1 else ""
    return Html(f'<div class="sr-hints">{markup}</div>', f"Hint: {steps[0]}{more}")


def tried(fn: Callable | None, *arguments: Any) -> Callable | None:
    """The learner's function, or None while it is still the empty one that returns None.

    One that raises counts as tried: ``check`` then says what it raised.
    """
    try:
        return None if fn is None or fn(*arguments) is None else fn
    except Exception:  # a learner's mistake must not stop the notebook
        return fn
