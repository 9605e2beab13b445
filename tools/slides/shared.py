"""What all decks share and load from the folder they stand in: reveal.js, MathJax, our style and script."""

import importlib.util
import re
import shutil
from pathlib import Path

from pygments.formatters import HtmlFormatter

HERE = Path(__file__).resolve().parent
REVEAL = ("dist/reveal.js", "dist/reveal.css", "dist/reset.css", "plugin/notes/notes.js")
MATHJAX = ("tex-chtml.js", "output/chtml/fonts/woff-v2")  # as on the website (book/_ext/srbook.py)


def inside(package, *parts):
    """A file or folder of an installed package, which is not imported: as Sphinx extensions they would want Sphinx."""
    found = importlib.util.find_spec(package)
    if found is None:
        raise SystemExit(f"The package {package} is missing. Run: make setup")
    return Path(found.submodule_search_locations[0], *parts)


def put(out):
    """Copy everything into the folder of the decks."""
    for part in REVEAL:
        source, target = inside("sphinx_revealjs", "_static", "revealjs", part), out / "reveal" / Path(part).name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = re.sub(r"//# sourceMappingURL=.*", "", source.read_text(encoding="utf-8"))  # the maps stay behind
        target.write_text(text, encoding="utf-8")
    for part in MATHJAX:
        source, target = inside("sphinx-mathjax-offline", "static", "mathjax", part), out / "mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
    for name in ("deck.js", "mathjax-settings.js"):
        shutil.copyfile(HERE / name, out / name)
    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    (out / "deck.css").write_text((HERE / "deck.css").read_text(encoding="utf-8") + colours, encoding="utf-8")
