"""Training samples a CPU-second: the patch pool beside a plain per-item Dataset with DataLoader.

    python benchmarks/loader.py [photo set]

Both give the same thing: random 12 x 12 luma patches at x2 with their 24 x 24 originals, one of eight flips and
rotations each, in batches of 16. The plain way opens, crops and shrinks for each sample, as most tutorials do.
"""

import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset

from srlib import datasets, degrade, images
from srlib.sampling import PatchPool, pair

PATCH, SCALE, BATCH = 12, 2, 16


class PerItem(Dataset):
    """What tutorials write: one file, one crop, one degradation a sample."""

    def __init__(self, photos: datasets.Photos, length: int) -> None:
        self.photos, self.length = photos, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int):
        y = images.rgb_to_y(self.photos[index % len(self.photos)].image)
        side = PATCH * SCALE
        top, left = (int(torch.randint(0, n - side + 1, ())) for n in y.shape[1:])
        y = y[:, top : top + side, left : left + side].rot90(int(torch.randint(0, 4, ())), (1, 2))
        y = y.flip(2) if torch.rand(()) < 0.5 else y
        return degrade.bicubic(SCALE)(y), y


def samples_a_second(batches, count: int) -> float:
    began = time.process_time()
    for _ in range(count):
        next(batches)
    return count * BATCH / (time.process_time() - began)


def main() -> None:
    torch.set_num_threads(1)
    photos = datasets.photos(sys.argv[1] if len(sys.argv) > 1 else "bundled", split="train")
    plain = samples_a_second(iter(DataLoader(PerItem(photos, 10**6), BATCH)), 20)
    pool = PatchPool([pair(image, SCALE) for _, image in photos], PATCH)
    generator = torch.Generator().manual_seed(0)
    ours = samples_a_second(iter(lambda: pool.sample(BATCH, generator), None), 3000)
    print(f"{photos!r}: per item {plain:,.0f}, patch pool {ours:,.0f} samples a CPU-second ({ours / plain:.0f} times)")


if __name__ == "__main__":
    main()
