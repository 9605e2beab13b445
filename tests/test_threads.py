"""The choice between one thread and all, with a clock that the test turns: no step here takes any time."""

import re
from itertools import pairwise

import pytest
import torch

from srlib import threads
from srlib.threads import Threads

CPU = torch.device("cpu")


class Machine:
    """Steps that take as long as the test says, by the number of threads they run with."""

    def __init__(self, monkeypatch, cores=8):
        self.now, self.number, self.used, self.switches = 0.0, cores, [], 0
        for name in (threads.VARIABLE, *threads.THEIRS):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(torch, "get_num_threads", lambda: self.number)
        monkeypatch.setattr(torch, "set_num_threads", self.switch)
        self.said = []

    def switch(self, number):
        self.number, self.switches = number, self.switches + 1

    def threads(self, device=CPU):
        return Threads(device, self.said.append, lambda: self.now)

    def take(self, chooser, steps, one, every, first=1.0):
        """Run steps; the first after a change of threads takes ``first`` times as long."""
        for _ in range(steps):
            with chooser.step():
                changed = not self.used or self.used[-1] != self.number
                self.used.append(self.number)
                self.now += (one if self.number == 1 else every) * (first if changed else 1.0)


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


def test_they_take_turns_and_the_faster_one_stays(machine):
    chooser = machine.threads()
    machine.take(chooser, 100, one=0.0048, every=0.031)
    assert machine.used[:12] == [1, 1, 1, 8, 8, 8] * 2
    assert machine.used[12:] == [1] * 88
    assert machine.said == [
        "Training with 1 thread: a step takes 4.8 ms so, and 31 ms with 8. SRLIB_THREADS=1 would keep it so."
    ]
    assert machine.number == 8, "the user's own number is given back after each step"


def test_all_of_them_where_that_pays(machine):
    chooser = machine.threads()
    machine.take(chooser, 30, one=0.4, every=0.1)
    assert chooser.chosen == 8
    assert machine.said == [
        "Training with 8 threads: a step takes 100 ms so, and 400 ms with 1. SRLIB_THREADS=8 would keep it so."
    ]


@pytest.mark.parametrize(("every", "chosen"), [(0.1 / 1.1, 1), (0.1 / 1.2, 8)])
def test_all_must_be_clearly_faster(machine, every, chosen):
    chooser = machine.threads()
    machine.take(chooser, 12, one=0.1, every=every)
    assert chooser.chosen == chosen


def test_the_first_step_of_a_turn_does_not_count(machine):
    chooser = machine.threads()
    machine.take(chooser, 12, one=0.010, every=0.005, first=50)
    assert chooser.chosen == 8
    assert "takes 5.0 ms so, and 10 ms with 1" in machine.said[0]


def test_one_disturbed_step_does_not_decide(machine):
    chooser = machine.threads()
    machine.take(chooser, 4, one=0.010, every=0.005)
    machine.take(chooser, 1, one=0.010, every=0.100)
    machine.take(chooser, 7, one=0.010, every=0.005)
    assert chooser.chosen == 8


@pytest.mark.parametrize(
    ("one", "every", "used", "chosen"),
    [
        (5.0, 2.0, [1, 8], 8),
        (2.0, 30.0, [1, 1, 8], 1),
        (1.5, 1.0, [1, 1, 8], 8),
        (0.4, 0.6, [1, 1, 1, 8, 8], 1),
    ],
)
def test_slow_steps_take_fewer_turns(machine, one, every, used, chosen):
    chooser = machine.threads()
    machine.take(chooser, len(used) - 1, one, every)
    assert chooser.chosen is None
    machine.take(chooser, 1, one, every)
    assert machine.used == used
    assert chooser.chosen == chosen


def test_steps_of_seconds_are_told_in_seconds(machine):
    machine.take(machine.threads(), 3, one=2.04, every=30)
    assert "a step takes 2.0 s so, and 30.0 s with 8" in machine.said[0]


@pytest.mark.parametrize("factor", [2.5, 0.4])
def test_another_pace_asks_again(machine, factor):
    chooser = machine.threads()
    machine.take(chooser, 12, one=0.1, every=0.3)
    machine.take(chooser, 400, one=0.1, every=0.3)
    assert (chooser.chosen, len(machine.said)) == (1, 1)
    machine.take(chooser, 9, one=0.1 * factor, every=0.01)
    assert chooser.chosen is None or chooser.chosen == 8
    machine.take(chooser, 12, one=0.1 * factor, every=0.01)
    assert (chooser.chosen, len(machine.said)) == (8, 2)


@pytest.mark.parametrize("factor", [1.9, 0.55])
def test_a_little_faster_or_slower_is_no_reason(machine, factor):
    chooser = machine.threads()
    machine.take(chooser, 500, one=0.1, every=0.3)
    machine.take(chooser, 500, one=0.1 * factor, every=0.01)
    assert (chooser.chosen, len(machine.said)) == (1, 1)


