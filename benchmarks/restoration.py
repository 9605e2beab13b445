"""What mending is worth: the damage itself, scikit-image's non-local means, and the course's own networks.

    python benchmarks/restoration.py [--record]

Noise of sigma 25 on Set14 and rain on Rain100L, RGB. Non-local means is told the true sigma; its strength ``h`` is
chosen among a few on held-out photos of BSD200, then scored once.
"""

import sys

import torch
from skimage.restoration import denoise_nl_means
from torch import Tensor

from srlib import benchmark, datasets, degrade, ledger, metrics, weights

SIGMA = 25 / 255
STRENGTHS = (0.5, 0.6, 0.7, 0.8)  # of the sigma


def nl_means(strength: float):
    """Non-local means on a batch of one, with patches and distances as scikit-image proposes them for photos."""

    def mend(x: Tensor) -> Tensor:
        options = {"h": strength * SIGMA, "sigma": SIGMA, "patch_size": 5, "patch_distance": 6, "fast_mode": True}
        image = denoise_nl_means(x[0].permute(1, 2, 0).numpy(), channel_axis=-1, **options)
        return torch.from_numpy(image).permute(2, 0, 1)[None].float()

    return mend


def chosen() -> float:
    """The strength that does best on held-out photos."""
    scores = {}
    for strength in STRENGTHS:
        found = []
        for number, (_, hr) in enumerate(datasets.photos("BSD200", split="test")):
            y = nl_means(strength)(degrade.noise(25, seed=number)(hr)[None])[0].clamp(0, 1)
            found.append(metrics.psnr(y, hr, crop=0, channel="rgb"))
        scores[strength] = sum(found) / len(found)
        print(f"non-local means, h = {strength} sigma: {scores[strength]:.2f} dB held out", flush=True)
    return max(scores, key=scores.get)


def main() -> None:
    rows = []
    for task in benchmark.RESTORED:
        rows += benchmark.restore(lambda x: x, task)
        if (f"mprnet_{task}", 1) in weights.available():
            rows += benchmark.restore(weights.load(f"mprnet_{task}"), task, name=f"mprnet_{task}")
    rows += benchmark.restore(nl_means(chosen()), "denoise", name="nl_means")
    for row in rows:
        print(f"{row['dataset']:<9} {row['protocol']:<14} {row['model']:<15} {row['psnr']:.2f} dB  {row['ssim']:.4f}")
    if "--record" in sys.argv:
        print(f"Recorded in {ledger.append(rows)}")


if __name__ == "__main__":
    main()
