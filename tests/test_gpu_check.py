"""The check that whoever has a GPU is asked to run: it tells what it finds, and survives what goes wrong."""

import json
import os
import time

import pytest
from conftest import load_tool


@pytest.fixture
def tool():
    return load_tool("gpu_check")


def rows(folder):
    return json.loads((folder / "gpu_check.json").read_text())["rows"]


def test_it_runs_on_a_processor_and_writes_what_it_found(tool, tmp_path, capsys):
    given = ["--device", "cpu", "--quick", "--minutes", "60", "--out", str(tmp_path)]
    assert tool.main([*given, "--parts", "environment", "resume", "memory"]) == 0
    found = {(row["part"], row["what"]): row for row in rows(tmp_path)}
    assert found["environment", "it computes"]["ok"] is True
    assert "bit for bit" in found["resume", "interrupted and resumed"]["result"]
    assert "GB for DIV2K" in found["memory", "patches of DIV2K"]["result"]
    table = (tmp_path / "gpu_check.md").read_text().splitlines()
    assert sum(line.startswith("| ok |") for line in table) == sum(row["ok"] is True for row in rows(tmp_path))
    assert len([line for line in table if line.startswith("|")]) == len(rows(tmp_path)) + 2
    assert "0 of" in capsys.readouterr().out


def test_without_a_gpu_it_says_so_and_stops(tool, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert tool.main(["--out", str(tmp_path), "--quick"]) == 1
    (row,) = [row for row in rows(tmp_path) if row["ok"] is False]
    assert "finds no GPU here. --device cpu" in row["result"]
    assert row["part"] == "environment"
    assert {row["part"] for row in rows(tmp_path)} <= {"environment", "packages"}, "nothing else was begun"


def part(folder, body):
    """A script in place of ``tools/gpu_parts.py``."""
    script = folder / "parts.py"
    script.write_text(f"import json, subprocess, sys, time\nname = sys.argv[1]\n{body}")
    return script


SAY = 'print("GPU_CHECK " + json.dumps({"what": name, "result": "a | b", "ok": True}), flush=True)\n'
HANG = """
if name == "speed":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.pid, file=sys.stderr, flush=True)
    time.sleep(600)
"""


def test_a_part_that_hangs_costs_only_itself(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "SCRIPT", part(tmp_path, SAY + HANG))
    monkeypatch.setattr(tool, "PARTS", {"speed": 20, "memory": 200})
    monkeypatch.setattr(tool, "LEAST", 0)
    began = time.monotonic()
    assert tool.main(["--minutes", "0.8", "--out", str(tmp_path), "--parts", "speed", "memory"]) == 1
    assert time.monotonic() - began < 30
    told = [(row["part"], row["what"], row["ok"]) for row in rows(tmp_path) if row["part"] != "packages"]
    assert told == [("speed", "speed", True), ("speed", "the whole part", False), ("memory", "memory", True)]
    left_behind = int((tmp_path / "speed.log").read_text().split()[0])
    if os.name == "posix":
        time.sleep(0.2)
        state = f"/proc/{left_behind}/stat"
        assert not os.path.exists(state) or open(state).read().split()[2] == "Z", "what it started is still at work"


def test_a_part_that_breaks_says_why(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "SCRIPT", part(tmp_path, f"{SAY}raise ValueError('no such thing')\n"))
    assert tool.main(["--out", str(tmp_path), "--parts", "speed"]) == 1
    *_, kept, last = rows(tmp_path)
    assert kept["ok"] is True, "what it had found is kept"
    assert last["result"] == "ValueError: no such thing (exit code 1)"
    assert "a / b" in (tmp_path / "gpu_check.md").read_text()


def test_what_does_not_fit_into_the_minutes_is_not_begun(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "SCRIPT", part(tmp_path, SAY))
    assert tool.main(["--minutes", "0.01", "--out", str(tmp_path), "--parts", "memory"]) == 0
    assert rows(tmp_path)[-1]["result"] == "no time was left"


def test_what_is_not_installed_is_named(tool, tmp_path, monkeypatch):
    assert tool.missing(["torch>=2.11", "no-such-package-of-ours>=1", "numpy"]) == ["no-such-package-of-ours>=1"]
    assert {"papermill>=2.6", "typer>=0.15"} <= set(tool.needed())
    monkeypatch.setattr(tool, "needed", lambda: ["no-such-package-of-ours>=1"])
    monkeypatch.setattr(tool, "SCRIPT", part(tmp_path, SAY))
    tool.main(["--out", str(tmp_path), "--parts", "memory"])
    assert "no-such-package-of-ours>=1 (--install asks pip" in rows(tmp_path)[0]["result"]


def test_its_parts_are_those_there_are(tool):
    assert list(tool.PARTS) == list(load_tool("gpu_parts").parts())


@pytest.mark.slow
def test_every_part_works_on_a_processor(tool, tmp_path):
    assert tool.main(["--device", "cpu", "--quick", "--out", str(tmp_path), "--minutes", "60"]) == 0
    assert {row["part"] for row in rows(tmp_path)} >= set(tool.PARTS)
