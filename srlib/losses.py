"""What training minimises: one number that says how far an estimate is from the original.

Those in ``LOSSES`` take ``sr`` and ``hr`` of the same shape ``(N, C, H, W)`` in [0, 1] and return a scalar tensor;
shapes that differ are a ValueError. All are means over pixels, so that neither patch nor batch size changes their
scale. Two more judge all the outputs of a network that draws several; :func:`total_variation` needs no original; the
adversarial losses, at the end, compare what a judge makes of pictures with what it makes of photographs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import checks
from srlib.resize import resize

Loss = Callable[[Tensor, Tensor], Tensor]


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute error: asks for the median of what is plausible; trains faster than squares and blurs less."""
    checks.same_shape(sr, hr)  # torch would stretch one of them, and only warn
    return F.l1_loss(sr, hr)


def mse(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean squared error: asks for the mean of what is plausible; minimising it maximises PSNR (SRCNN, eq. 4)."""
    checks.same_shape(sr, hr)
    return F.mse_loss(sr, hr)


def charbonnier(sr: Tensor, hr: Tensor, eps: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + eps^2): L1 with a rounded tip (LapSRN, section 3.2). Equal pictures give ``eps``, not 0."""
    checks.same_shape(sr, hr)
    return torch.sqrt((sr - hr) ** 2 + eps**2).mean()


def edge(sr: Tensor, hr: Tensor) -> Tensor:
    """Charbonnier between the two pictures' edges (MPRNet, section 3, L_edge). Equal pictures give 1e-3, not 0.

    The paper takes the root of the whole picture's squared error; its code, followed here, takes every pixel's root and
    then the mean. Alone it does not train: but for the frame, it cannot see whether the picture is too bright.
    """
    return charbonnier(laplacian(sr), laplacian(hr))


def charbonnier_edge(sr: Tensor, hr: Tensor, weight: float = 0.05) -> Tensor:
    """MPRNet's loss of one output: Charbonnier, and 0.05 times the edge loss."""
    return charbonnier(sr, hr) + weight * edge(sr, hr)


def laplacian(img: Tensor) -> Tensor:
    """What a picture loses on the way to half its size and back: its edges. ``(N, C, H, W) -> (N, C, H, W)``.

    A level of the Laplacian pyramid (P. Burt, E. Adelson, "The Laplacian pyramid as a compact image code", IEEE
    Transactions on Communications 31(4), 1983): blur, drop every second row and column, fill them with 0, blur times 4,
    subtract. As in MPRNet's code, the border repeats, zeros or not: a flat picture gives 0 but for a 2-pixel frame.
    """
    blurred = _blur(checks.picture(img))
    kept = torch.zeros_like(blurred)
    kept[..., ::2, ::2] = 4 * blurred[..., ::2, ::2]  # a quarter of the pixels carries the brightness of all
    return img - _blur(kept)


def _blur(img: Tensor) -> Tensor:
    """Burt and Adelson's 5-tap Gaussian along both axes; beyond the border the edge pixels repeat."""
    row = torch.tensor([0.05, 0.25, 0.4, 0.25, 0.05], dtype=img.dtype, device=img.device)
    channels = img.shape[-3]
    kernel = torch.outer(row, row).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(img, (2, 2, 2, 2), mode="replicate"), kernel, groups=channels)


LOSSES: dict[str, Loss] = {
    "l1": l1,
    "mse": mse,
    "charbonnier": charbonnier,
    "edge": edge,
    "charbonnier_edge": charbonnier_edge,
}


def get(name: str) -> Loss:
    """The loss of that name.

    Raises:
        ValueError: unknown name; the message lists the known ones.
    """
    return LOSSES[checks.choice(name, LOSSES, "loss")]


def total_variation(sr: Tensor) -> Tensor:
    """The mean length of the gradient (isotropic: a slanted edge costs no more than an upright one).

    A penalty on roughness, to be added to a loss with a small weight. Too much of it turns texture into flat patches.
    (L. Rudin, S. Osher, E. Fatemi, "Nonlinear total variation based noise removal algorithms", Physica D 60, 1992.)

    >>> total_variation(torch.tensor([[[0.0, 1.0], [1.0, 1.0]]]))  # the corner has length sqrt(2); 4 pixels
    tensor(0.3536)
    """
    down, right = gradient(sr)
    return torch.sqrt(down**2 + right**2 + 1e-12).mean()  # 1e-12: at 0 a root has no derivative


def gradient(img: Tensor) -> Tensor:
    """The steps to the pixel below and to the one on the right: ``(..., H, W) -> (2, ..., H, W)``, 0 at the border."""
    checks.picture(img)
    down = img.diff(dim=-2, append=img[..., -1:, :])
    right = img.diff(dim=-1, append=img[..., -1:])
    return torch.stack([down, right])


