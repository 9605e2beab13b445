"""What enlarging costs on this machine: milliseconds a megapixel of output and peak memory, whole and in tiles.

    python benchmarks/inference.py [NAME ...] [--scale 2] [--side 360]

Each network runs in a process of its own (peak memory never falls), at course size and with fresh weights: the cost
does not depend on them. The times of one run may be compared with each other, not with another machine's.
"""

import argparse
import subprocess
import sys
import time

import torch

from srlib import ledger, models, tiling


def peak_mb() -> float:
    """Most memory this process has held, in MB (Linux; NaN elsewhere)."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
    except OSError:
        return float("nan")


def measure(name: str, scale: int, side: int, tile: int) -> None:
    """Print the cost of one network: milliseconds a megapixel, and memory above what importing took."""
    torch.manual_seed(0)
    net = models.create(name, scale, size="course").eval()
    lr = torch.rand(1 if net.space == "y" else 3, side, side)
    before, began = peak_mb(), time.perf_counter()
    sr = tiling.upscale(net, lr, tile=tile) if tile else tiling.enlarge(net, lr, scale)
    seconds = time.perf_counter() - began
    print(f"{1e9 * seconds / sr[0].numel():.0f} {peak_mb() - before:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--side", type=int, default=360, help="side of the input, pixels")
    parser.add_argument("--only", type=int, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        measure(options.names[0], options.scale, options.side, options.only)
        return
    about = ledger.provenance()
    print(f"{about['machine']}, torch {about['torch']}, {torch.get_num_threads()} threads, commit {about['commit']}")
    print(f"course size, x{options.scale}, input {options.side} x {options.side}")
    print(f"{'net':<10}{'parameters':>11}{'whole: ms/MP':>14}{'MB':>7}{'tiles: ms/MP':>14}{'MB':>7}")
    for name in options.names or [n for n in models.names() if options.scale in models.model_class(n).scales]:
        costs = []
        for tile in (0, tiling.TILE):
            command = [sys.executable, __file__, name, "--only", str(tile)]
            command += ["--scale", str(options.scale), "--side", str(options.side)]
            done = subprocess.run(command, capture_output=True, text=True)
            costs += done.stdout.split() if done.returncode == 0 else ["failed", ""]
        parameters = models.describe(name, options.scale, size="course").parameters
        print(f"{name:<10}{parameters:>11,}{costs[0]:>14}{costs[1]:>7}{costs[2]:>14}{costs[3]:>7}", flush=True)


if __name__ == "__main__":
    main()
