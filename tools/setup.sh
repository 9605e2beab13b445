#!/bin/sh
# Make .venv and put the pinned packages and the course itself into it; quick and offline when nothing changed.
# usage: tools/setup.sh [VENV] ; TORCH_INDEX=<address> adds a package index (PyTorch's CPU index, for instance)
set -eu
cd "$(dirname "$0")/.."
venv=${1:-.venv}
stamp=$venv/.course-installed

# What was installed, and for which folder: compared by content, so that a fresh checkout's file times mean nothing.
# tools/install.py writes the stamp last, when everything is in.
want=$(pwd -P; cat pyproject.toml constraints.txt)
if [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
    exit 0
fi

suits() {  # runs, is 3.11 or newer, and can make virtual environments
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# 3.14 and later come last: constraints.txt was made for 3.11 to 3.13.
for python in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3 python3.14 python; do
    if command -v "$python" >/dev/null 2>&1 && suits "$python"; then
        exec "$python" tools/install.py "$venv"
    fi
done
echo "This course needs Python 3.11 or newer with its venv module, and none was found." >&2
echo "Install one (on Debian or Ubuntu: apt install python3.11 python3.11-venv), or name it: make lab PYTHON=/path/to/python3" >&2
exit 1
