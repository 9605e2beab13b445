"""What every exercise's check must do, written once: ``TestAnswers = answers.of(exercises, RIGHT, WRONG)``."""

import pytest


def of(exercises, right, wrong, stubs=()):
    """The tests of a chapter's exercises.

    right: name of the check -> an answer that passes; wrong: (name, answer, words of the sentence it must get);
    stubs: (name, answer) of empty answers, where the chapter's stub is not a function that returns None.
    """
    functions = [name for name, answer in right.items() if callable(answer)]
    empty = [*((name, None) for name in right), *((name, lambda *_, **__: None) for name in functions), *stubs]

    class TestAnswers:
        @pytest.mark.parametrize(("name", "answer"), empty)
        def test_an_empty_answer_is_not_tried_yet_and_gets_three_hints(self, name, answer, capsys):
            assert getattr(exercises, name)(answer) is False
            out = capsys.readouterr().out
            assert out.startswith("○ Not tried yet")
            assert "Hint: " in out
            assert "(2 more in the notebook)" in out

        @pytest.mark.parametrize("name", right)
        def test_the_right_answer_passes(self, name, capsys):
            assert getattr(exercises, name)(right[name]) is True
            assert capsys.readouterr().out.startswith("✓ Right.\n")

        @pytest.mark.parametrize(("name", "answer", "said"), wrong)
        def test_a_wrong_answer_gets_its_own_sentence(self, name, answer, said, capsys):
            assert getattr(exercises, name)(answer) is False
            sentence = capsys.readouterr().out.splitlines()[0]
            assert sentence.startswith("✗ ")
            assert said in sentence

        def test_every_exercise_has_two_wrong_answers_at_least(self):
            assert min(sum(name == other for other, *_ in wrong) for name in right) >= 2

    return TestAnswers
