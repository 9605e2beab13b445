"""`make lab`: the learner's copies are safe, and a chapter runs from top to bottom in a real JupyterLab."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

# ---------------------------------------------------------------- the learner's copies


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A course of two notebooks; its signatures go to a folder of their own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    folder = tmp_path / "book"
    folder.mkdir()
    publish(folder, "index", "# Welcome")
    publish(folder, "srcnn", "# SRCNN, first edition")
    return folder


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work"


def publish(folder, name, text):
    cell = new_code_cell("print(1)", id="one", outputs=[new_output("stream", text="1\n")], execution_count=1)
    nbformat.write(new_notebook(cells=[new_markdown_cell(text, id="top"), cell]), folder / f"{name}.ipynb")


def edit(path, text):
    nb = nbformat.read(path, as_version=4)
    nb.cells[1].source = text
    nbformat.write(nb, path)


def files(work):
    return sorted(path.name for path in work.iterdir())


def test_copies_are_made_and_vouched_for(lab_tool, book, work):
    assert lab_tool.update(work, book) == []
    assert files(work) == [".course.json", "index.ipynb", "srcnn.ipynb"]
    assert (work / "srcnn.ipynb").read_bytes() == (book / "srcnn.ipynb").read_bytes()
    notary = nbformat.sign.NotebookNotary()
    assert notary.check_signature(nbformat.read(work / "srcnn.ipynb", as_version=4))
    edit(work / "srcnn.ipynb", "2")
    assert not notary.check_signature(nbformat.read(work / "srcnn.ipynb", as_version=4))


def test_an_unedited_copy_follows_the_course(lab_tool, book, work):
    lab_tool.update(work, book)
    publish(book, "srcnn", "# SRCNN, second edition")
    assert lab_tool.update(work, book) == ["srcnn.ipynb was updated to the newer version of the course."]
    assert (work / "srcnn.ipynb").read_bytes() == (book / "srcnn.ipynb").read_bytes()
    assert lab_tool.update(work, book) == []


def test_an_edited_copy_is_never_touched(lab_tool, book, work):
    lab_tool.update(work, book)
    edit(work / "srcnn.ipynb", "my own experiment")
    mine = (work / "srcnn.ipynb").read_bytes()
    assert lab_tool.update(work, book) == []  # the course has nothing newer: nothing to say
    for edition in ("second", "third"):
        publish(book, "srcnn", f"# SRCNN, {edition} edition")
        (said,) = lab_tool.update(work, book)
        assert said == "srcnn.ipynb stays as you edited it; the newer version is beside it: srcnn-newer.ipynb"
        assert lab_tool.update(work, book) == []
        assert (work / "srcnn.ipynb").read_bytes() == mine
        assert (work / "srcnn-newer.ipynb").read_bytes() == (book / "srcnn.ipynb").read_bytes()
    edit(work / "srcnn-newer.ipynb", "and another")
    publish(book, "srcnn", "# SRCNN, fourth edition")
    (said,) = lab_tool.update(work, book)
    assert said.endswith("srcnn-newer-2.ipynb")
    assert files(work) == [".course.json", "index.ipynb", "srcnn-newer-2.ipynb", "srcnn-newer.ipynb", "srcnn.ipynb"]


def test_running_a_notebook_counts_as_editing_it(lab_tool, book, work):
    lab_tool.update(work, book)
    nb = nbformat.read(work / "srcnn.ipynb", as_version=4)
    nb.cells[1].outputs[0].text = "a training of an hour\n"
    nbformat.write(nb, work / "srcnn.ipynb")
    publish(book, "srcnn", "# SRCNN, second edition")
    lab_tool.update(work, book)
    assert "a training of an hour" in (work / "srcnn.ipynb").read_text()


def test_what_jupyterlab_writes_on_opening_is_no_edit(lab_tool, book, work):
    lab_tool.update(work, book)
    nb = nbformat.read(work / "srcnn.ipynb", as_version=4)
    nb.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    nbformat.write(nb, work / "srcnn.ipynb")
    publish(book, "srcnn", "# SRCNN, second edition")
    assert lab_tool.update(work, book) == ["srcnn.ipynb was updated to the newer version of the course."]


def test_a_deleted_copy_starts_over_and_a_discarded_newer_one_stays_away(lab_tool, book, work):
    lab_tool.update(work, book)
    (work / "srcnn.ipynb").unlink()
    lab_tool.update(work, book)
    assert (work / "srcnn.ipynb").exists()
    edit(work / "srcnn.ipynb", "mine")
    publish(book, "srcnn", "# SRCNN, second edition")
    lab_tool.update(work, book)
    (work / "srcnn-newer.ipynb").unlink()
    assert lab_tool.update(work, book) == []
    assert not (work / "srcnn-newer.ipynb").exists()


@pytest.mark.parametrize("record", [None, b"", b"{ half a rec", b"[]"])
def test_a_lost_record_loses_no_work(lab_tool, book, work, record):
    lab_tool.update(work, book)
    edit(work / "srcnn.ipynb", "mine")
    mine = (work / "srcnn.ipynb").read_bytes()
    (work / lab_tool.STATE).unlink() if record is None else (work / lab_tool.STATE).write_bytes(record)
    publish(book, "srcnn", "# SRCNN, second edition")
    lab_tool.update(work, book)
    assert (work / "srcnn.ipynb").read_bytes() == mine
    assert (work / "srcnn-newer.ipynb").exists()


@pytest.mark.parametrize("moment", range(6))
def test_an_interruption_at_any_moment_loses_nothing(lab_tool, book, work, monkeypatch, moment):
    lab_tool.update(work, book)
    edit(work / "index.ipynb", "mine")
    mine = (work / "index.ipynb").read_bytes()
    publish(book, "index", "# Welcome, second edition")
    publish(book, "srcnn", "# SRCNN, second edition")
    old, real, calls = (work / "srcnn.ipynb").read_bytes(), os.replace, []

    def replace(source, target):  # before and after each of the renames
        calls.append(target)
        if len(calls) == moment // 2 + 1:
            if moment % 2:
                real(source, target)
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(lab_tool.os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        lab_tool.update(work, book)
    monkeypatch.setattr(lab_tool.os, "replace", real)
    new = (book / "srcnn.ipynb").read_bytes()
    assert (work / "index.ipynb").read_bytes() == mine
    assert (work / "srcnn.ipynb").read_bytes() in (old, new)
    lab_tool.update(work, book)
    assert (work / "index.ipynb").read_bytes() == mine
    assert (work / "srcnn.ipynb").read_bytes() == new
    assert files(work) == [".course.json", "index-newer.ipynb", "index.ipynb", "srcnn.ipynb"]


def test_no_start_only_prepares_the_copies(lab_tool, root, tmp_path):
    done = subprocess.run(
        [sys.executable, root / "tools" / "lab.py", "--no-start", "--work", tmp_path / "my copies"],
        capture_output=True,
        text=True,
        env=os.environ | {"JUPYTER_DATA_DIR": str(tmp_path / "jupyter")},
    )
    assert done.returncode == 0, done.stderr
    assert "Your copies are in" in done.stdout
    assert {path.name for path in (root / "book").glob("[!.]*.ipynb")} <= set(files(tmp_path / "my copies"))


def test_a_work_folder_that_cannot_be_used_is_said_in_one_sentence(root, tmp_path):
    (tmp_path / "work").write_text("a file stands where the folder should be")
    done = subprocess.run(
        [sys.executable, root / "tools" / "lab.py", "--no-start", "--work", tmp_path / "work"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Your copies could not be prepared")
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- a real JupyterLab


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory):
    """JupyterLab as `make lab` starts it, at the smoke tier and on copies of its own."""
    home = tmp_path_factory.mktemp("lab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "SRLIB_TIER": "smoke",
        "OMP_NUM_THREADS": "1",
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    environment.pop("SRLIB_LIVE", None)
    options = ["--no-browser", "--port", str(port), "--IdentityProvider.token=letmein"]
    options.append("--LabApp.expose_app_in_browser=True")  # so that the tests can ask what the kernel does
    log = open(home / "log", "w+")
    server = subprocess.Popen(
        [sys.executable, str(root / "tools" / "lab.py"), "--work", str(home / "work"), *options],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/api?token=letmein", timeout=2).read()
            break
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.25)
    else:
        server.kill()
    log.seek(0)
    assert server.poll() is None, f"JupyterLab did not start:\n{log.read()[-3000:]}"
    yield address, home / "work"
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
    log.close()


STATE = """() => {
  const app = window.jupyterapp, panel = app && app.shell.currentWidget;
  if (!panel || !panel.context || !panel.context.model || !panel.content.widgets) return null;
  const cells = panel.content.model.sharedModel.cells.filter(cell => cell.cell_type === "code");
  const outputs = [...panel.content.model.cells].filter(c => c.type === "code").map(c => c.outputs.toJSON());
  return {
    name: panel.context.path,
    kernel: panel.sessionContext.session?.kernel?.status ?? "none",
    cells: cells.length,
    pending: [...panel.content.model.cells].filter(c => c.type === "code" && c.sharedModel.getSource().trim()
      && c.executionCount === null).length,
    errors: outputs.flat().filter(o => o.output_type === "error").map(o => `${o.ename}: ${o.evalue}`),
    counts: [...panel.content.model.cells].filter(c => c.type === "code").map(c => c.executionCount),
  };
}"""


def wait_for(page, wanted, seconds, what):
    end = time.monotonic() + seconds
    state = None
    while time.monotonic() < end:
        state = page.evaluate(STATE)
        if state and wanted(state):
            return state
        page.wait_for_timeout(250)
    raise AssertionError(f"{what}: not within {seconds} s; last seen: {state}")


def open_in_lab(browser, address, name):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/lab/tree/{name}?token=letmein", timeout=60_000)
    wait_for(page, lambda state: state["name"] == name and state["kernel"] == "idle", 90, f"{name} opens")
    return page


@pytest.mark.browser
def test_the_first_page_opens_quietly(browser, lab):
    address, work = lab
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(f"{address}/?token=letmein", timeout=60_000)
    page.wait_for_url(re.compile(r"/lab/tree/index\.ipynb"), timeout=60_000)
    wait_for(page, lambda state: state["name"] == "index.ipynb" and state["kernel"] == "idle", 90, "welcome page")
    page.wait_for_timeout(3000)  # the news pop-up comes late
    assert page.locator(".jp-Dialog").count() == 0, page.locator(".jp-Dialog").inner_text()
    assert page.get_by_text("Jupyter news").count() == 0
    elsewhere = [url for url in asked if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))]
    assert elsewhere == []
    page.close()
    context.close()


CHAPTERS = sorted(path.stem for path in (Path(__file__).parents[1] / "book").glob("[!.]*.ipynb"))


@pytest.mark.browser
@pytest.mark.parametrize("name", CHAPTERS)
def test_run_all_cells_leaves_no_error(browser, lab, name):
    address, work = lab
    page = open_in_lab(browser, address, f"{name}.ipynb")
    before = json.loads((work / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert before["cells"]
    # the stored counts go first, so that every count seen later is this run's
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")

    def finished(state):
        return state["errors"] or (state["kernel"] == "idle" and state["pending"] == 0)

    state = wait_for(page, finished, 240, f"{name} runs to its end")
    assert state["errors"] == []
    assert all(state["counts"])
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")  # free its memory
    page.close()
