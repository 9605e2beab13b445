"""`make lab`: the learner's copies are safe, and a chapter runs from top to bottom in a real JupyterLab."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from in_lab import STATE, open_in_lab, wait_for
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from srlib import recipes

# ---------------------------------------------------------------- the learner's copies


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A course of two notebooks; its signatures go to a folder of their own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    folder = tmp_path / "book"
    folder.mkdir()
    publish(folder, "00_index", "# Welcome")
    publish(folder, "21_srcnn", "# SRCNN, first edition")
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
    assert files(work) == [".course.json", "00_index.ipynb", "21_srcnn.ipynb"]
    assert (work / "21_srcnn.ipynb").read_bytes() == (book / "21_srcnn.ipynb").read_bytes()
    notary = nbformat.sign.NotebookNotary()
    assert notary.check_signature(nbformat.read(work / "21_srcnn.ipynb", as_version=4))
    edit(work / "21_srcnn.ipynb", "2")
    assert not notary.check_signature(nbformat.read(work / "21_srcnn.ipynb", as_version=4))


def test_an_unedited_copy_follows_the_course(lab_tool, book, work):
    lab_tool.update(work, book)
    publish(book, "21_srcnn", "# SRCNN, second edition")
    assert lab_tool.update(work, book) == ["21_srcnn.ipynb was updated to the newer version of the course."]
    assert (work / "21_srcnn.ipynb").read_bytes() == (book / "21_srcnn.ipynb").read_bytes()
    assert lab_tool.update(work, book) == []


def test_an_edited_copy_is_never_touched(lab_tool, book, work):
    lab_tool.update(work, book)
    edit(work / "21_srcnn.ipynb", "my own experiment")
    mine = (work / "21_srcnn.ipynb").read_bytes()
    assert lab_tool.update(work, book) == []  # the course has nothing newer: nothing to say
    for edition in ("second", "third"):
        publish(book, "21_srcnn", f"# SRCNN, {edition} edition")
        (said,) = lab_tool.update(work, book)
        assert said == "21_srcnn.ipynb stays as you edited it; the newer version is beside it: 21_srcnn-newer.ipynb"
        assert lab_tool.update(work, book) == []
        assert (work / "21_srcnn.ipynb").read_bytes() == mine
        assert (work / "21_srcnn-newer.ipynb").read_bytes() == (book / "21_srcnn.ipynb").read_bytes()
    edit(work / "21_srcnn-newer.ipynb", "and another")
    publish(book, "21_srcnn", "# SRCNN, fourth edition")
    (said,) = lab_tool.update(work, book)
    assert said.endswith("21_srcnn-newer-2.ipynb")
    assert files(work) == [
        ".course.json",
        "00_index.ipynb",
        "21_srcnn-newer-2.ipynb",
        "21_srcnn-newer.ipynb",
        "21_srcnn.ipynb",
    ]


def test_running_a_notebook_counts_as_editing_it(lab_tool, book, work):
    lab_tool.update(work, book)
    nb = nbformat.read(work / "21_srcnn.ipynb", as_version=4)
    nb.cells[1].outputs[0].text = "a training of an hour\n"
    nbformat.write(nb, work / "21_srcnn.ipynb")
    publish(book, "21_srcnn", "# SRCNN, second edition")
    lab_tool.update(work, book)
    assert "a training of an hour" in (work / "21_srcnn.ipynb").read_text()


def test_what_jupyterlab_writes_on_opening_is_no_edit(lab_tool, book, work):
    lab_tool.update(work, book)
    nb = nbformat.read(work / "21_srcnn.ipynb", as_version=4)
    nb.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    nbformat.write(nb, work / "21_srcnn.ipynb")
    publish(book, "21_srcnn", "# SRCNN, second edition")
    assert lab_tool.update(work, book) == ["21_srcnn.ipynb was updated to the newer version of the course."]


def test_a_deleted_copy_starts_over_and_a_discarded_newer_one_stays_away(lab_tool, book, work):
    lab_tool.update(work, book)
    (work / "21_srcnn.ipynb").unlink()
    lab_tool.update(work, book)
    assert (work / "21_srcnn.ipynb").exists()
    edit(work / "21_srcnn.ipynb", "mine")
    publish(book, "21_srcnn", "# SRCNN, second edition")
    lab_tool.update(work, book)
    (work / "21_srcnn-newer.ipynb").unlink()
    assert lab_tool.update(work, book) == []
    assert not (work / "21_srcnn-newer.ipynb").exists()


@pytest.mark.parametrize("record", [None, b"", b"{ half a rec", b"[]"])
def test_a_lost_record_loses_no_work(lab_tool, book, work, record):
    lab_tool.update(work, book)
    edit(work / "21_srcnn.ipynb", "mine")
    mine = (work / "21_srcnn.ipynb").read_bytes()
    (work / lab_tool.STATE).unlink() if record is None else (work / lab_tool.STATE).write_bytes(record)
    publish(book, "21_srcnn", "# SRCNN, second edition")
    lab_tool.update(work, book)
    assert (work / "21_srcnn.ipynb").read_bytes() == mine
    assert (work / "21_srcnn-newer.ipynb").exists()


@pytest.mark.parametrize("moment", range(6))
def test_an_interruption_at_any_moment_loses_nothing(lab_tool, book, work, monkeypatch, moment):
    lab_tool.update(work, book)
    edit(work / "00_index.ipynb", "mine")
    mine = (work / "00_index.ipynb").read_bytes()
    publish(book, "00_index", "# Welcome, second edition")
    publish(book, "21_srcnn", "# SRCNN, second edition")
    old, real, calls = (work / "21_srcnn.ipynb").read_bytes(), os.replace, []

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
    new = (book / "21_srcnn.ipynb").read_bytes()
    assert (work / "00_index.ipynb").read_bytes() == mine
    assert (work / "21_srcnn.ipynb").read_bytes() in (old, new)
    lab_tool.update(work, book)
    assert (work / "00_index.ipynb").read_bytes() == mine
    assert (work / "21_srcnn.ipynb").read_bytes() == new
    assert files(work) == [".course.json", "00_index-newer.ipynb", "00_index.ipynb", "21_srcnn.ipynb"]


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


@pytest.mark.browser
def test_the_first_page_opens_quietly(browser, lab):
    address, work = lab
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(f"{address}/?token=letmein", timeout=60_000)
    page.wait_for_url(re.compile(r"/lab/tree/00_index\.ipynb"), timeout=60_000)
    wait_for(page, lambda state: state["name"] == "00_index.ipynb" and state["kernel"] == "idle", 90, "welcome page")
    page.wait_for_timeout(3000)  # the news pop-up comes late
    assert page.locator(".jp-Dialog").count() == 0, page.locator(".jp-Dialog").inner_text()
    assert page.get_by_text("Jupyter news").count() == 0
    elsewhere = [url for url in asked if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))]
    assert elsewhere == []
    page.close()
    context.close()


def test_a_copy_from_before_the_numbers_keeps_its_edits_under_the_new_name(lab_tool, book, work):
    publish(book, "srcnn", "# SRCNN, first edition")
    (book / "21_srcnn.ipynb").unlink()
    lab_tool.update(work, book)
    edit(work / "srcnn.ipynb", "my own experiment")
    mine = (work / "srcnn.ipynb").read_bytes()
    (book / "srcnn.ipynb").rename(book / "21_srcnn.ipynb")
    assert lab_tool.update(work, book) == ["srcnn.ipynb is called 21_srcnn.ipynb now."]
    assert files(work) == [".course.json", "00_index.ipynb", "21_srcnn.ipynb"]
    assert (work / "21_srcnn.ipynb").read_bytes() == mine
    assert lab_tool.update(work, book) == []


# nbval and papermill run every chapter whole, too. These two hold every kind of thing that JupyterLab must show; it
# runs the others in `make test-slow`.
QUICK = ("00_index", "12_interpolation")
CHAPTERS = sorted(path.stem for path in (Path(__file__).parents[1] / "book").glob("[!.]*.ipynb"))
CHAPTERS = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CHAPTERS]


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


# ---------------------------------------------------------------- the training studio, by mouse and keyboard

STUDIO = [
    "from srlib import live, recipes\n"
    "recipe = recipes.get('sprint', scale=2)\n"
    "knobs = dict(arguments={'features': 4, 'layers': 2}, batch=2, patch=8, every=50, steps=100000)\n"
    "studio = live.TrainingStudio(recipe, 'smoke', schedule='constant', warmup=0, **knobs)\n"
    "studio",
    "history = studio.run()",
    "print('SEEN', [(at, knob, history[at - 1].lr, history[at].lr) for at, knob, *_ in studio.training.turned])\n"
    "print('WEIGHTS', all(bool(p.isfinite().all()) for p in studio.training.model.parameters()))",
]


@pytest.fixture
def studio_page(browser, lab, request):
    """A notebook with a studio, opened and running, its panel in sight."""
    address, work = lab
    name = f"{request.node.originalname}.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    sources = [getattr(request, "param", STUDIO[0]), *STUDIO[1:]]
    nb = new_notebook(cells=[new_code_cell(source) for source in sources], metadata={"kernelspec": kernel})
    nbformat.write(nb, work / name)
    page = open_in_lab(browser, address, name)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    wait_for(
        page, lambda s: s["errors"] or page.locator(".sr-studio .status", has_text="loss").count(), 90, "it trains"
    )
    assert page.evaluate(STATE)["errors"] == []
    yield page, work / name
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.context.close()


def steps_done(page):
    return int(re.search(r"step ([\d,]+) of", page.locator(".sr-studio .status").inner_text())[1].replace(",", ""))


def press(page, button):
    page.locator(".sr-studio").get_by_role("button", name=button, exact=True).click()


def until(page, what, true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        page.wait_for_timeout(50)


def saved_text(page, path, wanted):
    """Everything the saved notebook's outputs say; asserts that no widget is among them."""
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    until(page, "the notebook is saved", lambda: wanted in path.read_text(encoding="utf-8"))
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.outputs]
    assert outputs
    assert not [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
    assert not [o for o in outputs if o.output_type == "error"]
    return "\n".join(o["text"] if o.output_type == "stream" else o["data"]["text/plain"] for o in outputs)


@pytest.mark.browser
def test_a_studio_is_played_while_its_cell_runs(studio_page):
    page, path = studio_page
    slider = page.get_by_label("learning rate (peak)")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    until(page, "the change is on the page", lambda: ": lr 0." in page.locator(".sr-studio .changes").inner_text())
    press(page, "Pause")
    until(page, "paused", lambda: "Paused" in page.locator(".sr-studio .phase").inner_text())
    page.wait_for_timeout(300)
    paused = steps_done(page)
    page.wait_for_timeout(700)
    assert steps_done(page) == paused
    press(page, "One step")
    until(page, "one step", lambda: steps_done(page) == paused + 1)
    page.wait_for_timeout(300)
    assert steps_done(page) == paused + 1
    press(page, "Continue")
    until(page, "it goes on", lambda: steps_done(page) > paused + 1)
    for control in page.locator(".sr-studio :is(input, select, button):visible").all():
        assert control.evaluate("e => e.tagName === 'BUTTON' ? e.textContent : e.labels[0]?.textContent"), control
        assert control.evaluate("e => e.tabIndex") == 0
    press(page, "Stop")
    page.wait_for_selector(".sr-studio-summary", timeout=60_000)
    assert page.locator(".sr-studio").count() == 0
    text = saved_text(page, path, "WEIGHTS")
    assert "Stopped after step" in text
    seen = re.findall(r"\((\d+), 'lr', ([\d.e-]+), ([\d.e-]+)\)", text)
    assert seen, text
    assert float(seen[0][1]) == recipes.get("sprint", scale=2).at("smoke").lr, "the step before had the old rate"
    assert float(seen[0][2]) < float(seen[0][1]), "the very next step had the new one"
    page.reload()
    page.wait_for_selector(".sr-studio-summary", timeout=60_000)
    assert page.get_by_text("Error displaying widget").count() == 0
    assert page.locator(".sr-studio-summary img[alt]").count() == 4


@pytest.mark.browser
def test_a_button_acts_on_what_was_typed_just_before(studio_page):
    page, _ = studio_page
    field = page.get_by_label("features", exact=True)
    said = page.locator(".sr-studio .said").last
    for number, commit in ((5, "Enter"), (6, None)):
        field.fill(str(number))
        if commit:
            field.press(commit)
            press(page, "Restart")
        else:  # not even given: the button is pressed without the field losing the focus
            page.locator(".sr-studio").get_by_role("button", name="Restart").evaluate("button => button.click()")
        until(page, "it started over", lambda: "Started over" in said.inner_text())
        page.wait_for_timeout(400)
        assert "Started over" in said.inner_text(), "and nothing wipes that"
        assert field.input_value() == str(number)
        press(page, "Save")
        until(page, "saved", lambda: "Saved as" in said.inner_text())
    page.get_by_label("seed", exact=True).fill("-5")
    press(page, "Restart")
    until(page, "explained", lambda: "seed=-5 is out of range" in said.inner_text())
    page.locator(".sr-studio .file input").fill("")
    press(page, "Save")
    until(page, "a name is asked for", lambda: "Give the checkpoint a name" in said.inner_text())
    press(page, "Stop")
    page.wait_for_selector(".sr-studio-summary", timeout=60_000)
    assert "sprint x2 (features 6, layers 2)" in page.locator(".sr-studio-summary").inner_text()


@pytest.mark.browser
def test_a_kernel_that_is_gone_leaves_words_and_no_dead_controls(studio_page):
    page, path = studio_page
    until(page, "a look was noted", lambda: page.get_by_text("when last noted").count())
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart() }")
    phase = page.locator(".sr-studio .phase")
    until(page, "it is noticed", lambda: "The kernel was restarted or has died" in phase.inner_text())
    assert page.locator(".sr-studio :is(.bar, .knobs) :is(input, select, button):enabled").count() == 0
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    until(page, "saved", lambda: "when last noted" in path.read_text(encoding="utf-8"))
    page.reload()
    page.wait_for_selector(".sr-standin", timeout=60_000)
    page.wait_for_timeout(3000)  # the widget would have been looked for by now
    shown = page.locator(".jp-NotebookPanel").inner_text()
    assert "In JupyterLab, controls to turn while it trains appear here: run this cell again." in shown
    assert re.search(r"sprint x2 .* after [\d,]+ steps: .* dB\), when last noted", shown)
    assert "Error displaying widget" not in shown
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    until(page, "it lives again", lambda: page.locator(".sr-studio .status", has_text="loss").count(), 90)
    assert not page.locator(".sr-standin").is_visible()


