"""The self-checks of the VDSR chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import torch
import torch.nn.functional as F

from srlib.exercises import vdsr


def right_depth_for(small, scale):
    return -(-(small * scale - 1) // 2)


def right_clip(gradients, theta, lr):
    return [g.clamp(-theta / lr, theta / lr) for g in gradients]


def right_in_tiles(net, x, tile, halo, cut=True):
    y = torch.empty_like(x)
    for top in range(0, x.shape[2], tile):
        for left in range(0, x.shape[3], tile):
            a, b = max(0, top - halo), max(0, left - halo)
            drawn = net(x[..., a : top + tile + halo, b : left + tile + halo])
            place = y[..., top : top + tile, left : left + tile]
            i, j = (top - a, left - b) if cut else (0, 0)
            place[:] = drawn[..., i : i + place.shape[2], j : j + place.shape[3]]
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


RIGHT = {"depth_for": right_depth_for, "clip": right_clip, "in_tiles": right_in_tiles}
WRONG = [
    ("depth_for", lambda small, scale: -(-(small - 1) // 2), "three times as many"),
    ("depth_for", lambda small, scale: -(-small * scale // 2) + 1, "each adds two"),
    ("depth_for", lambda small, scale: 20, "19 layers see 39"),
    ("depth_for", lambda small, scale: (small * scale - 1) // 2, "round up"),
    ("depth_for", lambda small, scale: float(right_depth_for(small, scale)), "an int"),
    ("depth_for", lambda small, scale: {(41, 1): 20, (13, 3): 19, (10, 4): 20}.get((small, scale), 0), "another size"),
    ("clip", lambda gradients, theta, lr: gradients[0], "a list of tensors"),
    ("clip", lambda gradients, theta, lr: [g.clamp_max(theta / lr) for g in gradients], "from below"),
    ("clip", lambda gradients, theta, lr: [g.clamp(-theta, theta) for g in gradients], "lr times gradient"),
    ("clip", lambda gradients, theta, lr: [g.clamp(-1, 1) for g in gradients], "theta itself"),
    ("clip", lambda gradients, theta, lr: [g.clamp(-theta * lr, theta * lr) for g in gradients], "twice as large"),
    ("clip", lambda gradients, theta, lr: [g.sign() * theta / lr for g in gradients], "theta itself"),
    ("clip", shortened, "every entry by itself"),
    ("in_tiles", lambda net, x, tile, halo: x.tolist(), "a tensor"),
    ("in_tiles", lambda net, x, tile, halo: net(x)[..., :16, :24], "the last tiles are smaller"),
    ("in_tiles", lambda net, x, tile, halo: x.clone(), "must be net(x)"),
    ("in_tiles", lambda net, x, tile, halo: net(x), "never to hold all of it"),
    ("in_tiles", lambda net, x, tile, halo: right_in_tiles(net, x, tile, 0), "makes no difference"),
    ("in_tiles", lambda *how: right_in_tiles(*how, cut=False), "cut the halo off"),
    ("in_tiles", invented_border, "invent no pixels"),
    ("in_tiles", lambda *how: pieces, "NameError"),  # noqa: F821
]


TestAnswers = answers.of(vdsr, RIGHT, WRONG)


def test_one_pixel_of_halo_less_is_not_enough(capsys):
    assert not vdsr.in_tiles(lambda net, x, tile, halo: right_in_tiles(net, x, tile, max(0, halo - 1)))
    assert "seams" in capsys.readouterr().out
