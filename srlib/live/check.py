"""Checks of what a learner wrote: one sentence about it, and hints that open one after the other."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

from IPython.display import display

from srlib.figures import Html
from srlib.live.answers import Answer, Function, Refused, crash, function, in_a_solution, in_learners_code
from srlib.live.fold import fold, style
from srlib.live.kinds import anything, described

_UNTRIED = "Not tried yet: replace None by your answer and run the cell again."


def check(answer: Any, *tests: tuple[Callable[[Any], bool], str], hint: str | Sequence[str] = "") -> bool:
    """Check an exercise's answer and say one sentence about it.

    Args:
        answer: what the learner wrote; None means not tried yet. ``answers.function(fn, kind)`` and
            ``answers.value(it, kind)`` say what kind is wanted, and the tests get that in one form.
        tests: (does the answer have this property?, what to say if it has not); the first failure is reported.
        hint: one hint, printed after the sentence; or several, best three (where to look, how to go about it,
            almost the answer), folded so that each opens only the next. Not shown when the answer is right.

    Returns:
        Whether all tests passed. What the learner's own code raises is told as that, not as a failed test.
    """
    if not isinstance(answer, Answer):
        answer = function(answer) if callable(answer) else Answer(answer, anything)
    said = _UNTRIED if answer.untouched else _complaint(answer, tests)
    if not said:
        print("✓ The solution passes." if in_a_solution() else "✓ Right.")
        return True
    print(f"{'○' if answer.untouched else '✗'} {said}")
    if isinstance(hint, str):
        if hint:
            print(f"  Hint: {hint}")
    elif hint:
        display(hints(hint))
    return False


def _complaint(answer: Answer, tests: Sequence[tuple[Callable[[Any], bool], str]]) -> str:
    """What is wrong with an answer, in one sentence; nothing if it is right."""
    try:
        usable = answer.usable()
        return next((message for holds, message in tests if not holds(usable)), "")
    except Refused as refused:
        return str(refused)
    except Exception as error:  # a learner's mistake must not stop the notebook
        of_function = isinstance(answer, Function)
        if isinstance(answer.given, type) and in_learners_code(error):
            return crash(error)
        given = answer.returned[-1] if of_function and answer.returned else answer.given
        wanted = "" if answer.kind is anything else f", and {answer.kind.words} is wanted"
        gave = "Your function returned" if of_function else "Your answer is"
        first = str(error).strip().split("\n")[0]
        return f"{gave} {described(given)}{wanted}: it cannot be checked ({type(error).__name__}: {first})."


def hints(steps: Sequence[str]) -> Html:
    """Hints folded into each other: opening one shows it and the fold of the next. No script, no kernel."""
    markup = ""
    for number, step in reversed(list(enumerate(steps, 1))):
        markup = fold(f"Hint {number} of {len(steps)}", f"<p>{html.escape(step)}</p>{markup}")
    more = f" ({len(steps) - 1} more in the notebook)" if len(steps) > 1 else ""
    return Html(f'<div class="sr-hints">{markup}{style()}</div>', f"Hint: {steps[0]}{more}")
