"""SAN: channels weighed by how they vary together, in groups that all receive the first features again.

T. Dai, J. Cai, Y. Zhang, S.-T. Xia, L. Zhang, "Second-order Attention Network for Single Image Super-Resolution",
CVPR 2019. The authors' code: https://github.com/daitao/SAN (folder TrainCode, which made the published weights; a later
folder `code` differs and does not fit them).

- Followed: section 3 and TrainCode. 20 groups of 10 residual blocks, 64 channels; a second-order attention closes every
  group (covariance of the channels, its square root by 5 Newton-Schulz steps, the mean of each row, 1 x 1 convolutions
  to a 16th and back, sigmoid). One non-local module, applied to each quarter of the picture, serves before and after
  the groups.
- Each position reads 2 x 2 maxima of keys and values: TrainCode asks for no subsampling, but overwrites the answer.
- The features behind the first non-local module are added after every group, times one learned number gamma that
  starts at 0. What TrainCode adds at the very end are those before that module, and without gamma; the later folder
  adds those behind it. Neither has weighted skips within a group, though every group of TrainCode holds a gamma.
- Count at x2: the authors' 15,712,800 hold 24 frozen mean-shift values and 38,044 that `forward` never reads: a
  convolution after the groups (36,928), an attention inside the non-local module (1,096), a gamma in every group (20).
  Here are the other 15,674,732.
- The authors' code divides by the trace of the covariance, which is 0 where nothing varies (one pixel), and fails where
  a quarter has a side below 2. Here no variation has the root 0, an empty quarter is left out, and a side of 1 is not
  subsampled. It also takes covariances from the middle 1000 x 1000 features only; here, as in the paper, from all.
- `course`: 2 groups of 3 blocks, 24 channels, reduction 8.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import checks
from srlib.models.blocks import MeanColour, ResBlock, Upsampler
from srlib.models.rcan import ChannelAttention

STEPS = 5  # of Newton-Schulz


def covariance(x: Tensor) -> Tensor:
    """How channels vary together over the picture: ``(N, C, H, W)`` to ``(N, C, C)``."""
    x = x.flatten(-2)
    x = x - x.mean(-1, keepdim=True)
    return x @ x.mT / x.shape[-1]


def matrix_sqrt(matrix: Tensor, steps: int = STEPS) -> Tensor:
    """About the square root of symmetric matrices ``(N, C, C)`` without negative eigenvalues, by products alone.

    Newton-Schulz: Y -> Y (3I - ZY) / 2 and Z -> (3I - ZY) Z / 2 from Y = A, Z = I approach the roots of A and of its
    inverse. The matrix is first divided by its trace, without which they would not. Eigenvalues far below the trace
    need more steps than the paper's 5. A matrix of zeros gives zeros.
    """
    trace = matrix.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None].clamp(min=1e-12)
    three = 3 * torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    y = matrix / trace
    step = (three - y) / 2  # the first, with Z = I
    y, z = y @ step, step
    for _ in range(steps - 1):
        step = (three - z @ y) / 2
        y, z = y @ step, step @ z
    return y * trace.sqrt()


class SecondOrderAttention(ChannelAttention):
    """RCAN's attention, but from all channels' covariances and not their means (section 3.3)."""

    def statistic(self, x: Tensor) -> Tensor:
        """The mean of each row of the covariances' root: ``(N, features, H, W)`` to ``(N, features, 1, 1)``."""
        device = "cpu" if x.is_meta else x.device.type
        with torch.autocast(device, enabled=False):  # 8 bits of a number are too few for the root of a matrix
            root = matrix_sqrt(covariance(x if x.dtype == torch.float64 else x.float()))
        return root.mean(-1)[..., None, None].to(x.dtype)


class NonLocal(nn.Module):
    """Every position reads its whole quarter, the more the more alike it is: ``(N, C, H, W)`` plus what was read.

    An odd row or column goes to the lower or right half. Starts as the identity.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        inner = features // 8
        self.value = nn.Conv2d(features, inner, 1)
        self.query = nn.Conv2d(features, inner, 1)
        self.key = nn.Conv2d(features, inner, 1)
        self.out = nn.Conv2d(inner, features, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def attend(self, x: Tensor) -> Tensor:
        """The same for a whole picture: a softmax over all it reads, whose logits are not scaled."""
        cell = [min(2, side) for side in x.shape[-2:]]
        parts = F.max_pool2d(self.value(x), cell), self.query(x), F.max_pool2d(self.key(x), cell)
        value, query, key = (part.flatten(-2).mT[:, None] for part in parts)
        read = F.scaled_dot_product_attention(query, key, value, scale=1.0)  # never holds all pairs at once
        return x + self.out(read[:, 0].mT.unflatten(-1, x.shape[-2:]))

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        rows = [
            torch.cat([self.attend(part) for part in band.tensor_split((width // 2,), -1) if part.shape[-1]], -1)
            for band in x.tensor_split((height // 2,), -2)
            if band.shape[-2]
        ]
        return torch.cat(rows, -2)


class Group(nn.Module):
    """Local-source residual attention group: blocks, attention, a convolution, and a skip around them."""

    def __init__(self, features: int, reduction: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*[ResBlock(features) for _ in range(blocks)])
        self.attention = SecondOrderAttention(features, reduction)
        self.join = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.join(self.attention(self.blocks(x)))


class SAN(nn.Module):
    """SAN: LR ``(N, 3, H, W)`` to ``(N, 3, scale*H, scale*W)``, RGB in [0, 1].

    Args:
        scale: 2, 3 or 4.
        groups: residual groups.
        blocks: residual blocks in each group.
        features: channels, at least 8.
        reduction: how many times fewer channels the attention squeezes to.
    """

    title = "Second-order Attention Network for Single Image Super-Resolution, 2019"
    ancestor = (
        "RCAN (2018): channels weighed by their covariances, not their means, and a non-local look at each quarter"
    )
    code = "https://github.com/daitao/SAN"
    space = "rgb"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {"20x10": {"groups": 20, "blocks": 10}}
    trunk = ("head", "upsample", "tail")
    arrivals = 2  # the first features reach the upsampler through the groups, and are added to that
    course = {"groups": 2, "blocks": 3, "features": 24, "reduction": 8}

    def __init__(
        self, scale: int = 2, groups: int = 20, blocks: int = 10, features: int = 64, reduction: int = 16
    ) -> None:
        super().__init__()
        if features < max(reduction, 8):
            raise ValueError(
                f"features={features} is too few for reduction={reduction} and the non-local module, which has an "
                f"eighth of them. Use {max(reduction, 8)} or more."
            )
        self.scale = scale
        self.colour = MeanColour()
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.non_local = NonLocal(features)
        self.groups = nn.ModuleList(Group(features, reduction, blocks) for _ in range(groups))
        self.gamma = nn.Parameter(torch.zeros(1))
        self.upsample = Upsampler(features, scale)
        self.tail = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(3,))
        if x.ndim == 3:  # attention wants a batch
            return self(x[None])[0]
        first = self.head(self.colour.remove(x))
        source = x = self.non_local(first)
        for group in self.groups:
            x = group(x) + self.gamma * source
        x = first + self.non_local(x)
        return self.colour.restore(self.tail(self.upsample(x)))

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> None:
        return None  # attention sees the whole picture
