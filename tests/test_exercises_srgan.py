"""The self-checks of the SRGAN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import math

import answers
import numpy as np
import torch
from torch.nn import functional as F

from srlib import losses
from srlib.exercises import srgan


def right_best(originals, chances):
    return sum(chance * original for chance, original in zip(chances, originals, strict=True))


def as_a_product(originals, chances):
    """NumPy, with one product for all pixels, and odds in place of chances."""
    odds = 7 * np.array(chances)
    return (odds / odds.sum() @ np.stack(originals).reshape(len(odds), -1)).reshape(originals[0].shape).tolist()


def right_judge_loss(real, fake):
    nothing = torch.zeros(())
    return torch.logaddexp(nothing, -real).mean() + torch.logaddexp(nothing, fake).mean()


def by_torch_itself(real, fake):
    wanted = torch.ones_like(real), torch.zeros_like(fake)
    return sum(F.binary_cross_entropy_with_logits(*pair) for pair in zip((real, fake), wanted, strict=True))


def photo_by_photo(real, fake):
    """The larger of 0 and the logit, plus what is left; one at a time, of shape (1, 1)."""
    both = [
        torch.stack([z.clamp_min(0) + torch.log1p(torch.exp(-abs(z))) for z in of]).mean(0, keepdim=True)
        for of in (-real, fake)
    ]
    return both[0] + both[1]


def right_gradients(generator, judge, x, y, weight):
    """The usual way: the judge sees a detached picture, and is cleared of what the generator's loss left in it."""
    generator.zero_grad()
    sr = generator(x)
    (F.mse_loss(sr, y) + weight * F.softplus(-judge(sr)).mean()).backward()
    judge.zero_grad()
    (F.softplus(-judge(y)).mean() + F.softplus(judge(sr.detach())).mean()).backward()


def by_grad(generator, judge, x, y, weight):
    """Puts into p.grad what torch.autograd.grad gives, by slope and not by another backward."""
    sr = generator(x)
    real, fake = judge(y), judge(sr)
    of_generator = ((sr - y) ** 2).mean() - weight * F.logsigmoid(fake).mean()
    for net, loss in ((generator, of_generator), (judge, right_judge_loss(real, fake))):
        for p in net.parameters():
            p.grad = torch.autograd.grad(loss, p, retain_graph=True)[0]
    return True


def with_a_frozen_judge(generator, judge, x, y, weight, thaw=True):
    """The judge keeps still while the generator learns."""
    for net in (generator, judge):
        net.zero_grad(set_to_none=False)
    judge.requires_grad_(False)
    sr = generator(x)
    (F.mse_loss(sr, y) + weight * F.softplus(-judge(sr)).mean()).backward()
    judge.requires_grad_()
    right_judge_loss(judge(y), judge(sr.detach())).backward()
    judge.requires_grad_(thaw)


def left(of_generator, of_judge=lambda real, fake: right_judge_loss(real, fake)):
    """A round with other losses."""

    def play(generator, judge, x, y, weight):
        sr = generator(x)
        real, fake = judge(y), judge(sr)
        for net, loss in ((generator, of_generator(F.mse_loss(sr, y), fake, weight)), (judge, of_judge(real, fake))):
            found = torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)
            for p, g in zip(net.parameters(), found, strict=True):
                p.grad = g
        return True

    return play


def never_detached(generator, judge, x, y, weight):
    generator.zero_grad()
    sr = generator(x)
    (F.mse_loss(sr, y) + weight * F.softplus(-judge(sr)).mean()).backward(retain_graph=True)
    judge.zero_grad()
    right_judge_loss(judge(y), judge(sr)).backward()
    return True


def never_cleared(generator, judge, x, y, weight):
    for net in (generator, judge):
        net.zero_grad()
    sr = generator(x)
    (F.mse_loss(sr, y) + weight * F.softplus(-judge(sr)).mean()).backward()
    right_judge_loss(judge(y), judge(sr.detach())).backward()
    return True


def piled_up(generator, judge, x, y, weight):
    """Right the first time; never clears what it finds."""
    sr = generator(x)
    loss = F.mse_loss(sr, y) + weight * F.softplus(-judge(sr)).mean()
    loss.backward(inputs=list(generator.parameters()))
    right_judge_loss(judge(y), judge(sr.detach())).backward(inputs=list(judge.parameters()))
    return True


def stepped(generator, judge, x, y, weight):
    right_gradients(generator, judge, x, y, weight)
    for p in generator.parameters():
        p.data -= 0.1 * p.grad
    return True


def generator_alone(generator, judge, x, y, weight):
    sr = generator(x)
    loss = F.mse_loss(sr, y) + weight * F.softplus(-judge(sr)).mean()
    loss.backward(inputs=list(generator.parameters()))
    return True


def judge_alone(generator, judge, x, y, weight):
    right_judge_loss(judge(y), judge(generator(x).detach())).backward()
    return True


