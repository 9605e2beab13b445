"""The slides: made by the rule that tools/slides.py states, and playing from a file without a network."""

import re
from types import SimpleNamespace

import nbformat
import pytest
import torch
from conftest import load_tool
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from srlib import figures, live, synthetic


@pytest.fixture(scope="module")
def tool():
    return load_tool("slides")


def shown(html):
    return [new_output("display_data", data={"text/html": html, "text/plain": "x"})]


def printed(text):
    return [new_output("stream", name="stdout", text=text)]


def text(source, slide_type=None):
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": slide_type}} if slide_type else {})


def code(source, outputs=(), *tags, slide_type=None):
    metadata = {"tags": list(tags)} | ({"slideshow": {"slide_type": slide_type}} if slide_type else {})
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


def told(tool, *cells):
    """The slides of a notebook: what each shows, what comes on a click, and its notes."""
    found = []
    for slide in tool.slides(new_notebook(cells=list(cells))):
        outputs = [output for cell, _ in slide.cells for output in cell.get("outputs", [])]
        found.append(
            SimpleNamespace(
                kind=slide.kind,
                says="\n\n".join(cell.source for cell, _ in slide.cells if cell.source),
                clicks=[cell.source for cell, click in slide.cells if click],
                outputs=outputs,
                notes="\n\n".join(slide.notes),
            )
        )
    return found


FIGURE = '<figure><svg role="img"></svg></figure>'


# ---------------------------------------------------------------- the rule


def test_headings_and_outputs_make_slides(tool):
    deck = told(
        tool,
        text("# Title\n\nFirst."),
        text("## The idea\n\nA thought."),
        code("figure", shown(FIGURE)),
        code("print(1)", printed("1\n")),
        text("### A part\n\nMore."),
        code("print(2)", printed("2\n")),
        text("## Next"),
        code("print(3)", printed("line\n" * 60)),
    )
    assert [slide.kind for slide in deck] == ["slide", "slide", "subslide", "subslide", "slide"]
    assert [len(slide.outputs) for slide in deck] == [0, 1, 1, 1, 1]
    assert deck[3].says == "### A part\n\nMore.\n\nprint(2)"


def test_of_prose_the_first_sentence_is_shown_and_all_of_it_is_in_the_notes(tool):
    prose = "It was shown in 2014 (by Dong et al. in a paper). It took 0.3 s. The rest is history. Is it?"
    (slide,) = told(tool, text(f"## Heading\n\n{prose}\n\n- one. two\n- three\n\nSo there are two:\n\n$$\na. b\n$$"))
    assert slide.says == (
        "## Heading\n\nIt was shown in 2014 (by Dong et al. in a paper). Is it?\n\n"
        "- one. two\n- three\n\nSo there are two:\n\n$$\na. b\n$$"
    )
    assert prose in slide.notes


@pytest.mark.parametrize(
    ("paragraph", "kept"),
    [
        ('"It gains 0.3 dB." Nearly every paper says so. Why?', '"It gains 0.3 dB." Why?'),
        ("**Look first.** Then read on.", "**Look first.** Then read on."),
        ("**Look at all five of them first.** Then read on.", "**Look at all five of them first.**"),
        (
            "Write `a. B` and $x. Y$, e.g. here (or there. Or there). Not so.",
            "Write `a. B` and $x. Y$, e.g. here (or there. Or there).",
        ),
        ("You need a pen. A word you do not know? It is in the glossary.", "You need a pen."),
    ],
)
def test_where_a_sentence_ends(tool, paragraph, kept):
    assert tool.short(paragraph) == kept


def test_prose_goes_with_the_output_after_it_and_before_a_heading_it_comes_on_a_click(tool):
    deck = told(
        tool,
        text("## Look"),
        code("a", shown(FIGURE)),
        text("Now the other."),
        code("b", shown(FIGURE)),
        text("Both were seen."),
        text("## Next"),
    )
    assert deck[1].says == "Now the other.\n\nb\n\nBoth were seen."
    assert deck[1].clicks == ["Both were seen."]


LONG = "\n".join(f"x{k} = {k}" for k in range(12))


