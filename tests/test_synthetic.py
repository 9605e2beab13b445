"""Dead leaves: the same seed gives the same picture, and the pictures are what they claim to be."""

import pytest
import torch

from srlib import synthetic
from srlib.resize import resize


def test_the_same_seed_the_same_picture():
    first = synthetic.picture(3, side=64)
    assert torch.equal(first, synthetic.picture(3, side=64))
    assert not torch.equal(first, synthetic.picture(4, side=64))


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
    import numpy as np

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
