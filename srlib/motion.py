"""What moves while the shutter is open: kernels of a shaken camera, measured and drawn, and the streak of a raindrop.

A camera's kernel says where the light of one scene point went. It is never negative and sums to 1, because light is
moved and not lost.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from srlib import paths

LEVIN = "Levin09.mat"
SIZES = (13, 15, 17, 19, 21, 23, 25, 27)  # pixels a side: Levin's kernels have 13 to 27
MOMENTS = 400  # of one exposure


def levin_file() -> Path | None:
    """``Levin09.mat`` in one of the photo folders (see :func:`srlib.paths.photo_folders`), or None."""
    return next((f for folder in paths.photo_folders() if (f := folder / LEVIN).is_file()), None)


def levin() -> tuple[Tensor, ...]:
    """The eight kernels that Levin et al. (2009) measured from a hand-held camera, with :func:`centred`.

    "Understanding and evaluating blind deconvolution algorithms", CVPR 2009. Each is float64, square, of odd side.

    Raises:
        FileNotFoundError: the file is in none of the photo folders.
        ModuleNotFoundError: h5py, which reads it, is not installed.
    """
    file = levin_file()
    if file is None:
        raise FileNotFoundError(
            f"{LEVIN} is not on this machine. Put it into {paths.cache() / 'photos'}, "
            'or draw kernels instead: motion_blur(kernels="shake").'
        )
    return _read(file)


@cache
def _read(file: Path) -> tuple[Tensor, ...]:
    try:
        import h5py  # only this file needs it, and most readers never open it
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{LEVIN} is an HDF5 file, and h5py, which reads it, is not installed. Run: pip install h5py"
        ) from None
    with h5py.File(file) as content:
        columns_first = [torch.from_numpy(content[reference][()]) for reference in content["kernels"][:, 0]]
    return tuple(centred(kernel.T) for kernel in columns_first)  # MATLAB stores columns first


@cache
def shake(seed: int) -> Tensor:
    """A kernel of random camera shake: float64 ``(S, S)``, S odd from 13 to 27, its centre of mass in the middle.

    The hand is a mass that is pushed at random, keeps most of its speed, is pulled back to where it aims and now
    and then jerks (the ingredients of Boracchi and Foi, 2012, "Modeling the performance of image restoration from
    motion blur"; the strengths here are our own, set by eye beside Levin's). The kernel is the time spent
    at each pixel.
    """
    generator = torch.Generator().manual_seed(seed)
    size = SIZES[int(torch.randint(len(SIZES), (), generator=generator))]
    pushes = torch.randn(MOMENTS, 2, generator=generator, dtype=torch.float64)
    jerks = torch.rand(MOMENTS, generator=generator) < 2 / MOMENTS  # about two an exposure
    pushes[jerks] *= 30
    where, speed = torch.zeros(2, dtype=torch.float64), pushes[0] * 5
    path = []
    for push in pushes:
        speed = 0.95 * speed + 0.2 * push - 0.0003 * where
        where = where + speed
        path.append(where)
    path = torch.stack(path)
    path = path - path.mean(0)
    radius = size // 2
    return _time_spent(path * (radius / path.abs().max()), size)


def _time_spent(path: Tensor, size: int) -> Tensor:
    """How long each pixel was visited: every moment of ``path`` ``(T, 2)`` is shared by the four pixels around it."""
    place = (path + size // 2).clamp(0, size - 1)
    corner = place.floor().clamp(max=size - 2).long()
    part = place - corner
    kernel = torch.zeros(size, size, dtype=path.dtype)
    for dy in (0, 1):
        for dx in (0, 1):
            weight = (part[:, 0] if dy else 1 - part[:, 0]) * (part[:, 1] if dx else 1 - part[:, 1])
            kernel.index_put_((corner[:, 0] + dy, corner[:, 1] + dx), weight, accumulate=True)
    return kernel / kernel.sum()


def centred(kernel: Tensor) -> Tensor:
    """The kernel moved by whole pixels until its centre of mass is less than a pixel from the middle, sum 1.

    A kernel beside its middle also shifts the picture, which is not blur: a sharp and a blurred photo would no longer
    lie on one another, and a score pixel by pixel would count the shift. The sides grow where they must, and stay odd.
    """
    kernel = kernel / kernel.sum()
    middle = torch.tensor([(n - 1) / 2 for n in kernel.shape], dtype=kernel.dtype)
    places = torch.stack(torch.meshgrid(*(torch.arange(n) for n in kernel.shape), indexing="ij"))
    off = ((kernel * places).sum((1, 2)) - middle).round().long()
    room = int(off.abs().max())
    padded = torch.nn.functional.pad(kernel, (room,) * 4)
    return padded.roll(tuple((-off).tolist()), (0, 1))


def streak(length: float, angle: float, width: float = 1.5) -> Tensor:
    """The trace of a raindrop, ``(H, W)`` of odd sides: a soft line, brightness 1 in the middle.

    Args:
        length: in pixels; the line fades from its middle to its ends.
        angle: in degrees from the vertical; positive leans like "/".
        width: in pixels; there it has lost about half its brightness.
    """
    theta = math.radians(angle)
    margin = math.ceil(1.3 * width)
    dy = math.ceil(length / 2 * math.cos(theta)) + margin
    dx = math.ceil(length / 2 * abs(math.sin(theta))) + margin
    y, x = torch.meshgrid(torch.arange(-dy, dy + 1.0), torch.arange(-dx, dx + 1.0), indexing="ij")
    along = y * math.cos(theta) - x * math.sin(theta)
    across = y * math.sin(theta) + x * math.cos(theta)
    return (1 - (2 * along / length) ** 2).clamp(min=0) * torch.exp(-((across / (0.4 * width)) ** 2) / 2)
