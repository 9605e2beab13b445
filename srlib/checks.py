"""The sentences a wrong picture gets: every public function checks its tensors here.

An error names what was given, what is allowed and what to do, because the reader of the message is
usually meeting the mistake for the first time.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def picture(x: Tensor, name: str = "img", channels: tuple[int, ...] | None = None) -> Tensor:
    """Check that ``x`` is a picture: float tensor, ``(C, H, W)`` or ``(N, C, H, W)``, nothing empty.

    Values are not looked at (see :func:`unit_range`), so this costs nothing.

    Raises:
        TypeError: not a tensor, or not of a floating dtype.
        ValueError: wrong number of axes, an empty axis, or a channel count not in ``channels``.
    """
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name} is a {type(x).__name__}, not a torch tensor. "
            "Read a file with images.load(path), or convert an array with images.from_uint8(array)."
        )
    if not x.is_floating_point():
        raise TypeError(
            f"{name} has dtype {x.dtype}, but pictures are floats in [0, 1]. "
            "Convert 8-bit values with images.from_uint8(array)."
        )
    if x.ndim not in (3, 4):
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}, but a picture is (C, H, W) and a batch (N, C, H, W). "
            "Add the missing axis with x[None] or take one with x[0]."
        )
    if 0 in x.shape:
        raise ValueError(f"{name} has shape {tuple(x.shape)}: an axis is empty. Give at least one pixel.")
    if channels is not None and x.shape[-3] not in channels:
        allowed = " or ".join(str(c) for c in channels)
        hint = {
            (1,): "Convert it with images.rgb_to_y(img).",
            (3,): "Repeat a gray picture with img.expand(3, -1, -1).",
        }.get(channels, "Leave out an alpha channel with img[:3].")
        raise ValueError(
            f"{name} has {x.shape[-3]} channels (shape {tuple(x.shape)}), but {allowed} are needed. {hint}"
        )
    return x


def unit_range(x: Tensor, name: str = "img", slack: float = 0.0) -> Tensor:
    """Check that all values of ``x`` are finite and in [-slack, 1 + slack].

    Raises:
        ValueError: NaN, infinity, or a value outside the range (it says which).
    """
    low, high = (float(v) for v in torch.aminmax(x.detach()))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(
            f"{name} contains NaN or infinite values. If a network made it, the training has diverged: "
            "lower the learning rate or clip the gradients."
        )
    if low < -slack or high > 1 + slack:
        raise ValueError(
            f"{name} has values from {low:.4g} to {high:.4g}, but pictures live in [0, 1]. "
            "Divide 8-bit values by 255, or clamp with x.clamp(0, 1)."
        )
    return x


def same_shape(sr: Tensor, hr: Tensor) -> None:
    """Check that two pictures can be compared pixel by pixel.

    Raises:
        ValueError: shapes, or devices, differ.
    """
    if sr.shape != hr.shape:
        raise ValueError(
            f"sr has shape {tuple(sr.shape)} but hr has {tuple(hr.shape)}. "
            "Crop the original to a multiple of the scale first: images.modcrop(hr, scale)."
        )
    if sr.device != hr.device:
        raise ValueError(f"sr is on {sr.device} but hr is on {hr.device}. Move one with .to(device).")


def integer_scale(scale: int, allowed: tuple[int, ...] | None = None, what: str = "scale") -> int:
    """Check an upscaling factor: a whole number of at least 1, and one of ``allowed`` if given.

    Raises:
        ValueError: anything else.
    """
    if isinstance(scale, bool) or not isinstance(scale, int) or scale < 1:
        raise ValueError(f"{what}={scale!r} is not a whole number of at least 1. Use 2, 3 or 4.")
    if allowed is not None and scale not in allowed:
        raise ValueError(f"{what}={scale} is not offered here. Use one of {', '.join(map(str, allowed))}.")
    return scale


def choice(value: str, allowed, what: str) -> str:
    """Check a name against the names there are.

    Raises:
        ValueError: ``value`` is not one of ``allowed``; the message lists them.
    """
    if value not in list(allowed):  # a list, because looking up what is not hashable fails in a table
        raise ValueError(f"{what}={value!r} is unknown. Use one of: {', '.join(map(str, allowed))}.")
    return value
