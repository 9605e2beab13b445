"""What a learner's code raises is told as that, at its line; only an untouched stub has not been tried."""

import functools
import linecache
import textwrap

import numpy as np
import pytest
import torch

from srlib import live
from srlib.live import kinds
from srlib.live.answers import is_learners, is_stub

FALSE_ACCUSATION = (lambda f: f(2, 3) == 6, "You added instead of multiplying.")


@pytest.fixture
def cell(capsys):
    """Run a cell as a kernel does, with a check of a function `answer` at its end; give what was said."""
    count = iter(range(99))

    def run(source, kind="number", *tests):
        source = textwrap.dedent(source)
        name = f"/tmp/ipykernel_77/{next(count)}.py"
        source += "\nlive.check(live.function(answer, getattr(live.kinds, kind)), *tests)"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        world = {"live": live, "kind": kind, "tests": tests or [FALSE_ACCUSATION]}
        exec(compile(source, name, "exec"), world)
        return capsys.readouterr().out.rstrip("\n")

    return run


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "def answer(a, b):\n    return n3 * 2",
            "NameError: name 'n3' is not defined, at line 2 of your cell: `return n3",
        ),
        (
            "answer = lambda a, b: a / (b - 3)",
            "ZeroDivisionError: division by zero, at line 1 of your cell: `answer = ",
        ),
        (
            "def helper(a):\n    return a[0]\n\n\ndef answer(a, b):\n    return helper(a) * b",
            "at line 2 of your cell: `re",
        ),
        (
            "class A:\n    def __call__(self, a, b):\n        return self.c\n\n\nanswer = A()",
            "AttributeError: 'A' object",
        ),
        (
            "class A:\n    def f(self, a, b):\n        return a.x\n\n\nanswer = A().f",
            "at line 3 of your cell: `return a.x`",
        ),
        ("def answer(a, b):\n    return torch.zeros(2) + torch.zeros(3)", "NameError: name 'torch' is not defined"),
        (
            "import torch\ndef answer(a, b):\n    return torch.ones(2) @ torch.ones(3)",
            "at line 3 of your cell: `return to",
        ),
        ("def answer(a, b):\n    raise ValueError", "raised ValueError, at line 2 of your cell: `raise ValueError`."),
        ("def answer(a, b):\n    assert a == b, 'one\\ntwo'\n    return 1", "AssertionError: one, at line 2"),
        ("def answer(a, b):\n    return answer(a, b)", "RecursionError: "),
        ("def answer(a):\n    return a", "TypeError: answer() takes 1 positional argument but 2 were given."),
        ("answer = len", "TypeError: len() takes exactly one argument (2 given). It was given (2, 3)."),
    ],
)
def test_a_crash_is_told_as_that_crash_at_its_line(cell, source, said):
    out = cell(source)
    assert out.startswith("✗ Your function raised ")
    assert said in out
    assert "It was given (2, 3)." in out
    assert "You added" not in out


def test_a_generator_that_crashes_on_its_way(cell):
    source = "def answer(a, b):\n    yield a\n    yield b[0]"
    assert "TypeError: 'int' object is not subscriptable, at line 3 of your cell: `yield b[0]`." in cell(
        source, "tensors"
    )


def test_a_class_that_crashes_when_it_is_used(cell):
    source = "class answer:\n    def __init__(self, a, b):\n        self.c = a + b.d"
    assert "AttributeError: 'int' object has no attribute 'd', at line 3 of your cell" in cell(source, "anything")


def test_a_crash_in_a_file_names_the_file(capsys):
    live.check(lambda a, b: undefined, FALSE_ACCUSATION)  # noqa: F821
    assert "of test_live_answers.py: `live.check(lambda a, b: undefined" in capsys.readouterr().out


