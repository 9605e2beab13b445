"""The patch pool against slicing by hand: true windows, aligned, all corners and all symmetries equally often."""

import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from srlib import datasets, degrade, images, sampling
from srlib.resize import resize
from srlib.sampling import PatchPool, pair


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(sizes, ratio):
    """Pairs in which every input pixel has its own number, and the targets repeat it ``ratio`` times."""
    pairs, first = [], 0
    for height, width in sizes:
        x = (first + torch.arange(height * width).view(1, height, width)).float()
        pairs.append((x, x.repeat_interleave(ratio, 1).repeat_interleave(ratio, 2)))
        first += height * width
    return pairs


def eight(patch):
    """A patch in its eight orientations, by numpy."""
    turned = [np.rot90(p, n) for p in (patch, patch[:, ::-1]) for n in range(4)]
    return [torch.from_numpy(t.copy()) for t in turned]


SIZES = st.lists(st.tuples(st.integers(3, 12), st.integers(3, 12)), min_size=1, max_size=4)


@given(SIZES, st.integers(1, 3), st.integers(1, 3), st.booleans(), st.integers(0, 1000))
def test_patches_are_true_windows_and_targets_lie_under_them(sizes, ratio, patch, augment, seed):
    pairs = numbered(sizes, ratio)
    x, y = PatchPool(pairs, patch).sample(6, generator(seed), augment)
    assert torch.equal(y, x.repeat_interleave(ratio, 2).repeat_interleave(ratio, 3)), "x and y are not aligned"
    for one in x[:, 0]:
        lowest = one.min()
        picture = next(p[0] for p, _ in pairs if p.min() <= lowest <= p.max())
        top, left = (picture == lowest).nonzero()[0].tolist()
        window = picture[top : top + patch, left : left + patch].numpy()
        allowed = eight(window) if augment else [torch.from_numpy(window)]
        assert any(torch.equal(one, a) for a in allowed)


def test_targets_of_real_pairs_are_turned_with_their_inputs():
    """Enlarging commutes with the eight symmetries, so an enlarged x must stay beside its y."""
    hr = torch.rand(3, 40, 52, generator=generator())
    x = resize(hr, 1 / 2)
    pool = PatchPool([(x, hr)], patch=8)
    small, large = pool.sample(5, generator())
    windows = hr.unfold(1, 16, 2).unfold(2, 16, 2)  # every window that starts on an even pixel
    for s, l in zip(small, large, strict=True):
        found = [
            (top, left)
            for top in range(windows.shape[1])
            for left in range(windows.shape[2])
            if any(
                torch.equal(l[0], t) and torch.equal(s[0], u)
                for t, u in zip(
                    eight(windows[0, top, left].numpy()),
                    eight(x[0, top : top + 8, left : left + 8].numpy()),
                    strict=True,
                )
            )
        ]
        assert len(found) == 1


def test_all_eight_symmetries_occur_equally_often():
    pool = PatchPool(numbered([(3, 3)], 1), patch=3)
    x, _ = pool.sample(4000, generator())
    counts = [sum(torch.equal(one[0], t) for one in x) for t in eight(pool.inputs.view(3, 3).numpy())]
    assert sum(counts) == 4000
    assert min(counts) > 500 - 5 * 21  # five standard deviations of a fair die of eight
    assert max(counts) < 500 + 5 * 21


def test_without_augmentation_nothing_is_turned():
    pool = PatchPool(numbered([(3, 3)], 1), patch=3)
    x, _ = pool.sample(50, generator(), augment=False)
    assert all(torch.equal(one, pool.inputs.view(1, 3, 3)) for one in x)


def test_every_corner_is_reached_equally_often():
    """Over pictures of unlike sizes: 2 x 4, 1 x 1 and 3 x 1 corners are twelve equal chances."""
    pool = PatchPool(numbered([(4, 6), (3, 3), (5, 3)], 1), patch=3)
    x, _ = pool.sample(12_000, generator(), augment=False)
    _, counts = x[:, 0, 0, 0].unique(return_counts=True)
    assert len(counts) == 12
    assert (counts - 1000).abs().max() < 5 * 31


