"""What ``tools/gpu_check.py`` tries on a GPU, one part a process: ``python tools/gpu_parts.py PART --device cuda``.

Every line that a part finds is printed at once. Parts compare the GPU with the processor, the course's reference.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
MARK = "GPU_CHECK "  # as in gpu_check.py
FIRST = ("index", "problem", "srcnn", "fsrcnn", "edsr", "mobilesr", "realworld")  # these once broke on a GPU
DIV2K = 800 * 2040 * 1356  # pixels: 800 photos, most of them of this size or a little larger


class Part:
    """What a part is given: the device, its time, and where to write; ``say`` reports a line."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.quick, self.out, self.device = options.quick, Path(options.out), chosen(options.device)
        self.deadline = time.monotonic() + options.seconds

    def say(self, what: str, result: str, ok: bool | None = None, **more) -> None:
        print(MARK + json.dumps({"what": what, "result": result, "ok": ok, **more}), flush=True)

    @property
    def left(self) -> float:
        """Seconds until this part is stopped."""
        return self.deadline - time.monotonic()


def chosen(name: str) -> str:
    """The device by name; a GPU for "auto"."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    sys.exit(f"torch {torch.__version__} finds no GPU here. --device cpu tries this program without one.")


def environment(part: Part) -> None:
    part.say("Python, torch", f"{platform.python_version()}, torch {torch.__version__}, {platform.system()}")
    part.say("processor", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads")
    if part.device == "cuda":
        about = torch.cuda.get_device_properties(0)
        memory = f"{about.total_memory / 2**30:.0f} GiB, compute capability {about.major}.{about.minor}"
        part.say("GPU", f"{about.name}, {memory}, {torch.cuda.device_count()} of them")
        part.say("CUDA, cuDNN", f"{torch.version.cuda}, {torch.backends.cudnn.version()}")
        part.say("bfloat16", "built in" if torch.cuda.is_bf16_supported(including_emulation=False) else "not built in")
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        try:
            part.say("driver", subprocess.run(asked, capture_output=True, text=True, timeout=20).stdout.split()[0])
        except (OSError, IndexError, subprocess.TimeoutExpired) as error:
            part.say("driver", f"nvidia-smi does not tell ({error})")
    a = torch.randn(64, 64)
    apart = float(((a.to(part.device) @ a.to(part.device)).cpu() - a @ a).abs().max())
    part.say("it computes", f"off by {apart:.1e} in a product of 64 x 64 matrices", apart < 0.1)


def networks(part: Part) -> None:
    """Each network's picture and gradient, in 32 bits, from the same weights on both devices."""
    from srlib import models

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    size, side = ("course", 16) if part.quick else ("paper", 32)
    for name in models.names():
        torch.manual_seed(0)
        net = models.create(name, size=size).train()
        x = torch.rand(1, 1 if net.space == "y" else 3, side, side)
        found = []
        for device in ("cpu", part.device):
            net.zero_grad()
            y = net.to(device)(x.to(device))
            y.square().mean().backward()
            gradient = torch.cat([p.grad.flatten().cpu() for p in net.parameters() if p.grad is not None])
            found.append((y.detach().cpu(), gradient))
        (y, gradient), (y_there, gradient_there) = found
        picture = float((y - y_there).norm() / y.norm())
        slope = float((gradient - gradient_there).norm() / gradient.norm())
        close = picture < 1e-3 and slope < 0.05
        part.say(name, f"picture off by {picture:.1e}, gradient by {slope:.1e} of its length", close)


def recipes(part: Part) -> None:
    """Two steps, a look and the gain of every recipe, as chapters begin."""
    from srlib import adversarial, train
    from srlib import recipes as all_recipes

    with tempfile.TemporaryDirectory() as folder:
        drawn(Path(folder))
        for name in all_recipes.names() + all_recipes.games():
            game = name in all_recipes.games()
            recipe = all_recipes.get(name, 4 if game else None)
            given = {"data": [f"{folder}/"], "held_out": f"{folder}/", "steps": 2, "every": 1, "batch": 2}
            try:
                fit = adversarial.fit if game else train.fit
                run = fit(recipe, "smoke", device=part.device, **given, patch=16 if game else 8).finish()
                loss = run.history[-1].loss
                part.say(name, f"loss {loss:.4f}, {run.gain():+.2f} dB after two steps", math.isfinite(loss))
            except Exception as error:
                part.say(name, f"{type(error).__name__}: {error}", False)


