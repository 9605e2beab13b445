"""The studio's curves: numbers over the steps, in pieces, so that no line joins what cannot be compared.

After another degradation the photos are others, and after another loss its unit is: from there on a curve begins anew.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from matplotlib.ticker import LogLocator

from srlib import figures
from srlib.figures import Html
from srlib.train import Run, Step

POINTS = 200  # a curve on the screen has no more
PHOTOS = ("degradation",)  # knobs after which the photos are others
LOSSES = (*PHOTOS, "loss", "loss_options", "pixel", "perceptual", "adversarial")  # and after which the loss is
AGAINST_A_JUDGE = {  # what a step tells of a game: title of its chart, lines in it
    "adversarial": ("adversarial loss of the generator", {}),
    "judge_loss": ("loss of the judge", {"cannot tell": 2 * math.log(2)}),
    "real": ("judge: photographs are real (probability)", {"cannot tell": 0.5}),
    "fake": ("judge: the network's pictures are real (probability)", {"cannot tell": 0.5}),
}


@dataclass
class Curve:
    """One chart: a line over the steps, and horizontal lines to compare it with."""

    title: str
    points: list[tuple[int, float]]
    lines: dict[str, float] = field(default_factory=dict)
    log: bool = False
    breaks: list[int] = field(default_factory=list)  #: which points begin anew
    since: int = 0  #: after which step: ``lines`` belong to what comes later


class Eras:
    """The times of a training between changes of some knobs."""

    def __init__(self, run: Run, knobs: Iterable[str]) -> None:
        turned = [turn for turn in run.turned if turn[1] in knobs]
        state = {knob: old for _, knob, old, _ in reversed(turned)}  # the first of each knob is what it began with
        self.ends, self._states = [at for at, *_ in turned], [state]
        for _, knob, _, new in turned:
            self._states.append(state := state | {knob: new})

    def at(self, step: int) -> dict[str, str]:
        """How the knobs stood while this step was taken, as far as they were ever turned."""
        return self._states[bisect_left(self.ends, step)]

    @property
    def now(self) -> dict[str, str]:
        """How they stand."""
        return self._states[-1]


def curves(run: Run, marks: dict[str, float], seen: Step | None = None) -> list[Curve]:
    """Loss, PSNR and gradient over the steps.

    Args:
        run: the training.
        marks: the lines in the PSNR chart, name -> dB.
        seen: the last look, if it is of the present photos; it may have been taken after its step was over.
    """
    steps, photos, losses = run.history, Eras(run, PHOTOS), Eras(run, LOSSES)
    looks = [((s.step, s.psnr), photos.at(s.step)) for s in steps if s.psnr is not None]
    if seen is not None and (not looks or looks[-1][0] != (seen.step, seen.psnr)):
        looks.append(((seen.step, seen.psnr), photos.now))
    lengths = [(s.step, s.gradient) for s in steps if s.gradient > 0]  # NaN: from before gradients were measured
    named = [old for _, knob, old, _ in run.turned if knob == "loss"][:1]
    named += [new for _, knob, _, new in run.turned if knob == "loss"]
    found = [
        _smooth(f"loss ({', then '.join(named or [run.settings['loss']])})", [(s.step, s.loss) for s in steps], losses),
        _pieces("PSNR on held-out crops (dB)", looks, photos, marks),
        _smooth("length of the gradient", lengths, losses),
    ]
    for name, (title, lines) in (AGAINST_A_JUDGE if "lr_judge" in run.settings else {}).items():
        told = _smooth(title, [(s.step, getattr(s, name)) for s in steps], Eras(run, PHOTOS), lines)
        told.log = False
        found.append(told)
    return found


def _smooth(title: str, points: list[tuple[int, float]], eras: Eras, lines: dict | None = None) -> Curve:
    """An exponential average that begins at the first value of each era: single batches are too noisy to read."""
    smooth, mean, before = [], 0.0, None
    for step, value in points:
        state = eras.at(step)
        mean = 0.95 * mean + 0.05 * value if state is before else value
        smooth.append(((step, mean), state))
        before = state
    curve = _pieces(title, smooth, eras, lines or {})
    curve.log, curve.since = True, 0 if lines else curve.since
    return curve


def _pieces(title: str, points: list[tuple[tuple[int, float], dict]], eras: Eras, lines: dict[str, float]) -> Curve:
    """A curve that begins anew where the state that stands beside each point is another than before."""
    points = thin(points)
    breaks = [k for k in range(1, len(points)) if points[k][1] != points[k - 1][1]]
    since = max((at for at in eras.ends if at <= points[breaks[-1]][0][0]), default=0) if breaks else 0
    return Curve(title, [point for point, _ in points], lines, breaks=breaks, since=since)


def thin(points: list) -> list:
    """At most ``POINTS`` of them, the last among them."""
    stride = math.ceil(len(points) / POINTS) or 1
    return points[::-1][::stride][::-1]


def marked(changed: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Where a chart has a line and what stands above it: the numbers of the changes after that step.

    >>> marked([(0, "lr 1 -> 2"), (30, "batch 4 -> 8"), (30, "lr 2 -> 1")])
    [(0, '1'), (30, '2, 3')]
    """
    at: dict[int, list[str]] = {}
    for number, (step, _) in enumerate(changed, 1):
        at.setdefault(step, []).append(str(number))
    return [(step, ", ".join(numbers)) for step, numbers in at.items()]


def drawn(curve: Curve, changed: list[tuple[int, str]]) -> Html:
    """A curve as a chart that needs no kernel; ``changed`` are the changes to mark in it."""
    figure, ax = figures.axes(width=3.6, height=2.9)
    ends = [0, *curve.breaks, len(curve.points)]
    for first, last in zip(ends, ends[1:], strict=False):
        style = {"marker": "o" if len(curve.points) < 30 or last - first == 1 else None, "markersize": 3}
        ax.plot(*zip(*curve.points[first:last], strict=True), color=figures.COLOURS[0], **style)
    for k, (name, value) in enumerate(curve.lines.items(), 1):
        style = {"color": figures.COLOURS[k % 6], "linestyle": figures.DASHES[k % 6], "label": f"{name}: {value:.2f}"}
        if curve.since:
            ax.plot([curve.since, curve.points[-1][0]], [value, value], **style)
        else:
            ax.axhline(value, **style)
    for at, label in marked(changed):
        ax.axvline(at, color="#888888", linewidth=1)
        ax.text(at, 1.0, label, transform=ax.get_xaxis_transform(), ha="center", va="bottom", fontsize=9)
    ax.set_xlabel("step")
    ax.set_title(curve.title, pad=16 if changed else 6, fontsize=11)
    if curve.log:
        ax.set_yscale("log")
        for axis in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
            axis(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    if curve.lines:  # below the chart: inside, it would hide one of its lines
        ax.legend(fontsize=9, loc="upper left", bbox_to_anchor=(0, -0.24), borderaxespad=0)
    return figures.chart(figure, spoken(curve))


def spoken(curve: Curve) -> str:
    """A chart in words; of a curve in pieces, the last."""
    if not curve.points:
        return f"{curve.title}: nothing yet"
    points = curve.points[curve.breaks[-1] if curve.breaks else 0 :]
    (first, a), (last, b) = points[0], points[-1]
    anew = f", begun anew after step {curve.since}" if curve.breaks else ""
    lines = "".join(f"; {name} {value:.2f}" for name, value in curve.lines.items())
    return f"{curve.title}: {a:.4g} at step {first}, {b:.4g} at step {last}{anew}{lines}"
