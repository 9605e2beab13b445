"""MobileSR: window attention and MobileNet's cheap convolutions take turns; small enough for a telephone.

L. Sun, J. Pan (team NJUST_ESR), in Y. Li et al., "NTIRE 2022 Challenge on Efficient Super-Resolution: Methods and
Results", CVPR workshops 2022 (arXiv:2205.05675). The authors' code: https://github.com/sunny2109/MobileSR-NTIRE2022,
and again, with their weights, in https://github.com/ofsoundof/NTIRE2022_ESR (team 20).

- Followed: the code, for the report has only a paragraph. 5 pairs of a transformer and a residual block on 40 channels;
  they widen 4, 2, 2, 2, 4 times inside. Windows of 8 x 8 do not shift: news crosses from window to window in the
  depthwise convolutions, which also tell a pixel where it is (there is no table of positions).
- Any size: the last windows are filled up with zeros after the layer norm, so that attention there looks at empty
  pixels too. This is unlike SwinIR's mirrored borders, and part of what the authors' weights have learned.
- Two mistakes of widely copied versions, which load the authors' weights without complaint: as many heads as channels
  (there are 8, of 5 channels each; 40 heads of 1 lose 2 dB), and the body run twice (17 dB are left).
- The authors' table says 8.73 G multiply-adds at 256 x 256; the convolutions alone need 8.57 G, the linear layers
  5.03 G, the products of attention 1.68 G. The code doubles twice for x4; x2 and x3, which it does in one step, were
  never published.
- `course`: 3 pairs that widen twice, 24 channels, 4 heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import octaves


class Attention(nn.Module):
    """Multi-head self-attention among a window's pixels: ``(windows, L, C)`` to the same; SwinIR's without biases."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(features, 3 * features, bias=False)
        self.project = nn.Linear(features, features)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = rearrange(self.qkv(x), "w l (three heads d) -> three w heads l d", three=3, heads=self.heads)
        asked = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
        return self.project(rearrange(asked @ v, "w heads l d -> w l (heads d)"))


class Transformer(nn.Module):
    """A place for every pixel, attention in windows, then an MLP at every pixel: ``(N, C, H, W)`` to the same."""

    def __init__(self, features: int, heads: int, side: int, ratio: int) -> None:
        super().__init__()
        self.side = side
        self.place = nn.Conv2d(features, features, 3, padding=1, groups=features)
        self.norm1 = nn.LayerNorm(features)
        self.attention = Attention(features, heads)
        self.norm2 = nn.LayerNorm(features)
        wide = ratio * features
        self.mlp = nn.Sequential(nn.Linear(features, wide), nn.GELU(), nn.Linear(wide, features))

    def forward(self, x: Tensor) -> Tensor:
        x = (x + self.place(x)).permute(0, 2, 3, 1)  # (N, H, W, C)
        x = x + self.attend(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x.permute(0, 3, 1, 2)

    def attend(self, x: Tensor) -> Tensor:
        """``(N, H, W, C)`` to the same, by way of whole windows."""
        side, (height, width) = self.side, x.shape[1:3]
        down = (height + side - 1) // side  # windows that cover it; -(-h // side) would be exported to ONNX wrongly
        across = (width + side - 1) // side
        x = F.pad(x, (0, 0, 0, across * side - width, 0, down * side - height))
        x = self.attention(rearrange(x, "n (h a) (w b) c -> (n h w) (a b) c", a=side, b=side))
        x = rearrange(x, "(n h w) (a b) c -> n (h a) (w b) c", h=down, w=across, a=side)
        return x[:, :height, :width]


class ResBlock(nn.Module):
    """MobileNet's inverted residual: widen, convolve every channel alone, narrow; add; ``(N, C, H, W)`` to the same."""

    def __init__(self, features: int, ratio: int) -> None:
        super().__init__()
        wide = ratio * features
        self.widen = nn.Conv2d(features, wide, 1)
        self.depthwise = nn.Conv2d(wide, wide, 3, padding=1, groups=wide)
        self.narrow = nn.Conv2d(wide, features, 1)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(self.act(self.depthwise(self.act(self.widen(x)))))


class MobileSR(nn.Module):
    """MobileSR: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1]; any size.

    Args:
        scale: 2, 3 or 4; the authors publish 4.
        features: channels, shared out among the heads.
        heads: heads of the attention.
        ratios: one pair of transformer and residual block for each, and how many times as many channels it has inside.
        window: side of a window, pixels.
    """

    title = "NTIRE 2022 Challenge on Efficient Super-Resolution: Methods and Results (team NJUST_ESR), 2022"
    ancestor = "SwinIR (2021): windows that stay, depthwise convolutions to cross them, a fifth of the parameters"
    code = "https://github.com/sunny2109/MobileSR-NTIRE2022"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {"40": {"features": 40}}
    course = {"features": 24, "heads": 4, "ratios": (2, 2, 2)}

    def __init__(
        self,
        scale: int = 4,
        features: int = 40,
        heads: int = 8,
        ratios: tuple[int, ...] = (4, 2, 2, 2, 4),
        window: int = 8,
    ) -> None:
        super().__init__()
        if features % heads:
            raise ValueError(f"features={features} cannot be shared out among heads={heads}. Use a multiple of it.")
        self.scale, self.window, self.grid = scale, window, window
        self.head = nn.Conv2d(3, features, 3, padding=1)
        pairs = [(Transformer(features, heads, window, ratio), ResBlock(features, ratio)) for ratio in ratios]
        self.body = nn.Sequential(*[block for pair in pairs for block in pair])
        self.fuse = nn.Conv2d(2 * features, features, 3, padding=1)
        layers: list[nn.Module] = []
        for step in octaves(scale):
            layers += [nn.Conv2d(features, features * step**2, 1), nn.PixelShuffle(step)]
        self.upsample = nn.Sequential(*layers)
        self.act = nn.LeakyReLU(0.2)
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        if x.ndim == 3:
            return self(x[None])[0]
        enlarged = F.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)
        y = self.head(x)
        y = self.fuse(torch.cat([y, self.body(y)], 1))
        return enlarged + self.tail(self.act(self.upsample(y)))

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        """The largest there is: how much an output pixel sees depends on its place in the window."""
        reach = 0
        for start in range(self.window):
            first, last = start - 2, start + 2  # through the tail, which on the large grid leaves the pixel, and fuse
            for _ in range(len(self.body) // 2):
                first, last = first - 1, last + 1  # the residual block's depthwise convolution
                first = first // self.window * self.window  # all of every window that it touches
                last = last // self.window * self.window + self.window - 1
                first, last = first - 1, last + 1  # the convolution that gives a place
            reach = max(reach, start - first + 1, last - start + 1)  # and the head
        return 2 * reach + 1
