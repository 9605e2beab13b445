"""The doctor: every finding in plain words, and for everything missing the one command that gets it."""

import importlib.metadata
import os
import re
from pathlib import Path

import pytest

from srlib import datasets, doctor, paths, weights


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "not" / "there" / "yet"))
    monkeypatch.setattr(datasets.paths, "photo_folders", lambda: [tmp_path / "photos"])
    return tmp_path


def about(topic):
    return [f for f in doctor.examine() if f.topic == topic]


def test_looking_changes_nothing(bare_machine):
    doctor.examine()
    assert list(bare_machine.iterdir()) == []


def test_the_machine_is_described():
    assert re.search(r"Python 3\.\d+", about("machine")[0].text)
    assert re.fullmatch(r"\d+ CPU cores, torch uses \d+ threads", about("cores")[0].text)
    assert about("torch")[0].text
    assert "GiB free" in about("disk")[0].text
    assert about("GPU")


def test_little_memory_gets_an_advice(monkeypatch):
    monkeypatch.setattr(doctor, "_memory_gib", lambda: 2.0)
    (found,) = about("memory")
    assert found.text == "2 GiB, which is little"
    assert "SRLIB_TIER=smoke" in found.fix
    monkeypatch.setattr(doctor, "_memory_gib", lambda: None)
    assert about("memory") == []


def test_little_room_on_the_disk(monkeypatch):
    usage = doctor.shutil.disk_usage("/")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage._replace(free=2**29))
    assert "SRLIB_CACHE" in about("disk")[0].fix


def test_missing_sets_are_one_line_with_one_command():
    bundled, optional = about("photos")
    assert bundled.text == "bundled: 11 photos, no network needed"
    names = list(datasets.manifest())
    assert optional.text == f"optional sets not here: {', '.join(names)}"
    assert optional.fix == f"srlib fetch {' '.join(names)}"
    assert not optional.serious


def filled(folder, count):
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number:02d}.png").touch()


def test_sets_that_are_here_and_sets_in_part(bare_machine):
    filled(bare_machine / "photos" / "Set5", 5)
    filled(bare_machine / "photos" / "Set14", 1)
    _, part, optional = about("photos")
    assert (part.text, part.fix) == ("Set14: only 1 of 14 photos", "srlib fetch Set14")
    assert optional.text.startswith("optional sets here: Set5; not here: ")
    assert not {"Set5", "Set14"} & set(optional.fix.split())


def test_a_missing_package_is_serious(monkeypatch):
    wanted = ["numpy>=1.26", "no-such-package<2", 'jupyterlab>=4.4; extra == "lab"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: wanted)
    (found,) = about("packages")
    assert (found.text, found.serious) == ("missing: no-such-package", True)
    assert found.fix.startswith("pip install")


def test_not_installed_at_all(monkeypatch):
    def missing(_):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    (found,) = about("packages")
    assert found.serious
    assert "srlib is not installed" in found.text


def test_a_drive_that_is_not_there_has_no_parent(monkeypatch):
    """On Windows the parent of Z: is Z: itself; here a path that is never there stands for it."""
    monkeypatch.setattr(Path, "exists", lambda self: self == Path.cwd())
    assert doctor._existing(Path("/nowhere/at/all")) == Path.cwd()


def test_a_missing_bundled_photo_is_serious(monkeypatch):
    monkeypatch.setitem(datasets.BUNDLED, "ghost", ("skimage", "data", "ghost.png", False))
    assert any(f.serious and "ghost" in f.text for f in about("photos"))


def test_damaged_weights_are_serious(monkeypatch):
    def damaged(name, scale):
        raise weights.WeightsError("srcnn_x2.safetensors is damaged")

    monkeypatch.setattr(weights, "available", lambda: [("srcnn", 2)])
    monkeypatch.setattr(weights, "read", damaged)
    (found,) = about("weights")
    assert found.serious
    assert found.fix == "git checkout -- data/weights/srcnn_x2.*"
    monkeypatch.setattr(weights, "read", lambda name, scale: b"")
    assert about("weights")[0].text == "srcnn x2"
    monkeypatch.setattr(weights, "available", lambda: [])
    (found,) = about("weights")
    assert (found.serious, found.fix) == (True, "git checkout -- data/weights")
    monkeypatch.setattr(weights, "available", lambda: [("srcnn", 2), ("srcnn", 3), ("vdsr", 2)])
    assert about("weights")[0].text == "srcnn x2 x3, vdsr x2"


def test_a_damaged_file_of_the_course_is_a_finding(monkeypatch, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "ledger.jsonl").write_text("{\n")
    (tmp_path / "datasets.toml").write_text("[Set5\n")
    (tmp_path / "photos").mkdir()
    for name in ("china.jpg", "flower.jpg"):
        (tmp_path / "photos" / name).touch()
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    datasets.manifest.cache_clear()
    try:
        (bad,) = (f for f in about("photos") if f.serious)
    finally:
        datasets.manifest.cache_clear()
    assert "datasets.toml cannot be read" in bad.text
    (ledger,) = about("ledger")
    assert ledger.serious
    assert "line 1, is not JSON" in ledger.text


def test_a_cache_that_may_not_be_written(monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (disk,) = about("disk")
    assert disk.serious
    assert "which you may not write" in disk.text
