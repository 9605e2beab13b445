"""What enlarging costs in a browser: CPU-milliseconds a megapixel beside torch on this machine, and beside a peer.

    make book; python benchmarks/browser.py [NAME ...] [--scale 2] [--side 256] [--peer]

The networks run as the page "Try it" runs them (onnxruntime-web, one thread). With ``--peer`` npm fetches the package
``upscaler`` with its default model into a temporary folder, and it runs beside them on TensorFlow.js. Counted is the
processor time of all of the browser's processes (Linux), so what several threads do is not free. PSNR: luma of the
middle of three photos that nothing was trained on, shrunk and enlarged again (protocol paper_rgb).
"""

import argparse
import functools
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch

from srlib import datasets, images, ledger, metrics, resize, tiling, weights

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the page as the tests drive it
from tryit_page import Lab, rgba  # noqa: E402

# A job without the numbers that only tests want, timed inside the page.
TIMED = """async ([which, scale, width, height, data]) => {
  const bytes = Uint8ClampedArray.from(atob(data), letter => letter.charCodeAt(0));
  const net = srTryit.networks.find(n => n.name === which && n.scale === scale) ?? srTryit.interpolation(which, scale);
  const brought = net.kernel ? {} : {runtime: await srTryit.asset("runtime"), packed: await srTryit.asset(net.file)};
  return (await srTryit.ask("run", {photo: {width, height, data: bytes}, net, ...brought})).ms / 1000;
}"""
PEER = ["upscaler@1.0.0", "@upscalerjs/default-model@1.0.0", "@tensorflow/tfjs@4", "@tensorflow/tfjs-backend-wasm@4"]
PEER_PAGE = """<!doctype html><meta charset="utf-8"><title>peer</title>
<script src="node_modules/@tensorflow/tfjs/dist/tf.min.js"></script>
<script src="node_modules/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js"></script>
<script src="node_modules/@upscalerjs/default-model/dist/umd/index.min.js"></script>
<script src="node_modules/upscaler/dist/browser/umd/upscaler.min.js"></script>"""
PEER_START = """async backend => {
  tf.wasm.setWasmPaths("/node_modules/@tensorflow/tfjs-backend-wasm/dist/");
  if (!await tf.setBackend(backend)) throw new Error("no " + backend);
  await tf.ready();
  window.peer = new Upscaler({model: {...DefaultUpscalerJSModel,
    path: "/node_modules/@upscalerjs/default-model/models/model.json"}});
  return tf.getBackend();
}"""
PEER_RUN = """async ([height, width, values]) => {
  const x = tf.tensor3d(values, [height, width, 3], "int32");
  const sr = await peer.execute(x, {output: "tensor"});
  const said = {shape: sr.shape, values: [...await sr.data()]};
  x.dispose(); sr.dispose();
  return said;
}"""


def cpu_seconds() -> float:
    """Processor time of all the processes that this one has started, and that still live."""
    parents, spent, tick = {}, {}, os.sysconf("SC_CLK_TCK")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        parents[int(folder.name)], spent[int(folder.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / tick
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(spent[pid] for pid in ours - {os.getpid()})


def served(folder: Path) -> str:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def pairs(scale: int, side: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Small photos and what they were: the middle of the bundled photos that are held out."""
    side -= side % scale
    found = []
    for photo in datasets.photos("bundled", split="test"):
        top, left = ((n - side) // 2 for n in photo.image.shape[1:])
        found.append(metrics.protocol("paper_rgb").pair(photo.image[:, top : top + side, left : left + side], scale))
    return found


def row(name: str, scale: int, cost: dict[str, float], sr: list[torch.Tensor], hr: list[torch.Tensor]) -> str:
    rules = metrics.protocol("paper_rgb")
    psnr = sum(rules(a, b, scale)["psnr"] for a, b in zip(sr, hr, strict=True)) / len(sr)
    megapixels = sum(b[0].numel() for b in hr) / 1e6
    costs = [f"{1000 * cost[k] / megapixels:>9.0f}" if k in cost else f"{'-':>9}" for k in ("cpu", "wall", "torch")]
    return f"{name:<28}{''.join(costs)}{psnr:>9.2f}"


def ours(page, name: str, scale: int, lr: list[torch.Tensor], hr: list[torch.Tensor]) -> str:
    """One network or "Bicubic": in the page, and by torch with one thread."""
    drawn = [page.drawn(name, scale, img)[0].clamp(0, 1) for img in lr]  # and now it is loaded and warm
    spent = cpu_seconds()
    wall = sum(page.page.evaluate(TIMED, [name, scale, img.shape[2], img.shape[1], rgba(img)]) for img in lr)
    cost = {"cpu": cpu_seconds() - spent, "wall": wall}
    net = None if name == "Bicubic" else weights.load(name, scale)
    draw = (lambda img: tiling.upscale(net, img)) if net else (lambda img: resize.resize(img, scale))
    draw(lr[0])
    began = time.process_time()
    for img in lr:
        draw(img)
    cost["torch"] = time.process_time() - began
    return row(f"{name} x{scale}", scale, cost, drawn, hr)


def peer(browser, lr: list[torch.Tensor], hr: list[torch.Tensor]) -> None:
    """``upscaler`` with its default model, which enlarges twofold, on TensorFlow.js in WebAssembly."""
    with tempfile.TemporaryDirectory() as folder:
        npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, *PEER]
        subprocess.run(npm, check=True, capture_output=True)
        Path(folder, "index.html").write_text(PEER_PAGE)
        address = served(Path(folder))
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(address)
        used = page.evaluate(PEER_START, "wasm")  # WebGL without a graphics card takes a hundred times as long
        inputs = [(img.shape[1], img.shape[2], images.to_uint8(img).flatten().tolist()) for img in lr]
        page.evaluate(PEER_RUN, inputs[0])
        began, spent = time.perf_counter(), cpu_seconds()
        said = [page.evaluate(PEER_RUN, given) for given in inputs]
        cost = {"cpu": cpu_seconds() - spent, "wall": time.perf_counter() - began}
        drawn = [np.array(one["values"], np.float32).reshape(one["shape"][-3:]) / 255 for one in said]
        drawn = [torch.from_numpy(one).movedim(-1, 0).clamp(0, 1) for one in drawn]
        print(row(f"upscaler default x2 ({used})", 2, cost, drawn, hr), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--side", type=int, default=256, help="side of the originals, pixels")
    parser.add_argument("--peer", action="store_true", help="also the npm package upscaler (fetched now)")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    torch.set_num_threads(1)
    about = ledger.provenance()
    print(f"{about['machine']}, torch {about['torch']}, 1 thread, commit {about['commit']}")
    lr, hr = (list(part) for part in zip(*pairs(options.scale, options.side), strict=True))
    print(f"x{options.scale}, {len(hr)} photos of {hr[0].shape[2]} x {hr[0].shape[1]}; ms a megapixel of result")
    print(f"{'':<28}{'page cpu':>9}{'wall':>9}{'torch':>9}{'PSNR':>9}")
    path = os.environ.get("SRLIB_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = Lab(browser, served(ROOT / "_build" / "html")).open()
        page.page.set_default_timeout(600_000)
        offered = [net["name"] for net in page.networks() if net["scale"] == options.scale]
        for name in ["Bicubic", *(options.names or offered)]:
            print(ours(page, name, options.scale, lr, hr), flush=True)
        page.page.close()
        if options.peer:
            if options.scale == 2:
                peer(browser, lr, hr)
            else:
                print("upscaler's default model enlarges twofold only.")
        browser.close()


if __name__ == "__main__":
    main()
