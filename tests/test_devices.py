"""Would it work on a GPU? The whole library, on one that is make-believe (:mod:`fake_gpu`), in real steps."""

from functools import partial

import fake_gpu
import pytest
import torch
from typer.testing import CliRunner

from srlib import (
    adversarial,
    benchmark,
    campaign,
    cli,
    datasets,
    degrade,
    devices,
    images,
    losses,
    metrics,
    models,
    naturalness,
    ownpairs,
    perceptual,
    recipes,
    resize,
    sampling,
    synthetic,
    tiling,
    train,
    weights,
)

KINDS = fake_gpu.KINDS


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A small photo to look at, which is held out, and one that every patch fits into."""
    folder = tmp_path_factory.mktemp("photos")
    for seed, side in ((0, 40), (1, 64)):
        images.save(folder / f"{seed}.png", synthetic.picture(seed, side=side))
    return f"{folder}/"


@pytest.fixture(params=KINDS)
def gpu(request):
    with fake_gpu.present(request.param) as gpu:
        yield gpu
    sampling.prepare.cache_clear()  # its patches lie on what is gone


@pytest.fixture
def cuda():
    with fake_gpu.present("cuda") as gpu:
        yield gpu
    sampling.prepare.cache_clear()


def every_training():
    """Each recipe and game, at each scale and in each variant of its network."""
    for name in recipes.names() + recipes.games():
        network = recipes.get(name, 4 if name in recipes.games() else None).model
        for scale in models.model_class(network).scales:
            for variant in models.variants(network):
                yield name, scale, variant


def training(photos, name="espcn", scale=None, variant=None, **changes):
    recipe = recipes.get(name, scale, variant)
    game = isinstance(recipe, recipes.AdversarialRecipe)
    given = {"data": [photos], "held_out": photos, "steps": 2, "every": 1, "batch": 2, "patch": 16 if game else 8}
    return (adversarial if game else train).fit(recipe, "smoke", **given | changes)


def there(gpu, *shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)).to(gpu.device)


# ---------------------------------------------------------------- which one


def test_a_gpu_is_taken_where_there_is_one_and_apples_only_by_name():
    with fake_gpu.present("cuda"):
        assert devices.pick("auto") == torch.device("cuda")
        assert devices.pick("cpu") == torch.device("cpu")
        assert devices.pick("cuda:0") == torch.device("cuda", 0)
        for name in ("cuda:1", "cuda:x", "mps"):
            with pytest.raises(ValueError, match=name):
                devices.pick(name)
    with fake_gpu.present("mps"):
        assert devices.pick("auto") == torch.device("cpu")
        assert devices.pick("mps") == torch.device("mps")
    with pytest.raises(ValueError, match="tpu"):
        devices.pick("tpu")


def test_a_network_says_where_it_is(gpu):
    net = torch.nn.Conv2d(1, 1, 1)
    assert devices.of(net) == torch.device("cpu") == devices.of(torch.nn.ReLU())
    assert devices.of(net.to(gpu.kind)) == gpu.device


@pytest.mark.parametrize(
    ("wanted", "can", "dtype"), [(True, True, "bfloat16"), (True, False, "float32"), (False, True, "float32")]
)
def test_bfloat16_is_for_recipes_that_want_it_on_a_gpu_that_has_it(cuda, monkeypatch, wanted, can, dtype):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: can)
    with devices.half(cuda.device, wanted):
        assert torch.nn.functional.conv2d(there(cuda, 1, 1, 4, 4), there(cuda, 1, 1, 3, 3)).dtype == getattr(
            torch, dtype
        )


# ---------------------------------------------------------------- trainings


@pytest.mark.parametrize(("name", "scale", "variant"), list(every_training()))
def test_every_network_trains_looks_and_enlarges_on_a_gpu(cuda, photos, name, scale, variant):
    run = training(photos, name, scale, variant, steps=1)
    (step,) = run
    assert step.preview.device.type == "cpu"
    assert {p.device.type for net in run.players.values() for p in net.parameters()} == {"cuda"}
    psnr, bicubic, original = run.references()
    assert bicubic.device.type == original.device.type == "cpu"
    assert isinstance(run.gain(), float)
    small = datasets.photos(photos, split="test")[0].image[:, :12, :12]
    assert tiling.upscale(run.model, small, tile=8).device.type == "cpu"
    assert {p.device.type for p in run.network().parameters()} == {"cpu"}


@pytest.mark.parametrize("name", recipes.names() + recipes.games())
def test_every_recipe_trains_without_doubles(photos, name):
    with fake_gpu.present("mps"):
        run = training(photos, name, 4 if name in recipes.games() else None, device="mps", steps=1).finish()
        assert next(run.model.parameters()).device.type == "mps"
        run.references(), run.gain()
    sampling.prepare.cache_clear()


def test_a_gpu_draws_and_learns_what_a_processor_does(photos):
    alone = training(photos, "srcnn", device="cpu", half=False).finish()
    with fake_gpu.present("cuda"):
        run = training(photos, "srcnn", half=False).finish()
    assert [step.loss for step in run.history] == [step.loss for step in alone.history]
    assert run.history[-1].psnr == alone.history[-1].psnr


@pytest.mark.parametrize("name", ["espcn", "srgan"])
def test_a_training_goes_on_where_it_stopped(cuda, photos, tmp_path, name):
    training(photos, name, 4, steps=2, checkpoint=tmp_path / "a.ckpt", schedule="constant").finish()
    whole = training(photos, name, 4, steps=4, schedule="constant").finish()
    run = training(photos, name, 4, steps=4, checkpoint=tmp_path / "a.ckpt", schedule="constant")
    assert len(run.history) == 2
    for net, other in ((run.players[n].state_dict(), whole.players[n].state_dict()) for n in run.players):
        assert {t.device for t in net.values()} == {cuda.device}, "resumed elsewhere"
        assert net.keys() == other.keys()
    run.finish()
    for n in run.players:
        for a, b in zip(run.players[n].parameters(), whole.players[n].parameters(), strict=True):
            assert torch.equal(a, b)


def waits_a_step(gpu, run):
    steps, before = iter(run), gpu.waits
    next(steps)
    return gpu.waits - before


@pytest.mark.parametrize(("name", "most"), [("espcn", 2), ("srgan", 7)])
def test_a_step_waits_for_few_numbers_and_no_more_once_resumed(cuda, photos, tmp_path, name, most):
    changes = {"steps": 4, "every": 10**6, "schedule": "constant"}
    run = training(photos, name, 4, **changes)
    fresh = waits_a_step(cuda, run)
    assert fresh <= most
    again = training(photos, name, 4, checkpoint=run.save(tmp_path / "a.ckpt"), **changes)
    assert waits_a_step(cuda, again) == fresh, "each wait stops the GPU: the optimiser's counts belong to the processor"


def test_knobs_and_restarts_stay_on_the_gpu(cuda, photos):
    run = training(photos, "edsr", steps=4)
    next(iter(run))
    run.set(patch=6, degradation={"noise": 5.0}, loss="charbonnier", clip=0.5)
    next(iter(run))
    fresh = run.restart(seed=1)
    assert fresh.device == run.device
    next(iter(fresh))


def test_a_training_on_ones_own_pairs(gpu, photos):
    photo = datasets.photos(photos)[0].image.mean(0, keepdim=True)
    pairs = ownpairs.family(photo, 2, degrade.bicubic(2), sizes=(1.0,))
    recipe = recipes.get("espcn", 2)
    run = ownpairs.fit(pairs, recipe, "smoke", pairs, steps=2, every=1, batch=2, patch=8, device=gpu.kind).finish()
    assert next(run.model.parameters()).device == gpu.device


def test_patches_are_those_of_a_processor(gpu):
    pairs = [(torch.rand(1, 20, 30), torch.rand(1, 40, 60)), (torch.rand(1, 24, 24), torch.rand(1, 48, 48))]
    here, elsewhere = sampling.PatchPool(pairs, 8), sampling.PatchPool(pairs, 8, gpu.device)
    for augment in (True, False):
        drawn = [pool.sample(64, torch.Generator().manual_seed(3), augment) for pool in (here, elsewhere)]
        for a, b in zip(*drawn, strict=True):
            assert b.device == gpu.device
            assert torch.equal(a, b.cpu())


# ---------------------------------------------------------------- what judges pictures


@pytest.mark.parametrize("name", losses.LOSSES)
def test_losses_have_their_gradient_on_a_gpu(gpu, name):
    sr, hr = there(gpu, 2, 3, 16, 16).requires_grad_(), there(gpu, 2, 3, 16, 16)
    losses.get(name)(sr, hr).backward()
    assert sr.grad.device == gpu.device


def test_losses_of_many_outputs(gpu):
    hr, outputs = there(gpu, 1, 1, 16, 16), [there(gpu, 1, 1, 8, 8), there(gpu, 1, 1, 16, 16)]
    assert losses.pyramid(outputs, hr).device == gpu.device
    assert losses.recursive_supervision([hr * 0.5, hr], hr, 0.5).device == gpu.device
    assert losses.total_variation(hr).device == gpu.device
    for game in losses.GAMES.values():
        real, fake = there(gpu, 4, 1), there(gpu, 4, 1) * 2
        assert game.judge(real, fake).device == game.generator(real, fake).device == gpu.device


@pytest.mark.parametrize("name", metrics.PROTOCOLS)
def test_protocols_measure_on_a_gpu(cuda, name):
    rules, photo = metrics.protocol(name), torch.rand(3, 48, 48)
    lr, hr = rules.pair(photo.to("cuda"), 2)
    score = rules(resize.resize(lr, 2).clamp(0, 1), hr, 2)
    alone_lr, alone_hr = rules.pair(photo, 2)
    alone = rules(resize.resize(alone_lr, 2).clamp(0, 1), alone_hr, 2)
    assert score == pytest.approx(alone, abs=1e-3)  # a GPU resizes in 32 bits: a tie may round the other way


def test_perceptual_distance_and_loss(cuda):
    look = perceptual.extractor("efficientnet_lite0", "cuda")
    a, b = there(cuda, 1, 3, 64, 64).requires_grad_(), there(cuda, 1, 3, 64, 64) * 0.9
    perceptual.perceptual_loss(a, b, look).backward()
    assert a.grad.is_cuda
    assert metrics.perceptual_distance(a, b, look, crop=4) > 0
    assert naturalness.distance(torch.rand(3, 192, 192).to("cuda")) > 0


# ---------------------------------------------------------------- what makes pictures

DEGRADATIONS = (
    degrade.bicubic(2),
    degrade.blur(1.0),
    degrade.noise(10),
    degrade.sensor_noise(0.01, 0.0004),
    degrade.motion_blur(1, "shake"),
    degrade.rain(),
    degrade.shower(),
    degrade.jpeg(50),
    degrade.quantise(),
)


@pytest.mark.parametrize("how", DEGRADATIONS, ids=lambda how: type(how).__name__)
def test_degradations_leave_a_picture_where_it_is(cuda, how):
    picture = torch.rand(3, 48, 48, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(how(picture.to("cuda")).cpu(), how(picture), atol=1e-6)
    assert how(picture.to("cuda")).device == cuda.device


@pytest.mark.parametrize("kernel", resize.KERNELS)
def test_resizing_leaves_a_picture_where_it_is(cuda, kernel):
    assert resize.resize(there(cuda, 1, 3, 12, 12), 1.5, kernel=kernel).device == cuda.device


@pytest.mark.parametrize("name", benchmark.CLASSICAL)
def test_reconstructions_leave_a_picture_where_it_is(cuda, name):
    *_, last = benchmark.CLASSICAL[name](there(cuda, 1, 16, 16), 2)
    assert last.device == cuda.device


def test_colours_and_bytes(cuda):
    picture = there(cuda, 3, 8, 8)
    assert images.ycbcr_to_rgb(images.rgb_to_ycbcr(picture)).device == cuda.device
    assert images.rgb_to_y(picture).device == cuda.device
    assert images.to_uint8(picture).shape == (8, 8, 3)


# ---------------------------------------------------------------- measuring


@pytest.mark.parametrize("name", ["espcn", "srcnn", "edsr"])
def test_a_benchmark_on_a_gpu_has_the_processors_scores(gpu, photos, name):
    net = models.create(name, 2, size="course")
    look = partial(perceptual.extractor, "efficientnet_lite0")
    alone = benchmark.run(net, photos, extractor=look())[0]
    (row,) = benchmark.run(net.to(gpu.device), photos, extractor=look(gpu.kind))
    for score in ("psnr", "ssim", "perceptual"):
        assert row[score] == pytest.approx(alone[score], abs=1e-4)
    assert row["weights"] == alone["weights"]


def test_restoration_on_a_gpu_has_the_processors_scores(gpu, photos):
    net = models.create("mprnet", variant="denoise", size="course")
    alone = benchmark.restore(net.eval(), "denoise", photos)[0]
    (row,) = benchmark.restore(net.to(gpu.device), "denoise", photos)
    assert row["psnr"] == alone["psnr"]


def test_an_ensemble_is_on_the_gpu_with_its_network(gpu):
    net = tiling.Ensemble(models.create("espcn", 2)).to(gpu.device)
    assert tiling.upscale(net, torch.rand(3, 12, 12)).device.type == "cpu"


def srlib(*arguments):
    shown = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    assert shown.exit_code == 0, shown.output
    return shown


def test_the_command_line_computes_on_the_gpu_it_is_told(gpu, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(campaign, "SETS", ())
    loaded = []
    load = weights.load
    monkeypatch.setattr(weights, "load", lambda *given: loaded.append(load(*given)) or loaded[-1])
    pictures = []
    for device in ("cpu", gpu.kind):
        target = tmp_path / f"{device}.png"
        srlib("upscale", f"{photos}0.png", "-o", target, "--model", "espcn", "--device", device)
        pictures.append(images.load(target))
    assert torch.equal(*pictures)
    srlib("upscale", photos, "-o", tmp_path / "all", "--model", "espcn", "--ensemble", "--device", gpu.kind)
    scores = [srlib("benchmark", "espcn", photos, "--device", device).stdout for device in ("cpu", gpu.kind)]
    assert scores[0] == scores[1]
    srlib(
        "train", "espcn", "--photos", photos, "--steps", 1, "--set", "patch=8", "--out", tmp_path, "--device", gpu.kind
    )
    assert weights.card("espcn", 2, tmp_path)["device"].startswith(gpu.kind)
    assert {devices.of(net).type for net in loaded} == {"cpu", gpu.kind}
