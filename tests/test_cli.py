"""The command line: what it prints, with which exit code, and one sentence instead of a traceback."""

import errno
import os
import subprocess
import sys

import pytest
import torch
from drawn import draw
from typer.testing import CliRunner

from srlib import benchmark, campaign, cli, datasets, doctor, ledger, models, papers, recipes, train, weights

TINY = {"features": 8, "layers": 2}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Small drawn pictures stand in for T91 and Set5."""
    return draw(tmp_path_factory.mktemp("photos"), T91=[0, 1], General100=[1], Set5=[2])


@pytest.fixture(autouse=True)
def machine(monkeypatch, drawn, tmp_path):
    monkeypatch.setenv("SRLIB_PHOTOS", str(drawn))
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.paths, "photo_folders", lambda: [drawn])  # not the real ones: scoring them takes long
    recipe = recipes.Recipe(
        "sprint", variant="32x4", arguments=TINY, data=["T91"], held_out="Set5", patch=8, batch=2, steps=4, seed=7
    )
    monkeypatch.setattr(recipes, "get", lambda name, scale, variant: recipes.with_changes(recipe, scale=scale or 2))
    return tmp_path


def srlib(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


def test_without_arguments_it_explains_itself():
    shown = srlib("--help")
    assert shown.exit_code == 0
    for verb in ("doctor", "fetch", "train", "benchmark", "models"):
        assert verb in shown.output
        assert srlib(verb, "--help").exit_code == 0
    assert srlib("upscalee").exit_code == 2


def test_doctor_on_a_whole_machine(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Finding("photos", "Set5: not here", "srlib fetch Set5")])
    shown = srlib("doctor")
    assert shown.exit_code == 0
    assert "Set5: not here" in shown.stdout
    assert "-> srlib fetch Set5" in shown.stdout
    assert "Everything the course needs is here." in shown.stdout


def test_doctor_on_a_broken_one(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Finding("packages", "missing: x", "pip install x", True)])
    shown = srlib("doctor")
    assert shown.exit_code == 1
    assert "!! packages   missing: x" in shown.stdout
    assert "run the command behind the line marked !!" in shown.stdout
    assert shown.stderr == ""


def test_models(monkeypatch):
    monkeypatch.setattr(models, "names", lambda: ["srcnn", "espcn"])  # all of them take half a minute
    shown = srlib("models")
    assert shown.exit_code == 0
    assert "57,281" in shown.stdout
    assert len(shown.stdout.splitlines()) == len(models.table()) == 9 + 3


def test_fetch():
    shown = srlib("fetch", "bundled")
    assert (shown.exit_code, shown.stdout) == (0, "bundled: 11 photos are ready.\n")
    shown = srlib("fetch", "Set55")
    assert shown.exit_code == 1
    assert shown.stderr.startswith("srlib: photo set='Set55' is unknown. Use one of: bundled, synthetic, Set5")
    assert shown.stderr.count("\n") == 1


def test_fetch_without_an_address(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.paths, "photo_folders", lambda: [])
    shown = srlib("fetch", "T91")
    assert shown.exit_code == 1
    assert shown.stderr.startswith("srlib: No address that a program can read is known for T91. Get it by hand")


def test_train_then_benchmark(machine, monkeypatch):
    shown = srlib("train", "sprint", "--out", machine)
    assert shown.exit_code == 0, shown.output
    assert "dB over bicubic on held-out photos after" in shown.stdout
    assert weights.card("sprint", 2, machine)["recipe"]["steps"] == 4
    assert not list((machine / "cache").rglob("*.ckpt")), "a finished training leaves no checkpoint"
    monkeypatch.setattr(ledger, "file", lambda: machine / "ledger.jsonl")
    shown = srlib("benchmark", "sprint", "Set5", "--folder", machine, "--record")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("sprint x2 on Set5, paper_y: ")
    assert ledger.latest(model="sprint")["dataset"] == "Set5"


@pytest.mark.parametrize(("option", "value"), [("--seed", 0), ("--seed", 3), ("--steps", 2), ("--data", "General100")])
def test_options_reach_the_recipe(machine, option, value, monkeypatch):
    monkeypatch.setattr(train.Run, "gain", lambda self: 0.5)
    shown = srlib("train", "sprint", option, value, "--out", machine)
    assert shown.exit_code == 0, shown.output
    found = weights.card("sprint", 2, machine)["recipe"][option[2:]]
    assert found == ([value] if option == "--data" else value)


def test_training_on_ones_own_photos(machine, drawn, monkeypatch):
    draw(machine / "own", holiday=range(3))
    shown = srlib("train", "sprint", "--photos", machine / "own" / "holiday", "--out", machine)
    assert shown.exit_code == 0, shown.output
    card = weights.card("sprint", 2, machine)
    folder = f"{machine / 'own' / 'holiday'}/"
    assert (card["recipe"]["data"], card["recipe"]["held_out"]) == ([folder], folder)
    assert list(card["data"]) == [folder]
    assert list(card["scores"]) == ["Set5 x2 paper_y"], "of the sets that are on this machine"
    assert [step for step, _ in card["curve"]] == [4]
    page = (machine / "sprint_x2.html").read_text()
    assert "after 4 steps" in page
    assert page.count("<svg") == 3
    shown = srlib("train", "sprint", "--photos", machine / "nowhere", "--out", machine)
    assert (shown.exit_code, shown.stderr.count("\n")) == (1, 1)
    assert "nowhere is not a folder" in shown.stderr


def test_fine_tuning_begins_with_trained_weights(machine, monkeypatch):
    monkeypatch.setattr(weights.paths, "data", lambda: machine / "data")
    shown = srlib("train", "sprint", "--fine-tune", "--out", machine)
    assert shown.exit_code == 1
    assert "There are no weights for sprint x2" in shown.stderr
    assert srlib("train", "sprint", "--steps", 2, "--out", machine / "data" / "weights").exit_code == 0
    shown = srlib("train", "sprint", "--fine-tune", "--lr", 0, "--out", machine)
    assert shown.exit_code == 0, shown.output
    before, after = weights.load("sprint", 2), weights.load("sprint", 2, machine)
    assert all(map(torch.equal, before.parameters(), after.parameters())), "nothing was learnt, so nothing changed"


def test_the_queue_is_worked_through_in_slices(machine, monkeypatch):
    polite = []
    monkeypatch.setattr(campaign, "be_polite", lambda: polite.append(True))
    monkeypatch.setattr(campaign, "queue", lambda: [campaign.Training(recipes.get("sprint", s, None)) for s in (2, 3)])
    shown = srlib("train", "--all", "--out", machine, "--minutes", 0)
    assert "Set14 is not on this machine" in shown.stderr or "BSD100 is not on this machine" in shown.stderr
    assert not list((machine / "cache").rglob("*.ckpt")), "said before the training, not after it"
    monkeypatch.setattr(campaign, "SETS", ("Set5",))
    shown = srlib("train", "--all", "--out", machine, "--minutes", 0)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.endswith("sprint_x2: time is up; the same command goes on from here.\n")
    shown = srlib("train", "--all", "--out", machine)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[-1] == "sprint_x3: done"
    assert weights.available(machine) == [("sprint", 2), ("sprint", 3)]
    assert srlib("train", "--all", "--out", machine).stdout == "sprint_x2: done\nsprint_x3: done\n"
    assert len(polite) == 4


def test_nothing_named_is_a_sentence():
    shown = srlib("train")
    assert shown.exit_code == 1
    assert shown.stderr.startswith("srlib: Name what to train: one of drcn, drrn")


def test_zero_steps_are_refused():
    shown = srlib("train", "sprint", "--steps", 0)
    assert (shown.exit_code, shown.stderr) == (1, "srlib: steps=0 must be at least 1.\n")


@pytest.fixture
def interrupted(machine):
    """What ``srlib train sprint`` said when Ctrl-C was pressed after two steps."""
    real = train.Run._step

    def pressed(run):
        if len(run.history) == 2:
            raise KeyboardInterrupt
        return real(run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.Run, "_step", pressed)
        return srlib("train", "sprint", "--out", machine)


def test_ctrl_c_and_the_same_command_again(machine, interrupted):
    assert interrupted.exit_code == 130
    said = "Stopped. Nothing is half-written; a training or a download goes on with the same command."
    assert said in interrupted.stderr
    shown = srlib("train", "sprint", "--out", machine)
    assert shown.exit_code == 0
    assert "Going on at step 2" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("benchmark", "cubic"), "srlib: model='cubic' is unknown. Use one of: srcnn"),
        (("benchmark", "bicubic", "T91"), "srlib: T91 has no test photos: it is for training."),
        (("benchmark", "bicubic", "--scale", "0"), "srlib: scale=0 is not a whole number of at least 1."),
        (("benchmark", "bicubic", "--protocol", "x"), "srlib: protocol='x' is unknown. Use one of: paper_y"),
        (("train", "sprint", "--tier", "tiny"), "srlib: tier='tiny' is unknown. Use one of: smoke, laptop, full."),
        (("train", "sprint", "--data", "T92"), "srlib: photo set='T92' is unknown."),
        (("train", "sprint", "--scale", "5"), "srlib: scale=5 is not offered here. Use one of 2, 3, 4."),
        (("train", "sprint", "--all"), "srlib: --all trains data/campaign.toml as it stands, without NAME. Edit that."),
        (
            ("train", "--all", "--lr", "1e-3", "--fine-tune"),
            "srlib: --all trains data/campaign.toml as it stands, without --lr, --fine-tune.",
        ),
        (("train", "--all", "--minutes", "nan"), "srlib: --minutes nan is no length of time. Give 0 or more."),
        (("train", "sprint", "--minutes", "3"), "srlib: --minutes goes with --all."),
        (
            ("train", "sprint", "--photos", "x", "--data", "T91"),
            "srlib: --photos and --data both say what to train on.",
        ),
        (("train", "sprint", "--set", "patch"), "srlib: --set patch: write a field and its value"),
        (("train", "sprint", "--set", "scale=3"), "srlib: --set scale=3: which network is trained say NAME, --scale"),
        (("train", "sprint", "--set", "ptach=16"), "srlib: recipe field='ptach' is unknown."),
        (("train", "sprint", "--set", "patch=big"), "srlib: patch='big' is a str, but a recipe wants int."),
        (("train", "sprint", "--seed", str(2**63)), "srlib: seed=9223372036854775808 is out of range."),
        (("benchmark", "bicubic", "--scale", "1"), "srlib: scale=1 enlarges nothing."),
        (("export", "srcnn", "-o", "srcnn.png"), "srlib: srcnn.png does not end in .onnx"),
        (("export", "srcnn", "-o", "."), "srlib: . is a folder. Name the file in it: -o srcnn.onnx"),
        (("upscale", "a.png", "-o", "."), "srlib: . is a folder. Name the file in it: -o a.png"),
    ],
)
def test_mistakes_get_a_sentence(arguments, sentence):
    shown = srlib(*arguments)
    assert shown.exit_code == 1
    assert shown.stderr.splitlines()[-1].startswith(sentence)
    assert "Traceback" not in shown.output


def test_the_systems_own_errors_are_sentences_too(monkeypatch):
    def missing():
        raise FileNotFoundError(2, "No such file or directory", "x.png")

    monkeypatch.setattr(doctor, "examine", missing)
    shown = srlib("doctor")
    advice = "Check the name, and the disk it lies on."
    assert (shown.exit_code, shown.stderr) == (1, f"srlib: x.png: No such file or directory. {advice}\n")


def test_a_key_error_is_not_quoted(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: {}["Set5 has no photo of that name."])
    assert srlib("doctor").stderr == "srlib: Set5 has no photo of that name.\n"


def test_our_own_mistakes_keep_their_traceback(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: 1 / 0)
    assert isinstance(srlib("doctor").exception, ZeroDivisionError)


def test_as_a_real_program():
    def run(*arguments):
        command = [sys.executable, "-m", "srlib", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "100"})

    shown = run("benchmark", "nearest", "Set5", "--scale", "3")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("nearest x3 on Set5, paper_y: ")
    shown = run("benchmark", "nearest", "Set6")
    assert shown.returncode == 1
    assert shown.stderr.startswith("srlib: photo set='Set6' is unknown.")


def test_restoring_networks_are_given_damaged_photos(monkeypatch):
    monkeypatch.undo()  # the course's own recipes
    given = []

    def restore(net, task, dataset, name):
        given.append((net.scales, task, dataset, name))
        return [{"psnr": 30.0, "ssim": 0.9, "scale": 1, "dataset": "Set14", "protocol": "denoise25_rgb"}]

    monkeypatch.setattr(benchmark, "restore", restore)
    shown = srlib("benchmark", "mprnet_denoise")
    assert shown.stdout == "mprnet_denoise x1 on Set14, denoise25_rgb: 30.000 dB, SSIM 0.9000\n"
    assert given == [((1,), "denoise", None, "mprnet_denoise")]


def test_weights_of_ones_own_are_recorded_beside_them(tmp_path):
    recipe = recipes.get("sprint", 2, None)
    weights.save(models.create("sprint", **TINY), recipe.to_dict(), tmp_path / "mine")
    before = len(ledger.rows())
    shown = srlib("benchmark", "sprint", "Set5", "--folder", tmp_path / "mine", "--record")
    assert shown.exit_code == 0, shown.stderr
    assert len(ledger.rows()) == before
    assert len(ledger.rows(tmp_path / "mine" / "ledger.jsonl")) == 1


def test_fine_tuning_takes_the_network_as_it_was_trained(machine, monkeypatch):
    """Whatever size the recipe's tier would take."""
    monkeypatch.setattr(weights.paths, "data", lambda: machine / "data")
    assert srlib("train", "sprint", "--steps", 1, "--out", machine / "data" / "weights").exit_code == 0
    given = recipes.get("sprint", 2, None)
    monkeypatch.setattr(recipes, "get", lambda *_: recipes.with_changes(given, arguments={}))
    assert srlib("train", "sprint", "--fine-tune", "--steps", 1, "--out", machine).exit_code == 0
    assert weights.card("sprint", 2, machine)["recipe"]["arguments"] == TINY


