"""Where things lie, and how a learner moves them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlib import paths


def test_the_courses_own_data_is_found():
    assert (paths.data() / "datasets.toml").is_file()


def test_a_wheel_carries_its_data_inside(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "_CHECKOUT", tmp_path)
    assert paths.data() == Path(paths.__file__).parent / "_data"


def test_the_cache_moves_with_its_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path))
    assert paths.cache() == tmp_path
    assert paths.runs() == tmp_path / "runs"
    for unset in ("", None):  # an empty variable means none
        monkeypatch.setenv("SRLIB_CACHE", "") if unset == "" else monkeypatch.delenv("SRLIB_CACHE")
        assert paths.cache().name == "srlib"


def test_a_test_finds_no_photos_of_this_machine():
    from srlib import datasets

    assert not [folder for folder in paths.photo_folders() if folder.exists()]
    assert [name for name in datasets.names() if datasets.present(name)] == ["bundled", "synthetic"]


def test_photo_folders_in_their_order(monkeypatch, tmp_path):
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SRLIB_PHOTOS", os.pathsep.join(["/first", "", "/second"]))
    first, second, fetched, shared = paths.photo_folders()
    assert (first, second, fetched) == (Path("/first"), Path("/second"), tmp_path / "cache" / "photos")
    assert shared == paths.BESIDE
    monkeypatch.delenv("SRLIB_PHOTOS")
    assert paths.photo_folders() == [fetched, shared]


@given(st.lists(st.sampled_from(["a.jpg", "a.png", "a.jpg.png", "A.png", "b.png", "a"]), unique_by=str.lower))
def test_no_two_files_are_called_the_same(files):
    called = paths.names([Path(name) for name in files])
    assert len({name.lower() for name in called}) == len(files)


def test_a_damaged_toml_file_is_named_with_its_line(tmp_path):
    file = tmp_path / "list.toml"
    file.write_text("a = 1\nb = 2 c = 3\n")
    with pytest.raises(ValueError, match=r"list\.toml cannot be read \(.*line .*\)\. Mend that line"):
        paths.toml(file)
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(ValueError, match=r"list\.toml cannot be read"):
        paths.toml(file)
    file.write_text("a = 'é'", encoding="utf-8")
    assert paths.toml(file) == {"a": "é"}
