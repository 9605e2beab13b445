"""The self-checks of the chapter Reconstruction: silent on nothing, helpful on the typical mistake, else content."""

import answers
import numpy as np
import torch

from srlib.classical import enlarge, shrink
from srlib.exercises import reconstruction


def right_visit(x, lr, scale, delta):
    error = lr - shrink(x, scale)
    return x + enlarge(error - error.clamp(-delta / 255, delta / 255), scale)


def visit_by_pixels(x, lr, scale, delta):
    excess = np.array(lr - shrink(x, scale), dtype=np.float64) * 255
    excess = np.sign(excess) * np.maximum(np.abs(excess) - delta, 0)
    return (x + enlarge(torch.tensor(excess / 255, dtype=torch.float32), scale)).tolist()


def whole_error_beyond(x, lr, scale, delta):
    error = lr - shrink(x, scale)
    return x + enlarge(torch.where(error.abs() > delta / 255, error, 0.0), scale)


def only_the_allowed(x, lr, scale, delta):
    return x + enlarge((lr - shrink(x, scale)).clamp(-delta / 255, delta / 255), scale)


def in_other_units(x, lr, scale, delta):
    error = lr - shrink(x, scale)
    return x + enlarge(error - error.clamp(-delta, delta), scale)


def right_ghost(picture, scale):
    x = picture
    for _ in range(60):
        x = x - enlarge(shrink(x, scale), scale)
    return x


def ghost_by_its_photo(picture, scale):
    """The picture less all that the camera sees of it."""
    seen = torch.zeros_like(picture)
    for _ in range(80):
        seen = seen + enlarge(shrink(picture - seen, scale), scale)
    return (picture - seen).numpy()


def once(picture, scale):
    return picture - enlarge(shrink(picture, scale), scale)


def checkered(picture, scale):
    """Invisible, but of no picture in particular."""
    noise = torch.rand(picture.shape, generator=torch.Generator().manual_seed(7))
    return right_ghost(noise, scale)


RIGHT = {
    "landing": [(30, 70), [30.0, 70.0], torch.tensor([30, 70]), np.array([30, 70])],
    "visit": [right_visit, visit_by_pixels],
    "ghost_of": [right_ghost, ghost_by_its_photo],
}
WRONG = [
    ("landing", 50, "50 (an int), but a pair of numbers"),
    ("landing", (50, 50), "forgets the start"),
    ("landing", (20, 80), "one pixel only"),
    ("landing", (70, 30), "wrong way round"),
    ("landing", (25, 65), "one step"),
    ("landing", (40, 80), "is not 50"),
    ("landing", (10, 90), "not the nearest"),
    ("visit", lambda x, lr, scale, delta: "x", "the corrected large picture, a tensor, is wanted"),
    ("visit", lambda x, lr, scale, delta: lr - shrink(x, scale), "the shape of x"),
    ("visit", lambda x, lr, scale, delta: right_visit(x, lr, scale, 0), "the whole error"),
    ("visit", in_other_units, "divide by 255"),
    ("visit", only_the_allowed, "other way round"),
    ("visit", lambda x, lr, scale, delta: 2 * x - right_visit(x, lr, scale, delta), "sign"),
    ("visit", whole_error_beyond, "edge of the set"),
    ("visit", lambda x, lr, scale, delta: right_visit(x, lr, 2, delta), "at line"),
    ("visit", lambda x, lr, scale, delta: x + 0.9 * (right_visit(x, lr, scale, delta) - x), "beyond delta"),
    ("visit", lambda x, lr, scale, delta: error, "NameError"),  # noqa: F821
    ("visit", lambda x, lr, scale, delta: right_visit(x, lr, scale, 3), "wrong at x3"),
    ("ghost_of", lambda picture, scale: 0, "the size of the picture"),
    ("ghost_of", lambda picture, scale: shrink(picture, scale), "the size of the picture"),
    ("ghost_of", lambda picture, scale: torch.zeros_like(picture), "Black vanishes"),
    ("ghost_of", lambda picture, scale: picture - right_ghost(picture, scale), "does see"),
    ("ghost_of", lambda picture, scale: picture, "still there"),
    ("ghost_of", lambda picture, scale: once(picture, scale), "repeat"),
    ("ghost_of", checkered, "not the nearest"),
    ("ghost_of", lambda picture, scale: right_ghost(picture, 2), "wrong at x3"),
    ("ghost_of", lambda picture, scale: ghost, "NameError"),  # noqa: F821
]
EQUIVALENT = {
    "ghost_of": dict.fromkeys(
        ("for _ in range(60 - 1):", "for _ in range(61):", "for _ in range(59):"), "a round more or less"
    )
    | {"x = enlarge(shrink(x, scale), scale) - x": "the sign is turned round an even number of times"},
}


TestAnswers = answers.of(reconstruction, RIGHT, WRONG, EQUIVALENT)
