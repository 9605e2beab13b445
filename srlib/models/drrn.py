"""DRRN: a residual unit applied twenty-five times with the same weights, each time added to the first features.

Y. Tai, J. Yang, X. Liu, "Image Super-Resolution via Deep Recursive Residual Network", CVPR 2017.
The authors' code is Caffe: https://github.com/tyshiwo/DRRN_CVPR17

- Followed: section 3 and the authors' network file. One recursive block (B = 1) of 25 units (U = 25): 52 convolutions
  deep. Before every convolution stand batch norm and ReLU, also before the first, which sees the picture itself.
- The two convolutions of a unit are shared by all units; the batch norms are not: every one has its own statistics.
  The paper's figures hide that and popular ports leave batch norm out; `plain` is that network (297,601 parameters,
  the "297K" of the tables), `official` the authors' (310,659).
- `course`: 24 channels, 4 units.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib import checks


def enter(features: int, norm: bool) -> nn.Sequential:
    """What stands before every convolution: batch norm (or nothing) and ReLU."""
    return nn.Sequential(*[nn.BatchNorm2d(features)] * norm, nn.ReLU())


class Unit(nn.Module):
    """One residual unit: ``h + conv_b(...conv_a(...))`` where ``h`` is the block's first features, not the last ones.

    The first unit owns the two convolutions; the others are given the first one's.
    """

    def __init__(self, features: int, norm: bool, first: bool) -> None:
        super().__init__()
        self.enter_a = enter(features, norm)
        self.conv_a = nn.Conv2d(features, features, 3, padding=1) if first else None
        self.enter_b = enter(features, norm)
        self.conv_b = nn.Conv2d(features, features, 3, padding=1) if first else None

    def forward(self, x: Tensor, h: Tensor, owner: Unit) -> Tensor:
        return h + owner.conv_b(self.enter_b(owner.conv_a(self.enter_a(x))))


class DRRN(nn.Module):
    """DRRN B1U25: ``(N, 1, H, W)`` enlarged by bicubic to ``(N, 1, H, W)``, Y in [0, 1].

    Args:
        scale: for which factor it is used; one set of weights serves all.
        units: how often the residual unit is applied.
        features: channels of the hidden layers.
        norm: with batch norm before each convolution?
    """

    title = "Image Super-Resolution via Deep Recursive Residual Network, 2017"
    ancestor = "VDSR and DRCN (2016): the recursion becomes a residual unit, fed by the first features each time"
    code = "https://github.com/tyshiwo/DRRN_CVPR17 (Caffe)"
    space = "y"
    pre_upsampled = True
    scales = (2, 3, 4)
    variants = {"official": {"norm": True}, "plain": {"norm": False}}
    course = {"units": 4, "features": 24}

    def __init__(self, scale: int = 2, units: int = 25, features: int = 128, norm: bool = True) -> None:
        super().__init__()
        if units < 1:
            raise ValueError(f"units={units} is too few. Use 1 or more.")
        self.scale, self.units = scale, units
        self.head = nn.Sequential(enter(1, norm), nn.Conv2d(1, features, 3, padding=1))
        self.body = nn.ModuleList(Unit(features, norm, first=u == 0) for u in range(units))
        self.tail = nn.Sequential(enter(features, norm), nn.Conv2d(features, 1, 3, padding=1))
        for conv in (m for m in self.modules() if isinstance(m, nn.Conv2d)):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")  # "msra" in the authors' network file
            nn.init.zeros_(conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(1,))
        if x.ndim == 3:  # batch norm wants a batch
            return self(x[None])[0]
        features = h = self.head(x)
        for unit in self.body:
            features = unit(features, h, self.body[0])
        return x + self.tail(features)

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return 2 * (2 + 2 * self.units) + 1
