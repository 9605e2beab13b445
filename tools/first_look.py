"""Draw the README's picture: a small photo, bicubic, the course's small network and the original, side by side.

    python tools/first_look.py

The photo is scikit-image's `coffee` (CC0, Rachel Michetti), which no training of the course has seen.
"""

import argparse

import torch
from PIL import Image

from srlib import benchmark, datasets, images, metrics, paths, weights

SCALE, TOP, LEFT, SIDE = 4, 96, 200, 208  # the detail that is shown, in pixels of the original
TARGET = paths.data().parent / "book" / "_static" / "first-look.webp"


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    hr = images.modcrop(datasets.photos("bundled")["coffee"].image, SCALE)
    rules = metrics.protocol("paper_y")
    lr = images.round_to_uint8(metrics.protocol("paper_rgb").pair(hr, SCALE)[0])
    bicubic = benchmark.enlarge("bicubic", lr, SCALE).clamp(0, 1)
    network = benchmark.enlarge(weights.load("sprint", SCALE), lr, SCALE)
    for name, picture in (("bicubic", bicubic), ("network", network)):
        print(f"coffee x{SCALE}, {name}: {rules(picture, hr, SCALE)['psnr']:.2f} dB (luma)")
    blocks = lr.repeat_interleave(SCALE, -1).repeat_interleave(SCALE, -2)
    shown = [p[:, TOP : TOP + SIDE, LEFT : LEFT + SIDE] for p in (blocks, bicubic, network, hr)]
    gap = torch.ones(3, SIDE, 6)
    strip = torch.cat([part for p in shown for part in (gap, p)][1:], -1)
    with paths.whole(TARGET) as temporary:
        Image.fromarray(images.to_uint8(strip)).save(temporary, format="WEBP", quality=88, method=6)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
