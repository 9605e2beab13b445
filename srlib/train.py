"""The training loop: one page, read downwards, and the same for notebook, widget, command line and CI.

    run = fit(recipes.get("srcnn"), tier="laptop")
    for step in run:
        print(step.step, step.loss, step.psnr)

A :class:`Run` is an iterator: whoever loops over it decides what to draw and when to stop. It can be killed at any
moment and resumed to the same weights, bit for bit on the same machine.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from srlib import datasets, knobs, losses, metrics, models, recipes, starts
from srlib.checkpoints import CheckpointError, read_checkpoint, write_checkpoint
from srlib.recipes import Recipe
from srlib.resize import resize
from srlib.sampling import PatchPool, pair

EXPLODED = 1e4  # a loss on pictures in [0, 1] that no training comes back from
SLUMP = 3.0  # dB below the best look at which weights no longer count as good
VIEW = 160  # side, in original pixels, of the crops that watch the training: small, so that looking is cheap


@dataclass(frozen=True)
class Step:
    """What one training step did. ``psnr`` and ``preview`` are None on the steps between two looks."""

    step: int  #: steps done, the first is 1
    loss: float
    psnr: float | None  #: dB on the held-out crops
    lr: float  #: the rate this step used
    seconds: float  #: of training so far, looks and drawing not counted
    gradient: float = math.nan  #: length of the gradient, before clipping
    preview: Tensor | None = None  #: the first held-out crop as the network draws it now, ``(C, H, W)``


class Diverged(RuntimeError):
    """NaN, infinity or an exploding loss; ``run.model`` holds the weights of the last good look (or the first)."""


def fit(
    recipe: Recipe,
    tier: str = "auto",
    *,
    checkpoint: str | os.PathLike | None = None,
    device: str = "auto",
    save_every: float = 60,
    **changes,
) -> Run:
    """Set up the training of a recipe; iterate over the result to train.

    Args:
        recipe: from ``recipes.get(name, scale=...)``.
        tier: "smoke", "laptop", "full", or "auto" for ``$SRLIB_TIER``, else laptop.
        checkpoint: file to continue from if it exists, and to save to each ``save_every`` seconds and at the end.
        device: "auto" takes a GPU if there is one.
        changes: recipe fields to change for this run, such as ``lr=1e-4`` or ``seed=3``.

    Raises:
        ValueError: a field that does not exist or a value it cannot have.
        CheckpointError: the file is damaged or from another recipe.
        srlib.datasets.MissingData: a photo set is not on this machine.
    """
    recipe = recipes.with_changes(recipe.at(tier), **changes)
    run = Run(recipe, device, Path(checkpoint) if checkpoint else None, save_every)
    if run.checkpoint and run.checkpoint.exists():
        run.resume(run.checkpoint)
    return run


class Run:
    """A training under way. Iterate to train; read ``model``, ``history``, ``gain()``; turn knobs with ``set``."""

    def __init__(self, recipe: Recipe, device: str, checkpoint: Path | None, save_every: float) -> None:
        self.recipe, self.checkpoint, self.save_every = recipe, checkpoint, save_every
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        # channels last: the layout in which CPUs and GPUs convolve fastest; it changes no result that matters
        self.model = start(recipe).to(self.device, memory_format=torch.channels_last)
        self.optimizer = _optimizer(recipe, self.model)
        self.generator = torch.Generator().manual_seed(recipe.seed)  # draws the patches
        self.settings = knobs.of(recipe)
        self.turned: list[tuple[int, str, str, str]] = []  # steps done, and the knob that was turned, from, to
        self.history: list[Step] = []
        self.stopped = False
        self._torn = False  # are weights, generator and history of different steps? Then nothing may be saved
        self._best = -math.inf  # the highest PSNR of a look, under the present degradation
        self._remember()
        self._pools: dict[int, PatchPool] = {}  # one for each scale it is trained for
        self._views: list[tuple[Tensor, Tensor]] = []

    @property
    def done(self) -> bool:
        """Have all the recipe's steps been taken, or was ``stop`` called?"""
        return self.stopped or len(self.history) >= self.recipe.steps

    @property
    def seconds(self) -> float:
        """Seconds spent in training steps so far."""
        return self.history[-1].seconds if self.history else 0.0

    def set(self, **settings) -> None:
        """Turn knobs between two steps; weights, optimiser and history stay. ``turned`` notes what changed, and when.

        Args:
            settings: lr (the peak rate), batch, patch (side in input pixels), loss, loss_options (such as
                ``{"eps": 1e-2}``; another loss starts with none), augment, degradation (as in ``sampling.pair``;
                photos and held-out crops are degraded anew), clip.

        Raises:
            ValueError: an unknown knob, or a value that no recipe may have; then nothing has changed.
        """
        new = knobs.turn(self.recipe, self.settings, settings)
        if any(new[k] != self.settings[k] for k in ("patch", "degradation")):
            self._pools, self._views = self._prepared(new)
            self._best = -math.inf
        self.turned += [(len(self.history), *turn) for turn in knobs.differences(self.settings, new)]
        self.settings = new

    def restart(self, **changes) -> Run:
        """A training from the first step, with other recipe fields (``seed=1``, ``arguments={"n1": 32}``).

        What ``set`` has turned stays turned.

        Raises:
            ValueError: as :func:`fit`.
        """
        run = Run(recipes.with_changes(self.recipe, **changes), str(self.device), self.checkpoint, self.save_every)
        run.settings = self.settings
        return run

    def stop(self) -> None:
        """End the iteration after the present step. ``run.stopped = False`` lets it go on."""
        self.stopped = True

    def __iter__(self) -> Iterator[Step]:
        self._load()
        saved = time.monotonic()
        try:
            while not self.done:
                yield self._step()
                if self.checkpoint and time.monotonic() - saved > self.save_every:
                    self.save(self.checkpoint)
                    saved = time.monotonic()
        finally:  # also when the reader of this iterator is interrupted
            if self.checkpoint and self.history and not self._torn:
                self.save(self.checkpoint)

    def finish(self) -> Run:
        """Train to the end without looking; returns the run itself."""
        for _ in self:
            pass
        return self

    def _step(self) -> Step:
        number, began = len(self.history) + 1, time.perf_counter()
        lr = self.settings["lr"] * schedule(self.recipe, number)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self._torn, drawn = True, self.generator.get_state()
        try:
            loss, gradient = self._backward()
        except BaseException:  # stopped by the user, or out of memory: the step has not happened
            self.generator.set_state(drawn)
            self._torn = False
            raise
        if not (loss < EXPLODED and math.isfinite(gradient)):  # so also when the loss is NaN
            self._rescue(number, loss)
        self.optimizer.step()
        step = Step(number, loss, None, lr, self.seconds + time.perf_counter() - began, gradient)
        self.history.append(step)
        self._torn = False
        if number % self.recipe.every and number != self.recipe.steps:
            return step
        psnr, preview = self.look()
        if psnr > self._best - SLUMP:
            self._remember()
        self._best = max(self._best, psnr)
        self.history[-1] = replace(step, psnr=psnr)
        return replace(step, psnr=psnr, preview=preview)

    def _backward(self) -> tuple[float, float]:
        """Draw a batch, and leave its loss's gradient in the parameters; the loss, and that gradient's length."""
        self.model.train()
        scale = self._draw_scale()
        x, y = self._pools[scale].sample(self.settings["batch"], self.generator, self.settings["augment"])
        loss = self._loss(x, y, scale)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        length = nn.utils.get_total_norm([p.grad for p in self.model.parameters() if p.grad is not None])
        if self.settings["clip"]:
            nn.utils.clip_grads_with_norm_(self.model.parameters(), self.settings["clip"], length)
        return loss.item(), length.item()

    def _draw_scale(self) -> int:
        """The scale of the next batch: the network's, or a random one of those it is trained for."""
        scales = list(self._pools)
        return scales[int(torch.randint(len(scales), (), generator=self.generator))] if scales[1:] else scales[0]

    def _loss(self, x: Tensor, y: Tensor, scale: int) -> Tensor:
        """What is minimised: the loss of the picture, or of every output that the recipe supervises."""
        loss, net = knobs.loss(self.settings), self.model
        if self.recipe.supervise == "pyramid":
            return losses.pyramid(net.outputs(x), y, loss)
        if self.recipe.supervise == "recursive":  # the recursions teach first, the final picture later (DRCN, 4.2)
            return losses.recursive_supervision(net.outputs(x), y, 1 - len(self.history) / self.recipe.steps, loss)
        many = len(self._pools) > 1 and not net.pre_upsampled  # such a network has to be told the scale
        return loss(net(x, scale=scale) if many else net(x), y)

    def _remember(self) -> None:
        self._good = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def _rescue(self, number: int, loss: float = math.nan) -> None:
        self._torn = True
        self.model.load_state_dict(self._good)
        self.optimizer = _optimizer(self.recipe, self.model)  # its averages are spoilt too
        what = f"The loss exploded to {loss:.3g}" if math.isfinite(loss) else "NaN or infinite values appeared"
        last = "The last change before was {1} {2} -> {3}, after step {0}. ".format(*self.turned[-1]) if self.turned else ""
        raise Diverged(
            f"{what} at step {number} (peak learning rate {self.settings['lr']:.3g}). {last}"
            "The model holds its weights of the last look before at which it still drew well. "
            "Start again with a lower rate, a longer warm-up or clip=1.0."
        )

    @torch.no_grad()
    def look(self) -> tuple[float, Tensor]:
        """PSNR in dB on the held-out crops (mean), and the first of them as the network draws it.

        Raises:
            Diverged: the network draws NaN or infinite values.
        """
        self._load()
        self.model.eval()
        crop = self.recipe.scale
        results = [(self.model(x[None])[0].float().cpu(), y) for x, y in self._views]
        if not all(bool(sr.isfinite().all()) for sr, _ in results):
            self._rescue(len(self.history))
        results = [(sr.clamp(0, 1), y) for sr, y in results]
        return sum(metrics.psnr(sr, y, crop=crop) for sr, y in results) / len(results), results[0][0]

    def references(self) -> tuple[float, Tensor, Tensor]:
        """What to compare a look with: bicubic's mean PSNR in dB, its enlargement of the first crop, the original."""
        self._load()
        scale, enlarged = self.recipe.scale, self.model.pre_upsampled
        pairs = [((x if enlarged else resize(x, scale)).float().cpu().clamp(0, 1), y) for x, y in self._views]
        return sum(metrics.psnr(x, y, crop=scale) for x, y in pairs) / len(pairs), *pairs[0]

    @torch.no_grad()
    def gain(self) -> float:
        """dB that the network gains over bicubic on the whole held-out photos (mean)."""
        self.model.eval()
        held_out = datasets.photos(self.recipe.held_out, split="test")
        return sum(self._gain(image) for _, image in held_out) / len(held_out)

    def _gain(self, image: Tensor) -> float:
        net, scale = self.model, self.recipe.scale
        x, y = pair(image, scale, net.space, net.pre_upsampled, self.settings["degradation"])
        bicubic = pair(image, scale, net.space, True, self.settings["degradation"])[0].clamp(0, 1)
        sr = net(x[None].to(self.device))[0].float().cpu().clamp(0, 1)
        return metrics.psnr(sr, y, crop=scale) - metrics.psnr(bicubic, y, crop=scale)

    def _load(self) -> None:
        """Prepare the photos, the first time they are needed."""
        if not self._pools:
            self._pools, self._views = self._prepared(self.settings)

    def _prepared(self, settings: dict) -> tuple[dict[int, PatchPool], list[tuple[Tensor, Tensor]]]:
        """The patches to draw from for each scale, and the crops to watch."""
        recipe, net, pools, views = self.recipe, self.model, {}, []
        train = tuple(datasets.photos(name, split="train") for name in recipe.data)
        held_out = datasets.photos(recipe.held_out, split="test")
        for scale in recipe.scales or [recipe.scale]:
            how = (scale, net.space, net.pre_upsampled, tuple(sorted(settings["degradation"].items())))
            pools[scale], seen = _prepare(train, held_out, how, settings["patch"], self.device)
            views = seen if scale == recipe.scale else views
        return pools, views

    def save(self, path: str | os.PathLike) -> Path:
        """Write a checkpoint: all that is needed to go on to the very same weights."""
        nan = math.nan
        rows = [[s.step, s.loss, nan if s.psnr is None else s.psnr, s.lr, s.seconds, s.gradient] for s in self.history]
        state = {
            "recipe": self.recipe.to_dict(),
            "settings": self.settings,
            "turned": self.turned,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "history": torch.tensor(rows, dtype=torch.float64).view(-1, 6),
        }
        return write_checkpoint(path, state)

    def resume(self, path: str | os.PathLike) -> None:
        """Continue from a checkpoint of the same recipe.

        Raises:
            CheckpointError: damaged, cut short, or made by another recipe (the message names the first difference).
        """
        state = read_checkpoint(path, self.device)
        theirs, ours = state["recipe"], self.recipe.to_dict()
        for name in ours:
            if name not in ("steps", "tiers", "smoke_gain", "every") and theirs.get(name) != ours[name]:
                raise CheckpointError(
                    f"{path} was trained with {name}={theirs.get(name)!r}, but this recipe has {ours[name]!r}. "
                    "Use another file name, or delete the checkpoint to start again."
                )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        self.settings, self.turned = self.settings | state["settings"], state.get("turned", [])
        self._pools, self._best = {}, -math.inf  # the settings may want other patches
        self._remember()
        rows = state["history"].tolist()
        self.history = [Step(int(n), loss, None if math.isnan(p) else p, *more) for n, loss, p, *more in rows]


