"""SRGAN's judge: eight convolutions and two dense layers that tell photographs from enlargements.

C. Ledig, L. Theis, F. Huszar, J. Caballero, A. Cunningham, A. Acosta, A. Aitken, A. Tejani, J. Totz, Z. Wang, W. Shi,
"Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017 (arXiv:1609.04802).
The authors released no code. The generator that it trains is SRResNet (srresnet.py).

- Followed: section 2.1 and figure 4. 3 x 3 convolutions of 64, 64, 128, 128, 256, 256, 512, 512 channels, the second of
  each pair with stride 2; leaky ReLU 0.2, batch norm after all but the first; dense layers to 1024 and to 1.
- The paper's sigmoid is left to the loss: logits here, with a loss that takes logits. Applying both flattens the
  gradient and is a frequent mistake.
- The first dense layer fits one size of picture, the paper's 96 x 96 crops by default (23,565,505 parameters). Copies
  that average the last features instead, to take any size, are another network.
- Range: as in the paper the judge sees pictures in [-1, 1]; it takes them in [0, 1] and does that itself.
- `course`: 16 channels, 128 numbers in the first dense layer.
"""

from __future__ import annotations

from torch import Tensor, nn

from srlib.models.blocks import judged


class Discriminator(nn.Module):
    """SRGAN's judge: pictures ``(N, 3, patch, patch)`` in [0, 1] to logits ``(N, 1)``.

    Args:
        patch: side of the pictures, a multiple of 16.
        features: channels of the first convolution; the last have eight times as many.
        hidden: numbers between the convolutions and the verdict.
    """

    title = "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network, 2017"
    course = {"features": 16, "hidden": 128}

    def __init__(self, patch: int = 96, features: int = 64, hidden: int = 1024) -> None:
        super().__init__()
        if patch < 16 or patch % 16:
            raise ValueError(f"patch={patch} is not a multiple of 16, as four halvings need. Use 96, or 48.")
        self.patch = patch
        layers: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.LeakyReLU(0.2)]
        before = features
        for i in range(1, 8):
            after = features * 2 ** (i // 2)
            layers += [
                nn.Conv2d(before, after, 3, stride=1 + i % 2, padding=1),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2),
            ]
            before = after
        self.look = nn.Sequential(*layers)
        self.judge = nn.Sequential(
            nn.Linear(before * (patch // 16) ** 2, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(self.look(2 * judged(x, self.patch) - 1).flatten(1))
