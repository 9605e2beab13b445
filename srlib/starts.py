"""First weights: as published, as trained before, or such that a network begins as plain interpolation.

A freshly drawn network answers a photo with noise and spends its first thousand steps learning to copy. That is the
published way, and the "full" tier's. For a lesson it is too slow. Here the picture is let through: the network's
``trunk``, the convolutions that lead from its input straight to its output, passes the colours on in its first channels
and enlarges them by a truncated cubic; everything else keeps its drawn weights but hardly touches those channels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from srlib import models, weights
from srlib.recipes import Recipe
from srlib.resize import cubic

FAINT = 0.01  # how much of the drawn weights is left where the picture passes: 0 would be dead under a ReLU

#: Repeated pixels, and then one of these filters, are linear interpolation; with SHARPER before it, bicubic (at x2).
TENTS = {2: [1 / 4, 1 / 2, 1 / 4], 3: [1 / 3, 1 / 3, 1 / 3]}
SHARPER = [-3 / 32, 38 / 32, -3 / 32]


def start(recipe: Recipe) -> nn.Module:
    """The recipe's network with its first weights; the same seed gives the same weights.

    ``recipe.init`` is "network": as the model file has them; "interpolation": the picture is let through (see
    :func:`begin_as_interpolation`); "quiet": the last layer (or those of ``net.draws``) draws nothing yet, so that a
    network that learns a residual starts as its input; "identity": every layer passes its input on (SRCNN); "edges":
    the first layer looks at differences (see :func:`look_at_edges`); "paper": N(0, 0.001) everywhere (SRCNN);
    "trained": the course's own weights of this network, to train them further.

    Raises:
        srlib.weights.WeightsError: "trained", and the course has no such weights.
    """
    if recipe.init == "trained":
        return _trained(recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = models.create(recipe.model, recipe.scale, recipe.variant, recipe.size, **recipe.arguments)
        convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
        if recipe.init == "paper":  # SRCNN, section 3.3
            for m in convolutions:
                nn.init.normal_(m.weight, std=0.001)
                nn.init.zeros_(m.bias)
        elif recipe.init == "interpolation":
            begin_as_interpolation(net)
        elif recipe.init == "quiet":
            last = [path for path, m in net.named_modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)][-1]
            for path in getattr(net, "draws", (last,)):
                for p in net.get_submodule(path).parameters():
                    nn.init.zeros_(p)
        elif recipe.init == "identity":
            for m in convolutions:
                pass_first_channel(m)
        elif recipe.init == "edges":
            look_at_edges(convolutions[0])
    return net


def _trained(recipe: Recipe) -> nn.Module:
    """The weights that the course ships, if they are of the recipe's own network."""
    called = weights.name_of(recipe.to_dict())
    theirs = weights.card(called, recipe.scale)["recipe"]
    for name in ("variant", "size", "arguments"):
        if theirs[name] != getattr(recipe, name):
            raise weights.WeightsError(
                f"The course's weights of {called} x{recipe.scale} have {name}={theirs[name]!r}, but this recipe "
                f"has {getattr(recipe, name)!r}. Give the recipe theirs, or another init."
            )
    return weights.load(called, recipe.scale)


@torch.no_grad()
def begin_as_interpolation(net: nn.Module) -> nn.Module:
    """Let the picture through ``net``, in place.

    Raises:
        ValueError: the network does not say what its trunk is.
    """
    if not getattr(net, "trunk", ()):
        raise ValueError(f"{type(net).__name__} has no trunk to carry the picture. Use init='network'.")
    colours = 1 if net.space == "y" else 3
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.PixelShuffle, nn.Upsample, nn.ReLU, nn.LeakyReLU)
    trunk = [m for path in net.trunk for m in net.get_submodule(path).modules() if isinstance(m, kinds)]
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight[:colours] *= FAINT
        elif hasattr(module, "parametrizations"):  # weight norm (WDSR): its body meets the picture only at its tail
            if module is getattr(net, "tail", None):
                module.parametrizations.weight.original0 *= FAINT
        elif isinstance(module, nn.Conv2d) and module not in trunk:
            module.weight[:colours] *= FAINT
            if module.bias is not None:
                module.bias[:colours] = 0
    layers = [i for i, m in enumerate(trunk) if hasattr(m, "weight")]
    for i in layers:
        before, after = trunk[i - 1] if i else None, trunk[i + 1] if i + 1 < len(trunk) else None
        if isinstance(trunk[i], nn.ConvTranspose2d):
            _spread(trunk[i])
        elif isinstance(after, nn.PixelShuffle):
            step = after.upscale_factor
            _carry(trunk[i], colours, [taps(n, step, trunk[i].kernel_size[0]) for n in range(step)])
        elif isinstance(before, nn.Upsample):
            _carry(trunk[i], colours, [torch.tensor(TENTS[int(before.scale_factor)])])
        elif i == 0 and any(isinstance(m, nn.Upsample) for m in trunk):
            _carry(trunk[i], colours, [torch.tensor(SHARPER)])
        else:
            _carry(trunk[i], colours, [taps(0, 1, trunk[i].kernel_size[0])])
    _lift(net, trunk, colours)
    trunk[layers[-1]].weight[...] /= getattr(net, "arrivals", 1)
    return net


