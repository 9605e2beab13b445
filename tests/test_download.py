"""Downloads against a real server on this machine that misbehaves on request, and archives that mean harm."""

import errno
import hashlib
import io
import os
import re
import socket
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from srlib import download
from srlib.download import DownloadError, fetch, unpack

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT at every address; notes what was asked for and how much was sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges, self.sent = [], []  # of each request: its Range header, how many bytes it got
        self.cut_after = None  # hang up after this many bytes, once
        self.resumes = True
        self.edition = None  # its ETag
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, path="photos.bin"):
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        assert self.headers["Accept-Encoding"] == "identity", "ranges would count other bytes than those on disk"
        server.ranges.append(asked)
        if self.path.startswith("/missing"):
            server.sent.append(0)
            return self.send_error(404)
        same = self.headers.get("If-Range") in (None, server.edition)
        resumes = asked and server.resumes and same
        first = int(re.fullmatch(r"bytes=(\d+)-", asked).group(1)) if resumes else 0
        if first >= len(CONTENT):
            server.sent.append(0)  # noted before it is sent: the other side may go on at once
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        body = CONTENT[first:]
        self.send_response(206 if resumes else 200)
        if server.edition:
            self.send_header("ETag", server.edition)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Encoding", "x-gzip")  # as some servers say of every .tgz; it must stay packed
        self.end_headers()
        if server.cut_after is not None:
            body, server.cut_after = body[: server.cut_after], None
            self.close_connection = True
        server.sent.append(len(body))
        self.wfile.write(body)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


def test_a_whole_file(server, tmp_path):
    path = fetch([server.url()], tmp_path / "new" / "folder", SHA256, progress=False)
    assert path == tmp_path / "new" / "folder" / "photos.bin"
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == ["photos.bin"]


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    fetch([server.url()], tmp_path, SHA256, progress=False)
    fetch([server.url()], tmp_path, SHA256, progress=False)
    assert len(server.ranges) == 1


def test_cut_in_half_it_goes_on_where_it_stopped(server, tmp_path):
    server.cut_after = len(CONTENT) // 2
    with pytest.raises(DownloadError, match=r"photos\.bin could not be downloaded .*continues where it stopped"):
        fetch([server.url()], tmp_path, SHA256, progress=False)
    have = (tmp_path / "photos.bin.part").read_bytes()
    assert have == CONTENT[: len(have)]
    assert len(have) > len(CONTENT) // 2 - download.CHUNK, "at most one chunk may be lost"
    path = fetch([server.url()], tmp_path, SHA256, progress=False)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={len(have)}-"]
    assert server.sent[1] == len(CONTENT) - len(have), "bytes we had were sent again"
    assert os.listdir(tmp_path) == ["photos.bin"]


def test_a_server_that_cannot_resume_starts_over(server, tmp_path):
    server.resumes = False
    (tmp_path / "photos.bin.part").write_bytes(CONTENT[:1000])
    assert fetch([server.url()], tmp_path, SHA256, progress=False).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-"]


def test_a_complete_part_is_only_checked(server, tmp_path):
    """The connection broke, or the program was killed, after the last byte."""
    (tmp_path / "photos.bin.part").write_bytes(CONTENT)
    assert fetch([server.url()], tmp_path, SHA256, progress=False).read_bytes() == CONTENT
    assert server.sent == [0]


def test_a_part_of_something_longer_starts_over(server, tmp_path):
    (tmp_path / "photos.bin.part").write_bytes(CONTENT + b"more")
    assert fetch([server.url()], tmp_path, SHA256, progress=False).read_bytes() == CONTENT


def test_a_damaged_part_is_noticed_and_the_next_try_is_clean(server, tmp_path):
    (tmp_path / "photos.bin.part").write_bytes(b"x" * 1000)
    with pytest.raises(DownloadError, match=r"its sha256 is not the one on record, so it was thrown away"):
        fetch([server.url()], tmp_path, SHA256, progress=False)
    assert os.listdir(tmp_path) == []
    assert fetch([server.url()], tmp_path, SHA256, progress=False).read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_wrong_hash(server, tmp_path, kind):
    wrong = kind + ":" + "0" * (64 if kind == "sha256" else 32)
    with pytest.raises(DownloadError, match=rf"photos\.bin could not .*: its {kind} is not the one on record"):
        fetch([server.url()], tmp_path, wrong, progress=False)
    assert os.listdir(tmp_path) == []


def test_md5_is_checked_too(server, tmp_path):
    md5 = "md5:" + hashlib.md5(CONTENT).hexdigest()
    assert fetch([server.url()], tmp_path, md5, progress=False).read_bytes() == CONTENT


def test_without_a_hash_the_first_is_pinned(server, tmp_path, capsys):
    path = fetch([server.url()], tmp_path, None, progress=False)
    assert f"pinned what came: {SHA256}" in capsys.readouterr().out
    path.unlink()
    fetch([server.url()], tmp_path, None, progress=False)
    path.unlink()
    (tmp_path / "photos.bin.hash").write_text("sha256:" + "0" * 64)
    with pytest.raises(DownloadError, match="not the one on record"):
        fetch([server.url()], tmp_path, None, progress=False)


