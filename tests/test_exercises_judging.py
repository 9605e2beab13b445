"""The self-checks of the chapter *Judging a picture*, and the signatures of its five scripts."""

import math

import answers
import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from srlib import datasets, metrics, resize
from srlib.exercises import judging

PHOTOS = {name: datasets.photos("bundled")[name].image[:, :240, :240] for name in ("chelsea", "rocket", "brick")}
TRUTH = {"A": "border", "B": "full range", "C": "shift", "D": "antialiasing", "E": "rgb"}


def right_psnr(sr, hr, crop):
    height, width = hr.shape[-2:]
    error = (sr - hr)[..., crop : height - crop, crop : width - crop]
    return -10 * math.log10((error**2).mean())


def psnr_of_arrays(sr, hr, crop):
    if crop:
        sr, hr = (z[:, crop:-crop, crop:-crop] for z in (sr, hr))
    return 20 * np.log10(1 / np.sqrt(np.mean(np.square(np.array(sr) - np.array(hr)))))


def psnr_as_tensor(sr, hr, crop):
    mask = torch.zeros_like(hr)
    mask[:, crop : hr.shape[1] - crop, crop : hr.shape[2] - crop] = 1
    return 10 * torch.log10(mask.sum() / (mask * (sr - hr) ** 2).sum())


def uncropped(sr, hr, crop):
    return right_psnr(sr, hr, 0)


def bisected(damage, hr, target, rounds=40, falling=True):
    low, high = 0.0, 50.0
    for _ in range(rounds):
        middle = (low + high) / 2
        if (metrics.psnr(damage(hr, middle), hr, crop=0) > target) == falling:
            low = middle
        else:
            high = middle
    return low


def right_strength(damage, hr, target):
    low, high = 0.0, 50.0
    for _ in range(30):
        middle = (low + high) / 2
        if metrics.psnr(damage(hr, middle), hr, crop=0) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def strength_by_scipy(damage, hr, target):
    def missing(strength):
        return min(metrics.psnr(damage(hr, strength), hr, crop=0), 100) - target

    return torch.tensor(brentq(missing, 0, 50, xtol=1e-6))


def strength_of_brightness(damage, hr, target):
    return 255 * 10 ** (-target / 20)


RIGHT = {
    "psnr": [right_psnr, psnr_of_arrays, psnr_as_tensor],
    "at_psnr": [right_strength, strength_by_scipy, bisected],
    "detective": [TRUTH, dict(reversed(TRUTH.items()))],
}
WRONG = [
    ("psnr", lambda sr, hr, crop: -right_psnr(sr, hr, crop), "The sign"),
    ("psnr", lambda sr, hr, crop: right_psnr(sr, hr, crop) * math.log(10), "natural logarithm"),
    ("psnr", lambda sr, hr, crop: right_psnr(sr, hr, crop) / 2, "20 log10"),
    ("psnr", lambda sr, hr, crop: right_psnr(sr, hr, crop) + 20 * math.log10(255), "The peak is 1"),
    ("psnr", lambda sr, hr, crop: float(((sr - hr) ** 2).mean()), "That is the MSE"),
    ("psnr", lambda sr, hr, crop: -20 * math.log10((sr - hr).abs().mean()), "averaged absolute errors"),
    ("psnr", lambda sr, hr, crop: 25, "is 20 dB"),
    ("psnr", uncropped, "only the inside counts"),
    ("psnr", lambda sr, hr, crop: 20.0, "an uneven one"),
    ("psnr", lambda sr, hr, crop: missing, "NameError"),  # noqa: F821
    ("at_psnr", lambda damage, hr, target: damage(hr, 8.0), "the strength, one number and no picture, is wanted"),
    ("at_psnr", lambda damage, hr, target: 500, "between 0 and 50"),
    ("at_psnr", lambda *args: bisected(*args, falling=False), "right way round"),
    ("at_psnr", lambda *args: bisected(*args, rounds=7), "halve the interval more often"),
    ("at_psnr", lambda damage, hr, target: bisected(damage, hr, 30.0), "use target"),
    ("at_psnr", lambda damage, hr, target: min(max(right_strength(damage, hr, target), 1), 49), "the whole interval"),
    ("at_psnr", strength_of_brightness, "use damage"),
    ("detective", {"F": "rgb"}, "The scripts are called"),
    ("detective", {"A": "the butler"}, "The suspects are called"),
    ("detective", TRUTH | {"B": "rgb", "E": "full range"}, "Script B is innocent of that: 'rgb' takes about 1.3"),
    ("detective", TRUTH | {"A": "decimals"}, "never adds any"),
    ("detective", {"C": "shift"}, "Still open: A, B, D, E"),
]
EQUIVALENT = {
    "at_psnr": dict.fromkeys(
        ("low, high = (-1.0, 50.0)", "low, high = (0.0, 51.0)"), "the interval is a little wider than it need be"
    )
    | dict.fromkeys(("for _ in range(30 - 1):", "for _ in range(31):", "for _ in range(29):"), "a halving more or less")
    | {
        "if metrics.psnr(damage(hr, middle), hr, crop=0) >= target:": "no strength hits the target exactly",
        "if metrics.psnr(hr, damage(hr, middle), crop=0) > target:": "PSNR takes both pictures alike",
    },
    "psnr": {"error = (hr - sr)[..., crop:height - crop, crop:width - crop]": "its square is taken"},
}


TestAnswers = answers.of(judging, RIGHT, WRONG, EQUIVALENT, stubs=[("detective", dict.fromkeys("ABCDE"))])


def test_a_solved_case_is_explained(capsys):
    judging.detective(TRUTH)
    out = capsys.readouterr().out
    for letter, culprit in TRUTH.items():
        assert f"  {letter} {judging.SUSPECTS[culprit]}." in out


def moved(letter, photo, scale):
    return judging.script(letter)(photo, scale) - judging.script("right")(photo, scale)


@pytest.mark.parametrize("name", ["chelsea", "brick"])
def test_the_right_script_is_the_library_s_protocol(name):
    rules = metrics.protocol("paper_y")
    lr, hr = rules.pair(PHOTOS[name].expand(3, -1, -1), 2)
    assert judging.script("right")(PHOTOS[name], 2) == pytest.approx(rules(resize.resize(lr, 2), hr, 2)["psnr"])


@pytest.mark.parametrize("scale", [2, 4])
def test_each_script_shows_what_the_verdict_says(scale):
    by_letter = {k: {n: moved(k, photo, scale) for n, photo in PHOTOS.items()} for k in TRUTH}
    assert all(abs(v) < 0.5 for v in by_letter["A"].values())
    assert all(v == pytest.approx(-20 * math.log10(255 / 219), abs=0.04) for v in by_letter["B"].values())
    assert all(v < -0.2 for v in by_letter["C"].values())
    assert (by_letter["D"]["chelsea"] > 0.1) == (scale == 2)
    assert (by_letter["D"]["chelsea"] < -0.1) == (scale == 4)
    assert by_letter["E"]["brick"] == pytest.approx(-1.31, abs=0.04)
    assert by_letter["E"]["rocket"] < -1.6


def test_there_is_no_sixth_script():
    with pytest.raises(ValueError, match="no script 'F'"):
        judging.script("F")


@pytest.mark.parametrize("answer", [["border"], {"A": ["border"]}, "border", {"A": 3}])
def test_detective_takes_any_answer_without_falling(answer, capsys):
    assert not judging.detective(answer)
    assert capsys.readouterr().out
