"""What happens to a notebook: it is run, put into its stored form, checked, and run again small.

    python tools/notebooks.py run [srcnn ...]         execute at the laptop tier, store the outputs, stamp the code hash
    python tools/notebooks.py normalise [file ...]    the stored form alone: stable ids, no widget state, no timestamps
    python tools/notebooks.py check                   stale outputs, long cells, sizes, headings, alt texts, parameters
    python tools/notebooks.py smoke [srcnn ...]       papermill at the smoke tier, other seed and photo, gains judged
    python tools/notebooks.py source FILE             the cells' sources as text, for git diff

Without names, all notebooks of book/ are meant.
"""

import argparse
import ast
import hashlib
import json
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for `pages`, however this file was loaded
import pages

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"

HEADINGS = (
    "Goals, prerequisites, time",
    "The idea",
    "What changed",
    "Build it",
    "Train it live",
    "Judge it",
    "Limits, mistakes, folklore",
    "Exercises",
    "Quiz",
    "Take-aways",
    "References",
)
LONGEST_CELL = 25  # lines of code
FEWEST_CHECKED_CELLS = 5  # per chapter, compared by nbval
NOTEBOOK_LIMIT, BOOK_LIMIT = 1_000_000, 10_000_000  # bytes
KEPT_NOTEBOOK_METADATA = ("kernelspec", "language_info", "mystnb", "srlib", "title")
KEPT_CELL_METADATA = ("tags", "mystnb", "slideshow", "jupyter", "cellView", "collapsed", "editable", "deletable")
# On a GPU the training's network is there, and what a chapter draws with is not.
REACHES_IN = re.compile(r"\.(?:model|judge)\.(?:cpu|cuda|to|eval|half|float)\(|\.model\(|deepcopy\([^()]*\.model\)")
WIDGET_MIMES = ("application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json")


def notebooks(names=()):
    """The book's notebooks, or those named: `srcnn`, `21_srcnn.ipynb` and a path all mean the same."""
    found = sorted(BOOK.glob("[!.]*.ipynb"))
    if not names:
        return found
    by_name = {called(path): path for path in found} | {path.stem: path for path in found}
    paths = []
    for name in names:
        path = Path(name)
        if path.suffix == ".ipynb" and path.exists():
            paths.append(path)
        elif path.stem in by_name:
            paths.append(by_name[path.stem])
        else:
            there = ", ".join(map(called, found))
            raise SystemExit(f"There is no notebook {name!r}. There are: {there or 'none yet'}.")
    return paths


def called(path):
    """A page's name without its number, which is there so that files are listed in reading order: srcnn."""
    return re.sub(r"^\d\d_", "", path.stem)


def is_chapter(path):
    """The welcome page, the leaderboard, the lab and the glossary are notebooks too, without a skeleton to follow."""
    return called(path) not in ("index", "leaderboard", "tryit", "glossary")


def code_hash(nb):
    """One hash over all code, in order: equal to the stored one as long as the outputs belong to the code.

    The cell that installs the course prints nothing, and a fork changes the address in it.
    """
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    sources = [cell.source for cell in code if "install" not in cell.metadata.get("tags", [])]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()


def tagged(nb, tag):
    return [cell for cell in nb.cells if tag in cell.metadata.get("tags", [])]


def parameters(nb):
    """The assignments in the `parameters` cell, as a dict; empty if there is no such cell."""
    found = {}
    for cell in tagged(nb, "parameters"):
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


# ---------------------------------------------------------------- the stored form


def normalise(nb):
    """Put `nb` into the one form that is committed; doing it twice changes nothing more."""
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata = nbformat.from_dict({k: v for k, v in nb.metadata.items() if k in KEPT_NOTEBOOK_METADATA})
    nb.metadata.kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nb.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    taken, count = set(), 0
    for cell in nb.cells:
        cell.id = _stable_id(cell, taken)
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA})
        pages.fold(cell)
        if cell.cell_type != "code":
            continue
        cell.outputs = _stored_outputs(cell.outputs)
        if cell.execution_count is not None:  # nbval wants a count wherever there is an output
            count += 1
            cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return nb


def _stable_id(cell, taken):
    """The id the cell has; where it has none, or another cell's, one made from its source."""
    wanted = cell.get("id", "")
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", wanted) or wanted in taken:
        wanted = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
    new, count = wanted, 1
    while new in taken:
        count += 1
        new = f"{wanted}-{count}"
    taken.add(new)
    return new