def test_code_is_shown_where_it_can_be_read(tool):
    deck = told(
        tool,
        text("## Code"),
        code("import torch\nfrom srlib import (\n    live,\n)"),
        code('tier = "auto"', (), "parameters"),
        code(LONG, shown(FIGURE)),
        code(f"def f():\n    return 1\n\n\n{LONG}", shown(FIGURE)),
        code(LONG, printed("done\n")),
        code("secret = 1", printed("seen\n"), "hide-input"),
        code("secret = 2", printed("gone\n"), "remove-cell"),
        code('live.quiz("?", {"yes": (True, "why")})', shown("<section class='sr-quiz'>?</section>")),
    )
    everything = "\n".join(slide.says + slide.notes for slide in deck)
    assert "import" not in everything
    assert "tier" not in everything
    assert "secret = 2" not in everything
    assert "live.quiz" not in everything
    assert LONG not in deck[0].says
    assert LONG in deck[0].notes, "above a figure there is no room for so much code"
    assert [LONG in slide.says for slide in deck] == [False, True, False, True, False, False]
    assert not deck[1].outputs, "a function has a slide of its own"
    assert [len(slide.outputs) for slide in deck] == [1, 0, 1, 1, 1, 1]
    assert "secret = 1" in deck[4].notes
    assert "section" not in deck[5].outputs[0].data["text/html"], "to reveal.js a section is a slide"


def test_slide_tags_win_over_the_rule(tool):
    deck = told(
        tool,
        text("# Title"),
        text("## Stays away", "skip"),
        code("a", printed("1\n"), slide_type="skip"),
        text("Plain prose.", "slide"),
        code("b", printed("2\n")),
        code("c", printed("3\n"), slide_type="fragment"),
        text("### To the right", "slide"),
        text("For the speaker alone.", "notes"),
    )
    assert [(slide.kind, slide.says) for slide in deck] == [
        ("slide", "# Title"),
        ("slide", "Plain prose.\n\nb\n\nc"),
        ("slide", "### To the right"),
    ]
    assert deck[1].clicks == ["c"]
    assert deck[2].notes == "For the speaker alone."


def test_exercises_are_told_whole_and_solutions_never(tool):
    deck = told(
        tool,
        text("## Exercises\n\n### 1. Double it\n\nWrite `double(x)`. Do not multiply."),
        code("def double(x):\n    return None", printed("not tried yet\n")),
        code("# Solution\ndef double(x):\n    return x << 1", printed("solved\n")),
        text("A shift doubles."),
    )
    assert len(deck) == 1
    assert "Do not multiply." in deck[0].says
    everything = str(deck)
    assert "<<" not in everything
    assert "solved" not in everything
    assert "shift" not in everything


def test_myst_becomes_plain_markdown(tool):
    source = (
        ":::{admonition} Two mistakes\n:class: warning\n1. One.\n2. Two.\n:::\n\n"
        "```{note}\nMind.\n```\n\n"
        "See [SRCNN](21_srcnn.ipynb#idea), the [glossary](84_glossary.ipynb), [a paper](https://arxiv.org/abs/1), "
        "{cite:p}`dong2016`, {ref}`this <there>` and {math}`x^2`.\n\n```python\nd[1](x.ipynb)\n```"
    )
    plain = tool.readable(source, {"21_srcnn"})
    assert '<div class="admonition">\n\n**Two mistakes**\n\n1. One.\n2. Two.\n\n</div>\n\n' in plain
    assert "**Note**\n\nMind." in plain
    assert (
        "See [SRCNN](21_srcnn.html), the glossary, [a paper](https://arxiv.org/abs/1), [dong2016], this and $x^2$."
        in plain
    )
    assert "{" not in plain
    assert ":::" not in plain


def test_fenced_blocks_stay_in_one_piece(tool):
    source = "(target)=\n## Title\n\n```python\n# no heading\n\nx = 1\n```\n\n:::{admonition} A\n## none\n\nb\n:::"
    (section,) = tool.sections(source)
    assert section == (2, ["## Title", "```python\n# no heading\n\nx = 1\n```", ":::{admonition} A\n## none\n\nb\n:::"])


# ---------------------------------------------------------------- files


