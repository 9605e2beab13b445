"""The training loop: it learns, can be killed at any moment, and never loses what was good."""

import hashlib
import math
import os
import signal
import subprocess
import sys
import threading

import pytest
import torch
from drawn import draw

from srlib import devices, losses, models, recipes, train
from srlib.recipes import Recipe

TINY = {"features": 8, "layers": 2}


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Small drawn pictures stand in for T91 (to learn from) and Set5 (held out)."""
    return draw(tmp_path_factory.mktemp("photos"), T91=[0, 1, 2], Set5=[3, 4])


@pytest.fixture(autouse=True)
def photos(monkeypatch, drawn, tmp_path):
    monkeypatch.setenv("SRLIB_PHOTOS", str(drawn))
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))


def recipe(**changes):
    settings = {"data": ["T91"], "held_out": "Set5", "patch": 8, "batch": 4, "steps": 12, "every": 5, "arguments": TINY}
    return Recipe(**{"model": "sprint", **settings, **changes})


def fit(checkpoint=None, save_every=60, **changes):
    return train.fit(recipe(**changes), "laptop", checkpoint=checkpoint, device="cpu", save_every=save_every)


def assert_same(run, other):
    """Bit for bit: weights, what the optimizer remembers, and the next patches."""
    for a, b in zip(run.model.state_dict().values(), other.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(run.optimizer.state.values(), other.optimizer.state.values(), strict=True):
        assert all(torch.equal(a[k], b[k]) for k in a)
    assert torch.equal(run.generator.get_state(), other.generator.get_state())
    assert [(s.step, s.loss, s.lr) for s in run.history] == [(s.step, s.loss, s.lr) for s in other.history]


# --- learning


def test_a_smoke_training_gains_over_bicubic(monkeypatch):
    """The real recipe on the bundled photos; and the same judge fails a training that learns nothing."""
    real = recipes.get("sprint", scale=2)
    run = train.fit(real, "smoke", device="cpu").finish()
    assert recipes.passes(run.gain(), max(run.recipe.smoke_gain, 0.1))
    idle = train.fit(real, "smoke", device="cpu", lr=0.0, steps=5).finish()
    assert idle.gain() == pytest.approx(0, abs=1e-3)
    assert not recipes.passes(idle.gain(), idle.recipe.smoke_gain)


#: ESRGAN's generator cannot begin as interpolation at x2; to undo a shaken camera takes longer than a minute.
TOO_SHORT = [("esrgan", 2, "23"), ("mprnet", 1, "deblur")]
TRAININGS = [
    (name, scale, variant)
    for name in recipes.names()
    for scale in models.model_class(name).scales
    for variant in (models.variants(name) if name == "mprnet" else models.variants(name)[:1])
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scale", "variant"), TOO_SHORT)
def test_where_a_smoke_training_gains_nothing_its_loss_falls(name, scale, variant):
    real = recipes.get(name, scale, variant)
    assert real.smoke_gain == 0
    losses = [s.loss for s in train.fit(real, "smoke", device="cpu").finish().history]
    assert sum(losses[-20:]) < 0.97 * sum(losses[:20])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scale", "variant"), [t for t in TRAININGS if t not in TOO_SHORT])
def test_every_recipe_passes_its_own_judge_and_idleness_does_not(name, scale, variant):
    real = recipes.get(name, scale, variant)
    assert real.smoke_gain > 0
    assert recipes.passes(train.fit(real, "smoke", device="cpu").finish().gain(), real.smoke_gain)
    assert not recipes.passes(train.fit(real, "smoke", device="cpu", lr=0.0, steps=3).finish().gain(), real.smoke_gain)


def test_lr_zero_moves_no_weight():
    run = fit(lr=0.0)
    before = [p.clone() for p in run.model.parameters()]
    run.finish()
    assert all(torch.equal(a, b) for a, b in zip(before, run.model.parameters(), strict=True))


def test_the_steps_tell_what_happened():
    run = fit()
    steps = list(run)
    assert [s.step for s in steps] == list(range(1, 13))
    assert [s.step for s in steps if s.psnr is not None] == [5, 10, 12]
    assert all((s.preview is None) == (s.psnr is None) for s in steps)
    assert steps[4].preview.shape == (1, 48, 48)
    assert 0 <= steps[4].preview.min() <= steps[4].preview.max() <= 1
    assert all(s.preview is None for s in run.history)
    assert [s.loss for s in run.history] == [s.loss for s in steps]
    assert all(a.seconds < b.seconds for a, b in zip(steps, steps[1:], strict=False))
    assert run.done
    assert run.seconds == steps[-1].seconds
    assert list(run) == []


def test_one_step_of_sgd_by_hand():
    run = fit(optimizer="sgd", schedule="constant", warmup=0, lr=0.1, loss="mse", steps=1)
    by_hand = train.start(run.recipe)
    run._load()
    x, y = run._pools[run.recipe.scale].sample(4, torch.Generator().manual_seed(0))
    loss = ((by_hand(x) - y) ** 2).mean()
    loss.backward()
    (step,) = run
    assert step.loss == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(run.model.parameters(), by_hand.parameters(), strict=True):
        assert torch.allclose(ours, theirs - 0.1 * theirs.grad, atol=1e-7)


def test_the_same_seed_the_same_training():
    first, again, other = fit().finish(), fit().finish(), fit(seed=1).finish()
    assert_same(first, again)
    assert first.history[-1].loss != other.history[-1].loss


def test_building_a_network_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    fit()
    assert torch.equal(torch.rand(1), expected)


def test_gradients_can_be_clipped():
    run = fit(optimizer="sgd", schedule="constant", warmup=0, lr=1.0, clip=1e-3, steps=1)
    before = [p.clone() for p in run.model.parameters()]
    run.finish()
    moved = math.sqrt(sum((a - b).square().sum().item() for a, b in zip(before, run.model.parameters(), strict=True)))
    assert moved == pytest.approx(1e-3, rel=1e-3)


def test_one_network_for_several_scales_learns_from_all_of_them():
    """A pre-upsampled network sees them mixed; MDSR is told which, and trains that entrance and exit."""
    run = fit(model="vdsr", arguments={"layers": 3, "features": 4}, scales=[2, 3, 4])
    run.finish()
    assert set(run._pools) == {2, 3, 4}
    run = fit(model="mdsr", arguments={"blocks": 1, "features": 4}, scales=[2, 3, 4], steps=12, scale=3)
    before = {k: p.clone() for k, p in run.model.named_parameters()}
    run.finish()
    assert not [k for k, p in run.model.named_parameters() if torch.equal(p, before[k])]
    again = fit(model="mdsr", arguments={"blocks": 1, "features": 4}, scales=[2, 3, 4], steps=12, scale=3).finish()
    assert_same(run, again)


def test_every_level_of_a_pyramid_is_judged():
    changes = {
        "model": "lapsrn",
        "scale": 4,
        "arguments": {"depth": 1, "features": 4},
        "loss": "charbonnier",
        "steps": 1,
    }
    run = fit(supervise="pyramid", **changes)
    net = train.start(run.recipe)
    run._load()
    x, y = run._pools[4].sample(4, torch.Generator().manual_seed(0))
    (step,) = run
    assert step.loss == pytest.approx(losses.pyramid(net.outputs(x), y, losses.charbonnier).item(), rel=1e-5)
    (last,) = fit(**changes)
    assert last.loss < step.loss


def test_recursions_are_taught_first_and_the_sum_later():
    run = fit(model="drcn", arguments={"recursions": 3, "features": 4}, supervise="recursive", loss="mse", steps=4)
    net = train.start(run.recipe)
    run._load()
    x, y = run._pools[2].sample(4, torch.Generator().manual_seed(0))
    *drawn, _ = net.outputs(x)
    steps = list(run)
    assert steps[0].loss == pytest.approx(sum(losses.mse(d, y).item() for d in drawn) / 3, rel=1e-5)
    at_the_end = run._loss(run._outputs(x, 2), y).item()
    assert at_the_end == pytest.approx(losses.mse(run.model(x), y).item(), rel=1e-5)


@pytest.mark.parametrize(("name", "last"), [("vdsr", "last"), ("red", "decode.2"), ("drrn", "tail.1")])
def test_a_quiet_start_is_the_input(name, last):
    net = train.start(Recipe(model=name, init="quiet", size="course")).eval()
    assert not net.get_submodule(last).weight.any()
    x = torch.rand(1, 1, 12, 12)
    assert torch.allclose(net(x), x, atol=1e-6)


@pytest.mark.parametrize("init", ["network", "identity", "paper"])
def test_first_weights(init):
    net = train.start(Recipe(model="srcnn", init=init))
    x = torch.rand(1, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    if init == "identity":
        assert (net(x) - x).abs().max() < 0.2
        assert (net(x) - x).abs().mean() < (train.start(Recipe(model="srcnn"))(x) - x).abs().mean()
    if init == "paper":
        weights = torch.cat([p.flatten() for p in net.parameters() if p.ndim == 4])
        assert weights.std().item() == pytest.approx(0.001, rel=0.02)
        assert all((p == 0).all() for p in net.parameters() if p.ndim == 1)


@pytest.mark.parametrize("steps", [1, 60, 100, 2000])
@pytest.mark.parametrize("shape", ["cosine", "step", "constant"])
def test_schedules(shape, steps):
    given = recipe(schedule=shape, steps=steps, warmup=50)
    rates = [train.schedule(given, n) for n in range(1, steps + 1)]
    assert rates[: min(steps, 50)] == pytest.approx([n / 50 for n in range(1, min(steps, 50) + 1)])
    after = rates[50:]
    assert after == sorted(after, reverse=True)
    if after:
        assert after[-1] == pytest.approx({"cosine": 0.01, "step": 0.01, "constant": 1}[shape])
    assert train.schedule(recipe(schedule=shape, warmup=0), 1) > 0.9


# --- turning knobs


def test_knobs_take_effect_at_the_next_step():
    run = fit(warmup=0, schedule="constant")
    iterator = iter(run)
    next(iterator)
    run.set(lr=0.0, batch=2, loss="mse", augment=False, clip=1.0)
    before = [p.clone() for p in run.model.parameters()]
    step = next(iterator)
    assert step.lr == 0
    assert all(torch.equal(a, b) for a, b in zip(before, run.model.parameters(), strict=True))


def test_stopping_and_going_on():
    run = fit()
    for step in run:
        if step.step == 3:
            run.stop()
    assert len(run.history) == 3
    assert run.done
    run.stopped = False
    assert_same(run.finish(), fit().finish())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"momentum": 0.5}, r"knob='momentum' is unknown\. Use one of: lr, batch, loss, augment, clip"),
        ({"loss": "l2"}, r"loss='l2' is unknown\. Use one of: l1, mse, charbonnier"),
        ({"batch": 0}, r"batch=0 must be at least 1"),
        ({"batch": 2.5}, r"batch=2\.5 is a float, but a recipe wants int"),
        ({"lr": math.nan}, r"lr=nan is not a usable learning rate"),
        ({"lr": -1.0}, r"lr=-1\.0 is not a usable learning rate\. Use 1e-5 to 1e-1"),
    ],
)
def test_wrong_knobs_change_nothing(settings, sentence):
    run = fit()
    before = dict(run.settings)
    with pytest.raises(ValueError, match=sentence):
        run.set(augment=False, **settings)
    assert run.settings == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tier": "huge"}, r"tier='huge' is unknown\. Use one of: smoke, laptop, full"),
        ({"stepz": 3}, r"recipe field='stepz' is unknown\. Use one of: model, scale"),
        ({"steps": 0}, r"steps=0 must be at least 1"),
        ({"scale": 5}, r"scale=5 is not offered here\. Use one of 2, 3, 4"),
        ({"model": "vdsr9"}, r"model='vdsr9' is unknown\. Use one of: srcnn"),
    ],
)
def test_trainings_that_cannot_be(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        train.fit(recipe(), **{"tier": "laptop", **changes})


def test_patches_larger_than_every_photo():
    with pytest.raises(ValueError, match=r"None of the 3 pictures has 50 x 50 input pixels\. Use a smaller patch"):
        fit(patch=50).finish()


# --- divergence


def fail_at(monkeypatch, number, error=None):
    """Let the L1 loss become NaN, or raise, at its ``number``-th call."""
    calls = []

    def l1(sr, hr):
        calls.append(1)
        if len(calls) == number and error:
            raise error
        return losses.l1(sr, hr) * (math.nan if len(calls) == number else 1)

    monkeypatch.setitem(losses.LOSSES, "l1", l1)


def test_a_nan_keeps_the_last_good_weights(monkeypatch, tmp_path):
    good = fit(steps=5, schedule="constant").finish().model.state_dict()
    fail_at(monkeypatch, 8)
    run = fit(tmp_path / "a.ckpt", schedule="constant")
    with pytest.raises(
        train.Diverged, match=r"appeared at step 8 \(peak learning rate 0\.001\).*last look before.*lower"
    ):
        run.finish()
    for name, value in run.model.state_dict().items():
        assert torch.equal(value, good[name])
    assert len(run.history) == 7
    assert not (tmp_path / "a.ckpt").exists(), "what does not fit together must not be saved"
    run.set(lr=1e-4)
    assert math.isfinite(run.finish().gain()), "and one can go on from there"


def test_a_nan_before_the_first_look_keeps_the_first_weights(monkeypatch):
    fail_at(monkeypatch, 2)
    run = fit()
    with pytest.raises(train.Diverged, match="step 2"):
        run.finish()
    for value, first in zip(run.model.parameters(), train.start(run.recipe).parameters(), strict=True):
        assert torch.equal(value, first)


@pytest.mark.parametrize("every", [1, 100])
def test_a_rate_far_too_high(every):
    run = fit(lr=90.0, warmup=0, schedule="constant", optimizer="sgd", loss="mse", every=every, steps=200, scale=2)
    with pytest.raises(train.Diverged):
        run.finish()
    assert all(p.isfinite().all() for p in run.model.parameters())


def test_divergence_does_not_spoil_the_checkpoint(monkeypatch, tmp_path):
    fail_at(monkeypatch, 8)
    with pytest.raises(train.Diverged):
        fit(tmp_path / "a.ckpt", save_every=0).finish()
    monkeypatch.setitem(losses.LOSSES, "l1", losses.l1)
    assert_same(fit(tmp_path / "a.ckpt").finish(), fit().finish())


# --- interrupted and resumed


def test_saved_and_resumed_is_the_same_training(tmp_path):
    run = fit(tmp_path / "a.ckpt")
    for step in run:
        if step.step == 7:
            break
    resumed = fit(tmp_path / "a.ckpt")
    assert len(resumed.history) == 7
    assert_same(resumed.finish(), fit().finish())
    assert [s.psnr for s in resumed.history] == [s.psnr for s in fit().finish().history]


def test_settings_survive(tmp_path):
    run = fit(tmp_path / "a.ckpt")
    run.set(batch=3, lr=5e-4)
    for step in run:
        if step.step == 2:
            break
    assert fit(tmp_path / "a.ckpt").settings == {**run.settings, "batch": 3, "lr": 5e-4}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_ctrl_c_in_the_middle_of_a_step(monkeypatch, tmp_path, error):
    fail_at(monkeypatch, 7, error)
    with pytest.raises(type(error)):
        fit(tmp_path / "a.ckpt").finish()
    resumed = fit(tmp_path / "a.ckpt")
    assert len(resumed.history) == 6
    assert_same(resumed.finish(), fit().finish())


def test_ctrl_c_while_the_weights_are_being_changed(monkeypatch, tmp_path):
    """Then weights and history disagree: the file of the last moment when they agreed must stay."""
    run = fit(tmp_path / "a.ckpt", save_every=0)
    real, calls = run.optimizer.step, []

    def interrupted():
        real()
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(run.optimizer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.finish()
    assert_same(fit(tmp_path / "a.ckpt").finish(), fit().finish())


def test_ctrl_c_while_looking(monkeypatch, tmp_path):
    run = fit(tmp_path / "a.ckpt")
    monkeypatch.setattr(run, "look", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run.finish()
    resumed = fit(tmp_path / "a.ckpt")
    assert len(resumed.history) == 5
    assert_same(resumed.finish(), fit().finish())


def test_ctrl_c_in_the_loop_of_the_caller_goes_on_in_memory():
    run, iterations = fit(), 0
    while not run.done:
        try:
            for step in run:
                if step.step in (2, 9) and iterations < 2:
                    iterations += 1
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
    assert_same(run, fit().finish())


KILLED = """
import sys
from tests_recipe import recipe
from srlib import train
for step in train.fit(recipe(), "laptop", checkpoint=sys.argv[1], device="cpu", save_every=0):
    print(step.step, flush=True)
