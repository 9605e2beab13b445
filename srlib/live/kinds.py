"""What an exercise's answer may be: lists, tuples, tensors and NumPy's values are taken alike.

A :class:`Kind` turns whatever a learner returned into the one form that the tests of a check compute with, or says
that it is no such thing. ``True`` is no number, and neither is a word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor


class UnusableError(TypeError):
    """An answer is not of the kind that is wanted."""


@dataclass(frozen=True)
class Kind:
    """One kind of answer."""

    words: str  #: what is wanted, as a sentence ends: "... is wanted"
    take: Callable[[Any], Any]  #: an answer in its one form; raises ``UnusableError``

    def __call__(self, answer: Any) -> Any:
        """The answer in its one form.

        Raises:
            UnusableError: it is none of this kind.
        """
        return self.take(answer)

    def called(self, words: str) -> Kind:
        """The same kind, described in the words of an exercise: ``number.called("the PSNR in dB, one number")``."""
        return Kind(words, self.take)


def _number(answer: Any) -> float:
    if isinstance(answer, Tensor | np.ndarray | np.generic):
        size = answer.numel() if isinstance(answer, Tensor) else answer.size
        answer = answer.item() if size == 1 else None
    if isinstance(answer, bool) or not isinstance(answer, Real) or math.isnan(answer):
        raise UnusableError
    return answer if isinstance(answer, int) else float(answer)


def _scalar(answer: Any) -> Tensor:
    if not isinstance(answer, Tensor) or answer.numel() != 1 or not answer.is_floating_point():
        raise UnusableError
    return answer.cpu().float().reshape(())


def _tensor(answer: Any) -> Tensor:
    if isinstance(answer, list | tuple) and any(isinstance(part, Tensor) for part in answer):
        parts = [_tensor(part) for part in answer]
        if any(part.shape != parts[0].shape for part in parts):
            raise UnusableError
        answer = torch.stack(parts)
    elif not isinstance(answer, Tensor):
        try:
            answer = np.ascontiguousarray(answer) if np.ndim(answer) else np.asarray(answer)  # no reversed axes
            answer = torch.from_numpy(answer)
        except (TypeError, ValueError):  # words, or rows of different lengths
            raise UnusableError from None
    if answer.dtype == torch.bool or answer.is_complex():
        raise UnusableError
    return answer.cpu().float()


def _parts(answer: Any) -> list:
    """The members of whatever can be gone through, but not the letters of a word or the keys of a dictionary."""
    if isinstance(answer, str | bytes | Mapping) or not isinstance(answer, Iterable):
        raise UnusableError
    if isinstance(answer, Tensor | np.ndarray) and answer.ndim == 0:
        raise UnusableError
    return list(answer)


def _anything(answer: Any) -> Any:
    return answer


anything = Kind("anything", _anything)
nothing = Kind("nothing", _anything)  #: of functions that work by what they change
number = Kind("one number", _number)  #: an int stays one, anything else becomes a float
scalar = Kind("one number as a tensor (to be trained with)", _scalar)  #: keeps its gradient; shape ()
tensor = Kind("a tensor", _tensor)  #: float32, on the processor
tensors = Kind("a list of tensors", lambda answer: [_tensor(part) for part in _parts(answer)])
_COUNTED = {2: "two", 3: "three", 4: "four"}


def numbers(count: int | None = None) -> Kind:
    """Several numbers, as a tuple of them; ``count``: so many, or any number of them."""

    def take(answer: Any) -> tuple[float, ...]:
        found = tuple(_number(part) for part in _parts(answer))
        if count is not None and len(found) != count:
            raise UnusableError
        return found

    return Kind(f"a list of {f'{_COUNTED.get(count, count)} ' if count else ''}numbers", take)


def rows(count: int) -> Kind:
    """A list of tuples of ``count`` numbers each."""
    row = numbers(count)
    words = "pairs" if count == 2 else f"rows of {_COUNTED.get(count, count)}"
    return Kind(f"a list of {words}, all numbers", lambda answer: [row(part) for part in _parts(answer)])


def same(one: Tensor, other: Tensor, atol: float = 1e-5, rtol: float = 1e-5) -> bool:
    """Equal in shape, and in value but for rounding. (``torch.allclose`` repeats the smaller one until it fits.)"""
    return one.shape == other.shape and torch.allclose(one.double(), other.double(), rtol=rtol, atol=atol)


def described(answer: Any) -> str:
    """What an answer is, for a sentence: "a tensor of shape (3, 4)", "'abc' (a str)"."""
    if answer is None:
        return "None"
    if isinstance(answer, Tensor):
        kind = "" if answer.is_floating_point() else f" of {str(answer.dtype).removeprefix('torch.')}"
        return f"a tensor{kind} of shape {tuple(answer.shape)}" if answer.ndim else f"{answer.item()} (a tensor)"
    if isinstance(answer, np.ndarray):
        return f"an array of shape {answer.shape}"
    if isinstance(answer, str | bool | int | float | complex | np.generic):
        kind = _a(type(answer).__name__)
        return f"{answer!r} ({kind})" if len(repr(answer)) < 60 else kind
    if isinstance(answer, list | tuple | set | dict):
        short = repr(answer)
        inside = f"of {len(answer)}" if len(short) > 50 or "\n" in short else short
        return f"a {type(answer).__name__} {inside}"
    if isinstance(answer, type):
        return f"the class {answer.__name__}"
    if callable(answer):
        return f"the function {getattr(answer, '__name__', '')}".rstrip()
    return _a(type(answer).__name__)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