def fool(pixels, fake, weight):
    return pixels + weight * F.softplus(-fake).mean()


RIGHT = {
    "best": [right_best, as_a_product],
    "judge_loss": [right_judge_loss, by_torch_itself, photo_by_photo],
    "gradients": [right_gradients, by_grad, with_a_frozen_judge],
}
WRONG = [
    ("best", lambda originals, chances: originals, "of the originals' own shape"),
    ("best", lambda originals, chances: originals[chances.index(max(chances))], "one of the originals"),
    ("best", lambda originals, chances: torch.stack(originals).median(0).values, "the median"),
    ("best", lambda originals, chances: torch.stack(originals).mean(0), "the same weight"),
    ("best", lambda originals, chances: right_best(originals, chances) / len(originals), "too dark"),
    ("best", lambda originals, chances: right_best(originals, [c**2 for c in chances]), "Some other picture"),
    ("best", lambda originals, chances: right_best(originals, chances) / len(originals) * 3, "wrong for two"),
    ("judge_loss", lambda real, fake: F.softplus(-real), "one number as a tensor"),
    ("judge_loss", lambda real, fake: right_judge_loss(real, fake).item(), "(a float), but one number as a tensor"),
    ("judge_loss", lambda real, fake: F.softplus(-real) + F.softplus(fake), "RuntimeError"),
    ("judge_loss", lambda real, fake: -right_judge_loss(real, fake), "sign is turned round"),
    ("judge_loss", lambda real, fake: right_judge_loss(fake, real), "Exchange real and fake"),
    ("judge_loss", lambda real, fake: F.softplus(-real).sum() + F.softplus(fake).sum(), "Take the mean"),
    ("judge_loss", lambda real, fake: right_judge_loss(real, fake) / 2, "Half of it"),
    ("judge_loss", lambda real, fake: F.softplus(torch.cat([-real, fake])).mean(), "over all pictures at once"),
    ("judge_loss", lambda real, fake: right_judge_loss(real, fake) / math.log(10), "the natural one"),
    ("judge_loss", lambda real, fake: right_judge_loss(real, fake.detach()), "its gradient is not"),
    ("judge_loss", lambda real, fake: right_judge_loss(real, fake).detach(), "its gradient is not"),
    ("judge_loss", lambda real, fake: right_judge_loss(real.sigmoid(), fake.sigmoid()), "One sigmoid too many"),
    ("judge_loss", lambda real, fake: losses.fooling(None, fake), "Not that number"),
    (
        "judge_loss",
        lambda real, fake: -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean(),
        "until a logit is large",
    ),
    (
        "judge_loss",
        lambda real, fake: right_judge_loss(real.clamp(-50, 50), fake.clamp(-50, 50)),
        "should cost 10,000",
    ),
    ("gradients", stepped, "The weights have moved"),
    ("gradients", lambda *a: with_a_frozen_judge(*a, thaw=False), "still frozen"),
    ("gradients", judge_alone, "in the generator's parameters"),
    ("gradients", generator_alone, "in the judge's parameters"),
    ("gradients", never_detached, "learn to be found out"),
    ("gradients", never_cleared, "learn to be fooled"),
    ("gradients", left(lambda pixels, fake, weight: pixels - weight * F.softplus(fake).mean()), "the judge's own term"),
    ("gradients", left(lambda pixels, fake, weight: pixels + 0 * fake.sum()), "Only the pixel loss"),
    ("gradients", left(lambda pixels, fake, weight: fool(pixels, fake, 1)), "weight is missing"),
    ("gradients", left(lambda pixels, fake, weight: fool(2 * pixels, fake, weight)), "generator's gradient is another"),
    ("gradients", left(fool, lambda real, fake: right_judge_loss(fake, real)), "judge's gradient is another"),
    ("gradients", piled_up, "still in the sum"),
    ("gradients", lambda *_: undefined, "NameError"),  # noqa: F821
]


STRICT = "there are as many chances as originals"
EITHER = "a sum and a distance have no order"
EQUIVALENT = {
    "best": {
        "return sum((chance * original for chance, original in zip(chances, originals)))": STRICT,
        "return sum((chance * original for chance, original in zip(chances, originals, strict=False)))": STRICT,
        "return sum((chance * original for chance, original in zip(originals, chances, strict=True)))": EITHER,
    },
    "judge_loss": {
        "return torch.logaddexp(-real, nothing).mean() + torch.logaddexp(nothing, fake).mean()": EITHER,
        "return torch.logaddexp(nothing, -real).mean() + torch.logaddexp(fake, nothing).mean()": EITHER,
    },
    "gradients": {"(F.mse_loss(y, sr) + weight * F.softplus(-judge(sr)).mean()).backward()": EITHER},
}

TestAnswers = answers.of(srgan, RIGHT, WRONG, EQUIVALENT)
