"""What the papers published: titles, addresses and tables, each with its source, from ``data/papers.toml``."""

from __future__ import annotations

from functools import cache

from srlib import checks, paths


@cache
def table() -> dict[str, dict]:
    """Everything on record, by network name (and "bicubic")."""
    return paths.toml(paths.data() / "papers.toml")


def get(name: str) -> dict:
    """The entry of one network: title, authors, venue, year, url, source, and results.

    Raises:
        ValueError: no paper of that name is on record.
    """
    checks.choice(name, table(), "paper")
    return table()[name]


def psnr(name: str, dataset: str, scale: int) -> float | None:
    """The published PSNR in dB (paper protocol, luma), or None if none is on record."""
    return _result(name, dataset, scale, 0)


def ssim(name: str, dataset: str, scale: int) -> float | None:
    """The published SSIM, or None if none is on record."""
    return _result(name, dataset, scale, 1)


def _result(name: str, dataset: str, scale: int, which: int) -> float | None:
    found = get(name).get(f"x{scale}", {}).get(dataset)
    return found[which] if found and len(found) > which else None
