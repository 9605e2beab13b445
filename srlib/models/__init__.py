"""The networks, one paper a file. Read in this order, the folder is the history of the field:

    srcnn.py     2014  three convolutions on the enlarged picture
    fsrcnn.py    2016  work on the small picture, enlarge last
    espcn.py     2016  channels become pixels
    vdsr.py      2016  twenty layers that learn what bicubic misses
    drcn.py      2016  one layer, sixteen times
    red.py       2016  encoder, decoder, and bridges between them
    drrn.py      2017  one residual unit, twenty-five times
    lapsrn.py    2017  a pyramid, judged at every doubling
    srresnet.py  2017  residual blocks with batch norm; SRGAN's generator
    edsr.py      2017  residual blocks without it
    mdsr.py      2017  one trunk for three scales
    wdsr.py      2018  wide before the ReLU, narrow after it
    rdn.py       2018  every layer reads all before it
    rcan.py      2018  channels weighed by attention
    srgan.py     2017  the judge that SRResNet is trained against
    esrgan.py    2018  dense blocks in residual blocks, and a judge that compares
    san.py       2019  attention by covariances, and a non-local look
    ignn.py      2020  a graph of a picture's own details across scales
    swinir.py    2021  attention in windows that shift
    mprnet.py    2021  restoration in three stages
    mobilesr.py  2022  attention and cheap convolutions, for telephones
    sprint.py    2026  the course's own: plain convolutions on the small picture, bicubic plus a correction

``blocks.py`` holds what several of them use unchanged.

Every network is a class with the same few facts on it (:class:`Facts`), and is made by name:

>>> net = create("srcnn", scale=2)
>>> describe("srcnn", scale=2).parameters
57281
"""

from __future__ import annotations

import copy
import inspect
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from srlib import checks

#: name -> (file in this folder, class in it). The file is imported when the network is asked for.
TABLE = {
    "srcnn": ("srcnn", "SRCNN"),
    "fsrcnn": ("fsrcnn", "FSRCNN"),
    "espcn": ("espcn", "ESPCN"),
    "vdsr": ("vdsr", "VDSR"),
    "drcn": ("drcn", "DRCN"),
    "red": ("red", "RED"),
    "drrn": ("drrn", "DRRN"),
    "lapsrn": ("lapsrn", "LapSRN"),
    "srresnet": ("srresnet", "SRResNet"),
    "edsr": ("edsr", "EDSR"),
    "mdsr": ("mdsr", "MDSR"),
    "wdsr": ("wdsr", "WDSR"),
    "rdn": ("rdn", "RDN"),
    "rcan": ("rcan", "RCAN"),
    "esrgan": ("esrgan", "RRDBNet"),
    "san": ("san", "SAN"),
    "ignn": ("ignn", "IGNN"),
    "swinir": ("swinir", "SwinIR"),
    "mprnet": ("mprnet", "MPRNet"),
    "mobilesr": ("mobilesr", "MobileSR"),
    "sprint": ("sprint", "Sprint"),
}
SIZES = ("paper", "course")


class Facts(Protocol):
    """What every network class says about itself; ``forward(x)`` gives the picture, ``outputs(x)`` all of them."""

    title: str  #: the paper, and its year
    ancestor: str  #: the network it changed, and what it changed, in a line
    code: str  #: address of the official code, or what there is instead
    space: str  #: "y" or "rgb": what it is trained and measured on
    pre_upsampled: bool  #: does it take the bicubic-enlarged picture (True) or the small one?
    scales: tuple[int, ...]
    variants: dict[str, dict]  #: name -> constructor arguments; the first is the default
    trunk: tuple[str, ...]  #: optional: the layers that lead straight from input to output; see srlib.starts
    lift: float  #: optional: what keeps a picture without its mean positive along the trunk
    arrivals: int  #: optional: how many times the first features are added up before the trunk enlarges them
    grid: int  #: optional: tiles of a picture must begin at multiples of this; see srlib.tiling
    portable: bool  #: optional, False: cannot be exported
    draws: tuple[str, ...]  #: optional: the convolutions that draw its outputs, where it is not the last one alone
    course: dict  #: constructor arguments of the "course" size, on top of a variant's

    def outputs(self, x: Tensor) -> list[Tensor]: ...

    @property
    def receptive_field(self) -> int | None: ...  # side, in pixels of the network's input; None: the whole picture


