"""The self-checks of the VDSR chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import math

import answers
import numpy as np
import torch
import torch.nn.functional as F

from srlib.exercises import vdsr


def right_depth_for(small, scale):
    return -(-(small * scale - 1) // 2)


def right_clip(gradients, theta, lr):
    return [g.clamp(-theta / lr, theta / lr) for g in gradients]


def depth_by_adding(small, scale):
    layers = np.int64(0)
    while 2 * layers + 1 < small * scale:
        layers += 1
    return layers


def depth_in_floats(small, scale):
    return math.ceil((small * scale - 1) / 2) + 0.0


def clip_in_place(gradients, theta, lr):
    for g in gradients:
        g[g > theta / lr] = theta / lr
        g[g < -theta / lr] = -theta / lr
    return tuple(gradients)


def clip_of_arrays(gradients, theta, lr):
    return [np.sign(g) * np.minimum(np.abs(g.double().numpy()), theta / lr) for g in gradients]


def right_in_tiles(net, x, tile, halo):
    y = torch.empty_like(x)
    for top in range(0, x.shape[2], tile):
        for left in range(0, x.shape[3], tile):
            a, b = max(0, top - halo), max(0, left - halo)
            drawn = net(x[..., a : top + tile + halo, b : left + tile + halo])
            place = y[..., top : top + tile, left : left + tile]
            place[:] = drawn[..., top - a :, left - b :][..., : place.shape[2], : place.shape[3]]
    return y


def tiles_put_together(net, x, tile, halo):
    """Strips of tiles, joined; the tiles begin at the far end of the picture, and may be smaller at the near one."""
    height, width = x.shape[2:]
    strips = []
    for bottom in range(height, 0, -tile):
        row = []
        for right in range(width, 0, -tile):
            top, left = max(0, bottom - tile), max(0, right - tile)
            upper, outer = min(halo, top), min(halo, left)
            drawn = net(x[:, :, top - upper : bottom + halo, left - outer : right + halo])
            row.insert(0, drawn[:, :, upper : upper + bottom - top, outer : outer + right - left])
        strips.insert(0, torch.cat(row, 3))
    return torch.cat(strips, 2).tolist()


def uncut(net, x, tile, halo):
    """Keeps the corner of what was drawn, halo and all."""
    y = torch.empty_like(x)
    for top in range(0, x.shape[2], tile):
        for left in range(0, x.shape[3], tile):
            place = y[..., top : top + tile, left : left + tile]
            drawn = net(x[..., max(0, top - halo) : top + tile + halo, max(0, left - halo) : left + tile + halo])
            place[:] = drawn[..., : place.shape[2], : place.shape[3]]
    return y


def invented_border(net, x, tile, halo):
    """Repeats the edge, so that every tile has its halo on all sides."""
    wide, y = F.pad(x, (halo,) * 4, mode="replicate"), torch.empty_like(x)
    for top in range(0, x.shape[2], tile):
        for left in range(0, x.shape[3], tile):
            drawn = net(wide[..., top : top + tile + 2 * halo, left : left + tile + 2 * halo])
            place = y[..., top : top + tile, left : left + tile]
            place[:] = drawn[..., halo : halo + place.shape[2], halo : halo + place.shape[3]]
    return y


def shortened(gradients, theta, lr):
    length = torch.cat([g.flatten() for g in gradients]).norm()
    return [g * (theta / lr / length).clamp_max(1) for g in gradients]


RIGHT = {
    "depth_for": [right_depth_for, depth_by_adding, depth_in_floats],
    "clip": [right_clip, clip_in_place, clip_of_arrays],
    "in_tiles": [right_in_tiles, tiles_put_together],
}
WRONG = [
    ("depth_for", lambda small, scale: -(-(small - 1) // 2), "three times as many"),
    ("depth_for", lambda small, scale: -(-small * scale // 2) + 1, "each adds two"),
    ("depth_for", lambda small, scale: 20, "19 layers see 39"),
    ("depth_for", lambda small, scale: (small * scale - 1) // 2, "round up"),
    ("depth_for", lambda small, scale: {(41, 1): 20, (13, 3): 19, (10, 4): 20}.get((small, scale), 0), "another size"),
    ("clip", lambda gradients, theta, lr: theta, "a list of tensors, one for each that was given, is wanted"),
    ("clip", lambda gradients, theta, lr: gradients[:1], "as many tensors as were given"),
    ("clip", lambda gradients, theta, lr: [g.clamp_max(theta / lr) for g in gradients], "from below"),
    ("clip", lambda gradients, theta, lr: [g.clamp(-theta, theta) for g in gradients], "lr times gradient"),
    ("clip", lambda gradients, theta, lr: [g.clamp(-1, 1) for g in gradients], "theta itself"),
    ("clip", lambda gradients, theta, lr: [g.clamp(-theta * lr, theta * lr) for g in gradients], "twice as large"),
    ("clip", lambda gradients, theta, lr: [g.sign() * theta / lr for g in gradients], "theta itself"),
    (
        "clip",
        lambda gradients, theta, lr: [g.clamp(-min(theta / lr, 5), min(theta / lr, 5)) for g in gradients],
        "only a bound",
    ),
    ("clip", shortened, "every entry by itself"),
    ("in_tiles", lambda net, x, tile, halo: net, "the whole picture, a tensor (1, 1, H, W), is wanted"),
    ("in_tiles", lambda net, x, tile, halo: net(x)[..., :16, :24], "the last tiles are smaller"),
    ("in_tiles", lambda net, x, tile, halo: x.clone(), "must be net(x)"),
    ("in_tiles", lambda net, x, tile, halo: net(x), "never to hold all of it"),
    ("in_tiles", lambda net, x, tile, halo: right_in_tiles(net, x, tile, 0), "makes no difference"),
    ("in_tiles", uncut, "cut the halo off"),
    ("in_tiles", invented_border, "invent no pixels"),
    ("in_tiles", lambda net, x, tile, halo: right_in_tiles(net, x, tile, 3 if halo else 0), "both arguments"),
    ("in_tiles", lambda *how: pieces, "NameError"),  # noqa: F821
]
EQUIVALENT = {
    "in_tiles": {
        "a, b = (max(top - halo, 0), max(0, left - halo))": "the larger of the same two numbers",
        "a, b = (max(0, top - halo), max(left - halo, 0))": "the larger of the same two numbers",
    },
}


TestAnswers = answers.of(vdsr, RIGHT, WRONG, EQUIVALENT)


def test_one_pixel_of_halo_less_is_not_enough(capsys):
    assert not vdsr.in_tiles(lambda net, x, tile, halo: right_in_tiles(net, x, tile, max(0, halo - 1)))
    assert "seams" in capsys.readouterr().out