"""


@pytest.mark.parametrize("at", [3, 9])
def test_kill_9_in_the_middle(tmp_path, at):
    """The process gets no chance to tidy up; what it saved at any step must lead to the very same weights."""
    program = KILLED.replace(
        "from tests_recipe import recipe", f"from srlib.recipes import Recipe\nGIVEN = {recipe()!r}"
    )
    program = program.replace("recipe()", "GIVEN")
    path = tmp_path / "a.ckpt"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) == at:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    resumed = fit(path)
    assert at - 1 <= len(resumed.history) <= 12
    assert_same(resumed.finish(), fit().finish())


# --- checkpoints


@pytest.fixture
def saved(tmp_path):
    run = fit(tmp_path / "a.ckpt", steps=2).finish()
    return run.checkpoint


def test_a_checkpoint_cut_short_or_flipped_is_refused(saved):
    content = saved.read_bytes()
    places = [0, 1, 31, 33, len(content) // 3, len(content) // 2, len(content) - 33, len(content) - 1]
    for damaged in [content[:n] for n in places] + [
        content[:n] + bytes([content[n] ^ 1]) + content[n + 1 :] for n in places
    ]:
        saved.write_bytes(damaged)
        with pytest.raises(train.CheckpointError, match=r"a\.ckpt is damaged or cut short.*Train again under another"):
            fit(saved, steps=2)
    saved.write_bytes(content)
    assert len(fit(saved, steps=2).history) == 2


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'executed'}",)

    train.write_checkpoint(tmp_path / "evil.ckpt", {"recipe": Evil()})
    with pytest.raises(train.CheckpointError, match=r"evil\.ckpt .*Train again under another"):
        train.read_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "executed").exists()


def test_another_recipes_checkpoint_is_refused(saved):
    with pytest.raises(
        train.CheckpointError, match=r"was trained with lr=0\.001, but this recipe has 0\.002\. Use another"
    ):
        fit(saved, steps=2, lr=2e-3)
    with pytest.raises(train.CheckpointError, match=r"trained with scale=2, but this recipe has 3"):
        fit(saved, steps=2, scale=3)


def test_more_steps_may_be_added(saved):
    assert len(fit(saved, steps=4).finish().history) == 4


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no checkpoint .*none\.ckpt"):
        train.read_checkpoint(tmp_path / "none.ckpt")
    assert fit(tmp_path / "none.ckpt").history == []


def test_a_full_disk_leaves_the_old_checkpoint(saved, monkeypatch):
    before = saved.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        train.write_checkpoint(saved, {"new": 1})
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent).count("a.ckpt") == 1
    assert not [f for f in os.listdir(saved.parent) if f.startswith(".a.ckpt")]


def test_where_it_trains_in_half_precision(monkeypatch):
    """What a GPU does, asked of the CPU: convolutions in bfloat16, weights and loss in 32 bits, and it still learns."""
    seen = []
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    run = train.fit(recipes.get("sprint"), "smoke", data=["bundled"], steps=40, every=40, half=True)
    layer = next(m for m in run.model.modules() if isinstance(m, torch.nn.Conv2d))
    layer.register_forward_hook(lambda module, inputs, output: seen.append((module.training, output.dtype)))
    run.finish()
    assert set(seen) == {(True, torch.bfloat16), (False, torch.float32)}, "looks are exact"
    assert {p.dtype for p in run.model.parameters()} == {torch.float32}
    assert run.history[-1].psnr > run.references()[0]


@pytest.mark.parametrize(
    ("device", "wanted", "processor", "given"),
    [
        ("cuda", False, {}, False),
        ("cuda", True, {}, True),
        ("mps", True, {}, False),
        ("cpu", False, {"avx512_bf16": True}, False),
        ("cpu", True, {"avx512_bf16": True, "amx_bf16": False}, True),
        ("cpu", True, {"avx512_bf16": False, "amx_bf16": True}, True),
        ("cpu", True, {"avx512_bf16": False}, False),
        ("cpu", True, {}, False),
    ],
)
def test_half_precision_is_given_where_it_is_wanted_and_pays(monkeypatch, device, wanted, processor, given):
    asked = {}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: processor)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype, enabled: asked.update(kind=kind, enabled=enabled))
    devices.half(torch.device(device), wanted)
    assert asked == {"kind": device, "enabled": given}


@pytest.fixture
def listening():
    """A process that Ctrl-C interrupts; those that share the tests between them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stop_inside_the_optimizer(run, monkeypatch, times=1):
    """Ctrl-C while the weights change, at the sixth step."""
    take = run.optimizer.step

    def step(*given):
        if len(run.history) == 5:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return take(*given)

    monkeypatch.setattr(run.optimizer, "step", step)


