"""The self-checks of the ESPCN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import numpy as np
import torch
import torch.nn.functional as F

from srlib.exercises import espcn


def right_seat(row, column, scale):
    return row % scale * scale + column % scale, row // scale, column // scale


def seat_by_counting(row, column, scale):
    places = np.arange(scale**2).reshape(scale, scale)
    return torch.tensor([places[row % scale, column % scale], (row - row % scale) / scale, column // scale])


def right_shuffle(x, scale):
    colours, (height, width) = len(x) // scale**2, x.shape[1:]
    x = x.view(colours, scale, scale, height, width).permute(0, 3, 1, 4, 2)
    return x.reshape(colours, height * scale, width * scale)


def shuffle_by_places(x, scale):
    x = np.array(x)
    large = np.empty((len(x) // scale**2, x.shape[1] * scale, x.shape[2] * scale))
    for i in range(scale):
        for j in range(scale):
            large[:, i::scale, j::scale] = x[i * scale + j :: scale**2]
    return large


def shuffle_by_columns(x, scale):
    colours, (height, width) = len(x) // scale**2, x.shape[1:]
    x = x.view(colours, scale, scale, height, width).permute(0, 3, 2, 4, 1)
    return x.reshape(colours, height * scale, width * scale)


def places_first(x, scale):
    colours, (height, width) = len(x) // scale**2, x.shape[1:]
    x = x.view(scale, scale, colours, height, width).permute(2, 3, 0, 4, 1)
    return x.reshape(colours, height * scale, width * scale)


def right_kernels(stamps, stride):
    return F.pixel_unshuffle(stamps, stride).transpose(0, 1).flip(2, 3)


def kernels_by_places(stamps, stride):
    """Place (i, j): every third number of a stamp, from the far end backwards."""
    kernels = np.empty((stride**2, len(stamps), 3, 3))
    for i in range(stride):
        for j in range(stride):
            kernels[i * stride + j] = np.array(stamps)[:, 0, i::stride, j::stride][..., ::-1, ::-1]
    return kernels


def kernels_by_columns(stamps, stride):
    kernels = right_kernels(stamps, stride)
    return kernels.view(stride, stride, *kernels.shape[1:]).transpose(0, 1).reshape(kernels.shape)


RIGHT = {
    "seat": [right_seat, seat_by_counting],
    "shuffle": [right_shuffle, shuffle_by_places],
    "kernels_of": [right_kernels, kernels_by_places],
}
WRONG = [
    ("seat", lambda row, column, scale: right_seat(row, column, scale)[0], "but three numbers, the channel"),
    ("seat", lambda row, column, scale: (1 + right_seat(row, column, scale)[0], 0, 0), "the first pixel of channel 0"),
    (
        "seat",
        lambda row, column, scale: (column % scale * scale + row % scale, row // scale, column // scale),
        "by columns",
    ),
    ("seat", lambda row, column, scale: (column % scale, row // scale, column // scale), "sits channel 2"),
    ("seat", lambda row, column, scale: (row * scale + column % scale, row // scale, column // scale), "0 to 8"),
    ("seat", lambda row, column, scale: (right_seat(row, column, scale)[0], row, column), "share them"),
    ("seat", lambda row, column, scale: right_seat(row, column, min(scale, 3)), "use scale each time"),
    ("shuffle", lambda x, scale: "picture", "the large picture, a tensor, is wanted"),
    ("shuffle", lambda x, scale: x, "1 channel of 12 x 15"),
    ("shuffle", lambda x, scale: x.reshape(-1, scale * x.shape[1], scale * x.shape[2]), "plain reshape"),
    ("shuffle", lambda x, scale: shuffle_by_columns(x, scale), "by columns"),
    ("shuffle", lambda x, scale: right_shuffle(x.flip(0), scale), "wrong seats"),
    ("shuffle", places_first, "places first"),
    ("shuffle", lambda x, scale: right_shuffle(x[:9], scale), "27 channels"),
    ("shuffle", lambda x, scale: right_shuffle(x, 3), "at line"),
    ("shuffle", lambda x, scale: right_shuffle(x, scale) * (scale != 5), "use scale"),
    ("kernels_of", lambda stamps, stride: [stamps, stride], "the convolution's weight, a tensor, is wanted"),
    ("kernels_of", lambda stamps, stride: F.pixel_unshuffle(stamps, stride), "nine places, first"),
    ("kernels_of", lambda stamps, stride: stamps, "(9, 4, 3, 3)"),
    ("kernels_of", lambda stamps, stride: F.pixel_unshuffle(stamps, stride).transpose(0, 1), "Only the turn"),
    ("kernels_of", kernels_by_columns, "by columns"),
    ("kernels_of", lambda stamps, stride: right_kernels(stamps, stride).abs(), "draw another picture"),
    ("kernels_of", lambda stamps, stride: right_kernels(stamps, 3), "use stride"),
    ("kernels_of", lambda stamps, stride: right_kernels(stamps, stride) * (stride == 3), "use stride"),
    ("kernels_of", lambda stamps, stride: kernel, "NameError"),  # noqa: F821
]
EQUIVALENT = {
    "kernels_of": {
        "return F.pixel_unshuffle(stamps, stride).transpose(0, 1).flip(3, 2)": "both axes are flipped",
        "return F.pixel_unshuffle(stamps, stride).transpose(1, 0).flip(2, 3)": "two axes change places either way",
    },
}


TestAnswers = answers.of(espcn, RIGHT, WRONG, EQUIVALENT)
