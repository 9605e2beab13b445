"""Dead leaves: the same seed gives the same picture, and the pictures are what they claim to be."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from srlib import synthetic
from srlib.resize import resize


def test_the_same_seed_the_same_picture():
    first = synthetic.picture(3, side=64)
    assert torch.equal(first, synthetic.picture(3, side=64))
    assert not torch.equal(first, synthetic.picture(4, side=64))


NEW = "A seed means another picture than before: raise synthetic.VERSION, train anew, and store the new pictures."
#: mean level of each 32 x 32 block of picture(0), all channels together
BLOCKS = """
    105 122 157 171 163 145 135 122 114 100   117 125  75  90  84 124 110 109 111 133
     96 101 103 133 100 105 101 103  94 116    99 101 127 104 112 101 103 121 118 105
     71 115  97 110  69 103  92 110 120 131   124 116 128 108  82 104 103 103  83  97
    116  78 125  82  80  74  51  84  80  97   110  91 125  63  56  54  64 106  96 101
    105 124 133 109  57  60  72 129  89 112   108 118 148 169 131 119 102 105 120  98
"""


def test_the_first_training_picture_is_what_it_was():
    """picture(0) trains every network of the course. It happens to have no text, so no font changes it."""
    blocks = synthetic.picture(0).double().mean(0).reshape(10, 32, 10, 32).mean((1, 3)) * 255
    expected = torch.tensor([float(level) for level in BLOCKS.split()]).view(10, 10)
    assert (blocks - expected).abs().max() <= 1, NEW


@pytest.mark.parametrize(("seed", "text"), [(0, True), (1, True), (2, False), (3, True)])
def test_small_pictures_are_what_they_were(seed, text):
    """Sample by sample, against a file. Processors round sines differently, so a few samples at edges may differ;
    where there is text, another release of Pillow (its font, its FreeType) may set it a little differently.
    """
    with Image.open(Path(__file__).with_name("synthetic_pictures.png")) as file:
        expected = np.asarray(file)[:, 64 * seed : 64 * (seed + 1)].astype(float)
    found = synthetic.picture(seed, 64).permute(1, 2, 0).double().numpy() * 255
    differing = (np.abs(found - expected) > 2).mean()
    assert differing <= (0.02 if text else 0.001), f"{differing:.2%} of the samples differ. {NEW}"


@pytest.mark.parametrize("seed", range(40))
def test_no_leaf_covers_a_pixel_twice(seed):
    """The largest leaves reach around the picture; what they say they covered is what is covered."""
    leaves = synthetic._Leaves(np.random.default_rng(seed), 24)
    covered = sum(leaves._drop(12) for _ in range(3))
    assert covered == (leaves.owner >= 0).sum()
    assert leaves.count == 3


@pytest.mark.parametrize("seed", range(3))
def test_a_picture_has_levels_and_content(seed):
    img = synthetic.picture(seed, side=96)
    assert img.shape == (3, 96, 96)
    assert img.dtype == torch.float32
    assert 0 <= img.min() < img.max() <= 1
    levels = img.double() * 255
    assert (levels - levels.round()).abs().max() < 1e-4
    assert img.std() > 0.05


def test_there_is_detail_that_bicubic_cannot_restore():
    """Otherwise there would be nothing to learn; and not so much that it is noise."""
    lost = []
    for seed in range(3):
        img = synthetic.picture(seed, side=96)
        lost.append((resize(resize(img, 1 / 2), 2) - img).square().mean().sqrt().item())
    assert 0.005 < sum(lost) / 3 < 0.1


def test_radii_follow_the_power_law():
    """The share of leaves above r is (r^k - max^k) / (min^k - max^k) with k = 1 - POWER."""
    leaves = synthetic._Leaves(np.random.default_rng(0), 32)
    radii = np.array([leaves._radius(2, 100) for _ in range(20_000)])
    assert 2 <= radii.min() <= radii.max() <= 100
    k = 1 - synthetic.POWER
    for r in (3, 5, 10, 20):
        share = (r**k - 100**k) / (2**k - 100**k)
        assert (radii > r).mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("seed", "side", "sentence"),
    [
        (0, 15, r"side=15, seed=0: the side must be at least 16 pixels and the seed 0 or more"),
        (-1, 64, r"side=64, seed=-1"),
        (0.5, 64, r"side=64, seed=0\.5"),
        (0, 64.0, r"side=64\.0, seed=0"),
    ],
)
def test_wrong_arguments(seed, side, sentence):
    with pytest.raises(ValueError, match=sentence):
        synthetic.picture(seed, side)