def drawn(folder: Path) -> Path:
    """Two small pictures, one to train on and one to hold out: decoding photos would take longer than two steps."""
    from srlib import images, synthetic

    folder.mkdir(exist_ok=True)
    for seed in range(2):
        images.save(folder / f"{seed}.png", synthetic.picture(seed, side=96))
    return folder


def speed(part: Part) -> None:
    """EDSR-baseline at its paper's size, in bfloat16 and in 32 bits, beside what a product of matrices reaches."""
    bench = module(ROOT / "benchmarks" / "gpu_train.py")
    tier, steps, warm, side = ("smoke", 3, 1, 128) if part.quick else ("full", 200, 20, 8192)
    given = {"device": part.device, "init": "network"} | ({} if part.quick else {"patch": 48, "batch": 16})
    for half, dtype, words in ((True, torch.bfloat16, "bfloat16"), (False, torch.float32, "32 bits")):
        most = bench.peak(part.device, dtype, side)
        found = bench.measure("edsr", tier, steps, warm, half=half, **given)
        rate = f"{found['samples']:.0f} samples/s, {1000 * found['seconds']:.1f} ms a step"
        share = f"{found['tflops']:.2f} TFLOP/s, {found['tflops'] / most:.1%} of {most:.3g}"
        memory = f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if part.device == "cuda" else ""
        fine = math.isfinite(found["loss"])
        part.say(f"EDSR x2, {words}", f"{rate}, {share}{memory}; loss {found['loss']:.4f}", fine, peak=most, **found)


