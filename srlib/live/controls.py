"""What the studio's controls are, and what touching one means; plain data, so that tests need no front end.

A control is a dictionary that ``panel.js`` turns into a labelled input: ``name``, ``label``, ``group`` ("training",
"photos" or "network") and ``kind``: "log" or "range" (a slider), "choice", "check" or "number". Which controls there
are follows from the run's own ``settings`` and its network's signature: another kind of training has others.
"""

from __future__ import annotations

import inspect

from srlib import knobs, losses, models
from srlib.train import Run

RATE = {"group": "training", "kind": "log", "min": -6, "max": 0, "step": 0.05}
WEIGHT = {"group": "training", "kind": "log", "min": -6, "max": 1, "step": 0.05}
#: settings that have a control; some only where there is a judge
CONTROLS = {
    "lr": {"label": "learning rate (peak)", **RATE},
    "batch": {"label": "batch (patches)", "group": "training", "kind": "range", "min": 1, "max": 64, "step": 1},
    "loss": {"label": "loss", "group": "training", "kind": "choice", "options": list(losses.LOSSES)},
    "lr_judge": {"label": "the judge's learning rate (peak)", **RATE},
    "pixel": {"label": "weight of the pixel loss", **WEIGHT},
    "perceptual": {"label": "weight of the perceptual loss", **WEIGHT},
    "adversarial": {"label": "weight of the adversarial loss", **WEIGHT},
    "augment": {"label": "flip and rotate", "group": "photos", "kind": "check"},
    "patch": {"label": "patch (input pixels)", "group": "photos", "kind": "range", "min": 4, "max": 64, "step": 1},
}
DEGRADATIONS = {
    "blur": {"label": "blur (sigma, pixels)", "min": 0, "max": 4, "step": 0.1},
    "noise": {"label": "noise (sigma, of 255)", "min": 0, "max": 50, "step": 1},
    "jpeg": {"label": "JPEG quality (0: none)", "min": 0, "max": 100, "step": 1},
}


def controls(run: Run) -> list[dict]:
    """The controls of a training, in the order in which they are shown."""
    found = [{"name": name, **CONTROLS[name]} for name in _turnable(run)]
    for option in knobs.loss_options(run.settings["loss"]):
        of_loss = {"label": f"{option} of the loss", "group": "training", "kind": "log", "min": -6, "max": 1}
        found.append({"name": f"loss_options.{option}", "step": 0.1, **of_loss})
    if "degradation" in run.settings:
        found += [
            {"name": f"degradation.{name}", "group": "photos", "kind": "range", **c} for name, c in DEGRADATIONS.items()
        ]
    for name, value in arguments(run).items():
        kind = "check" if isinstance(value, bool) else "number"
        step = 1 if isinstance(value, int) else "any"
        found.append({"name": f"arguments.{name}", "label": name, "group": "network", "kind": kind, "step": step})
    found.append({"name": "seed", "label": "seed", "group": "network", "kind": "number", "step": 1})
    return found


def values(run: Run) -> dict:
    """The value of every control as the training has it now."""
    flat = {name: run.settings[name] for name in _turnable(run)}
    options = knobs.loss_options(run.settings["loss"]) | run.settings["loss_options"]
    flat |= {f"loss_options.{k}": v for k, v in options.items()}
    flat |= {f"degradation.{k}": run.settings["degradation"].get(k, 0) for k in DEGRADATIONS}
    return flat | {f"arguments.{k}": v for k, v in arguments(run).items()} | {"seed": run.recipe.seed}


def _turnable(run: Run) -> list[str]:
    return [name for name in CONTROLS if name in run.settings and name not in getattr(run, "fixed", ())]


def arguments(run: Run) -> dict[str, int | float | bool]:
    """The network's own numbers and switches, from its constructor, as this training has them."""
    recipe, cls = run.recipe, models.model_class(run.recipe.model)
    given = cls.variants[recipe.variant or next(iter(cls.variants))]
    given = given | (cls.course if recipe.size == "course" else {}) | recipe.arguments
    known = {p.name: given.get(p.name, p.default) for p in inspect.signature(cls).parameters.values()}
    return {name: v for name, v in known.items() if name != "scale" and isinstance(v, int | float)}


def setting(run: Run, name: str, value: object) -> dict:
    """What ``run.set`` is to be given when a control of a group other than "network" has a new value."""
    whole, _, part = name.partition(".")
    if not part:
        return {name: value}
    parts = run.settings[whole] | {part: value}
    if whole == "degradation":
        parts = {k: v for k, v in parts.items() if v}  # 0 means: not at all
    return {whole: parts}


def fields(run: Run, planned: dict) -> dict:
    """What ``run.restart`` is to be given for the new values of controls of the group "network"."""
    own = {name.partition(".")[2]: v for name, v in planned.items() if name.startswith("arguments.")}
    rest = {name: v for name, v in planned.items() if "." not in name}
    return rest | ({"arguments": run.recipe.arguments | own} if own else {})
