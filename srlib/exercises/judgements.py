"""A photo enlarged and judged, rightly (:func:`trial`) and with the mistakes that people make in judging.

Each mistake takes the right network and a photo ``(C, H, W)``, and what it does wrong is done before or after the
network; its docstring says what people write, and after "Hides:" why nobody notices.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import images, metrics, resize
from srlib.sampling import pair


class Trial(NamedTuple):
    """A photo enlarged and judged: what was drawn, what it was compared with, and the PSNR that was claimed."""

    sr: Tensor
    reference: Tensor
    db: float


@torch.no_grad()
def trial(net: nn.Module, photo: Tensor) -> Trial:
    """A photo, shrunk (or made noisy, for a network that restores), enlarged and judged as it should be."""
    x, y = pair(photo, net.scale, net.space, net.pre_upsampled, {"noise": 25} if net.scale == 1 else {})
    return judged(net(x[None])[0], y)


def judged(sr: Tensor, y: Tensor, crop: int = 4, db: float | None = None) -> Trial:
    """A trial from two pictures, on luma; the border left out is one for all scales."""
    sr = sr.clamp(0, 1)
    return Trial(sr, y, metrics.psnr(sr, y, crop=crop) if db is None else db)


# --- right networks, wrongly judged


def aliased(net, photo):
    """`cv2.resize` or `F.interpolate` makes the small picture. Hides: both call themselves bicubic."""
    y = pair(photo, net.scale, net.space)[1]
    x = F.interpolate(y[None], scale_factor=1 / net.scale, mode="bicubic")[0].clamp(0, 1)
    return judged(net((resize.resize(x, net.scale) if net.pre_upsampled else x)[None])[0], y)


def other_bicubic(net, photo):
    """`F.interpolate(x, mode="bicubic")` enlarges for the network. Hides: bicubic alone even gains by it."""
    x, y = pair(photo, net.scale, net.space)
    return judged(net(F.interpolate(x[None], scale_factor=net.scale, mode="bicubic"))[0], y)


def own_input(net, photo):
    """`psnr(sr, x)`: the output compared with the enlarged input. Hides: the less is done, the higher it is."""
    x, _ = pair(photo, net.scale, net.space, pre_upsampled=True)
    return judged(trial(net, photo).sr, x.clamp(0, 1))


def full_swing(net, photo):
    """Luma from 0 to 255, as in JPEG files, for the papers' 16 to 235. Hides: both are called YCbCr."""
    sr, y, _ = trial(net, photo)
    return judged(*(((255 * z - 16) / 219).clamp(0, 1) for z in (sr, y)))


def in_8_bits(net, photo):
    """`((a - b) ** 2).mean()` of two `uint8` arrays. Hides: errors above 15 come round again as small ones."""
    sr, y, _ = trial(net, photo)
    a, b = images.to_uint8(sr), images.to_uint8(y)
    error = torch.from_numpy((a - b) ** 2)[4:-4, 4:-4].double().mean() / 255**2
    return judged(sr, y, db=float(-10 * torch.log10(error)))


def border_kept(net, photo):
    """PSNR over the whole picture. Hides: more pixels look more honest."""
    return judged(*trial(net, photo)[:2], crop=0)


def truncated(net, photo):
    """`(255 * sr).astype("uint8")`, which rounds down. Hides: half a level is seen by nobody."""
    sr, y, _ = trial(net, photo)
    return judged((255 * sr).floor() / 255, y)


def colours_swapped(net, photo):
    """`cv2.imread` gives blue, green, red. Hides: the picture is turned back before it is saved."""
    x, y = pair(photo, net.scale, net.space)
    return judged(net(x[None].flip(1))[0].flip(0), y)
