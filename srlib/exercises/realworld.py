"""Self-checks of the chapter on the real world: each exercise's usual mistakes get their own sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

from srlib import datasets, degrade, ownpairs
from srlib.degrade import compose
from srlib.images import modcrop, rgb_to_y
from srlib.live import check, function, kinds


def camera(answer: Callable[[Tensor, int, float, float, int], Tensor] | None) -> bool:
    """Exercise 1: ``answer(hr, scale, sigma, level, quality)`` is the file that arrives."""
    hr, given = _photo(64, 48), (2, 1.5, 12, 40)
    lens, small = degrade.blur(1.5), degrade.bicubic(2)
    hiss, file = degrade.noise(12), degrade.jpeg(40)
    other, numbers = _photo(60, 72, colours=True), (3, 0.7, 5, 75)

    @cache
    def file_of(f: Callable) -> Tensor:
        return f(hr, *given)

    def same(f: Callable, *steps: Callable) -> bool:
        return kinds.same(file_of(f), compose(*steps)(hr))

    return check(
        function(answer, kinds.tensor.called("the picture itself")),
        (
            lambda f: file_of(f).shape == (1, 32, 24),
            "A picture of 64 x 48 becomes one of 32 x 24 at scale 2. Is the shrinking there, and once?",
        ),
        (
            lambda f: not same(f, lens, hiss, small, file),
            "Your noise comes before the shrinking, which averages most of it away. The sensor hisses in small pixels.",
        ),
        (
            lambda f: not same(f, small, lens, hiss, file),
            "Your blur comes after the shrinking: sigma is measured in pixels of the large picture.",
        ),
        (
            lambda f: not same(f, lens, small, file, hiss),
            "Your noise comes after JPEG. The file is written last, noise and all.",
        ),
        (lambda f: not same(f, small, hiss, file), "The lens is missing: nothing is blurred."),
        (lambda f: not same(f, lens, small, file), "The noise is missing: no sensor is without."),
        (lambda f: not same(f, lens, small, hiss), "The file is missing: JPEG takes its share at the end."),
        (
            lambda f: same(f, lens, small, hiss, file),
            "Not these steps in this order: lens, sensor grid, hiss, file (leave the seed of the noise at 0).",
        ),
        (
            lambda f: kinds.same(
                f(other, *numbers),
                compose(degrade.blur(0.7), degrade.bicubic(3), degrade.noise(5), degrade.jpeg(75))(other),
            ),
            "Right for these numbers, wrong for others: use the scale, sigma, level and quality that are given.",
        ),
        hint=[
            "Follow the light: through the lens, onto the pixels, into the file.",
            "degrade.blur, degrade.bicubic, degrade.noise and degrade.jpeg; compose calls them one after the other.",
            "compose(blur(sigma), bicubic(scale), noise(level), jpeg(quality))(hr), each from degrade",
        ],
    )


def own_pair(answer: Callable[[Tensor, int, Callable], tuple[Tensor, Tensor]] | None) -> bool:
    """Exercise 2: ``answer(photo, scale, shrink)`` is one question and its answer, made of the photo alone."""
    photo, other = _photo(41, 47), _photo(50, 43, colours=True)
    shrink, third = compose(degrade.blur(1.2), degrade.bicubic(2)), compose(degrade.blur(0.8), degrade.bicubic(3))
    right = modcrop(photo, 2)

    def asks(f: Callable, question: Tensor) -> bool:
        return kinds.same(f(photo, 2, shrink)[0], question)

    def widths(f: Callable) -> tuple[int, int]:
        question, own = f(photo, 2, shrink)
        return question.shape[-1], own.shape[-1]

    return check(
        function(answer, kinds.tensors.called("a pair of pictures")),
        (lambda f: len(f(photo, 2, shrink)) == 2, "Return two pictures: the question, and the answer."),
        (
            lambda f: widths(f)[0] <= widths(f)[1],
            "The other way round: the small one is the question, the large one the answer.",
        ),
        (
            lambda f: widths(f)[1] <= photo.shape[-1],
            "Your answer is larger than the photo. Nobody has that picture: it is what we want in the end.",
        ),
        (
            lambda f: f(photo, 2, shrink)[1].shape == (1, 40, 46),
            "A photo of 41 x 47 has no half of whole pixels. Cut it to 40 x 46 first, so that the sizes fit.",
        ),
        (
            lambda f: not asks(f, degrade.bicubic(2)(right)),
            "You shrink by bicubic. Use the shrink you are given: it is the whole point.",
        ),
        (lambda f: torch.equal(f(photo, 2, shrink)[1], right), "The answer is the photo itself, but for the cut."),
        (lambda f: asks(f, shrink(right)), "The question is shrink(answer)."),
        (
            lambda f: all(map(kinds.same, f(other, 3, third), (third(modcrop(other, 3)), modcrop(other, 3)))),
            "Right for scale 2, wrong for 3: cut the photo to a multiple of the scale that is given.",
        ),
        hint=[
            "What plays the original, when there is none? The photo.",
            "The answer is the photo, cut to a multiple of the scale; the question is made from it.",
            "answer = images.modcrop(photo, scale); return shrink(answer), answer",
        ],
    )


def guess_blur(answer: Callable[[Tensor, Sequence[float], Callable], float] | None) -> bool:
    """Exercise 3: ``answer(photo, sigmas, fineness)`` is the blur after which the shrunk photo is as fine as before."""
    sigmas = [0.0, 0.4, 0.8, 1.2, 1.6, 2.0]
    small = degrade.bicubic(2)
    face = _photo(144, 128)
    photo, sharper = small(degrade.blur(1.2)(face)), small(degrade.blur(0.9)(face))

    def contrast(x: Tensor) -> float:  # another measure: who ignores the one given is found out
        return float(x.std())

    def off(x: Tensor, sigma: float, measure: Callable) -> float:
        return abs(measure(small(degrade.blur(sigma)(x))) - measure(x))

    def right(measure: Callable) -> float:
        return min(sigmas, key=lambda sigma: off(photo, sigma, measure))

    def unshrunk(measure: Callable) -> float:
        return min(sigmas, key=lambda sigma: abs(measure(degrade.blur(sigma)(photo)) - measure(photo)))

    @cache  # a detective takes his time
    def found(f: Callable, measure: Callable = ownpairs.fineness) -> float:
        given = f(photo, sigmas, measure)
        return next((sigma for sigma in sigmas if abs(sigma - given) < 1e-6), given)  # a tensor's 0.4 is 0.4000000059

    return check(
        function(answer, kinds.number.called("one of the sigmas")),
        (lambda f: found(f) in sigmas, "Return one of the sigmas themselves, not its place in the list."),
        (
            lambda f: found(f) != unshrunk(ownpairs.fineness),
            "No blur at all changes least, of course. The photo has to be blurred *and* shrunk by 2 before comparing.",
        ),
        (
            lambda f: found(f) != max(sigmas),
            "The strongest blur is hardly the photo's. Compare with the photo's own fineness, and take the nearest.",
        ),
        (
            lambda f: found(f) == right(ownpairs.fineness),
            "Blur by sigma, shrink by 2, measure; take the sigma whose measure is nearest to the photo's.",
        ),
        (
            lambda f: found(f, contrast) == right(contrast),
            "Right so far, but with another measure it should say something else: use the fineness you are given.",
        ),
        (
            lambda f: abs(f(sharper, [1.6, 0.4, 1.1], ownpairs.fineness) - 1.1) < 1e-6,
            "Right for this photo, wrong for another one and other sigmas. They may come in any order.",
        ),
        hint=[
            "Try each sigma: make the smaller picture that it would make of this photo.",
            "How far is fineness(smaller) from fineness(photo)? min(..., key=...) finds the nearest.",
            "min(sigmas, key=lambda s: abs(fineness(bicubic(2)(blur(s)(photo))) - fineness(photo))), from degrade",
        ],
    )


def _photo(height: int, width: int, colours: bool = False) -> Tensor:
    """The astronaut's face, luma or in colours."""
    photo = datasets.photos("bundled")["astronaut"].image
    return (photo if colours else rgb_to_y(photo))[:, 60 : 60 + height, 160 : 160 + width]
