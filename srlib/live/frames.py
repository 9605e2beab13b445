"""One frame of a twin: what the function made of one set of values, as HTML and as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass
class Frame:
    """What ``fn`` made of one set of values: its HTML, and the sentence that says it."""

    label: str
    numbers: str
    markup: str
    text: str

    @property
    def said(self) -> str:
        return f"{self.label}: {self.numbers or self.text.strip('[]')}"


def numeric(values: Sequence) -> bool:
    """Does a slider suit these values? Numbers do, in rising order; True and False are choices."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return numbers and len(values) > 1 and list(values) == sorted(values)


def first(values: Sequence) -> int:
    """Where a control starts: a slider in the middle, a choice with the first word."""
    return len(values) // 2 if numeric(values) else 0


def beginning(grid: Mapping[str, Sequence]) -> dict[str, object]:
    """The values with which the controls start."""
    return {name: values[first(values)] for name, values in grid.items()}


def frame(fn: Callable, chosen: Mapping[str, object]) -> Frame:
    """``fn`` for one set of values."""
    made = fn(**chosen)
    shown, numbers = made if isinstance(made, tuple) else (made, "")
    if isinstance(numbers, Mapping):
        numbers = ", ".join(f"{name} {value}" for name, value in numbers.items())
    label = ", ".join(f"{name} = {word(value)}" for name, value in chosen.items())
    return Frame(label, str(numbers), shown._repr_html_(), repr(shown))


def word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
