"""Each recipe's smoke gain, and what the same judge says of a rate of zero.

Half the median gain of five trainings that differ in their seed, or 0.7 of the worst where that is less.

    python benchmarks/smoke_gains.py [network ...]

Copy the numbers into data/recipes/<network>.toml when a recipe's smoke tier changes.
"""

import statistics
import sys

from srlib import models, recipes, train


def trainings(name: str) -> list[tuple[int, str]]:
    """Scales and variants that have a recipe of their own."""
    found = []
    for scale in models.model_class(name).scales:
        seen = []
        for variant in models.variants(name):
            recipe = recipes.with_changes(recipes.get(name, scale, variant), variant=None)
            if recipe not in seen:
                seen.append(recipe)
                found.append((scale, variant))
    return found


def main() -> None:
    for name in sys.argv[1:] or recipes.names():
        for scale, variant in trainings(name):
            recipe = recipes.get(name, scale, variant)
            gains = [train.fit(recipe, "smoke", seed=seed).finish().gain() for seed in range(5)]
            idle = train.fit(recipe, "smoke", lr=0.0).finish().gain()
            asked = min(statistics.median(gains) / 2, 0.7 * min(gains))
            shown = " ".join(f"{g:.3f}" for g in gains)
            print(
                f"{name} x{scale} {variant}: gains {shown}; smoke_gain = {asked:.3f}; at lr = 0 the gain is {idle:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
