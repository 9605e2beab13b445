"""Self-checks of the chapter *VDSR*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from srlib import models
from srlib.live import check, function
from srlib.live.kinds import number, same, tensor, tensors


def depth_for(answer: Callable[[int, int], int] | None) -> bool:
    """Exercise 1: so many layers of 3 x 3 see ``small`` pixels of the picture as it was before it was enlarged."""
    return check(
        function(answer, number),
        (
            lambda f: f(13, 3) != 6,
            "6 layers see 13 pixels, but of the enlarged picture: there are three times as many.",
        ),
        (lambda f: f(41, 1) == 20, "20 layers see exactly 41 pixels: each adds two, and one is there without any."),
        (lambda f: f(13, 3) == 19, "13 small pixels at x3 are 39 large ones, and 19 layers see 39."),
        (
            lambda f: f(10, 4) == 20,
            "Right where it comes out even. For 40 pixels 19 layers see only 39: round up.",
        ),
        (lambda f: all(f(a, b) == a * b // 2 for a in range(1, 30) for b in (1, 2, 3, 4)), "Wrong for another size."),
        hint=[
            "How many pixels of the enlarged picture are `small` pixels of the small one?",
            "n layers see 2 n + 1 enlarged pixels. Solve for n, and think of what is not a whole number.",
            "It is (small * scale - 1) / 2, rounded up; a // 2 rounds down, and (a + 1) // 2 rounds up.",
        ],
    )


def clip(answer: Callable[[Sequence[Tensor], float, float], Sequence[Tensor]] | None) -> bool:
    """Exercise 2: ``answer(gradients, theta, lr)`` bounds each entry as the paper does."""

    def given() -> list[Tensor]:
        return [torch.tensor([[-3.0, 0.5], [0.02, 9.0]]), torch.tensor([0.0, -0.3])]

    def gives(f: Callable, theta: float, lr: float, other: Sequence[Tensor] | None = None) -> bool:
        true = [g.clamp(-theta / lr, theta / lr) for g in given()] if other is None else other
        return all(same(a, b) for a, b in zip(f(given(), theta, lr), true, strict=True))

    def shortened(theta: float, lr: float) -> list[Tensor]:
        length = torch.cat([g.flatten() for g in given()]).norm()
        return [g * (theta / lr / length).clamp_max(1) for g in given()]

    return check(
        function(answer, tensors.called("a list of tensors, one for each that was given,")),
        (
            lambda f: [g.shape for g in f(given(), 0.1, 0.5)] == [g.shape for g in given()],
            "Return as many tensors as were given, each of its own shape.",
        ),
        (
            lambda f: not gives(f, 0.1, 0.5, shortened(0.1, 0.5)),
            "You shortened the gradient as a whole, as the library does. The paper bounds every entry by itself.",
        ),
        (lambda f: all((g > -9).all() for g in f([-g for g in given()], 0.1, 0.5)), "Bound it from below, too."),
        (
            lambda f: not gives(f, 0.1, 0.5, [g.clamp(-0.1, 0.1) for g in given()]),
            "That bounds the gradient by theta whatever the rate is. It is the step, lr times gradient, that must stay "
            "within theta.",
        ),
        (lambda f: gives(f, 0.1, 1.0), "At lr=1 the bound is theta itself; yours is another."),
        (
            lambda f: gives(f, 0.1, 0.5),
            "Right at lr=1, wrong at 0.5: with half the rate the gradient may be twice as large.",
        ),
        (lambda f: gives(f, 1.0, 0.01), "A small gradient must stay as it is: theta/lr is only a bound."),
        hint=[
            "A step is lr times the gradient. How large may an entry of the gradient be at most?",
            "At most theta / lr, up or down. `torch.clamp` does it.",
            "[g.clamp(-..., ...) for g in gradients]",
        ],
    )


def in_tiles(answer: Callable[[nn.Module, Tensor, int, int], Tensor] | None) -> bool:
    """Exercise 3: ``answer(net, x, tile, halo)`` gives what ``net(x)`` gives, without ever running it on all of x."""
    net = _Watched(_network())
    x = torch.rand(1, 1, 17, 25, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = net(x)

    @torch.no_grad()
    def made(f: Callable, tile: int = 8, halo: int = 3) -> Tensor:
        return f(net, x, tile, halo)

    def widest(f: Callable) -> int:
        net.seen.clear()
        made(f)
        return max((max(shape[2:]) for shape in net.seen), default=0)

    return check(
        function(answer, tensor.called("the whole picture, a tensor (1, 1, H, W),")),
        (
            lambda f: made(f).shape == x.shape,
            "17 x 25 pixels go in, so as many must come out; the last tiles are smaller.",
        ),
        (lambda f: same(made(f, 32, 0), whole), "One tile that holds everything must be net(x)."),
        (
            lambda f: widest(f) <= 8 + 2 * 3,
            "The network was run on more than a tile and its halo. The point is never to hold all of it at once.",
        ),
        (
            lambda f: not same(made(f), made(f, halo=0), atol=1e-6),
            "The halo makes no difference: give each tile `halo` more pixels on every side where there are any.",
        ),
        (
            lambda f: same(made(f)[..., 3:-3, 3:-3], whole[..., 3:-3, 3:-3]),
            "There are seams: of what the network draws, keep the tile and cut the halo off.",
        ),
        (
            lambda f: same(made(f), whole),
            "Right inside, wrong along the picture's own border: invent no pixels there, the network pads by itself.",
        ),
        (
            lambda f: same(made(f, 5, 4), whole) and not same(made(f, 5, 1), whole, atol=1e-4),
            "Right for tiles of 8 with a halo of 3, wrong for others: use both arguments.",
        ),
        hint=[
            "Walk over the tiles' corners with two loops, range(0, height, tile) and range(0, width, tile).",
            "Cut from max(0, top - halo) to top + tile + halo, run the network, and find the tile in the result.",
            "The tile begins at top - max(0, top - halo) in what was drawn, and has min(tile, height - top) rows.",
        ],
    )


class _Watched(nn.Module):
    """A network that remembers what it was run on."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.seen: list[torch.Size] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.shape)
        return self.net(x)


def _network() -> nn.Module:
    """Three layers with random weights and biases: a border that is padded with zeros shows."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = models.create("vdsr", layers=3, features=4)
        for parameter in net.parameters():
            nn.init.normal_(parameter, std=0.5)
    return net.eval()
