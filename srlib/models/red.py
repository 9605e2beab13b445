"""RED30: fifteen convolutions, fifteen deconvolutions, and a bridge from every second one to its mirror image.

X.-J. Mao, C. Shen, Y.-B. Yang, "Image Restoration Using Very Deep Convolutional Encoder-Decoder Networks with
Symmetric Skip Connections", NIPS 2016 (arXiv:1603.09056; longer: 1606.08921). The authors' code is Caffe.

- Followed: section 2. 3 x 3 filters, stride 1, ReLU everywhere; a skip is added before its ReLU; the input is added to
  the last deconvolution, also before a ReLU. A deconvolution of stride 1 is a convolution with its filter turned.
- Channels: 128, which gives the 4,131,072 weights that later tables quote (4,134,785 with biases). Ports with 64
  channels, colour and a stride of 2 are other networks.
- `course`: 3 convolutions and 3 deconvolutions of 24 channels.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from srlib import checks


class RED(nn.Module):
    """RED30: ``(N, 1, H, W)`` enlarged by bicubic to ``(N, 1, H, W)``, Y in [0, 1].

    Args:
        scale: for which factor it is used; one set of weights serves all.
        pairs: convolutions, and as many deconvolutions; an odd number, so that the skips end at the input.
        features: channels of the hidden layers.
    """

    title = (
        "Image Restoration Using Very Deep Convolutional Encoder-Decoder Networks with Symmetric Skip Connections, 2016"
    )
    ancestor = "VDSR (2016): encoder and decoder, with a skip from every second layer to its mirror image"
    code = "https://bitbucket.org/chhshen/image-denoising (Caffe)"
    space = "y"
    pre_upsampled = True
    scales = (2, 3, 4)
    variants = {"30": {"pairs": 15}}
    course = {"pairs": 3, "features": 24}

    def __init__(self, scale: int = 2, pairs: int = 15, features: int = 128) -> None:
        super().__init__()
        if pairs < 1 or pairs % 2 == 0:
            raise ValueError(f"pairs={pairs} must be odd, so that every second layer has its mirror image. Use 15.")
        self.scale, self.pairs = scale, pairs
        self.encode = nn.ModuleList(nn.Conv2d(features if i else 1, features, 3, padding=1) for i in range(pairs))
        ends = [features] * (pairs - 1) + [1]
        self.decode = nn.ModuleList(nn.ConvTranspose2d(features, end, 3, padding=1) for end in ends)
        self.relu = nn.ReLU()
        for layer in (*self.encode, *self.decode):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / (9 * features)))  # He et al. 2015
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        checks.picture(x, "x", channels=(1,))
        skips, h = [x], x
        for number, layer in enumerate(self.encode, 1):
            h = self.relu(layer(h))
            if number % 2 == 0:
                skips.append(h)
        for number, layer in enumerate(self.decode, 1):
            h = layer(h)
            if number % 2:  # the last skip made is the first one used
                h = h + skips.pop()
            h = self.relu(h)
        return h

    def outputs(self, x: Tensor) -> list[Tensor]:
        """Every supervised output: here the one picture."""
        return [self(x)]

    @property
    def receptive_field(self) -> int:
        return 4 * self.pairs + 1
