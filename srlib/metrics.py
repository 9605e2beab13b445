"""How good is a super-resolved picture? PSNR, SSIM, a perceptual distance, and the protocols that make them comparable.

The protocol is part of the number: luma or RGB, rounded or not, border kept or cropped move the same
result by 0.03 to 2 dB. A :class:`Protocol` fixes all of it at once, from the original photo to the score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import checks
from srlib.images import modcrop, rgb_to_y, round_to_uint8
from srlib.resize import resize

CHANNELS = ("y", "rgb")
ROUNDINGS = ("none", "uint8")


def mse(sr: Tensor, hr: Tensor, *, crop: int, channel: str = "y", rounding: str = "none") -> float:
    """Mean squared error of values in [0, 1]; arguments as for :func:`psnr`, lower is better."""
    return float(_squared_error(*_prepare(sr, hr, crop, channel, rounding)).mean())


def psnr(sr: Tensor, hr: Tensor, *, crop: int, channel: str = "y", rounding: str = "none") -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(1 / MSE). Of a batch, the mean of the pictures' values.

    Args:
        sr: the estimate, ``(C, H, W)`` or ``(N, C, H, W)``, values about [0, 1].
        hr: the original, same shape, in [0, 1].
        crop: pixels left out on each side (the SR papers: ``scale``).
        channel: "y" compares BT.601 luma (one channel is already Y); "rgb" pools the squared error of all channels.
        rounding: "uint8" clips and rounds ``sr`` to 256 levels first, as saving it to a file would.

    Returns:
        dB; infinity for identical pictures.

    Raises:
        TypeError, ValueError: shapes differ, wrong channels, a range that is not [0, 1], or nothing left.

    >>> round(psnr(torch.full((1, 8, 8), 0.6), torch.full((1, 8, 8), 0.5), crop=0), 3)  # error 0.1 everywhere
    20.0
    """
    error = _squared_error(*_prepare(sr, hr, crop, channel, rounding))
    return float((-10 * torch.log10(error)).mean())


def ssim(sr: Tensor, hr: Tensor, *, crop: int, channel: str = "y", rounding: str = "none") -> float:
    """Structural similarity (Wang et al., 2004, eq. 13): 1 for equal pictures, lower for less alike.

    Window: 11 x 11 Gaussian, sigma 1.5, where it fits whole; K1 = 0.01, K2 = 0.03. Channels and then pictures
    are averaged. Arguments and errors as for :func:`psnr`; at least 11 x 11 pixels must be left after the crop.
    """
    sr, hr = _prepare(sr, hr, crop, channel, rounding)
    channels, height, width = sr.shape[1:]
    if min(height, width) < 11:
        raise ValueError(f"SSIM needs 11 x 11 pixels after the crop, but {height} x {width} are left. Crop less.")
    x = torch.arange(-5, 6, dtype=sr.dtype, device=sr.device)
    row = torch.exp(-(x**2) / (2 * 1.5**2))
    row = (row / row.sum()).expand(channels, 1, 1, 11)

    def blur(z: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(z, row, groups=channels), row.transpose(2, 3), groups=channels)

    mean_s, mean_h = blur(sr), blur(hr)
    var_s = blur(sr * sr) - mean_s**2
    var_h = blur(hr * hr) - mean_h**2
    covariance = blur(sr * hr) - mean_s * mean_h
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * mean_s * mean_h + c1) * (2 * covariance + c2)
    alike = alike / ((mean_s**2 + mean_h**2 + c1) * (var_s + var_h + c2))
    return float(alike.mean())


def perceptual_distance(
    sr: Tensor, hr: Tensor, extractor: Callable[[Tensor], list[Tensor]], *, crop: int, rounding: str = "none"
) -> float:
    """How unlike two pictures are in the features of a network: 0 for equal pictures, lower is better.

    The squared distance between the feature vectors at each place, each first divided by its length, averaged over
    the places and summed over the maps: eq. 1 of LPIPS (Zhang et al., 2018, arXiv:1801.03924) with all weights 1. It
    is *not* LPIPS, whose weights were fitted to people's judgements of three other networks; never compare the two.

    Args:
        sr, hr, crop, rounding: as for :func:`psnr`; gray or RGB.
        extractor: from ``perceptual.extractor()``. Its ``.name`` belongs beside the number, which depends on it.

    Returns:
        From 0 to 4 for each of the extractor's maps; of a batch, the mean of the pictures' values.
    """
    sr, hr = _prepare(sr, hr, crop, "rgb", rounding)
    with torch.no_grad():
        pairs = zip(extractor(sr), extractor(hr), strict=True)
        maps = [F.normalize(a, dim=1) - F.normalize(b, dim=1) for a, b in pairs]
        return sum((difference**2).sum(1).mean().item() for difference in maps)