def test_what_was_published_stands_beside_its_own_protocol_alone(monkeypatch):
    monkeypatch.setattr(papers, "table", lambda: {"bicubic": {}})
    monkeypatch.setattr(papers, "psnr", lambda *_: 33.66)
    assert "published: 33.66 dB" in srlib("benchmark", "bicubic").stdout
    assert "published" not in srlib("benchmark", "bicubic", "--protocol", "rgb_full").stdout


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "Free some space"), (errno.ENOTDIR, "choose another name"), (errno.EACCES, "read and write")],
)
def test_each_of_the_systems_errors_has_its_own_advice(number, sentence, monkeypatch):
    def fails():
        raise OSError(number, os.strerror(number), "x.png")

    monkeypatch.setattr(doctor, "examine", fails)
    assert sentence in srlib("doctor").stderr


@pytest.mark.parametrize(("option", "value"), [("workers", 0), ("tile", -1)])
def test_numbers_out_of_range_are_refused_before_anything_is_done(option, value):
    shown = srlib("upscale", "a.png", "-o", "b.png", f"--{option}", value)
    assert shown.exit_code == 2
    assert "greater than or equal to" in shown.stderr


def test_any_field_of_the_recipe_can_be_set(machine, monkeypatch):
    monkeypatch.setattr(train.Run, "gain", lambda self: 0.5)
    shown = srlib("train", "sprint", "--set", "clip=0.5", "--set", "loss=mse", "--set", "patch=12", "--out", machine)
    assert shown.exit_code == 0, shown.output
    found = weights.card("sprint", 2, machine)["recipe"]
    assert (found["clip"], found["loss"], found["patch"]) == (0.5, "mse", 12)


