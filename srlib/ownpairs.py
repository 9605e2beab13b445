"""Trainings on pairs that you bring: one photo's own shrunken self, or photos in every sort of dirt.

    run = fit(family(photo, 2, shrink), recipes.get("sprint", scale=2), "laptop").finish()

:func:`family` is the idea of "zero-shot" super-resolution (Shocher, Cohen and Irani, 2018): the photo at hand is the
answer, the same photo shrunk once more the question, and what a network learns from the two it applies to the photo.
:func:`soiled` and :func:`draw` are the idea of BSRGAN and Real-ESRGAN (2021): draw the damage anew for every question.
:func:`guess_blur` asks the photo itself how it was blurred. The loop is that of :mod:`srlib.train`; here is only where
the pairs come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor

from srlib import checks, degrade, metrics, train
from srlib.images import modcrop
from srlib.recipes import Recipe
from srlib.resize import resize
from srlib.sampling import PatchPool, pair

Pairs = Sequence[tuple[Tensor, Tensor]]  # (what the network is given, what it should answer)
SIZES = (1.0, 0.85, 0.7, 0.55)  # of the answers: a photo's structures come back at several sizes


def family(photo: Tensor, scale: int, shrink: Callable[[Tensor], Tensor], sizes: Sequence[float] = SIZES) -> Pairs:
    """A photo's own pairs: itself and smaller copies as answers, each shrunk once more as the question.

    Args:
        photo: the only picture there is, ``(1, H, W)`` for a network on luma.
        scale: by which the photo is to be enlarged later, and so the factor between question and answer.
        shrink: what is believed to have made the photo of a larger one, such as ``degrade.bicubic(2)``.
        sizes: of the answers, 1 is the photo itself.

    Raises:
        ValueError: a ``shrink`` that does not divide by ``scale``.
    """
    pairs = []
    for size in sizes:
        answer = modcrop(photo if size == 1 else resize(photo, size).clamp(0, 1), scale)
        question = shrink(answer)
        if question.shape[-2:] != tuple(n // scale for n in answer.shape[-2:]):
            raise ValueError(
                f"shrink makes {tuple(question.shape[-2:])} of {tuple(answer.shape[-2:])}, which is not {scale} times "
                f"smaller. Use one such as degrade.bicubic({scale})."
            )
        pairs.append((question, answer))
    return pairs


def draw(generator: torch.Generator, blur: float = 1.2, noise: float = 12, quality: int = 40) -> dict[str, float]:
    """A random degradation as :func:`srlib.sampling.pair` takes it: each kind of damage by a strength of its own.

    Args:
        generator: where the chance comes from.
        blur: the strongest blur; sigma is drawn evenly from 0 on.
        noise: the strongest noise, likewise, in 8-bit levels.
        quality: of the worst JPEG; drawn evenly up to 95. One photo in three is no JPEG.
    """
    at = torch.rand(4, generator=generator).tolist()
    drawn = {"blur": blur * at[0], "noise": noise * at[1]}
    return drawn | ({} if at[3] < 1 / 3 else {"jpeg": round(quality + (95 - quality) * at[2])})


def soiled(photos: Iterable[Tensor], scale: int, degradations: Sequence[dict[str, float]], space: str = "y") -> Pairs:
    """Pairs of photos: the first in the first degradation, the second in the second, and so round and round.

    Give a multiple of what is needed: ``soiled(3 * photos, ...)`` shows each photo in three degradations.
    """
    return [pair(p, scale, space, degradation=degradations[i % len(degradations)]) for i, p in enumerate(photos)]


def fit(pairs: Pairs, recipe: Recipe, tier: str = "auto", watched: Pairs = (), **options) -> OwnPairs:
    """Set up a training on these pairs instead of the recipe's photos; iterate over the result to train.

    Args:
        pairs: ``(x, y)``, ``y`` larger by the recipe's scale, with as many channels as the network wants.
        recipe: the network and how to train it; its ``data`` and ``held_out`` are not looked at.
        tier: "smoke", "laptop", "full" or "auto".
        watched: pairs to look at during the training; by default the first of ``pairs``.
        options: as for :func:`srlib.train.fit`.

    Raises:
        ValueError: no pairs, or pairs of another scale.
    """
    if not pairs:
        raise ValueError("There are no pairs to train on. Make some with family(photo, scale, shrink).")
    return train.fit(recipe, tier, kind=partial(OwnPairs, pairs=pairs, watched=watched), **options)


class OwnPairs(train.Run):
    """A training on pairs that were made beforehand. The knob ``degradation`` has nothing to turn here."""

    def __init__(self, *given, pairs: Pairs = (), watched: Pairs = ()) -> None:
        self.pairs, self.watched = pairs, watched or pairs[:1]
        super().__init__(*given)

    def set(self, **settings) -> None:
        if "degradation" in settings:
            raise ValueError("These pairs are made already. Make others with family(...) or soiled(...).")
        super().set(**settings)

    def restart(self, **changes) -> OwnPairs:
        run = super().restart(**changes)
        run.pairs, run.watched = self.pairs, self.watched
        return run

    @torch.no_grad()
    def gain(self) -> float:
        """dB that the network gains over bicubic on the watched pairs (mean)."""
        return self.look()[0] - self.references()[0]

    def _prepared(self, settings: dict) -> tuple[dict[int, PatchPool], list[tuple[Tensor, Tensor]]]:
        scale, net = checks.integer_scale(self.recipe.scale), self.model
        pool = PatchPool(self.pairs, settings["patch"], self.device)
        if pool.ratio != (1 if net.pre_upsampled else scale):
            raise ValueError(f"The pairs enlarge by {pool.ratio}, but this network by {scale}. Make them with {scale}.")
        return {scale: pool}, [(x.to(self.device), y) for x, y in self.watched]


def over_bicubic(net: torch.nn.Module, x: Tensor, y: Tensor, scale: int) -> float:
    """dB on luma by which a network's answer to ``x`` is nearer to ``y`` than bicubic's; the border is left out."""
    with torch.no_grad():
        answers = (net(x[None])[0], resize(x, scale))
    ours, bicubic = (metrics.psnr(sr.clamp(0, 1), y, crop=scale) for sr in answers)
    return ours - bicubic


def fineness(photo: Tensor) -> float:
    """How much of a picture's detail is of the finest kind: what a blur of 1 takes, as a share of what one of 2 takes.

    Photographs look alike at all sizes: shrink a sharp one, and this hardly changes. Blur lowers it.
    """
    finest, fine = (photo - degrade.blur(sigma)(photo) for sigma in (1, 2))
    return float(finest.square().mean() / fine.square().mean())


def guess_blur(photo: Tensor, scale: int, largest: float = 3.0) -> float:
    """The Gaussian blur, before shrinking by ``scale``, that a photo seems to have gone through: sigma in pixels.

    Of all shrinkings it takes the one after which the photo is as fine as before. The idea is Michaeli and Irani's
    (2013), who compare patches where we compare one number; what has a size of its own (bricks, gravel) misleads it.
    """
    wanted, sigmas = fineness(photo), [n / 20 for n in range(round(20 * largest) + 1)]
    small = degrade.bicubic(scale)
    return min(sigmas, key=lambda sigma: abs(fineness(small(degrade.blur(sigma)(photo))) - wanted))
