"""What the studio shows: curves, pictures and words, as plain data while it trains and as one static page after it.

Nothing in the static page depends on the clock, so the same training gives the same bytes.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field

import torch
from matplotlib.ticker import LogLocator
from torch import nn

from srlib import figures, metrics, weights
from srlib.figures import Html
from srlib.train import Run, Step

POINTS = 200  # a curve on the screen has no more
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


def curves(run: Run, marks: dict[str, float]) -> list[Curve]:
    """Loss, PSNR and gradient over the steps; ``marks`` are the lines in the PSNR chart, name -> dB."""
    steps = run.history
    loss = _thin([(s.step, v) for s, v in zip(steps, _smooth([s.loss for s in steps]), strict=True)])
    looks = [(s.step, s.psnr) for s in steps if s.psnr is not None]
    lengths = [(s.step, s.gradient) for s in steps if s.gradient > 0]  # NaN: from before gradients were measured
    gradient = _thin([(n, v) for (n, _), v in zip(lengths, _smooth([v for _, v in lengths]), strict=True)])
    found = [
        Curve(f"loss ({run.settings['loss']})", loss, log=True),
        Curve("PSNR on held-out crops (dB)", looks, marks),
        Curve("length of the gradient", gradient, log=True),
    ]
    for name, (title, lines) in (AGAINST_A_JUDGE if "lr_judge" in run.settings else {}).items():
        values = _smooth([getattr(s, name) for s in steps])
        found.append(Curve(title, _thin([(s.step, v) for s, v in zip(steps, values, strict=True)]), lines))
    return found


def given(run: Run) -> str:
    """What the network is compared with: what it was given, enlarged by bicubic where it enlarges."""
    return "bicubic" if run.recipe.scale > 1 else "input"


def marks(run: Run, bicubic: float) -> dict[str, float]:
    """The lines that a training's PSNR is set beside: bicubic's, and what the course's weights reach on the same crops.

    It looks once with those weights, so whoever draws often should keep the result.
    """
    return {given(run): bicubic} | _shipped(run)


def _shipped(run: Run) -> dict[str, float]:
    """The line of the course's weights; none where there are none, or where they know another degradation."""
    recipe = run.recipe
    name, scale = weights.name_of(recipe.to_dict()), recipe.scale
    if (name, scale) not in weights.available():
        return {}
    if weights.card(name, scale)["recipe"].get("degradation", {}) != run.settings["degradation"]:
        return {}
    net = weights.load(name, scale)
    size, own = (sum(p.numel() for p in network.parameters()) for network in (net, run.model))
    label = "shipped weights" + ("" if size == own else f" ({size:,} parameters)")
    return {label: _on_the_crops(run, net)}


@torch.no_grad()
def _on_the_crops(run: Run, net: nn.Module) -> float:
    """PSNR in dB (mean) of another network of the same kind on the crops that watch this training."""
    run._load()
    net = net.to(run.device)
    drawn = [(net(x[None])[0].float().cpu().clamp(0, 1), y) for x, y in run._views]
    return sum(metrics.psnr(sr, y, crop=run.recipe.scale) for sr, y in drawn) / len(drawn)


