"""What all tests share: quiet threads, a browser, and the folder of real photographs where there is one."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if "PYTEST_XDIST_WORKER" in os.environ:  # several workers: one thread each, set before torch is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("SRLIB_LIVE", "0")
os.environ.setdefault("SRLIB_THREADS", "1")  # else the clock would choose, and bits depend on that

import hypothesis  # noqa: E402
import pytest  # noqa: E402
import realphotos  # noqa: E402, F401 (before any test hides them: where this machine has its photos)
from in_lab import lab  # noqa: E402, F401 (a fixture: one JupyterLab for all tests that need one)
from served import address, site  # noqa: E402, F401 (fixtures: the built website)

# Timings say nothing on a busy machine, and a failure must come back the next time.
hypothesis.settings.register_profile("course", deadline=None, derandomize=True, max_examples=40)
hypothesis.settings.load_profile("course")


def load_tool(name):
    """Import tools/<name>.py, which is a script and no part of the package."""
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def nobodys_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def newcomer(request, monkeypatch, nobodys_cache):
    """A unit test finds no photos, downloads or settings of this machine; :mod:`realphotos` lets it see the photos.

    Whole notebooks, the site and JupyterLab run with what the machine has: CI runs them on a newcomer's, too.
    """
    if any(request.node.get_closest_marker(name) for name in ("notebooks", "site", "browser")):
        return
    for name in ("SRLIB_PHOTOS", "SRLIB_TIER", "SRLIB_RESULTS", "SRLIB_DETERMINISTIC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SRLIB_CACHE", str(nobodys_cache))
    from srlib import paths

    monkeypatch.setattr(paths, "BESIDE", nobodys_cache / "none")


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def notebook_tool():
    return load_tool("notebooks")


@pytest.fixture(scope="session")
def lab_tool():
    return load_tool("lab")


@pytest.fixture(scope="session")
def pack_tool():
    return load_tool("pack")


@pytest.fixture(scope="session")
def browser():
    """A Chromium that is on this machine already: $SRLIB_CHROMIUM, or one on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = os.environ.get("SRLIB_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        wanted = "no Chromium was found: install one (apt install chromium) or name it in SRLIB_CHROMIUM"
        if os.environ.get("SRLIB_REQUIRE_BROWSER"):
            pytest.fail(wanted)
        pytest.skip(wanted)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