def test_ctrl_c_inside_the_optimizer_waits_for_the_step(monkeypatch, tmp_path, listening):
    before = signal.getsignal(signal.SIGINT)
    run = fit(tmp_path / "a.ckpt")
    stop_inside_the_optimizer(run, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run.finish()
    assert len(run.history) == 6, "the step was finished, and no other begun"
    assert signal.getsignal(signal.SIGINT) is before
    assert_same(fit(tmp_path / "a.ckpt").finish(), fit().finish())


def test_pressed_twice_it_waits_no_longer(monkeypatch, listening):
    run = fit()
    stop_inside_the_optimizer(run, monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt):
        run.finish()
    assert len(run.history) == 5


def test_a_thread_is_not_interrupted_and_trains_all_the_same():
    run = fit()
    thread = threading.Thread(target=run.finish)
    thread.start()
    thread.join()
    assert_same(run, fit().finish())


def test_what_has_diverged_is_not_saved_by_hand_either(monkeypatch, tmp_path):
    fail_at(monkeypatch, 8)
    run = fit()
    with pytest.raises(train.Diverged):
        run.finish()
    with pytest.raises(train.CheckpointError, match=r"Nothing is saved .* diverged, or was stopped .* after step 7"):
        run.save(tmp_path / "a.ckpt")
    assert not (tmp_path / "a.ckpt").exists()


def test_another_training_leaves_the_checkpoint_of_this_one(tmp_path):
    run = fit(tmp_path / "a.ckpt").finish()
    run.restart(seed=9).finish()
    assert_same(fit(tmp_path / "a.ckpt"), run)


def test_restarted_with_another_loss_its_options_start_anew():
    run = fit()
    run.set(loss="charbonnier", loss_options={"eps": 1e-2})
    assert run.restart(loss="mse").settings["loss_options"] == {}


@pytest.mark.parametrize("state", [[1, 2], {"recipe": {}}, {}])
def test_a_file_that_is_no_trainings(state, tmp_path):
    train.write_checkpoint(tmp_path / "a.ckpt", state)
    with pytest.raises(train.CheckpointError, match=r"a\.ckpt is no .*Name another file"):
        fit(tmp_path / "a.ckpt")


@pytest.mark.parametrize("content", [b"", b"no torch file", b"PK"])
def test_a_file_that_torch_never_wrote(content, tmp_path):
    (tmp_path / "a.ckpt").write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(train.CheckpointError, match=r"a\.ckpt (is no checkpoint|holds more than)"):
        fit(tmp_path / "a.ckpt")
    with pytest.raises(train.CheckpointError, match="is a folder"):
        fit(tmp_path)


def test_a_training_cannot_be_shorter_than_it_is(tmp_path):
    """Its card would tell of fewer steps than were taken."""
    fit(tmp_path / "a.ckpt").finish()
    with pytest.raises(train.CheckpointError, match="has 12 steps behind it, but this recipe ends after 5"):
        fit(tmp_path / "a.ckpt", steps=5)


# --- where it computes


def test_a_copy_to_draw_with_leaves_the_training_alone():
    run = fit()
    steps = iter(run)
    next(steps)
    copied = run.network()
    assert not copied.training
    assert {p.device.type for p in copied.parameters()} == {"cpu"}
    assert all(p.is_contiguous() for p in copied.parameters())
    before = [p.clone() for p in copied.parameters()]
    for a, b in zip(run.model.parameters(), before, strict=True):
        assert torch.equal(a, b)
    for _ in steps:
        pass
    assert run.model.training or run.done  # the loop goes on with its own
    assert all(torch.equal(p, b) for p, b in zip(copied.parameters(), before, strict=True)), "the copy learned, too"
    assert_same(run, fit().finish())


def test_the_loss_is_of_32_bits_also_where_the_network_computes_in_16(monkeypatch):
    seen = []
    monkeypatch.setitem(losses.LOSSES, "l1", lambda sr, hr: seen.append(sr.dtype) or (sr - hr).abs().mean())
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    drawn = []
    run = fit(half=True, steps=1, model="srcnn", arguments={"n1": 4, "n2": 4})  # adds nothing in 32 bits at its end
    run.model.register_forward_hook(lambda net, given, out: drawn.append(out.dtype))
    next(iter(run))
    assert drawn[0] == torch.bfloat16
    assert seen == [torch.float32]


def test_the_optimizers_counters_stay_on_the_processor(tmp_path, monkeypatch):
    """On a GPU each would be waited for, twice a step."""
    fit(checkpoint=tmp_path / "a.ckpt", steps=3).finish()
    asked, load = [], torch.load

    def listening(file, map_location, **options):
        asked.append(map_location)
        return load(file, map_location=map_location, **options)

    monkeypatch.setattr(torch, "load", listening)
    fit(checkpoint=tmp_path / "a.ckpt", steps=3)
    assert [str(where) for where in asked] == ["cpu"]


@pytest.mark.parametrize("name", ["cuda", "mps", "cuda:1", "tpu"])
def test_a_device_that_is_not_here_is_refused_in_a_sentence(name, monkeypatch):
    if name == "tpu":
        wanted = "device='tpu' is unknown. Use one of: auto, cpu, cuda, mps"
    else:
        wanted = f"device='{name}': torch {torch.__version__} finds none on this machine. Use auto or cpu."
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError) as refused:
        train.fit(recipe(), "laptop", device=name)
    assert wanted in str(refused.value)


