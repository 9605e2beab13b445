"""Does the offline default (bundled photos and synthetic pictures) train as well as T91? Equal steps, two seeds.

    python benchmarks/offline_data.py [steps]

Scored on Set5 at x2 by the paper's protocol, and on the held-out photos of BSD200. Needs T91, BSD200 and Set5.
"""

import sys

from srlib import benchmark, recipes, train

CHOICES = (["T91"], ["bundled"], ["synthetic"], ["bundled", "synthetic"])


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    for data in CHOICES:
        set5, held_out = [], []
        for seed in (0, 1):
            options = {"data": data, "held_out": "BSD200", "steps": steps, "every": steps, "seed": seed}
            run = train.fit(recipes.get("sprint", 2), "laptop", **options).finish()
            set5.append(benchmark.run(run.network(), "Set5")[0]["psnr"])
            held_out.append(run.gain())
        print(
            f"{'+'.join(data):<20} Set5 {sum(set5) / 2:.3f} dB, gain on BSD200 held out {sum(held_out) / 2:.3f} dB",
            flush=True,
        )


if __name__ == "__main__":
    main()
