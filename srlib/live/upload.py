"""JupyterLab's half of ``try_it``: a photo of the reader's own, a network, a button. Nothing leaves the machine."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
from IPython.display import display

from srlib import datasets, weights
from srlib.figures import Html
from srlib.live import larger
from srlib.live.page import starter

EVERY = 0.1  # seconds between two messages about progress
NO_MEMORY = "There is not enough memory for this. Take a smaller photo, a smaller scale or a smaller network."


class Upload:
    """Two outputs of one cell: ``said``, which is left in the saved notebook, and the widgets, which hide it meanwhile.

    The work runs on a thread of its own, one photo at a time, so that Cancel acts in every front end.
    """

    def __init__(self, said: Html, network: str | None, scale: int) -> None:
        self.said = said
        trained = weights.available()
        names = sorted({name for name, _ in trained})
        own = {"style": {"description_width": "initial"}}
        self.scales = {name: [s for n, s in trained if n == name] for name in names}
        self.file = ipywidgets.FileUpload(accept="image/*", description="Choose a photo", layout={"width": "auto"})
        bundled = [("or one of these", ""), *((name, name) for name in datasets.photos("bundled").names)]
        self.bundled = ipywidgets.Dropdown(options=bundled, **own)
        self.network = ipywidgets.Dropdown(options=names, description="Network", **own)
        self.scale = ipywidgets.Dropdown(description="Scale", **own)
        self.button = ipywidgets.Button(description="Enlarge", button_style="primary")
        self.cancel = ipywidgets.Button(description="Cancel", disabled=True)
        self.bar = ipywidgets.IntProgress(layout={"display": "none"})
        self.status, self.out = ipywidgets.HTML(), ipywidgets.Output()
        self.photo, self.stopped, self.worker = None, threading.Event(), None

        self.file.observe(self._uploaded, "value")
        self.bundled.observe(self._chosen, "value")
        self.network.observe(self._offer_scales, "value")
        self.button.on_click(lambda _: self.start())
        self.cancel.on_click(lambda _: self.stopped.set())
        self.network.value = network if network in names else "sprint" if "sprint" in names else names[0]
        self._offer_scales()
        if scale in self.scales[self.network.value]:
            self.scale.value = scale
        self._say("Choose a photo. It stays on the machine that runs this notebook.")
        rows = [[self.file, self.bundled], [self.network, self.scale, self.button, self.cancel]]
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        rows.append([self.bar, self.status])
        self.box = ipywidgets.VBox([*(ipywidgets.HBox(row, layout=wrap) for row in rows), self.out])
        self.box.add_class("sr-beyond")

    def _ipython_display_(self) -> None:
        aside = starter("try", ("spare", "aside"))
        display(Html(self.said.markup + aside, self.said.text))
        display(self.box)

    def _say(self, words: str) -> None:
        self.status.value = f'<p role="status">{html.escape(words)}</p>'

    def _offer_scales(self, _=None) -> None:
        before = self.scale.value
        offered = self.scales[self.network.value]
        self.scale.options = [("restore (x1)" if s == 1 else f"x{s}", s) for s in offered]
        self.scale.value = before if before in offered else offered[0]

    def _uploaded(self, _) -> None:
        if self.file.value:
            given = self.file.value[0]
            self.file.value = ()  # so that the same file can be chosen again
            self._take(lambda: larger.read(given["name"], bytes(given["content"])))
            self.bundled.value = ""

    def _chosen(self, _) -> None:
        if name := self.bundled.value:
            self._take(lambda: larger.Photo(name, datasets.photos("bundled")[name].image))

    def _take(self, photo) -> None:
        try:
            self.photo = photo()
            self._say(self.photo.said)
        except Exception as error:
            self.photo = None
            self._say(f"✗ {sentence(error)}")

    def start(self) -> None:
        """Enlarge the chosen photo, on a thread."""
        if self.worker and self.worker.is_alive():
            return
        if self.photo is None:
            self._say("✗ Choose a photo first: your own, or one of those in the list.")
            return
        self.stopped.clear()
        work = (self.photo, self.network.value, self.scale.value)
        self.worker = threading.Thread(target=self._work, args=work, daemon=True)
        self._busy(True)
        self._say(f"{work[1]} at x{work[2]} is at work on {work[0].name}.")
        self.worker.start()

    def _work(self, photo: larger.Photo, network: str, scale: int) -> None:
        try:
            shown = larger.report(larger.enlarge(photo, network, scale, self._watched), Path.cwd())
            self.out.outputs = ()
            self.out.append_display_data(shown)
            self._say("Done. Drag on a picture to move the wipe.")
        except Cancelled:
            self._say("Cancelled.")
        except Exception as error:  # whatever it is, the reader gets a sentence and the next photo is welcome
            self._say(f"✗ {sentence(error)}")
        finally:
            self._busy(False)

    def _busy(self, busy: bool) -> None:
        self.button.disabled, self.cancel.disabled = busy, not busy
        self.bar.value, self.bar.layout.display = 0, "" if busy else "none"

    def _watched(self, tiles: list) -> Iterator:
        """The tiles, while the bar follows and Cancel is heard."""
        self.bar.max, told = len(tiles), 0.0
        for number, tile in enumerate(tiles):
            if self.stopped.is_set():
                raise Cancelled
            if time.monotonic() - told >= EVERY:
                told, self.bar.value = time.monotonic(), number
            yield tile


class Cancelled(Exception):
    """The reader pressed Cancel."""


def sentence(error: Exception) -> str:
    """An error as a sentence for the reader."""
    said = str(error).strip()
    memory = isinstance(error, RuntimeError) and "memory" in said.lower()  # torch's own kind
    if memory or isinstance(error, MemoryError):
        return NO_MEMORY
    return said if isinstance(error, ValueError | OSError) and said else f"{type(error).__name__}: {said}"