def _carry(conv: nn.Conv2d, colours: int, lines: list[Tensor]) -> None:
    """Pass the colours on, each through the filters that the pairs of ``lines`` make, one output channel each."""
    step = len(lines)
    weight = conv.weight.clone()  # a copy: under weight norm it is computed anew each time
    weight[: colours * step**2] *= FAINT
    for colour in range(colours):
        for i, j in np.ndindex(step, step):
            weight[(colour * step + i) * step + j, colour] += torch.outer(lines[i], lines[j])
    if hasattr(conv, "parametrizations"):
        conv.weight = weight  # torch works out length and direction
    else:
        conv.weight.copy_(weight)
    conv.bias[: colours * step**2] = 0


def _spread(layer: nn.ConvTranspose2d) -> None:
    """Enlarge one channel by a cubic."""
    layer.weight *= FAINT
    layer.weight[0, 0] = spread(layer.stride[0], layer.kernel_size[0], layer.padding[0])
    layer.bias.zero_()


def _lift(net: nn.Module, trunk: list[nn.Module], colours: int) -> None:
    """Where the picture's mean was taken away, a ReLU would cut its dark half off: lift it there, and drop it last."""
    lift = getattr(net, "lift", 0.0)
    gates = [i for i, m in enumerate(trunk) if isinstance(m, nn.ReLU | nn.LeakyReLU)]
    if lift and gates:
        trunk[gates[0] - 1].bias[:colours] += lift
        trunk[-1].bias -= lift


def taps(pixel: int, step: int, count: int) -> Tensor:
    """Weights of the ``count`` LR samples around LR pixel 0 in its large pixel ``pixel`` of ``step``.

    >>> taps(0, 1, 3)
    tensor([0., 1., 0.])
    """
    offset = (pixel + 0.5) / step - 0.5
    weights = cubic(offset - np.arange(count) + count // 2)
    return torch.tensor(weights / weights.sum(), dtype=torch.get_default_dtype())


def spread(stride: int, size: int, padding: int) -> Tensor:
    """The filter ``(size, size)`` of a deconvolution that enlarges by a truncated cubic.

    LR pixel 0 lies in the middle of its own ``stride`` output pixels, which start at filter position ``padding``.
    """
    position = np.arange(size)
    weights = cubic((position - padding - (stride - 1) / 2) / stride)
    for phase in range(stride):  # each output pixel is a mean: its weights sum to 1
        weights[phase::stride] /= weights[phase::stride].sum()
    line = torch.tensor(weights, dtype=torch.get_default_dtype())
    return torch.outer(line, line)


@torch.no_grad()
def pass_first_channel(m: nn.Conv2d) -> None:
    """Let channel 0 through unchanged and the others into it only faintly: the whole net starts as its input."""
    m.weight[0] *= 0.01 if m.out_channels > 1 else 0.1
    m.weight[0, 0, m.kernel_size[0] // 2, m.kernel_size[1] // 2] += 1
    m.bias.zero_()


@torch.no_grad()
def look_at_edges(m: nn.Conv2d, spread: float = 0.6) -> None:
    """Let seven of eight filters begin as differences, whatever the brightness, and the rest see a little of that.

    Behind a tanh (ESPCN) the usual start is a straight line: small weights, times a brightness that hardly varies. A
    filter that sums to zero answers to edges alone, and with ``spread`` as its weights' deviation a neighbourhood that
    varies by a fifth of the range gives sums of ``spread``, where tanh bends.
    """
    nn.init.normal_(m.weight, std=spread)
    edges = m.out_channels * 7 // 8
    m.weight[:edges] -= m.weight[:edges].mean((2, 3), keepdim=True)
    m.weight[edges:] *= 0.1 / spread
    nn.init.zeros_(m.bias)