def recursive_supervision(outputs: Sequence[Tensor], hr: Tensor, alpha: float, loss: Loss = mse) -> Tensor:
    """DRCN's loss: ``alpha`` times the mean loss of the recursions, and ``1 - alpha`` times that of the final picture.

    DRCN, section 3.3. Its third term, beta |weights|^2, is the optimiser's weight decay. Its losses are half the mean
    squared error; the half is left to the learning rate.

    Args:
        outputs: what ``net.outputs(x)`` lists: the picture after each recursion, then the final one.
        hr: the original.
        alpha: 1 trains the recursions alone, 0 the final picture alone. The paper starts high and lets it decay.
        loss: for each picture; the paper's is ``mse``.

    Raises:
        ValueError: ``alpha`` outside 0..1, no recursion, or shapes that differ.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha!r} is outside 0..1. Start at 1 and let it fall to 0.")
    if len(outputs) < 2:
        raise ValueError(
            f"outputs has {len(outputs)} picture(s), but at least one recursion's and the final one are needed. "
            "Give what net.outputs(x) lists, or call the loss itself."
        )
    *recursions, final = outputs
    early = torch.stack([loss(sr, hr) for sr in recursions]).mean()
    return alpha * early + (1 - alpha) * loss(final, hr)


def pyramid(outputs: Sequence[Tensor], hr: Tensor, loss: Loss = charbonnier) -> Tensor:
    """LapSRN's loss: the sum over levels of the loss between output and original, shrunk to its size by bicubic.

    LapSRN, section 3.2. Its code sums over pixels instead of averaging (its learning rate, 1e-5, goes with that), so a
    level weighs as much as it has pixels; here all weigh the same. A single output gives ``loss(output, hr)``.

    Args:
        outputs: what ``net.outputs(x)`` lists, coarse to fine; each a whole fraction of ``hr`` in size.
        hr: the original, at the size of the finest.
        loss: for each level.

    Raises:
        ValueError: no output, or one whose size is not hr's divided by a whole number.
    """
    if not outputs:
        raise ValueError("outputs is empty. Give what net.outputs(x) lists.")
    return torch.stack([loss(sr, _shrunk(hr, sr)) for sr in outputs]).sum()


def _shrunk(hr: Tensor, sr: Tensor) -> Tensor:
    (height, width), (h, w) = hr.shape[-2:], sr.shape[-2:]
    if height % h or width % w or height * w != width * h:
        raise ValueError(
            f"An output of {h} x {w} pixels is no level of an original of {height} x {width}. "
            "Crop the original to a multiple of the scale first: images.modcrop(hr, scale)."
        )
    return hr if h == height else resize(hr, size=(h, w))


def judging(real: Tensor, fake: Tensor) -> Tensor:
    """What a judge minimises: ``-mean log D(real) - mean log(1 - D(fake))`` (SRGAN, eq. 2), where D is a probability.

    A sigmoid makes it of the logits given here; both in one are softplus, which no logit is too large for.

    Args:
        real, fake: the judge's logits for photographs and for a network's pictures, ``(N, 1)``.

    >>> judging(torch.zeros(4, 1), torch.zeros(4, 1))  # a judge who cannot tell: 2 log 2
    tensor(1.3863)
    """
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def fooling(real: Tensor, fake: Tensor) -> Tensor:
    """What a generator minimises: ``-mean log D(fake)`` (SRGAN, eq. 6, as a mean). ``real`` does not matter to it.

    Not ``log(1 - D(fake))``, the judge's own term turned round: that is flat where the judge is sure, which is where a
    generator begins.
    """
    return F.softplus(-fake).mean()


def relative(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of "more real than the other kind is on average" (ESRGAN, section 3.2: the relativistic average judge)."""
    return real - fake.mean(), fake - real.mean()


def relativistic_judging(real: Tensor, fake: Tensor) -> Tensor:
    """ESRGAN, eq. 1: photographs shall look more real than the network's pictures do on average, and these less.

    The authors' code halves this and the next. An optimiser that divides by the gradient's size does not notice; a
    weight beside other losses does: their 5e-3 is 2.5e-3 here.
    """
    return judging(*relative(real, fake))


def relativistic_fooling(real: Tensor, fake: Tensor) -> Tensor:
    """ESRGAN, eq. 2: the judge's loss with the roles exchanged; photographs too then tell the generator something."""
    real, fake = relative(real, fake)
    return judging(fake, real)


class Game(NamedTuple):
    """Who wants what: functions of the judge's logits for photographs and for pictures, in this order."""

    judge: Loss  #: what the judge minimises
    generator: Loss  #: what the generator minimises
    logits: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  #: those whose sigmoids are the verdicts


GAMES = {
    "vanilla": Game(judging, fooling, lambda real, fake: (real, fake)),
    "relativistic": Game(relativistic_judging, relativistic_fooling, relative),
}
