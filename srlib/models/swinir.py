"""SwinIR: residual groups as in RCAN, but pixels look at each other, in windows that shift from layer to layer.

J. Liang, J. Cao, G. Sun, K. Zhang, L. Van Gool, R. Timofte, "SwinIR: Image Restoration Using Swin Transformer", ICCV
workshops 2021 (arXiv:2108.10257). The authors' code: https://github.com/JingyunLiang/SwinIR

- Followed: sections 3.1 and 3.2 and the authors' network file. `light`: 4 groups of 6 layers, 60 channels, the picture
  drawn by one convolution and a shuffle. `classical`: 6 groups, 180 channels, EDSR's upsampler at 64 channels. `real`:
  as classical, but enlarged by repeating pixels, for photos with unknown damage. 8 x 8 windows, 6 heads throughout.
- Counts: the paper's 878K, 886K, 897K parameters of `light` leave out the 32,400 numbers of the position tables. Its
  195.6, 87.2, 49.6 G multiply-adds are near our 198.4, 90.1, 51.9 without the products of attention, which add a fifth.
- In the code and not in the paper: layer norms after the first convolution and before the body's last; while training,
  whole branches dropped at random (up to a tenth; "no impact" says a comment there), which is left out here.
- Any size: the picture is mirrored to whole windows, and the result cropped, as in the network file. The authors' test
  script mirrors before that, repeating the edge pixel, and adds a window even where none is missing, so that a border
  of their published pictures differs a little. A picture too small for one reflection (7 pixels to add to 3) is
  reflected again and again, where the authors' code stops with an error.
- The authors' file draws `real` at x4 only. Here x2 doubles once and x3 triples once.
- Range: [0, 1] less DIV2K's mean colour, not 0 to 255 as in EDSR's descendants.
- A pixel sees a square of finite size, for the windows pass news on by 4 pixels a layer. But they lie on a grid: a
  picture moved by what is no multiple of 8 gives a slightly different result, and so do tiles that begin elsewhere.
- `course`: 2 groups of 2 layers, 36 channels, 24 in the upsampler.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import DIV2K_MEAN, Upsampler, mirrored, octaves, upsampler_reach


def windows(x: Tensor, side: int) -> Tensor:
    """Cut ``(N, H, W, C)`` into ``(N, windows, side * side, C)``, row by row."""
    return rearrange(x, "n (h a) (w b) c -> n (h w) (a b) c", a=side, b=side)


def from_windows(x: Tensor, side: int, height: int) -> Tensor:
    """Undo :func:`windows`."""
    return rearrange(x, "n (h w) (a b) c -> n (h a) (w b) c", a=side, h=height // side)


def seams(height: int, width: int, side: int, shift: int, like: Tensor) -> Tensor:
    """What is added to attention in shifted windows: ``(windows, 1, side * side, side * side)`` of 0 and -100.

    A picture rolled by ``shift`` brings its first rows and columns to its end. Windows there hold pixels from opposite
    borders, and -100 (a factor of 4e-44 after the softmax) keeps them from looking at each other.
    """
    rows = torch.arange(height, device=like.device) >= height - shift
    columns = torch.arange(width, device=like.device) >= width - shift
    corner = 2 * rows[:, None].int() + columns[None].int()  # 0 inside; 1 left, 2 top, 3 both: which border it came from
    corner = windows(corner[None, :, :, None], side)[0, ..., 0]  # (windows, side * side)
    return -100 * (corner[:, None, :, None] != corner[:, None, None, :]).to(like.dtype)


class Attention(nn.Module):
    """Every pixel of a window asks all others (multi-head self-attention): ``(N, windows, L, C)`` to the same.

    softmax(q k^T / sqrt(d) + B) v, where B holds for each head a number for every relative position (section 3.2).
    """

    def __init__(self, features: int, heads: int, side: int) -> None:
        super().__init__()
        self.heads = heads
        self.bias = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        self.qkv = nn.Linear(features, 3 * features)
        self.project = nn.Linear(features, features)
        self.register_buffer("position", self.relative_positions(side), persistent=False)

    @staticmethod
    def relative_positions(side: int) -> Tensor:
        """``(L, L)``: for asking pixel i and asked pixel j, the row of the table for their difference in position."""
        row, column = torch.arange(side**2) // side, torch.arange(side**2) % side
        down, right = row[:, None] - row[None], column[:, None] - column[None]  # -(side - 1) ... side - 1
        return (down + side - 1) * (2 * side - 1) + right + side - 1

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = rearrange(self.qkv(x), "n w l (three heads d) -> three n w heads l d", three=3, heads=self.heads)
        logits = q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1) + self.bias[self.position].permute(2, 0, 1)
        if mask is not None:
            logits = logits + mask
        return self.project(rearrange(logits.softmax(-1) @ v, "n w heads l d -> n w l (heads d)"))


class Layer(nn.Module):
    """Swin Transformer layer (section 3.2): attention in windows, then an MLP at every pixel; ``(N, H, W, C)``."""

    def __init__(self, features: int, heads: int, side: int, shift: int) -> None:
        super().__init__()
        self.side, self.shift = side, shift
        self.norm1 = nn.LayerNorm(features)
        self.attention = Attention(features, heads, side)
        self.norm2 = nn.LayerNorm(features)
        self.mlp = nn.Sequential(nn.Linear(features, 2 * features), nn.GELU(), nn.Linear(2 * features, features))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = self.norm1(x)
        if self.shift:
            y = y.roll((-self.shift, -self.shift), (1, 2))
        y = self.attention(windows(y, self.side), mask if self.shift else None)
        y = from_windows(y, self.side, x.shape[1])
        if self.shift:
            y = y.roll((self.shift, self.shift), (1, 2))
        x = x + y
        return x + self.mlp(self.norm2(x))


class Group(nn.Module):
    """Residual Swin Transformer block (section 3.2): layers, every second one shifted, a convolution, and a skip."""

    def __init__(self, features: int, heads: int, side: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(features, heads, side, side // 2 * (i % 2)) for i in range(layers))
        self.join = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = x
        for layer in self.layers:
            y = layer(y, mask)
        return x + self.join(y.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class Direct(nn.Module):
    """`light`: one convolution whose channels become pixels. Features to ``(N, 3, scale*H, scale*W)``, like all."""

    def __init__(self, features: int, scale: int, width: int) -> None:
        super().__init__()
        self.draw = nn.Conv2d(features, 3 * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)
        self.reach = 1

    def forward(self, x: Tensor) -> Tensor:
        return self.shuffle(self.draw(x))


class Shuffle(nn.Module):
    """`classical`: fewer channels, EDSR's upsampler, and a last convolution on the large grid."""

    def __init__(self, features: int, scale: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(features, width, 3, padding=1), nn.LeakyReLU(0.01))
        self.upsample = Upsampler(width, scale)
        self.draw = nn.Conv2d(width, 3, 3, padding=1)
        self.reach = 1 + upsampler_reach(scale, tail=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.draw(self.upsample(self.enter(x)))


class Nearest(nn.Module):
    """`real`: pixels repeated and convolved (twice for x4), which prints no grid on the picture as shuffling can."""

    def __init__(self, features: int, scale: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(features, width, 3, padding=1), nn.LeakyReLU(0.01))
        layers: list[nn.Module] = []
        for step in octaves(scale):
            layers += [nn.Upsample(scale_factor=step), nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2)]
        self.upsample = nn.Sequential(*layers)
        self.refine = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2))
        self.draw = nn.Conv2d(width, 3, 3, padding=1)
        first, last = -2, scale - 1 + 2  # seen by one input pixel's output pixels through the last two convolutions
        for step in reversed(octaves(scale)):
            first, last = (first - 1) // step, (last + 1) // step
        self.reach = 1 + max(-first, last)

    def forward(self, x: Tensor) -> Tensor:
        return self.draw(self.refine(self.upsample(self.enter(x))))


