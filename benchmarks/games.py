"""One line of EXPERIMENTS.md: what a game makes of its PSNR-trained twin, on held-out photos.

    python benchmarks/games.py srgan "steps=600 lr=1e-4 perceptual=2e-3 adversarial=3e-4" ["..." ...]

Each word group is TOML: recipe fields to change. Measured: the middle 160 x 160 of every second held-out photo of
BSD200, x4, luma PSNR in dB and perceptual distance (less is better), for the twin, the shipped game, and each group.
"""

import sys
import tomllib

import torch
from torch import nn

from srlib import adversarial, datasets, metrics, perceptual, recipes, weights
from srlib.sampling import pair

SCALE, SIDE = 4, 160
DATA = {"tiers": {}, "data": ["T91", "General100", "BSD200"], "held_out": "BSD200", "every": 10**6}


@torch.no_grad()
def score(net: nn.Module) -> str:
    """Mean PSNR and perceptual distance, in words."""
    eye, found = perceptual.extractor("efficientnet_lite0"), []
    for photo in list(datasets.photos("BSD200", split="test"))[::2]:
        top, left = (n // 2 - SIDE // 2 for n in photo.image.shape[1:])
        x, y = pair(photo.image[:, top : top + SIDE, left : left + SIDE], SCALE, "rgb")
        sr = net.eval()(x[None])[0].clamp(0, 1)
        db = metrics.psnr(sr, y, crop=SCALE, channel="y", rounding="uint8")
        found.append((db, metrics.perceptual_distance(sr, y, eye, crop=SCALE, rounding="uint8")))
    psnr, far = (sum(column) / len(found) for column in zip(*found, strict=True))
    return f"{psnr:.2f} dB, perceptual distance {far:.3f}"


def main() -> None:
    name, *groups = sys.argv[1:]
    recipe = recipes.with_changes(recipes.get(name, SCALE), **DATA)
    for label in (recipe.model, name):
        print(f"{label}, shipped: {score(weights.load(label, SCALE))}", flush=True)
    for words in groups:
        run = adversarial.fit(recipe, "full", **tomllib.loads("\n".join(words.split()))).finish()
        print(f"{words}: {score(run.network())}", flush=True)


if __name__ == "__main__":
    main()
