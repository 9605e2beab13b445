"""What `make lab` hands out: every page that a link can lead to, in the form in which JupyterLab leaves it alone."""

import json
import re

import nbformat
import pytest
from in_lab import open_in_lab


@pytest.fixture
def book(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "85_teaching.md").write_text("# Teaching\n", encoding="utf-8")
    nb = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    nbformat.write(nb, folder / "00_index.ipynb")
    return folder


def test_plain_pages_are_handed_out_and_edits_kept(lab_tool, book, tmp_path):
    work, page = tmp_path / "work", tmp_path / "work" / "85_teaching.md"
    assert lab_tool.update(work, book) == []
    assert page.read_text(encoding="utf-8") == "# Teaching\n"
    (book / "85_teaching.md").write_text("# Teaching, again\n", encoding="utf-8")
    assert lab_tool.update(work, book) == ["85_teaching.md was updated to the newer version of the course."]
    page.write_text("mine", encoding="utf-8")
    (book / "85_teaching.md").write_text("# Teaching, a third time\n", encoding="utf-8")
    [said] = lab_tool.update(work, book)
    assert said.endswith("the newer version is beside it: 85_teaching-newer.md")
    assert page.read_text(encoding="utf-8") == "mine"
    assert lab_tool.update(work, book) == []


def test_a_copy_says_which_python_is_here_and_counts_as_unedited(lab_tool, book, tmp_path):
    from ipykernel.ipkernel import IPythonKernel

    lab_tool.update(tmp_path / "work", book)
    copy = tmp_path / "work" / "00_index.ipynb"
    assert nbformat.read(copy, as_version=4).metadata.language_info == IPythonKernel.language_info
    assert nbformat.sign.NotebookNotary().check_signature(nbformat.read(copy, as_version=4))
    nb = nbformat.read(book / "00_index.ipynb", as_version=4)
    nb.cells.append(nbformat.v4.new_markdown_cell("new"))
    nbformat.write(nb, book / "00_index.ipynb")
    assert lab_tool.update(tmp_path / "work", book) == [
        "00_index.ipynb was updated to the newer version of the course."
    ]


def test_links_between_pages_lead_to_copies(root):
    """A link to a page of the course is dead in JupyterLab unless that page is handed out under the same name."""
    pages = {path.name for kind in ("ipynb", "md") for path in (root / "book").glob(f"[!.]*.{kind}")}
    for path in sorted((root / "book").glob("[!.]*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        linked = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
        assert set(linked) <= pages, path.name


@pytest.mark.browser
def test_a_fresh_copy_opens_unchanged_and_a_plain_page_opens_as_a_page(browser, lab):
    address, _ = lab
    page = open_in_lab(browser, address, "84_glossary.ipynb")
    page.wait_for_timeout(3000)  # the kernel says late what language it speaks
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.dirty") is False
    page.evaluate("""() => {
      const notebook = window.jupyterapp.shell.currentWidget.content;
      notebook.scrollToItem(notebook.widgets.length - 1, "end");
    }""")  # the links at its foot; what is out of sight JupyterLab has not drawn
    page.locator('.jp-MarkdownCell a[href*="85_teaching.md"]').last.click()
    page.locator(".jp-MarkdownViewer h1", has_text="Teaching with this book").wait_for(timeout=30_000)
    page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")
    page.context.close()
