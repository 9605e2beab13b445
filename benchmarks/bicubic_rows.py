"""The ledger's rows of bicubic interpolation on Set5, Set14 and BSD100, and of its two common mistakes on Set5.

    python benchmarks/bicubic_rows.py

``bicubic-aliased`` shrinks without antialiasing; ``bicubic-torch`` uses torch's default for both directions (a = -3/4,
no antialiasing). The chapter *Interpolation* quotes them where Set5 is not on the machine.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from srlib import benchmark, datasets, images, ledger, metrics, resize


def torch_default(img: Tensor, scale: float) -> Tensor:
    return F.interpolate(img[None], scale_factor=scale, mode="bicubic")[0]


def aliased(img: Tensor, scale: float) -> Tensor:
    return resize.resize(img, scale, antialias=False)


def row(name: str, method: Callable[[Tensor, float], Tensor], scale: int, protocol: str) -> dict:
    """Set5 shrunk and enlarged by ``method``, under a protocol whose own shrinking is replaced by it."""
    rules, scores = metrics.protocol(protocol), {}
    for photo in datasets.photos("Set5"):
        hr = rules.reference(images.modcrop(photo.image, scale))
        lr = method(hr, 1 / scale)
        lr = images.round_to_uint8(lr) if rules.lr_uint8 else lr
        scores[photo.name] = rules(method(lr, scale), hr, scale)
    psnr, ssim = (sum(s[k] for s in scores.values()) / len(scores) for k in ("psnr", "ssim"))
    means = {"psnr": round(psnr, 4), "ssim": round(ssim, 5)}
    about = {"model": name, "weights": None, "dataset": "Set5", "scale": scale, "protocol": protocol, "parameters": 0}
    photos = {name: round(s["psnr"], 3) for name, s in scores.items()}
    return {**about, **means, "photos": photos, **ledger.provenance()}


def main() -> None:
    rows = [r for d in ("Set5", "Set14", "BSD100") for s in (2, 3, 4) for r in benchmark.run("bicubic", d, scale=s)]
    rows += [r for s in (2, 4) for r in benchmark.run("bicubic", "Set5", "paper_rgb", s)]
    rows += [row("bicubic-aliased", aliased, s, "paper_y") for s in (2, 3, 4)]
    rows += [row("bicubic-torch", torch_default, s, "paper_rgb") for s in (2, 4)]
    for r in rows:
        print(
            f"{r['model']:<16} x{r['scale']} {r['dataset']:<7} {r['protocol']:<10} {r['psnr']:.3f} dB, {r['ssim']:.4f}"
        )
    ledger.append(rows)


if __name__ == "__main__":
    main()