def resume(part: Part) -> None:
    """A training twice, and once interrupted: how far apart are the weights?"""
    from srlib import recipes as all_recipes
    from srlib import train

    exactly = os.environ.get("SRLIB_DETERMINISTIC") == "1"
    steps = 4 if part.quick else 40
    recipe = all_recipes.get("edsr")

    def trained(folder: str, checkpoint: Path | None = None, until: int = steps) -> torch.Tensor:
        # "constant": the first half must not know how long the whole is
        given = {"steps": until, "schedule": "constant", "every": 10**6, "data": [folder], "held_out": folder}
        run = train.fit(recipe, "smoke", device=part.device, checkpoint=checkpoint, **given)
        begun = len(run.history)
        run.look = lambda: (0.0, None)  # the last step would look at the held-out photos
        run.finish()
        assert len(run.history) - begun == (until if checkpoint is None or until < steps else steps // 2)
        return torch.cat([p.detach().cpu().flatten() for p in run.model.parameters()])

    with tempfile.TemporaryDirectory() as folder:
        file, photos = Path(folder) / "a.ckpt", f"{drawn(Path(folder) / 'photos')}/"
        whole, again = trained(photos), trained(photos)
        trained(photos, file, steps // 2)
        resumed = trained(photos, file)
    for what, other in (("the same training again", again), ("interrupted and resumed", resumed)):
        apart = float((whole - other).abs().max())
        how = "deterministic algorithms" if exactly else "torch's usual algorithms"
        close = apart == 0 if exactly or part.device == "cpu" else apart < 1e-2
        part.say(what, f"{'bit for bit' if apart == 0 else f'weights differ by {apart:.1e} at most'} ({how})", close)


def resume_exactly(part: Part) -> None:
    os.environ["SRLIB_DETERMINISTIC"] = "1"  # read when a training is set up
    resume(part)


def upscale(part: Part) -> None:
    """``srlib upscale`` on both devices: how many 8-bit levels are the pictures apart?"""
    from srlib import datasets, images

    side = 48 if part.quick else None
    photo = part.out / "small.png"
    images.save(photo, datasets.photos("bundled")["coffee"].image[:, :side, :side])
    for name in ("srcnn",) if part.quick else ("srcnn", "edsr", "swinir"):
        pictures, took = [], []
        for device in ("cpu", part.device):
            target = part.out / f"{name}_{device}.png"
            began = time.perf_counter()
            command = ["-m", "srlib", "upscale", str(photo), "-o", str(target), "--model", name, "--device", device]
            done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=part.left)
            took.append(time.perf_counter() - began)
            if done.returncode:
                part.say(name, f"on {device}: {(done.stderr.strip() or 'no word').splitlines()[-1]}", False)
                break
            pictures.append(images.load(target))
        else:
            levels = float((pictures[0] - pictures[1]).abs().max() * 255)
            times = f"{took[0]:.1f} s on the processor, {took[1]:.1f} s here, starting Python included"
            part.say(f"{name} x2", f"{levels:.0f} of 255 levels apart at most; {times}", levels <= 2)


def benchmark(part: Part) -> None:
    """The shipped weights on the held-out photos, in dB, on both devices."""
    from srlib import benchmark as bench
    from srlib import weights

    names = [("espcn", 2)] if part.quick else [(n, s) for n, s in weights.available() if s in (2, 4)]
    names.sort(key=lambda named: weights.card(*named)["recipe"].get("size", "") + named[0])
    for name, scale in names:
        if part.left < 8:
            part.say(f"{name} x{scale} and what follows", "no time was left")
            return
        scores, took = [], []
        for device in ("cpu", part.device):
            began = time.perf_counter()
            net = weights.load(name, scale, device=device)
            scores.append(bench.run(net, "bundled", scale=scale, name=name)[0]["psnr"])
            took.append(time.perf_counter() - began)
        apart = scores[1] - scores[0]
        times = f"{took[0]:.1f} s on the processor, {took[1]:.1f} s here"
        score = f"{scores[1]:.3f} dB, {apart:+.4f} dB to the processor's"
        part.say(f"{name} x{scale}", f"{score}; {times}", abs(apart) < 0.01)


def memory(part: Part) -> None:
    """What the patches of a set as large as DIV2K take on the device, from those of a few photos."""
    from srlib import sampling, synthetic

    side, bytes_of = 96 if part.quick else 480, []
    for count in (1, 2):  # what a second picture adds is what a picture takes
        pairs = [sampling.pair(synthetic.picture(seed, side=side), 2, "rgb") for seed in range(count)]
        pool = sampling.PatchPool(pairs, 24, part.device)
        bytes_of.append(sum(v.numel() * v.element_size() for v in vars(pool).values() if isinstance(v, torch.Tensor)))
    each = (bytes_of[1] - bytes_of[0]) / side**2
    what = f"{each:.2f} bytes for a pixel of the original (RGB, x2): {each * DIV2K / 1e9:.1f} GB for DIV2K"
    room = torch.cuda.get_device_properties(0).total_memory if part.device == "cuda" else None
    fits = None if room is None else each * DIV2K < room
    part.say("patches of DIV2K", what + (f" of {room / 1e9:.0f} GB" if room else ""), fits)


def chapters(part: Part) -> None:
    """The notebooks at the smoke tier, several at a time, as ``tools/notebooks.py smoke`` runs them."""
    absent = [n for n in ("nbformat", "nbclient", "papermill", "ipykernel") if importlib.util.find_spec(n) is None]
    if absent:
        part.say("all", f"skipped: {', '.join(absent)} not installed (--install asks pip for them)")
        return
    tool = module(ROOT / "tools" / "notebooks.py")
    paths = {tool.called(path): path for path in tool.notebooks()}
    order = [n for n in FIRST if n in paths] + [n for n in paths if n not in FIRST]
    waiting, running = order[:1] if part.quick else order, {}
    while (waiting or running) and part.left > 4:
        while waiting and len(running) < max(1, (os.cpu_count() or 2) // 2):
            name = waiting.pop(0)
            running[name] = (start(name, paths[name], part.out / "chapters"), time.monotonic())
        for name, (child, began) in list(running.items()):
            if child.poll() is not None:
                del running[name]
                said = told(part.out / "chapters" / f"{name}.log") if child.returncode else "ok"
                part.say(name, f"{said} ({time.monotonic() - began:.0f} s)", child.returncode == 0)
        time.sleep(0.2)
    for name, (child, _) in running.items():
        child.kill()
        part.say(name, "stopped: no time was left")
    if waiting:
        part.say("not begun", f"no time was left for {', '.join(waiting)}")


def start(name: str, notebook: Path, folder: Path) -> subprocess.Popen:
    """Run one notebook; what it says goes to a log beside its executed copy."""
    folder.mkdir(parents=True, exist_ok=True)
    tool = str(ROOT / "tools" / "notebooks.py")
    with open(folder / f"{name}.log", "w") as log:
        command = [sys.executable, tool, "smoke", str(notebook), "--out", str(folder), "-j", "1"]
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)


def told(log: Path) -> str:
    """The last line that names an error, from a notebook's log."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    cells = [line for line in lines if "Exception encountered at" in line]
    errors = [line for line in lines if "Error" in line.split(":")[0] or "gained" in line]
    return " ".join([*cells[-1:], *errors[-1:]]) or (lines[-1] if lines else "no word")


def module(path: Path):
    """Import a script that is no part of a package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def parts() -> dict[str, Callable[[Part], None]]:
    functions = (environment, networks, recipes, speed, resume, resume_exactly, upscale, benchmark, memory, chapters)
    return {function.__name__: function for function in functions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=parts())
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", default=".")
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    parts()[options.part](Part(options))


if __name__ == "__main__":
    main()
