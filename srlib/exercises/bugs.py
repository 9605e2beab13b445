"""The bug museum's inventory: which mistake belongs to which chapter and network, and where the decibels go.

:data:`ALL`, at the end, is a plain list. There are four kinds:

- "network": the broken network is made from a copy of the right one (``mistakes``).
- "start": changes only the first weights; what it costs shows in a training.
- "judge": the network is right, and what is done before or after it is wrong (``judgements``).
- "loss": ``instead`` is the right loss.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srlib import checks, losses, models, weights
from srlib.exercises import judgements, mistakes
from srlib.exercises.judgements import Trial, trial


@dataclass(frozen=True)
class Bug:
    """One exhibit."""

    name: str
    chapter: str  #: the notebook that tells its story
    network: str
    scale: int
    kind: str
    make: Callable
    sign: str = "down"  #: where the PSNR goes, in the mean of a few photos: "down", "up", or "either"
    instead: losses.Loss | None = None
    variant: str | None = None

    @property
    def wrote(self) -> str:
        """What people write."""
        return self.make.__doc__.split(" Hides: ")[0]

    @property
    def hides(self) -> str:
        """Why nobody notices."""
        return self.make.__doc__.split(" Hides: ")[1]

    @property
    def file(self) -> str:
        """What the network's weights are called."""
        return f"{self.network}_{self.variant}" if self.variant else self.network

    @property
    def shown(self) -> bool:
        """Can it be seen on a photo, because the course ships the network's weights?"""
        return self.kind in ("network", "judge") and (self.file, self.scale) in weights.available()

    def untrained(self) -> nn.Module:
        """The right network in the course's size, with any weights: enough for its fingerprint."""
        return models.create(self.network, self.scale, self.variant, "course").eval()

    def broken(self, net: nn.Module) -> nn.Module:
        """The wrong network made from the right one, which stays as it is (and is right, if only judged wrongly)."""
        return self.make(copy.deepcopy(net)) if self.kind in ("network", "start") else net

    def trials(self, photo: Tensor, net: nn.Module | None = None) -> tuple[Trial, Trial]:
        """The photo ``(C, H, W)`` enlarged and judged rightly, and with the bug; ``net`` instead of the shipped one.

        Raises:
            srlib.weights.WeightsError: no ``net`` is given, and the course ships none.
        """
        net = net or weights.load(self.file, self.scale)
        with torch.no_grad():
            wrong = self.make(net, photo) if self.kind == "judge" else trial(self.broken(net), photo)
            return trial(net, photo), wrong


ALL = (
    Bug("no antialiasing", "problem", "sprint", 4, "judge", judgements.aliased),
    Bug("another bicubic", "interpolation", "vdsr", 2, "judge", judgements.other_bicubic),
    Bug("against its own input", "judging", "srcnn", 2, "judge", judgements.own_input, "either"),
    Bug("full-swing luma", "judging", "sprint", 2, "judge", judgements.full_swing),
    Bug("subtracted in 8 bits", "judging", "fsrcnn", 3, "judge", judgements.in_8_bits, "up"),
    Bug("border kept", "judging", "fsrcnn", 4, "judge", judgements.border_kept, "either"),
    Bug("rounded down", "judging", "espcn", 2, "judge", judgements.truncated, "either"),
    Bug("zero padding", "srcnn", "srcnn", 2, "network", mistakes.zero_padding),
    Bug("stretched to size", "fsrcnn", "fsrcnn", 3, "network", mistakes.stretched),
    Bug("tanh at the end", "espcn", "espcn", 3, "network", mistakes.tanh_at_the_end),
    Bug("shuffled by columns", "espcn", "espcn", 3, "network", mistakes.by_columns),
    Bug("last layer by its width", "espcn", "espcn", 3, "start", mistakes.start_by_width),
    Bug("skip forgotten", "vdsr", "vdsr", 2, "network", mistakes.skip_forgotten),
    Bug("mean subtracted", "vdsr", "vdsr", 2, "network", mistakes.mean_subtracted),
    Bug("divided by the sum", "drcn", "drcn", 2, "network", mistakes.divided_by_the_sum, "either"),
    Bug("norms lost in the port", "drcn", "drrn", 2, "network", mistakes.norms_lost),
    Bug("skips after the ReLU", "red", "red", 2, "network", mistakes.skips_after_relu),
    Bug("one pixel off", "lapsrn", "lapsrn", 4, "network", mistakes.one_pixel_off),
    Bug("half of the scale", "lapsrn", "lapsrn", 8, "network", mistakes.half_of_the_scale),
    Bug("mean in wrong units", "edsr", "edsr", 2, "network", mistakes.wrong_units),
    Bug("res_scale of the big one", "edsr", "edsr", 2, "network", mistakes.scaled_residuals),
    Bug("blue, green, red", "edsr", "edsr", 2, "judge", judgements.colours_swapped, "either"),
    Bug("the wrong entrance", "edsr", "mdsr", 2, "network", mistakes.wrong_entrance),
    Bug("lengths and directions", "wdsr", "wdsr", 2, "network", mistakes.plain_port),
    Bug("three blocks for sixteen", "wdsr", "rdn", 2, "network", mistakes.three_blocks),
    Bug("attention in tiles", "rcan", "rcan", 2, "network", mistakes.InTiles, "either"),
    Bug("left in training mode", "srgan", "srresnet", 4, "network", mistakes.left_in_training, "either"),
    Bug("sigmoid twice", "srgan", "srgan", 4, "loss", mistakes.sigmoid_twice, instead=losses.fooling),
    Bug("one by one", "esrgan", "esrgan", 4, "loss", mistakes.one_by_one, instead=losses.relativistic_judging),
    Bug("mask forgotten", "swinir", "swinir", 2, "network", mistakes.mask_forgotten, "either"),
    Bug("a head for each channel", "mobilesr", "mobilesr", 4, "network", mistakes.a_head_a_channel),
    Bug("the first stage", "mprnet", "mprnet", 1, "network", mistakes.first_stage, "either", variant="denoise"),
)  #: in the order of the book


def get(name: str) -> Bug:
    """The exhibit of that name.

    Raises:
        ValueError: there is none; the message lists them.
    """
    return {bug.name: bug for bug in ALL}[checks.choice(name, [bug.name for bug in ALL], "bug")]
