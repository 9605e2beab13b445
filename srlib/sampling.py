"""Training patches from one flat buffer: decode once, then every batch is index arithmetic and one gather.

The usual way (open a file, decode, crop, shrink, flip, for each sample again) leaves the network waiting. Here all
pictures are degraded once and laid end to end in two long arrays, one of network inputs and one of originals. A
patch is then a list of positions in them; flips and rotations only change the order of that list. Pictures of 8 bits
stay 8 bits there, a quarter of the memory: DIV2K's 800 photos and their halves take 8 GiB instead of 32.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import torch
from cachetools import LRUCache, cached
from torch import Tensor

from srlib import checks, datasets, degrade
from srlib.images import modcrop, rgb_to_y, round_to_uint8, to_uint8
from srlib.resize import resize

SYMMETRIES = 8  # 4 rotations, each also mirrored
SHELF = 2**30  # bytes of prepared pictures that are kept for the next training
VIEW = 160  # side, in original pixels, of the crops that watch a training: small, so that looking is cheap


def pair(
    hr: Tensor, scale: int, space: str = "y", pre_upsampled: bool = False, degradation: dict | None = None
) -> tuple[Tensor, Tensor]:
    """What a network is given and what it should answer, from an original photo.

    Args:
        hr: a photo ``(C, H, W)``, gray or colour.
        scale: downscaling factor; the photo is cropped to a multiple of it.
        space: "y" for luma (LR kept float), "rgb" for three channels (LR rounded to 8 bits).
        pre_upsampled: enlarge the LR picture back by bicubic.
        degradation: extra steps around the bicubic shrinking: before it ``shake`` (1: a shaken camera's blur),
            ``blur`` (sigma in pixels) and ``rain`` (a shower: strength of its brightest streak), after it ``noise``
            (sigma in 8-bit levels) and ``jpeg`` (quality). Every photo has its own noise, rain and shake, always the
            same.

    Returns:
        ``(x, y)``: ``x`` is ``(c, h, w)``, or the size of ``y`` if pre-upsampled; ``y`` is ``(c, scale*h, scale*w)``.

    Raises:
        ValueError: unknown space or degradation, or a photo too small.
    """
    checks.unit_range(checks.picture(hr, "hr", channels=(1, 3)), "hr", slack=1e-4)
    checks.choice(space, ("y", "rgb"), "space")
    extra = degradation or {}
    seed = zlib.crc32(to_uint8(hr).tobytes()) if set(extra) & {"shake", "rain", "noise"} else 0
    before = {
        "shake": lambda _: degrade.motion_blur(seed, "shake"),
        "blur": degrade.blur,
        "rain": lambda strength: degrade.shower(strength, seed),
    }
    after = {"noise": lambda sigma: degrade.noise(sigma, seed), "jpeg": degrade.jpeg}
    for step in extra:
        checks.choice(step, (*before, *after), "degradation step")
    y = rgb_to_y(hr) if space == "y" else hr.expand(3, -1, -1)
    x = y = modcrop(y, scale)
    steps = [[make(extra[name]) for name, make in side.items() if extra.get(name)] for side in (before, after)]
    for step in (*steps[0], degrade.bicubic(scale), *steps[1]):
        x = step(x)
    if space == "rgb":
        x = round_to_uint8(x)
    return (resize(x, scale) if pre_upsampled else x), y


# experiments start many trainings on the same photos; what is larger than the shelf is not kept at all
@cached(LRUCache(SHELF, getsizeof=lambda prepared: prepared[0].nbytes))
def prepare(
    train: tuple[datasets.Photos, ...], held_out: datasets.Photos, how: tuple, patch: int, device: torch.device
) -> tuple[PatchPool, list[tuple[Tensor, Tensor]]]:
    """The patches to train on, and the pairs ``(x, y)`` of held-out crops to watch.

    ``how`` is the (scale, space, pre_upsampled, degradation) of :func:`pair`, the last as sorted items.
    """
    scale, space, pre_upsampled, degradation = how
    options = {"space": space, "pre_upsampled": pre_upsampled, "degradation": dict(degradation)}

    def degraded(photo: datasets.Photo, image: Tensor) -> tuple[Tensor, Tensor]:
        try:
            return pair(image, scale, **options)
        except ValueError as error:  # among hundreds, which?
            raise ValueError(f"The photo {photo.name} cannot be used: {error}") from None

    pool = PatchPool((degraded(photo, photo.image) for photos in train for photo in photos), patch, device)
    views = []
    for photo in held_out:
        top, left = (max(0, (n - VIEW) // 2) for n in photo.image.shape[-2:])
        x, y = degraded(photo, photo.image[:, top : top + VIEW, left : left + VIEW])
        views.append((x.to(device), y))
    return pool, views


class PatchPool:
    """Random patches of prepared pairs, all on one device.

    >>> pool = PatchPool([(torch.rand(1, 20, 30), torch.rand(1, 40, 60))], patch=8)
    >>> x, y = pool.sample(16, torch.Generator().manual_seed(0))
    >>> x.shape, y.shape
    (torch.Size([16, 1, 8, 8]), torch.Size([16, 1, 16, 16]))
    """

    def __init__(self, pairs: Iterable[tuple[Tensor, Tensor]], patch: int, device: str | torch.device = "cpu") -> None:
        """Lay the pairs end to end.

        Args:
            pairs: ``(x, y)`` as :func:`pair` makes them; ``y`` is k times as large as ``x``, with one whole k for all.
            patch: side of the input patch in pixels; smaller pictures are left out.
            device: where the buffers live.

        Raises:
            ValueError: no picture is large enough, sizes do not fit, or channels differ.
        """
        if not isinstance(patch, int) or patch < 1:
            raise ValueError(f"patch={patch!r} must be a whole number of at least 1. Use about 24.")
        kept, seen = [], 0
        for x, y in pairs:
            seen += 1
            if min(x.shape[-2:]) >= patch:
                kept.append((_packed(x), _packed(y)))
        if not kept:
            raise ValueError(f"None of the {seen} pictures has {patch} x {patch} input pixels. Use a smaller patch.")
        self.patch, self.device = patch, torch.device(device)
        self.ratio = kept[0][1].shape[-1] // kept[0][0].shape[-1]
        channels = kept[0][0].shape[0]
        for x, y in kept:
            if x.shape[0] != channels:
                raise ValueError(
                    f"A picture of {x.shape[0]} channels among pictures of {channels}. Use one space for all."
                )
            if y.shape[-2:] != (x.shape[-2] * self.ratio, x.shape[-1] * self.ratio):
                raise ValueError(f"A pair of {tuple(x.shape)} and {tuple(y.shape)} does not fit ratio {self.ratio}.")
        self.inputs = _laid_out([x for x, _ in kept]).to(self.device)  # (c, all pixels)
        self.targets = _laid_out([y for _, y in kept]).to(self.device)
        sizes = torch.tensor([x.shape[-2:] for x, _ in kept])
        self.height, self.width = sizes[:, 0], sizes[:, 1]  # these few numbers stay where the dice are thrown
        pixels = sizes.prod(1)
        self.start = pixels.cumsum(0) - pixels  # where each picture begins
        corners = (sizes - patch + 1).prod(1)
        self.chance = corners.double().cumsum(0) / corners.sum()  # every corner is equally likely
        self._fine, self._coarse = self._orders(patch * self.ratio), self._orders(patch)

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.height)

    @property
    def nbytes(self) -> int:
        """Bytes that the pictures take."""
        return self.inputs.nbytes + self.targets.nbytes

    def sample(
        self, batch: int, generator: torch.Generator, augment: bool = True, part: slice = slice(None)
    ) -> tuple[Tensor, Tensor]:
        """``batch`` random patches: inputs ``(N, c, p, p)`` and originals ``(N, c, k*p, k*p)``.

        The generator lives on the CPU, so that every device draws the same patches. ``augment`` adds a random
        one of the eight flips and rotations; ``part`` returns only some of the batch (:mod:`srlib.parallel`).
        """
        random = torch.rand(4, batch, generator=generator, dtype=torch.float64)[:, part]
        which = torch.searchsorted(self.chance, random[0]).clamp_max(len(self) - 1)
        top = (random[1] * (self.height[which] - self.patch + 1)).long()
        left = (random[2] * (self.width[which] - self.patch + 1)).long()
        turn = (random[3] * SYMMETRIES).long() if augment else torch.zeros_like(top)
        k = self.ratio
        start, width = self.start[which], self.width[which]
        corners = (start + top * width + left, k * k * start + k * top * k * width + k * left)
        numbers = torch.stack([*corners, width, k * width, turn]).to(self.device)  # all that travels to a GPU
        x = self._gather(self.inputs, numbers[0], numbers[2], self._coarse[numbers[4]])
        return x, self._gather(self.targets, numbers[1], numbers[3], self._fine[numbers[4]])

    def _gather(self, buffer: Tensor, corner: Tensor, width: Tensor, order: Tensor) -> Tensor:
        """The pixels at ``corner + row * width + column`` for each patch: ``(N, c, p, p)``."""
        side = round(order.shape[-1] ** 0.5)
        index = torch.addcmul(order[:, 1], order[:, 0], width[:, None]).add_(corner[:, None])
        patches = buffer.index_select(1, index.flatten()).view(buffer.shape[0], len(corner), side, side)
        patches = patches.transpose(0, 1)
        return patches if patches.is_floating_point() else patches.float() / 255

    def _orders(self, side: int) -> Tensor:
        """Row and column of each pixel of a patch, in each of the eight orders: ``(8, 2, side*side)``."""
        grid = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"))
        turned = [g.rot90(n, (1, 2)) for g in (grid, grid.flip(2)) for n in range(4)]
        return torch.stack([t.reshape(2, -1) for t in turned]).to(self.device)


def _packed(img: Tensor) -> Tensor:
    """The picture in 8 bits, if it has no more than that."""
    small = (img * 255).round().clamp(0, 255).to(torch.uint8)
    return small if torch.equal(small.float() / 255, img) else img


def _laid_out(pictures: list[Tensor]) -> Tensor:
    """Pictures end to end, ``(c, all pixels)``: in 8 bits if none has more."""
    if any(p.is_floating_point() for p in pictures):
        pictures = [p if p.is_floating_point() else p.float() / 255 for p in pictures]
    return torch.cat([p.flatten(1) for p in pictures], 1)
