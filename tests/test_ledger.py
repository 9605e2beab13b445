"""The ledger: whole rows or none, one row a measurement, and a broken line is named."""

import json
import math
import os
import threading

import pytest

from srlib import ledger

ROW = {
    "model": "srcnn",
    "weights": "abc",
    "dataset": "Set5",
    "scale": 2,
    "protocol": "paper_y",
    "psnr": 36.5,
    "ssim": 0.95,
    "date": "2026-01-01",
}


@pytest.fixture
def book(tmp_path):
    return tmp_path / "deep" / "ledger.jsonl"


def test_rows_come_back(book):
    ledger.append([ROW, {**ROW, "scale": 3}], book)
    assert ledger.rows(book) == [ROW, {**ROW, "scale": 3}]
    assert ledger.rows(book, scale=3, model="srcnn") == [{**ROW, "scale": 3}]
    assert ledger.rows(book, scale=4) == []


def test_no_ledger_is_an_empty_one(book):
    assert ledger.rows(book) == []


def test_a_new_measurement_replaces_the_old_one_and_only_that(book):
    ledger.append([ROW, {**ROW, "weights": "other"}], book)
    ledger.append([{**ROW, "psnr": 36.7}], book)
    assert [(r["weights"], r["psnr"]) for r in ledger.rows(book)] == [("other", 36.5), ("abc", 36.7)]


def test_the_file_is_lines_of_plain_json(book):
    ledger.append([ROW, {**ROW, "scale": 3}], book)
    assert [json.loads(line)["scale"] for line in book.read_text().splitlines()] == [2, 3]
    assert book.stat().st_mode & 0o777 == 0o644


def test_latest_reads_the_courses_own_ledger(monkeypatch, book):
    monkeypatch.setattr(ledger, "file", lambda: book)
    assert ledger.latest(model="srcnn") is None
    ledger.append([{**ROW, "weights": "new"}])
    ledger.append([{**ROW, "psnr": 1.0}])
    assert ledger.latest(model="srcnn")["psnr"] == 1.0


@pytest.mark.parametrize("line", ["{not json", '"text"', b"\xff\xfe{}", "12"])
def test_a_broken_line_is_named(book, line):
    ledger.append([ROW], book)
    with open(book, "ab") as file:
        file.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
    with pytest.raises(ValueError, match=r"ledger\.jsonl, line 2, (is not JSON\. Restore the file|lacks model, )"):
        ledger.rows(book)


def test_a_broken_ledger_is_not_overwritten(book):
    ledger.append([ROW], book)
    book.write_text(book.read_text()[:-20])
    before = book.read_bytes()
    with pytest.raises(ValueError, match="line 1"):
        ledger.append([{**ROW, "scale": 3}], book)
    assert book.read_bytes() == before


@pytest.mark.parametrize("lost", ledger.REQUIRED)
def test_a_row_that_lacks_a_field(book, lost):
    row = {k: v for k, v in ROW.items() if k != lost}
    with pytest.raises(ValueError, match=f"A ledger row needs {lost}"):
        ledger.append([row], book)
    book.parent.mkdir()
    book.write_text(json.dumps(row) + "\n")
    with pytest.raises(ValueError, match=rf"line 1, lacks {lost}\. Measure again: srlib benchmark"):
        ledger.rows(book)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold(book, value):
    with pytest.raises(ValueError, match=r"psnr=(nan|-?inf), ssim=0\.95 of srcnn cannot stand in the ledger"):
        ledger.append([{**ROW, "psnr": value}], book)
    with pytest.raises(ValueError):
        ledger.append([{**ROW, "extra": value}], book)
    assert not book.exists()


def test_a_full_disk_leaves_the_old_ledger(book, monkeypatch):
    ledger.append([ROW], book)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        ledger.append([{**ROW, "scale": 3}], book)
    monkeypatch.undo()
    assert ledger.rows(book) == [ROW]
    assert [name for name in os.listdir(book.parent) if not name.endswith(".lock")] == [book.name]


def test_a_chapters_results(monkeypatch, tmp_path):
    monkeypatch.delenv("SRLIB_RESULTS", raising=False)
    assert ledger.report("srcnn", tier="smoke") is None
    monkeypatch.setenv("SRLIB_RESULTS", str(tmp_path / "new"))
    path = ledger.report("srcnn", tier="smoke", numbers={"a": 1})
    assert path == tmp_path / "new" / "srcnn.json"
    assert json.loads(path.read_text()) == {"chapter": "srcnn", "tier": "smoke", "numbers": {"a": 1}}


def test_where_a_number_came_from(monkeypatch, tmp_path):
    found = ledger.provenance()
    assert set(found) == {"date", "machine", "torch", "srlib", "commit"}
    monkeypatch.setattr(ledger.paths, "data", lambda: tmp_path)
    assert ledger.commit() == ""
    monkeypatch.setenv("PATH", "")
    assert ledger.commit() == ""


def test_two_who_write_at_once_lose_nothing(book, monkeypatch):
    """Two trainings that end together: the second comes while the first has read and not yet written."""
    read = ledger.rows
    second = threading.Thread(target=ledger.append, args=([{**ROW, "model": "second"}], book))

    def interrupted(path):
        monkeypatch.setattr(ledger, "rows", read)
        found = read(path)
        second.start()
        second.join(0.5)  # it should be waiting
        return found

    monkeypatch.setattr(ledger, "rows", interrupted)
    ledger.append([{**ROW, "model": "first"}], book)
    second.join()
    assert [row["model"] for row in ledger.rows(book)] == ["first", "second"]


def test_a_blank_line_is_no_row(tmp_path):
    file = ledger.append([ROW], tmp_path / "ledger.jsonl")
    file.write_text(file.read_text() + "\n  \n")
    assert len(ledger.rows(file)) == 1
    file.write_text(file.read_text() + "{\n")
    with pytest.raises(ValueError, match="line 4, is not JSON"):
        ledger.rows(file)