def test_it_does_not_ask_all_the_time(machine):
    """The pace jumps to and fro every second: between two choices there are at least the seconds of the pause."""
    chooser, made = machine.threads(), []
    while machine.now < 300:
        slow = int(machine.now) % 2
        machine.take(chooser, 1, one=0.05 if slow else 0.01, every=0.1)
        if len(machine.said) > len(made):
            made.append(machine.now)
    assert 3 < len(made) <= 10
    assert min(b - a for a, b in pairwise(made)) > threads.PAUSE


def test_single_slow_steps_are_no_change(machine):
    """A look at the disk, a garbage collection: the median of the last steps does not see them."""
    chooser = machine.threads()
    machine.take(chooser, 1000, one=0.1, every=0.3)
    for _ in range(50):
        machine.take(chooser, 1, one=5.0, every=5.0)
        machine.take(chooser, 4, one=0.1, every=0.3)
    assert len(machine.said) == 1


def test_a_step_that_fails_does_not_count_and_changes_nothing(machine):
    chooser = machine.threads()
    machine.take(chooser, 1, one=0.1, every=0.1)

    def stopped():
        with chooser.step():
            assert machine.number == 1
            raise KeyboardInterrupt

    for _ in range(20):
        with pytest.raises(KeyboardInterrupt):
            stopped()
        assert machine.number == 8
    assert chooser.chosen is None


def test_the_users_own_number_is_kept_between_steps(machine):
    chooser = machine.threads()
    machine.take(chooser, 20, one=0.1, every=0.3)
    machine.number = 3  # set in a notebook's cell between two steps
    machine.take(chooser, 1, one=0.1, every=0.3)
    assert machine.used[-1] == 1
    assert machine.number == 3


@pytest.mark.parametrize("name", threads.THEIRS)
def test_who_has_chosen_is_obeyed(machine, monkeypatch, name):
    monkeypatch.setenv(name, "8")
    chooser = machine.threads()
    machine.take(chooser, 50, one=0.01, every=0.1)
    assert machine.used == [8] * 50
    assert (machine.said, machine.switches, chooser.state()) == ([], 0, {})


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_nothing_is_done_on_another_device(machine, monkeypatch, device):
    monkeypatch.setenv(threads.VARIABLE, "1")
    machine.take(machine.threads(torch.device(device)), 50, one=0.01, every=0.1)
    assert machine.used == [8] * 50
    assert (machine.said, machine.switches) == ([], 0)


def test_a_single_core_has_no_choice(monkeypatch):
    machine = Machine(monkeypatch, cores=1)
    machine.take(machine.threads(), 50, one=0.01, every=0.1)
    assert (machine.said, machine.switches) == ([], 0)


@pytest.mark.parametrize("number", [1, 3, 8])
def test_the_variable_decides(machine, monkeypatch, number):
    monkeypatch.setenv(threads.VARIABLE, f" {number} ")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    chooser = machine.threads()
    machine.take(chooser, 50, one=0.01, every=0.1)
    assert machine.used == [number] * 50
    assert (machine.said, machine.number) == ([], 8)
    chooser.recall({"all": 8, "chosen": 5, "pace": 1.0})
    machine.take(chooser, 1, one=0.01, every=0.1)
    assert machine.used[-1] == number


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²"])
def test_a_wrong_variable(machine, monkeypatch, text):
    monkeypatch.setenv(threads.VARIABLE, text)
    with pytest.raises(ValueError, match=re.escape(f"SRLIB_THREADS={text!r} must be a whole number of threads")):
        machine.threads()


def test_a_checkpoint_keeps_the_choice(machine):
    first = machine.threads()
    assert first.state() == {}
    machine.take(first, 50, one=0.1, every=0.3)
    assert first.state() == {"all": 8, "chosen": 1, "pace": pytest.approx(0.1)}
    machine.used.clear()
    second = machine.threads()
    second.recall(first.state())
    machine.take(second, 50, one=0.1, every=0.3)
    assert machine.used == [1] * 50
    machine.take(second, 500, one=0.1, every=0.3)
    machine.take(second, 30, one=0.3, every=0.03)
    assert second.chosen == 8, "and it is still watched"


@pytest.mark.parametrize("state", [{}, {"all": 2, "chosen": 1, "pace": 0.1}])
def test_a_choice_of_another_machine_is_not_taken(machine, state):
    chooser = machine.threads()
    chooser.recall(state)
    assert chooser.chosen is None


def test_real_threads_are_switched_and_given_back(monkeypatch):
    """The rest of these tests trusts a stand-in; this one asks torch."""
    for name in threads.THEIRS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(threads.VARIABLE, "3")
    before = torch.get_num_threads()
    with Threads(CPU).step():
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before