TAILS = {"direct": Direct, "shuffle": Shuffle, "nearest": Nearest}


class SwinIR(nn.Module):
    """SwinIR: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1]; any size.

    Args:
        scale: 2, 3 or 4.
        groups: residual groups.
        layers: transformer layers in each group; every second one shifts its windows.
        features: channels, shared out among the heads.
        heads: heads of the attention.
        window: side of a window, pixels.
        tail: how the picture is drawn: "direct", "shuffle" or "nearest".
        width: channels of the tail ("direct" has none).
    """

    title = "SwinIR: Image Restoration Using Swin Transformer, 2021"
    ancestor = "RCAN (2018): its residual groups, with self-attention in shifted windows for the convolutions"
    code = "https://github.com/JingyunLiang/SwinIR"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {
        "light": {"groups": 4, "features": 60, "tail": "direct"},
        "classical": {"groups": 6, "features": 180, "tail": "shuffle"},
        "real": {"groups": 6, "features": 180, "tail": "nearest"},
    }
    trunk = ("head", "tail")
    lift = 0.5
    course = {"groups": 2, "layers": 2, "features": 36, "width": 24}

    def __init__(
        self,
        scale: int = 2,
        groups: int = 4,
        layers: int = 6,
        features: int = 60,
        heads: int = 6,
        window: int = 8,
        tail: str = "direct",
        width: int = 64,
    ) -> None:
        super().__init__()
        checks.choice(tail, TAILS, "tail")
        if features % heads:
            raise ValueError(f"features={features} cannot be shared out among heads={heads}. Use a multiple of it.")
        if window < 2:
            raise ValueError(f"window={window} leaves a pixel nobody to look at. Use 2 or more.")
        self.scale, self.window, self.grid = scale, window, window
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN).view(3, 1, 1), persistent=False)
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.head_norm = nn.LayerNorm(features)
        self.groups = nn.ModuleList(Group(features, heads, window, layers) for _ in range(groups))
        self.norm = nn.LayerNorm(features)
        self.join = nn.Conv2d(features, features, 3, padding=1)
        self.tail = TAILS[tail](features, scale, width)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
            elif isinstance(module, Attention):
                nn.init.trunc_normal_(module.bias, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        if x.ndim == 3:
            return self(x[None])[0]
        height, width = x.shape[-2:]
        x = self.head(mirrored(x, self.window) - self.mean)
        mask = seams(*x.shape[-2:], self.window, self.window // 2, like=x)
        y = self.head_norm(x.permute(0, 2, 3, 1))  # (N, H, W, C) for the transformer layers
        for group in self.groups:
            y = group(y, mask)
        x = x + self.join(self.norm(y).permute(0, 3, 1, 2))
        return (self.tail(x) + self.mean)[..., : self.scale * height, : self.scale * width]

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        """The largest there is: how much an output pixel sees depends on its place in the window."""
        reach = 0
        for start in range(self.window):
            first, last = start - self.tail.reach - 1, start + self.tail.reach + 1  # through the tail and the join
            for group in reversed(self.groups):
                first, last = first - 1, last + 1  # the group's convolution
                for layer in reversed(group.layers):  # all of every window that it touches
                    first = (first - layer.shift) // layer.side * layer.side + layer.shift
                    last = (last - layer.shift) // layer.side * layer.side + layer.shift + layer.side - 1
            reach = max(reach, start - first + 1, last - start + 1)  # and the head
        return 2 * reach + 1