def test_the_same_generator_the_same_patches():
    pool = PatchPool(numbered([(9, 9), (5, 12)], 2), patch=4)
    first, again, other = (pool.sample(8, generator(s))[0] for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_small_pictures_are_left_out():
    pool = PatchPool(numbered([(4, 9), (8, 8), (9, 4)], 1), patch=5)
    assert len(pool) == 1
    x, _ = pool.sample(100, generator())
    assert 36 <= x.min() <= x.max() < 36 + 64


@pytest.mark.parametrize(
    ("pairs", "patch", "sentence"),
    [
        (numbered([(4, 4), (5, 3)], 1), 6, r"None of the 2 pictures has 6 x 6 input pixels\. Use a smaller patch"),
        ([], 6, r"None of the 0 pictures"),
        ([(torch.zeros(1, 4, 4), torch.zeros(1, 8, 9))], 2, r"A pair of \(1, 4, 4\) and \(1, 8, 9\) does not fit"),
        ([*numbered([(4, 4)], 2), *numbered([(4, 4)], 3)], 2, r"does not fit ratio 2"),
        (numbered([(4, 4)], 1), 0, r"patch=0 must be a whole number of at least 1"),
        (numbered([(4, 4)], 1), 2.0, r"patch=2\.0 must be a whole number"),
        (
            [(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)), (torch.zeros(3, 4, 4), torch.zeros(3, 4, 4))],
            2,
            r"A picture of 3 channels among pictures of 1\. Use one space for all",
        ),
    ],
)
def test_pools_that_cannot_be(pairs, patch, sentence):
    with pytest.raises(ValueError, match=sentence):
        PatchPool(pairs, patch)


# --- pairs


PHOTO = torch.rand(3, 25, 31, generator=generator())


def test_a_pair_in_luma():
    x, y = pair(PHOTO, 3)
    true = images.rgb_to_y(PHOTO)[:, :24, :30]
    assert torch.equal(y, true)
    assert torch.equal(x, resize(true, 1 / 3))


def test_a_pair_in_colour_has_an_eight_bit_input():
    x, y = pair(PHOTO, 2, "rgb")
    assert torch.equal(y, PHOTO[:, :24, :30])
    assert torch.equal(x, images.round_to_uint8(resize(y, 1 / 2)))
    x, y = pair(PHOTO[:1], 2, "rgb")
    assert x.shape == (3, 12, 15)
    assert torch.equal(y[0], y[2])


def test_a_pair_enlarged_beforehand():
    x, y = pair(PHOTO, 2, pre_upsampled=True)
    assert torch.equal(x, resize(pair(PHOTO, 2)[0], 2))
    assert x.shape == y.shape


def test_extra_degradations_in_their_order():
    y = pair(PHOTO, 2)[1]
    x, _ = pair(PHOTO, 2, degradation={"noise": 5, "jpeg": 60, "blur": 1.2})
    seed = zlib.crc32(images.to_uint8(PHOTO).tobytes())
    steps = degrade.compose(degrade.blur(1.2), degrade.bicubic(2), degrade.noise(5, seed), degrade.jpeg(60))
    assert torch.equal(x, steps(y))


def test_damage_without_shrinking():
    """Denoising, deraining, deblurring: the size stays, and so does what is to be restored."""
    photo = torch.rand(3, 40, 44, generator=generator())
    seed = zlib.crc32(images.to_uint8(photo).tobytes())
    damages = {
        "noise": (50, degrade.noise(50, seed)),
        "rain": (0.4, degrade.shower(0.4, seed)),
        "shake": (1, degrade.motion_blur(seed, "shake")),
    }
    for name, (how_much, damage) in damages.items():
        x, y = pair(photo, 1, "rgb", degradation={name: how_much})
        assert torch.equal(y, photo)
        assert torch.equal(x, images.round_to_uint8(damage(photo)))
        assert not torch.equal(x, images.round_to_uint8(photo))
        assert torch.equal(pair(photo, 1, "rgb", degradation={name: 0})[0], images.round_to_uint8(photo))


def test_every_photo_has_its_own_noise():
    gray = torch.full((1, 30, 30), 0.5)
    other = gray.clone()
    other[0, 0, 0] = 0.6
    first, second = (pair(p, 1, degradation={"noise": 20})[0] - p for p in (gray, other))
    assert torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1].abs() < 0.2


