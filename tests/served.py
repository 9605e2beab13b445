"""The built website for the tests: as files, and served on this machine as a host would serve it."""

import functools
import http.server
import subprocess
import sys
import threading

import pytest


@pytest.fixture(scope="session")
def site(root):
    """The site, built again where a source is newer than it (a few seconds; nothing is executed)."""
    html = root / "_build" / "html"
    sources = [root / "_config.yml", *(path for path in (root / "book").rglob("[!.]*") if path.is_file())]
    sources += (root / "data" / "weights").glob("*.safetensors")  # they run in the page "Try it"
    index = html / "searchindex.js"  # written last
    if not index.exists() or index.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        build = "from jupyter_book.cli.main import main; main()"
        options = ["build", "book", "--config", "_config.yml", "--path-output", ".", "--all"]
        done = subprocess.run([sys.executable, "-c", build, *options], cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return html


@pytest.fixture(scope="session")
def address(site):
    """The site served on this machine, as a host would serve it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
