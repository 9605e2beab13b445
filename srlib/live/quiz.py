"""Questions: several answers with an explanation for each, and a guess to make before the number is shown."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping

from srlib.figures import Html
from srlib.live.fold import fold, style
from srlib.live.page import element


def quiz(question: str, answers: Mapping[str, tuple[bool, str]]) -> Html:
    """One question; opening an answer shows whether it is right, and why. Needs neither a kernel nor a script.

    Args:
        question: the question, plain text.
        answers: answer -> (is it right?, explanation).

    Raises:
        ValueError: no right answer, or none that is wrong.
    """
    if len({right for right, _ in answers.values()}) != 2:
        raise ValueError("A question needs at least one right and one wrong answer.")
    items = "".join(
        fold(html.escape(answer), f"<p>{'✓ Right.' if right else '✗ Not so.'} {html.escape(why)}</p>")
        for answer, (right, why) in answers.items()
    )
    markup = f'<section class="sr-quiz"><p><b>{html.escape(question)}</b></p>{items}{style()}</section>'
    return Html(markup, question + "".join(f"\n  - {answer}" for answer in answers))


def predict(question: str, low: float, high: float, answer: float, unit: str = "", why: str = "") -> Html:
    """Predict, then reveal: the reader sets a slider, opens the answer, and sees how far off the guess was.

    Without a script there is the question and an answer to unfold.

    Args:
        question: what to guess, plain text.
        low, high: the slider's ends. Choose them so that they do not give the answer away.
        answer: the number, measured above; it may lie outside the ends.
        unit: such as "dB"; written after each number.
        why: the explanation, shown with the answer.

    Raises:
        ValueError: ends in the wrong order, or an answer that is no finite number.
    """
    if not low < high:
        raise ValueError(f"The slider runs from low = {low} to high = {high}; low must be smaller.")
    if not math.isfinite(answer):
        raise ValueError(f"The answer is {answer}. Give a finite number.")
    power = math.floor(math.log10((high - low) / 20))  # at least twenty steps, each a power of ten
    step, digits, unit = 10.0**power, max(0, -power), f" {unit}" if unit else ""
    about = {"low": low, "step": step, "count": round((high - low) / step), "digits": digits}
    about |= {"answer": float(answer), "unit": unit}
    number = f"{answer:,.{digits + 1}f}".rstrip("0").rstrip(".").replace("-", "\u2212") + unit
    hidden = f"<p><b>{html.escape(number)}.</b> {html.escape(why)}</p>"
    body = f"<p><b>{html.escape(question)}</b></p>{fold('Show the answer', hidden)}"
    markup = element("predict", body, ("parts", "predict"), about=json.dumps(about))
    return Html(markup, f"{question} (guess between {low:g} and {high:g}{unit}, then look)")
