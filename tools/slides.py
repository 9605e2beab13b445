"""Turn chapters into slides that a PC without Python or network can show: _build/slides/index.html.

    python tools/slides.py [srcnn ...] [--out FOLDER]

Nothing is executed: a deck shows the committed run. Its structure comes from the notebook, by this rule:

- `##` begins a slide to the right, `###` one below. An output begins one below, too, unless it fits under a heading.
- Of prose, a slide shows the first sentence of each paragraph, and the questions and the "...:" that end it; lists,
  tables, formulas, quotations and exercises are shown whole. The whole text is in the speaker notes (key S).
- Prose without a heading goes with the output after it; where a heading follows, it comes last, on a click.
- Code is shown above its output if that is short enough, and alone if it defines a function or a class; other code
  is in the notes. Tags count as on the website: remove-cell, remove-input, hide-input (no code), hide-output.
- Solutions, and the sources of quizzes and predictions, are on no slide.
- Slide tags win: slide, subslide, skip and notes as everywhere; a fragment joins its slide while there is room.
"""

import argparse
import re
import shutil
import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HERE = Path(__file__).resolve().parent
PARTS = HERE / "slides"  # template, style, script, and what is done with words
sys.path[:0] = [str(HERE), str(PARTS)]  # for those below, however this file was loaded
import notebooks  # noqa: E402
import shared  # noqa: E402
import student  # noqa: E402
from cells import ABOVE_A_FIGURE, ROOM, height_of, is_told, on_slides, pictured, without_sections  # noqa: E402
from words import is_prose, lines_of, readable, sections, short  # noqa: E402

OUT = notebooks.ROOT / "_build" / "slides"
NO_DECK = ("index", "tryit", "glossary")  # index.html is the list of the decks


@dataclass
class Slide:
    kind: str  # "slide" stands to the right of what came before, "subslide" below it
    section: str  # the heading of the slide to the right that it hangs from
    cells: list = field(default_factory=list)  # (cell, comes on a click)
    notes: list = field(default_factory=list)
    weight: float = 0  # lines it is filled with, about
    figure: bool = False  # shows code or an output: no second one is put beneath

    @property
    def bare(self):
        """Nothing but headings: whatever comes next is shown under them, if need be smaller."""
        said = [block for cell, _ in self.cells for block in cell.source.split("\n\n")]
        return not self.figure and all(block.startswith("#") for block in said)

    def add(self, cell, weight, click=False):
        self.cells.append((cell, click))
        self.weight += weight
        self.figure |= cell.cell_type == "code"


# ---------------------------------------------------------------- slides


class Builder:
    """The slides of a chapter, made cell by cell, by the rule at the top of this file."""

    def __init__(self):
        self.made, self.waiting = [], []  # waiting: prose that belongs to the output after it

    def begin(self, kind, section=None):
        self.made.append(Slide(kind, section or (self.made[-1].section if self.made else "")))

    def fits(self, weight):
        return bool(self.made) and self.made[-1].weight + weight <= ROOM

    def say(self, texts, click=False):
        said = texts if self.made[-1].section.startswith("Exercise") else [short(block) for block in texts]
        self.made[-1].add(new_markdown_cell("\n\n".join(said)), sum(map(lines_of, said)), click)
        if said != texts:
            self.made[-1].notes += [block for block in texts if not block.startswith("#")]

    def settle(self):
        """What waited for an output in vain comes last on its slide, or below it."""
        texts, self.waiting = self.waiting, []
        if texts and not self.fits(sum(lines_of(short(block)) for block in texts)):
            self.begin("subslide")
        if texts:
            self.say(texts, click=self.made[-1].figure)

    def markdown(self, cell, wish):
        for level, texts in sections(cell.source):
            if level == 0 and wish in ("-", "fragment"):
                if wish == "fragment":
                    self.settle()
                self.waiting += texts
                if wish == "fragment" or not all(map(is_prose, texts)):
                    self.settle()
                continue
            self.settle()
            kind = wish if wish in ("slide", "subslide") else "slide" if level < 3 else "subslide"
            self.begin(kind, re.sub(r"^#+ ", "", texts[0]) if level and kind == "slide" else None)
            self.say(texts)
            wish = "-"

    def code(self, cell, wish):
        code, outputs = on_slides(cell)
        above = 0.7 * (code.count("\n") + 2) if code else 0
        groups = [(code, outputs, above + height_of(outputs))]
        if code and outputs and (groups[0][2] > ROOM or pictured(outputs) and code.count("\n") >= ABOVE_A_FIGURE):
            groups = [(code, [], above), ("", outputs, height_of(outputs))]
        for code, outputs, weight in groups:
            if not code and not outputs:
                continue
            together = weight + sum(lines_of(short(block)) for block in self.waiting)
            joins = self.fits(together) and (wish == "fragment" or not self.made[-1].figure)
            joins = joins or (bool(self.made) and self.made[-1].bare)
            if wish in ("slide", "subslide") or not joins:
                self.begin("slide" if wish == "slide" else "subslide")
            if self.waiting:
                texts, self.waiting = self.waiting, []
                self.say(texts)
            outputs = [without_sections(output) for output in outputs]
            self.made[-1].add(new_code_cell(code, outputs=outputs), weight, wish == "fragment" and self.made[-1].figure)
            wish = "subslide"  # the second group, if there is one
        if self.made and not groups[0][0] and is_told(cell):
            self.made[-1].notes.append(f"```python\n{cell.source.strip()}\n```")


