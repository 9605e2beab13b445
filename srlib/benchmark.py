"""Measure a network on a photo set under a named protocol, and set the result beside its paper's."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from srlib import (
    checks,
    classical,
    datasets,
    degrade,
    devices,
    ledger,
    metrics,
    models,
    papers,
    recipes,
    resize,
    tiling,
)
from srlib.figures import Html, table
from srlib.perceptual import Extractor

RESTORED = {"denoise": "Set14", "derain": "Rain100L"}  #: task -> the photo set it is reported on
CLASSICAL = {"ibp": classical.ibp, "pocs": classical.pocs, "map_tv": classical.map_tv, "bayes": classical.bayes}
UNTRAINED = (*resize.KERNELS, *CLASSICAL)  #: what can be measured like a network, by name, and learns nothing


def run(
    model: nn.Module | str,
    dataset: str,
    protocol: str | None = None,
    scale: int | None = None,
    name: str | None = None,
    extractor: Extractor | None = None,
) -> list[dict]:
    """Score a network, an interpolation such as "bicubic", or a reconstruction such as "map_tv", on a photo set.

    Args:
        model: a network from ``models.create`` or ``weights.load``, on any device, or a name of :data:`UNTRAINED`.
        dataset: a photo set, such as "Set5"; of a set with a training split, the held-out part.
        protocol: see ``metrics.protocol``; by default "paper_y" for networks on luma, "paper_rgb" for colour.
        scale: needed for what is untrained; networks know theirs.
        name: what to call it in the row.
        extractor: from ``perceptual.extractor()``, to measure the perceptual distance too (the row names it).

    Returns:
        One row for the ledger: means in ``psnr`` and ``ssim``, each photo's PSNR in ``photos``, provenance. The time is
        the processor's, of all threads together: what else the machine does hardly touches it. A network on a GPU is
        not timed, so that no table sets one machine's clock beside another's; its row names the device.

    Raises:
        ValueError: unknown names, or no scale for an interpolation.
        srlib.datasets.MissingData: the set is not on this machine.
    """
    if isinstance(model, str):
        checks.choice(model, UNTRAINED, "method")
    space = "y" if isinstance(model, str) else model.space
    rules = metrics.protocol(protocol or f"paper_{space}")
    own = getattr(model, "scale", None)
    scale = checks.integer_scale(own if scale is None else scale)
    if scale == 1:
        raise ValueError("scale=1 enlarges nothing. Use 2, 3 or 4; what restores is measured by benchmark.restore.")
    if own not in (None, scale) and not model.pre_upsampled:
        raise ValueError(f"scale={scale}, but this network enlarges by {own}. Leave scale out.")
    scores, seconds, pixels = {}, 0.0, 0
    place = "cpu" if isinstance(model, str) else devices.of(model).type
    for photo in datasets.photos(dataset, split="test"):
        try:
            lr, hr = rules.pair(photo.image, scale)
        except ValueError as error:
            raise ValueError(f"The photo {photo.name} cannot be used: {error}") from None
        began = time.process_time()
        sr = enlarge(model, lr, scale)
        seconds, pixels = seconds + time.process_time() - began, pixels + sr[0].numel()
        scores[photo.name] = rules(sr, hr, scale)
        if extractor:
            distance = metrics.perceptual_distance(sr, hr, extractor, crop=scale, rounding="uint8")
            scores[photo.name]["perceptual"] = distance
    row = {
        "model": name or (model if isinstance(model, str) else type(model).__name__.lower()),
        "weights": None if isinstance(model, str) else fingerprint(model),
        "dataset": dataset,
        "scale": scale,
        "protocol": rules.name,
        "psnr": round(_mean(scores, "psnr"), 4),
        "ssim": round(_mean(scores, "ssim"), 5),
        "photos": {n: round(s["psnr"], 3) for n, s in scores.items()},
        "parameters": 0 if isinstance(model, str) else sum(p.numel() for p in model.parameters()),
        "multiply_adds": 0 if isinstance(model, str) else models.multiply_adds(model),
        **({"ms_per_megapixel": round(1e9 * seconds / pixels, 1)} if place == "cpu" else {"device": place}),
        **ledger.provenance(),
    }
    if extractor:
        row |= {"perceptual": round(_mean(scores, "perceptual"), 4), "extractor": extractor.name}
    return [row]


def restore(
    model: Callable[[Tensor], Tensor], task: str, dataset: str | None = None, name: str = "input"
) -> list[dict]:
    """Score something that mends pictures: ``(1, 3, H, W)`` in, the same size out, compared in RGB, nothing cropped.

    Args:
        model: a network such as MPRNet, or any function of a batch; ``lambda x: x`` scores the damage itself.
        task: "denoise" (noise of sigma 25 added to RGB and clipped, not rounded) or "derain" (the set's own rain).
        dataset: a photo set, by default the task's in :data:`RESTORED`.
        name: what to call it in the row.

    Returns:
        One row for the ledger, of scale 1 and protocol "denoise25_rgb" or "derain_rgb".

    Raises:
        ValueError: unknown names, or no pairs where the damage is the set's own.
        srlib.datasets.MissingData: the set is not on this machine.
    """
    checks.choice(task, RESTORED, "task")
    dataset, scores = dataset or RESTORED[task], {}
    damaged = datasets.damaged(dataset) if task == "derain" else datasets.photos(dataset, split="test")
    clean = datasets.photos(dataset, split="test")
    network = isinstance(model, nn.Module)
    place = devices.of(model) if network else torch.device("cpu")
    for number, (photo, other) in enumerate(zip(clean, damaged, strict=True)):
        hr = photo.image.expand(3, -1, -1)
        x = other.image if task == "derain" else degrade.noise(25, seed=number)(hr)
        with torch.no_grad():
            y = model(x[None].to(place))[0].clamp(0, 1).to(hr.device)
        options = {"crop": 0, "channel": "rgb", "rounding": "uint8"}
        scores[photo.name] = {"psnr": metrics.psnr(y, hr, **options), "ssim": metrics.ssim(y, hr, **options)}
    row = {
        "model": name,
        "weights": fingerprint(model) if network else None,
        "dataset": dataset,
        "scale": 1,
        "protocol": {"denoise": "denoise25_rgb", "derain": "derain_rgb"}[task],
        "psnr": round(_mean(scores, "psnr"), 4),
        "ssim": round(_mean(scores, "ssim"), 5),
        "photos": {n: round(s["psnr"], 3) for n, s in scores.items()},
        "parameters": sum(p.numel() for p in model.parameters()) if network else 0,
        **ledger.provenance(),
    }
    return [row]


def enlarge(model: nn.Module | str, lr: Tensor, scale: int) -> Tensor:
    """``(C, h, w)`` to ``(C, scale*h, scale*w)``: by a network (see :func:`tiling.enlarge`) or one of UNTRAINED."""
    if model in CLASSICAL:
        *_, last = CLASSICAL[model](lr, scale)
        return last
    if isinstance(model, str):
        return resize.resize(lr, scale, kernel=model)
    return tiling.enlarge(model, lr, scale)


def fingerprint(net: nn.Module) -> str:
    """The first 16 digits of the sha256 over all weights: which training a measurement belongs to."""
    digest = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def paper_table(name: str, dataset: str = "Set5") -> Html:
    """Bicubic, the paper and the course's own weights at each scale, in dB and SSIM, from papers and ledger.

    Beside ours, how many parameters it has: where it is short of its paper, size is most often the first reason.
    """
    rows = []
    protocol = default_protocol(name)
    for scale in (2, 3, 4):
        ours = ledger.latest(model=name, dataset=dataset, scale=scale, protocol=protocol)
        published = papers.psnr(name, dataset, scale)
        bicubic = ledger.latest(model="bicubic", dataset=dataset, scale=scale, protocol="paper_y")
        rows.append(
            {
                "scale": f"x{scale}",
                "bicubic": _score(bicubic),
                "paper": _pair(published, papers.ssim(name, dataset, scale)),
                "ours": _score(ours),
                "ours - paper": f"{ours['psnr'] - published:+.2f} dB" if ours and published else "",
                "our parameters": f"{ours['parameters']:,}" if ours and "parameters" in ours else "",
            }
        )
    return table(rows, f"{name} on {dataset}: PSNR in dB / SSIM, luma, border of scale pixels cropped")


def leaderboard(dataset: str = "Set5", scale: int = 2, protocol: str | None = None) -> Html:
    """Everything that was measured on a photo set at a scale, best first: quality beside what it costs.

    Milliseconds are the processor's, all threads together.

    "perceptual" is the distance of ``metrics.perceptual_distance``, where it was measured: less is better.

    Args:
        dataset: a photo set, such as "Set5".
        scale: upscaling factor.
        protocol: one for all; by default each network's own (its papers').

    Raises:
        ValueError: nothing was measured there.
    """
    newest = standing(dataset, scale, protocol)
    machines = " and ".join(sorted({row.get("machine", "an unknown machine") for row in newest.values()}))
    rows = []
    for name, row in sorted(newest.items(), key=lambda item: -item[1]["psnr"]):
        published = papers.psnr(name, dataset, scale) if name in papers.table() else None
        rows.append(
            {
                "network": name,
                "PSNR / SSIM": _score(row),
                "its paper": f"{published:.2f}" if published else "",
                "perceptual": f"{row['perceptual']:.3f}" if "perceptual" in row else "",
                "parameters": f"{row['parameters']:,}" if "parameters" in row else "",
                "G multiply-adds": f"{row['multiply_adds'] / 1e9:.1f}" if "multiply_adds" in row else "",
                "ms per megapixel": f"{row['ms_per_megapixel']:,.0f}" if "ms_per_megapixel" in row else "",
                "measured": row["date"],
            }
        )
    return table(rows, f"{dataset} at x{scale}: PSNR in dB / SSIM; timed on {machines}")


def standing(dataset: str = "Set5", scale: int = 2, protocol: str | None = None) -> dict[str, dict]:
    """Method -> its newest row of the ledger on a photo set at a scale, each under its own papers' protocol.

    Raises:
        ValueError: nothing was measured there.
    """
    newest = {}
    for row in ledger.rows(dataset=dataset, scale=scale):
        if row["protocol"] == (protocol or default_protocol(row["model"])):
            newest[row["model"]] = row
    if not newest:
        raise ValueError(
            f"Nothing was measured on {dataset} x{scale}. Measure: srlib benchmark NAME {dataset} --record"
        )
    return newest


def default_protocol(name: str) -> str:
    """The protocol of a network's papers, or of those of its game."""
    network = recipes.get(name).model if name in recipes.games() else name
    return f"paper_{models.model_class(network).space if network in models.names() else 'y'}"


def _mean(scores: dict[str, dict[str, float]], key: str) -> float:
    return sum(s[key] for s in scores.values()) / len(scores)


def _score(row: dict | None) -> str:
    return "not measured" if row is None else _pair(row["psnr"], row["ssim"])


def _pair(psnr: float | None, ssim: float | None) -> str:
    if psnr is None:
        return "not published"
    return f"{psnr:.2f} / {ssim:.4f}" if ssim is not None else f"{psnr:.2f}"
