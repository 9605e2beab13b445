"""The self-checks of the FSRCNN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import numpy as np
import torch
import torch.nn.functional as F

from srlib.exercises import fsrcnn


def right_size(n, stride, kernel=9, padding=4, output_padding=0):
    return (n - 1) * stride + kernel - 2 * padding + output_padding


def size_by_drawing(n, stride, kernel=9, padding=4, output_padding=0):
    touched = {first * stride + i for first in range(n) for i in range(kernel)}
    return torch.tensor(max(touched) + 1.0 - padding - padding + output_padding)


def right_multiply_adds(d, s, m, scale):
    return (25 * d + d * s + 9 * m * s**2 + s * d + 81 * d) / scale**2


def multiply_adds_by_layers(d, s, m, scale):
    layers = [(1, d, 5), (d, s, 1), *[(s, s, 3)] * m, (s, d, 1), (d, 1, 9)]
    return np.array([a * b * side**2 for a, b, side in layers]).sum() / np.square(scale)


def right_deconvolve(x, stamp, stride, padding, output_padding):
    k, (height, width) = len(stamp), x.shape
    tall, wide = ((n - 1) * stride + k + output_padding for n in (height, width))
    sheet = torch.zeros(tall, wide)
    for i in range(height):
        for j in range(width):
            sheet[i * stride : i * stride + k, j * stride : j * stride + k] += x[i, j] * stamp
    return sheet[padding : tall - padding, padding : wide - padding]


def deconvolve_by_gaps(x, stamp, stride, padding, output_padding):
    """Zeros between the pixels and around them, and then a convolution with the stamp turned round."""
    x, stamp = x.double().numpy(), stamp.double().numpy()
    k = len(stamp)
    tall, wide = ((n - 1) * stride + 1 for n in x.shape)
    apart = np.zeros((tall + 2 * (k - 1) + output_padding, wide + 2 * (k - 1) + output_padding))
    apart[k - 1 : k - 1 + tall : stride, k - 1 : k - 1 + wide : stride] = x
    windows = np.lib.stride_tricks.sliding_window_view(apart, (k, k))
    sheet = (windows * stamp[::-1, ::-1]).sum((2, 3))
    return sheet[padding : len(sheet) - padding, padding : sheet.shape[1] - padding]


def stamped(x, stamp, stride, padding, output_padding, replace=False):
    """Two mistakes: stamps that replace what lies under them, or stamps that are not weighed by their pixel."""
    k, (height, width) = len(stamp), x.shape
    tall, wide = ((n - 1) * stride + k + output_padding for n in (height, width))
    sheet = torch.zeros(tall, wide)
    for i in range(height):
        for j in range(width):
            place = (slice(i * stride, i * stride + k), slice(j * stride, j * stride + k))
            sheet[place] = x[i, j] * stamp if replace else sheet[place] + (x[i, j] > 0) * stamp
    return sheet[padding : tall - padding, padding : wide - padding]


def at_the_top(x, stamp, stride, padding, output_padding):
    """Adds the missing pixels on the wrong side."""
    return F.pad(right_deconvolve(x, stamp, stride, padding, 0), (output_padding, 0, output_padding, 0))


RIGHT = {
    "size": [right_size, size_by_drawing],
    "multiply_adds": [right_multiply_adds, multiply_adds_by_layers],
    "deconvolve": [right_deconvolve, deconvolve_by_gaps],
}
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
    ("deconvolve", lambda x, stamp, *how: {"x": x}, "the large picture, a tensor (H, W), is wanted"),
    ("deconvolve", lambda x, stamp, *how: x, "make 11 x 15"),
    ("deconvolve", lambda x, stamp, *how: right_deconvolve(x, stamp.flip(0, 1), *how), "turned by 180"),
    ("deconvolve", lambda x, stamp, *how: right_deconvolve(x, 2 * stamp, *how), "A single dot"),
    ("deconvolve", lambda x, stamp, *how: stamped(x, stamp, *how), "multiply each stamp"),
    ("deconvolve", lambda x, stamp, *how: stamped(x, stamp, *how, replace=True), "do not replace"),
    (
        "deconvolve",
        lambda x, stamp, stride, p, extra: F.pad(right_deconvolve(x, stamp, stride, p, extra), (p, p, p, p)),
        "Right without padding",
    ),
    ("deconvolve", lambda x, stamp, stride, *how: right_deconvolve(x, stamp, stride, 0, 0), "Right without padding"),
    ("deconvolve", at_the_top, "bottom and on the right"),
    ("deconvolve", lambda x, stamp, *how: sheet, "NameError"),  # noqa: F821
]


TestAnswers = answers.of(fsrcnn, RIGHT, WRONG)