@lru_cache(maxsize=4)  # experiments start many trainings on the same photos
def _prepare(
    train: tuple[datasets.Photos, ...], held_out: datasets.Photos, how: tuple, patch: int, device: torch.device
) -> tuple[PatchPool, list[tuple[Tensor, Tensor]]]:
    """The patches to train on, and the pairs ``(x, y)`` of held-out crops to watch."""
    scale, space, pre_upsampled, degradation = how
    options = {"space": space, "pre_upsampled": pre_upsampled, "degradation": dict(degradation)}
    pool = PatchPool((pair(image, scale, **options) for photos in train for _, image in photos), patch, device)
    views = []
    for _, image in held_out:
        top, left = (max(0, (n - VIEW) // 2) for n in image.shape[-2:])
        x, y = pair(image[:, top : top + VIEW, left : left + VIEW], scale, **options)
        views.append((x.to(device), y))
    return pool, views


def start(recipe: Recipe) -> nn.Module:
    """The recipe's network with its first weights; the same seed gives the same weights.

    ``recipe.init`` is "network": as the model file has them; "interpolation": the picture is let through
    (:mod:`srlib.starts`); "quiet": the last layer draws nothing yet, so that a
    network that learns a residual starts as its input; "identity": every layer passes its input on (SRCNN);
    "paper": N(0, 0.001) everywhere (SRCNN).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = models.create(recipe.model, recipe.scale, recipe.variant, recipe.size, **recipe.arguments)
        convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
        if recipe.init == "paper":  # SRCNN, section 4.1
            for m in convolutions:
                nn.init.normal_(m.weight, std=0.001)
                nn.init.zeros_(m.bias)
        elif recipe.init == "interpolation":
            starts.begin_as_interpolation(net)
        elif recipe.init == "quiet":
            last = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)][-1]
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        elif recipe.init == "identity":
            for m in convolutions:
                _pass_first_channel(m)
    return net


@torch.no_grad()
def _pass_first_channel(m: nn.Conv2d) -> None:
    """Let channel 0 through unchanged and the others into it only faintly: the whole net starts as its input."""
    m.weight[0] *= 0.01 if m.out_channels > 1 else 0.1
    m.weight[0, 0, m.kernel_size[0] // 2, m.kernel_size[1] // 2] += 1
    m.bias.zero_()


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


def _optimizer(recipe: Recipe, net: nn.Module) -> torch.optim.Optimizer:
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), lr=recipe.lr, momentum=0.9)
    return torch.optim.AdamW(net.parameters(), lr=recipe.lr, betas=(0.9, recipe.beta2), weight_decay=0)
