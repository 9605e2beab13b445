"""Blur kernels: light is kept, nothing is shifted, Levin's file is read the right way round, drawn ones resemble it."""

import sys

import h5py
import numpy as np
import pytest
import realphotos
import torch
from hypothesis import given
from hypothesis import strategies as st

from srlib import motion


def moments(kernel):
    """Centre of mass (from the middle) and spread about it, in pixels."""
    places = np.indices(kernel.shape).reshape(2, -1) - (np.array(kernel.shape)[:, None] - 1) / 2
    weights = kernel.numpy().ravel()
    centre = np.average(places, axis=1, weights=weights)
    return centre, np.sqrt(np.average(((places - centre[:, None]) ** 2).sum(0), weights=weights))


@given(st.integers(0, 10_000))
def test_a_drawn_kernel(seed):
    kernel = motion.shake(seed)
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] in motion.SIZES
    assert kernel.min() >= 0
    assert kernel.sum().item() == pytest.approx(1, abs=1e-12)
    assert np.abs(moments(kernel)[0]).max() < 1e-9, "it would shift the picture"
    edges = torch.cat([kernel[0], kernel[-1], kernel[:, 0], kernel[:, -1]])
    assert edges.max() > 0, "the path reaches a side, or the kernel's size would mean nothing"


def test_the_same_seed_draws_the_same():
    assert torch.equal(motion.shake(3), motion.shake.__wrapped__(3))
    assert len({motion.shake(seed).numpy().tobytes() for seed in range(20)}) == 20
    assert {motion.shake(seed).shape[0] for seed in range(60)} == set(motion.SIZES)


def test_drawing_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    motion.shake.__wrapped__(1)
    assert torch.equal(torch.rand(3), expected)


def test_time_spent_by_hand():
    """Half the time at the middle, half a quarter pixel below and half a pixel right of it."""
    path = torch.tensor([[0.0, 0.0], [0.25, 0.5]], dtype=torch.float64)
    by_hand = torch.tensor([[0, 0, 0], [0, 0.5 + 0.1875, 0.1875], [0, 0.0625, 0.0625]], dtype=torch.float64)
    assert torch.allclose(motion._time_spent(path, 3), by_hand)


def test_centring_moves_by_whole_pixels():
    kernel = torch.zeros(5, 5)
    kernel[0, 4], kernel[1, 4] = 3, 1
    moved = motion.centred(kernel)
    assert moved.shape == (9, 9)
    assert moved[4, 4] == 0.75
    assert moved[5, 4] == 0.25
    assert moved.sum() == 1


# --- Levin's file


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A file built as MATLAB builds it: a cell array of references, every matrix stored columns first."""
    kernels = [np.random.default_rng(i).random((13 + 2 * i, 13 + 2 * i)) for i in range(8)]
    with h5py.File(tmp_path / "Levin09.mat", "w") as file:
        cells = file.create_dataset("kernels", (8, 1), dtype=h5py.ref_dtype)
        for i, kernel in enumerate(kernels):
            cells[i, 0] = file.create_dataset(f"#refs#/{'abcdefgh'[i]}", data=kernel.T).ref
    monkeypatch.setattr(motion.paths, "photo_folders", lambda: [tmp_path / "not there", tmp_path])
    return kernels


def test_the_file_is_read_in_order_and_the_right_way_round(written):
    for theirs, ours in zip(written, motion.levin(), strict=True):
        assert torch.allclose(ours, torch.from_numpy(theirs / theirs.sum()))  # noise is centred already


def test_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(motion.paths, "photo_folders", lambda: [tmp_path])
    assert motion.levin_file() is None
    with pytest.raises(FileNotFoundError, match=r"Levin09\.mat is not on this machine\. Put it into .*photos, or draw"):
        motion.levin()


def test_no_h5py(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModuleNotFoundError, match=r"Levin09\.mat is an HDF5 file.*Run: pip install h5py$"):
        motion.levin()


def test_drawn_kernels_resemble_the_measured_ones():
    realphotos.show()
    if motion.levin_file() is None:
        realphotos.absent("Levin09.mat is not on this machine")
    measured = motion.levin()
    assert [len(k) for k in measured] == [19, 17, 17, 31, 13, 27, 27, 27]  # as stored, but for the room to centre
    for kernel in measured:
        assert kernel.sum().item() == pytest.approx(1, abs=1e-12)
        assert np.abs(moments(kernel)[0]).max() <= 0.5
    drawn = [motion.shake(seed) for seed in range(40)]
    for about in (lambda k: moments(k)[1], lambda k: k.max().item(), lambda k: (k > 0.05 * k.max()).sum().item()):
        theirs, ours = sorted(map(about, measured)), np.median(list(map(about, drawn)))
        assert theirs[1] <= ours <= theirs[-2], "the typical drawn kernel lies within the measured ones"


# --- a raindrop's trace


@pytest.mark.parametrize(("length", "angle"), [(1, 0), (20, 0), (25, 10), (40, -70), (30, 90)])
def test_a_streak(length, angle):
    trace = motion.streak(length, angle)
    height, width = trace.shape
    assert (height % 2, width % 2) == (1, 1)
    assert trace[height // 2, width // 2] == trace.max() == 1
    assert torch.allclose(trace, trace.flip(0, 1), atol=1e-6)
    assert max(trace[0].max(), trace[-1].max(), trace[:, 0].max(), trace[:, -1].max()) < 0.02, "cut off"
