"""A network's fingerprint: what it is made of, and what it draws with weights that depend on nothing but their shape.

Two implementations of one paper can be compared so without any trained weights: fill both, show both the same wave,
and compare sizes and pixels. The rule of the fill stands in ``tests/fingerprints.json``, beside the pixels of
independent code for the networks in the papers' sizes; ``tests/test_models.py`` compares ours with them.

What it cannot see: weights of equal shape that changed places (they are filled alike), the weights of a file, training
mode (it is switched off), and everything that happens before and after the network.
"""

from __future__ import annotations

import copy
import zlib
from collections import Counter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from srlib import models

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm)
GAIN = 1.0  #: how large the filled weights are; the networks of the course's size neither fade nor explode with it
SAME = 1e-6  #: largest difference of a pixel, in standard deviations of the picture, between equal networks


class Fingerprint(NamedTuple):
    """What two right implementations have in common."""

    shapes: Counter  #: shape of a trained tensor, as "64x1x9x9" -> how many there are
    size: tuple[int, ...]  #: of the output, ``(N, C, H, W)``
    pixels: Tensor  #: the output in double precision


def fill(net: nn.Module, gain: float = GAIN) -> nn.Module:
    """Give ``net``, in place, weights that depend on nothing but a tensor's shape and kind; returns ``net``."""
    with torch.no_grad():
        for module in net.modules():
            for name, p in module.named_parameters(recurse=False):
                key = "x".join(map(str, p.shape))
                r = np.random.RandomState(zlib.crc32(key.encode())).uniform(-1, 1, size=tuple(p.shape))
                if p.ndim >= 2:
                    r = r * np.sqrt(3 / np.prod(p.shape[1:])) * gain
                elif isinstance(module, models.model_class("drcn")):
                    r = (1 + 0.05 * r) / 16
                elif isinstance(module, NORMS) and name == "weight":
                    r = 1 + 0.05 * r
                else:
                    r = (0.25 if isinstance(module, nn.PReLU) else 0) + 0.05 * r
                p.copy_(torch.from_numpy(np.asarray(r)))
    return net


def wave(channels: int, height: int = 12, width: int = 16) -> Tensor:
    """The picture that is shown to a filled network, ``(1, channels, height, width)`` in [0, 1], double precision."""
    c, i, j = torch.meshgrid(*[torch.arange(float(n)).double() for n in (channels, height, width)], indexing="ij")
    return (0.5 + 0.5 * torch.sin(0.7 * i + 1.3 * j + 2.1 * c))[None]


@torch.no_grad()
def of(net: nn.Module, channels: int | None = None) -> Fingerprint:
    """The fingerprint of a network (of a filled copy: ``net`` itself stays as it is).

    Args:
        net: takes ``(N, C, H, W)``.
        channels: C; None asks ``net.space``, as the course's own networks have it.
    """
    net = fill(copy.deepcopy(net).double().eval())
    drawn = net(wave(channels or (1 if net.space == "y" else 3)))
    return Fingerprint(Counter("x".join(map(str, p.shape)) for p in net.parameters()), tuple(drawn.shape), drawn)


def difference(theirs: Fingerprint, ours: Fingerprint) -> str:
    """The first thing in which two fingerprints differ, as a sentence; "" if they are the same."""
    if theirs.shapes != ours.shapes:
        odd = [f"{n} of {shape} too many" for shape, n in (theirs.shapes - ours.shapes).items()]
        odd += [f"{n} of {shape} missing" for shape, n in (ours.shapes - theirs.shapes).items()]
        return "other tensors: " + ", ".join(odd[:3]) + (" ..." if len(odd) > 3 else "")
    if theirs.size != ours.size:
        return f"another size: {_by(theirs.size)} instead of {_by(ours.size)}"
    apart = float((theirs.pixels - ours.pixels).abs().max() / ours.pixels.std())
    return f"other pixels: apart by {apart:.2g} of the contrast" if apart > SAME else ""


def _by(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, size[-2:]))