def _prepare(sr: Tensor, hr: Tensor, crop: int, channel: str, rounding: str) -> tuple[Tensor, Tensor]:
    """Both pictures as double batches ``(N, C, h, w)``: rounded, converted, cropped."""
    for name, x in (("sr", sr), ("hr", hr)):
        checks.picture(x, name, channels=(1, 3))
        # a bicubic or network result may overshoot; 8-bit values (0..255) must not pass
        checks.unit_range(x, name, slack=1.0 if name == "sr" else 1e-4)
    checks.same_shape(sr, hr)
    checks.choice(channel, CHANNELS, "channel")
    checks.choice(rounding, ROUNDINGS, "rounding")
    if isinstance(crop, bool) or not isinstance(crop, int) or crop < 0:
        raise ValueError(f"crop={crop!r} must be a whole number of pixels, 0 or more.")
    if 2 * crop >= min(sr.shape[-2:]):
        raise ValueError(f"crop={crop} leaves nothing of {sr.shape[-2]} x {sr.shape[-1]} pixels. Crop less.")
    if sr.device.type == "mps":  # which has no doubles
        sr, hr = sr.cpu(), hr.cpu()
    sr, hr = sr.detach().double(), hr.detach().double()
    if rounding == "uint8":
        sr = round_to_uint8(sr)
    if channel == "y":
        sr, hr = rgb_to_y(sr), rgb_to_y(hr)
    inside = (..., slice(crop, sr.shape[-2] - crop), slice(crop, sr.shape[-1] - crop))
    sr, hr = sr[inside], hr[inside]
    return (sr[None], hr[None]) if sr.ndim == 3 else (sr, hr)


def _squared_error(sr: Tensor, hr: Tensor) -> Tensor:
    """One mean squared error a picture: ``(N,)``."""
    return ((sr - hr) ** 2).flatten(1).mean(1)


@dataclass(frozen=True)
class Protocol:
    """A whole, named way from an original photo to a score. Call it: ``protocol(sr, hr, scale)``.

    ``pair(hr, scale)`` makes what the network is given and what it is compared with, so that no step of the
    protocol is left to the caller.
    """

    name: str
    about: str
    space: str  #: what the network sees: "y" or "rgb"
    channel: str  #: what is compared
    lr_uint8: bool  #: is the LR picture rounded to 8 bits?
    y_uint8: bool  #: is the original's Y rounded to 8 bits before anything else?
    sr_uint8: bool  #: is the result rounded to 8 bits?
    crop_scale: bool  #: is a border of `scale` pixels left out?
    crop_extra: int = 0  #: and how many pixels more

    def pair(self, hr: Tensor, scale: int) -> tuple[Tensor, Tensor]:
        """The LR input and the reference: ``(C, H, W) -> (c, H//s, W//s), (c, s*(H//s), s*(W//s))``."""
        hr = modcrop(hr, scale)
        if self.space == "y":
            hr = self.reference(hr)
        lr = resize(hr, 1 / scale)
        return (round_to_uint8(lr) if self.lr_uint8 else lr), hr

    def reference(self, hr: Tensor) -> Tensor:
        """The original in the space the protocol works in: Y (rounded, if the protocol says so) or as it is."""
        if self.space == "rgb" or hr.shape[-3] == 1:
            return hr
        y = rgb_to_y(hr)
        return round_to_uint8(y) if self.y_uint8 else y

    def __call__(self, sr: Tensor, hr: Tensor, scale: int) -> dict[str, float]:
        """Score ``sr`` against ``hr`` (same height and width): ``{"psnr": dB, "ssim": 0..1}``.

        Where the protocol works on Y, an RGB ``sr`` or ``hr`` is converted first.
        """
        checks.integer_scale(scale)
        checks.picture(sr, "sr", channels=(1, 3))
        checks.picture(hr, "hr", channels=(1, 3))
        if self.space == "y":
            sr, hr = rgb_to_y(sr), self.reference(hr)
        crop = (scale if self.crop_scale else 0) + self.crop_extra
        options = {"crop": crop, "channel": self.channel, "rounding": "uint8" if self.sr_uint8 else "none"}
        return {"psnr": psnr(sr, hr, **options), "ssim": ssim(sr, hr, **options)}


_Y = {"space": "y", "channel": "y", "lr_uint8": False}
_RGB = {"space": "rgb", "lr_uint8": True, "y_uint8": False, "sr_uint8": True}

PROTOCOLS = {
    p.name: p
    for p in (
        Protocol(
            "paper_y",
            "networks on luma (SRCNN to LapSRN): rounded Y, float LR, rounded result, crop = scale",
            **_Y,
            y_uint8=True,
            sr_uint8=True,
            crop_scale=True,
        ),
        Protocol(
            "paper_rgb",
            "networks on RGB (EDSR onwards): 8-bit LR, rounded result, then float Y, crop = scale",
            **_RGB,
            channel="y",
            crop_scale=True,
        ),
        Protocol(
            "y_float", "luma, nothing rounded, crop = scale", **_Y, y_uint8=False, sr_uint8=False, crop_scale=True
        ),
        Protocol("y_full", "as paper_y, border kept", **_Y, y_uint8=True, sr_uint8=True, crop_scale=False),
        Protocol("rgb_crop", "all three channels, crop = scale", **_RGB, channel="rgb", crop_scale=True),
        Protocol("rgb_full", "all three channels, border kept", **_RGB, channel="rgb", crop_scale=False),
        Protocol("ntire", "all three channels, crop = scale + 6", **_RGB, channel="rgb", crop_scale=True, crop_extra=6),
    )
}


def protocol(name: str) -> Protocol:
    """The evaluation protocol of that name.

    Raises:
        ValueError: unknown name; the message lists the known ones.
    """
    return PROTOCOLS[checks.choice(name, PROTOCOLS, "protocol")]
