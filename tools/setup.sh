#!/bin/sh
# Make .venv and put the pinned packages and the course itself into it; quick and offline when nothing changed.
# usage: tools/setup.sh [VENV] ; TORCH_INDEX=<address> adds a package index (PyTorch's CPU index, for instance)
set -eu
cd "$(dirname "$0")/.."
venv=${1:-.venv}
stamp=$venv/.course-installed

# What was installed, and for which folder: compared by content, so that a fresh checkout's file times mean nothing.
want=$(pwd; cat pyproject.toml constraints.txt)
if [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
    exit 0
fi

suits() {  # runs, is 3.11 or newer, and can make virtual environments
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if ! suits "$venv/bin/python"; then
    python=
    # 3.14 and later come last: constraints.txt was made for 3.11 to 3.13.
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python3.14 python; do
        if command -v "$candidate" >/dev/null 2>&1 && suits "$candidate"; then python=$candidate; break; fi
    done
    if [ -z "$python" ]; then
        echo "This course needs Python 3.11 or newer with its venv module, and none was found." >&2
        echo "Install one (on Debian or Ubuntu: apt install python3.11 python3.11-venv), or name it: make lab PYTHON=/path/to/python3" >&2
        exit 1
    fi
    echo "Making $venv with $("$python" --version)."
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

rm -f "$stamp"
echo "Installing the course's packages into $venv (once; about 1.5 GB and a few minutes; more where torch comes with CUDA)."
quiet=--quiet
if [ -t 1 ]; then quiet=; fi
pip() {
    # shellcheck disable=SC2086  # $quiet and the index are zero or two words on purpose
    "$venv/bin/python" -m pip install $quiet --disable-pip-version-check ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt "$@"
}
# The build tools go in first, so that the editable install needs no network of its own.
# spandrel, which the tests compare with, goes in without its dependencies: it asks for torchvision, and they do not.
if ! { pip hatchling editables && pip --no-build-isolation -e ".[lab,book,test]" && pip --no-deps spandrel; }; then
    echo "The packages could not all be installed (the reason stands above; most often the network)." >&2
    echo "Run the same command again: what has arrived is kept." >&2
    exit 1
fi
printf '%s\n' "$want" > "$stamp"