def test_a_training_replaces_no_better_one(machine):
    assert srlib("train", "sprint", "--out", machine).exit_code == 0
    before = weights.card("sprint", 2, machine)
    shown = srlib("train", "sprint", "--steps", 1, "--out", machine)
    assert shown.exit_code == 0, shown.output
    assert weights.card("sprint", 2, machine)["recipe"]["steps"] == 1, "the newest has the name"
    said = shown.stdout.splitlines()[-1]
    assert said.startswith(f"Those that lay there before ({before['gain_db']:+.2f} dB) are kept: --folder ")
    kept = said.rpartition("--folder ")[2]
    assert weights.card("sprint", 2, kept) == before
    assert srlib("benchmark", "sprint", "Set5", "--folder", kept).exit_code == 0
    assert "Scoring on Set5: this takes a while" in shown.stdout


@pytest.mark.usefixtures("interrupted")
def test_an_interrupted_training_is_in_nobody_elses_way(machine):
    shown = srlib("train", "sprint", "--lr", 1e-4, "--out", machine)
    assert shown.exit_code == 0, shown.output
    assert "Going on" not in shown.stdout
    assert "Going on at step 2" in srlib("train", "sprint", "--out", machine).stdout


def test_a_folder_that_cannot_be_written_is_said_before_the_training(machine, monkeypatch):
    def refuse(dir):
        raise PermissionError(errno.EACCES, "Permission denied", str(dir))

    monkeypatch.setattr(cli.tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(train, "fit", lambda *_, **__: pytest.fail("it has begun"))
    shown = srlib("train", "sprint", "--out", machine / "out")
    assert shown.stderr == f"srlib: {machine / 'out'}: Permission denied. Choose a place that you may read and write.\n"
    shown = srlib("train", "--all", "--out", machine / "out")
    assert "Permission denied" in shown.stderr


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")]
)
def test_too_little_memory_has_a_way_out(error, monkeypatch):
    def fail():
        raise error

    monkeypatch.setattr(doctor, "examine", fail)
    shown = srlib("doctor")
    assert shown.exit_code == 1
    assert shown.stderr.startswith("srlib: The memory that is free does not suffice.")
    assert "--set batch=4" in shown.stderr


def test_a_restorer_has_its_own_way_of_being_measured(monkeypatch):
    monkeypatch.undo()
    shown = srlib("benchmark", "mprnet_denoise", "--protocol", "paper_y")
    assert shown.stderr.startswith("srlib: mprnet_denoise is measured as its task is, without --protocol paper_y.")


def test_of_ones_own_folder_the_part_that_is_measured_is_said(machine):
    draw(machine / "own", holiday=range(3))
    shown = srlib("benchmark", "nearest", f"{machine / 'own' / 'holiday'}/")
    assert " (1 of 3 photos: those that a training holds out), paper_y: " in shown.stdout
    assert "photos" not in srlib("benchmark", "nearest", "Set5").stdout


@pytest.mark.parametrize(
    "words", [["train", "sprint"], ["benchmark", "sprint", "Set5"], ["upscale", "x.png", "-o", "y.png"]]
)
def test_a_device_that_is_not_here_is_one_sentence(words, tmp_path):
    done = srlib(*words, "--device", "tpu")
    assert done.exit_code == 1
    assert "device='tpu' is unknown. Use one of: auto, cpu, cuda, mps" in done.output
