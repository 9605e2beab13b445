"""What the number of threads costs beside busy neighbours: steps a second by default, with one thread, and as chosen.

    python benchmarks/threads.py fsrcnn --busy 0 2 6 --seconds 10

Each of ``--busy`` starts so many processes that only compute. "default" is torch's own number in each step, "chosen"
is srlib.threads (its trial steps are counted, too). Leave OMP_NUM_THREADS unset: it would be obeyed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch

from srlib import recipes, threads, train


def _spin() -> None:
    while True:
        pass


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many neighbours that compute without end."""
    neighbours = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(processes)]
    for one in neighbours:
        one.start()
    try:
        yield
    finally:
        for one in neighbours:
            one.terminate()
            one.join()


def pace(name: str, way: str, seconds: float) -> tuple[float, str]:
    """Steps a second, and what was said of the choice."""
    number = {"default": str(torch.get_num_threads()), "one": "1", "chosen": ""}[way]
    said: list[str] = []
    with patch.dict(os.environ, {threads.VARIABLE: number}):
        chooser = threads.Threads(torch.device("cpu"), said.append)
    with patch.dict(os.environ, {threads.VARIABLE: "", "OMP_NUM_THREADS": "1"}):  # the training itself shall not choose
        steps = iter(train.fit(recipes.get(name), "laptop", data=["bundled"], every=10**6))
    next(steps)  # the photos are prepared before the first step
    taken, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        with chooser.step():
            next(steps)
        taken += 1
    return taken / spent, " ".join(said)


def main() -> None:
    """Print one line for each number of neighbours and each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="fsrcnn", help="a recipe")
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 2], help="numbers of neighbours")
    parser.add_argument("--seconds", type=float, default=10, help="for each measurement")
    asked = parser.parse_args()
    print(f"{asked.name}, torch {torch.__version__}, {torch.get_num_threads()} threads, {os.cpu_count()} cores")
    for number in asked.busy:
        with busy(number):
            for way in ("default", "one", "chosen"):
                found, said = pace(asked.name, way, asked.seconds)
                print(f"{number} busy neighbours, {way:8} {found:7.1f} steps/s  {said}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
