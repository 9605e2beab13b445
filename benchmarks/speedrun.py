"""Seconds of training until Set5 passes the numbers that SRCNN (2014) and FSRCNN (2016) published.

    python benchmarks/speedrun.py

Network, recipe and step budget were fixed beforehand on held-out photos of BSD200; Set5 is scored once, at the end of
each training. The clock counts training steps only: not reading the 91 photos, nor the final scoring. Needs T91 and
Set5 (srlib fetch). Use OMP_NUM_THREADS to choose the threads.
"""

import torch

from srlib import benchmark, datasets, ledger, papers, recipes, train

#: paper to beat -> constructor arguments of sprint, steps
BUDGETS = {
    "srcnn": ({"features": 32, "layers": 5}, 2000),
    "fsrcnn": ({"features": 32, "layers": 6}, 4000),
}


def main() -> None:
    datasets.photos("T91"), datasets.photos("Set5")  # missing photos should show before any training
    about = ledger.provenance()
    print(f"{about['machine']}, torch {about['torch']}, {torch.get_num_threads()} threads, commit {about['commit']}")
    print(f"{'net':<12} {'scale':<6} {'steps':>5} {'seconds':>8} {'Set5':>7} {'paper':>7}  passes")
    for paper, (arguments, steps) in BUDGETS.items():
        for scale in (2, 3, 4):
            recipe = recipes.get("sprint", scale)
            options = {"arguments": arguments, "steps": steps, "data": ["T91"], "every": steps}
            run = train.fit(recipe, "laptop", **options).finish()
            score, published = benchmark.run(run.network(), "Set5")[0]["psnr"], papers.psnr(paper, "Set5", scale)
            name = f"sprint {arguments['features']}x{arguments['layers']}"
            verdict = f"{paper}: {'yes' if score >= published else 'no'}"
            print(
                f"{name:<12} x{scale:<5} {steps:>5} {run.seconds:>8.1f} {score:>7.2f} {published:>7.2f}  {verdict}",
                flush=True,
            )


if __name__ == "__main__":
    main()
