"""A learner's answer, watched: what it raises is told as that, at its line, and what it returns is put into one form.

``check(function(answer, kinds.number), ...)`` takes a function of which numbers are wanted; ``check(value(answer,
kinds.number), ...)`` a number itself. What the learner's own code raises is never taken for one of the mistakes that
an exercise looks for.
"""

from __future__ import annotations

import dis
import functools
import inspect
import itertools
import linecache
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import Module

from srlib.live.kinds import Kind, UnusableError, anything, described, nothing

_OURS = Path(__file__).resolve().parents[1]
_LIBRARIES = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
_CELL = re.compile(r"ipykernel_\d+|<ipython-input|<stdin>|xpython_\d+")


class Refused(Exception):
    """An answer cannot be tested; the message says why, as a sentence to the learner."""


class Answer:
    """What a learner gave, and the kind that is wanted of it."""

    def __init__(self, given: Any, kind: Kind) -> None:
        self.given = given
        self.kind = kind

    @property
    def untouched(self) -> bool:
        """Is it still what stood there before?"""
        return self.given is None

    def usable(self) -> Any:
        """The answer as the tests of a check take it.

        Raises:
            Refused: it is of another kind.
        """
        try:
            return self.kind(self.given)
        except UnusableError:
            raise Refused(f"Your answer is {described(self.given)}, but {self.kind.words} is wanted.") from None


class Function(Answer):
    """A function that a learner wrote."""

    def __init__(self, given: Any, kind: Kind) -> None:
        super().__init__(given, kind)
        self.returned: list[Any] = []  #: what it returned last, as it was

    @property
    def untouched(self) -> bool:
        """Is it still the stub, which computes nothing and returns None?"""
        return self.given is None or is_stub(self.given)

    def usable(self) -> Callable:
        """The function with its results in one form; it works on copies, so that it may change what it is given.

        Raises:
            Refused: it is no function; and, when called, for everything that goes wrong inside it.
        """
        if not callable(self.given):
            raise Refused(f"Your answer is {described(self.given)}, but a function is wanted: def ...")
        if isinstance(self.given, type):  # a class: what it makes is tested, not what it returns
            return self.given

        @functools.wraps(self.given, updated=())
        def watched(*args: Any, **options: Any) -> Any:
            try:
                given = self.given(*_copied(args), **_copied(options))
                self.returned = [given]
                if given is None and self.kind is not nothing:
                    raise Refused(_returns_none(self.given, args))
                return self.kind(given)
            except UnusableError as error:
                if _learners(error.__traceback__):
                    raise Refused(crash(error)) from error
                raise Refused(f"Your function returned {described(given)}, but {self.kind.words} is wanted.") from None
            except Refused:
                raise
            except Exception as error:
                raise Refused(crash(error, args)) from error

        return watched


def value(answer: Any, kind: Kind) -> Answer:
    """An answer that is a value of a kind; None while it has not been tried."""
    return Answer(answer, kind)


def function(answer: Callable | None, kind: Kind = anything) -> Function:
    """An answer that is a function, and the kind of what it returns."""
    return Function(answer, kind)


def _stub() -> None:
    return None


def is_stub(fn: Any) -> bool:
    """Is this a function without any work in it: only ``return None``, ``pass`` or a docstring?"""
    code = getattr(inspect.unwrap(fn), "__code__", None) if callable(fn) else None
    return code is not None and _steps(code) == _steps(_stub.__code__)


def _steps(code: Any) -> list[tuple[str, Any]]:
    """What a function does, without where it is written."""
    return [(step.opname, step.argval) for step in dis.get_instructions(code) if step.opname not in ("NOP", "RESUME")]


def _gives_something(code: Any) -> bool:
    """Is there a return with something behind it?"""
    steps = list(dis.get_instructions(code))
    for before, step in itertools.pairwise(steps):
        if step.opname == "RETURN_VALUE" and (before.opname != "LOAD_CONST" or before.argval is not None):
            return True
    return any(step.opname == "RETURN_CONST" and step.argval is not None for step in steps)


def _returns_none(fn: Callable, args: tuple) -> str:
    """The sentence about a function that computes, and returns nothing."""
    code = getattr(inspect.unwrap(fn), "__code__", None)
    if code is not None and not _gives_something(code):
        return "Your function returns None: does it end with return?"
    shown = f" for {_shown(args)}" if _shown(args) else ""
    return f"Your function returned None{shown}: does every way through it end with return?"


def crash(error: BaseException, args: tuple = ()) -> str:
    """What a learner's code raised, and where: the last of its own lines that was running, and what it was given."""
    said = str(error).strip().split("\n")[0]
    named = f"{type(error).__name__}: {said}" if said else type(error).__name__
    where = ""
    if own := _learners(error.__traceback__):
        frame, line = own[-1]
        path = frame.f_code.co_filename
        source = linecache.getline(path, line, frame.f_globals).strip()
        where = f", at line {line} of {'your cell' if _CELL.search(path) else Path(path).name}"
        where += f": `{source}`" if source else ""
    given = _shown(args)
    return f"Your function raised {named}{where}." + (f" It was given {given}." if given else "")


def _learners(trace: TracebackType | None) -> list[tuple[FrameType, int]]:
    """The frames of a traceback that belong to neither this package nor a library, with their lines."""
    return [(frame, line) for frame, line in traceback.walk_tb(trace) if is_learners(frame.f_code.co_filename)]


def in_learners_code(error: BaseException) -> bool:
    """Did any of the learner's own lines run when this was raised?"""
    return bool(_learners(error.__traceback__))


def is_learners(filename: str) -> bool:
    """Is this a cell or a file of the learner's, and not of srlib, of Python or of a library?"""
    path = Path(filename)
    if filename.startswith("<frozen") or "site-packages" in path.parts:
        return False
    return not any(path.is_relative_to(folder) for folder in (_OURS, *_LIBRARIES))


def in_a_solution() -> bool:
    """Is the cell that is running one of the course's own solutions?"""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_learners(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and linecache.getline(frame.f_code.co_filename, 1).startswith("# Solution")


def _shown(args: tuple) -> str:
    """Arguments as a reader wants them: numbers as they are, of tensors the shape; nothing if that is too long."""

    def one(it: Any) -> str:
        if isinstance(it, Tensor | np.ndarray):
            return f"tensor {tuple(it.shape)}"
        if isinstance(it, list | tuple) and any(isinstance(part, Tensor) for part in it):
            return f"[{', '.join(map(one, it))}]"
        if isinstance(it, Module) or inspect.isroutine(it):
            return getattr(it, "__name__", type(it).__name__)
        return repr(it)

    shown = ", ".join(map(one, args))
    return f"({shown})" if args and len(shown) < 100 and "\n" not in shown and " at 0x" not in shown else ""


def _copied(given: Any) -> Any:
    """Copies of tensors and arrays, also inside lists, tuples and dictionaries; anything else is itself."""
    if type(given) is Tensor:
        return given.clone()
    if isinstance(given, np.ndarray):
        return given.copy()
    if type(given) in (list, tuple):
        return type(given)(map(_copied, given))
    return {key: _copied(part) for key, part in given.items()} if type(given) is dict else given
