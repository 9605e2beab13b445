"""Twins and comparisons in a real JupyterLab: alive with a kernel, playable when reopened, plain when not trusted."""

import nbformat
import pytest
from in_lab import open_in_lab, wait_for
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser

CELLS = [
    "import time\nimport torch\nfrom srlib import figures, live, synthetic\n"
    "def square(level, name):\n"
    "    time.sleep(0.7)\n"  # the saved grid is whole however long it takes
    "    picture = figures.pictures({name: torch.full((1, 8, 8), float(level))}, f'a square of {level}')\n"
    "    return picture, f'twice that is {2 * level:.3f}'\n"
    "live.explore(square, level=[0.25, 0.5, 1.0, 0.125 * 10][:3], name=['one', 'two'])",
    "hr = synthetic.picture(1, side=40)\n"
    "live.compare({'soft': (hr + hr.roll(1, -1)) / 2, 'original': hr}, 'Shapes', width=160)",
    "live.quiz('1 < 2?', {'yes': (True, 'It is.'), 'no': (False, 'Count again.')})",
    "live.predict('How much is it?', 0, 1, 0.5)",
]
FOLDS = """marks => marks.map(mark => ({
  text: mark.textContent, seen: mark.getClientRects().length, cursor: getComputedStyle(mark.parentNode).cursor,
  twice: getComputedStyle(mark.parentNode).listStyleType !== "none",
  turned: getComputedStyle(mark).transform !== "none", open: mark.parentNode.parentNode.open }))"""


def write(work, name):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb = new_notebook(cells=[new_code_cell(source) for source in CELLS], metadata={"kernelspec": kernel})
    nbformat.write(nb, work / name)


def run(page, command):
    page.evaluate(f"() => window.jupyterapp.commands.execute('{command}')")


def test_a_twin_lives_with_a_kernel_and_plays_on_without(browser, lab):
    address, work = lab
    write(work, "twins.ipynb")
    page = open_in_lab(browser, address, "twins.ipynb")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")

    # alive: beyond the grid, and the page's twin out of the way
    live = page.locator(".sr-beyond")
    live.wait_for(timeout=60_000)
    wait_for(page, lambda state: state["kernel"] == "idle" and state["pending"] == 0, 60, "all cells have run")
    assert page.locator(".sr-beyond").count() == 1
    page.locator(".sr-compare .sr-stage").wait_for(timeout=60_000)
    assert page.locator(".sr-explore:visible").count() == 0
    handle = live.locator(".noUi-handle")
    handle.focus()
    assert live.locator("p[aria-live]").inner_text().startswith("level = 0.5, ")
    page.keyboard.press("ArrowLeft")
    changed = "() => !document.querySelector('.sr-beyond [aria-live]').innerText.startsWith('level = 0.5,')"
    page.wait_for_function(changed)
    said = live.locator("p[aria-live]").inner_text()
    level = float(said.split("level = ")[1].split(",")[0])
    assert level not in (0.25, 0.5, 1.0), said
    assert said.endswith(f"name = one: twice that is {2 * level:.3f}")
    live.get_by_role("button", name="two").click()
    page.wait_for_function("() => document.querySelector('.sr-beyond').innerText.includes('name = two')")

    # a comparison acts on the keyboard, and JupyterLab does not
    stage = page.locator(".sr-compare .sr-stage")
    stage.focus()
    column = page.locator(".sr-compare .sr-read")
    assert column.inner_text().startswith("Column 20, row 20:")
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert column.inner_text().startswith("Column 21, row 21:")
    assert stage.evaluate("stage => stage === document.activeElement")

    # what opens has one mark, which turns
    page.locator(".sr-quiz summary").first.click()
    marks = page.locator(":is(.sr-quiz, .sr-predict) .sr-arrow").evaluate_all(FOLDS)
    assert [mark["open"] for mark in marks] == [True, False, False]
    for mark in marks:
        assert (mark["text"], mark["seen"], mark["twice"], mark["cursor"]) == ("▸", 1, False, "pointer")
        assert mark["turned"] == mark["open"]

    # saved, the kernel gone, opened again: no dead widget, and the grid plays
    run(page, "docmanager:save")
    page.wait_for_timeout(1000)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.context.close()
    page = open_in_lab(browser, address, "twins.ipynb")
    slider = page.locator(".sr-explore input[type=range]")
    slider.wait_for(timeout=30_000)
    page.wait_for_timeout(3000)  # a lost widget reports late
    assert slider.is_visible()
    assert page.locator(".sr-explore .sr-frame").count() == 6, "the whole grid was saved"
    assert page.locator(".sr-still, .sr-beyond").count() == 0
    assert page.get_by_text("Error displaying widget").locator("visible=true").count() == 0
    slider.press("End")
    assert page.locator(".sr-explore .sr-frame:visible .sr-label").inner_text() == (
        "level = 1, name = one: twice that is 2.000"
    )
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.context.close()


def test_an_untrusted_notebook_still_shows_and_says_it(browser, lab):
    address, work = lab
    write(work, "stranger.ipynb")
    nb = nbformat.read(work / "stranger.ipynb", as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRLIB_LIVE", "0")
        space = {}
        for cell in nb.cells:
            *start, last = cell.source.rsplit("\n", 1)
            exec("".join(start), space)
            shown = eval(last, space)._repr_html_()
            cell.outputs = [nbformat.v4.new_output("display_data", data={"text/html": shown, "text/plain": "x"})]
    nbformat.write(nb, work / "stranger.ipynb")
    page = open_in_lab(browser, address, "stranger.ipynb")
    panel = page.locator(".jp-NotebookPanel:visible")  # JupyterLab keeps the tabs of other tests
    panel.get_by_text("twice that is 0.500").first.wait_for(timeout=30_000)
    assert panel.locator(".sr-frame:visible").count() == 6
    assert panel.locator(".sr-compare img:visible").count() == 2
    assert panel.get_by_text("dB, SSIM").first.is_visible()
    assert panel.locator(".sr-controls").count() == 0
    panel.locator(".sr-predict summary").scroll_into_view_if_needed()
    panel.get_by_text("Show the answer").wait_for(timeout=30_000)
    marks = panel.locator(":is(.sr-quiz, .sr-predict) summary").evaluate_all(
        "all => all.map(s => [s.innerText.trim()[0], getComputedStyle(s).listStyleType])"
    )
    assert marks == [["▸", "none"]] * 3, "styles and scripts are stripped here: one mark is left"
    assert panel.locator("img:visible").evaluate_all("all => all.every(img => img.naturalWidth > 0)")
    page.context.close()
