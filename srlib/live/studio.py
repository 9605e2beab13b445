"""The training studio: turn the knobs of a training while it runs, and see what they do.

A plain loop in the cell trains; between two steps a :class:`~srlib.live.desk.Desk` takes over what was touched.
JupyterLab delivers that while the cell is busy; where a front end cannot, the studio says so and trains on. Without a
front end no widget is made at all, and the same loop runs.

A saved notebook never shows a dead widget: when the run is over, plain pictures and text take its place; and if the
kernel dies before, words that stand beside it from the beginning are seen instead of it (``spare.js``).
"""

from __future__ import annotations

import dataclasses
import html
import math
import os
import time

from IPython.display import display

from srlib import adversarial, recipes, train
from srlib.figures import Html
from srlib.live import views
from srlib.live.mode import interactive
from srlib.live.page import element

SELDOM = 5.0  # seconds between two notes of how far a training is


class TrainingStudio:
    """Controls for one training. Show it in a cell (its last line), then ``history = studio.run()``.

    ``studio.run()`` alone shows the controls too. What a studio needs of its ``training`` is what a
    :class:`srlib.train.Run` has: ``settings`` and ``set``, ``history`` and iteration, ``look`` and ``references``.

    Args:
        recipe: what to train.
        tier: "smoke", "laptop", "full" or "auto".
        marks: lines to draw into the PSNR chart, name -> dB, beside bicubic's and the shipped weights'.
        changes: recipe fields to change, such as ``seed=1``, and options of :func:`srlib.train.fit`.
    """

    def __init__(
        self, recipe: recipes.Recipe, tier: str = "auto", marks: dict[str, float] | None = None, **changes
    ) -> None:
        fit = adversarial.fit if isinstance(recipe, recipes.AdversarialRecipe) else train.fit
        self.training = fit(recipe, tier, **changes)
        self.marks = marks or {}
        self.seen: train.Step | None = None  # the last look, with its picture
        self._seen_as: tuple = ()  # which training's photos were seen, and how degraded
        self.ended = ""  # why the last run ended, if not because all steps were taken
        self.desk = None
        self._places = []  # the outputs in which the panel and its stand-in are shown
        self._place, self._noted = None, -math.inf  # where the run is told of, and when it last was
        self._found: tuple = (None, None)
        if interactive():
            from srlib.live.desk import Desk  # only where somebody can touch it: it is slow to import

            self.desk = Desk(self)

    def _ipython_display_(self) -> None:
        if self.desk is None:
            display(self._plan())
        else:
            words = self._plan()
            stand_in = Html(element("standin", words._repr_html_(), ("spare", "standin")), repr(words))
            self._places += [display(shown, display_id=True) for shown in (stand_in, self.desk.panel)]

    def _plan(self) -> Html:
        recipe = self.training.recipe
        words = (
            f"{recipe.model} x{recipe.scale}: {recipe.steps} steps of {recipe.batch} patches, peak rate {recipe.lr:g}"
        )
        note = "In JupyterLab, controls to turn while it trains appear here: run this cell again."
        return Html(f"<p>{html.escape(words)}.</p><p><i>{note}</i></p>", words)

    def run(self) -> list[train.Step]:
        """Train to the end (or until stopped) and show what happened; returns the history.

        Jupyter's own stop button ends it as the Stop button does, and a loss that explodes or becomes NaN ends it too:
        everything up to there is kept. Called again, it goes on from there.
        """
        self.training.stopped, self.ended = False, ""
        if self.desk and not self._places:
            self._ipython_display_()
        self._place = place = display(Html("<p>Training ...</p>", "Training ..."), display_id=True)
        try:
            self._train()
        except KeyboardInterrupt:
            self.ended = f"Interrupted after step {len(self.training.history)}."
        except train.Diverged as error:
            self.ended = str(error)
            if self._seen_as != self._photos():  # the weights are those of an earlier step: nothing to look at again
                self.seen = None
        finally:
            self._leave()
        if self.training.stopped:
            self.ended = f"Stopped after step {len(self.training.history)}."
        place.update(self.summary()) if place else print(self.summary())
        return self.training.history

    def _train(self) -> None:
        run = None
        if self.desk:
            self.desk.begin()
        while run is not self.training:  # again when the desk has put another one there
            run = self.training
            if self.desk:
                self.desk.between(None)
            for step in run if run is self.training else ():
                if step.preview is not None:
                    self.seen, self._seen_as = step, self._photos()
                    self._note()
                if self.desk:
                    self.desk.between(step)
                if run is not self.training:
                    break

    def _note(self) -> None:
        """Leave the last look in the notebook, in case that nothing comes after it: the kernel may die."""
        if self.desk and self._place and time.monotonic() - self._noted > SELDOM:
            self._noted = time.monotonic()
            words = f"Training. {views.words(self.training, self.seen, self.references()[0])}, when last noted."
            self._place.update(Html(f"<p>{html.escape(words)}</p>", words))

    def _leave(self) -> None:
        """Put plain text where the panel was."""
        if self.desk:
            self.desk.end()
        for place, shown in zip(self._places, (self._plan(), Html("", "")), strict=False):
            if place:
                place.update(shown)
        self._places = []

    def put(self, run: train.Run) -> None:
        """Let another training take the place of this one; nothing of it has been seen yet."""
        self.training, self.seen = run, None

    def resumed(self, path: str | os.PathLike) -> train.Run:
        """This studio's training as it stands in a checkpoint, whatever network and seed that was begun with.

        Raises:
            ValueError, FileNotFoundError: not a checkpoint of this training (see ``Run.resume``).
        """
        saved, own = train.read_checkpoint(path).get("recipe"), self.training.recipe
        if not isinstance(saved, dict) or not {"model", "scale", "arguments", "seed"} <= saved.keys():
            raise train.CheckpointError(f"{path} is no checkpoint of a training. Name a file that Save wrote.")
        if (saved["model"], saved["scale"]) != (own.model, own.scale):
            raise train.CheckpointError(
                f"{path} is of {saved['model']} x{saved['scale']}, but this studio trains {own.model} x{own.scale}."
            )
        run = self.training.restart(arguments=saved["arguments"], seed=saved["seed"])
        run.resume(path)
        return run

    def _photos(self) -> tuple:
        """What decides which held-out crops the network is given."""
        return self.training, str(self.training.settings["degradation"])

    def look_again(self) -> None:
        """If the photos are others than at the last look, look now: its number must not stand beside theirs.

        Raises:
            srlib.train.Diverged: the network draws nothing finite.
        """
        if self.seen is not None and self._seen_as != self._photos():
            psnr, preview = self.training.look()
            last = self.training.history[-1]
            self.seen, self._seen_as = dataclasses.replace(last, psnr=psnr, preview=preview), self._photos()

    def references(self) -> tuple:
        """``training.references()``, worked out once for each degradation."""
        return self._beside()[0]

    def lines(self) -> dict[str, float]:
        """The horizontal lines of the PSNR chart."""
        return self._beside()[1] | self.marks

    def _beside(self) -> tuple[tuple, dict[str, float]]:
        """What looks are compared with: references, and the lines of a chart."""
        if self._found[0] != self._photos():
            references = self.training.references()
            self._found = (self._photos(), (references, views.marks(self.training, references[0])))
        return self._found[1]

    def summary(self) -> Html:
        """Curves, pictures, numbers and what was changed, as plain HTML that needs no kernel."""
        if not self.training.history:
            return views.summary(self.training, {}, None, None, self.ended)
        try:
            self.look_again()
        except train.Diverged as error:
            self.seen, self.ended = None, str(error)
        return views.summary(self.training, self.lines(), self.seen, self.references(), self.ended)
