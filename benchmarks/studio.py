"""What watching costs: a training in the studio, with its panel drawn, against the bare loop.

    python benchmarks/studio.py [network] [steps]

Both train the laptop recipe on the bundled photos, in turn, several times; the median of the ratios is printed. The
clock is CPU time of this process: what Python pays to draw and to send. Nobody is at the panel; what the browser pays
to show it is paid by another process.
"""

import os
import statistics
import sys
import time

import torch

os.environ["SRLIB_LIVE"] = "1"

from srlib import live, recipes, train

ROUNDS = 5


def main() -> None:
    torch.set_num_threads(1)
    name, steps = sys.argv[1] if len(sys.argv) > 1 else "sprint", int(sys.argv[2]) if len(sys.argv) > 2 else 400
    recipe, options = recipes.get(name), {"steps": steps, "every": max(1, steps // 20), "data": ["bundled"]}
    ratios = []
    for number in range(ROUNDS):
        alone = train.fit(recipe, "laptop", **options)
        alone.look()  # reads the photos, which the clock should not see
        began = time.process_time()
        alone.finish()
        bare = time.process_time() - began
        studio = live.TrainingStudio(recipe, "laptop", **options)
        studio.references()
        studio.desk.draw()
        began = time.process_time()
        studio._train()
        watched = time.process_time() - began
        ratios.append(watched / bare)
        print(f"round {number + 1}: bare {bare:.2f} s, studio {watched:.2f} s, {ratios[-1]:.3f} times", flush=True)
    print(f"{name}, {steps} steps, {recipe.batch} patches a step: median {statistics.median(ratios):.3f} times")


if __name__ == "__main__":
    main()
