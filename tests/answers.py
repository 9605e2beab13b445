"""What every exercise's check must do, written once: ``TestAnswers = answers.of(exercises, RIGHT, WRONG, EQUIVALENT)``.

Right answers pass, however they are written; wrong ones get a sentence of their own; and what is left of a right answer
after a slip (``mutants``) passes only where it is the same answer still, as listed with the reason.
"""

import inspect

import mutants
import pytest


def several(right):
    """(name, answer) of all right answers: a list holds several, anything else is one."""
    return [(name, a) for name, held in right.items() for a in (held if isinstance(held, list) else [held])]


def of(exercises, right, wrong, equivalent=None, stubs=()):
    """The tests of a chapter's exercises.

    right: name of the check -> a list of answers that pass, written in different ways; slips are made in the first.
    wrong: (name, answer, words of the sentence it must get).
    equivalent: name -> {mutant of the first right answer: why it is right}.
    stubs: (name, answer) of empty answers, where the chapter's stub is not a function that returns None.
    """
    rights, equivalent = several(right), equivalent or {}
    first = dict(reversed(rights))
    functions = [name for name, answer in first.items() if inspect.isfunction(answer)]
    empty = [*((name, None) for name in right), *((name, lambda *_, **__: None) for name in functions), *stubs]

    class TestAnswers:
        @pytest.mark.parametrize(("name", "answer"), empty)
        def test_an_empty_answer_is_not_tried_yet_and_gets_three_hints(self, name, answer, capsys):
            assert getattr(exercises, name)(answer) is False
            out = capsys.readouterr().out
            assert out.startswith("○ Not tried yet")
            assert "Hint: " in out
            assert "(2 more in the notebook)" in out

        @pytest.mark.parametrize(("name", "answer"), rights)
        def test_a_right_answer_passes(self, name, answer, capsys):
            passed = getattr(exercises, name)(answer)
            out = capsys.readouterr().out
            assert out.startswith("✓ Right.\n"), out
            assert passed is True

        @pytest.mark.parametrize(("name", "answer", "said"), wrong)
        def test_a_wrong_answer_gets_its_own_sentence(self, name, answer, said, capsys):
            assert getattr(exercises, name)(answer) is False
            sentence = capsys.readouterr().out.splitlines()[0]
            assert sentence.startswith("✗ ")
            assert said in sentence

        @pytest.mark.parametrize("name", right)
        def test_every_sentence_is_said_to_somebody(self, name, capsys, monkeypatch):
            written, said = [], set()

            def recorded(answer, *tests, check=exercises.check, **options):
                written.append([message for _, message in tests])
                return check(answer, *tests, **options)

            monkeypatch.setattr(exercises, "check", recorded)
            for answer in (answer for other, answer, _ in wrong if other == name):
                getattr(exercises, name)(answer)
                said.add(capsys.readouterr().out.splitlines()[0][2:])
            always = set.intersection(*map(set, written))  # some sentences depend on the answer
            assert not always - said, "no wrong answer of this test gets these sentences"

        @pytest.mark.parametrize("name", functions)
        def test_a_slip_in_the_right_answer_is_caught(self, name):
            left = set(mutants.survivors(getattr(exercises, name), first[name]))
            known = set(equivalent.get(name, {}))
            assert not left - known, "these pass, though they are not the right answer"
            assert not known - left, "these are listed as right, but do not pass, or are no slips any more"

        @pytest.mark.parametrize("name", right)
        def test_there_are_two_right_answers_and_three_wrong_ones(self, name):
            assert sum(name == other for other, _ in rights) >= 2
            assert sum(name == other for other, *_ in wrong) >= 3

    return TestAnswers
