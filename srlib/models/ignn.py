"""IGNN: a picture holds its own small details elsewhere, larger; find them, and borrow their pixels.

S. Zhou, J. Zhang, W. Zuo, C. C. Loy, "Cross-Scale Internal Graph Neural Network for Image Super-Resolution", NeurIPS
2020 (arXiv:2006.16673). The authors' code: https://github.com/sczhou/IGNN (needs its own CUDA operation and pyinn).

- Followed: section 3 and the authors' code, in plain torch. EDSR's 32 blocks of 256 channels, and in the middle a
  graph: each 3 x 3 patch of the LR picture (every second one) finds its 5 nearest in the picture shrunk by s, within a
  window of 30 x 30 patches. The features they were shrunk from, s times as large, take on the mean and deviation of
  those at the searching patch (AdaPN) and are averaged, by weights from the differences: shrunk again, they join the
  features there, and as they are, those behind the upsampler. s is the scale, but 2 at x4, where another x2 follows.
- Embedding: patches are compared by what the third and fourth layer of VGG19 (conv1_2 and its ReLU: 64 channels) make
  of them. VGG19 is no part of this file: give any frozen function as `embedding`. Without one, a fixed bank of cosines
  over 5 x 5 pixels, VGG's own view at that depth, is used; trained weights fit the embedding they were trained with.
- As in the code, no gradient passes through the search and the differences.
- The code centres its window for s = 2 only, forgets windows for good after the first small picture, and mixes up
  patches where a side is no multiple of s. Here the window is centred at any s, and sides are filled up to a multiple
  of s, and to 3 s, by repeating the last pixels; a picture of fewer than 5 patches uses those it has.
- The code's numbers were measured on overlapping pieces of under 40,000 pixels; here the picture stays whole, and is
  searched in stripes to spare memory. Its training code draws all first weights anew at a tenth of He et al.'s, those
  of VGG19 and of the mean shift included; here first weights are torch's.
- `course`: 4 blocks of 20 channels, 16 channels in the embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import MeanColour, ResBlock, Upsampler

PATCH, STRIDE = 3, 2
STRIPE = 128  # patches searched for at once, side by side


def cosines(channels: int) -> Tensor:
    """The first ``channels`` filters ``(channels, 3, 5, 5)``: cosine waves over 5 x 5 pixels, the slowest first.

    Each wave (DCT-II) is taken of gray, red less blue, and green less both: orthonormal, so that distances between
    answers are distances between pixels, as far as there are channels.
    """
    if not 1 <= channels <= 75:
        raise ValueError(f"edge_features={channels}: the built-in embedding has 1 to 75 channels. Give an embedding.")
    at = torch.arange(5.0) + 0.5
    waves = torch.stack([torch.cos(torch.pi / 5 * k * at) for k in range(5)])
    waves = waves / waves.norm(dim=1, keepdim=True)
    colours = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 2.0, -1.0]])
    colours = colours / colours.norm(dim=1, keepdim=True)
    bank = torch.einsum("cr,ui,vj->uvcrij", colours, waves, waves)
    order = sorted((u + v, u, v, c) for u in range(5) for v in range(5) for c in range(3))
    return torch.stack([bank[u, v, c] for _, u, v, c in order[:channels]])


def padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Zeros (left, right, top, bottom) after which patches reach the last pixel."""
    down, right = -(height - PATCH) % STRIDE, -(width - PATCH) % STRIDE
    return right // 2, right - right // 2, down // 2, down - down // 2


