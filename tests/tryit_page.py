"""The page *Try it* as a test drives it: opened, given photos, and asked for the numbers before they are rounded."""

import base64
import io

import numpy as np
import torch
from PIL import Image

from srlib import images

RUN = """async ([which, scale, width, height, data, plan, original]) => {
  const bytes = text => Uint8ClampedArray.from(atob(text), letter => letter.charCodeAt(0));
  const net = srTryit.networks.find(n => n.name === which && n.scale === scale) ?? srTryit.interpolation(which, scale);
  const [runtime, packed] = net.kernel ? [] : await Promise.all([srTryit.asset("runtime"), srTryit.asset(net.file)]);
  const photo = {width, height, data: bytes(data)};
  const truth = original && {width: scale * width, height: scale * height, data: bytes(original)};
  const out = await srTryit.ask("run", {photo, net, runtime, packed, plan, original: truth, floats: true});
  const planes = new Float32Array(3 * out.width * out.height);
  out.planes.forEach((plane, c) => planes.set(plane, c * out.width * out.height));
  const text = bytes => {
    let said = "";
    for (let i = 0; i < bytes.length; i += 8192) said += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(said);
  };
  return {width: out.width, height: out.height, exact: out.exact, scores: out.scores,
    floats: text(new Uint8Array(planes.buffer)), data: text(out.data)};
}"""

# Every frame's length, from now on; the page must not be busy for longer than a few of them.
FRAMES = """() => { window.gaps = []; let last = performance.now();
  const tick = now => { gaps.push(now - last); last = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""

# Milliseconds from a press of Cancel until the lab is ready for the next photo.
CANCEL = """async () => {
  const began = performance.now(), bar = document.querySelector(".sr-go progress");
  [...document.querySelectorAll(".sr-go button")].find(b => b.textContent === "Cancel").click();
  while (!bar.hidden) await new Promise(done => setTimeout(done, 1));
  return performance.now() - began;
}"""

DROP = """([text, name, type, paste]) => {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0)), held = new DataTransfer();
  held.items.add(new File([bytes], name, {type}));
  const options = {bubbles: true, cancelable: true};
  if (paste) document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: held, ...options}));
  else document.querySelector(".sr-drop").dispatchEvent(
    new DragEvent("drop", {dataTransfer: held, ...options}));
}"""


def rgba(img):
    """A picture ``(3, H, W)`` as the base64 of its RGBA bytes."""
    array = images.to_uint8(img)
    opaque = np.full((*array.shape[:2], 1), 255, np.uint8)
    return base64.b64encode(np.concatenate([array, opaque], 2).tobytes()).decode()


def file(array, kind="PNG", **options):
    """An array, or a Pillow picture, as the bytes of a file."""
    out = io.BytesIO()
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(out, kind, **options)
    return out.getvalue()


class Lab:
    """One page with the lab in it; ``asked`` lists the addresses of every request, ``said`` what its console held."""

    def __init__(self, context, address, path="83_tryit.html", button="Open the lab"):
        self.asked, self.said = [], []
        self.page = context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("console", lambda said: self.said.append(said.text) if said.type == "error" else None)
        self.page.goto(f"{address}/{path}", wait_until="networkidle")
        self.before = list(self.asked)
        self.button = button

    def open(self):
        self.page.get_by_role("button", name=self.button).click()
        self.page.wait_for_selector(".sr-try .sr-drop")
        return self

    def status(self):
        return self.page.locator(".sr-status").inner_text()

    def rest(self, timeout=120_000):
        """Wait until the lab is idle; what it then says."""
        self.page.wait_for_function("() => document.querySelector('.sr-go progress').hidden", timeout=timeout)
        return self.status()

    def give(self, content, name="photo.png", type="image/png", paste=False):
        """Drop or paste a file."""
        self.page.evaluate(DROP, [base64.b64encode(content).decode(), name, type, paste])
        self.page.wait_for_function("() => !document.querySelector('.sr-status').textContent.startsWith('No photo')")
        return self.rest()

    def choose(self, method, scale=2, shrink=True):
        self.page.get_by_label(f"×{scale}" if scale > 1 else "restore", exact=True).check()
        value = self.page.locator("select option", has_text=method).first.get_attribute("value")
        self.page.get_by_label("Method").select_option(value)
        self.page.get_by_label("Shrink the photo first").set_checked(shrink)

    def run(self, method, scale=2, shrink=True, timeout=120_000):
        self.choose(method, scale, shrink)
        self.page.get_by_role("button", name="Run").click()
        return self.rest(timeout)

    def networks(self):
        """What the menu offers: a list of dictionaries, as ``book/_ext/tryit.py`` wrote it."""
        return self.page.evaluate("() => srTryit.networks")

    def drawn(self, name, scale, img, plan=None, truth=None):
        """``(picture before rounding, after it as bytes, all the worker said)``, by the worker itself."""
        data = None if truth is None else rgba(truth)
        said = self.page.evaluate(RUN, [name, scale, img.shape[2], img.shape[1], rgba(img), plan, data])
        shape = said["height"], said["width"]
        floats = np.frombuffer(base64.b64decode(said["floats"]), np.float32).reshape(3, *shape)
        pixels = np.frombuffer(base64.b64decode(said["data"]), np.uint8).reshape(*shape, 4)
        return torch.from_numpy(floats.copy()), pixels, said