def slides(nb):
    """The slides of a chapter; solutions are taken out first."""
    builder = Builder()
    for cell in student.without_solutions(nb).cells:
        wish = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if wish == "notes" and builder.made:
            builder.made[-1].notes.append(cell.source)
        elif wish not in ("skip", "notes") and cell.cell_type in ("markdown", "code"):
            getattr(builder, cell.cell_type)(cell, wish)
    builder.settle()
    return builder.made


def title_of(nb):
    """The chapter's title: its first heading."""
    headings = [re.search(r"^# (.+)", cell.source, re.M) for cell in nb.cells if cell.cell_type == "markdown"]
    return next((match[1].strip() for match in headings if match), "Untitled")


def deck(nb, decks=()):
    """A notebook with one cell after the other as the slides have them, every one with its slide tag."""
    cells = []
    for slide in slides(nb):
        if not slide.cells[0][0].source.startswith("#"):  # where are we?
            slide.cells.insert(0, (new_markdown_cell(f'<p class="kicker">{escape(slide.section)}</p>'), False))
        for number, (cell, click) in enumerate(slide.cells):
            cell.metadata["slideshow"] = {"slide_type": slide.kind if number == 0 else "fragment" if click else "-"}
            cells.append(cell)
        if slide.notes:
            notes = new_markdown_cell("\n\n".join(slide.notes), metadata={"slideshow": {"slide_type": "notes"}})
            cells.append(notes)
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = readable(cell.source, decks)
    return new_notebook(cells=cells, metadata={"title": title_of(nb)})


# ---------------------------------------------------------------- files


def list_page(out):
    """The page that lists the decks in the folder, in the order of the book."""
    order = re.findall(r"file: (\S+)", (notebooks.BOOK / "_toc.yml").read_text(encoding="utf-8"))
    names = {path.stem for path in out.glob("*.html")} - {"index"}
    links = []
    for name in sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name)):
        title = re.search(r"<title>(.*) \(slides\)</title>", (out / f"{name}.html").read_text(encoding="utf-8"))[1]
        links.append(f'<li><a href="{name}.html">{title}</a></li>')
    page = (PARTS / "list.html").read_text(encoding="utf-8")
    (out / "index.html").write_text(page.replace("<!-- decks -->", "\n".join(links)), encoding="utf-8")


def build(paths, out=OUT):
    """Write the decks of these chapters, what they share, and the list of all decks in the folder."""
    shared.put(out)
    decks = {path.stem for path in [*paths, *out.glob("*.html")]}
    for path in paths:
        nb = deck(nbformat.read(path, as_version=4), decks)
        exporter = SlidesExporter(template_name="deck", extra_template_basedirs=[str(PARTS)], exclude_anchor_links=True)
        html, _ = exporter.from_notebook_node(nb, resources={"metadata": {"name": path.stem}})
        (out / f"{path.stem}.html").write_text(html, encoding="utf-8")
        print(f"{path.stem}: {sum(c.metadata.slideshow.slide_type in ('slide', 'subslide') for c in nb.cells)} slides")
    list_page(out)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="chapters, by name or path (default: all of book/)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the decks (default: _build/slides)")
    args = parser.parse_args(argv)
    paths = [path for path in notebooks.notebooks(args.names) if notebooks.called(path) not in NO_DECK]
    if len(paths) < len(args.names):
        parser.error(f"these pages have no slides: {', '.join(NO_DECK)}")
    if not args.names:
        shutil.rmtree(args.out, ignore_errors=True)  # decks of chapters that are gone
    build(paths, args.out)
    print(f"Open {args.out / 'index.html'} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