def _stored_outputs(outputs):
    kept = []
    for output in outputs:
        if "data" in output:
            for mime in WIDGET_MIMES:
                output.data.pop(mime, None)
            if not output.data or set(output.data) == {"text/plain"} and _names_a_widget(output.data["text/plain"]):
                continue
            output.metadata = nbformat.from_dict({})
        if output.output_type == "stream" and kept and kept[-1].get("name") == output.name:
            kept[-1].text += output.text
            continue
        kept.append(output)
    return kept


def _names_a_widget(text):
    return re.match(r"\w+\((children|value|layout|description|min|options)=", text) is not None


def write(path, nb):
    """Write beside, then rename: an interruption leaves the old notebook."""
    beside = path.with_name(f".{path.name}.new")
    nbformat.write(nb, beside)
    os.replace(beside, path)


# ---------------------------------------------------------------- run


def run(path):
    """Execute a notebook at the laptop tier, where it stands, and store its outputs."""
    from nbclient import NotebookClient

    nb = nbformat.read(path, as_version=4)
    os.environ.update(SRLIB_TIER="laptop", SRLIB_LIVE="0")
    os.environ.pop("SRLIB_RESULTS", None)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(nb, timeout=3600, record_timing=False, resources={"metadata": {"path": str(BOOK)}})
    client.execute()
    nb.metadata["srlib"] = {"code_hash": code_hash(nb)}
    pages.put_way(nb, path)
    write(path, normalise(nb))


# ---------------------------------------------------------------- check


def problems(path):
    """Everything that keeps this notebook from being committed, one sentence each."""
    if path.stat().st_size > NOTEBOOK_LIMIT:
        size = path.stat().st_size
        yield f"is {size:,} bytes; {NOTEBOOK_LIMIT:,} are allowed. Store pictures as WebP, charts as SVG."
    text = path.read_text(encoding="utf-8")
    nb = nbformat.reads(text, as_version=4)
    yield from cell_problems(nb)
    if is_chapter(path):
        yield from chapter_problems(nb)
    stored = nb.metadata.get("srlib", {}).get("code_hash")
    if stored != code_hash(nb):
        yield f"has outputs older than its code. Run: python tools/notebooks.py run {called(path)}"
        return
    pages.put_way(nb, path)
    if text != nbformat.writes(normalise(nb)).rstrip("\n") + "\n":
        yield f"is not in its stored form. Run: python tools/notebooks.py normalise {path}"


def cell_problems(nb):
    for number, cell in enumerate(nb.cells, 1):
        where = f"cell {number} ({cell.get('id', 'no id')})"
        if cell.cell_type == "markdown":
            if re.search(r"!\[\s*\]\(", cell.source):
                yield f"{where}: a picture has no alternative text. Write ![what it shows](file)."
            continue
        if cell.cell_type != "code":
            continue
        if reach := REACHES_IN.search(cell.source):
            yield f"{where}: {reach[0]!r} moves or uses a training's own network. Draw with a copy: run.network()."
        lines = len(cell.source.splitlines())
        if lines > LONGEST_CELL:
            yield f"{where}: {lines} lines; {LONGEST_CELL} are allowed. Split it, or move plumbing into srlib."
        for output in cell.outputs:
            yield from (f"{where}: {problem}" for problem in output_problems(output))


def output_problems(output):
    if output.output_type == "error":
        yield f"stores an error ({output.ename}). Print deliberate errors in try/except instead."
    if output.get("name") == "stderr":
        yield "stores a warning (stderr). Remove its cause."
    data = output.get("data", {})
    html = "".join(data.get("text/html", ""))
    if "text/html" not in data and any(mime.startswith("image/") for mime in data):
        yield "shows a bare image, which has no alternative text. Show it through srlib.figures."
    for tag in re.findall(r"<img\b[^>]*>", html):
        if not re.search(r"""\balt\s*=\s*("[^"]+"|'[^']+')""", tag):
            yield f"an <img> has no alternative text: {tag[:60]}"
    for tag, inside in re.findall(r"(<svg\b[^>]*>)(.{0,400})", html, re.S):
        named = "aria-label" in tag or "<title" in inside or 'aria-hidden="true"' in tag
        if not named:
            yield "an <svg> has neither aria-label nor <title>."
    everything = html + "".join(output.get("text", "")) + "".join(data.get("text/plain", ""))
    if match := re.search(r" at 0x[0-9a-f]{6,}|/(?:home|root|Users|tmp)/[^\s\"'<]*", everything):
        yield f"stores something of this machine: {match[0]!r}."


