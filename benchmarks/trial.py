"""One line of EXPERIMENTS.md: the gain of a training with some fields of its recipe changed.

    python benchmarks/trial.py vdsr 3 init='"quiet"' patch=24 batch=16 lr=2e-3 clip=0.1 steps=150 seed=4

Fields not named are those of the network's course size on the bundled photos. Values are TOML.
"""

import sys
import tomllib

from srlib import recipes, train

USUAL = {"size": "course", "data": ["bundled"], "held_out": "bundled", "every": 10**6, "batch": 8, "patch": 12}


def main() -> None:
    name, scale, *words = sys.argv[1:]
    changes = tomllib.loads("\n".join(words))
    variant = changes.pop("variant", None)
    recipe = recipes.Recipe(name, int(scale), variant, **USUAL | changes)
    gain = train.fit(recipe, "full").finish().gain()
    changed = " ".join(words) or "nothing changed"
    print(f"{name} x{scale}, {changed}: {gain:+.2f} dB on held-out photos of {recipe.held_out}")


if __name__ == "__main__":
    main()
