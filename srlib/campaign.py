"""The queue that trains all the weights the course ships: one after another, interruptible at any moment.

``data/campaign.toml`` lists the trainings, most wanted first. Each starts from its network's recipe; a training is done
when weights with just this recipe lie in the folder. A killed one goes on from its checkpoint, at the same step and to
the same weights.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from srlib import adversarial, benchmark, datasets, ledger, paths, perceptual, recipes, train, weights
from srlib.recipes import Recipe

SETS = ("Set5", "Set14", "BSD100")  # scored once, when everything has been decided
NOTHING = 0.005  # dB on the held-out photos: what 16-bit weights may cost, to be stored so


@dataclass(frozen=True)
class Training:
    """One entry of the queue: a recipe as it will be run."""

    recipe: Recipe

    @property
    def label(self) -> str:
        return f"{weights.name_of(self.recipe.to_dict())}_x{self.recipe.scale}"

    def done(self, folder: Path) -> bool:
        """Do weights from this very recipe lie in the folder, scored?"""
        try:
            card = weights.card(weights.name_of(self.recipe.to_dict()), self.recipe.scale, folder)
        except weights.WeightsError:
            return False
        try:
            made = type(self.recipe)(**card["recipe"])  # a card may be older than a field: then its default
        except (TypeError, ValueError):
            return False
        if "scores" not in card:  # killed while it was being scored
            return False
        judged = {"smoke_gain": self.recipe.smoke_gain, "every": self.recipe.every}  # these change no weight
        return replace(made, **judged) == self.recipe


def queue(file: Path | None = None) -> list[Training]:
    """The trainings in their order.

    Raises:
        ValueError: an entry that no recipe can follow.
    """
    lists = paths.toml(file or paths.data() / "campaign.toml")
    found = []
    for entry in lists["training"]:
        entry = lists.get("usual", {}) | entry
        changes = {k: v for k, v in entry.items() if k not in ("name", "scales", "variant", "tier", "alone")}
        if entry.get("alone"):  # for each scale a network of its own, where the recipe trains one for several
            changes["scales"] = []
        for scale in entry["scales"]:
            recipe = recipes.get(entry["name"], scale, entry.get("variant")).at(entry.get("tier", "full"))
            found.append(Training(replace(recipes.with_changes(recipe, **changes), tiers={}, rather=[])))
    return found


def work(training: Training, folder: Path, minutes: float = float("inf")) -> Iterator[train.Step]:
    """Train one entry, going on from its checkpoint; yields every step, and ends early after ``minutes``.

    When all steps are taken the weights and their card are written to ``folder``: recipe, hashes of the photos,
    seconds, device, commit, gain on the held-out photos, and the scores on the test sets.

    Raises:
        srlib.datasets.MissingData: photos to learn from, or to be scored on, are not here; said before the first step.
    """
    recipe = training.recipe
    for photos in sorted({*recipe.data, recipe.held_out, *(SETS if recipe.scale > 1 else ())}):
        datasets.photos(photos)
    deadline = time.monotonic() + 60 * minutes
    checkpoint = paths.runs() / f"campaign_{training.label}.ckpt"
    fit = adversarial.fit if isinstance(recipe, recipes.AdversarialRecipe) else train.fit
    run = fit(recipe, tier="full", checkpoint=checkpoint)
    for step in run:
        yield step
        if time.monotonic() > deadline:
            run.save(checkpoint)
            return
    finish(run, folder)
    checkpoint.unlink(missing_ok=True)


def be_polite() -> None:
    """Leave the processor to whoever wants it: lowest priority, one thread."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(19)
    group = Path("/proc/self/autogroup")  # Linux weighs whole sessions first, and a terminal is one
    if group.exists():
        with suppress(OSError):
            before = group.read_text().split()[-1]  # "/autogroup-61 nice 0"
            group.write_text("19")
            atexit.register(_give_back, group, before)
    torch.set_num_threads(1)


def _give_back(group: Path, before: str) -> None:
    """The terminal is used after this: its priority becomes what it was."""
    with suppress(OSError):
        group.write_text(before)


def finish(run: train.Run, folder: Path, sets: Iterable[str] | None = None) -> Path:
    """Write a finished training's weights and card, and its scores on ``sets`` (SETS) into the ledger beside them.

    In the course's own folder, data/weights, that is the course's own ledger.

    The card: recipe, gain on the held-out photos, seconds, device, hashes of the photos, every look that was taken
    (``curve``: steps done and dB), where and when, and the scores.
    """
    recipe, net = run.recipe, run.model
    name = weights.name_of(recipe.to_dict())
    gain = run.gain()
    half = _gain_of_half(run) > gain - NOTHING
    about = {
        "gain_db": round(gain, 3),
        "seconds": round(run.seconds),
        "device": str(run.device),
        "data": {photos: fingerprint(photos) for photos in sorted({*recipe.data, recipe.held_out})},
        "curve": [(step.step, round(step.psnr, 2)) for step in run.history if step.psnr is not None],
        **ledger.provenance(),
    }
    path = weights.save(net, recipe.to_dict(), folder, half=half, **about)
    rows = [
        row
        for scale in recipe.scales or [recipe.scale]
        for row in _scored(name, scale, folder, SETS if sets is None else sets, str(run.device))
    ]
    scores = {f"{r['dataset']} x{r['scale']} {r['protocol']}": [r["psnr"], r["ssim"]] for r in rows}
    weights.save(net, recipe.to_dict(), folder, half=half, **about, scores=scores)
    shipped = folder.resolve() == (paths.data() / "weights").resolve()
    ledger.append(rows, None if shipped else folder / "ledger.jsonl")
    return path


def _scored(name: str, scale: int, folder: Path, sets: Iterable[str], device: str) -> list[dict]:
    """Rows of the weights as they were stored, on these sets, or on the one that its task is reported on."""
    stored = weights.load(name, scale, folder, device)
    if scale > 1:
        # luma networks take no part in the contest between PSNR and likeness
        look = perceptual.extractor("efficientnet_lite0", device) if stored.space == "rgb" else None
        return [row for photos in sets for row in benchmark.run(stored, photos, None, scale, name, look)]
    task = name.rpartition("_")[2]
    known = task in benchmark.RESTORED and datasets.present(benchmark.RESTORED[task])
    return benchmark.restore(stored, task, name=name) if known else []


@torch.no_grad()
def _gain_of_half(run: train.Run) -> float:
    """The gain of the same network with its weights rounded to 16 bits."""
    kept = {k: v.clone() for k, v in run.model.state_dict().items()}
    run.model.load_state_dict({k: v.half().to(v.dtype) for k, v in kept.items()})
    gain = run.gain()
    run.model.load_state_dict(kept)
    return gain


def fingerprint(name: str) -> str:
    """The first 16 digits of the sha256 over a photo set's pixels, photo by photo in order."""
    digest = hashlib.sha256()
    for photo in datasets.photos(name):
        digest.update(os.fsencode(photo.name))  # a name from an old disk may be no valid text
        digest.update((photo.image * 255).round().byte().numpy().tobytes())
    return digest.hexdigest()[:16]
