"""Questions with an explanation for every answer, and checks of what a learner wrote. No JavaScript, no kernel."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

from srlib.figures import Html


def quiz(question: str, answers: Mapping[str, tuple[bool, str]]) -> Html:
    """One question; opening an answer shows whether it is right, and why.

    Args:
        question: the question, plain text.
        answers: answer -> (is it right?, explanation).

    Raises:
        ValueError: no right answer, or none that is wrong.
    """
    if len({right for right, _ in answers.values()}) != 2:
        raise ValueError("A question needs at least one right and one wrong answer.")
    items = "".join(
        f"<details><summary>{html.escape(answer)}</summary>"
        f"<p>{'✓ Right.' if right else '✗ Not so.'} {html.escape(why)}</p></details>"
        for answer, (right, why) in answers.items()
    )
    markup = f'<section class="sr-quiz"><p><b>{html.escape(question)}</b></p>{items}</section>'
    return Html(markup, question + "".join(f"\n  - {answer}" for answer in answers))


def check(answer: Any, *tests: tuple[Callable[[Any], bool], str], hint: str = "") -> bool:
    """Check an exercise's answer and print one sentence about it.

    Args:
        answer: what the learner wrote; None means not tried yet.
        tests: (does the answer have this property?, what to say if it has not); the first failure is reported.
        hint: shown after the sentence, unless the answer is right.

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
    if hint:
        print(f"  Hint: {hint}")
    return False


def tried(fn: Callable | None, *arguments: Any) -> Callable | None:
    """The learner's function, or None while it is still the empty one that returns None.

    One that raises counts as tried: ``check`` then says what it raised.
    """
    try:
        return None if fn is None or fn(*arguments) is None else fn
    except Exception:  # a learner's mistake must not stop the notebook
        return fn
