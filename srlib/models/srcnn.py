"""SRCNN: three convolutions that learn to sharpen a bicubic enlargement.

C. Dong, C. C. Loy, K. He, X. Tang, "Image Super-Resolution Using Deep Convolutional Networks", TPAMI 38(2), 2016
(arXiv:1501.00092); first at ECCV 2014. The authors' code is MATLAB and Caffe.

- Followed: sections 3.1 to 3.3. Patch extraction (f1 x f1, 64 filters), non-linear mapping (f2 x f2, 32 filters),
  reconstruction (f3 x f3). ReLU after the first two, nothing after the last. It works on Y alone.
- Padding: the paper trains without padding (33 -> 21 pixels) and its released test code repeats the edge. Here
  every convolution repeats the edge; zeros instead would darken a 6-pixel frame and cost several dB.
- `paper` and `course` are the same network: at 57,281 parameters it already trains on a laptop.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib import checks


class SRCNN(nn.Module):
    """SRCNN: ``(N, 1, H, W)`` enlarged by bicubic to ``(N, 1, H, W)``, Y in [0, 1].

    Args:
        scale: for which factor it is meant; the network itself is the same.
        f1, f2, f3: filter sizes of the three layers (odd).
        n1, n2: filters in the first and second layer.
    """

    title = "Image Super-Resolution Using Deep Convolutional Networks, 2014"
    ancestor = "sparse coding (Yang et al., 2010): its three steps become three layers, learned together"
    code = "http://mmlab.ie.cuhk.edu.hk/projects/SRCNN.html (MATLAB)"
    space = "y"
    pre_upsampled = True
    scales = (2, 3, 4)
    variants = {"955": {"f2": 5}, "915": {"f2": 1}, "935": {"f2": 3}}
    course: dict = {}

    def __init__(self, scale: int = 2, f1: int = 9, f2: int = 5, f3: int = 5, n1: int = 64, n2: int = 32) -> None:
        super().__init__()
        for f in (f1, f2, f3):
            if f < 1 or f % 2 == 0:
                raise ValueError(f"A filter of {f} x {f} pixels has no middle. Use odd sizes, such as 9, 5 and 5.")
        self.scale = scale
        self.filters = (f1, f2, f3)
        self.extract = nn.Conv2d(1, n1, f1, padding=f1 // 2, padding_mode="replicate")
        self.map = nn.Conv2d(n1, n2, f2, padding=f2 // 2, padding_mode="replicate")
        self.reconstruct = nn.Conv2d(n2, 1, f3, padding=f3 // 2, padding_mode="replicate")
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(1,))
        x = self.relu(self.extract(x))  # n1 features of each 9 x 9 patch
        x = self.relu(self.map(x))  # n2 features of a high-resolution patch
        return self.reconstruct(x)  # overlapping patches, averaged

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return sum(self.filters) - 2
