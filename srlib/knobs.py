"""The knobs of a training: what may be changed between two steps while the weights stay.

A run's ``settings`` are a plain dictionary with these names, so that a slider, a checkpoint and a test speak of the
same thing. Nothing here knows a widget.
"""

from __future__ import annotations

import inspect
import math
from functools import partial

from srlib import checks, losses, recipes
from srlib.recipes import Recipe

SETTABLE = ("lr", "batch", "loss", "augment", "clip", "patch", "loss_options", "degradation")
AGAINST_A_JUDGE = ("lr_judge", "pixel", "perceptual", "adversarial")  # only trainings with a second player have these


def of(recipe: Recipe) -> dict:
    """The settings with which a recipe's training begins."""
    given = {"augment": True, "loss_options": {}}
    own = SETTABLE + (AGAINST_A_JUDGE if hasattr(recipe, "judge") else ())
    return {name: given[name] if name in given else getattr(recipe, name) for name in own}


def turn(recipe: Recipe, settings: dict, changes: dict) -> dict:
    """New settings: the old with some changed; another loss starts with none of the old one's options.

    Raises:
        ValueError: an unknown knob, or a value that no recipe may have.
    """
    for name in changes:
        checks.choice(name, settings, "knob")
    recipes.with_changes(recipe, **{k: v for k, v in changes.items() if hasattr(recipe, k)})
    if not isinstance(changes.get("augment", True), bool):
        raise ValueError(f"augment={changes['augment']!r} is a switch: use True or False.")
    for name, value in changes.get("degradation", {}).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise ValueError(f"degradation has {name}={value!r}, which is no strength. Use a number of at least 0.")
    new = settings | changes
    if new["loss"] != settings["loss"]:
        new["loss_options"] = changes.get("loss_options", {})
    loss(new)
    return new


def differences(old: dict, new: dict) -> list[tuple[str, str, str]]:
    """What changed, for people: ``(knob, from, to)``, such as ``("lr", "0.001", "0.0001")``."""
    return [(k, _say(old[k]), _say(new[k])) for k in new if new[k] != old[k]]


def loss(settings: dict) -> losses.Loss:
    """The loss that settings name, with its options.

    Raises:
        ValueError: an option that this loss does not have, or one that is not a positive number.
    """
    known = loss_options(settings["loss"])
    if not isinstance(settings["loss_options"], dict):
        raise ValueError(f"loss_options={settings['loss_options']!r} must be a dictionary, such as {{'eps': 1e-2}}.")
    for name, value in settings["loss_options"].items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name not in known or not number or not 0 < value < math.inf:
            raise ValueError(
                f"loss_options has {name}={value!r}, which the loss {settings['loss']} cannot take. "
                f"Its options are positive numbers: {', '.join(known) or 'it has none'}."
            )
    return partial(losses.get(settings["loss"]), **settings["loss_options"])


def loss_options(name: str) -> dict[str, float]:
    """The options of a loss, each with the value it has when nobody turns it.

    >>> loss_options("charbonnier")
    {'eps': 0.001}
    """
    parameters = inspect.signature(losses.get(name)).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _say(value: object) -> str:
    """A setting's value as people write it."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {_say(v)}" for k, v in value.items()) or "none"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
