"""Recipes: everything a training depends on, in one plain dataclass, and the few lines in which networks differ.

``data/recipes/<name>.toml`` holds what differs from the defaults below, each with its reason. ``[scale.3]``,
``[variant.915]`` and ``[tier.smoke]`` hold what differs further for one scale, variant or tier. A file is named after
its network; one that names a ``judge`` trains its ``model`` against it, and has a name of its own (SRGAN).
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from types import UnionType
from typing import Any, get_args, get_type_hints

import torch
from torch import nn

from srlib import checks, losses, models, paths, perceptual

TIERS = ("smoke", "laptop", "full")
JUDGES = {"srgan": 16, "esrgan": 32}  #: judge (its file in models/) -> what the side of its pictures is a multiple of


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
    init: str = "network"  #: first weights: see starts.start
    rather: list[str] = field(default_factory=list)  #: photo sets to train on instead, if they are on this machine
    half: bool = False  #: forward pass in bfloat16 where that is built in; see devices.half
    seed: int = 0
    every: int = 100  #: steps between two looks at the held-out photos
    smoke_gain: float = (
        0.0  #: dB over its input that a smoke training must exceed: half the usual; see benchmarks/smoke_gains.py
    )
    tiers: dict[str, dict[str, Any]] = field(default_factory=dict)  #: tier -> what differs there

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            _check_type(name, getattr(self, name), hint)
        checks.choice(self.schedule, ("cosine", "step", "constant"), "schedule")
        checks.choice(self.optimizer, ("adamw", "sgd"), "optimizer")
        checks.choice(self.supervise, ("last", "pyramid", "recursive"), "supervise")
        checks.choice(self.init, ("network", "interpolation", "quiet", "identity", "edges", "paper", "trained"), "init")
        checks.choice(self.loss, losses.LOSSES, "loss")
        for scale in self.scales:
            checks.integer_scale(scale)
        if self.scales and self.scale not in self.scales:
            raise ValueError(f"scales={self.scales} leaves out the recipe's own scale={self.scale}. Add it.")
        for name in ("patch", "batch", "steps", "every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1.")
        _check_rate("lr", self.lr)
        if self.clip is not None and not 0 < self.clip < math.inf:
            raise ValueError(f"clip={self.clip} is not a usable length. Use about 0.1 to 1, or None to clip nothing.")
        if not 0 <= self.beta2 < 1:
            raise ValueError(f"beta2={self.beta2} must be at least 0 and less than 1. Use 0.98, or the usual 0.999.")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed={self.seed} is out of range. Use a whole number from 0 to 2**63 - 1.")
        if self.warmup < 0:
            raise ValueError(f"warmup={self.warmup} must be a number of steps, 0 or more.")

    def at(self, tier: str) -> Recipe:
        """This recipe with the changes of a tier ("auto": see :func:`current_tier`)."""
        return with_changes(self, **self.tiers.get(current_tier(tier), {}))

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for a checkpoint, a card or JSON."""
        return asdict(self)


@dataclass(frozen=True)
class AdversarialRecipe(Recipe):
    """A recipe with a second player: a judge who learns to tell the network's pictures from photographs.

    The network minimises ``pixel`` times ``loss`` of the pictures, plus ``perceptual`` times ``loss`` of the feature
    maps that ``extractor`` has of them, plus ``adversarial`` times what the game asks of it (``losses.GAMES``).
    """

    judge: str = "srgan"  #: one of JUDGES; in the course size if ``size`` is "course"
    judge_arguments: dict[str, Any] = field(default_factory=dict)  #: single constructor arguments of the judge
    game: str = "vanilla"  #: "vanilla" (SRGAN) or "relativistic" (ESRGAN)
    lr_judge: float = 1e-4  #: the judge's peak learning rate; its schedule is that of ``lr``
    pixel: float = 1.0  #: weight
    perceptual: float = 0.0  #: weight; depends on the extractor, whose features have a size of their own
    adversarial: float = 1e-3  #: weight
    extractor: str = "efficientnet_lite0"  #: one of perceptual.EXTRACTORS

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.choice(self.judge, JUDGES, "judge")
        checks.choice(self.game, losses.GAMES, "game")
        checks.choice(self.extractor, perceptual.EXTRACTORS, "extractor")
        _check_rate("lr_judge", self.lr_judge)
        for name in ("pixel", "perceptual", "adversarial"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)} is not a usable weight. Use 0 or more.")
        if self.batch < 2:
            raise ValueError(f"batch={self.batch} is too small: the judge's batch norm needs at least 2 pictures.")
        if self.scales or self.supervise != "last" or models.model_class(self.model).space != "rgb":
            raise ValueError(
                f"A judge looks at one picture, in colour, of one scale, but {self.model} is to be trained otherwise "
                f"(scales={self.scales}, supervise={self.supervise!r}). Use srresnet or esrgan."
            )
        if self.side % JUDGES[self.judge]:
            raise ValueError(
                f"patch={self.patch} gives pictures of {self.side} x {self.side} pixels at scale {self.scale}, but the "
                f"judge of {self.judge} needs a multiple of {JUDGES[self.judge]}. Use another patch, such as 16 or 32."
            )

    @property
    def side(self) -> int:
        """Side of the pictures that the judge is shown, in pixels of the original."""
        return self.patch * (1 if models.model_class(self.model).pre_upsampled else self.scale)


