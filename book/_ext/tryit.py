"""The page "Try it", and what any chapter embeds of it: the lab's scripts, onnxruntime-web, and every shipped network.

Everything becomes a classic script that carries base64, because a page opened from a file may load those and nothing
else. Nothing is exported here: a network's graph lies in ``_tryit/graphs`` (``tools/tryit.py``), its weights in
``data/weights``, and joining the two takes milliseconds.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from safetensors.numpy import load as load_tensors
from sphinx.util import logging

from srlib import graphs

HOME = Path(__file__).resolve().parents[1] / "_tryit"
ROOT = HOME.parents[1]
WORKER = ("resize", "pixels", "scores", "network", "worker")  # in this order, one script
LAB = ("assets", "files", "jobs", "stage", "menu", "lab")
WRITTEN = {  # names as their papers write them; the others are capitals
    "lapsrn": "LapSRN",
    "srresnet": "SRResNet",
    "swinir": "SwinIR",
    "mobilesr": "MobileSR",
    "sprint": "Sprint (the course's own)",
    "red": "RED",
    "esrgan": "ESRGAN's generator",
    "esrgan_gan": "ESRGAN",
    "mprnet_denoise": "MPRNet, noise",
    "mprnet_derain": "MPRNet, rain",
}
PHOTOS = {"coffee": "a cup of coffee", "chelsea": "a cat", "rocket": "a rocket"}  # scikit-image's, public domain or CC0
log = logging.getLogger(__name__)


def packed(data: bytes) -> str:
    """As the worker unpacks it: base64 of gzip."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def script(name: str, content: object) -> str:
    """A script that hands its content to the lab."""
    return f"srTryit.got({json.dumps(name)}, {json.dumps(content)});\n"


def networks(weights: Path, graphs_in: Path) -> Iterator[tuple[dict, str]]:
    """What the menu says about each network that has weights and a graph, and the network itself, packed."""
    for graph in sorted(graphs_in.glob("*.onnx.gz")):
        label, _, scale = graph.name.removesuffix(".onnx.gz").rpartition("_x")
        hollow = gzip.decompress(graph.read_bytes())
        about = graphs.about(hollow)
        file = next(weights_for(weights, label, int(scale)), None)
        if file is None:
            continue  # not trained yet
        recipe = json.loads(file.with_suffix(".json").read_text())["recipe"]
        made = {key: recipe[key] for key in about["made"]} | {"scale": int(scale)}
        if made != about["made"]:
            log.warning("%s was trained with other arguments than its graph has: python tools/tryit.py graphs", label)
            continue
        whole = graphs.fill(hollow, load_tensors(file.read_bytes()))
        digest, text = hashlib.sha256(whole).hexdigest(), packed(whole)
        facts = {key: about[key] for key in ("scale", "space", "pre_upsampled", "halo", "grid")}
        yield (
            {
                "name": label,
                "label": WRITTEN.get(label, label.upper()),
                "year": (re.findall(r"\b20\d\d\b", about["title"]) or ["2026"])[-1],
                **facts,
                "bytes": len(text),
                "file": f"net-{file.stem}-{digest[:8]}",
                "sha256": digest,
            },
            text,
        )


def weights_for(folder: Path, label: str, scale: int) -> Iterator[Path]:
    """The file with a network's weights for a scale: its own, or one that serves several scales."""
    for file in sorted(folder.glob(f"{label}_x*.safetensors"), key=lambda f: f.stem != f"{label}_x{scale}"):
        recipe = json.loads(file.with_suffix(".json").read_text())["recipe"]
        if scale in (recipe.get("scales") or [recipe["scale"]]):
            yield file


def photo(name: str) -> str:
    """A photo of scikit-image as base64 of a JPEG that no eye tells from it."""
    folder = Path(importlib.util.find_spec("skimage").submodule_search_locations[0], "data")
    [source] = folder.glob(f"{name}.*")
    file = io.BytesIO()
    Image.open(source).convert("RGB").save(file, "JPEG", quality=95, subsampling=0)
    return base64.b64encode(file.getvalue()).decode()


def runtime() -> dict[str, str]:
    """onnxruntime-web: its script and its glue as text, its machine code packed."""
    vendor = HOME / "vendor"
    return {
        "script": (vendor / "ort.wasm.min.js").read_text(encoding="utf-8"),
        "glue": (vendor / "ort-wasm-simd-threaded.mjs").read_text(encoding="utf-8"),
        "wasm": base64.b64encode((vendor / "ort-wasm-simd-threaded.wasm.gz").read_bytes()).decode(),
    }


def source(names: tuple[str, ...]) -> str:
    return "\n".join((HOME / f"{name}.js").read_text(encoding="utf-8") for name in names)


def lab(menu: list[dict]) -> str:
    """The lab's own script: its worker travels in it as text."""
    constants = {
        "NETWORKS": menu,
        "PHOTOS": [{"name": name, "title": title} for name, title in PHOTOS.items()],
        "WORKER": source(WORKER),
    }
    given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    live = ROOT / "srlib" / "live"
    parts = "\n".join((live / f"{name}.js").read_text(encoding="utf-8") for name in ("parts", "wipe"))
    return f"(() => {{\n{given}{parts}\n{source(LAB)}}})();\n"


def files() -> Iterator[tuple[str, str]]:
    """Everything the lab may ask for: file name and text."""
    menu = []
    for about, text in networks(ROOT / "data" / "weights", HOME / "graphs"):
        menu.append(about)
        yield f"{about['file']}.js", script(about["file"], text)
    menu.sort(key=lambda about: (about["year"], about["label"]))
    yield "lab.js", lab(menu)
    yield "lab.css", (ROOT / "srlib" / "live" / "live.css").read_text() + (HOME / "lab.css").read_text()
    yield "runtime.js", script("runtime", runtime())
    for name in PHOTOS:
        yield f"photo-{name}.js", script(f"photo-{name}", photo(name))


def write(app, error):
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", "tryit")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = dict(files())
    for old in folder.iterdir():
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def add_loader(app, pagename, templatename, context, doctree):
    """The button's script, in the pages that have such a button and in no other."""
    if 'class="sr-live sr-try"' in context.get("body", ""):
        text = (HOME / "loader.js").read_text(encoding="utf-8")
        context["body"] += f"<script>{re.sub(r'/[*].*?[*]/', '', text, flags=re.S).strip()}</script>"


def setup(app):
    app.connect("html-page-context", add_loader)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