def test_what_it_was_given_is_shown_by_shapes(capsys):
    tests = [(lambda f: f([torch.ones(2), torch.ones(3)], np.ones((4, 5)), torch.nn.ReLU(), len, "cubic"), "")]
    live.check(lambda *_: undefined, *tests)  # noqa: F821
    assert "given ([tensor (2,), tensor (3,)], tensor (4, 5), ReLU, len, 'cubic')." in capsys.readouterr().out
    live.check(lambda *_: undefined, (lambda f: f(list(range(99))), ""))  # noqa: F821
    assert "given" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "source",
    [
        "answer = None",
        "def answer(a, b):\n    return None  # your answer",
        "def answer(a, b):\n    pass",
        "def answer(a, b):\n    ...",
        'def answer(a, b):\n    """The product."""',
        "def answer(a, b=3, *, c=None):\n    return",
        "answer = lambda *_: None",
    ],
)
def test_an_untouched_stub_has_not_been_tried(cell, source):
    assert cell(source) == "○ Not tried yet: replace None by your answer and run the cell again."


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def answer(a, b):\n    a * b", "✗ Your function returns None: does it end with return?"),
        ("def answer(a, b):\n    c = a * b\n    return None", "✗ Your function returns None: does it end with return?"),
        ("def answer(a, b):\n    print('hello')", "hello\n✗ Your function returns None: does it end with return?"),
        (
            "def answer(a, b):\n    if a == b:\n        return 1",
            "✗ Your function returned None for (2, 3): does every way through it end with return?",
        ),
        ("def answer(a, b):\n    return 'six'", "✗ Your function returned 'six' (a str), but one number is wanted."),
        ("def answer(a, b):\n    return [a * b]", "✗ Your function returned a list [6], but one number is wanted."),
        ("def answer(a, b):\n    return True", "✗ Your function returned True (a bool), but one number is wanted."),
        ("answer = 6", "✗ Your answer is 6 (an int), but a function is wanted: def ..."),
        ("def answer(a, b):\n    return a + b", "✗ You added instead of multiplying."),
        ("def answer(a, b):\n    return a * b", "✓ Right."),
        ("# Solution\ndef answer(a, b):\n    return a * b", "✓ The solution passes."),
        ("# Solution\ndef answer(a, b):\n    return a + b", "✗ You added instead of multiplying."),
    ],
)
def test_what_else_may_be_wrong_gets_its_own_sentence(cell, source, said):
    assert cell(source) == said


def test_a_function_that_works_by_what_it_changes_may_return_none(cell):
    assert cell("def answer(a, b):\n    a * b", "nothing", (lambda f: f(2, 3) is None, "")) == "✓ Right."


def test_a_form_that_no_test_foresaw_is_described(cell):
    tests = (lambda f: (f(2, 3) + torch.ones(2, 4)).sum() > 0, "You added instead of multiplying.")
    out = cell("import torch\ndef answer(a, b):\n    return torch.ones(5)", "tensor", tests)
    assert out.startswith(
        "✗ Your function returned a tensor of shape (5,), and a tensor is wanted: it cannot be checked"
    )


def test_answers_that_are_values(capsys):
    for given, said in (
        (torch.tensor(4), "✓ Right.\n"),
        ([4], "✗ Your answer is a list [4], but one number is wanted.\n"),
        (None, "○ Not tried yet: replace None by your answer and run the cell again.\n"),
        (5, "✗ Not 4.\n"),
    ):
        live.check(live.value(given, kinds.number), (lambda n: n == 4, "Not 4."))
        assert capsys.readouterr().out == said


def test_a_function_works_on_copies():
    x, parts = torch.ones(3), [np.ones(2), {"a": torch.ones(1)}]

    def spoil(x, parts):
        x += 1
        parts[0] *= 7
        parts[1]["a"] *= 7
        parts.append(3)
        return x

    assert torch.equal(live.function(spoil, kinds.tensor).usable()(x, parts), torch.full((3,), 2.0))
    assert torch.equal(x, torch.ones(3))
    assert len(parts) == 2
    assert parts[0][0] == parts[1]["a"][0] == 1


def test_stubs_and_whose_file_it_is():
    @functools.cache
    def wrapped(a):
        return None

    assert is_stub(wrapped)
    assert not is_stub(lambda a: 0)
    assert not is_stub(print)
    assert is_learners("/tmp/ipykernel_1/2.py")
    assert is_learners("<stdin>")
    assert not any(
        map(is_learners, (live.check.__code__.co_filename, torch.__file__, textwrap.__file__, "<frozen os>"))
    )
