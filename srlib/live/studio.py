"""The training studio: turn the knobs of a training while it runs, and see what they do.

A plain loop in the cell reads the controls' values between two steps. JupyterLab delivers them through a kernel
subshell while the cell is busy; where a front end cannot, the training simply runs to its end. Without a front end no
widget is made at all, and the same loop runs.
"""

from __future__ import annotations

import html
import threading
import time

from IPython.display import display

from srlib import figures, losses, recipes, train
from srlib.figures import Html
from srlib.live.mode import interactive

BUDGET = 4  # seconds of training between two drawings, for each second a drawing takes: at most 20 % are spent drawing


class TrainingStudio:
    """Controls for one training. Show it in a cell (its last line), then ``history = studio.run()``.

    Args:
        recipe: what to train.
        tier: "smoke", "laptop", "full" or "auto".
        marks: lines to draw into the PSNR chart, name -> dB (bicubic, a paper's number on the same photos).
        changes: recipe fields to change, such as ``seed=1``.
    """

    def __init__(
        self, recipe: recipes.Recipe, tier: str = "auto", marks: dict[str, float] | None = None, **changes
    ) -> None:
        self.training = train.fit(recipe, tier, **changes)
        self.marks = marks or {}
        self.changed: list[tuple[int, str]] = []  # (step, what the learner did)
        self._controls = _Controls(self) if interactive() else None

    def _repr_mimebundle_(self, **_) -> dict:
        if self._controls:
            return self._controls.box._repr_mimebundle_()
        recipe = self.training.recipe
        words = (
            f"{recipe.model} x{recipe.scale}: {recipe.steps} steps of {recipe.batch} patches, peak rate {recipe.lr:g}"
        )
        note = "In JupyterLab, controls for learning rate, batch and loss appear here."
        return {"text/plain": words, "text/html": f"<p>{html.escape(words)}.</p><p><i>{note}</i></p>"}

    def run(self) -> list[train.Step]:
        """Train to the end (or until stopped) and show what happened; returns the history.

        Jupyter's own stop button ends it as the Stop button does: everything so far is kept.
        """
        handle = display(Html("<p>Preparing photos ...</p>", "Preparing photos ..."), display_id=True)
        try:
            for step in self.training:
                if self._controls:
                    self._controls.after(step)
        except KeyboardInterrupt:
            self.changed.append((len(self.training.history), "interrupted"))
        except train.Diverged as error:
            last = f" The last change before was: {self.changed[-1][1]}." if self.changed else ""
            print(f"{error}{last}")
        if handle and self.training.history:
            handle.update(self.summary())
        return self.training.history

    def summary(self) -> Html:
        """Curves and last numbers as a chart that needs no kernel."""
        run, steps = self.training, self.training.history
        figure, (left, right) = figures.axes(2, width=8.5, height=3)
        left.plot([s.step for s in steps], _smooth([s.loss for s in steps]))
        left.set(title=f"loss ({run.settings['loss']})", xlabel="step")
        looks = [s for s in steps if s.psnr is not None]
        right.plot([s.step for s in looks], [s.psnr for s in looks], marker="o", markersize=3, label=run.recipe.model)
        for k, (name, value) in enumerate(self.marks.items(), 1):
            colour, dash = figures.COLOURS[k % 6], figures.DASHES[k % 6]
            right.axhline(value, color=colour, linestyle=dash, label=name)
        for at, _ in self.changed:
            right.axvline(at, color="#888888", linewidth=1)
        right.set(title="PSNR on held-out photos (dB)", xlabel="step")
        right.legend()
        last = f"{looks[-1].psnr:.2f} dB on the held-out crops" if looks else "not looked at yet"
        words = f"{run.recipe.model} x{run.recipe.scale} after {len(steps)} steps: loss {steps[-1].loss:.4g}, {last}"
        return figures.chart(figure, f"Training curves of {words}")


class _Controls:
    """The widgets, and what happens between two steps while somebody may be touching them."""

    def __init__(self, studio: TrainingStudio) -> None:
        import ipywidgets as w  # only where somebody can touch it: it is slow to import

        self.studio, settings = studio, studio.training.settings
        self.lr = w.FloatLogSlider(
            value=max(settings["lr"], 1e-6), base=10, min=-6, max=0, step=0.05, description="learning rate"
        )
        self.batch = w.IntSlider(value=settings["batch"], min=1, max=64, description="batch")
        self.loss = w.Dropdown(options=list(losses.LOSSES), value=settings["loss"], description="loss")
        self.pause = w.ToggleButton(description="Pause", icon="pause")
        self.stop = w.Button(description="Stop", icon="stop")
        self.text = w.Label("ready: run the next cell")
        self.preview, self.curve = w.HTML(), w.HTML()
        self.stopping = threading.Event()
        self.stop.on_click(lambda _: self.stopping.set())
        row = w.HBox([self.lr, self.batch, self.loss])
        views = w.HBox([self.preview, self.curve], layout=w.Layout(flex_flow="row wrap", align_items="flex-start"))
        self.box = w.VBox([row, w.HBox([self.pause, self.stop, self.text]), views])
        self.shown_preview, self.next_drawing, self.first = None, 0.0, True

    def after(self, step: train.Step) -> None:
        """Take over what was touched, wait while paused, and draw if the budget allows."""
        run = self.studio.training
        for name, control in (("lr", self.lr), ("batch", self.batch), ("loss", self.loss)):
            old, new = run.settings[name], control.value
            if new != old and not (name == "lr" and abs(new - old) < 1e-9):
                run.set(**{name: new})
                self.studio.changed.append((step.step, f"{name} {old} -> {new}"))
        while self.pause.value and not self.stopping.is_set():
            self.text.value = f"paused after step {step.step}"
            time.sleep(0.05)
        if self.stopping.is_set():
            run.stop()
        if step.preview is not None:
            self.shown_preview = step
        if time.monotonic() > self.next_drawing or run.done:
            self._draw(step)

    def _draw(self, step: train.Step) -> None:
        run, began = self.studio.training, time.monotonic()
        left = (run.recipe.steps - step.step) * step.seconds / step.step
        self.text.value = f"step {step.step} of {run.recipe.steps}, loss {step.loss:.4g}, about {left:.0f} s left"
        if self.shown_preview is not None:
            seen = self.shown_preview
            note = f"step {seen.step}, {seen.psnr:.2f} dB"
            self.preview.value = figures.pictures({"now": (seen.preview, note)}, "Held-out crop")._repr_html_()
        self.curve.value = self.studio.summary()._repr_html_()
        cost = 0.0 if self.first else time.monotonic() - began  # the first drawing pays for imports
        self.first, self.next_drawing = False, time.monotonic() + max(0.5, BUDGET * cost)


def _smooth(values: list[float], keep: float = 0.95) -> list[float]:
    """An exponential average: single batches are too noisy to read."""
    smooth, mean = [], values[0]
    for value in values:
        mean = keep * mean + (1 - keep) * value
        smooth.append(mean)
    return smooth
