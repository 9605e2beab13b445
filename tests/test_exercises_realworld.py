"""The self-checks of the chapter on the real world: silent on nothing, helpful on the typical mistake."""

import answers
import torch

from srlib import degrade, ownpairs
from srlib.degrade import bicubic, blur, compose, jpeg, noise
from srlib.exercises import realworld as exercises
from srlib.images import modcrop
from srlib.resize import resize


def right_camera(hr, scale, sigma, level, quality):
    return compose(blur(sigma), bicubic(scale), noise(level), jpeg(quality))(hr)


def step_by_step(hr, scale, sigma, level, quality):
    """By the library's parts, and as an array."""
    small = resize(modcrop(blur(sigma)(hr), scale), 1 / scale)
    grain = torch.randn(small.shape, generator=torch.Generator().manual_seed(0))
    return jpeg(quality)((small + grain * level / 255).clamp(0, 1)).numpy()


def right_own_pair(photo, scale, shrink):
    answer = modcrop(photo, scale)
    return shrink(answer), answer


def cut_by_hand(photo, scale, shrink):
    """A list, of an array and a tensor."""
    height, width = (scale * (side // scale) for side in photo.shape[-2:])
    return [shrink(photo[:, :height, :width]).numpy(), photo[:, :height, :width]]


def right_guess_blur(photo, sigmas, fineness):
    return min(sigmas, key=lambda s: abs(fineness(bicubic(2)(blur(s)(photo))) - fineness(photo)))


def from_a_table(photo, sigmas, fineness):
    """A tensor, in single precision, and ratios in place of differences."""
    tried = [fineness(compose(blur(s), bicubic(2))(photo)) / fineness(photo) for s in sigmas]
    return torch.tensor(sigmas)[(torch.tensor(tried) - 1).abs().argmin()]


def never_shrunk(photo, sigmas, fineness):
    return min(sigmas, key=lambda s: abs(fineness(blur(s)(photo)) - fineness(photo)))


RIGHT = {
    "camera": [right_camera, step_by_step],
    "own_pair": [right_own_pair, cut_by_hand],
    "guess_blur": [right_guess_blur, from_a_table],
}
WRONG = [
    ("camera", lambda hr, s, b, n, q: compose(blur(b), bicubic(s), noise(n), jpeg(q)), "itself"),
    ("camera", lambda hr, s, b, n, q: compose(blur(b), noise(n), jpeg(q))(hr), "32 x 24"),
    ("camera", lambda hr, s, b, n, q: compose(blur(b), noise(n), bicubic(s), jpeg(q))(hr), "averages"),
    ("camera", lambda hr, s, b, n, q: compose(bicubic(s), blur(b), noise(n), jpeg(q))(hr), "after the shrinking"),
    ("camera", lambda hr, s, b, n, q: compose(blur(b), bicubic(s), jpeg(q), noise(n))(hr), "after JPEG"),
    ("camera", lambda hr, s, b, n, q: compose(bicubic(s), noise(n), jpeg(q))(hr), "lens is missing"),
    ("camera", lambda hr, s, b, n, q: compose(blur(b), bicubic(s), noise(n, seed=1), jpeg(q))(hr), "seed"),
    ("camera", lambda hr, s, b, n, q: compose(blur(b), bicubic(s), jpeg(q))(hr), "noise is missing"),
    ("camera", lambda hr, s, b, n, q: compose(blur(b), bicubic(s), noise(n))(hr), "file is missing"),
    ("camera", lambda hr, s, b, n, q: compose(blur(b), bicubic(2), noise(n), jpeg(q))(hr), "wrong for others"),
    ("camera", lambda hr, s, b, n, q: compose(blur(b), bicubic(s), noise(12), jpeg(q))(hr), "wrong for others"),
    ("own_pair", lambda p, s, shrink: shrink(modcrop(p, s)), "two pictures"),
    ("own_pair", lambda p, s, shrink: (shrink(modcrop(p, 2)), modcrop(p, 2)), "wrong for 3"),
    ("own_pair", lambda p, s, shrink: right_own_pair(p, s, shrink)[::-1], "other way round"),
    ("own_pair", lambda p, s, shrink: (p, resize(p, s)), "Nobody has that picture"),
    ("own_pair", lambda p, s, shrink: (shrink(p), p), "40 x 46"),
    ("own_pair", lambda p, s, shrink: (bicubic(s)(p), modcrop(p, s)), "whole point"),
    ("own_pair", lambda p, s, shrink: (shrink(p[..., 1:, 1:]), p[..., 1:, 1:]), "the photo itself"),
    ("own_pair", lambda p, s, shrink: (shrink(shrink(modcrop(p, s))), modcrop(p, s)), "shrink(answer)"),
    ("guess_blur", lambda p, sigmas, f: 3, "its place in the list"),
    ("guess_blur", never_shrunk, "blurred *and* shrunk"),
    ("guess_blur", lambda p, sigmas, f: min(sigmas, key=lambda s: f(bicubic(2)(blur(s)(p)))), "strongest blur"),
    ("guess_blur", lambda p, sigmas, f: 0.8, "nearest to the photo's"),
    (
        "guess_blur",
        lambda p, sigmas, f: right_guess_blur(p, [0.0, 0.4, 0.8, 1.2, 1.6, 2.0], f),
        "any order",
    ),
    ("guess_blur", lambda p, sigmas, f: right_guess_blur(p, sigmas, ownpairs.fineness), "another measure"),
]


TURNED = "return min(sigmas, key=lambda s: abs(fineness(photo) - fineness(bicubic(2)(blur(s)(photo)))))"
EQUIVALENT = {"guess_blur": {TURNED: "a distance has no order"}}

TestAnswers = answers.of(exercises, RIGHT, WRONG, EQUIVALENT)


def test_the_answers_are_what_the_library_does():
    photo = exercises._photo(81, 81)
    shrink = compose(blur(0.9), bicubic(2))
    (first, *_) = ownpairs.family(photo, 2, shrink)
    assert all(torch.equal(a, b) for a, b in zip(right_own_pair(photo, 2, shrink), first, strict=True))
    sigmas = [n / 20 for n in range(61)]
    small = degrade.bicubic(2)(degrade.blur(1.2)(exercises._photo(144, 128)))
    assert right_guess_blur(small, sigmas, ownpairs.fineness) == ownpairs.guess_blur(small, 2)
