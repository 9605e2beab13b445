"""What the website needs beyond Jupyter Book: mathematics served by the site itself, and no stray scripts."""

import importlib.util
import shutil
from pathlib import Path

from sphinx.util.fileutil import copy_asset

MATHJAX = ("tex-chtml.js", "output/chtml/fonts/woff-v2")  # of the package's 24 MB, what a page loads


def use_local_mathjax(app, config):
    config.mathjax_path = "mathjax/tex-chtml.js"
    # The menu would load further components on demand, and those are not served.
    config.mathjax3_config = {"options": {"enableMenu": False}} | (config.mathjax3_config or {})


def copy_mathjax(app, error):
    if error or app.builder.format != "html":
        return
    package = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
    for part in MATHJAX:
        source, target = Path(package, "static", "mathjax", part), Path(app.outdir, "_static", "mathjax", part)
        copy_asset(source, target.parent if source.is_file() else target)


def first_page(app, error):
    """The first page has a number, as all files of the book; a website's first page is called index.html."""
    if not error and app.builder.format == "html":
        shutil.copyfile(Path(app.outdir, f"{app.config.root_doc}.html"), Path(app.outdir, "index.html"))


def drop_thebe(app, pagename, templatename, context, doctree):
    """Jupyter Book always loads Thebe, its inline script even twice (an error on every page); it is not used here."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "THEBE_JS_URL" not in str(getattr(script, "attributes", {}).get("body", ""))
        and "sphinx-thebe" not in str(getattr(script, "filename", script))
    ]


def setup(app):
    app.connect("config-inited", use_local_mathjax, priority=900)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", first_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
