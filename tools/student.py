"""Hand out the notebooks without their solutions: copies in _build/student/.

    python tools/student.py [srcnn ...] [--out FOLDER]

A solution is a code cell whose first line starts with `# Solution`. It goes with its outputs, and so does everything
after it up to the next heading: that comments on the solution, or computes with it. Exercises, hints and all other
outputs stay. Quizzes stay too, and have to keep their answers: the explanation that
appears on a click is in the cell itself, folded away.
"""

import argparse
import copy
import sys
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for `notebooks`, however this file was loaded
import notebooks

OUT = notebooks.ROOT / "_build" / "student"


def is_solution(cell):
    return cell.cell_type == "code" and cell.source.lstrip().startswith("# Solution")


def without_solutions(nb):
    """A copy of the notebook as a student gets it; its code hash is that of the code that is left."""
    nb = copy.deepcopy(nb)
    kept, after_solution = [], False
    for cell in nb.cells:
        heading = cell.cell_type == "markdown" and cell.source.lstrip().startswith("#")
        after_solution = is_solution(cell) or (after_solution and not heading)
        if not after_solution:
            kept.append(cell)
    nb.cells = kept
    if "srlib" in nb.metadata:
        nb.metadata.srlib.code_hash = notebooks.code_hash(nb)
    return nb


def hand_out(path, folder):
    """Write the student's copy of one notebook; return how many cells it lacks."""
    nb = nbformat.read(path, as_version=4)
    copied = without_solutions(nb)
    folder.mkdir(parents=True, exist_ok=True)
    notebooks.write(folder / path.name, notebooks.normalise(copied))
    return len(nb.cells) - len(copied.cells)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="notebooks, by name or path (default: all of book/)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the copies (default: _build/student)")
    args = parser.parse_args(argv)
    for path in notebooks.notebooks(args.names):
        print(f"{notebooks.called(path)}: {hand_out(path, args.out)} cells taken out")
    print(f"The copies are in {args.out}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