def patches(x: Tensor) -> Tensor:
    """Cut out every second 3 x 3 patch: ``(N, C, H, W)`` to ``(N, 9*C, rows, columns)``."""
    x = F.pad(x, padding(*x.shape[-2:]))
    rows, columns = ((side - PATCH) // STRIDE + 1 for side in x.shape[-2:])
    return F.unfold(x, PATCH, stride=STRIDE).unflatten(-1, (rows, columns))


def assemble(cut: Tensor, size: tuple[int, int], scale: int = 1) -> Tensor:
    """Put patches of side ``3*scale`` back, averaged where they overlap: ``(N, 9*scale**2*C, rows, columns)`` to
    ``(N, C, scale*H, scale*W)`` for ``size`` ``(H, W)``.
    """
    left, right, top, bottom = (scale * side for side in padding(*size))
    height, width = (scale * side for side in size)
    whole = (height + top + bottom, width + left + right)

    def fold(columns: Tensor) -> Tensor:
        return F.fold(columns.flatten(-2), whole, PATCH * scale, stride=STRIDE * scale)

    x = fold(cut) / fold(torch.ones_like(cut[:1, : (PATCH * scale) ** 2]))
    return x[..., top : top + height, left : left + width]


def window_starts(queries: int, candidates: int, scale: int, side: int) -> list[int]:
    """Along one axis: the first of the ``side`` candidates that each query may choose from."""
    return [min(max(i // scale - side // 2, 0), candidates - side) for i in range(queries)]


def nearest(queries: Tensor, candidates: Tensor, k: int, scale: int, window: int) -> Tensor:
    """For each patch of the picture, its ``k`` nearest of the smaller picture's, the nearest first.

    Args:
        queries: embedded patches ``(N, E, rows, columns)``.
        candidates: embedded patches of the picture shrunk by ``scale``, ``(N, E, rows', columns')``.
        k: neighbours wanted; fewer where there are fewer candidates.
        scale: how much smaller it is.
        window: side of the square of candidates, around the same place, that are looked at. If it does not fit into
            the smaller picture, the largest square that does; if it covers all, all.

    Returns:
        ``(N, k, rows, columns)``, numbers of candidates counted row by row. Least squared distance wins.
    """
    (rows, columns), (high, wide) = queries.shape[-2:], candidates.shape[-2:]
    side = min(window, high, wide)
    tall, broad = (high, wide) if window >= max(high, wide) else (side, side)
    tops, lefts = window_starts(rows, high, scale, tall), window_starts(columns, wide, scale, broad)
    k = min(k, tall * broad)
    norms = candidates.square().sum(1)
    number = torch.arange(high * wide, device=queries.device).view(high, wide)
    stripes = []
    for start in range(0, columns, STRIPE):
        left = lefts[start : start + STRIPE]
        at, own = number[0, left[0] : left[-1] + broad], torch.tensor(left, device=queries.device)[:, None]
        stripes.append((start, slice(left[0], left[-1] + broad), (at < own) | (at >= own + broad)))
    bands = []
    for top, same in groupby(range(rows), key=tops.__getitem__):  # rows of patches that may choose from the same rows
        band = list(same)
        found = []
        for start, across, outside in stripes:
            down = slice(top, top + tall)
            query = queries[:, :, band[0] : band[-1] + 1, start : start + STRIPE]
            distance = -2 * torch.einsum("nerc,nehw->nrchw", query, candidates[:, :, down, across])
            distance = distance + norms[:, None, None, down, across]  # the query's own norm would move no rank
            distance = distance.masked_fill(outside[:, None], torch.inf).flatten(-2)
            found.append(number[down, across].flatten()[distance.topk(k, largest=False).indices])
        bands.append(torch.cat(found, 2))
    return torch.cat(bands, 1).permute(0, 3, 1, 2)


def take(cut: Tensor, index: Tensor) -> Tensor:
    """Patches by number: from ``(N, E, rows', columns')``, by ``(N, rows, columns)``, ``(N, E, rows, columns)``."""
    found = cut.flatten(-2).gather(-1, index.flatten(-2)[:, None].expand(-1, cut.shape[1], -1))
    return found.unflatten(-1, index.shape[-2:])


def adapt(patch: Tensor, like: Tensor) -> Tensor:
    """AdaPN: give every channel of a patch the mean and deviation of another's.

    ``patch`` ``(N, C, P, ...)``, ``like`` ``(N, C, P', ...)``: statistics are over axis 2, the pixels of the patch.
    """
    deviation, wanted = ((x.var(2, keepdim=True) + 1e-5).sqrt() for x in (patch, like))
    return (patch - patch.mean(2, keepdim=True)) / deviation * wanted + like.mean(2, keepdim=True)


class Graph(nn.Module):
    """GraphAgg: what the neighbours hold, at the size of the features and at ``scale`` times it."""

    def __init__(self, features: int, scale: int, edge_features: int) -> None:
        super().__init__()
        self.scale = scale
        self.shrink = nn.Sequential(
            nn.Conv2d(features, features, 5, stride=scale, padding=2),
            nn.ReLU(),
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(features, features, 3, padding=1),
        )
        self.weigh_small, self.weigh_large = (
            nn.Sequential(
                nn.Conv2d(edge_features, edge_features, 1),
                ResBlock(edge_features, kernel=1, res_scale=0.1),
                nn.Conv2d(edge_features, 1, 1),
            )
            for _ in range(2)
        )

    def forward(self, x: Tensor, index: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Aggregate.

        Args:
            x: features ``(N, C, H, W)``, H and W multiples of the scale.
            index: neighbours ``(N, k, rows, columns)``, from :func:`nearest`.
            edges: for every pixel how it differs from its neighbours ``(N, k, E, H, W)``.

        Returns:
            ``(N, C, H, W)`` and ``(N, C, scale*H, scale*W)``.
        """
        scale, size = self.scale, x.shape[-2:]
        like = patches(x).unflatten(1, (-1, PATCH**2))
        # a pixel of the shrunk picture stands for scale x scale of this one: keep those together as channels
        below = patches(F.pixel_unshuffle(x, scale))
        drawn = []
        for i in range(index.shape[1]):
            found = take(below, index[:, i]).unflatten(1, (-1, scale**2 * PATCH**2))
            found = adapt(found, like).unflatten(2, (scale, scale, PATCH, PATCH))
            found = found.permute(0, 1, 4, 2, 5, 3, 6, 7).flatten(1, 5)  # ..., patch row, scale, patch column, scale
            drawn.append(assemble(found, size, scale))
        small = torch.stack([self.shrink(picture) for picture in drawn], 1)
        weigh_small, weigh_large = (
            weigh(edges.flatten(0, 1)).unflatten(0, edges.shape[:2]).softmax(1)
            for weigh in (self.weigh_small, self.weigh_large)
        )
        weigh_large = F.interpolate(weigh_large.squeeze(2), scale_factor=float(scale))  # they vary by LR pixels only
        return (weigh_small * small).sum(1), sum(
            w[:, None] * p for w, p in zip(weigh_large.unbind(1), drawn, strict=True)
        )


class IGNN(nn.Module):
    """IGNN: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1].

    Args:
        scale: 2, 3 or 4.
        blocks: residual blocks; half of them stand before the graph.
        features: channels.
        res_scale: factor on every residual before it is added.
        neighbours: patches that each patch borrows from.
        window: side of the square of patches that it chooses them from.
        edge_features: channels of the embedding, and of the two networks that weigh the neighbours.
        embedding: frozen function from ``(N, 3, H, W)`` in [0, 1] to ``(N, edge_features, H, W)``, by which patches are
            compared. It is no part of the network: not counted, saved or moved to a device. None is :func:`cosines`.
    """

    title = "Cross-Scale Internal Graph Neural Network for Image Super-Resolution, 2020"
    ancestor = (
        "EDSR (2017): in the middle of its body, details are borrowed from larger copies elsewhere in the picture"
    )
    code = "https://github.com/sczhou/IGNN"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {"32": {"blocks": 32}}
    trunk = ("head", "upsample", "fuse_large", "upsample2", "tail")
    lift = 128.0
    portable = False  # ONNX would fix the search to one size of picture
    course = {"blocks": 4, "features": 20, "edge_features": 16}

    def __init__(
        self,
        scale: int = 2,
        blocks: int = 32,
        features: int = 256,
        res_scale: float = 0.1,
        neighbours: int = 5,
        window: int = 30,
        edge_features: int = 64,
        embedding: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.scale, self.step = scale, 2 if scale == 4 else scale
        self.neighbours, self.window, self.edge_features = neighbours, window, edge_features
        self._embedding = (embedding,)  # in a tuple, so that a module is not registered as part of this one
        if embedding is None:
            self.register_buffer("bank", cosines(edge_features), persistent=False)
        self.colour = MeanColour()
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.body1 = nn.Sequential(*[ResBlock(features, res_scale=res_scale) for _ in range(blocks // 2)])
        self.aggregate = Graph(features, self.step, edge_features)
        self.fuse_small = nn.Sequential(
            nn.Conv2d(2 * features, features, 3, padding=1), nn.ReLU(), nn.Conv2d(features, features, 3, padding=1)
        )
        self.body2 = nn.Sequential(*[ResBlock(features, res_scale=res_scale) for _ in range(blocks - blocks // 2)])
        self.join = nn.Conv2d(features, features, 3, padding=1)
        self.upsample = Upsampler(features, self.step)
        self.fuse_large = nn.Sequential(
            nn.Conv2d(2 * features, features, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(),
        )
        self.upsample2 = Upsampler(features, scale // self.step)  # empty but at x4
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    @torch.no_grad()
    def search(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Find the neighbours of every patch, and how they differ.

        Args:
            x: ``(N, 3, H, W)`` in [0, 1], H and W multiples of ``self.step`` and at least three times that.

        Returns:
            Numbers ``(N, k, rows, columns)`` of patches of the shrunk picture, and for each pixel the sum of absolute
            differences over a patch ``(N, k, edge_features, H, W)``, averaged over the patches that hold it.
        """
        size = x.shape[-2:]
        small = F.interpolate(x, [side // self.step for side in size], mode="bicubic", antialias=True).clamp(0, 1)
        queries, candidates = patches(self.embed(x)), patches(self.embed(small))
        index = nearest(queries, candidates, self.neighbours, self.step, self.window)
        edges = []
        for i in range(index.shape[1]):
            differ = (queries - take(candidates, index[:, i])).abs().unflatten(1, (-1, PATCH**2)).sum(2, keepdim=True)
            edges.append(assemble(differ.expand(-1, -1, PATCH**2, -1, -1).flatten(1, 2), size))
        return index, torch.stack(edges, 1)

    def embed(self, x: Tensor) -> Tensor:
        """What patches are compared by: ``(N, 3, H, W)`` in [0, 1] to ``(N, edge_features, H, W)``."""
        (embedding,) = self._embedding
        if embedding is None:
            return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), self.bank.to(x.dtype))
        seen = embedding(x)
        wanted = (len(x), self.edge_features, *x.shape[-2:])
        if seen.shape != wanted:
            raise ValueError(
                f"embedding gave shape {tuple(seen.shape)}, but {wanted} is needed: edge_features channels, and the "
                "size of the picture. Enlarge what it gives, or set edge_features."
            )
        return seen

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        if x.ndim == 3:  # the search wants a batch
            return self(x[None])[0]
        height, width = x.shape[-2:]
        down, right = (max(-side % self.step, PATCH * self.step - side) for side in (height, width))
        x = F.pad(x, (0, right, 0, down), mode="replicate")
        with torch.autocast("cpu" if x.is_meta else x.device.type, enabled=False):  # half precision finds others
            index, edges = self.search(x)
        first = self.head(self.colour.remove(x))
        x = self.body1(first)
        small, large = self.aggregate(x, index, edges)
        x = self.body2(self.fuse_small(torch.cat([x, small], 1)))
        x = self.fuse_large(torch.cat([self.upsample(first + self.join(x)), large], 1))
        x = self.colour.restore(self.tail(self.upsample2(x)))
        return x[..., : self.scale * height, : self.scale * width]

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> None:
        return None  # what the search finds moves everything
