"""What a chapter may say of a network on a photo set: what was measured just now, or what the ledger has and when.

The papers' test sets are not ours to give, so many readers do not have them. They are told the number that was
measured when the weights were made, that it is such a number, and the command that fetches the photos.
"""

from __future__ import annotations

from torch import nn

from srlib import benchmark, datasets, ledger


def psnr(model: nn.Module | str, dataset: str = "Set5", scale: int | None = None) -> str:
    """The mean PSNR on a photo set in words: measured now, else as the ledger has it for just these weights.

    Args:
        model: a network, or a name of ``benchmark.UNTRAINED``.
        dataset: a photo set, such as "Set5".
        scale: needed for what is untrained; networks know theirs.
    """
    if datasets.present(dataset):
        return f"{benchmark.run(model, dataset, scale=scale)[0]['psnr']:.2f} dB"
    row = ledger.latest(**_of(model, scale), dataset=dataset)
    known = f"{row['psnr']:.2f} dB on {row['date']}, by the ledger" if row else "not measured"
    return f"{known} ({dataset} is not on this machine: srlib fetch {dataset})"


def again(model: nn.Module, dataset: str = "Set5") -> str:
    """Do shipped weights reach what the ledger says of them? Measured now, or said not to be.

    Raises:
        ValueError: the ledger knows nothing of these weights on this set.
    """
    row = ledger.latest(**_of(model, None), dataset=dataset)
    if row is None:
        raise ValueError(f"The ledger has no row for these weights on {dataset}. Print quoted.psnr(model) instead.")
    if not datasets.present(dataset):
        return f"not measured again: {dataset} is not on this machine (srlib fetch {dataset}); it was on {row['date']}"
    now = benchmark.run(model, dataset)[0]["psnr"]
    return f"measured again: {now:.2f} dB, which {'agrees' if abs(now - row['psnr']) < 0.01 else 'does NOT agree'}"


def _of(model: nn.Module | str, scale: int | None) -> dict:
    """Which rows of the ledger are of this network, under its own papers' protocol."""
    if isinstance(model, str):
        return {"model": model, "scale": scale, "protocol": "paper_y"}
    weights = benchmark.fingerprint(model)
    return {"weights": weights, "scale": scale or model.scale, "protocol": f"paper_{model.space}"}
