"""Things to touch: a training studio, an explorer of parameters, a wipe comparison, quizzes and checks.

In JupyterLab they are controls; without a kernel (website, slides) or a front end (tests) what they saved is plain
HTML that still says everything.
"""

from srlib.live import kinds
from srlib.live.answers import function, value
from srlib.live.board import board
from srlib.live.check import check
from srlib.live.compare import compare
from srlib.live.explore import explore
from srlib.live.mode import interactive
from srlib.live.quiz import predict, quiz
from srlib.live.studio import TrainingStudio
from srlib.live.tryit import try_it

__all__ = [
    "TrainingStudio",
    "board",
    "check",
    "compare",
    "explore",
    "function",
    "interactive",
    "kinds",
    "predict",
    "quiz",
    "try_it",
    "value",
]
