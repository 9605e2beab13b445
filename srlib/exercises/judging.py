"""Self-checks of the chapter *Judging a picture*, and its five evaluation scripts, each with one classic mistake.

**Spoiler.** Whoever wants to find the mistakes by their numbers stops reading here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from srlib import degrade, images, metrics
from srlib.live import check, function, value
from srlib.live.kinds import Kind, UnusableError, number
from srlib.resize import resize

#: What a script may have done wrong. Five of them did it.
SUSPECTS = {
    "rgb": "measured the error of all three colour channels instead of luma",
    "full range": "took luma from 0 to 255, as JPEG has it, instead of from 16 to 235",
    "border": "left no border out",
    "antialiasing": "made the small picture without antialiasing",
    "shift": "compared the result with an original that lies one pixel beside it",
    "decimals": "cut the result's decimals off instead of rounding",
    "overflow": "subtracted and squared 8-bit numbers, which start again at 0 after 255",
    "own input": "compared the result with the enlarged picture it was made from",
}
_SHOWS = {  # how each would look
    "rgb": "takes about 1.3 dB from gray photos and more from colourful ones, at each scale alike",
    "full range": "takes the same 1.3 dB from every photo, gray or colourful, at every scale",
    "border": "moves each photo a little, up or down, and the more the larger the scale",
    "antialiasing": "raises nearly every number at x2 and lowers nearly every one at x4",
    "shift": "takes decibels from every photo, most from the finest texture, and more at x2 than at x4",
    "decimals": "takes a few hundredths, most where the PSNR is highest, and never adds any",
    "overflow": "adds decibels, most where the PSNR is lowest: large errors wrap round to small ones",
    "own input": "gives a method that changes nothing an infinite PSNR",
}
_SCRIPTS = {"A": "border", "B": "full range", "C": "shift", "D": "antialiasing", "E": "rgb"}


def script(name: str) -> Callable[[Tensor, int], float]:
    """An evaluation script: give it a photo ``(C, H, W)`` and a scale, and it says bicubic's PSNR in dB.

    Args:
        name: "A" to "E", or "right" for the one without a mistake (``paper_y``). Gray photos count as RGB.

    Raises:
        ValueError: there is no such script.
    """
    if name != "right" and name not in _SCRIPTS:
        raise ValueError(f"There is no script {name!r}. Use {', '.join(_SCRIPTS)} or right.")
    mistake = _SCRIPTS.get(name, "")
    return lambda photo, scale: _measure(photo, scale, mistake)


def _measure(photo: Tensor, scale: int, mistake: str) -> float:
    """Bicubic's PSNR under ``paper_y``, but for one mistake."""
    hr = images.modcrop(photo.expand(3, -1, -1), scale)
    if mistake != "rgb":
        hr = images.round_to_uint8(images.rgb_to_y(hr))
    if mistake == "full range":
        hr = ((hr * 255 - 16) / 219).clamp(0, 1)
    sr = resize(resize(hr, 1 / scale, antialias=mistake != "antialiasing"), scale)
    if mistake == "shift":
        sr, hr = sr[..., 1:], hr[..., :-1]
    crop = 0 if mistake == "border" else scale
    return metrics.psnr(sr, hr, crop=crop, channel="rgb", rounding="uint8")


def detective(answer: Mapping[str, str | None] | None) -> bool:
    """Exercise 3: ``{"A": suspect, ...}``, the mistake of each script; says of a wrong one why it cannot be."""
    named = {k: v for k, v in answer.items() if v is not None} if isinstance(answer, Mapping) else answer
    said = {k: v for k, v in named.items() if isinstance(v, str)} if isinstance(named, dict) else {}
    known = ", ".join(f'"{name}"' for name in SUSPECTS)
    tests = [
        (lambda a: set(a) <= set(_SCRIPTS), f"The scripts are called {', '.join(_SCRIPTS)}."),
        (lambda a: all(v in SUSPECTS for v in a.values()), f"The suspects are called {known}."),
    ]
    for letter, culprit in _SCRIPTS.items():
        name = said.get(letter)
        clue = f"{name!r} {_SHOWS[name]}. Do the numbers of script {letter} do that?" if name in _SHOWS else ""
        verdict = f"Script {letter} is innocent of that: {clue}"
        tests.append((lambda a, k=letter, c=culprit: a.get(k, c) == c, verdict))
    open_cases = [letter for letter in _SCRIPTS if letter not in said]
    tests.append((lambda a: not open_cases, f"No mistake so far. Still open: {', '.join(open_cases)}."))
    solved = check(
        value(named or None, Kind('a dictionary {"A": "border", "B": ...}', _verdicts)),
        *tests,
        hint=[
            "Ask of each script: the same for all photos? The same sign at each scale? Which photo suffers most?",
            "Two scripts take about 1.3 dB from the gray photos. Only one of them treats a colourful photo like a gray "
            "one.",
            "Tiny and of either sign: what changes only a narrow frame? A sign that turns with the scale: what did "
            "that in the chapter Interpolation?",
        ],
    )
    if solved:
        for letter, culprit in _SCRIPTS.items():
            print(f"  {letter} {SUSPECTS[culprit]}.\n    That {_SHOWS[culprit]}.")
    return solved


