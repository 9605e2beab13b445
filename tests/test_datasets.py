"""Photo sets: what is on record, what is here, splits that never overlap, and fetching."""

import hashlib
import shutil
import zipfile

import pytest
import torch
from realphotos import needed

from srlib import datasets, download, images


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """Nothing is written outside the test's own folder, and sets on this machine are not seen unless asked for."""
    monkeypatch.setenv("SRLIB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def no_photos(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.paths, "photo_folders", lambda: [tmp_path / "cache" / "photos"])
    return tmp_path / "cache" / "photos"


def put(folder, *names, value=0.5):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        images.save(folder / f"{name}.png", torch.full((3, 8, 8), value))
    return folder


def test_the_bundled_photos_need_no_network():
    bundled = datasets.photos("bundled")
    assert len(bundled) == 11
    for name, image in bundled:
        assert image.dtype == torch.float32
        assert image.shape[0] in (1, 3)
        assert min(image.shape[-2:]) >= 300, name
        assert 0 <= image.min() < image.max() <= 1
    assert bundled["chelsea"].image.shape == (3, 300, 451)


def test_a_sequence_of_named_photos():
    bundled = datasets.photos("bundled")
    assert bundled.names == sorted(bundled.names)
    assert bundled[0].name == bundled.names[0]
    assert bundled[-1].name == bundled.names[-1]
    assert torch.equal(bundled["coins"].image, bundled[bundled.names.index("coins")].image)
    assert bundled[1:3].names == bundled.names[1:3]
    assert repr(bundled[:2]) == "Photos('bundled', 2 photos)"
    with pytest.raises(KeyError, match=r"bundled has no photo 'lena'\. It has: astronaut"):
        bundled["lena"]
    with pytest.raises(IndexError):
        bundled[11]


def test_the_courses_own_two_have_the_pixels_they_always_had():
    """They came with scikit-learn once; stored outputs and weights depend on every pixel."""
    for name, wanted in (("china", "dc492fc8ec761fa7"), ("flower", "fc8e5e48aa580632")):
        pixels = datasets.photos("bundled")[name].image.numpy().tobytes()
        assert hashlib.sha256(pixels).hexdigest().startswith(wanted)
    credits = (datasets.paths.data() / "photos" / "README.txt").read_text(encoding="utf-8")
    for file in (datasets.paths.data() / "photos").glob("*.jpg"):
        assert f"\n{file.name}\n  Some rights reserved by " in credits


@pytest.mark.parametrize("name", ["bundled", "BSD200"])
def test_no_photo_is_in_both_splits(name):
    if name != "bundled":
        needed(name)
    train, test = (set(datasets.photos(name, split).names) for split in ("train", "test"))
    assert train
    assert test
    assert not train & test
    assert train | test == set(datasets.photos(name).names)


def test_every_set_says_what_it_is_for():
    for name, entry in datasets.manifest().items():
        assert entry["use"] in ("train", "report"), name
        assert entry["count"] > 0
        assert entry["about"]
        assert entry["use"] == "train" or entry["test"] == "all", f"{name} is reported on, so nothing may train on it"
        for file in entry.get("file", []):
            assert file["urls"]
            assert file["members"]
            assert file.get("hash", "sha256:").split(":")[0] in ("sha256", "md5")


def test_bsd200_holds_out_twenty():
    needed("BSD200")
    assert len(datasets.photos("BSD200", "test")) == 20


def test_the_two_gray_palette_pictures_of_set14():
    """bridge counts as Y and man as RGB, or the published means do not come out."""
    needed("Set14")
    photos = datasets.photos("Set14")
    assert photos["bridge"].image.shape[0] == 1
    assert photos["man"].image.shape[0] == 3


@pytest.mark.parametrize("name", ["Set5", "Set14", "BSD100", "T91", "General100", "BSD200", "CC0"])
def test_real_sets_are_complete(name):
    assert len(needed(name)) == datasets.manifest()[name]["count"]


def test_synthetic_pictures_are_drawn_once(monkeypatch, tmp_path):
    synthetic = datasets.photos("synthetic", "train")
    assert len(synthetic) == 64
    first = synthetic["leaves005"].image
    monkeypatch.setattr(datasets.synthetic, "picture", lambda seed: pytest.fail("drawn twice"))
    assert torch.equal(synthetic[5].image, first)
    assert [f.name for f in (tmp_path / "cache").rglob("*.png")] == ["005.png"]


@pytest.mark.parametrize(
    ("name", "split", "sentence"),
    [
        ("set5", "all", r"photo set='set5' is unknown\. Use one of: bundled, synthetic, Set5"),
        ("bundled", "val", r"split='val' is unknown\. Use one of: train, test, all"),
        ("synthetic", "test", r"synthetic has no test photos: it is for training"),
    ],
)
def test_wrong_names(name, split, sentence):
    with pytest.raises(ValueError, match=sentence):
        datasets.photos(name, split)


def test_a_set_that_is_not_here(no_photos):
    with pytest.raises(datasets.MissingData, match=r"Set5 is not on this machine\. Fetch it with: srlib fetch Set5"):
        datasets.photos("Set5")
    assert datasets.present("Set5") == 0
    (no_photos / "Set5").mkdir(parents=True)
    with pytest.raises(datasets.MissingData):
        datasets.photos("Set5")


def test_a_set_for_reporting_has_no_training_split(no_photos):
    put(no_photos / "Set5", "baby", "bird")
    assert datasets.photos("Set5", "test").names == ["baby", "bird"]
    with pytest.raises(ValueError, match=r"Set5 has no train photos: it is for testing"):
        datasets.photos("Set5", "train")


def test_a_photo_added_later_is_seen(no_photos):
    import os

    folder = put(no_photos / "Set5", "baby")
    os.utime(folder, (1, 1))
    assert datasets.photos("Set5").names == ["baby"]
    put(folder, "bird")
    assert datasets.photos("Set5").names == ["baby", "bird"]


def test_somebodys_own_folder(tmp_path):
    folder = put(tmp_path / "holiday", *(f"p{k:02d}" for k in range(12)))
    name = f"{folder}/"
    assert datasets.photos(name, split="test").names == ["p00", "p10"]
    assert len(datasets.photos(name, split="train")) == 10
    assert len(datasets.photos(name)) == 12


@pytest.mark.parametrize(
    ("names", "error", "sentence"),
    [
        (None, datasets.MissingData, r"holiday is not a folder\. Name one with photos in it\."),
        ([], datasets.MissingData, r"holiday has no photos\. It may hold \.[a-z]+, "),
        (["one"], ValueError, r"holiday has one photo\. Put at least one more beside it"),
    ],
)
def test_an_own_folder_that_will_not_do(tmp_path, names, error, sentence):
    if names is not None:
        put(tmp_path / "holiday", *names)
    with pytest.raises(error, match=sentence):
        datasets.photos(str(tmp_path / "holiday"), split="train")


def test_the_first_folder_that_has_the_set_wins(monkeypatch, tmp_path):
    put(tmp_path / "one" / "Set5", "mine", value=0.0)
    put(tmp_path / "cache" / "photos" / "Set5", "theirs", value=1.0)
    monkeypatch.setenv("SRLIB_PHOTOS", str(tmp_path / "one"))
    assert datasets.photos("Set5").names == ["mine"]


# --- fetching


@pytest.fixture
def archive(monkeypatch, tmp_path, no_photos):
    """A set "Tiny" of two photos, and a download that only copies its archive."""
    photos = put(tmp_path / "made", "a", "b")
    path = tmp_path / "tiny.zip"
    with zipfile.ZipFile(path, "w") as file:
        for photo in sorted(photos.iterdir()):
            file.write(photo, f"tiny/{photo.name}")
    digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    file = {"urls": ["http://example.invalid/tiny.zip"], "hash": digest, "members": "tiny/*.png"}
    tiny = {"about": "", "use": "report", "count": 2, "test": "all", "file": [file]}
    monkeypatch.setattr(datasets, "manifest", lambda: {"Tiny": tiny})

    def copied(urls, folder, hash, progress):
        assert (urls, hash) == (file["urls"], digest)
        copied.times += 1
        folder.mkdir(parents=True, exist_ok=True)
        return shutil.copy(path, folder) and folder / path.name

    copied.times = 0
    monkeypatch.setattr(download, "fetch", copied)
    return copied


def test_fetching_puts_the_photos_where_they_are_found(archive):
    assert datasets.fetch("Tiny", progress=False).names == ["a", "b"]
    assert datasets.photos("Tiny")["a"].image.mean().item() == pytest.approx(128 / 255)
    assert datasets.fetch("Tiny", progress=False).names == ["a", "b"]
    assert archive.times == 1


def test_fetching_completes_an_incomplete_set(archive, no_photos):
    """`srlib doctor` recommends `srlib fetch` for a set of which photos are missing, so that must help."""
    put(no_photos / "Tiny", "a")
    assert datasets.present("Tiny") == 1
    assert datasets.fetch("Tiny", progress=False).names == ["a", "b"]


def test_sets_without_an_address_say_where_to_get_them(monkeypatch, no_photos):
    with pytest.raises(
        download.DownloadError, match=r"No address .* for T91\. Get it by hand at http.*put the pictures"
    ):
        datasets.fetch("T91")
    with pytest.raises(ValueError, match=r"photo set='T92' is unknown"):
        datasets.fetch("T92")


def test_bundled_needs_no_fetching():
    assert len(datasets.fetch("bundled")) == 11


def test_photos_that_differ_in_their_ending_alone_are_all_there(tmp_path):
    for name in ("a.png", "a.bmp", "a.png.bmp"):
        images.save(tmp_path / name, torch.rand(3, 12, 12))
    assert datasets.photos(f"{tmp_path}/").names == ["a.bmp", "a.png", "a.png.bmp"]


def test_photos_written_anew_are_other_photos(tmp_path):
    """What was prepared from the old ones must not be taken for theirs."""
    for name in ("a.png", "b.png"):
        images.save(tmp_path / name, torch.rand(3, 12, 12))
    before = datasets.photos(f"{tmp_path}/")
    assert before == datasets.photos(f"{tmp_path}/")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes() + b" ")
    assert before != datasets.photos(f"{tmp_path}/")