def test_the_second_address_helps_when_the_first_is_gone(server, tmp_path):
    path = fetch([server.url("missing/photos.bin"), server.url()], tmp_path, SHA256, progress=False)
    assert path.read_bytes() == CONTENT


def test_no_address_answers(server, tmp_path):
    with pytest.raises(DownloadError, match=r"missing: HTTPError; .*missing2: HTTPError\)\. Check the network"):
        fetch([server.url("missing"), server.url("missing2")], tmp_path, SHA256, progress=False)


def test_no_network(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/photos.bin"
        with pytest.raises(DownloadError, match=r"photos\.bin: ConnectionError\)\. Check the network and run the same"):
            fetch([url], tmp_path, SHA256, progress=False)


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_keeps_what_came(server, tmp_path, monkeypatch):
    (tmp_path / "photos.bin.part").write_bytes(CONTENT[:1000])

    class Full(io.FileIO):
        def write(self, data):
            full_disk()

    monkeypatch.setattr(download, "open", lambda path, mode: Full(path, mode), raising=False)
    with pytest.raises(DownloadError, match=r"The disk of .* is full\. Free some space and run the same command again"):
        fetch([server.url()], tmp_path, SHA256, progress=False)
    monkeypatch.undo()
    assert (tmp_path / "photos.bin.part").read_bytes() == CONTENT[:1000]
    assert fetch([server.url()], tmp_path, SHA256, progress=False).read_bytes() == CONTENT


def test_a_folder_that_cannot_be(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=r"file cannot be written .*Choose another folder with SRLIB_CACHE"):
        fetch([server.url()], tmp_path / "file", SHA256, progress=False)


def test_an_interrupted_download_keeps_its_part(server, tmp_path, monkeypatch):
    class Interrupted(io.FileIO):
        def write(self, data):
            super().write(data[:1234])
            raise KeyboardInterrupt

    monkeypatch.setattr(download, "open", lambda path, mode: Interrupted(path, mode), raising=False)
    with pytest.raises(KeyboardInterrupt):
        fetch([server.url()], tmp_path, SHA256, progress=False)
    monkeypatch.undo()
    fetch([server.url()], tmp_path, SHA256, progress=False)
    assert server.ranges == [None, "bytes=1234-"]


# --- archives


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def tarred(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def packed(path, files):
    return (zipped if path.suffix == ".zip" else tarred)(path, files)


PHOTOS = {"set/a.png": b"a" * 2000, "set/b.png": os.urandom(3000), "set/readme.txt": b"no photo", "other/c.png": b"c"}
KINDS = pytest.mark.parametrize("kind", ["x.zip", "x.tar.gz"])


@KINDS
def test_what_matches_is_unpacked_flat(tmp_path, kind):
    archive = packed(tmp_path / kind, PHOTOS)
    assert unpack(archive, "set/*.png", tmp_path / "deep" / "Set") == 2
    assert {f.name: f.read_bytes() for f in (tmp_path / "deep" / "Set").iterdir()} == {
        "a.png": PHOTOS["set/a.png"],
        "b.png": PHOTOS["set/b.png"],
    }
    assert os.listdir(tmp_path / "deep") == ["Set"]
    assert (tmp_path / "deep" / "Set").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("mode", ["w", "w:bz2", "w:xz"])
def test_other_tars(tmp_path, mode):
    assert unpack(tarred(tmp_path / "x.tar", PHOTOS, mode), "*/*.png", tmp_path / "Set") == 3


@KINDS
@pytest.mark.parametrize("name", ["/etc/a.png", "../a.png", "set/../../a.png", "..\\a.png", "C:/a.png"])
def test_hostile_names_spoil_the_whole_archive(tmp_path, kind, name):
    archive = packed(tmp_path / kind, PHOTOS | {name: b"evil"})
    with pytest.raises(DownloadError, match=r"holds a file named .*, which points outside: not unpacked"):
        unpack(archive, "*.png", tmp_path / "deep" / "Set")
    assert os.listdir(tmp_path / "deep") == []
    assert sorted(os.listdir(tmp_path)) == ["deep", kind]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_not_followed(tmp_path, kind):
    secret = tmp_path / "secret"
    secret.write_text("private")
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        link = tarfile.TarInfo("set/link.png")
        link.type, link.linkname = kind, str(secret)
        file.addfile(link)
        photo = tarfile.TarInfo("set/a.png")
        photo.size = 3
        file.addfile(photo, io.BytesIO(b"abc"))
    assert unpack(tmp_path / "x.tar", "set/*.png", tmp_path / "Set") == 1
    assert os.listdir(tmp_path / "Set") == ["a.png"]


def test_a_symlink_in_a_zip_is_only_text(tmp_path):
    link = zipfile.ZipInfo("set/link.png")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    unpack(tmp_path / "x.zip", "set/*.png", tmp_path / "Set")
    assert not (tmp_path / "Set" / "link.png").is_symlink()
    assert (tmp_path / "Set" / "link.png").read_text() == "/etc/passwd"


@KINDS
def test_nothing_matches(tmp_path, kind):
    with pytest.raises(DownloadError, match=r"holds no file like set2/\*\.png\. It may be another edition of the set"):
        unpack(packed(tmp_path / kind, PHOTOS), "set2/*.png", tmp_path / "deep" / "Set")
    assert os.listdir(tmp_path / "deep") == []


def test_not_an_archive(tmp_path):
    (tmp_path / "x.zip").write_text("<html>Sorry, moved</html>")
    with pytest.raises(DownloadError, match=r"is neither a zip nor a tar archive\. Delete it and fetch again"):
        unpack(tmp_path / "x.zip", "*", tmp_path / "Set")


@pytest.mark.parametrize("kind", ["x.zip", "x.tar.gz", "x.tar.bz2", "x.tar.xz", "x.tar"])
def test_damaged_archives(tmp_path, kind):
    """Cut short, or with bytes changed anywhere: either whole, or refused with one sentence and nothing left behind."""
    if kind == "x.zip":
        whole = zipped(tmp_path / kind, PHOTOS).read_bytes()
    else:
        whole = tarred(tmp_path / kind, PHOTOS, "w:" + kind.partition(".tar")[2].strip(".")).read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for number in range(60):
        content = bytearray(whole)
        if number % 3 == 0:
            del content[rng.integers(10, len(content)) :]
        else:
            content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        (tmp_path / kind).write_bytes(content)
        target = tmp_path / "out" / str(number)
        try:
            unpack(tmp_path / kind, "*.png", target)
        except DownloadError:
            refused += 1
            assert not target.exists()
    assert refused > (0 if kind == "x.tar" else 20)
    assert not [name for name in os.listdir(tmp_path / "out") if name.startswith(".")]


def test_an_encrypted_zip(tmp_path):
    content = bytearray(zipped(tmp_path / "x.zip", {"a.png": b"abc"}).read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(DownloadError, match=r"x\.zip is damaged .*password.* Delete it and fetch again"):
        unpack(tmp_path / "x.zip", "*.png", tmp_path / "Set")


def test_a_full_disk_while_unpacking(tmp_path, monkeypatch):
    archive = zipped(tmp_path / "x.zip", PHOTOS)
    monkeypatch.setattr(download.shutil, "copyfileobj", full_disk)
    with pytest.raises(DownloadError, match=r"The disk of .*Set is full\. Free some space"):
        unpack(archive, "*.png", tmp_path / "deep" / "Set")
    assert os.listdir(tmp_path / "deep") == []


def test_too_little_room_is_said_beforehand(tmp_path, monkeypatch):
    archive = zipped(tmp_path / "x.zip", PHOTOS)
    usage = download.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=4999))
    with pytest.raises(DownloadError, match=r"Unpacking needs 0\.00 GB but .* has 0\.00 GB free"):
        unpack(archive, "*.png", tmp_path / "Set")


def test_an_incomplete_folder_is_completed(tmp_path):
    """What was put there by hand must not stand in the way, and not be lost."""
    (tmp_path / "Set").mkdir()
    (tmp_path / "Set" / "a.png").write_bytes(b"old")
    (tmp_path / "Set" / "mine.png").write_bytes(b"mine")
    unpack(zipped(tmp_path / "x.zip", PHOTOS), "set/*.png", tmp_path / "Set")
    assert sorted(os.listdir(tmp_path / "Set")) == ["a.png", "b.png", "mine.png"]
    assert (tmp_path / "Set" / "a.png").read_bytes() == PHOTOS["set/a.png"]
    assert sorted(os.listdir(tmp_path)) == ["Set", "x.zip"]


def test_a_login_page_is_not_pinned_as_the_set(tmp_path):
    """The network's own page came first: deleted as told, the real archive must be welcome."""
    for content in (b"<html>Please log in</html>", b"PK\x03\x04 cut short"):
        (tmp_path / "x.zip").write_bytes(content)
        (tmp_path / "x.zip.hash").write_text("sha256:0")
        with pytest.raises(DownloadError, match="Delete it and fetch again"):
            unpack(tmp_path / "x.zip", "*", tmp_path / "Set")
        assert not (tmp_path / "x.zip.hash").exists()


@pytest.mark.parametrize(("edition", "asked"), [("a", "bytes=65536-"), ("b", "bytes=65536-"), (None, None)])
def test_without_a_hash_only_the_same_edition_is_continued(server, tmp_path, edition, asked):
    server.edition, server.cut_after = edition and '"a"', 65536
    with pytest.raises(DownloadError, match="continues where it stopped"):
        fetch([server.url()], tmp_path, None, progress=False)
    server.edition = edition and f'"{edition}"'
    path = fetch([server.url()], tmp_path, None, progress=False)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, asked]
    assert server.sent[1] == len(CONTENT) - (65536 if edition == "a" else 0)
    assert sorted(os.listdir(tmp_path)) == ["photos.bin", "photos.bin.hash"]


def test_two_files_of_one_name_are_one(tmp_path):
    zipped(tmp_path / "x.zip", {"a/one.png": b"1", "b/one.png": b"2"})
    assert unpack(tmp_path / "x.zip", "*.png", tmp_path / "Set") == 1