def _verdicts(answer: object) -> dict[str, str]:
    """Verdicts as they are needed: a dictionary of words."""
    if not isinstance(answer, dict) or not all(isinstance(v, str) for v in answer.values()):
        raise UnusableError
    return answer


def psnr(answer: Callable[[Tensor, Tensor, int], float] | None) -> bool:
    """Exercise 1: ``answer(sr, hr, crop)`` is the PSNR in dB of two pictures in [0, 1]."""
    hr = torch.rand(1, 12, 16, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    off = hr + 0.1
    framed = off.clone()
    framed[..., 2:-2, 2:-2] = hr[..., 2:-2, 2:-2] + 0.01
    uneven = hr + torch.linspace(-0.2, 0.2, 16)
    true = metrics.psnr(uneven, hr, crop=0)

    def says(wanted: float, sr: Tensor = off, crop: int = 0) -> Callable[[Callable], bool]:
        return lambda f: abs(f(sr, hr, crop) - wanted) < 0.01

    def not_says(wanted: float, sr: Tensor = off, crop: int = 0) -> Callable[[Callable], bool]:
        return lambda f: not says(wanted, sr, crop)(f)

    return check(
        function(answer, number.called("the PSNR in dB, one number,")),
        (not_says(-20), "The sign: a small error must give a large number. 10 log10(1 / MSE) = -10 log10(MSE)."),
        (not_says(46.05), "That is the natural logarithm. Decibels use log10."),
        (not_says(10), "10 log10 goes with the MSE; with its root it would be 20 log10."),
        (not_says(68.13), "The peak is 1 here, not 255: the pictures' values lie in [0, 1]."),
        (not_says(0.01), "That is the MSE. Now put it on the scale of decibels."),
        (says(20), "An error of 0.1 everywhere is 20 dB."),
        (
            not_says(-20 * float((uneven - hr).abs().mean().log10()), uneven),
            "You averaged absolute errors. PSNR averages their squares, which large errors rule.",
        ),
        (says(true, uneven), f"Right for an even error, but an uneven one should give {true:.2f} dB."),
        (
            says(40, framed, 2),
            "With crop=2 only the inside counts: 40 dB in the test. Cut crop pixels off all four sides of both.",
        ),
        hint=[
            "The formula is under *Squared errors and decibels*. First cut, then compare.",
            "picture[..., crop:-crop, crop:-crop] fails for crop=0; use crop : height - crop.",
            "mse = ((sr - hr) ** 2).mean(), over the cut pictures; then -10 * log10(mse).",
        ],
    )


def at_psnr(answer: Callable[[Callable, Tensor, float], float] | None) -> bool:
    """Exercise 2: ``answer(damage, hr, target)`` finds the strength at which ``damage(hr, strength)`` has that PSNR."""
    hr = images.round_to_uint8(0.5 + 0.3 * torch.sin(torch.arange(48.0) / 3)).expand(1, 48, 48).contiguous()

    def brighter(img: Tensor, strength: float) -> Tensor:
        return img + strength / 255

    def blurred(img: Tensor, strength: float) -> Tensor:
        return degrade.blur(max(0.0, float(strength)))(img)

    def hits(f: Callable, damage: Callable, target: float, within: float) -> bool:
        return abs(metrics.psnr(damage(hr, f(damage, hr, target)), hr, crop=0) - target) < within

    return check(
        function(answer, number.called("the strength, one number and no picture,")),
        (lambda f: 0 <= f(brighter, hr, 30.0) <= 50, "The strength must lie between 0 and 50."),
        (
            lambda f: hits(f, brighter, 30.0, 0.5),
            "A brighter picture of 30 dB is wanted, and yours is far from it. More strength means fewer dB: is your "
            "comparison the right way round?",
        ),
        (lambda f: hits(f, brighter, 30.0, 0.01), "Close, but 0.01 dB are asked for: halve the interval more often."),
        (
            lambda f: hits(f, brighter, 24.0, 0.01) and hits(f, brighter, 40.0, 0.01),
            "Right at 30 dB only. Does your function use target?",
        ),
        (
            lambda f: hits(f, brighter, 54.0, 0.01) and hits(f, brighter, 14.2, 0.01),
            "Right between 24 and 40 dB, wrong at 54 or 14.2: is the whole interval from 0 to 50 searched?",
        ),
        (
            lambda f: hits(f, blurred, 20.0, 0.01),
            "Right for brightness, wrong for blur. Does your function use damage?",
        ),
        hint=[
            "PSNR falls as the strength rises. Where between 0 and 50 does it cross the target?",
            "Try the middle of the interval: it tells you in which half the answer lies. Repeat thirty times.",
            "if metrics.psnr(damage(hr, middle), hr, crop=0) > target: low = middle, else: high = middle.",
        ],
    )
