"""What training minimises: one number that says how far an estimate is from the original.

All take ``sr`` and ``hr`` of the same shape ``(N, C, H, W)`` in [0, 1] and return a scalar tensor; shapes that differ
are a ValueError.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from srlib import checks


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute error: asks for the median of what is plausible; trains faster than squares and blurs less."""
    checks.same_shape(sr, hr)  # torch would stretch one of them, and only warn
    return F.l1_loss(sr, hr)


def mse(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean squared error: asks for the mean of what is plausible; minimising it maximises PSNR (SRCNN, eq. 4)."""
    checks.same_shape(sr, hr)
    return F.mse_loss(sr, hr)


def charbonnier(sr: Tensor, hr: Tensor, eps: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + eps^2): L1 with a rounded tip (LapSRN, eq. 3). Equal pictures give ``eps``, not 0."""
    checks.same_shape(sr, hr)
    return torch.sqrt((sr - hr) ** 2 + eps**2).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": l1, "mse": mse, "charbonnier": charbonnier}


def get(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of that name.

    Raises:
        ValueError: unknown name; the message lists the known ones.
    """
    return LOSSES[checks.choice(name, LOSSES, "loss")]
