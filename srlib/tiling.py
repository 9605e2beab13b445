"""Enlarge any picture: whole, or tile by tile in bounded memory with the same result.

An output pixel depends on the input around it, as far as the network's receptive field reaches. A tile that is given
that much of its surroundings, the ``halo``, draws its own pixels exactly as the whole picture would; the halo's pixels
are thrown away. One pixel less, and seams appear.

Networks with windows (SwinIR, MobileSR) lay them on a grid, so their tiles begin on it. Networks whose attention
averages over the whole picture (RCAN, SAN, IGNN, MPRNet) have no such halo: their tiles are an approximation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from srlib import checks, devices, images, resize

TILE = 96  # input pixels a side: small enough for the 256 channels of an upsampler, large enough to outweigh its halo
GUESS = 32  # halo where none is large enough: what lies further away hardly changes an average


@torch.no_grad()
def enlarge(model: nn.Module, lr: Tensor, scale: int | None = None) -> Tensor:
    """The whole picture at once: ``(C, h, w)`` to ``(C, scale*h, scale*w)``; bicubic first if the network wants that.

    A network on luma enlarges a colour picture's Y, and bicubic its colours, Cb and Cr (SRCNN, section 4); a network
    on RGB sees a gray picture three times.
    """
    scale = scale or model.scale
    if model.space == "y" and lr.shape[0] == 3:
        ycbcr = images.rgb_to_ycbcr(lr)
        y = enlarge(model, ycbcr[:1], scale)
        cbcr = resize.resize(ycbcr[1:].contiguous(), scale)
        return images.ycbcr_to_rgb(torch.cat([y, cbcr])).clamp(0, 1)
    model.eval()
    gray_in_colour = model.space == "rgb" and lr.shape[0] == 1
    x = lr.expand(3, -1, -1) if gray_in_colour else lr
    x = resize.resize(x, scale) if model.pre_upsampled else x
    sr = model(x[None].to(devices.of(model)))[0].to(lr.device)  # back to where the picture came from
    return sr.mean(0, keepdim=True) if gray_in_colour else sr


def needed_halo(model: nn.Module, colour: bool = True) -> int | None:
    """How many input pixels around a tile decide its output pixels; None if all of the picture do.

    Args:
        model: a network.
        colour: is the picture one of colours? A network on luma leaves them to bicubic, which looks 2 pixels around.
    """
    if model.receptive_field is None:
        return None
    reach = model.receptive_field // 2
    if model.pre_upsampled:  # reach is in enlarged pixels; bicubic then needs two more of the small ones
        reach = 1 - (1 - 2 * reach - model.scale) // (2 * model.scale)
    bicubic = model.space == "y" and colour and model.scale > 1
    return max(reach, 2) if bicubic else reach


def upscale(
    model: nn.Module,
    img: Tensor,
    tile: int | None = TILE,
    halo: int | None = None,
    watch: Callable[[Iterator], Iterator] = iter,
) -> Tensor:
    """Enlarge a picture tile by tile.

    Args:
        model: a network from ``weights.load`` or ``models.create``.
        img: ``(1, H, W)`` or ``(3, H, W)`` in [0, 1].
        tile: side of a tile in input pixels; None for the whole picture at once.
        halo: input pixels around it; None for :func:`needed_halo`, with which the result is that of the whole picture
            (to 2e-6), or 32 where no halo is enough.
        watch: is given the list of tiles and iterates over it, such as ``tqdm``.

    Returns:
        ``(C, scale*H, scale*W)`` on the picture's device, wherever the network is; the network's overshoot is left in.

    Raises:
        ValueError: a picture of a wrong shape or range, or a tile or halo that is no size.
    """
    checks.unit_range(checks.picture(img, channels=(1, 3)), slack=1e-4)
    if img.ndim != 3:
        raise ValueError(f"img is a batch of shape {tuple(img.shape)}. Enlarge one picture, img[0], at a time.")
    scale = model.scale
    sr = img.new_empty(img.shape[0], scale * img.shape[1], scale * img.shape[2])
    for (rows, columns), drawn in tiles(model, img, tile, halo, watch):
        sr[:, rows, columns] = drawn
    return sr


def tiles(
    model: nn.Module,
    img: Tensor,
    tile: int | None = TILE,
    halo: int | None = None,
    watch: Callable[[Iterator], Iterator] = iter,
) -> Iterator[tuple[tuple[slice, slice], Tensor]]:
    """As :func:`upscale`, but one tile after another: its rows and columns in the output, and its pixels."""
    height, width = img.shape[-2:]
    if halo is None:
        halo = needed_halo(model, colour=img.shape[0] == 3)
        halo = GUESS if halo is None else halo
    for name, value, least in (("tile", tile, 1), ("halo", halo, 0)):
        if value is not None and (not isinstance(value, int) or value < least):
            raise ValueError(f"{name}={value!r} must be a whole number of at least {least}.")
    grid, scale = getattr(model, "grid", 1), model.scale
    step = max(height, width) if tile is None else -(-tile // grid) * grid
    margin = -(-halo // grid) * grid
    corners = [(top, left) for top in range(0, height, step) for left in range(0, width, step)]
    for top, left in watch(corners):
        above, before = max(0, top - margin), max(0, left - margin)
        part = img[:, above : top + step + margin, before : left + step + margin]
        tall, broad = min(step, height - top), min(step, width - left)
        down, right = scale * (top - above), scale * (left - before)
        drawn = enlarge(model, part.contiguous())[:, down : down + scale * tall, right : right + scale * broad]
        yield (slice(scale * top, scale * (top + tall)), slice(scale * left, scale * (left + broad))), drawn


class Ensemble(nn.Module):
    """Self-ensemble (EDSR, section 4.3): the mean over all eight flips and turns of the picture, each turned back.

    Eight times the work for 0.1 dB or so, with no training. Stands wherever a network stands.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.scale, self.space, self.pre_upsampled = model.scale, model.space, model.pre_upsampled
        # windows on a grid fall elsewhere on a turned picture: there is no halo that makes tiles exact
        self.receptive_field = None if getattr(model, "grid", 1) > 1 else model.receptive_field

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` as the network takes it; the same as it gives."""
        drawn = []
        for turn in range(4):
            for mirror in (False, True):
                seen = x.rot90(turn, (-2, -1))
                y = self.model(seen.flip(-1) if mirror else seen)
                drawn.append((y.flip(-1) if mirror else y).rot90(-turn, (-2, -1)))
        return torch.stack(drawn).mean(0)
