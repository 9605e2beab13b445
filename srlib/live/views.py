"""What the studio shows: curves, pictures and words, as plain data while it trains and as one static page after it.

Nothing in the static page depends on the clock, so the same training gives the same bytes.
"""

from __future__ import annotations

import html

import torch
from torch import nn

from srlib import figures, metrics, weights
from srlib.figures import Html
from srlib.live import curves
from srlib.train import Run, Step


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
    """What the learner changed: (after how many steps, words). A slider being dragged counts once, where it began."""
    merged: list[list] = []
    close = max(5, run.recipe.steps // 50)
    for at, knob, old, new in run.turned:
        if merged and merged[-1][1] == knob and at - merged[-1][4] <= close:
            merged[-1][3:] = new, at
        else:
            merged.append([at, knob, old, new, at])
    return [(at, _turned(at, *turn)) for at, *turn in merged if turn[1] != turn[2]]


def _turned(at: int, knob: str, old: str, new: str, until: int) -> str:
    """One change in words."""
    words = f"{knob.replace('_', ' ')} {old} -> {new}" + (f" (until step {until})" if until > at else "")
    if knob in curves.PHOTOS and at:
        return f"{words}: other photos from here on, PSNR and loss begin anew"
    return words


def pictures(run: Run, seen: Step, references: tuple) -> dict[str, tuple]:
    """name -> (picture, words under it): bicubic (or the input), the network now, its error, the original."""
    bicubic, enlarged, original = references
    return {
        given(run): (enlarged, f"{bicubic:.2f} dB, mean of the crops"),
        "network": (seen.preview, f"{seen.psnr:.2f} dB after step {seen.step}"),
        "its error": (figures.error_map(seen.preview, original), "black: none; white: 0.2 or more"),
        "original": (original, ""),
    }


def words(run: Run, seen: Step | None, bicubic: float | None) -> str:
    """One sentence: what was trained, how far, and what came of it at the last look, if that is of today's photos."""
    steps, recipe = run.history, run.recipe
    own = [f"{k} {v}" for k, v in recipe.arguments.items()] + ([f"seed {recipe.seed}"] if recipe.seed else [])
    name = f"{recipe.model} x{recipe.scale}" + (f" ({', '.join(own)})" if own else "")
    name += f" against the judge of {recipe.judge}" if hasattr(recipe, "judge") else ""
    if not steps:
        return f"{name}: no step was taken"
    photos = curves.Eras(run, curves.PHOTOS)
    looks = [s.psnr for s in steps if s.psnr is not None and photos.at(s.step) == photos.now]
    looks += [] if seen is None else [seen.psnr]
    looked = f"{looks[-1]:.2f} dB on the held-out crops" if looks else "not looked at yet"
    beside = "" if bicubic is None else f" ({given(run)} {bicubic:.2f} dB)"
    return f"{name} after {len(steps)} steps: loss {steps[-1].loss:.4g}, {looked}{beside}"


def summary(run: Run, lines: dict[str, float], seen: Step | None, references: tuple | None, ended: str = "") -> Html:
    """Everything there is to see after a training, in plain HTML: no kernel, no script, no clock.

    ``seen`` is the last look, with its picture, at the present photos; ``references`` are theirs.
    """
    said, changed = words(run, seen, references and references[0]), turns(run)
    parts, text = [f"<p>{html.escape(said)}.</p>"], [f"{said}."]
    if ended:
        parts.append(f"<p><b>{html.escape(ended)}</b></p>")
        text.append(ended)
    for note in run.notes:
        parts.append(f"<p>{html.escape(note)}</p>")
        text.append(note)
    if run.history:
        charts = [curves.drawn(c, changed) for c in curves.curves(run, lines, seen) if c.points]
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
