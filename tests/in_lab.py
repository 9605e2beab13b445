"""A real JupyterLab in a real browser: what the tests that drive it share."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def lab(root, tmp_path_factory):
    """JupyterLab as `make lab` starts it, at the smoke tier and on copies of its own."""
    home = tmp_path_factory.mktemp("lab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "SRLIB_TIER": "smoke",
        "OMP_NUM_THREADS": "1",
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    environment.pop("SRLIB_LIVE", None)
    options = ["--no-browser", "--port", str(port), "--IdentityProvider.token=letmein"]
    options.append("--LabApp.expose_app_in_browser=True")  # so that the tests can ask what the kernel does
    log = open(home / "log", "w+")
    server = subprocess.Popen(
        [sys.executable, str(root / "tools" / "lab.py"), "--work", str(home / "work"), *options],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(720):
        try:
            urllib.request.urlopen(f"{address}/api?token=letmein", timeout=2).read()
            break
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.25)
    else:
        server.kill()
    log.seek(0)
    assert server.poll() is None, f"JupyterLab did not start:\n{log.read()[-3000:]}"
    yield address, home / "work"
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
    log.close()


STATE = """() => {
  const app = window.jupyterapp, panel = app && app.shell.currentWidget;
  if (!panel || !panel.context || !panel.context.model || !panel.content.widgets) return null;
  const cells = panel.content.model.sharedModel.cells.filter(cell => cell.cell_type === "code");
  const outputs = [...panel.content.model.cells].filter(c => c.type === "code").map(c => c.outputs.toJSON());
  return {
    name: panel.context.path,
    kernel: panel.sessionContext.session?.kernel?.status ?? "none",
    cells: cells.length,
    pending: [...panel.content.model.cells].filter(c => c.type === "code" && c.sharedModel.getSource().trim()
      && c.executionCount === null).length,
    errors: outputs.flat().filter(o => o.output_type === "error").map(o => `${o.ename}: ${o.evalue}`),
    counts: [...panel.content.model.cells].filter(c => c.type === "code").map(c => c.executionCount),
  };
}"""


def wait_for(page, wanted, seconds, what):
    end = time.monotonic() + seconds
    state = None
    while time.monotonic() < end:
        state = page.evaluate(STATE)
        if state and wanted(state):
            return state
        page.wait_for_timeout(250)
    raise AssertionError(f"{what}: not within {seconds} s; last seen: {state}")


def open_in_lab(browser, address, name):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    # a workspace of its own: JupyterLab would open the tabs of the tests before, too
    page.goto(f"{address}/lab/workspaces/{Path(name).stem}/tree/{name}?token=letmein", timeout=60_000)
    wait_for(page, lambda state: state["name"] == name and state["kernel"] == "idle", 90, f"{name} opens")
    return page
