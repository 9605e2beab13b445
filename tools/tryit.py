"""What the page "Try it" is built from and no build can make in seconds. Run by hand, its results are committed.

    python tools/tryit.py graphs [NAME ...]    the graphs of the networks in data/campaign.toml (minutes)
    python tools/tryit.py runtime              onnxruntime-web again, as vendor/package-lock.json pins it (npm)

A graph depends on a network's arguments and not on its weights, so a network that was trained again needs nothing.
A newer onnxruntime-web: change its version in vendor/package.json, delete package-lock.json, run ``runtime``.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

HOME = Path(__file__).resolve().parents[1] / "book" / "_tryit"
GRAPHS, VENDOR = HOME / "graphs", HOME / "vendor"
MADE_FROM = ("model", "scale", "variant", "size", "arguments")  # what a recipe says about its network
RUNTIME = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def squeezed(data: bytes) -> bytes:
    """gzip without a date: the same bytes in, the same bytes out."""
    return gzip.compress(data, 9, mtime=0)


def networks() -> Iterator[tuple[str, dict]]:
    """Label and making of every network that the campaign trains, once for each scale it serves."""
    from srlib import campaign, weights

    for training in campaign.queue():
        recipe = training.recipe.to_dict()
        for scale in recipe.get("scales") or [recipe["scale"]]:
            made = {**{k: recipe[k] for k in MADE_FROM}, "scale": scale}
            yield f"{weights.name_of(recipe)}_x{scale}", made


def write_graphs(names: list[str]) -> None:
    """Export what has no graph yet, or another one; a name exports it in any case."""
    import torch

    from srlib import export, graphs, models

    GRAPHS.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for label, made in networks():
        file = GRAPHS / f"{label}.onnx.gz"
        stem = label.rpartition("_x")[0]
        if names and stem not in names:
            continue
        if not names and file.exists() and graphs.about(gzip.decompress(file.read_bytes()))["made"] == made:
            continue
        net = models.create(made["model"], made["scale"], made["variant"], made["size"], **made["arguments"])
        if not getattr(net, "portable", True):
            print(f"{label}: cannot be exported, and stays out of the page")
            continue
        file.write_bytes(squeezed(export.graph(net, made=made)))
        print(f"{label}: {file.stat().st_size:,} bytes", flush=True)


def write_runtime() -> None:
    """Fetch onnxruntime-web with npm, and keep the three files that a page needs, with their checksums."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            if (VENDOR / name).exists():
                shutil.copy(VENDOR / name, folder)
        pinned = (VENDOR / "package-lock.json").exists()
        command = ["npm", "ci" if pinned else "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True)
        lock = json.loads(Path(folder, "package-lock.json").read_text())
        for package in lock["packages"].values():
            package.pop("resolved", None)  # the registry of whoever ran this; the integrity stays
        (VENDOR / "package-lock.json").write_text(json.dumps(lock, indent=2) + "\n")
        sums = {}
        for name in RUNTIME:
            content = Path(folder, "node_modules", "onnxruntime-web", "dist", name).read_bytes()
            sums[name] = hashlib.sha256(content).hexdigest()
            if name.endswith(".wasm"):
                (VENDOR / f"{name}.gz").write_bytes(squeezed(content))
            else:
                (VENDOR / name).write_bytes(content)
        (VENDOR / "sha256.json").write_text(json.dumps(sums, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["graphs", "runtime"])
    parser.add_argument("names", nargs="*", help="of networks, for graphs; none: those that are missing or out of date")
    options = parser.parse_args()
    if options.what == "graphs":
        write_graphs(options.names)
    else:
        write_runtime()


if __name__ == "__main__":
    main()
