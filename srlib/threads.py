"""How many threads a training step gets: one or all, whichever the clock says is faster here and now.

Torch takes one thread for each core. On an idle machine that pays for wide networks; on a busy one each operation
waits for the thread that has to share its core, and a step of a narrow network may take fourteen times as long as with
a single thread. Nobody knows beforehand, so the first steps of a training take turns, and the medians decide:

    one one one | all all all | one one one | all all all     (the first of each three only warms up)

These are real steps, so nothing is wasted. When the pace later doubles or halves, the machine or the task has changed,
and they take turns again.

The number of threads changes the order in which a gradient is summed, and so its last bits: two runs that choose
differently draw apart like runs on two machines. ``SRLIB_THREADS=1`` (or any number) decides instead of the clock, and
so does ``OMP_NUM_THREADS``; then the same seed gives the same weights, bit for bit.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import torch

VARIABLE = "SRLIB_THREADS"
THEIRS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # who has set one of these has chosen already
TURN = 3  # steps in a row with the same number; the first is not counted
TURNS = 4  # one, all, one, all
ENOUGH = 2.0  # seconds after which slow steps take no further turns
GAIN = 1.15  # all threads must be so much faster than one: they use up all cores, and suffer first when others come
RECENT = 9  # steps that make the present pace
CHANGED = 2.0  # a pace so many times slower or faster asks for new turns ...
PAUSE = 30.0  # ... but not sooner than these seconds after the last


class Threads:
    """Chooses between one thread and all by timing real training steps; put ``with threads.step():`` around each.

    Args:
        device: where the network is trained. Anywhere but on the processor nothing is done.
        say: called with a sentence each time a choice was made.
        clock: seconds that only go forward.

    Raises:
        ValueError: ``$SRLIB_THREADS`` is not a whole number of at least 1.
    """

    def __init__(
        self,
        device: torch.device,
        say: Callable[[str], object] = lambda sentence: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.say, self.clock = say, clock
        self.all = torch.get_num_threads()
        wanted = _wanted()
        here = torch.device(device).type == "cpu"
        self.fixed = not here or wanted is not None or self.all == 1 or any(os.environ.get(name) for name in THEIRS)
        self.chosen = wanted if here else None  #: the number in use; None: torch's own, or not chosen yet
        self._pace = 0.0  # seconds a step took when the choice was made
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._begin()

    def _begin(self) -> None:
        """Let the two numbers take turns from the next step on."""
        self._times: dict[int, list[float]] = {1: [], self.all: []}  # counted steps
        self._warm: dict[int, float] = {}  # the last first step of a turn, in case there is no better one
        self._taken, self._spent, self._decided = 0, 0.0, self.clock()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run the block with the number of threads whose turn it is, time it, and give the former number back.

        A step that ends in an exception does not count.
        """
        if self.fixed and self.chosen is None:
            yield
            return
        number, before = self.chosen or self._turn(), torch.get_num_threads()
        if number != before:
            torch.set_num_threads(number)
        began = self.clock()
        try:
            yield
            seconds = self.clock() - began
        finally:
            if number != before:
                torch.set_num_threads(before)
        if not self.fixed:
            self._note(number, seconds)

    def _turn(self) -> int:
        """Whose turn it is while nothing is chosen."""
        if self._spent > ENOUGH:  # slow steps: only the other one is still unknown
            return self.all if 1 in self._warm else 1
        return (1, self.all)[self._taken // TURN % 2]

    def _note(self, number: int, seconds: float) -> None:
        """Count a step: while they take turns, towards the choice; later, towards the pace."""
        if self.chosen is None:
            if self._taken % TURN and number in self._warm:
                self._times[number].append(seconds)
            else:
                self._warm[number] = seconds
            self._taken, self._spent = self._taken + 1, self._spent + seconds
            if len(self._warm) == 2 and (self._taken == TURN * TURNS or self._spent > ENOUGH):
                self._choose()
            return
        self._recent.append(seconds)
        pace = median(self._recent)
        steady = self._pace / CHANGED < pace < self._pace * CHANGED
        if len(self._recent) == RECENT and not steady and self.clock() - self._decided > PAUSE:
            self.chosen = None
            self._begin()

    def _choose(self) -> None:
        one, every = (median(self._times[n] or [self._warm[n]]) for n in (1, self.all))
        self.chosen = self.all if every * GAIN <= one else 1
        self._pace, self._decided = (one if self.chosen == 1 else every), self.clock()
        self._recent.clear()
        threads = "1 thread" if self.chosen == 1 else f"{self.chosen} threads"
        taken, other = (one, every) if self.chosen == 1 else (every, one)
        self.say(
            f"Training with {threads}: a step takes {_duration(taken)} so, and {_duration(other)} with "
            f"{self.all if self.chosen == 1 else 1}. {VARIABLE}={self.chosen} would keep it so."
        )

    def state(self) -> dict[str, float]:
        """The choice, for a checkpoint: a training that goes on need not choose anew."""
        return {} if self.fixed or self.chosen is None else {"all": self.all, "chosen": self.chosen, "pace": self._pace}

    def recall(self, state: dict[str, float]) -> None:
        """Take up the choice in a checkpoint, unless this machine has another number of threads or one is fixed."""
        if not self.fixed and state.get("all") == self.all:
            self.chosen, self._pace = int(state["chosen"]), state["pace"]
            self._recent.clear()


def _wanted() -> int | None:
    """The number in ``$SRLIB_THREADS``, if there is one."""
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if not (text.isdecimal() and text.isascii() and int(text) >= 1):
        raise ValueError(
            f"{VARIABLE}={text!r} must be a whole number of threads, at least 1. Unset it to let the clock choose."
        )
    return int(text)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"