def chapter_problems(nb):
    text = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    text = re.sub(r"^(`{3,}|:{3,}).*?^\1\s*$", "", text, flags=re.S | re.M)  # a directive's own lines are no headings
    headings = re.findall(r"^##[ ]+(.+?)\s*$", text, re.M)
    ours = [heading for heading in headings if heading in HEADINGS]
    if ours != list(HEADINGS):
        missing = [heading for heading in HEADINGS if heading not in ours]
        wrong = f"misses {missing}" if missing else f"has them in another order: {ours}"
        yield f"does not follow the chapter skeleton: it {wrong}."
    checked = [cell for cell in tagged(nb, "nbval-check-output") if cell.cell_type == "code" and cell.outputs]
    if len(checked) < FEWEST_CHECKED_CELLS:
        yield f"has {len(checked)} cells with an output for nbval; {FEWEST_CHECKED_CELLS} are wanted."
    if len(tagged(nb, "parameters")) != 1 or not {"tier", "seed", "photo"} <= set(parameters(nb)):
        yield 'needs one cell tagged "parameters" that sets tier, seed and photo.'


def check(paths):
    """All problems of all notebooks, as lines ready to print."""
    lines = [f"{path.name} {problem}" for path in paths for problem in problems(path)]
    total = sum(path.stat().st_size for path in paths)
    if total > BOOK_LIMIT:
        lines.append(f"book/ holds {total:,} bytes of notebooks; {BOOK_LIMIT:,} are allowed.")
    return lines


# ---------------------------------------------------------------- smoke


def smoke(path, folder, **changes):
    """Run one notebook through papermill at the smoke tier; return its results, or None if it wrote none.

    Seed and photo differ from those of the stored run, so what the chapter claims has to hold beyond them.
    """
    import papermill

    nb = nbformat.read(path, as_version=4)
    defaults = parameters(nb)
    given = {"tier": "smoke", "seed": defaults.get("seed", 0) + 1, "photo": another_photo(defaults.get("photo"))}
    given = {name: value for name, value in (given | changes).items() if name in defaults}
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / f"{called(path)}.json"
    results.unlink(missing_ok=True)
    env = {"SRLIB_TIER": "smoke", "SRLIB_LIVE": "0", "SRLIB_RESULTS": str(folder)}
    os.environ.update(env | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"})  # reaches the kernel
    papermill.execute_notebook(
        path, folder / path.name, parameters=given, cwd=BOOK, kernel_name="python3", progress_bar=False
    )
    return json.loads(results.read_text(encoding="utf-8")) if results.exists() else None


def another_photo(stored):
    """A bundled test photo that is not the stored run's."""
    from srlib import datasets

    names = [photo.name for photo in datasets.photos("bundled", split="test")]
    return next(name for name in names if name != stored)


def judge(results):
    """Complaints about one chapter's results; none means every training gained what its recipe promises."""
    from srlib import recipes

    complaints = []
    for training in results.get("trainings", []):
        gain, wanted = training["gain"], training["smoke_gain"]
        if not recipes.passes(gain, wanted):
            name = f"{training['recipe']} x{training['scale']}"
            complaints.append(f"{name} gained {gain:.3f} dB over bicubic; its recipe asks for {wanted:.3f} dB")
    return complaints


def smoke_and_judge(path, folder):
    print(f"{called(path)}: running", flush=True)
    results = smoke(path, folder)
    if results is None:
        return [f"{called(path)} wrote no results"] if is_chapter(path) else []
    return [f"{called(path)}: {complaint}" for complaint in judge(results)]


# ---------------------------------------------------------------- command line


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "normalise", "check", "smoke", "source"))
    parser.add_argument("names", nargs="*", help="notebooks, by name or path (default: all of book/)")
    parser.add_argument("--out", default=ROOT / "_build" / "smoke", help="smoke: folder for the executed copies")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="smoke: notebooks at a time (default: 2)")
    args = parser.parse_args(argv)
    paths = notebooks(args.names)
    complaints = []
    if args.what == "run":
        for path in paths:
            print(f"{called(path)}: running at the laptop tier", flush=True)
            run(path)
    elif args.what == "normalise":
        for path in paths:
            before = path.read_bytes()
            nb = nbformat.read(path, as_version=4)
            pages.put_way(nb, path)
            write(path, normalise(nb))
            if path.read_bytes() != before:
                print(f"{called(path)}: normalised")
    elif args.what == "check":
        complaints = check(paths)
    elif args.what == "smoke":
        with ProcessPoolExecutor(args.jobs) as pool:  # processes: papermill changes the working directory
            for found in pool.map(partial(smoke_and_judge, folder=args.out), paths):
                complaints += found
    elif args.what == "source":
        for path in paths:
            nb = nbformat.read(path, as_version=4)
            print("\n\n".join(f"# [{cell.cell_type}] {cell.get('id', '')}\n{cell.source}" for cell in nb.cells))
    for line in complaints:
        print(line)
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
