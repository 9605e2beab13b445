"""Networks that cannot be, said in a sentence: numbers that are none, too much memory, layers that do not fit."""

from __future__ import annotations

import math
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.overrides import TorchFunctionMode

COPIES = 6  # of every weight while it trains: itself, its gradient, two moments, and what the last good look remembers
LARGEST = 1_000  # of any whole number: no paper has more, and recursions need no memory, only for ever
MANY = 5_000  # tensors: a network of more layers than that takes long to make, and longer to train
PACKAGE = Path(__file__).resolve().parents[1]


def checked(known: dict[str, int | float | bool], given: dict[str, object]) -> None:
    """Are these numbers and switches of the kind that the network's arguments have?

    Args:
        known: the arguments as they are.
        given: some of them anew.

    Raises:
        ValueError: one is not; the sentence names it.
    """
    for name, value in given.items():
        now = known.get(name)
        if isinstance(now, bool):
            if not isinstance(value, bool):
                raise ValueError(f"{name}={value!r} is a switch: use True or False.")
        elif isinstance(now, int):
            least = min(1, now)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
                raise ValueError(
                    f"{name}={value!r} cannot be: use a whole number from {least} to {LARGEST:,}, such as {now}."
                )
        elif isinstance(now, float):
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"{name}={value!r} cannot be: use a finite number, such as {now}.")


@contextmanager
def network(given: dict[str, object]) -> Iterator[None]:
    """While a network is made and tried: whatever goes wrong is said in a sentence, and no memory is filled.

    Args:
        given: the arguments with which it is made, for the sentence.

    Raises:
        ValueError: it would need too much memory, or its layers do not fit together.
    """
    try:
        with _Measured():
            yield
    except Exception as error:
        if _ours(error):
            raise
        if isinstance(error, MemoryError) or "alloc" in str(error):
            raise ValueError("The network would need more memory than there is: choose smaller numbers.") from None
        numbers = ", ".join(f"{name}={value!r}" for name, value in given.items()) or "these numbers"
        raise ValueError(
            f"There is no network with {numbers}: its layers do not fit together. Choose others."
        ) from None


class _Measured(TorchFunctionMode):
    """Adds up what is asked for before it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = self.tensors = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.empty and args:
            size = args if isinstance(args[0], int) else args[0]
            self.elements += math.prod(size)
            self.tensors += 1
            if (need := 4 * COPIES * self.elements) > memory() / 2:
                least = min(need // 10**9, 100_000)  # beyond, only the number of its digits would grow
                raise ValueError(f"The network would need {least:,} GB or more: choose smaller numbers.")
            if self.tensors > MANY:
                raise ValueError(f"The network would have more than {MANY:,} layers: choose smaller numbers.")
        return func(*args, **(kwargs or {}))


def memory() -> int:
    """Bytes of this machine's memory; where the system does not tell, 8 GB."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 * 10**9


def _ours(error: Exception) -> bool:
    """Is it one of the course's own sentences?"""
    if type(error).__module__.startswith("srlib"):
        return True
    raised = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return isinstance(error, ValueError) and PACKAGE in raised.parents
