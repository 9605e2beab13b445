"""The studio's widget: what Python shows on it, and the messages it sends back (see ``panel.js``).

JupyterLab delivers the messages through a kernel subshell, in a second thread, while the cell is busy; they only wait
in ``inbox`` until the training loop reads them between two steps. Where a step takes long, that thread says at once
that it has heard. Python alone writes what is shown, under ``lock``: two threads do.
"""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import anywidget
import traitlets

HERE = Path(__file__).parent
DEAF = (
    "This front end delivers what you touch only after the cell has ended (JupyterLab 4.4 or newer with ipykernel 7.1 "
    "or newer delivers it at once). The training goes on; interrupt the kernel to stop it."
)
SLOW = 0.1  # seconds of a step after which a message is confirmed before it acts
BUTTONS = {"pause": "Pause", "step": "One step", "reset": "Reset knobs"}
PATIENCE = 6.0  # seconds of running after which a front end that sent no sign of life is taken to be deaf


class Panel(anywidget.AnyWidget):
    """Controls and views of one studio. Everything here is written by Python and read by the page."""

    _esm = (HERE / "charts.js").read_text("utf-8") + (HERE / "panel.js").read_text("utf-8")
    _css = (HERE / "panel.css").read_text("utf-8")

    title = traitlets.Unicode().tag(sync=True)
    file = traitlets.Unicode().tag(sync=True)
    controls = traitlets.List().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    phase = traitlets.Unicode("ready").tag(sync=True)  # "ready", "running", "paused" or "ended"
    heard = traitlets.Bool(False).tag(sync=True)  # has a message come through while a cell was busy?
    status = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    waiting = traitlets.Unicode().tag(sync=True)  # what was heard and acts after the step that is being taken
    turned = traitlets.List().tag(sync=True)  # [step, words]
    marks = traitlets.List().tag(sync=True)  # [step, numbers of those]
    curves = traitlets.List().tag(sync=True)
    pictures = traitlets.List().tag(sync=True)

    def __init__(self, **shown) -> None:
        super().__init__(**shown)
        self.inbox: SimpleQueue[dict] = SimpleQueue()
        self.lock = threading.RLock()
        self.working_since: float | None = None  # since when the loop has not looked into the inbox; None: it watches
        self.lately = math.inf  # seconds between its last two glances
        self.running_since: float | None = None
        self.idle = lambda: None  # called when a message comes in while no training runs
        self.on_msg(self._receive)
        # ipykernel 7.4 sends a widget's messages to the shell that wrote to it last, which here is the busy one
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda data, default: default

    def _receive(self, _, content: dict, buffers) -> None:
        with self.lock:
            if content.get("kind") != "beat":
                self.inbox.put(content)
                if self.busy:
                    self.waiting = self._heard(content)
            if self.running_since is not None:
                self.heard = True
                return
        self.idle()

    @property
    def busy(self) -> bool:
        """Will it be long before the loop looks into the inbox again?"""
        if self.running_since is None or self.working_since is None:
            return False
        return max(time.monotonic() - self.working_since, self.lately) > SLOW

    def glance(self) -> None:
        """The loop has taken over what was in the inbox, and works on."""
        now = time.monotonic()
        with self.lock:
            self.lately = math.inf if self.working_since is None else now - self.working_since
            self.working_since = now
            if self.waiting and self.inbox.empty():
                self.waiting = ""

    def _heard(self, message: dict) -> str:
        """The words that confirm a message."""
        if message["kind"] == "press":
            name = message["button"]
            return f"Heard: {BUTTONS.get(name, name.capitalize())}; it acts after this step."
        name, value = message["name"], message["value"]
        value = f"{value:.3g}" if isinstance(value, float) else value
        label = next((c["label"] for c in self.controls if c["name"] == name), name)
        said = ("on" if value else "off") if isinstance(value, bool) else value
        when = "it is used at Restart" if name == "seed" or "arguments." in name else "it acts after this step"
        return f"Heard: {label} {said}; {when}."

    @property
    def deaf(self) -> bool:
        """Has nothing come through for so long that the learner should be told?"""
        waited = self.running_since is not None and time.monotonic() - self.running_since > PATIENCE
        return waited and not self.heard
