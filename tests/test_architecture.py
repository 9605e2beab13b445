"""The layers of the design: an arrow only ever points down, none in a circle, and importing is quick and silent."""

import ast
import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import srlib

PACKAGE = Path(srlib.__file__).parent

#: From the ground up. A module may import from its own layer and from those before it.
LAYERS = (
    ("checks", "paths", "devices", "checkpoints", "interruptions", "parallel", "sentences", "threads"),
    ("images", "resize", "metrics", "losses", "classical", "figures"),
    ("degrade", "motion", "tiling", "synthetic", "download", "datasets", "sampling", "perceptual", "naturalness"),
    ("models",),
    ("recipes", "weights", "papers", "ledger", "fingerprints", "graphs"),
    ("knobs", "starts"),
    ("train", "adversarial", "ownpairs", "benchmark", "quoted", "export", "enlarging", "doctor"),
    ("campaign",),
    ("live", "exercises", "cli", "__main__"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(PACKAGE)], "srlib."))


def source(module):
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported(tree):
    """The modules of srlib that a file imports, also inside functions, but not for the type hints alone."""
    found = set()
    hints = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    spared = {id(n) for block in hints for n in ast.walk(block)}
    for node in (n for n in ast.walk(tree) if id(n) not in spared):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            written = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= written if written <= set(MODULES) else written | {node.module}
    return found & set(MODULES)


IMPORTS = {module: imported(ast.parse(source(module).read_text())) for module in MODULES}


def part(module):
    return module.split(".")[1]


def test_every_module_has_its_layer():
    assert {part(m) for m in MODULES} == set(LEVEL)


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_upward(module):
    for other in IMPORTS[module]:
        assert LEVEL[part(other)] <= LEVEL[part(module)], f"{module} imports {other}, which lies above it"


def test_nothing_imports_in_a_circle():
    """Not for a type hint, either: a Protocol says what is needed, and names nobody."""
    done = set()
    for module in MODULES:
        assert "TYPE_CHECKING" not in source(module).read_text() or module == "srlib.cli", module  # it spares torch

    def visit(module, path):
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for other in sorted(IMPORTS[module]):
                visit(other, [*path, module])
            done.add(module)

    for module in MODULES:
        visit(module, [])


def test_the_packages_own_list_is_complete_and_in_order():
    """srlib's docstring lists every module, each after all that it imports."""
    listed = re.findall(r"^    (\w+)  +\S", srlib.__doc__, re.M)
    assert sorted(listed) == sorted({part(m) for m in MODULES})
    place = {name: number for number, name in enumerate(listed)}
    late = [
        f"{part(module)} imports {part(other)}, listed after it"
        for module in MODULES
        for other in IMPORTS[module]
        if place[part(other)] > place[part(module)]
    ]
    assert not late, "\n".join(sorted(set(late)))


def test_the_test_itself_sees_imports():
    tree = ast.parse(
        "from srlib import images\ndef f():\n    import srlib.train\n    from srlib.live import quiz\n"
        "from srlib.recipes import get\nif TYPE_CHECKING:\n    from srlib import cli"
    )
    assert imported(tree) == {"srlib.images", "srlib.train", "srlib.live.quiz", "srlib.recipes"}


def loaded(code):
    """The top-level modules that a fresh interpreter holds after running ``code``."""
    program = f"import sys\n{code}\nprint(' '.join({{m.partition('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_importing_srlib_imports_nothing_else():
    assert not loaded("import srlib") & {"torch", "numpy", "matplotlib", "ipywidgets", "skimage", "PIL"}


def test_training_needs_no_plots_and_no_widgets():
    found = loaded("from srlib import train, weights, datasets, degrade")
    assert "torch" in found
    assert not found & {"matplotlib", "ipywidgets", "skimage", "IPython", "typer", "torchvision"}


def test_the_command_line_starts_without_torch():
    assert "torch" not in loaded("import srlib.cli")


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_the_documentation_are_true(module):
    if module == "srlib.__main__":
        return
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(importlib.import_module(module), optionflags=options).failed == 0


@pytest.mark.parametrize("module", MODULES)
def test_a_file_can_be_read_in_one_sitting(module):
    text = source(module).read_text()
    assert ast.get_docstring(ast.parse(text)), "say first what the file is for"
    assert len(text.splitlines()) <= 400
