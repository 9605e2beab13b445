"""The photos that travel: whole in the archive, within the limit, and found again on the other machine."""

import zipfile

import pytest
import torch
from drawn import draw

from srlib import datasets


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    draw(tmp_path / "photos", T91=[0, 1], BSD200=[2])
    monkeypatch.setattr(datasets.paths, "photo_folders", lambda: [tmp_path / "photos"])
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_what_is_packed_is_what_comes_out(pack_tool, machine, monkeypatch):
    before = {name: list(datasets.photos(name)) for name in ("T91", "BSD200")}
    target, quality = pack_tool.pack(["T91", "BSD200"], 1, machine / "new" / "photos.zip")
    assert quality is None
    assert pack_tool.packed(["T91"], None) == pack_tool.packed(["T91"], None), "the same photos, the same file"
    zipfile.ZipFile(target).extractall(machine / "other")
    monkeypatch.setattr(datasets.paths, "photo_folders", lambda: [machine / "other"])
    for name, photos in before.items():
        for (ours, image), (theirs, copy) in zip(photos, datasets.photos(name), strict=True):
            assert ours == theirs
            assert torch.equal(image, copy)


def test_a_limit_is_kept_by_quality_and_then_by_refusal(pack_tool, machine):
    whole = len(pack_tool.packed(["T91"], None)) / 2**20
    target, quality = pack_tool.pack(["T91"], whole * 0.6, machine / "photos.zip")
    assert quality is not None
    assert target.stat().st_size <= whole * 0.6 * 2**20
    with pytest.raises(ValueError, match=r"T91 need 0\.0 MiB at quality 70\. Pack fewer sets\."):
        pack_tool.pack(["T91"], 1e-4, machine / "none.zip")
    assert not (machine / "none.zip").exists()
