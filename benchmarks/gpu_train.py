"""How fast a GPU trains, and what share of its peak that is.

    python benchmarks/gpu_train.py [NAME ...] [--steps 200] [--peak 989]

Each network trains at the full tier's size for a while, in bfloat16; the clock starts after 20 steps. A step is counted
as three forward passes (one forward, two backward), which is what papers count. ``--peak`` is the device's dense bf16
peak in TFLOP/s from its data sheet (989 for an H100); without it, it is what a product of large matrices reaches here.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import torch

from srlib import ledger, models, recipes, train

WARM = 20  # steps before the clock starts


def measure(name: str, tier: str = "full", steps: int = 200, warm: int = WARM, **changes) -> dict:
    """Train a network for ``warm + steps`` steps; how fast the last ``steps`` were.

    Args:
        name: a recipe.
        tier: whose size, patch and batch are taken.
        changes: recipe fields, such as ``half=True``; ``device`` too.

    Returns:
        ``seconds`` a step, ``samples`` and ``tflops`` a second, ``batch``, ``patch``, the last ``loss``, ``device``.
    """
    recipe = recipes.get(name).at(tier)
    given = {"data": ["bundled"], "held_out": "bundled", "steps": warm + steps, "every": 10**9}
    run = train.fit(replace(recipe, tiers={}), tier, **given | changes)
    run.look = lambda: (0.0, None)  # the last step would look at the held-out photos
    run.finish()
    recipe, history = run.recipe, run.history
    seconds = (history[-1].seconds - history[warm - 1].seconds) / steps
    side = recipe.patch * (1 if run.model.pre_upsampled else recipe.scale)
    forward = 2 * models.multiply_adds(run.model) * side**2 / (1280 * 720)
    return {
        "seconds": seconds,
        "samples": recipe.batch / seconds,
        "tflops": 3 * forward * recipe.batch / seconds / 1e12,
        "batch": recipe.batch,
        "patch": recipe.patch,
        "loss": history[-1].loss,
        "device": run.device.type,
    }


def peak(device: torch.device | str, dtype: torch.dtype, side: int = 8192, times: int = 20) -> float:
    """TFLOP/s of products of two square matrices of ``side``: about the most that this device gives."""
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in "ab")
    (a @ b)[0, 0].item()  # the first one chooses its algorithm; reading a number waits for it
    began = time.perf_counter()
    for _ in range(times):
        c = a @ b
    c[0, 0].item()
    return 2 * side**3 * times / (time.perf_counter() - began) / 1e12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["edsr", "srresnet", "rcan"])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--tier", default="full")
    parser.add_argument("--data", nargs="*", default=["bundled"])
    parser.add_argument("--peak", type=float, help="TFLOP/s; default: measured")
    options = parser.parse_args()
    about = ledger.provenance()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    most = options.peak or peak(device, torch.bfloat16, 8192 if device == "cuda" else 1024)
    print(f"{about['machine']}, torch {about['torch']}, commit {about['commit']}; peak {most:.3g} TFLOP/s")
    print(f"{'net':<10}{'batch':>6}{'patch':>6}{'ms a step':>11}{'samples/s':>11}{'TFLOP/s':>9}{'of peak':>9}")
    for name in options.names:
        found = measure(name, options.tier, options.steps, data=options.data, half=True, device=device)
        speed = f"{1000 * found['seconds']:>11.1f}{found['samples']:>11.0f}{found['tflops']:>9.2f}"
        share = f"{found['tflops'] / most:>9.1%}"
        print(f"{name:<10}{found['batch']:>6}{found['patch']:>6}{speed}{share}", flush=True)


if __name__ == "__main__":
    main()
