"""Mistakes that run, each made from the right network: the exhibits of the bug museum (``bugs.ALL``).

Each function takes a copy of the right network and returns the broken one; its docstring says what people write, and
after "Hides:" why nobody notices. Where it can, it changes the copy by hooks, so that names and shapes stay those of
the weights file: that is why the mistake loads. The two wrong losses, at the end, take a judge's logits for photos and
for drawn pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import losses, tiling


def before(net: nn.Module, change: Callable[[Tensor], Tensor]) -> nn.Module:
    """Change what a layer or network is given, in place."""
    net.register_forward_pre_hook(lambda _, given: (change(given[0]), *given[1:]))
    return net


def after(net: nn.Module, change: Callable[[Tensor], Tensor]) -> nn.Module:
    """Change what a layer or network gives, in place."""
    net.register_forward_hook(lambda _, __, out: change(out))
    return net


def layers(net: nn.Module, kind: str) -> list[nn.Module]:
    """The layers of a class, called by its name."""
    return [m for m in net.modules() if type(m).__name__ == kind]


# --- broken networks


def zero_padding(net):
    """`nn.Conv2d(1, 64, 9, padding=4)`: black beyond the border. Hides: only a narrow frame is wrong."""
    for conv in layers(net, "Conv2d"):
        conv.padding_mode = "zeros"
    return net


def stretched(net):
    """No `output_padding`, and a resize of 58 pixels to 60. Hides: the size is right again."""
    net.enlarge.output_padding = (0, 0)

    def to_size(out):
        size = [n + net.scale - 1 for n in out.shape[-2:]]
        return F.interpolate(out, size=size, mode="bicubic", align_corners=False)

    return after(net, to_size)


def tanh_at_the_end(net):
    """`torch.tanh(self.shuffle(x))`, for pictures are bounded. Hides: the loss falls, and gray stays nearly gray."""
    return after(net, torch.tanh)


def by_columns(net):
    """Channels put into their square by columns. Hides: shapes agree, and a network trained so does as well."""
    s = net.scale
    before(net.shuffle, lambda x: x.unflatten(1, (s, s)).transpose(1, 2).flatten(1, 2))
    return net


def start_by_width(net):
    """`if m.in_channels == 32: std = 0.001`, to start the last layer small. Hides: it is true for 64-32-9."""
    for conv in layers(net, "Conv2d"):
        nn.init.normal_(conv.weight, std=0.001 if conv.in_channels == 32 else conv.weight[0].numel() ** -0.5)
        nn.init.zeros_(conv.bias)
    return net


def skip_forgotten(net):
    """`return residual`: the sum stood in the training script. Hides: the file loads, and edges are drawn."""
    net.register_forward_hook(lambda _, given, out: out - given[0])
    return net


def mean_subtracted(net):
    """`net(x - 0.5) + 0.5`, a habit from other networks. Hides: in and out cancel where the network does nothing."""
    return after(before(net, lambda x: x - 0.5), lambda out: out + 0.5)


def divided_by_the_sum(net):
    """`sum(w * y) / sum(w)`, for weights ought to add up to 1. Hides: trained weights nearly do."""
    net.register_forward_hook(lambda net, _, out: out / net.weights.sum())
    return net


def norms_lost(net):
    """A port without batch norm, `load_state_dict(file, strict=False)`. Hides: no error, no warning."""
    port = type(net)(net.scale, net.units, net.tail[1].in_channels, norm=False)
    port.load_state_dict(net.state_dict(), strict=False)
    return port.eval()


def skips_after_relu(net):
    """`relu(out) + skip` for `relu(out + skip)`. Hides: brightening still works, only darkening does not."""
    for layer in net.decode[::2]:  # relu(relu(out) + skip) is relu(out) + skip: no skip is negative
        after(layer, torch.relu)
    return net


def one_pixel_off(net):
    """`ConvTranspose2d(..., 3, 2, padding=1, output_padding=1)`. Hides: same shapes, same weights, twice the size."""
    for level in net.levels:
        level.enlarge.padding = level.enlarge.output_padding = (1, 1)
        after(level.enlarge, lambda out: F.pad(out, (0, 1, 0, 1)))  # a row and a column for the level's own cut
    return net


def half_of_the_scale(net):
    """`levels = int(scale / 2)`. Hides: right for x2 and x4, where everybody tests it."""
    other = type(net)(2 ** int(net.scale / 2), net.depth, net.head.out_channels)
    other.load_state_dict(net.state_dict(), strict=False)
    other.scale = net.scale
    return other.eval()


def wrong_units(net):
    """A mean colour for values of 0 to 1, taken from 0 to 255. Hides: it is added again at the end."""
    net.colour.mean = net.colour.mean / 255
    return net


def scaled_residuals(net):
    """`res_scale=0.1`, as in the 256-channel network. Hides: the number stands in no weights file."""
    for block in net.body:
        block.res_scale = 0.1
    return net


def wrong_entrance(net):
    """x4's entrance for x2's. Hides: they have equal shapes, and the right exit gives the right size."""
    net.enter["x2"], net.enter["x4"] = net.enter["x4"], net.enter["x2"]
    return net


def plain_port(net):
    """A port with plain convolutions, given a file of lengths and directions, `strict=False`. Hides: biases load."""
    file = net.state_dict()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for part in list(net.modules()):
            for name, conv in part.named_children():
                if type(conv).__name__ == "ParametrizedConv2d":
                    plain = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding)
                    setattr(part, name, plain)
    net.load_state_dict(file, strict=False)
    return net


def three_blocks(net):
    """Three blocks instead of sixteen. Hides: it trains, and nobody counts its parameters."""
    net.blocks = net.blocks[: max(1, 3 * len(net.blocks) // 16)]  # the course's three become one
    fuse, kept = net.fuse, len(net.blocks) * net.smooth.in_channels
    net.fuse = nn.Conv2d(kept, fuse.out_channels, 1)
    net.fuse.load_state_dict({"weight": fuse.weight[:, :kept], "bias": fuse.bias})
    return net


def left_in_training(net):
    """`net.eval()` forgotten. Hides: the picture looks right; what is lost depends on the picture."""
    for norm in layers(net, "BatchNorm2d"):
        norm.momentum = 0.0  # it measures, but what it remembers stays
    return net.train()


class InTiles(nn.Module):
    """The picture in four tiles with a margin, as for a convolutional network. Hides: no seam is sharp."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.scale, self.space, self.pre_upsampled = net.scale, net.space, net.pre_upsampled

    def forward(self, x: Tensor) -> Tensor:
        side = max(x.shape[-2:]) // 2
        return torch.stack([tiling.upscale(self.net, picture, tile=side, halo=16) for picture in x])


def a_head_a_channel(net):
    """`num_heads=n_feats` for 8 heads. Hides: not a parameter more or less, and not another shape."""
    for attention in layers(net, "Attention"):
        attention.heads = attention.project.in_features
    return net


def mask_forgotten(net):
    """Shifted windows without their mask. Hides: only windows at the border ask strangers."""
    for attention in layers(net, "Attention"):
        attention.register_forward_pre_hook(lambda _, given: (given[0], None))
    return net


def first_stage(net):
    """`restored = net(x)[0]`, where the authors list the last stage first. Hides: stage 1 restores, too."""
    net.register_forward_hook(lambda net, given, _: net.outputs(given[0])[0])
    return net


# --- wrong losses


def sigmoid_twice(real, fake):
    """A sigmoid at the judge's end, and `BCEWithLogitsLoss`. Hides: both losses still fall."""
    return losses.fooling(real.sigmoid(), fake.sigmoid())


def one_by_one(real, fake):
    """Each photo against its own picture, not against the average. Hides: in a batch of one it is the same."""
    return losses.judging(real - fake, fake - real)