@dataclass(frozen=True)
class Description:
    """What a network costs. ``multiply_adds`` is counted for one 1280 x 720 output picture, as papers do.

    ``receptive_field`` is the side of the square of input pixels around the one below an output pixel outside of which
    nothing matters to it; None where a network with global attention reads the whole picture.
    """

    name: str
    scale: int
    variant: str
    size: str
    title: str
    space: str
    pre_upsampled: bool
    parameters: int
    multiply_adds: int
    receptive_field: int | None

    def __str__(self) -> str:
        seen = f"{self.receptive_field} x {self.receptive_field}" if self.receptive_field else "the whole picture"
        return (
            f"{self.name} x{self.scale} ({self.variant}, {self.size}): {self.parameters:,} parameters, "
            f"{self.multiply_adds / 1e9:.1f} G multiply-adds, sees {seen}"
        )


def names() -> list[str]:
    """The networks there are, oldest first."""
    return list(TABLE)


def model_class(name: str) -> type[nn.Module]:
    """The class of a network.

    Raises:
        ValueError: unknown name; the message lists the known ones.
    """
    module, cls = TABLE[checks.choice(name, TABLE, "model")]
    return getattr(import_module(f"srlib.models.{module}"), cls)


def variants(name: str) -> list[str]:
    """The variants of a network, the default first."""
    return list(model_class(name).variants)


def create(
    name: str, scale: int | None = None, variant: str | None = None, size: str = "paper", **overrides
) -> nn.Module:
    """Make a network with fresh random weights.

    Args:
        name: one of :func:`names`.
        scale: upscaling factor, one the network offers; None is 2, or 1 for a network that restores (MPRNet).
        variant: one of :func:`variants`; None is the first.
        size: "paper" is the published network, "course" the same structure small enough for a laptop.
        overrides: single constructor arguments, such as ``features=32``.

    Returns:
        A module. ``net(x)`` takes the LR picture ``(N, C, H, W)``, or for ``net.pre_upsampled`` the one already
        enlarged by bicubic, and returns ``(N, C, scale*H, scale*W)`` (or the same size); C is 1 on luma.

    Raises:
        ValueError: an unknown name, variant, size, scale or argument; the message lists what is allowed.
    """
    cls = model_class(name)
    scale = cls.scales[0] if scale is None else checks.integer_scale(scale, cls.scales)
    variant = variant or next(iter(cls.variants))
    checks.choice(variant, cls.variants, f"variant of {name}")
    checks.choice(size, SIZES, "size")
    knobs = [p for p in inspect.signature(cls).parameters if p != "scale"]
    for knob in overrides:
        checks.choice(knob, knobs, f"argument of {name}")
    arguments = {**cls.variants[variant], **(cls.course if size == "course" else {}), **overrides}
    return cls(scale=scale, **arguments)


def describe(
    name: str, scale: int | None = None, variant: str | None = None, size: str = "paper", **overrides
) -> Description:
    """Count a network's parameters, multiply-adds (at 1280 x 720 output) and receptive field, without running it."""
    with torch.device("meta"):  # shapes only: nothing is computed, no memory is used
        net = create(name, scale, variant, size, **overrides).eval()
    return Description(
        name=name,
        scale=net.scale,
        variant=variant or variants(name)[0],
        size=size,
        title=net.title,
        space=net.space,
        pre_upsampled=net.pre_upsampled,
        parameters=sum(p.numel() for p in net.parameters()),
        multiply_adds=multiply_adds(net),
        receptive_field=net.receptive_field,
    )


def multiply_adds(net: nn.Module) -> int:
    """Multiply-adds for one output picture of 1280 x 720 (a multiply and an add are two operations), not run."""
    scale = 1 if net.pre_upsampled else net.scale
    with torch.device("meta"):
        lr = torch.empty(1, 1 if net.space == "y" else 3, -(-720 // scale), -(-1280 // scale))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        copy.deepcopy(net).to("meta").eval()(lr)
    return counter.get_total_flops() // 2


def table() -> list[dict]:
    """One row for each network, variant and scale at paper size (see ``srlib models``)."""
    return [
        asdict(describe(name, scale, variant))
        for name in names()
        for variant in variants(name)
        for scale in model_class(name).scales
    ]
