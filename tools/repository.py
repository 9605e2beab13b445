"""Where the course lives: _config.yml names its repository, and this keeps every other mention equal to it.

    python tools/repository.py                                              does everything name that address?
    python tools/repository.py https://github.com/me/course [--branch main]  move the course to another address

A fork runs the second once. The notebooks' install cells are made from INSTALL, below.
"""

import argparse
import os
import re
import sys
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for `notebooks`, however this file was loaded
import notebooks

#: The first code cell of every notebook. pip reads the version of torch that is there as a wish to keep exactly that
#: one: another would be gigabytes, and would no longer fit the other packages of Colab and Kaggle.
INSTALL = """\
# Colab and Kaggle start without the course: this installs it there, and keeps their own torch. Elsewhere: nothing.
import importlib.metadata
import importlib.util

if importlib.util.find_spec("srlib") is None:
    kept = importlib.metadata.version("torch")
    %pip install -q torch=={kept} git+<URL>"""

#: file -> the lines that name the address or the branch; every one of them has to be there.
LINES = {
    "_config.yml": ("  url: <URL>", "  branch: <BRANCH>"),
    "CITATION.cff": ('repository-code: "<URL>"',),
    "pyproject.toml": (
        'Repository = "<URL>"',
        'Issues = "<URL>/issues"',
        'Changelog = "<URL>/blob/<BRANCH>/CHANGELOG.md"',
    ),
    "CONTRIBUTING.md": (".venv/bin/python tools/repository.py <URL>",),
    ".github/workflows/course.yml": (
        "    branches: [<BRANCH>]",
        "    if: github.ref == 'refs/heads/<BRANCH>' && github.event_name != 'pull_request'",
    ),
}
TEXT = {".cff", ".css", ".html", ".ipynb", ".j2", ".js", ".json", ".jsonl", ".md", ".py", ".sh", ".toml", ".txt"}
TEXT |= {".yaml", ".yml", ""}
HIDDEN = {".github", ".ci", ".binder"}
SKIPPED = {"_build", "build", "dist", "work", "vendor", "node_modules", "__pycache__"}


def address(root):
    """(url, branch) as _config.yml has them."""
    text = (root / "_config.yml").read_text(encoding="utf-8")
    found = [re.search(rf"^  {key}: (\S+)$", text, re.M) for key in ("url", "branch")]
    if not all(found):
        raise SystemExit('_config.yml needs "url:" and "branch:" under "repository:", each on a line of its own.')
    return tuple(match[1] for match in found)


def filled(text, url, branch):
    return text.replace("<URL>", url).replace("<BRANCH>", branch)


def texts(root):
    """Every text file of the course that may name the address, the notebooks among them."""
    for folder, inside, files in os.walk(root):
        here = Path(folder)
        inside[:] = sorted(name for name in inside if name not in SKIPPED and name[0] != "." or name in HIDDEN)
        if "pyvenv.cfg" in files:  # a virtual environment under another name
            inside.clear()
            continue
        yield from (here / name for name in sorted(files) if Path(name).suffix in TEXT and name[0] != ".")


def install_cells(nb):
    """The cells that install the course: tagged "install", or told by what they do."""
    code = (cell for cell in nb.cells if cell.cell_type == "code")
    return [c for c in code if "install" in c.metadata.get("tags", []) or "git+https://" in c.source]


def check(root):
    """One sentence for each place that does not name the address of _config.yml."""
    url, branch = address(root)
    said = []
    for name, lines in LINES.items():
        there = (root / name).read_text(encoding="utf-8").splitlines()
        wanted = (filled(line, url, branch) for line in lines)
        said += [f"{name} lacks the line: {line}" for line in wanted if line not in there]
    wanted = filled(INSTALL, url, branch)
    for path in sorted((root / "book").glob("[!.]*.ipynb")):
        nb = nbformat.read(path, as_version=4)
        found = [cell.source for cell in install_cells(nb)]
        if not found and any(cell.cell_type == "code" for cell in nb.cells):
            said.append(f"{path.name} has no cell that installs the course on Colab.")
        elif len(found) > 1 or any(source != wanted for source in found):
            said.append(f"{path.name} installs the course otherwise than tools/repository.py has it.")
    return said


def move(root, url, branch):
    """Write the address everywhere; return the files that changed."""
    old_url, old_branch = address(root)
    old = re.compile(re.escape(old_url) + r"(?![\w-]|\.\w)")  # not where it only begins a longer name
    before = {
        root / name: [(filled(line, old_url, old_branch), filled(line, url, branch)) for line in lines]
        for name, lines in LINES.items()
    }
    changed = []
    for path in texts(root):
        content = path.read_bytes().decode("utf-8")  # as bytes: line ends stay as they are
        new = content
        for was, now in before.get(path, ()):
            new = re.sub(rf"^{re.escape(was)}$", lambda _, now=now: now, new, flags=re.M)
        new = old.sub(lambda _: url, new) if path.suffix != ".ipynb" else new
        if new != content:
            path.write_bytes(new.encode())
            changed.append(path)
    for path in sorted((root / "book").glob("[!.]*.ipynb")):
        if _moved(path, old, url, filled(INSTALL, url, branch)):
            changed.append(path)
    return changed


def _moved(path, old, url, cell_text):
    """Rewrite a notebook's install cells and whatever else names the address; its stored outputs stay valid."""
    nb = nbformat.read(path, as_version=4)
    before = nbformat.writes(nb)
    fresh = nb.metadata.get("srlib", {}).get("code_hash") == notebooks.code_hash(nb)
    for cell in nb.cells:
        cell.source = old.sub(lambda _: url, cell.source)
    for cell in install_cells(nb):
        cell.source = cell_text
    if fresh:  # the install cell prints nothing: the outputs are still those of the code
        nb.metadata.srlib.code_hash = notebooks.code_hash(nb)
    if nbformat.writes(nb) == before:
        return False
    notebooks.write(path, nb)
    return True


def main(argv=None, root=notebooks.ROOT):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", help="the new address, such as https://github.com/me/course")
    parser.add_argument("--branch", help="the branch that is published (default: as it is now)")
    args = parser.parse_args(argv)
    if args.url or args.branch:
        now = address(root)
        url = (args.url or now[0]).removesuffix("/").removesuffix(".git")
        if not re.fullmatch(r"https://[\w.-]+(/[\w.-]+){2,}", url):
            sys.exit(f"{url} is not the address of a repository. It looks like https://github.com/me/course.")
        for path in move(root, url, args.branch or now[1]):
            print(path.relative_to(root))
    said = check(root)
    for sentence in said:
        print(sentence, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
