"""Losses against sums written by hand, and against scipy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from srlib import losses, models
from srlib.resize import resize

SR = torch.tensor([[[[0.1, 0.5], [0.9, 0.3]]]], dtype=torch.float64)
HR = torch.tensor([[[[0.2, 0.5], [0.5, 0.0]]]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("l1", (0.1 + 0 + 0.4 + 0.3) / 4),
        ("mse", (0.01 + 0 + 0.16 + 0.09) / 4),
        ("charbonnier", sum(math.sqrt(d * d + 1e-6) for d in (0.1, 0, 0.4, 0.3)) / 4),
    ],
)
def test_by_hand(name, by_hand):
    assert losses.get(name)(SR, HR).item() == pytest.approx(by_hand, abs=1e-12)
    assert losses.get(name)(HR, SR).item() == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "least"),
    [("l1", 0), ("mse", 0), ("charbonnier", 1e-3), ("edge", 1e-3), ("charbonnier_edge", 1.05e-3)],
)
def test_equal_pictures(name, least):
    assert losses.get(name)(HR, HR).item() == pytest.approx(least)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_gradients(name):
    away = SR + 0.05  # L1 has no gradient where the pictures agree
    assert torch.autograd.gradcheck(lambda x: losses.get(name)(x, HR), away.requires_grad_())


@pytest.mark.parametrize("name", losses.LOSSES)
def test_shapes_are_not_stretched(name):
    """torch would repeat the one channel three times, and the training would go nowhere without a word."""
    with pytest.raises(ValueError, match=r"sr has shape \(1, 1, 2, 2\) but hr has \(1, 3, 2, 2\)"):
        losses.get(name)(SR, HR.expand(1, 3, 2, 2))


def test_an_unknown_loss():
    with pytest.raises(
        ValueError, match=r"loss='l2' is unknown\. Use one of: l1, mse, charbonnier, edge, charbonnier_edge\."
    ):
        losses.get("l2")


# --- edges


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scipy_laplacian(channel):
    """MPRNet's Laplacian of one channel, with scipy's filters ("nearest" repeats the border pixel)."""
    row = np.array([1, 5, 8, 5, 1]) / 20

    def blur(z):
        return ndimage.correlate1d(ndimage.correlate1d(z, row, axis=0, mode="nearest"), row, axis=1, mode="nearest")

    kept = np.zeros_like(channel)
    kept[::2, ::2] = blur(channel)[::2, ::2]
    return channel - 4 * blur(kept)


@given(st.integers(1, 2), st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9))
def test_edges_against_scipy(n, channels, height, width):
    sr, hr = noise(n, channels, height, width), noise(n, channels, height, width, seed=1)
    d = np.stack([[scipy_laplacian(c) for c in picture] for picture in (sr - hr).numpy()])
    np.testing.assert_allclose(losses.laplacian(sr - hr).numpy(), d, atol=1e-14)
    edge = np.sqrt(d**2 + 1e-6).mean()
    assert losses.edge(sr, hr).item() == pytest.approx(edge, rel=1e-12)
    both = losses.charbonnier(sr, hr).item() + 0.05 * edge
    assert losses.charbonnier_edge(sr, hr).item() == pytest.approx(both, rel=1e-12)


def test_where_a_picture_is_flat():
    found = losses.laplacian(torch.full((1, 1, 12, 13), 0.5, dtype=torch.float64))[0, 0]
    assert found[2:-2, 2:-2].abs().max() < 1e-15
    assert found[0].abs().max() > 0.1  # MPRNet's padding repeats the zeros, too


def test_an_edge_in_a_training_in_half_precision():
    sr = noise(1, 3, 8, 8).float().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses.charbonnier_edge(sr, noise(1, 3, 8, 8, seed=1).float()).backward()
    assert sr.grad.isfinite().all()


# --- total variation


def test_total_variation_by_hand():
    img = torch.tensor([[[0.0, 0.3, 0.3], [0.4, 0.3, 0.9]]], dtype=torch.float64)
    # steps down: 0.4 0 0.6 in the first row; to the right: 0.3 0 and -0.1 0.6
    by_hand = (math.hypot(0.4, 0.3) + 0 + 0.6 + 0.1 + 0.6 + 0) / 6
    assert losses.total_variation(img).item() == pytest.approx(by_hand, abs=1e-6)
    assert losses.total_variation(torch.stack([img, img])).item() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 4, 5), (2, 3, 1, 1)])
def test_total_variation_of_a_flat_picture_can_be_differentiated(shape):
    img = torch.full(shape, 0.5, requires_grad=True)
    losses.total_variation(img).backward()
    assert losses.total_variation(img).item() == pytest.approx(0, abs=1.1e-6)
    assert img.grad.abs().max() == 0


def test_the_gradient_of_total_variation():
    assert torch.autograd.gradcheck(losses.total_variation, noise(1, 4, 5).requires_grad_())


# --- several outputs


def test_recursive_supervision_by_hand():
    outputs, hr = [torch.full((1, 1, 2, 2), v) for v in (0.1, 0.3, 0.6)], torch.full((1, 1, 2, 2), 0.5)
    for alpha in (0, 0.25, 1):
        by_hand = alpha * (0.16 + 0.04) / 2 + (1 - alpha) * 0.01
        assert losses.recursive_supervision(outputs, hr, alpha).item() == pytest.approx(by_hand)
    by_hand = 0.5 * (0.4 + 0.2) / 2 + 0.5 * 0.1
    assert losses.recursive_supervision(outputs, hr, 0.5, losses.l1).item() == pytest.approx(by_hand)


def test_recursive_supervision_reaches_all_of_drcn():
    net = models.create("drcn", size="course")
    losses.recursive_supervision(net.outputs(noise(1, 1, 9, 9).float()), torch.zeros(1, 1, 9, 9), 0.5).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize(
    ("outputs", "alpha", "message"),
    [
        (2, 1.5, r"alpha=1\.5 is outside 0\.\.1\. Start at 1 and let it fall to 0\."),
        (2, math.nan, "alpha=nan is outside"),
        (1, 0.5, r"outputs has 1 picture\(s\), but at least one recursion's and the final one are needed"),
    ],
)
def test_recursive_supervision_refuses(outputs, alpha, message):
    with pytest.raises(ValueError, match=message):
        losses.recursive_supervision([HR] * outputs, HR, alpha)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_a_pyramid_of_one_level_is_the_loss(name):
    loss = losses.get(name)
    assert losses.pyramid([SR], HR, loss).item() == loss(SR, HR).item()


def test_a_pyramid_is_the_sum_of_its_levels():
    hr = noise(2, 1, 24, 16)
    outputs = [noise(2, 1, 6, 4, seed=1), noise(2, 1, 12, 8, seed=2), noise(2, 1, 24, 16, seed=3)]
    levels = [(out - resize(hr, k)).abs().mean().item() for out, k in zip(outputs, (1 / 4, 1 / 2, 1), strict=True)]
    assert losses.pyramid(outputs, hr, losses.l1).item() == pytest.approx(sum(levels), rel=1e-12)
    levels = [torch.sqrt((out - resize(hr, size=out.shape[-2:])) ** 2 + 1e-6).mean().item() for out in outputs]
    assert losses.pyramid(outputs, hr).item() == pytest.approx(sum(levels), rel=1e-12)


def test_a_pyramid_judges_all_of_lapsrn():
    net = models.create("lapsrn", scale=4, size="course")
    losses.pyramid(net.outputs(noise(1, 1, 5, 6).float()), torch.zeros(1, 1, 20, 24)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([], r"outputs is empty\. Give what net\.outputs\(x\) lists\."),
        ([(1, 1, 5, 4)], r"An output of 5 x 4 pixels is no level of an original of 8 x 8\. Crop the original"),
        ([(1, 1, 4, 2)], "An output of 4 x 2 pixels is no level"),
        ([(1, 1, 16, 16)], "An output of 16 x 16 pixels is no level"),
        ([(1, 3, 4, 4)], r"sr has shape \(1, 3, 4, 4\) but hr has \(1, 1, 4, 4\)"),
    ],
)
def test_a_pyramid_refuses(outputs, message):
    with pytest.raises(ValueError, match=message):
        losses.pyramid([torch.zeros(shape) for shape in outputs], torch.zeros(1, 1, 8, 8))
