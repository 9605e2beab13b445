"""The training loop: one page, read downwards, and the same for notebook, widget, command line and CI.

    run = fit(recipes.get("srcnn"), tier="laptop")
    for step in run:
        print(step.step, step.loss, step.psnr)

A :class:`Run` is an iterator: whoever loops over it decides what to draw and when to stop. It can be killed at any
moment and resumed to the same weights (:mod:`srlib.devices` says what "the same" means on a processor and on a GPU).
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from srlib import datasets, devices, knobs, losses, metrics, parallel, recipes
from srlib.checkpoints import CheckpointError, check_belongs, read_checkpoint, write_checkpoint
from srlib.interruptions import uninterrupted
from srlib.recipes import Recipe, optimizer_for, schedule
from srlib.resize import resize
from srlib.sampling import PatchPool, pair, prepare
from srlib.starts import start
from srlib.threads import Threads

EXPLODED = 1e4  # a loss on pictures in [0, 1] that no training comes back from
RATES = {"model": "lr", "judge": "lr_judge"}  # which knob is the peak learning rate of which network


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
    kind: type[Run] | None = None,
    **changes,
) -> Run:
    """Set up the training of a recipe; iterate over the result to train.

    Args:
        recipe: from ``recipes.get(name, scale=...)``.
        tier: "smoke", "laptop", "full", or "auto" for ``$SRLIB_TIER``, else laptop.
        checkpoint: file to continue from if it exists, and to save to each ``save_every`` seconds and at the end.
        device: "auto" takes a GPU if there is one; see :func:`srlib.devices.pick`.
        kind: another kind of training than :class:`Run`; see :func:`srlib.adversarial.fit`.
        changes: recipe fields to change for this run, such as ``lr=1e-4`` or ``seed=3``.

    Raises:
        ValueError: a field that does not exist or a value it cannot have, or a device that is not here.
        CheckpointError: the file is damaged or from another recipe.
        srlib.datasets.MissingData: a photo set is not on this machine.
    """
    if hasattr(recipe, "judge") and kind is None:
        raise ValueError(f"This recipe for {recipe.model} has a judge. Train it with srlib.adversarial.fit(recipe).")
    recipe = recipes.with_changes(recipe.at(tier), **changes)
    recipe, said = (recipe, []) if "data" in changes else recipes.wished(recipe, datasets.present)
    run = (kind or Run)(recipe, device, Path(checkpoint) if checkpoint else None, save_every)
    run.notes += said
    if run.checkpoint and run.checkpoint.exists():
        run.resume(run.checkpoint)
    return run


class Run:
    """A training under way. Iterate to train; read ``model``, ``history``, ``gain()``; turn knobs with ``set``."""

    slump = 3.0  #: dB below the best look at which weights no longer count as good
    _kind = Step  # what a step tells

    def __init__(self, recipe: Recipe, device: str, checkpoint: Path | None, save_every: float) -> None:
        self.recipe, self.checkpoint, self.save_every = recipe, checkpoint, save_every
        self.device = parallel.join(devices.pick(device))
        devices.prepare(self.device)
        self.notes: list[str] = []  # what a reader should know of how it began, and how it went on
        self.threads = Threads(self.device, self.notes.append)
        # channels last: the layout in which CPUs and GPUs convolve fastest; it changes no result that matters
        self.players = {k: net.to(self.device, memory_format=torch.channels_last) for k, net in self._players().items()}
        self.optimizers = {name: optimizer_for(recipe, net) for name, net in self.players.items()}
        self.model, self.optimizer = self.players["model"], self.optimizers["model"]
        self.generator = torch.Generator().manual_seed(recipe.seed)  # draws the patches
        self.settings = knobs.of(recipe)
        self.turned: list[tuple[int, str, str, str]] = []  # steps done, and the knob that was turned, from, to
        self.history: list[Step] = []
        self.stopped = self._torn = False  # torn: weights and history are of different steps; nothing may be saved
        self._best = -math.inf  # the highest PSNR of a look, under the present degradation
        self._remember()
        self._pools: dict[int, PatchPool] = {}  # one for each scale it is trained for
        self._views: list[tuple[Tensor, Tensor]] = []

    def _players(self) -> dict[str, nn.Module]:
        """The networks that learn, with their first weights."""
        return {"model": start(self.recipe)}

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

        What ``set`` has turned stays turned, and is noted as turned before the first step; ``changes`` win. With other
        fields it is another training, and has no checkpoint; ``save`` writes one.

        Raises:
            ValueError: as :func:`fit`.
        """
        recipe = recipes.with_changes(self.recipe, **changes)
        checkpoint = self.checkpoint if recipe == self.recipe else None  # another training must not overwrite this one
        run = type(self)(recipe, str(self.device), checkpoint, self.save_every)
        settings = knobs.turn(recipe, self.settings, {k: v for k, v in changes.items() if k in self.settings})
        run.turned = [(0, *turn) for turn in knobs.differences(run.settings, settings)]
        run.settings = settings
        return run

    def stop(self) -> None:
        """End the iteration after the present step. ``run.stopped = False`` lets it go on."""
        self.stopped = True

    def __iter__(self) -> Iterator[Step]:
        self._load()
        saved = time.monotonic()
        try:
            while not self.done:
                with uninterrupted():  # a step that has half happened would be lost, with all since the last save
                    step = self._step()
                yield step
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
        with self.threads.step():
            told = self._learn(number)
        lr, seconds = self.optimizer.param_groups[0]["lr"], self.seconds + time.perf_counter() - began
        step = self._kind(number, psnr=None, lr=lr, seconds=seconds, **told)
        self.history.append(step)
        self._torn = False
        if number % self.recipe.every and number != self.recipe.steps:
            return step
        psnr, preview = self.look()
        if psnr > self._best - self.slump:
            self._remember()
        self._best = max(self._best, psnr)
        self.history[-1] = replace(step, psnr=psnr)
        return replace(step, psnr=psnr, preview=preview)

    def _learn(self, number: int) -> dict[str, float]:
        """Change the weights once; what is to be told of it. Stopped inside, it leaves all as before, or ``_torn``."""
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.settings[RATES[name]] * schedule(self.recipe, number)
        self._torn, drawn = True, self.generator.get_state()
        buffers = [(b, b.clone()) for net in self.players.values() for b in net.buffers()]  # batch norm counts on
        try:
            told = parallel.means(_numbers(self._backward()))
        except BaseException:  # stopped by the user, or out of memory: the step has not happened
            self.generator.set_state(drawn)
            for buffer, before in buffers:
                buffer.copy_(before)
            self._torn = False
            raise
        finite, total = all(map(math.isfinite, told.values())), told["loss"] + told.get("judge_loss", 0.0)
        if not (finite and total < EXPLODED):
            self._rescue(number, total if finite else math.nan)
        for optimizer in self.optimizers.values():
            optimizer.step()
        return told

    def _backward(self) -> dict[str, Tensor]:
        """Draw a batch, and leave its loss's gradient in the parameters; what is to be told of that (see ``Step``)."""
        self.model.train()
        scale = self._draw_scale()
        x, y = self._draw(scale)
        with devices.half(self.device, self.recipe.half):
            outputs = self._outputs(x, scale)
        loss = self._loss([output.float() for output in outputs], y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        return {"loss": loss.detach(), "gradient": self._clip(self.model)}

    def _draw(self, scale: int) -> tuple[Tensor, Tensor]:
        """The next batch, or this process's part of it."""
        batch = self.settings["batch"]
        return self._pools[scale].sample(batch, self.generator, self.settings["augment"], parallel.part(batch))

    def _clip(self, net: nn.Module) -> Tensor:
        """Length of a network's gradient (the mean over processes), which is then shortened to the knob ``clip``."""
        parallel.mean_gradients(net)
        return nn.utils.clip_grad_norm_(net.parameters(), self.settings["clip"] or math.inf)

    def _draw_scale(self) -> int:
        """The scale of the next batch: the network's, or a random one of those it is trained for."""
        scales = list(self._pools)
        return scales[int(torch.randint(len(scales), (), generator=self.generator))] if scales[1:] else scales[0]

    def _outputs(self, x: Tensor, scale: int) -> list[Tensor]:
        """What the network draws: the picture, or every output that the recipe supervises."""
        net = self.model
        if self.recipe.supervise != "last":
            return net.outputs(x)
        many = len(self._pools) > 1 and not net.pre_upsampled  # such a network has to be told the scale
        return [net(x, scale=scale) if many else net(x)]

    def _loss(self, outputs: list[Tensor], y: Tensor) -> Tensor:
        """What is minimised, always in 32 bits."""
        loss = knobs.loss(self.settings)
        if self.recipe.supervise == "pyramid":
            return losses.pyramid(outputs, y, loss)
        if self.recipe.supervise == "recursive":  # the recursions teach first, the final picture later (DRCN, 4.2)
            return losses.recursive_supervision(outputs, y, 1 - len(self.history) / self.recipe.steps, loss)
        return loss(outputs[0], y)

    def _remember(self) -> None:
        self._good = {name: copy.deepcopy(net.state_dict()) for name, net in self.players.items()}

    def _rescue(self, number: int, loss: float = math.nan) -> None:
        self._torn = True
        for name, net in self.players.items():
            net.load_state_dict(self._good[name])
            self.optimizers[name].state.clear()  # its averages are spoilt too
        what = f"The loss exploded to {loss:.3g}" if math.isfinite(loss) else "NaN or infinite values appeared"
        at, *turn = self.turned[-1] if self.turned else [0]
        last = "The last change before was {} {} -> {}, after step {}. ".format(*turn, at) if turn else ""
        raise Diverged(
            f"{what} at step {number} (peak learning rate {self.settings['lr']:.3g}). {last}"
            "The model holds its weights of the last look before at which it still drew well. "
            "Start again with a lower rate, a longer warm-up or clip=1.0."
        )

    def network(self, player: str = "model") -> nn.Module:
        """A copy of the network as it is now, to draw and measure with: in eval mode, on the processor.

        The training's own network stays where it is, and learns on. ``player="judge"`` copies the judge of a game.
        """
        copied = copy.deepcopy(self.players[player]).to("cpu", memory_format=torch.contiguous_format)
        return copied.eval()

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
            pools[scale], seen = prepare(train, held_out, how, settings["patch"], self.device)
            views = seen if scale == recipe.scale else views
        return pools, views

    def save(self, path: str | os.PathLike) -> Path:
        """Write a checkpoint: all that is needed to go on to the very same weights.

        Raises:
            CheckpointError: weights and history are of different steps, as after ``Diverged``.
        """
        if self._torn:
            raise CheckpointError(
                f"Nothing is saved to {path}: the training diverged, or was stopped inside a step, after step "
                f"{len(self.history)}, and its weights do not belong to that step."
            )
        if not parallel.first():
            return Path(path)
        state = {
            "recipe": self.recipe.to_dict(),
            "settings": self.settings,
            "turned": self.turned,
            "players": {name: net.state_dict() for name, net in self.players.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "generator": self.generator.get_state(),
            "threads": self.threads.state(),
            "history": {f.name: [getattr(step, f.name) for step in self.history] for f in fields(self._kind)},
        }
        return write_checkpoint(path, state)

    def resume(self, path: str | os.PathLike) -> None:
        """Continue from a checkpoint of the same recipe.

        Raises:
            CheckpointError: damaged, cut short, or made by another recipe (the message names the first difference).
        """
        state = read_checkpoint(path)  # to the processor: weights and averages go to their device by themselves, and
        # the optimiser's counters have to stay, or each step waits for the GPU once for every parameter
        check_belongs(path, state, self.recipe.to_dict())
        for name in self.players:
            self.players[name].load_state_dict(state["players"][name])
            self.optimizers[name].load_state_dict(state["optimizers"][name])
        self.generator.set_state(state["generator"])
        self.threads.recall(state.get("threads", {}))
        self.settings, self.turned = self.settings | state["settings"], state.get("turned", [])
        self._pools, self._best = {}, -math.inf  # the settings may want other patches
        self._remember()
        self.history = [self._kind(*row) for row in zip(*state["history"].values(), strict=True)]


def _numbers(told: dict[str, Tensor]) -> dict[str, float]:
    """Tensors of one number each, read in one go: each reading makes the processor wait for a GPU."""
    return dict(zip(told, torch.stack([value.float() for value in told.values()]).tolist(), strict=True))