@pytest.mark.parametrize(
    ("photo", "options", "error", "sentence"),
    [
        (PHOTO, {"scale": 2, "space": "lab"}, ValueError, r"space='lab' is unknown\. Use one of: y, rgb"),
        (PHOTO, {"scale": 2, "degradation": {"hail": 1}}, ValueError, r"degradation step='hail' is unknown"),
        (PHOTO, {"scale": 26}, ValueError, r"img is 25 x 31 pixels, too small for scale 26"),
        (PHOTO, {"scale": 1.5}, ValueError, r"scale=1\.5 is not a whole number"),
        (PHOTO.numpy(), {"scale": 2}, TypeError, r"hr is a ndarray"),
        (PHOTO * 255, {"scale": 2}, ValueError, r"hr has values from .* Divide 8-bit values by 255"),
        (PHOTO[:1] * 255, {"scale": 2}, ValueError, r"hr has values from .* Divide 8-bit values by 255"),
    ],
)
def test_wrong_pairs(photo, options, error, sentence):
    with pytest.raises(error, match=sentence):
        pair(photo, **options)


def test_symmetries_are_counted_right():
    assert sampling.SYMMETRIES == len({tuple(t.flatten().tolist()) for t in eight(np.arange(4).reshape(2, 2))})


def test_the_photo_that_cannot_be_used_is_named(tmp_path):
    for name, side in (("large", 40), ("tiny", 1), ("other", 40)):
        images.save(tmp_path / f"{name}.png", torch.rand(3, side, side))
    photos = datasets.photos(f"{tmp_path}/")
    how = (2, "y", False, ())
    with pytest.raises(ValueError, match=r"The photo tiny cannot be used: img is 1 x 1 pixels, too small for scale 2"):
        sampling.prepare((photos,), photos[:1], how, 8, torch.device("cpu"))
    with pytest.raises(ValueError, match="The photo tiny cannot be used"):
        sampling.prepare((photos[:1],), photos[2:], how, 8, torch.device("cpu"))


def eight_bit(size, seed, channels=3):
    return images.round_to_uint8(torch.rand(channels, *size, generator=generator(seed)))


def test_pictures_of_8_bits_take_a_quarter_of_the_memory_and_give_the_same_patches():
    pairs = [(eight_bit((9, 11), n), eight_bit((18, 22), n + 10)) for n in range(3)]
    pool = PatchPool(pairs, 4)
    assert pool.inputs.dtype == pool.targets.dtype == torch.uint8
    wide = PatchPool([*pairs, (torch.rand(3, 4, 4) / 7, torch.rand(3, 8, 8) / 7)], 4)  # one that 8 bits cannot hold
    assert wide.inputs.dtype == torch.float32
    assert pool.nbytes * 4 == wide.nbytes - 4 * 3 * (16 + 64)
    pool.chance = wide.chance = torch.tensor([0.3, 0.6, 1.0], dtype=torch.float64)  # the same dice for both
    for ours, theirs in zip(pool.sample(30, generator()), wide.sample(30, generator()), strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, theirs)


def test_inputs_that_were_enlarged_keep_their_fractions_beside_targets_of_8_bits():
    x = resize(eight_bit((10, 10), 0), 2)
    pool = PatchPool([(x, eight_bit((20, 20), 1))], 6)
    assert (pool.inputs.dtype, pool.targets.dtype) == (torch.float32, torch.uint8)


def test_the_shelf_of_prepared_photos_is_bounded_by_bytes(monkeypatch):
    made = []
    monkeypatch.setattr(PatchPool, "nbytes", property(lambda pool: made.append(1) or 0.6 * sampling.SHELF))
    sampling.prepare.cache.clear()
    held_out = datasets.photos("bundled", split="test")
    for scale in (2, 3, 2, 3):  # two do not fit beside each other
        sampling.prepare((held_out,), held_out, (scale, "y", False, ()), 8, torch.device("cpu"))
        assert len(sampling.prepare.cache) == 1
    assert len(made) == 4
    monkeypatch.setattr(PatchPool, "nbytes", property(lambda pool: 2 * sampling.SHELF))
    sampling.prepare.cache.clear()
    sampling.prepare((held_out,), held_out, (2, "y", False, ()), 8, torch.device("cpu"))
    assert len(sampling.prepare.cache) == 0, "what is larger than the shelf is used, and not kept"
