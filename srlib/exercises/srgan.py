"""Self-checks of the chapter *SRGAN*. Each takes the learner's answer and says one sentence about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from srlib import losses
from srlib.live import check, function, kinds


def best(answer: Callable[[Sequence[Tensor], Sequence[float]], Tensor] | None) -> bool:
    """Exercise 1: ``answer(originals, chances)`` is the picture with the least expected squared error."""
    generator = torch.Generator().manual_seed(0)
    originals = [torch.rand(1, 5, 6, generator=generator) for _ in range(3)]
    equal, unequal = [1 / 3] * 3, [0.2, 0.7, 0.1]

    def near(f: Callable, chances: Sequence[float], other: Tensor) -> bool:
        return kinds.same(f(originals[: len(chances)], chances), other)

    def mean(chances: Sequence[float]) -> Tensor:
        return sum(c * o for c, o in zip(chances, originals, strict=False))

    return check(
        function(answer, kinds.tensor.called("one picture")),
        (
            lambda f: f(originals, unequal).shape == (1, 5, 6),
            "Return one picture, of the originals' own shape.",
        ),
        (
            lambda f: not any(near(f, unequal, o) for o in originals),
            "That is one of the originals. It is the likeliest guess, and still costs more than a mean.",
        ),
        (
            lambda f: not near(f, equal, torch.stack(originals).median(0).values),
            "That is the median, which has the least absolute error. Squares ask for another middle.",
        ),
        (
            lambda f: not near(f, unequal, mean(equal)),
            "You gave all originals the same weight. Likelier ones have to count more.",
        ),
        (
            lambda f: not near(f, unequal, mean(unequal) / 3),
            "Three times too dark: the chances already sum to 1, so there is nothing left to divide by.",
        ),
        (lambda f: near(f, unequal, mean(unequal)), "Some other picture has a smaller expected squared error."),
        (
            lambda f: near(f, [0.4, 0.6], mean([0.4, 0.6])),
            "Right for three originals, wrong for two.",
        ),
        hint=[
            "Which picture was best for four equally likely stripes?",
            "The same, but each original counts by its chance.",
            "sum(chance * original for chance, original in zip(chances, originals))",
        ],
    )


def teaches(f: Callable, loss: Callable, *logits: Tensor) -> bool:
    """Does a learner's loss lead the same gradient back to the logits as the course's?"""
    leaves = [t.clone().requires_grad_() for t in logits]
    theirs = f(*leaves)
    if not theirs.requires_grad:
        return False
    found = torch.autograd.grad(theirs, leaves, allow_unused=True)
    wanted = torch.autograd.grad(loss(*leaves), leaves)
    return all(g is not None and kinds.same(g, w) for g, w in zip(found, wanted, strict=True))


def judge_loss(answer: Callable[[Tensor, Tensor], Tensor] | None) -> bool:
    """Exercise 2: ``answer(real, fake)`` is what a judge minimises, from logits of any size."""
    real, fake = torch.tensor([[2.0], [-1.0], [0.5]]), torch.tensor([[0.3], [-2.0]])
    huge = torch.tensor([[1e4], [-1e4]])
    of_real, of_fake = (losses.fooling(None, z) for z in (real, -fake))

    def near(f: Callable, other: Tensor | float) -> bool:
        return abs(float(f(real, fake)) - float(other)) < 1e-5

    return check(
        function(answer, kinds.scalar),
        (
            lambda f: not near(f, -losses.judging(real, fake)),
            "The sign is turned round: what is minimised has to be small for a judge who is right.",
        ),
        (
            lambda f: not near(f, losses.judging(fake, real)),
            "That rewards taking drawings for photographs. Exchange real and fake.",
        ),
        (
            lambda f: not near(f, 3 * of_real + 2 * of_fake),
            "You summed over the pictures. Take the mean, or a larger batch would mean longer steps.",
        ),
        (
            lambda f: not near(f, (3 * of_real + 2 * of_fake) / 5),
            "You averaged over all pictures at once. Average each kind over its own, and add the two.",
        ),
        (
            lambda f: not near(f, losses.judging(real, fake) / 2),
            "Half of it: average each kind over its own pictures, and add the two.",
        ),
        (
            lambda f: not near(f, losses.judging(real.sigmoid(), fake.sigmoid())),
            "One sigmoid too many. It turns a logit into a verdict, and after that there is no logit any more.",
        ),
        (
            lambda f: not near(f, losses.judging(real, fake) / math.log(10)),
            "Those are logarithms to base 10. A log without a base is the natural one: torch.log.",
        ),
        (lambda f: near(f, losses.judging(real, fake)), "Not that number. D is the sigmoid of the logit."),
        (
            lambda f: torch.isfinite(f(huge, huge)),
            "Right, until a logit is large: then the sigmoid is exactly 0 and its logarithm infinite.",
        ),
        (
            lambda f: abs(float(f(huge, huge)) - 1e4) < 1,
            "Right for small logits. But one photograph at -10,000 and one drawing at 10,000 should cost 10,000.",
        ),
        (
            lambda f: teaches(f, losses.judging, real, fake) and teaches(f, losses.judging, huge, huge),
            "The number is right, but its gradient is not: the judge would learn nothing from it, or the wrong thing.",
        ),
        hint=[
            "-log sigmoid(z) can be written without a sigmoid: expand the fraction.",
            "It is log(1 + exp(-z)), which torch has as softplus(-z). And 1 - sigmoid(z) is sigmoid(-z).",
            "F.softplus(-real).mean() + F.softplus(fake).mean()",
        ],
    )


def gradients(answer: Callable[[nn.Module, nn.Module, Tensor, Tensor, float], object] | None) -> bool:
    """Exercise 3: ``answer(generator, judge, x, y, weight)`` leaves each player the gradient of its own loss."""

    def players() -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            generator = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 1, 3, padding=1))
            judge = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 1))
            return generator, judge, torch.rand(2, 1, 6, 6), torch.rand(2, 1, 6, 6)

    def gathered(f: Callable, used: bool = False) -> dict[str, Tensor | None]:
        """What ``f`` leaves in both, after a round (``used``) that left something there before."""
        generator, judge, x, y = players()
        if used:
            judge(generator(x)).sum().backward()
        f(generator, judge, x, y, 0.3)
        nets = {"generator": generator, "judge": judge}
        return {name: _flat([p.grad for p in net.parameters()]) for name, net in nets.items()}

    def wanted(of_generator: Callable, of_judge: Callable) -> dict[str, Tensor]:
        generator, judge, x, y = players()
        sr = generator(x)
        real, fake, pixels = judge(y), judge(sr), losses.mse(sr, y)
        pairs = {"generator": (generator, of_generator(pixels, real, fake)), "judge": (judge, of_judge(real, fake))}
        return {
            name: _flat(torch.autograd.grad(loss, list(net.parameters()), retain_graph=True))
            for name, (net, loss) in pairs.items()
        }

    def right(pixels: Tensor, real: Tensor, fake: Tensor) -> Tensor:
        return pixels + 0.3 * losses.fooling(real, fake)

    def both(real: Tensor, fake: Tensor) -> Tensor:
        return losses.judging(real, fake)

    def leaked(pixels: Tensor, real: Tensor, fake: Tensor) -> Tensor:
        return right(pixels, real, fake) + both(real, fake)

    def got(f: Callable, player: str, other: Callable, used: bool = False) -> bool:
        of = wanted(other, both) if player == "generator" else wanted(right, other)
        found = gathered(f, used)[player]
        return found is not None and kinds.same(found, of[player], rtol=1e-3, atol=1e-6)

    def still(f: Callable) -> bool:
        generator, judge, x, y = players()
        before = [p.clone() for net in (generator, judge) for p in net.parameters()]
        f(generator, judge, x, y, 0.3)
        after = [p for net in (generator, judge) for p in net.parameters()]
        return all(torch.equal(a, b) for a, b in zip(before, after, strict=True))

    def free(f: Callable) -> bool:
        generator, judge, x, y = players()
        f(generator, judge, x, y, 0.3)
        return all(p.requires_grad for net in (generator, judge) for p in net.parameters())

    return check(
        function(answer, kinds.nothing),
        (still, "The weights have moved. Leave that to the optimisers: only p.grad is to be filled."),
        (free, "Some parameters are still frozen afterwards: set requires_grad back to True, or nothing trains them."),
        (lambda f: gathered(f)["generator"] is not None, "There is no gradient in the generator's parameters."),
        (lambda f: gathered(f)["judge"] is not None, "There is no gradient in the judge's parameters."),
        (
            lambda f: not got(f, "generator", leaked),
            "The judge's loss has reached the generator: it would learn to be found out. Detach the picture, or ask "
            "torch.autograd.grad for the judge's parameters alone.",
        ),
        (
            lambda f: not got(f, "judge", lambda real, fake: both(real, fake) + 0.3 * losses.fooling(real, fake)),
            "The generator's loss has reached the judge: it would learn to be fooled. Clear its gradient in between.",
        ),
        (
            lambda f: not got(f, "generator", lambda p, real, fake: p + 0.3 * -losses.judging(-fake, fake) / 2),
            "That is log(1 - D), the judge's own term. Minimise -log D: it is steep where the judge is sure.",
        ),
        (
            lambda f: not got(f, "generator", lambda p, real, fake: p),
            "Only the pixel loss has reached the generator: the picture was detached there, too.",
        ),
        (
            lambda f: not got(f, "generator", lambda p, real, fake: p + losses.fooling(real, fake)),
            "The weight is missing before the adversarial term.",
        ),
        (
            lambda f: got(f, "generator", right),
            "The generator's gradient is another one. Its loss: mse(sr, y) + weight * softplus(-judge(sr)).mean().",
        ),
        (
            lambda f: got(f, "judge", both),
            "The judge's gradient is another one. Its loss is that of exercise 2, of judge(y) and judge(sr).",
        ),
        (
            lambda f: got(f, "generator", right, True) and got(f, "judge", both, True),
            "Right in the first round. In the second, what was in p.grad before is still in the sum.",
        ),
        hint=[
            "Two losses, two networks, and each loss hangs on both. Which gradient goes where?",
            "torch.autograd.grad(loss, parameters) touches nothing but what it returns; put that into p.grad.",
            "For each net and its loss: torch.autograd.grad(loss, list(net.parameters()), retain_graph=True), each "
            "part into its p.grad.",
        ],
    )


def _flat(found: Sequence[Tensor | None]) -> Tensor | None:
    """All gradients in one line, or None where one is missing."""
    return None if any(g is None for g in found) else torch.cat([g.flatten() for g in found])
