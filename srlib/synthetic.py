"""An endless, licence-free training set: "dead leaves" pictures.

Opaque shapes of random size, form and colour fall on one another like leaves; what stays visible has the two
things a super-resolution network must learn: sharp occluding edges at every scale, and smooth
insides. Lee, Mumford and Huang (2001, "Occlusion models for natural images") showed that with radii drawn from
a power law r^-3 such pictures have the statistics of photographs.

What mattered when this was tuned on held-out photos (see EXPERIMENTS.md): drawing at twice the size and averaging
down, enough leaves, not too many tiny ones, a slight blur. Textures inside the leaves made it worse.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from torch import Tensor

VERSION = 1  # raise it when a seed starts to mean another picture: drawn pictures are kept on disk
SIDE = 320  # pixels a side
SUPER = 2  # drawn at twice the size, then averaged down: the antialiasing a camera's sensor does
POWER = 3.2  # exponent of the radius law
LEAVES = 3000  # at most, a picture; what stays bare is the background
WORDS = "edge line form light stone river leaf grid north 0123456789 Super-Resolution".split()


def picture(seed: int, side: int = SIDE) -> Tensor:
    """The dead-leaves picture number ``seed``: float32 ``(3, side, side)`` in [0, 1], 8-bit levels.

    The same seed gives the same picture.

    Raises:
        ValueError: a side under 16 pixels, a negative seed, or no whole numbers.
    """
    if not (isinstance(side, int) and isinstance(seed, int)) or side < 16 or seed < 0:
        raise ValueError(
            f"side={side!r}, seed={seed!r}: the side must be at least 16 pixels and the seed 0 or more, whole numbers."
        )
    rng = np.random.default_rng([seed, side])
    leaves = _Leaves(rng, side * SUPER)
    big = leaves.paint()
    small = big.reshape(side, SUPER, side, SUPER, 3).mean(axis=(1, 3))
    # the size of one filter is that of a lens, a sensor and a demosaicing step together
    small = ndimage.gaussian_filter(small, (s := rng.uniform(0.2, 1.0), s, 0), mode="wrap")
    small += rng.normal(0, rng.uniform(0, 1) / 255, small.shape)
    levels = np.floor(small.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return torch.from_numpy(levels.transpose(2, 0, 1).astype(np.float32) / 255)


class _Leaves:
    """One picture in the making: which leaf is on top at each pixel, then one shade a pixel."""

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.rng, self.side = rng, side
        self.owner = np.full((side, side), -1, np.int32)  # the leaf seen at each pixel; -1: still bare
        self.count = 0

    def paint(self) -> np.ndarray:
        """The finished picture ``(side, side, 3)``, about [0, 1]."""
        self._write()
        smallest = SUPER * math.exp(self.rng.uniform(0, math.log(8)))  # 1 to 8 pixels
        largest = self.side / 2
        bare, tries = self.owner.size, 0
        # Each new leaf goes *under* those already there, so a pixel is decided once and we can stop early.
        while bare > 0 and tries < LEAVES:
            bare -= self._drop(self._radius(smallest, largest))
            tries += 1
        return self._shade()

    def _radius(self, smallest: float, largest: float) -> float:
        """A radius from the density r^-POWER on [smallest, largest], by inverting its distribution."""
        k = 1 - POWER
        u = self.rng.random()
        return (smallest**k + u * (largest**k - smallest**k)) ** (1 / k)

    def _drop(self, radius: float) -> int:
        """Slide one leaf under the others; returns how many bare pixels it covered."""
        rng, side = self.rng, self.side
        reach = int(math.ceil(radius)) + 1
        cy, cx = rng.uniform(0, side, 2)
        rows = (np.arange(int(cy) - reach, int(cy) + reach + 1))[:side]
        cols = (np.arange(int(cx) - reach, int(cx) + reach + 1))[:side]
        window = np.ix_(rows % side, cols % side)  # toroidal: no border is special
        owners = self.owner[window]
        covered = _inside(rng, rows[:, None] - cy, cols[None, :] - cx, radius) & (owners < 0)
        owners[covered] = self.count
        self.owner[window] = owners
        self.count += 1
        return int(covered.sum())

    def _write(self) -> None:
        """A few strings of text on top: thin strokes that no other shape has."""
        for _ in range(self.rng.integers(0, 5)):
            size = int(self.rng.integers(8, 28)) * SUPER
            mask = Image.new("1", (self.side, self.side))
            draw = ImageDraw.Draw(mask)
            words = " ".join(self.rng.choice(WORDS, 3))
            draw.text(tuple(self.rng.uniform(0, self.side * 0.8, 2)), words, 1, ImageFont.load_default(size))
            mask = np.asarray(mask.rotate(float(self.rng.uniform(0, 360)))) & (self.owner < 0)
            self.owner[mask] = self.count
            self.count += 1

    def _shade(self) -> np.ndarray:
        """Colour every pixel once, from its leaf: a colour of the picture's palette and a gentle slope of light."""
        rng, n = self.rng, self.count + 1  # one more for the background: owner -1 is the last row
        contrast = rng.uniform(0.5, 1)
        gray = rng.uniform(0.5 - 0.5 * contrast, 0.5 + 0.5 * contrast, (rng.integers(4, 13), 1))
        palette = (gray + rng.normal(0, 0.12, (len(gray), 3))).clip(0, 1)
        colour = palette[rng.integers(0, len(palette), n)] + rng.normal(0, 0.03, (n, 3))
        slope = rng.normal(0, 0.15, (2, n)) / self.side
        y, x = np.mgrid[: self.side, : self.side] - self.side / 2
        light = slope[0][self.owner] * y + slope[1][self.owner] * x
        return colour[self.owner] + light[..., None]


def _inside(rng: np.random.Generator, dy: np.ndarray, dx: np.ndarray, radius: float) -> np.ndarray:
    """The mask of one random leaf within ``radius`` of the origin: ellipse, box, polygon, blob, or thin bar."""
    angle = rng.uniform(0, np.pi)
    u = np.cos(angle) * dx + np.sin(angle) * dy
    v = np.cos(angle) * dy - np.sin(angle) * dx
    thin = rng.random() < 0.2
    aspect = rng.uniform(0.03, 0.15) if thin else rng.uniform(0.3, 1)
    half = max(radius * aspect, 1.0)  # a bar is at least one of the big pixels wide
    form = 1 if thin else rng.integers(0, 4)
    if form == 0:
        return (u / radius) ** 2 + (v / half) ** 2 <= 1
    if form == 1:
        return (np.abs(u) <= radius) & (np.abs(v) <= half)
    theta, distance = np.arctan2(v, u), np.hypot(u, v)
    if form == 2:  # a convex polygon: inside every one of its sides
        corners = rng.integers(3, 8)
        normals = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * 2 * np.pi / corners
        sides = radius * rng.uniform(0.5, 0.9, corners)
        return np.all([distance * np.cos(theta - a) <= s for a, s in zip(normals, sides, strict=True)], axis=0)
    heights, phases = rng.uniform(0, 0.2, 3), rng.uniform(0, 6, 3)
    waves = sum(a * np.cos(k * theta + p) for k, a, p in zip((2, 3, 5), heights, phases, strict=True))
    return distance <= radius * (0.6 + waves)