def current_tier(tier: str = "auto") -> str:
    """ "smoke", "laptop" or "full"; "auto" reads ``$SRLIB_TIER`` and falls back to "laptop"."""
    if tier == "auto":
        tier = os.environ.get("SRLIB_TIER") or "laptop"
    return checks.choice(tier, TIERS, "tier")


def names() -> list[str]:
    """Networks that have a recipe."""
    return [name for name in _files() if name in models.names()]


def games() -> list[str]:
    """Recipes in which a network is trained against a judge."""
    return [name for name in _files() if name not in models.names()]


def _files() -> list[str]:
    return sorted(f.stem for f in (paths.data() / "recipes").glob("*.toml"))


def get(name: str, scale: int | None = None, variant: str | None = None) -> Recipe:
    """The recipe of a network, or of a game (:func:`games`): then an :class:`AdversarialRecipe`.

    Args:
        name: of a file in ``data/recipes``.
        scale: one that the network offers; None is 2, or 1 for a network that restores (MPRNet).
        variant: one of the network's; None is its first.

    Raises:
        ValueError: no such recipe, a scale or variant its network lacks, an unknown key in its file, or a value of
            the wrong type.
    """
    checks.choice(name, _files(), "recipe")
    file = paths.data() / "recipes" / f"{name}.toml"
    if not (sections := paths.toml(file)):
        raise ValueError(f"{file} is empty. Restore it from git.")
    return _made(sections, name, scale, variant)


def from_toml(text: str, model: str, scale: int | None = None, variant: str | None = None) -> Recipe:
    """A recipe from the text of a recipe file (see :func:`get`)."""
    return _made(tomllib.loads(text), model, scale, variant)


def _made(sections: dict[str, Any], model: str, scale: int | None, variant: str | None) -> Recipe:
    for section in sections:
        checks.choice(section, ("recipe", "scale", "variant", "tier"), "section of the recipe file")
    values = dict(sections.get("recipe", {}))
    model, kind = values.get("model", model), AdversarialRecipe if "judge" in values else Recipe
    offered = models.model_class(model).scales
    scale = offered[0] if scale is None else checks.integer_scale(scale, offered)
    variant = variant or models.variants(model)[0]
    checks.choice(variant, models.variants(model), f"variant of {model}")
    values |= sections.get("variant", {}).get(variant, {})
    values |= sections.get("scale", {}).get(str(scale), {})
    _check_fields(kind, values)
    start = {"model": model, "scale": scale, "variant": variant, "tiers": sections.get("tier", {})}
    recipe = kind(**start | values)
    for tier in recipe.tiers:
        checks.choice(tier, TIERS, "tier of the recipe file")
        recipe.at(tier)  # a mistake in a tier must show now, not when that tier is first run
    return recipe


def with_changes(recipe: Recipe, **changes) -> Recipe:
    """A copy of the recipe with some fields changed.

    Raises:
        ValueError: a field that does not exist, or a value it cannot have.
    """
    _check_fields(type(recipe), changes)
    return replace(recipe, **changes)


def wished(recipe: Recipe, present: Callable[[str], int]) -> tuple[Recipe, list[str]]:
    """The recipe on the photo sets it would rather have, if all of them are here, and a sentence about that.

    Args:
        present: how many photos of a set are on this machine (``datasets.present``).
    """
    if missing := [name for name in recipe.rather if not present(name)]:
        sets, missing = ", ".join(recipe.data), " ".join(missing)
        return recipe, [f"It trains on {sets}: {missing} is not on this machine. To get it: srlib fetch {missing}"]
    if not recipe.rather:
        return recipe, []
    return with_changes(recipe, data=recipe.rather), [f"It trains on {', '.join(recipe.rather)}, as its paper did."]


def passes(gain: float, smoke_gain: float) -> bool:
    """The judge of every training: does its gain over the input, in dB, exceed what its recipe asks?

    >>> passes(0.31, smoke_gain=0.2), passes(0.0, smoke_gain=0.0), passes(float("nan"), smoke_gain=0.2)
    (True, False, False)
    """
    return gain > smoke_gain


def schedule(recipe: Recipe, step: int) -> float:
    """The factor on the peak rate at a step (the first is 1): a linear warm-up, then the recipe's shape."""
    if step <= recipe.warmup:
        return step / recipe.warmup
    if recipe.schedule == "constant":
        return 1.0
    done = min(1.0, (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup))
    if recipe.schedule == "step":
        return 0.1 ** int(3 * done * 0.999)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


def optimizer_for(recipe: Recipe, net: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimiser, ready to train ``net``."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), lr=recipe.lr, momentum=0.9)
    return torch.optim.AdamW(net.parameters(), lr=recipe.lr, betas=(0.9, recipe.beta2), weight_decay=0)


def _check_fields(kind: type[Recipe], named: dict[str, Any]) -> None:
    known = [f.name for f in fields(kind)]
    for name in named:
        checks.choice(name, known, "recipe field")


def _check_rate(name: str, rate: float) -> None:
    if not 0 <= rate < 100:
        raise ValueError(f"{name}={rate} is not a usable learning rate. Use 1e-5 to 1e-1, or 0 to learn nothing.")


def _check_type(name: str, value: object, hint: Any) -> None:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    kinds = tuple(getattr(k, "__origin__", k) for k in kinds)
    if float in kinds:
        kinds = (*kinds, int)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(k.__name__ for k in kinds)
        raise ValueError(f"{name}={value!r} is a {type(value).__name__}, but a recipe wants {wanted}.")
