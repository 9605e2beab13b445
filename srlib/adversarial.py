"""Training with two players: a network that enlarges, and a judge who learns to tell its pictures from photographs.

    run = fit(recipes.get("srgan", scale=4), tier="laptop")
    for step in run:
        print(step.loss, step.judge_loss, step.real, step.fake)

A pixel loss asks for the mean of what is plausible, and a mean is blurred. A judge asks for something that could be a
photograph: PSNR falls, sharpness returns, and some of the detail is invented. The loop is that of :mod:`srlib.train`;
here is only what a second player changes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor, nn

from srlib import devices, knobs, losses, models, perceptual, train, weights
from srlib.recipes import AdversarialRecipe


@dataclass(frozen=True)
class Step(train.Step):
    """What one step did to both players; ``loss`` is all that the generator minimises, weights included.

    The verdicts are the probabilities that the judge gave on average, before this step changed it. In the relativistic
    game they are for "more real than the other kind is on average".
    """

    adversarial: float = 0.0  #: the generator's side of the game, without its weight
    judge_loss: float = 0.0  #: the judge's side; 2 log 2 = 1.386 is that of one who cannot tell
    real: float = 0.5  #: the judge's verdict on photographs, 0..1
    fake: float = 0.5  #: and on the generator's pictures


def fit(recipe: AdversarialRecipe, tier: str = "auto", **options) -> AdversarialRun:
    """Set up a training against a judge; iterate over the result to train. See :func:`srlib.train.fit`.

    Args:
        recipe: from ``recipes.get(name, scale=...)``, with a name of ``recipes.games()``.
        tier: "smoke", "laptop", "full" or "auto".
        options: checkpoint, device, save_every, and recipe fields to change for this run.

    Raises:
        ValueError: a recipe without a judge, or a field's value that cannot be.
        CheckpointError: the file is damaged or from another recipe.
    """
    if not isinstance(recipe, AdversarialRecipe):
        raise ValueError(f"This recipe for {recipe.model} has no judge. Use train.fit, or recipes.get('srgan', 4).")
    return train.fit(recipe, tier, kind=AdversarialRun, **options)


class AdversarialRun(train.Run):
    """A training of ``model``, the generator, against ``judge``; ``optimizer`` and ``judge_optimizer`` move them.

    ``set`` takes four more knobs: lr_judge, and the weights pixel, perceptual and adversarial; clip bounds both
    gradients. ``notes`` says where the generator's first weights are from, and whose features are compared.
    """

    fixed = ("patch",)  #: knobs that cannot be turned while it trains: the judge's dense layers fit one size
    slump = 10.0  # PSNR falls when the judge begins to matter, and that is not a failure
    _kind = Step

    def __init__(self, *given) -> None:
        super().__init__(*given)
        self.judge, self.judge_optimizer = self.players["judge"], self.optimizers["judge"]
        self.extractor: perceptual.Extractor | None = None

    def _players(self) -> dict[str, nn.Module]:
        return {"model": self._generator(), "judge": judge(self.recipe)}

    def _generator(self) -> nn.Module:
        """The course's trained weights of just this network if there are any, else the recipe's first weights."""
        recipe = self.recipe
        if recipe.init == "trained":  # this game's own, to play on
            self.notes.append("The generator goes on from the course's weights of this very game; the judge is new.")
            return train.start(recipe)
        if (recipe.model, recipe.scale) in weights.available():
            theirs = weights.card(recipe.model, recipe.scale)["recipe"]
            if all(theirs[name] == getattr(recipe, name) for name in ("variant", "size", "arguments")):
                self.notes.append(f"The generator starts from the course's weights of {recipe.model} x{recipe.scale}.")
                return weights.load(recipe.model, recipe.scale)
        self.notes.append(f"The generator starts untrained (init={recipe.init!r}): the course has no weights for it.")
        return train.start(recipe)

    def set(self, **settings) -> None:
        """As :meth:`srlib.train.Run.set`, and: lr_judge, pixel, perceptual, adversarial. ``patch`` stays.

        Raises:
            ValueError: also for another patch.
            srlib.perceptual.ExtractorError: ``pixel`` is 0, and the extractor for ``perceptual`` is not here.
        """
        for name in self.fixed:
            if settings.get(name, self.settings[name]) != self.settings[name]:
                raise ValueError(
                    f"{name}={settings[name]!r} cannot be set now: the judge knows pictures of one size only, "
                    f"{self.recipe.side} x {self.recipe.side}. Start again: run.restart({name}={settings[name]!r})."
                )
        super().set(**settings | self._spared(self.settings | settings))

    def _load(self) -> None:
        super()._load()
        super().set(**self._spared(self.settings))

    def _spared(self, settings: dict) -> dict:
        """Get the extractor that these settings need; if it is not on this machine, say so: the knobs to turn then."""
        if self.extractor or not settings["perceptual"]:
            return {}
        try:
            self.extractor = perceptual.extractor(self.recipe.extractor, str(self.device))
        except perceptual.ExtractorError as error:
            if not settings["pixel"]:  # nothing would tell the generator what its picture is to show
                raise
            self.notes.append(f"The training goes on without the perceptual loss (perceptual=0). {error}")
            warnings.warn(self.notes[-1])
            return {"perceptual": 0.0}
        self.notes.append(f"The perceptual loss compares features of {self.extractor.name}.")
        return {}

    def _backward(self) -> dict[str, Tensor]:
        """Draw a batch, and leave each player's gradient in its own parameters."""
        for net in self.players.values():
            net.train()
        x, y = self._draw(self.recipe.scale)
        game = losses.GAMES[self.recipe.game]
        with devices.half(self.device, self.recipe.half):
            sr = self.model(x)
            # Apart: batch norm then measures photographs and pictures each for themselves, as in ESRGAN's code.
            # Together, every verdict would depend on what else is in the batch, and tell the two kinds apart by that.
            real, fake = self.judge(y), self.judge(sr)
        sr, real, fake = sr.float(), real.float(), fake.float()
        adversarial, judge_loss = game.generator(real, fake), game.judge(real, fake)
        loss = self._likeness(sr, y) + self.settings["adversarial"] * adversarial
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        # both losses hang on both players; each gradient goes to one, and both are of the weights before this step
        loss.backward(inputs=list(self.model.parameters()), retain_graph=True)
        judge_loss.backward(inputs=list(self.judge.parameters()))
        self._clip(self.judge)
        verdicts = [logits.sigmoid().mean() for logits in game.logits(real.detach(), fake.detach())]
        return {
            "loss": loss.detach(),
            "gradient": self._clip(self.model),
            "adversarial": adversarial.detach(),
            "judge_loss": judge_loss.detach(),
            "real": verdicts[0],
            "fake": verdicts[1],
        }

    def _likeness(self, sr: Tensor, y: Tensor) -> Tensor:
        """What asks for the photograph itself: the weighed pixel and perceptual losses."""
        loss, total = knobs.loss(self.settings), sr.new_zeros(())
        if self.settings["pixel"]:
            total = total + self.settings["pixel"] * loss(sr, y)
        if self.settings["perceptual"]:
            of_features = perceptual.perceptual_loss(sr, y, self.extractor, loss=loss)
            total = total + self.settings["perceptual"] * of_features
        return total


def judge(recipe: AdversarialRecipe) -> nn.Module:
    """The recipe's judge with its first weights; the same seed gives the same weights."""
    cls = import_module(f"{models.__name__}.{recipe.judge}").Discriminator
    arguments = (cls.course if recipe.size == "course" else {}) | recipe.judge_arguments
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return cls(recipe.side, **arguments)
