"""Self-checks of the chapter *SRCNN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srlib import models
from srlib.live import check, function
from srlib.live.kinds import number, same, tensor


def parameters(answer: Callable[..., int] | None) -> bool:
    """Exercise 1: ``answer(f1, f2, f3, n1=64, n2=32)`` counts the parameters of an SRCNN."""
    return check(
        function(answer, number),
        (lambda f: f(9, 5, 5) != 57_184, "You counted the weights but not the biases: one for each filter."),
        (lambda f: f(9, 5, 5) == 57_281, "9-5-5 has 57,281 parameters, and your function says otherwise."),
        (lambda f: f(9, 1, 5) == 8_129, "9-5-5 is right, but 9-1-5 has 8,129: does your function use f2?"),
        (lambda f: f(5, 3, 3, 16, 8) == _counted(5, 3, 3, 16, 8), "Right with 64 and 32 filters, wrong with 16 and 8."),
        hint=[
            "One filter looks at all channels of its input at once. How many numbers is that, and what is added?",
            "A layer with n filters of size f x f over c channels has n * (f*f*c + 1) numbers.",
            "The first layer has c = 1, the second c = n1, the third c = n2 and a single filter. Add the three up.",
        ],
    )


def receptive_field(answer: Callable[[list[int]], int] | None) -> bool:
    """Exercise 2: ``answer([9, 5, 5])`` gives the side of the receptive field of stacked convolutions."""
    return check(
        function(answer, number),
        (lambda f: f([9]) == 9, "One 9 x 9 layer sees 9 pixels: start there."),
        (lambda f: f([9, 5, 5]) != 19, "Adding the sizes counts shared pixels again: each further layer adds f - 1."),
        (lambda f: f([9, 5, 5]) == 17, "9-5-5 sees 17 pixels."),
        (lambda f: f([3] * 20) == 41, "Twenty 3 x 3 layers (VDSR, two chapters on) see 41 pixels."),
        hint=[
            "Walk backwards: which pixels of the layer before it does one output pixel need, and which do those need?",
            "A layer of size f widens a window of w pixels to w + f - 1.",
            "Start with 1 and add f - 1 for every layer of the list.",
        ],
    )


class _Lopsided(nn.Module):
    """A network without any symmetry: it answers each of the eight versions in another way.

    A kernel of 3 x 3 would not do, whatever it holds: averaged over the four rotations it is its own mirror image.
    """

    KERNEL = torch.randn(1, 1, 5, 5, generator=torch.Generator().manual_seed(5)) / 5

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tanh(F.conv2d(x, self.KERNEL, padding=2))


def self_ensemble(answer: Callable[[nn.Module, Tensor], Tensor] | None) -> bool:
    """Exercise 3: ``answer(net, x)`` averages the network over the eight flips and rotations of ``x``."""
    x = torch.rand(1, 1, 6, 9, generator=torch.Generator().manual_seed(0))
    turns = [(k, flip) for k in range(4) for flip in (False, True)]
    net = _Lopsided()

    def there(z: Tensor, k: int, flip: bool) -> Tensor:
        return (z.flip(-1) if flip else z).rot90(k, (-2, -1))

    def back(z: Tensor, k: int, flip: bool) -> Tensor:
        z = z.rot90(-k, (-2, -1))
        return z.flip(-1) if flip else z

    def mean(turns: Sequence[tuple[int, bool]]) -> Tensor:
        return sum(back(net(there(x, *t)), *t) for t in turns) / len(turns)

    return check(
        function(answer, tensor.called("the averaged picture, a tensor,")),
        (lambda f: f(nn.Identity(), x).shape == x.shape, "The result must have the shape of x: turn each output back."),
        (
            lambda f: same(f(nn.Identity(), x), x, atol=1e-6),
            "A network that changes nothing must give x back: undo the turns in reverse order, and divide by 8.",
        ),
        (
            lambda f: not same(f(net, x), net(x), atol=1e-4),
            "This is the plain output: did the network see all eight versions?",
        ),
        (
            lambda f: not same(f(net, x), mean(turns[::2])),
            "Those are the four rotations. Each of them can be mirrored as well: that makes eight.",
        ),
        (
            lambda f: same(f(net, x), mean(turns)),
            "Close, but some of the eight versions are missing or come twice: four rotations, each also mirrored.",
        ),
        hint=[
            "Four rotations, each with and without a mirror: eight versions of x, eight outputs to bring back.",
            "`x.rot90(k, (-2, -1))` turns and `x.flip(-1)` mirrors. Undo the last step first.",
            "If you mirrored and then turned by k: `net(...).rot90(-k, (-2, -1)).flip(-1)`. Add up, divide by 8.",
        ],
    )


def _counted(f1: int, f2: int, f3: int, n1: int, n2: int) -> int:
    """The true count, from the network itself."""
    return sum(p.numel() for p in models.create("srcnn", f1=f1, f2=f2, f3=f3, n1=n1, n2=n2).parameters())
