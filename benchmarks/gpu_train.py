"""How fast a GPU trains, and what share of its bf16 peak that is.

    python benchmarks/gpu_train.py [NAME ...] [--steps 200] [--peak 989]

Each network trains at the full tier's size for a while; the clock starts after 20 steps. A step is counted as three
forward passes (one forward, two backward), which is what papers count; ``--peak`` is the device's dense bf16 peak in
TFLOP/s (989 for an H100). Without a GPU it runs on the CPU, where the share of the peak is left out.
"""

import argparse
from dataclasses import replace

from srlib import ledger, models, recipes, train

WARM = 20  # steps before the clock starts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["edsr", "srresnet", "rcan"])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--tier", default="full")
    parser.add_argument("--data", nargs="*", default=["bundled"])
    parser.add_argument("--peak", type=float, default=989.0, help="TFLOP/s")
    options = parser.parse_args()
    about = ledger.provenance()
    print(f"{about['machine']}, torch {about['torch']}, commit {about['commit']}")
    print(f"{'net':<10}{'batch':>6}{'patch':>6}{'ms a step':>11}{'samples/s':>11}{'TFLOP/s':>9}{'of peak':>9}")
    for name in options.names:
        recipe = recipes.get(name).at(options.tier)
        changes = {"data": options.data, "held_out": "bundled", "steps": WARM + options.steps, "every": 10**9}
        run = train.fit(replace(recipe, tiers={}), "full", **changes)
        for _ in run:
            pass
        recipe, last = run.recipe, run.history
        seconds = (last[-1].seconds - last[WARM - 1].seconds) / options.steps
        side = recipe.patch * (1 if run.model.pre_upsampled else recipe.scale)
        forward = 2 * models.multiply_adds(run.model) * side**2 / (1280 * 720)
        rate = 3 * forward * recipe.batch / seconds / 1e12
        share = f"{rate / options.peak:.1%}" if run.device.type == "cuda" else ""
        speed = f"{1000 * seconds:>11.1f}{recipe.batch / seconds:>11.0f}{rate:>9.2f}{share:>9}"
        print(f"{name:<10}{recipe.batch:>6}{recipe.patch:>6}{speed}", flush=True)


if __name__ == "__main__":
    main()
