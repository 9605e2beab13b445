"""What bfloat16 is worth on this processor: milliseconds a training step with and without it, of the queue's networks.

    python benchmarks/half.py [vdsr_x2 edsr_x2 ...]

One thread, five seconds each. On a processor without bfloat16 of its own both columns are the same.
"""

import sys
import time

import torch

from srlib import campaign, recipes, train

SECONDS = 5
USUAL = {"data": ["T91"], "held_out": "bundled", "every": 10**6}


def milliseconds(recipe: recipes.Recipe) -> float:
    """Of one step, the first few not counted."""
    steps = iter(train.fit(recipe, "full", device="cpu"))
    for _ in range(5):
        next(steps)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        next(steps)
        count += 1
    return 1000 * (time.perf_counter() - began) / count


def main() -> None:
    torch.set_num_threads(1)
    for training in campaign.queue():
        game = isinstance(training.recipe, recipes.AdversarialRecipe)
        if game or training.label not in (sys.argv[1:] or [training.label]):
            continue
        full, half = (
            milliseconds(recipes.with_changes(training.recipe, half=wanted, **USUAL)) for wanted in (False, True)
        )
        print(f"{training.label}: {full:.1f} ms in 32 bits, {half:.1f} ms in bfloat16", flush=True)


if __name__ == "__main__":
    main()
