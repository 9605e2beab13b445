"""The self-checks of the SRGAN chapter: silent on nothing, helpful on the typical mistake, content with the truth."""

import answers
import torch
from torch.nn import functional as F

from srlib import losses
from srlib.exercises import srgan


def right_best(originals, chances):
    return torch.einsum("n,nchw->chw", torch.tensor(chances), torch.stack(originals))


def right_judge_loss(real, fake):
    return torch.logaddexp(torch.zeros(()), -real).mean() + torch.logaddexp(torch.zeros(()), fake).mean()


def right_gradients(generator, judge, x, y, weight):
    """The usual way: the judge sees a detached picture, and is cleared of what the generator's loss left in it."""
    for net in (generator, judge):
        net.zero_grad()
    sr = generator(x)
    (F.mse_loss(sr, y) + weight * F.softplus(-judge(sr)).mean()).backward()
    judge.zero_grad()
    right_judge_loss(judge(y), judge(sr.detach())).backward()
    return True


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
    torch.optim.SGD(generator.parameters(), lr=0.1).step()
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


RIGHT = {"best": right_best, "judge_loss": right_judge_loss, "gradients": right_gradients}
WRONG = [
    ("best", lambda originals, chances: originals, "of the originals' own shape"),
    ("best", lambda originals, chances: originals[chances.index(max(chances))], "one of the originals"),
    ("best", lambda originals, chances: torch.stack(originals).median(0).values, "the median"),
    ("best", lambda originals, chances: torch.stack(originals).mean(0), "the same weight"),
    ("best", lambda originals, chances: right_best(originals, chances) / len(originals), "too dark"),
    ("best", lambda originals, chances: right_best(originals, [c**2 for c in chances]), "Some other picture"),
    ("judge_loss", lambda real, fake: F.softplus(-real) + F.softplus(fake), "a scalar"),
    ("judge_loss", lambda real, fake: -right_judge_loss(real, fake), "sign is turned round"),
    ("judge_loss", lambda real, fake: right_judge_loss(fake, real), "Exchange real and fake"),
    ("judge_loss", lambda real, fake: F.softplus(-real).sum() + F.softplus(fake).sum(), "Take the mean"),
    ("judge_loss", lambda real, fake: right_judge_loss(real, fake) / 2, "Half of it"),
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


TestAnswers = answers.of(srgan, RIGHT, WRONG)
