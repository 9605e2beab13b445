"""The self-checks of the FSRCNN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import torch
import torch.nn.functional as F

from srlib.exercises import fsrcnn


def right_size(n, stride, kernel=9, padding=4, output_padding=0):
    return (n - 1) * stride + kernel - 2 * padding + output_padding


def right_multiply_adds(d, s, m, scale):
    return (25 * d + 2 * d * s + 9 * m * s * s + 81 * d) / scale**2


def right_deconvolve(x, stamp, stride, padding, output_padding, replace=False, scaled=True):
    k, (height, width) = len(stamp), x.shape
    tall, wide = ((n - 1) * stride + k + output_padding for n in (height, width))
    sheet = torch.zeros(tall, wide)
    for i in range(height):
        for j in range(width):
            place = (slice(i * stride, i * stride + k), slice(j * stride, j * stride + k))
            ink = x[i, j] * stamp if scaled else (x[i, j] > 0) * stamp
            sheet[place] = ink if replace else sheet[place] + ink
    return sheet[padding : tall - padding, padding : wide - padding]


def at_the_top(x, stamp, stride, padding, output_padding):
    """Adds the missing pixels on the wrong side."""
    return F.pad(right_deconvolve(x, stamp, stride, padding, 0), (output_padding, 0, output_padding, 0))


RIGHT = {"size": right_size, "multiply_adds": right_multiply_adds, "deconvolve": right_deconvolve}
WRONG = [
    ("size", lambda n, stride, kernel=9, padding=4, output_padding=0: n * stride, "39 without"),
    ("size", lambda n, stride, kernel=9, padding=4, output_padding=0: (n - 1) * stride, "where does the last"),
    (
        "size",
        lambda n, stride, kernel=9, padding=4, output_padding=0: (n - 1) * stride + 1,
        "does your function use it",
    ),
    (
        "size",
        lambda n, stride, kernel=9, padding=4, output_padding=0: (n - 1) * stride + 1 + output_padding,
        "another kernel or padding",
    ),
    ("multiply_adds", lambda d, s, m, scale: right_multiply_adds(d, s, m, 1), "share it out"),
    (
        "multiply_adds",
        lambda d, s, m, scale: (25 * d + 2 * d * s + 9 * m * s * s) / scale**2 + 81 * d,
        "stamps once for each small pixel",
    ),
    ("multiply_adds", lambda d, s, m, scale: right_multiply_adds(d, s, m, 1) / scale, "square"),
    ("multiply_adds", lambda d, s, m, scale: right_multiply_adds(56, 12, 4, scale), "other sizes"),
    ("multiply_adds", lambda d, s, m, scale: 1000.0, "12,464 / 9"),
    ("deconvolve", lambda x, stamp, *how: right_deconvolve(x, stamp, *how).tolist(), "a tensor"),
    ("deconvolve", lambda x, stamp, *how: x, "make 11 x 15"),
    ("deconvolve", lambda x, stamp, *how: right_deconvolve(x, stamp.flip(0, 1), *how), "turned by 180"),
    ("deconvolve", lambda x, stamp, *how: right_deconvolve(x, 2 * stamp, *how), "A single dot"),
    ("deconvolve", lambda x, stamp, *how: right_deconvolve(x, stamp, *how, scaled=False), "multiply each stamp"),
    ("deconvolve", lambda x, stamp, *how: right_deconvolve(x, stamp, *how, replace=True), "do not replace"),
    ("deconvolve", lambda x, stamp, stride, *how: right_deconvolve(x, stamp, stride, 0, 0), "Right without padding"),
    ("deconvolve", at_the_top, "bottom and on the right"),
    ("deconvolve", lambda x, stamp, *how: sheet, "NameError"),  # noqa: F821
]


TestAnswers = answers.of(fsrcnn, RIGHT, WRONG)
