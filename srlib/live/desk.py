"""The person at the panel: between two steps, what was touched is taken over, and what happened is drawn.

Drawing is paid from a budget, so that watching costs a training little: after a drawing that took a second, the next
one comes ``BUDGET`` seconds later.
"""

from __future__ import annotations

import math
import time
from collections import deque
from pathlib import Path
from typing import Protocol

from srlib import checkpoints, figures, knobs
from srlib.live import controls, curves, possible, views
from srlib.live.panel import DEAF, Panel
from srlib.train import Run, Step

BUDGET = 9  # seconds of training for each second of drawing: a tenth of the time
OFTEN = 0.25  # seconds between two drawings at least: nobody reads faster
NAP = 0.05  # seconds between two glances at the inbox while paused


class Studio(Protocol):
    """What a desk needs of its studio (:class:`srlib.live.studio.TrainingStudio`), which makes it."""

    training: Run
    seen: Step | None

    def put(self, run: Run) -> None: ...
    def resumed(self, path: Path) -> Run: ...
    def look_again(self) -> None: ...
    def references(self) -> tuple: ...
    def lines(self) -> dict[str, float]: ...


class Desk:
    """Reads and draws the panel of one studio."""

    def __init__(self, studio: Studio) -> None:
        recipe = studio.training.recipe
        self.studio, self.paused, self.planned = studio, False, {}
        self._one, self._next, self._pace = False, 0.0, deque(maxlen=8)
        self._drawn: Step | None = None
        self._about = ""  # whom ``said`` concerns: a knob's name, or "a button"
        name = f"{recipe.model}-x{recipe.scale}" + (f"-{recipe.judge}-judges" if hasattr(recipe, "judge") else "")
        self.panel = Panel(title=f"Training studio: {recipe.model} x{recipe.scale}", file=f"{name}.ckpt")
        self.panel.idle = self._while_idle
        self._show_controls()
        self._say("")
        self._phase("ready")

    # ---------------------------------------------------------------- called by the training

    def begin(self) -> None:
        """A run starts: from now on messages wait for the loop."""
        self.panel.heard, self.panel.running_since = False, time.monotonic()
        self.panel.working_since, self.panel.lately = self.panel.running_since, math.inf
        self._next = 0.0
        self._pace.clear()
        self._phase("running")

    def between(self, step: Step | None) -> None:
        """After a step (None: before the first): draw, take over what was touched, wait while paused."""
        run = self.studio.training
        if step is not None and time.monotonic() >= self._next:
            self.draw()
        self._obey()
        self._one = False
        if self.paused and not run.done:
            self._phase("paused")
            self.draw()
            while self.paused and not self._one and not run.stopped and self.studio.training is run:
                self.panel.working_since = None
                time.sleep(NAP)
                if self._obey() and self.paused:  # it is seen at once, not only at Continue
                    self.draw()
                self.paused = self.paused and not self.panel.deaf  # nobody could press anything any more
            self._pace.clear()
        self._phase("running")
        if self.panel.deaf:
            self._say(DEAF)

    def end(self) -> None:
        """The run is over; messages are acted on as they come."""
        self.panel.running_since = self.panel.working_since = None
        self.paused = False
        self._obey()
        self._phase("ended")

    # ---------------------------------------------------------------- what was touched

    def _while_idle(self) -> None:
        self._obey()
        self.draw(photos=False)

    def _obey(self) -> bool:
        """Take over what was touched; was there anything?"""
        touched = not self.panel.inbox.empty()
        while not self.panel.inbox.empty():
            message = self.panel.inbox.get()
            turn = message["kind"] == "turn"
            about = message["name"] if turn else "a button"
            try:
                if not turn or self._about == about:  # a turn leaves a button's words, and what concerns another knob
                    self._say("", about)
                if turn:
                    self._turn(message["name"], message["value"])
                else:
                    getattr(self, f"_press_{message['button']}")(message)
            except Exception as error:  # whatever is touched, it must not end a training that runs
                self._say(_sentence(error), about)
                self.panel.send({"kind": "refused"})
            self._show_controls()
            self._next = min(self._next, time.monotonic() + OFTEN)  # what was touched should be seen soon
        self.panel.glance()
        return touched

    def _turn(self, name: str, value: object) -> None:
        run = self.studio.training
        if name.startswith("arguments.") or name == "seed":
            self.planned[name] = value
        else:
            run.set(**controls.setting(run, name, value))

    def _press_pause(self, _) -> None:
        self.paused = not self.paused
        self._phase("paused" if self.paused else "running" if self.panel.running_since else "ready")

    def _press_step(self, _) -> None:
        self.paused = self._one = True

    def _press_stop(self, _) -> None:
        self.studio.training.stop()
        self._say("Stopping ..." if self.panel.running_since else "Nothing is running.")

    def _press_restart(self, _) -> None:
        run, fields = self.studio.training, controls.fields(self.studio.training, self.planned)
        possible.checked(controls.arguments(run), fields.get("arguments", {}))
        with possible.network(fields.get("arguments", {})):
            fresh = run.restart(**fields)
            fresh.look()  # some numbers make a network that cannot draw: better to learn that before the old one goes
        self._replace(fresh, "Started over: step 0, fresh weights")

    def _press_reset(self, _) -> None:
        self.studio.training.set(**knobs.of(self.studio.training.recipe))
        self.planned = {}
        self._say("Every knob is at the recipe's value again.")

    def _press_save(self, message: dict) -> None:
        path = self._named(message)
        if path.exists() and not checkpoints.is_one(path):
            raise ValueError(f"{path} is no checkpoint, and would be overwritten: name another file.")
        if not path.parent.is_dir():
            raise ValueError(
                f"The folder {path.parent} does not exist: name a file in one that does, or make it first."
            )
        self._say(f"Saved as {self.studio.training.save(path)}.")

    def _press_resume(self, message: dict) -> None:
        path = self._named(message)
        run = self.studio.resumed(path)
        self._replace(run, f"Loaded {path}: {len(run.history)} steps done")

    def _named(self, message: dict) -> Path:
        """The checkpoint that a press is about."""
        if not (name := message["file"].strip()):
            raise ValueError(f"Give the checkpoint a name, such as {self.panel.file}.")
        path = Path(name).expanduser()
        if path.is_dir():
            raise ValueError(f"{path} is a folder: name a file in it, such as {path / self.panel.file}.")
        return path

    def _replace(self, run, said: str) -> None:
        self.studio.put(run)
        self.planned, self._drawn = {}, None
        self.panel.pictures = []
        self._pace.clear()
        self._say(f"{said}." if self.panel.running_since else f"{said}. Run the cell with studio.run().")

    # ---------------------------------------------------------------- what is shown

    def draw(self, photos: bool = True) -> None:
        """Bring the panel up to date; ``photos=False`` where none may have been read yet."""
        run, began = self.studio.training, time.monotonic()
        if photos:
            self.studio.look_again()
        lines, seen = (self.studio.lines(), self.studio.seen) if photos else ({}, None)
        with self.panel.lock, self.panel.hold_sync():  # one message
            self.panel.status = self._status(began)
            changed = views.turns(run)
            self.panel.turned = [list(turn) for turn in changed]
            self.panel.marks = [list(mark) for mark in curves.marked(changed)]
            self.panel.curves = [{**vars(c), "alt": curves.spoken(c)} for c in curves.curves(run, lines, seen)]
            if seen is not None and seen is not self._drawn:
                self._drawn = seen
                shown = views.pictures(run, seen, self.studio.references())
                self.panel.pictures = [[n, figures.data_uri(img), note] for n, (img, note) in shown.items()]
        now = time.monotonic()
        self._next = now + max(OFTEN, BUDGET * (now - began))

    def _status(self, now: float) -> str:
        run = self.studio.training
        done, steps = len(run.history), run.recipe.steps
        parts = [f"step {done:,} of {steps:,}"]
        if run.history:
            parts.append(f"loss {run.history[-1].loss:.4g}")
            parts.append(f"rate now {run.history[-1].lr:.2g}")
        self._pace.append((now, done))
        then, before = self._pace[0]
        passed = now - then
        if done > before and passed > 0.2:
            pace = (done - before) / passed
            left = (steps - done) / pace
            parts.append(f"{pace:.3g} steps/s, {f'{left / 60:.0f} min' if left > 99 else f'{left:.0f} s'} left")
        return " · ".join(parts)

    def _show_controls(self) -> None:
        run = self.studio.training
        with self.panel.lock, self.panel.hold_sync():
            self.panel.controls = controls.controls(run)
            self.panel.values = controls.values(run) | self.planned

    def _phase(self, phase: str) -> None:
        self.panel.phase = phase

    def _say(self, sentence: str, about: str = "a button") -> None:
        self.panel.said, self._about = sentence, about


def _sentence(error: Exception) -> str:
    """What went wrong, in words."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return str(error) or type(error).__name__