def turns(run: Run) -> list[tuple[int, str]]:
    """What the learner changed: (after how many steps, words). A slider being dragged counts once."""
    merged: list[list] = []
    close = max(5, run.recipe.steps // 50)
    for at, knob, old, new in run.turned:
        if merged and merged[-1][1] == knob and at - merged[-1][0] <= close:
            merged[-1][0], merged[-1][3] = at, new
        else:
            merged.append([at, knob, old, new])
    return [(at, f"{knob.replace('_', ' ')} {old} -> {new}") for at, knob, old, new in merged if old != new]


def marked(changed: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Where a chart has a line and what stands above it: the numbers of the changes after that step.

    >>> marked([(0, "lr 1 -> 2"), (30, "batch 4 -> 8"), (30, "lr 2 -> 1")])
    [(0, '1'), (30, '2, 3')]
    """
    at: dict[int, list[str]] = {}
    for number, (step, _) in enumerate(changed, 1):
        at.setdefault(step, []).append(str(number))
    return [(step, ", ".join(numbers)) for step, numbers in at.items()]


def pictures(run: Run, seen: Step, references: tuple) -> dict[str, tuple]:
    """name -> (picture, words under it): bicubic (or the input), the network now, its error, the original."""
    bicubic, enlarged, original = references
    return {
        given(run): (enlarged, f"{bicubic:.2f} dB, mean of the crops"),
        "network": (seen.preview, f"{seen.psnr:.2f} dB after step {seen.step}"),
        "its error": (figures.error_map(seen.preview, original), "black: none; white: 0.2 or more"),
        "original": (original, ""),
    }


def words(run: Run, bicubic: float | None) -> str:
    """One sentence: what was trained, how far, and what came of it."""
    steps, recipe = run.history, run.recipe
    own = [f"{k} {v}" for k, v in recipe.arguments.items()] + ([f"seed {recipe.seed}"] if recipe.seed else [])
    name = f"{recipe.model} x{recipe.scale}" + (f" ({', '.join(own)})" if own else "")
    name += f" against the judge of {recipe.judge}" if hasattr(recipe, "judge") else ""
    if not steps:
        return f"{name}: no step was taken"
    looks = [s.psnr for s in steps if s.psnr is not None]
    seen = f"{looks[-1]:.2f} dB on the held-out crops" if looks else "not looked at yet"
    beside = "" if bicubic is None else f" ({given(run)} {bicubic:.2f} dB)"
    return f"{name} after {len(steps)} steps: loss {steps[-1].loss:.4g}, {seen}{beside}"


def summary(run: Run, lines: dict[str, float], seen: Step | None, references: tuple | None, ended: str = "") -> Html:
    """Everything there is to see after a training, in plain HTML: no kernel, no script, no clock."""
    said, changed = words(run, references and references[0]), turns(run)
    parts, text = [f"<p>{html.escape(said)}.</p>"], [f"{said}."]
    if ended:
        parts.append(f"<p><b>{html.escape(ended)}</b></p>")
        text.append(ended)
    for note in run.notes:
        parts.append(f"<p>{html.escape(note)}</p>")
        text.append(note)
    if run.history:
        charts = [_chart(curve, changed) for curve in curves(run, lines) if curve.points]
        boxes = "".join(f'<div style="flex:1 1 15rem;max-width:22rem">{c._repr_html_()}</div>' for c in charts)
        parts.append(f'<div style="display:flex;flex-wrap:wrap;gap:12px">{boxes}</div>')
        text += [repr(c) for c in charts]
    if changed:
        items = [f"after step {at}: {what}" for at, what in changed]
        parts.append("<p>What was changed (the numbers in the charts):</p>")
        parts.append(f"<ol>{''.join(f'<li>{html.escape(item)}</li>' for item in items)}</ol>")
        text += [f"{k}. {item}" for k, item in enumerate(items, 1)]
    if seen is not None and references:
        shown = figures.pictures(
            pictures(run, seen, references), f"Held-out crop, {run.recipe.model} x{run.recipe.scale}", 160, exact=False
        )
        parts.append(shown._repr_html_())
        text.append(repr(shown))
    return Html(f'<div class="sr-studio-summary">{"".join(parts)}</div>', "\n".join(text))


def _chart(curve: Curve, changed: list[tuple[int, str]]) -> Html:
    figure, ax = figures.axes(width=3.6, height=2.9)
    ax.plot(*zip(*curve.points, strict=True), marker="o" if len(curve.points) < 30 else None, markersize=3)
    for k, (name, value) in enumerate(curve.lines.items(), 1):
        style = {"color": figures.COLOURS[k % 6], "linestyle": figures.DASHES[k % 6]}
        ax.axhline(value, label=f"{name}: {value:.2f}", **style)
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
    """A chart in words."""
    if not curve.points:
        return f"{curve.title}: nothing yet"
    (first, a), (last, b) = curve.points[0], curve.points[-1]
    lines = "".join(f"; {name} {value:.2f}" for name, value in curve.lines.items())
    return f"{curve.title}: {a:.4g} at step {first}, {b:.4g} at step {last}{lines}"


def _thin(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most ``POINTS`` of them, the last among them."""
    stride = math.ceil(len(points) / POINTS) or 1
    return points[::-1][::stride][::-1]


def _smooth(values: list[float], keep: float = 0.95) -> list[float]:
    """An exponential average that begins at the first value: single batches are too noisy to read."""
    smooth, mean = [], values[0] if values else 0.0
    for value in values:
        mean = keep * mean + (1 - keep) * value
        smooth.append(mean)
    return smooth
