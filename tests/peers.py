"""Independent implementations from spandrel, beside ours, in a process of their own.

spandrel imports torchvision for networks that are not looked at here, and there is no CPU build of that: it is stubbed.
"""

import importlib.util
import os
import subprocess
import sys

import pytest

NO_TORCHVISION = """
import sys, types, importlib.abc, importlib.machinery

class Stub(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *a, **k: None

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        return Stub(spec.name)
    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Finder())
import torch
"""


def printed(program):
    """The lines that a program prints which imports spandrel; a skip without it (a failure if SRLIB_REQUIRE_PEERS)."""
    if importlib.util.find_spec("spandrel") is None:
        why = "spandrel is not here: pip install --no-deps spandrel (make setup does it)"
        pytest.fail(why) if os.environ.get("SRLIB_REQUIRE_PEERS") else pytest.skip(why)
    done = subprocess.run([sys.executable, "-c", NO_TORCHVISION + program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()