@pytest.fixture(scope="module")
def decks(tool, tmp_path_factory):
    """Two small chapters with everything that moves, turned into decks."""
    folder = tmp_path_factory.mktemp("book")
    photo = synthetic.picture(1, side=40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRLIB_LIVE", "0")
        parts = {
            "twin": live.explore(
                lambda level: figures.pictures({"level": torch.full((1, 16, 16), level)}, alt="A square"),
                level=[0.0, 0.5, 1.0],
            ),
            "compare": live.compare({"soft": (photo + photo.roll(1, -1)) / 2, "original": photo}, "Shapes", width=160),
            "quiz": live.quiz("1 < 2?", {"yes": (True, "It is."), "no": (False, "Count again.")}),
        }
    moving = {name: shown(part._repr_html_()) for name, part in parts.items()}
    nb = new_notebook(
        cells=[
            text("# A < B: a chapter\n\nIt begins. It goes on, and only the speaker knows how."),
            text("## The idea\n\nSee [the other](other.ipynb).\n\n$$\nx = \\frac{1}{2}\n$$"),
            text("### Play"),
            code("live.explore(f, level=[0, 0.5, 1])", moving["twin"]),
            code("live.compare(pictures)", moving["compare"]),
            text("### Long"),
            code("print(numbers)", printed("\n".join(f"line {k}" for k in range(80)))),
            text("## Quiz"),
            code("live.quiz()", moving["quiz"], "remove-input"),
            text("### The end"),
        ]
    )
    nbformat.write(nb, folder / "chapter.ipynb")
    nbformat.write(new_notebook(cells=[text("# Other\n\nShort.")]), folder / "other.ipynb")
    out = folder / "slides"
    tool.build([folder / "chapter.ipynb", folder / "other.ipynb"], out)
    return out


def test_a_deck_loads_nothing_from_elsewhere_and_misses_nothing(decks):
    page = (decks / "chapter.html").read_text(encoding="utf-8")
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert {"reveal/reveal.js", "reveal/notes.js", "mathjax/tex-chtml.js", "deck.css", "other.html"} <= set(loaded)
    for address in loaded:
        assert address.startswith("data:") or (decks / address).is_file(), address
    assert not list(decks.rglob("*.map"))
    assert "sourceMappingURL" not in (decks / "reveal" / "reveal.js").read_text(encoding="utf-8")
    assert list(decks.rglob("*.woff")), "MathJax brings its fonts"


def test_the_list_links_to_every_deck(decks):
    page = (decks / "index.html").read_text(encoding="utf-8")
    assert '<a href="chapter.html">A &lt; B: a chapter</a>' in page
    assert '<a href="other.html">Other</a>' in page


def test_chapters_of_the_book_become_decks_without_solutions(tool, notebook_tool):
    for path in notebook_tool.notebooks()[::3]:
        nb = nbformat.read(path, as_version=4)
        deck = tool.deck(nb)
        kinds = [cell.metadata.slideshow.slide_type for cell in deck.cells]
        assert kinds[0] == "slide"
        assert "notes" in kinds
        assert deck.metadata.title != "Untitled"
        bodies = {cell.source.split("\n", 1)[1] for cell in nb.cells if cell.source.startswith("# Solution")}
        whole = "\n".join(cell.source for cell in deck.cells)
        assert not any(body in whole for body in bodies), path.name


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def page(browser, decks):
    """The chapter's deck from its file; whatever it asks of a host, or complains about, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
    wrong = []
    context.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else wrong.append(r.url))
    context.on("requestfailed", lambda request: wrong.append(f"not found: {request.url[:120]}"))
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened(page, decks / "chapter.html")
    yield page
    context.close()
    assert not wrong


def opened(page, path):
    page.goto(path.as_uri())
    page.wait_for_function("() => window.Reveal?.isReady() && window.MathJax?.startup?.promise")
    page.evaluate("() => MathJax.startup.promise.then(() => new Promise(done => setTimeout(done, 200)))")


SLIDES = "() => Reveal.getSlides().map(slide => { const {h, v} = Reveal.getIndices(slide); return [h, v || 0] })"

# The slide as it is seen once all clicks are made; `cut` is what no scrolling brings into sight.
SEEN = """([h, v]) => {
  Reveal.slide(h, v, 99);
  const sheet = Reveal.getCurrentSlide().querySelector(".sheet"), box = sheet.getBoundingClientRect();
  const foot = document.querySelector(".foot").getBoundingClientRect();
  const cut = [...sheet.querySelectorAll("p, li, pre, img, svg, canvas, table, input, summary")]
    .filter(e => e.checkVisibility() && !e.closest("mjx-container, .sr-hidden, .sr-loupes"))
    .filter(e => e.getBoundingClientRect().right > box.right + 1 ||
      e.tagName === "PRE" && e.scrollWidth > e.clientWidth + 1);
  return {
    says: sheet.innerText.trim(),
    high: sheet.scrollHeight > sheet.clientHeight + 1,
    scrolls: getComputedStyle(sheet).overflowY === "auto" && sheet.hasAttribute("data-scrolls"),
    above: box.bottom <= foot.top + 1,
    cut: cut.map(e => e.outerHTML.slice(0, 100)),
  };
}"""


@pytest.mark.site
def test_every_slide_fits_or_scrolls(page, decks):
    wrong, scrolling = [], 0
    for name in ("chapter", "other"):
        opened(page, decks / f"{name}.html")
        slides = page.evaluate(SLIDES)
        assert len(slides) == {"chapter": 7, "other": 1}[name]
        for place in slides:
            seen = page.evaluate(SEEN, place)
            scrolling += seen["scrolls"]
            if not seen["says"] or seen["cut"] or not seen["above"] or seen["high"] != seen["scrolls"]:
                wrong.append((name, place, seen))
    assert not wrong
    assert scrolling == 1, "eighty lines are scrolled, nothing else has to be"


@pytest.mark.site
def test_a_twin_plays_and_its_keys_do_not_turn_the_slide(page):
    page.evaluate("() => Reveal.slide(1, 1)")
    here = page.evaluate("() => Reveal.getIndices()")
    picture = page.locator("section.present .sr-explore .sr-frame:visible img")
    slider = page.locator("section.present .sr-explore input[type=range]")
    before = picture.get_attribute("src")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    by_mouse = picture.get_attribute("src")
    assert by_mouse != before
    page.keyboard.press("ArrowLeft")
    assert picture.get_attribute("src") != by_mouse
    for key in ("ArrowDown", "ArrowUp", "End", "Home", " "):
        page.keyboard.press(key)
    assert page.evaluate("() => Reveal.getIndices()") == here
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("() => Reveal.getIndices().v") == here["v"] + 1, "Escape gives the keys back"


@pytest.mark.site
def test_a_comparison_follows_the_mouse_at_the_size_it_is_shown(page):
    page.evaluate("() => Reveal.slide(1, 2)")
    stage = page.locator("section.present .sr-compare .sr-stage")
    stage.wait_for()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 0.91 * box["width"], box["y"] + 0.26 * box["height"])
    assert page.locator("section.present .sr-read").inner_text().startswith("Column 36, row 10:")
    wipe = page.locator("section.present .sr-compare input[type=range]")
    wipe.focus()
    page.keyboard.press("End")
    assert stage.evaluate("stage => stage.style.getPropertyValue('--p')") == "100%"
    page.keyboard.press("PageDown")
    assert page.evaluate("() => Reveal.getIndices().v") == 3, "a presenter's remote turns the slide all the same"


@pytest.mark.site
def test_a_quiz_is_opened_by_a_click_and_by_the_keyboard(page):
    page.evaluate("() => Reveal.slide(2, 0)")
    here = page.evaluate("() => Reveal.getIndices()")
    answers = page.locator("section.present .sr-quiz details")
    answers.nth(0).locator("summary").click()
    answers.nth(1).locator("summary").focus()
    page.keyboard.press(" ")  # to reveal.js: the next slide
    assert [answers.nth(k).get_attribute("open") for k in (0, 1)] == ["", ""]
    answers.nth(1).locator("summary").press("ArrowUp")
    assert page.evaluate("() => Reveal.getIndices()") == here


@pytest.mark.site
def test_the_speaker_has_notes(page):
    with page.context.expect_page() as opened_window:
        page.keyboard.press("s")
    notes = opened_window.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("It goes on, and only the speaker knows how.").wait_for(timeout=20_000)
    assert "only the speaker" not in page.evaluate("() => document.querySelector('.slides').innerText")