def test_a_gpu_that_is_not_among_those_here_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert devices.pick() == torch.device("cuda")
    with pytest.raises(ValueError, match=r"'cuda:1': this machine has 1, counted from cuda:0"):
        devices.pick("cuda:1")


def test_on_a_gpu_determinism_is_asked_for_by_name(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on, warn_only: asked.append((on, warn_only)))
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    devices.prepare(torch.device("cpu"))
    assert asked == []
    devices.prepare(torch.device("cuda"))
    assert (asked.pop(), torch.backends.cudnn.benchmark) == ((False, True), True)
    monkeypatch.setenv("SRLIB_DETERMINISTIC", "1")
    devices.prepare(torch.device("cuda"))
    assert (asked.pop(), torch.backends.cudnn.benchmark) == ((True, True), False)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_photos_it_would_rather_have_are_taken_if_they_are_here():
    run = train.fit(recipe(data=["Set5"], rather=["T91"]), "laptop")
    assert (run.recipe.data, run.notes) == (["T91"], ["It trains on T91, as its paper did."])
    run = train.fit(recipe(data=["Set5"], rather=["T91"]), "laptop", data=["Set5"])
    assert (run.recipe.data, run.notes) == (["Set5"], []), "what was asked for wins"
    run = train.fit(recipe(rather=["DIV2K"]), "laptop")
    assert run.recipe.data == ["T91"]
    assert run.notes == ["It trains on T91: DIV2K is not on this machine. To get it: srlib fetch DIV2K"]


def test_every_step_is_timed_for_the_choice_of_threads_and_a_resumed_training_keeps_it(tmp_path, monkeypatch):
    for name in ("OMP_NUM_THREADS", "SRLIB_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    used = []
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    run = fit(checkpoint=tmp_path / "a.ckpt", steps=14)
    ticking = iter(range(10**6))
    monkeypatch.setattr(run.threads, "clock", lambda: next(ticking) * 1e-3)  # every step takes as long
    run.finish()
    assert run.threads.chosen == 1
    assert set(used) == {1, 4}
    (said,) = run.notes
    assert said.startswith("Training with 1 thread: a step takes 1.0 ms so, and 1.0 ms with 4.")
    again = fit(checkpoint=tmp_path / "a.ckpt", steps=14)
    assert again.threads.chosen == 1
    assert again.notes == []
