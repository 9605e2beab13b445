"""What is said of a network on photos that are here, and on photos that are not."""

import pytest
import torch

from srlib import benchmark, datasets, ledger, quoted, weights

STORED = {"weights": "of the file", "psnr": 36.624, "date": "2026-11-27"}


@pytest.fixture
def book(monkeypatch):
    """A ledger of one row, a measurement of 36.62 dB, and Set5 present or not."""

    def opened(here, measured=36.6239, row=STORED):
        asked = []
        monkeypatch.setattr(datasets, "present", lambda name: 5 if here else 0)
        monkeypatch.setattr(ledger, "latest", lambda **wanted: asked.append(wanted) or row)
        monkeypatch.setattr(benchmark, "run", lambda model, dataset, scale=None: [{"psnr": measured}])
        return asked

    return opened


@pytest.fixture(scope="module")
def net():
    return weights.load("sprint", 2)


def test_photos_that_are_here_are_measured(book, net):
    book(here=True)
    assert quoted.psnr(net) == "36.62 dB"
    assert quoted.again(net) == "measured again: 36.62 dB, which agrees"


def test_a_measurement_that_was_not_made_is_never_claimed(book, net):
    (wanted,) = {str(book(here=False) or quoted.psnr(net))}
    assert wanted == "36.62 dB on 2026-11-27, by the ledger (Set5 is not on this machine: srlib fetch Set5)"
    said = quoted.again(net)
    assert said == "not measured again: Set5 is not on this machine (srlib fetch Set5); it was on 2026-11-27"
    assert "agrees" not in said


def test_another_number_does_not_agree(book, net):
    book(here=True, measured=36.60)
    assert quoted.again(net) == "measured again: 36.60 dB, which does NOT agree"


def test_the_ledgers_row_is_of_just_these_weights(book, net):
    asked = book(here=False)
    quoted.psnr(net)
    mine = {"weights": benchmark.fingerprint(net), "scale": 2, "protocol": "paper_y", "dataset": "Set5"}
    assert asked == [mine]
    with torch.no_grad():
        other = weights.load("sprint", 2)
        next(other.parameters()).add_(1e-3)
    assert benchmark.fingerprint(other) != mine["weights"]


def test_a_network_trained_just_now_is_not_in_the_ledger(book, net):
    book(here=False, row=None)
    assert quoted.psnr(net) == "not measured (Set5 is not on this machine: srlib fetch Set5)"
    with pytest.raises(ValueError, match=r"no row for these weights on Set5\. Print quoted\.psnr"):
        quoted.again(net)


def test_what_is_untrained_goes_by_its_name(book):
    asked = book(here=False)
    assert quoted.psnr("bicubic", scale=8).startswith("36.62 dB on 2026-11-27")
    assert asked == [{"model": "bicubic", "scale": 8, "protocol": "paper_y", "dataset": "Set5"}]


def test_every_shipped_network_on_set5_finds_its_row():
    for name, scale in (("srcnn", 2), ("fsrcnn", 3), ("vdsr", 2)):
        row = ledger.latest(**quoted._of(weights.load(name, scale), None), dataset="Set5")
        assert row["model"] == name
