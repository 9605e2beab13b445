"""ESPCN: every pixel of the large picture is a channel of the small one; a shuffle puts them in place.

W. Shi, J. Caballero, F. Huszar, J. Totz, A. P. Aitken, R. Bishop, D. Rueckert, Z. Wang, "Real-Time Single Image and
Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016 (arXiv:1609.05158).
The authors released no code.

- Followed: sections 2.1, 2.2 and 3.2. 5 x 5 to 64 channels, 3 x 3 to 32, 3 x 3 to scale squared, tanh after the first
  two, nothing after the last. Ports that end in a sigmoid or a tanh squash the picture.
- Starting weights: the paper gives none. Here the first two layers are scaled for tanh (Glorot) and the last starts
  near zero: in short trainings a little ahead of PyTorch's own with AdamW, far ahead with SGD. A spread of 0.001 in
  every layer, as many ports have it, stalls.
- `paper` and `course` are the same network: it already trains on a laptop.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib import checks


class ESPCN(nn.Module):
    """ESPCN: LR ``(N, 1, H, W)`` to ``(N, 1, scale*H, scale*W)``, Y in [0, 1].

    Args:
        scale: 2, 3 or 4.
        n1, n2: channels of the first and the second layer.
    """

    title = (
        "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network, "
        "2016"
    )
    ancestor = "SRCNN (2014): works on the small picture throughout, and shuffles channels into pixels at the end"
    code = "none released"
    space = "y"
    pre_upsampled = False
    scales = (2, 3, 4)
    variants = {"5-3-3": {}}
    course: dict = {}

    def __init__(self, scale: int = 2, n1: int = 64, n2: int = 32) -> None:
        super().__init__()
        self.scale = scale
        self.extract = nn.Conv2d(1, n1, 5, padding=2)
        self.map = nn.Conv2d(n1, n2, 3, padding=1)
        self.place = nn.Conv2d(n2, scale**2, 3, padding=1)
        self.tanh = nn.Tanh()
        self.shuffle = nn.PixelShuffle(scale)
        for conv in (self.extract, self.map):
            nn.init.xavier_normal_(conv.weight, gain=nn.init.calculate_gain("tanh"))
            nn.init.zeros_(conv.bias)
        nn.init.normal_(self.place.weight, std=0.001)
        nn.init.zeros_(self.place.bias)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(1,))
        x = self.tanh(self.extract(x))
        x = self.tanh(self.map(x))
        return self.shuffle(self.place(x))  # channel i*scale + j becomes row i, column j of each square

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return 9
