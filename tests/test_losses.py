"""Losses against sums written by hand."""

import math

import pytest
import torch

from srlib import losses

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


@pytest.mark.parametrize(("name", "least"), [("l1", 0), ("mse", 0), ("charbonnier", 1e-3)])
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
    with pytest.raises(ValueError, match=r"loss='l2' is unknown\. Use one of: l1, mse, charbonnier\."):
        losses.get("l2")
