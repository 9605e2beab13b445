"""Recipes: everything a training depends on, in one plain dataclass, and the few lines in which networks differ.

``data/recipes/<name>.toml`` holds what differs from the defaults below, each with its reason. ``[scale.3]``,
``[variant.915]`` and ``[tier.smoke]`` hold what differs further for one scale, variant or tier.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from types import UnionType
from typing import Any, get_args, get_type_hints

from srlib import checks, losses, models, paths

TIERS = ("smoke", "laptop", "full")


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what, how, and what it must gain."""

    model: str
    scale: int = 2
    variant: str | None = None
    size: str = "paper"
    arguments: dict[str, Any] = field(default_factory=dict)  #: single constructor arguments, e.g. {"features": 48}
    data: list[str] = field(default_factory=lambda: ["bundled", "synthetic"])  #: photo sets; their train splits
    held_out: str = "bundled"  #: photo set whose test split watches over the training
    patch: int = 24  #: side of an input patch, pixels
    batch: int = 16  #: patches a step
    steps: int = 2000
    optimizer: str = "adamw"  #: "adamw" or "sgd" (momentum 0.9)
    lr: float = 1e-3  #: peak learning rate
    beta2: float = 0.98  #: AdamW's memory of squared gradients; the usual 0.999 is too slow for short trainings
    schedule: str = "cosine"  #: "cosine" (down to 1 %), "step" (a tenth after each third) or "constant"
    warmup: int = 50  #: steps over which the rate rises from 0; fewer can kill a zero-initialised tail
    clip: float | None = None  #: largest gradient norm
    loss: str = "l1"
    supervise: str = "last"  #: which outputs are judged: "last", "pyramid" (LapSRN) or "recursive" (DRCN)
    scales: list[int] = field(default_factory=list)  #: one network for all of these, drawn batch by batch; []: its own
    degradation: dict[str, float] = field(default_factory=dict)  #: extra blur, noise, jpeg; see sampling.pair
    init: str = "network"  #: first weights: see train.start
    seed: int = 0
    every: int = 100  #: steps between two looks at the held-out photos
    smoke_gain: float = 0.0  #: dB over its input that a smoke training must exceed: half the median of five seeds
    tiers: dict[str, dict[str, Any]] = field(default_factory=dict)  #: tier -> what differs there

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(Recipe).items():
            _check_type(name, getattr(self, name), hint)
        checks.choice(self.schedule, ("cosine", "step", "constant"), "schedule")
        checks.choice(self.optimizer, ("adamw", "sgd"), "optimizer")
        checks.choice(self.supervise, ("last", "pyramid", "recursive"), "supervise")
        checks.choice(self.init, ("network", "interpolation", "quiet", "identity", "paper"), "init")
        checks.choice(self.loss, losses.LOSSES, "loss")
        if self.scales and self.scale not in self.scales:
            raise ValueError(f"scales={self.scales} leaves out the recipe's own scale={self.scale}. Add it.")
        for name in ("patch", "batch", "steps", "every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1.")
        if not 0 <= self.lr < 100:
            raise ValueError(f"lr={self.lr} is not a usable learning rate. Use 1e-5 to 1e-1, or 0 to learn nothing.")

    def at(self, tier: str) -> Recipe:
        """This recipe with the changes of a tier ("auto": see :func:`current_tier`)."""
        return with_changes(self, **self.tiers.get(current_tier(tier), {}))

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for a checkpoint, a card or JSON."""
        return asdict(self)


def current_tier(tier: str = "auto") -> str:
    """ "smoke", "laptop" or "full"; "auto" reads ``$SRLIB_TIER`` and falls back to "laptop"."""
    if tier == "auto":
        tier = os.environ.get("SRLIB_TIER") or "laptop"
    return checks.choice(tier, TIERS, "tier")


def names() -> list[str]:
    """Networks that have a recipe."""
    return sorted(f.stem for f in (paths.data() / "recipes").glob("*.toml"))


def get(name: str, scale: int = 2, variant: str | None = None) -> Recipe:
    """The recipe of a network.

    Raises:
        ValueError: no such recipe, a scale or variant its network lacks, an unknown key in its file, or a value of
            the wrong type.
    """
    checks.choice(name, names(), "recipe")
    file = paths.data() / "recipes" / f"{name}.toml"
    return from_toml(file.read_text(), name, scale, variant)


def from_toml(text: str, model: str, scale: int = 2, variant: str | None = None) -> Recipe:
    """A recipe from the text of a recipe file (see :func:`get`)."""
    sections = tomllib.loads(text)
    for section in sections:
        checks.choice(section, ("recipe", "scale", "variant", "tier"), "section of the recipe file")
    checks.integer_scale(scale, models.model_class(model).scales)
    variant = variant or models.variants(model)[0]
    checks.choice(variant, models.variants(model), f"variant of {model}")
    values = dict(sections.get("recipe", {}))
    values |= sections.get("variant", {}).get(variant, {})
    values |= sections.get("scale", {}).get(str(scale), {})
    start = Recipe(model=model, scale=scale, variant=variant, tiers=sections.get("tier", {}))
    recipe = with_changes(start, **values)
    for tier in recipe.tiers:
        checks.choice(tier, TIERS, "tier of the recipe file")
        recipe.at(tier)  # a mistake in a tier must show now, not when that tier is first run
    return recipe


def with_changes(recipe: Recipe, **changes) -> Recipe:
    """A copy of the recipe with some fields changed.

    Raises:
        ValueError: a field that does not exist, or a value it cannot have.
    """
    known = [f.name for f in fields(Recipe)]
    for name in changes:
        checks.choice(name, known, "recipe field")
    return replace(recipe, **changes)


def passes(gain: float, smoke_gain: float) -> bool:
    """The judge of every training: does its gain over the input, in dB, exceed what its recipe asks?

    >>> passes(0.31, smoke_gain=0.2), passes(0.0, smoke_gain=0.0), passes(float("nan"), smoke_gain=0.2)
    (True, False, False)
    """
    return gain > smoke_gain


def _check_type(name: str, value: object, hint: Any) -> None:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    kinds = tuple(getattr(k, "__origin__", k) for k in kinds)
    if float in kinds:
        kinds = (*kinds, int)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(k.__name__ for k in kinds)
        raise ValueError(f"{name}={value!r} is a {type(value).__name__}, but a recipe wants {wanted}.")