SLOW = STUDIO[0].replace(
    "studio = ",
    "import time, torch\n"
    "from srlib import losses\n"
    "plain, one = losses.LOSSES['l1'], torch.rand(256, 256)\n"
    "def l1(sr, hr):\n"
    "    end = time.monotonic() + 1.5\n"
    "    while time.monotonic() < end:\n"
    "        one @ one\n"
    "    return plain(sr, hr)\n"
    "losses.LOSSES['l1'] = l1\n"
    "studio = ",
)

WATCH = """what => new Promise(done => {
  const page = document.querySelector('.sr-studio'), began = performance.now();
  const look = () => { if (page.innerText.includes(what.words)) done(performance.now() - began); };
  const watch = new MutationObserver(look);
  watch.observe(page, { childList: true, subtree: true, characterData: true });
  if (what.button) [...page.querySelectorAll('button')].find(b => b.textContent === what.button).click();
  else {
    const input = page.querySelector(`input[name=${what.input}]`);
    input.value = what.value;
    input.dispatchEvent(new Event('input'));
  }
  setTimeout(() => done(Infinity), 20000);
})"""


@pytest.mark.browser
@pytest.mark.parametrize("studio_page", [SLOW], indirect=True)
def test_a_step_of_a_second_and_a_half_keeps_nobody_waiting(studio_page):
    """From the event on the page to the words on the page."""
    page, _ = studio_page
    waited = {}
    for what in (
        {"input": "lr", "value": "-4", "words": "Heard: learning rate (peak) 0.0001; it acts after this step."},
        {"input": "batch", "value": "3", "words": "Heard: batch (patches) 3; it acts after this step."},
        {"button": "Pause", "words": "Heard: Pause; it acts after this step."},
    ):
        page.wait_for_timeout(2000)
        waited[what["words"]] = page.evaluate(WATCH, what)
    print("milliseconds", [round(ms) for ms in waited.values()])
    assert all(ms < 500 for ms in waited.values()), waited  # a third of a step
    until(page, "paused", lambda: "Paused" in page.locator(".sr-studio .phase").inner_text())
    until(page, "nothing waits", lambda: "Heard" not in page.locator(".sr-studio").inner_text())
    assert ": lr 0." in page.locator(".sr-studio .changes").inner_text()
    press(page, "Stop")
    page.wait_for_selector(".sr-studio-summary", timeout=60_000)


@pytest.mark.browser
def test_jupyters_own_stop_button_ends_a_studio_cleanly(studio_page):
    page, path = studio_page
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:interrupt-kernel') }")
    page.wait_for_selector(".sr-studio-summary", timeout=60_000)
    wait_for(page, lambda state: state["kernel"] == "idle" and all(state["counts"]), 30, "the next cell runs too")
    text = saved_text(page, path, "WEIGHTS")
    assert "Interrupted after step" in text
    assert "WEIGHTS True" in text
