"""FSRCNN: SRCNN without the enlarged input. Work on the small picture, and enlarge at the end by a deconvolution.

C. Dong, C. C. Loy, X. Tang, "Accelerating the Super-Resolution Convolutional Neural Network", ECCV 2016
(arXiv:1608.00367). The authors' code is MATLAB and Caffe.

- Followed: sections 3.1 and 3.2. Extract (5 x 5, d filters), shrink (1 x 1, s), map (m times 3 x 3, s), expand
  (1 x 1, d), and the deconvolution (9 x 9). A PReLU with one slope a channel follows every convolution.
- Size: the authors' deconvolution makes ``scale * n - (scale - 1)`` pixels of n and crops; here ``output_padding``
  adds the missing ones, so that 20 pixels become exactly 40, 60 or 80. Without it they become 39, 58 or 77, as in
  many ports, and every pixel of a crop lies beside its place.
- Parameters: the paper's 12,464 counts weights alone; with biases and slopes there are 12,809.
- `paper` and `course` are the same network: it already trains on a laptop.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib import checks


class FSRCNN(nn.Module):
    """FSRCNN(d, s, m): LR ``(N, 1, H, W)`` to ``(N, 1, scale*H, scale*W)``, Y in [0, 1].

    Args:
        scale: 2, 3 or 4.
        d: features of the LR picture.
        s: features after shrinking.
        m: mapping layers.
    """

    title = "Accelerating the Super-Resolution Convolutional Neural Network, 2016"
    ancestor = "SRCNN (2014): works on the small picture, shrinks its features, and enlarges last, by a deconvolution"
    code = "http://mmlab.ie.cuhk.edu.hk/projects/FSRCNN.html (MATLAB)"
    space = "y"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {"56-12-4": {"d": 56, "s": 12, "m": 4}, "32-5-1": {"d": 32, "s": 5, "m": 1}}
    course: dict = {}
    trunk = ("extract", "shrink", "map", "expand", "enlarge")

    def __init__(self, scale: int = 2, d: int = 56, s: int = 12, m: int = 4) -> None:
        super().__init__()
        self.scale, self.m = scale, m
        self.extract = nn.Sequential(nn.Conv2d(1, d, 5, padding=2), nn.PReLU(d))
        self.shrink = nn.Sequential(nn.Conv2d(d, s, 1), nn.PReLU(s))
        self.map = nn.Sequential(*[f for _ in range(m) for f in (nn.Conv2d(s, s, 3, padding=1), nn.PReLU(s))])
        self.expand = nn.Sequential(nn.Conv2d(s, d, 1), nn.PReLU(d))
        self.enlarge = nn.ConvTranspose2d(d, 1, 9, stride=scale, padding=4, output_padding=scale - 1)
        for conv in (f for f in self.modules() if isinstance(f, nn.Conv2d)):
            nn.init.kaiming_normal_(conv.weight, a=0.25)  # He et al. 2015: made for PReLU
            nn.init.zeros_(conv.bias)
        nn.init.normal_(self.enlarge.weight, std=0.001)
        nn.init.zeros_(self.enlarge.bias)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(1,))
        if x.ndim == 3:  # a PReLU takes the second axis for channels
            return self(x[None])[0]
        x = self.shrink(self.extract(x))
        x = self.expand(self.map(x))
        return self.enlarge(x)

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        placed = (self.scale + 3) // self.scale  # LR pixels that the 9 x 9 deconvolution reaches to the right
        return 2 * (2 + self.m + max(placed, 4 // self.scale)) + 1
