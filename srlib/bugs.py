"""The museum's inventory: mistakes that run, each made from the right network or the right measurement.

:data:`ALL`, at the end, is a plain list of them, with the chapter that tells each one's story. ``make`` is the mistake
itself; its docstring says what people write, and after "Hides:" why nobody notices. There are four kinds of it:

- "network": takes a copy of the right network and returns the broken one. Where it can, it changes the copy by hooks,
  so that names and shapes stay those of the weights file: that is why the mistake loads.
- "start": changes only the first weights; what it costs shows in a training.
- "judge": the network is right, and what is done before or after it is wrong.
- "loss": takes a judge's logits for photos and for drawn pictures; ``instead`` is the right loss.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import checks, images, losses, metrics, models, resize, tiling, weights
from srlib.sampling import pair


class Trial(NamedTuple):
    """A photo enlarged and judged: what was drawn, what it was compared with, and the PSNR that was claimed."""

    sr: Tensor
    reference: Tensor
    db: float


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


@torch.no_grad()
def trial(net: nn.Module, photo: Tensor) -> Trial:
    """A photo, shrunk (or made noisy, for a network that restores), enlarged and judged as it should be."""
    x, y = pair(photo, net.scale, net.space, net.pre_upsampled, {"noise": 25} if net.scale == 1 else {})
    return judged(net(x[None])[0], y)


def judged(sr: Tensor, y: Tensor, crop: int = 4, db: float | None = None) -> Trial:
    """A trial from two pictures, on luma; the border left out is one for all scales."""
    sr = sr.clamp(0, 1)
    return Trial(sr, y, metrics.psnr(sr, y, crop=crop) if db is None else db)


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


# --- wrong losses


def sigmoid_twice(real, fake):
    """A sigmoid at the judge's end, and `BCEWithLogitsLoss`. Hides: both losses still fall."""
    return losses.fooling(real.sigmoid(), fake.sigmoid())


def one_by_one(real, fake):
    """Each photo against its own picture, not against the average. Hides: in a batch of one it is the same."""
    return losses.judging(real - fake, fake - real)


ALL = (
    Bug("no antialiasing", "problem", "sprint", 4, "judge", aliased),
    Bug("another bicubic", "interpolation", "vdsr", 2, "judge", other_bicubic),
    Bug("against its own input", "judging", "srcnn", 2, "judge", own_input, "either"),
    Bug("full-swing luma", "judging", "sprint", 2, "judge", full_swing),
    Bug("subtracted in 8 bits", "judging", "fsrcnn", 3, "judge", in_8_bits, "up"),
    Bug("border kept", "judging", "fsrcnn", 4, "judge", border_kept, "either"),
    Bug("rounded down", "judging", "espcn", 2, "judge", truncated, "either"),
    Bug("zero padding", "srcnn", "srcnn", 2, "network", zero_padding),
    Bug("stretched to size", "fsrcnn", "fsrcnn", 3, "network", stretched),
    Bug("tanh at the end", "espcn", "espcn", 3, "network", tanh_at_the_end),
    Bug("shuffled by columns", "espcn", "espcn", 3, "network", by_columns),
    Bug("last layer by its width", "espcn", "espcn", 3, "start", start_by_width),
    Bug("skip forgotten", "vdsr", "vdsr", 2, "network", skip_forgotten),
    Bug("mean subtracted", "vdsr", "vdsr", 2, "network", mean_subtracted),
    Bug("divided by the sum", "drcn", "drcn", 2, "network", divided_by_the_sum, "either"),
    Bug("norms lost in the port", "drcn", "drrn", 2, "network", norms_lost),
    Bug("skips after the ReLU", "red", "red", 2, "network", skips_after_relu),
    Bug("one pixel off", "lapsrn", "lapsrn", 4, "network", one_pixel_off),
    Bug("half of the scale", "lapsrn", "lapsrn", 8, "network", half_of_the_scale),
    Bug("mean in wrong units", "edsr", "edsr", 2, "network", wrong_units),
    Bug("res_scale of the big one", "edsr", "edsr", 2, "network", scaled_residuals),
    Bug("blue, green, red", "edsr", "edsr", 2, "judge", colours_swapped, "either"),
    Bug("the wrong entrance", "edsr", "mdsr", 2, "network", wrong_entrance),
    Bug("lengths and directions", "wdsr", "wdsr", 2, "network", plain_port),
    Bug("three blocks for sixteen", "wdsr", "rdn", 2, "network", three_blocks),
    Bug("attention in tiles", "rcan", "rcan", 2, "network", InTiles, "either"),
    Bug("left in training mode", "srgan", "srresnet", 4, "network", left_in_training, "either"),
    Bug("sigmoid twice", "srgan", "srgan", 4, "loss", sigmoid_twice, instead=losses.fooling),
    Bug("one by one", "esrgan", "esrgan", 4, "loss", one_by_one, instead=losses.relativistic_judging),
    Bug("mask forgotten", "swinir", "swinir", 2, "network", mask_forgotten, "either"),
    Bug("a head for each channel", "mobilesr", "mobilesr", 4, "network", a_head_a_channel),
    Bug("the first stage", "mprnet", "mprnet", 1, "network", first_stage, "either", variant="denoise"),
)  #: in the order of the book


def get(name: str) -> Bug:
    """The exhibit of that name.

    Raises:
        ValueError: there is none; the message lists them.
    """
    return {bug.name: bug for bug in ALL}[checks.choice(name, [bug.name for bug in ALL], "bug")]
