"""The command line: a few verbs over the same functions the chapters use. ``srlib --help`` lists them."""

from __future__ import annotations

import hashlib
import json
import math
import sys
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srlib.sentences import in_a_sentence

if TYPE_CHECKING:
    from srlib.recipes import Recipe
    from srlib.train import Run

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Super-resolution, hands on: the course's tools.")

Scale = Annotated[int | None, typer.Option(help="Upscaling factor; default: 2, or 1 if the network restores.")]
Device = Annotated[str, typer.Option(help="auto: a GPU if there is one; or cpu, cuda, mps (Apple).")]
Tier = Annotated[str, typer.Option(help="smoke (seconds), laptop (minutes), full (GPU), or auto: $SRLIB_TIER.")]


@app.command()
@in_a_sentence
def doctor() -> None:
    """Say what machine this is, what of the course is here, and which command gets what is missing."""
    from srlib import doctor as examiner

    findings = examiner.examine()
    for found in findings:
        typer.echo(f"{'!!' if found.serious else '  '} {found.topic:<11}{found.text}")
        if found.fix:
            typer.echo(f"{'':14}-> {found.fix}")
    if any(found.serious for found in findings):
        typer.echo("Something the course needs is missing: run the command behind the line marked !!")
        raise typer.Exit(1)
    typer.echo("Everything the course needs is here.")


@app.command()
@in_a_sentence
def fetch(names: Annotated[list[str], typer.Argument(help="Photo sets, such as Set5 Set14 T91.")]) -> None:
    """Download photo sets, verify and unpack them; a broken download continues where it stopped."""
    from srlib import datasets

    for name in names:
        typer.echo(f"{name}: {len(datasets.fetch(name))} photos are ready.")


@app.command()
@in_a_sentence
def train(
    name: Annotated[str | None, typer.Argument(help="A recipe: a network, or srgan; see data/recipes.")] = None,
    scale: Annotated[int | None, typer.Option(help="Upscaling factor; default: 2, or the network's only one.")] = None,
    variant: Annotated[str | None, typer.Option(help="Variant of the network; default: its first.")] = None,
    tier: Tier = "auto",
    data: Annotated[list[str] | None, typer.Option(help="Photo sets to train on instead of the recipe's.")] = None,
    photos: Annotated[
        Path | None, typer.Option(help="Your own folder of photos to train on; every tenth is held out to judge by.")
    ] = None,
    fine_tune: Annotated[bool, typer.Option("--fine-tune", help="Go on from the course's weights.")] = False,
    steps: Annotated[int | None, typer.Option(help="Steps instead of the recipe's.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed instead of the recipe's.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Any other field of the recipe: --set patch=16 --set clip=1.0")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the weights; default: the cache's runs/weights.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Work through data/campaign.toml, at low priority.")
    ] = False,
    device: Device = "auto",
    minutes: Annotated[
        float | None, typer.Option(help="With --all: stop after so long, to go on another time.")
    ] = None,
) -> None:
    """Train a network from its recipe; interrupted, the same command goes on where it stopped."""
    from tqdm import tqdm

    from srlib import adversarial, campaign, datasets, parallel, paths, recipes, weights
    from srlib import train as training

    folder = out or paths.runs() / "weights"
    changes = {"data": data, "steps": steps, "lr": lr, "seed": seed, "init": "trained" if fine_tune else None}
    if everything:
        others = {"NAME": name, "--scale": scale, "--variant": variant, "--photos": photos, "--set": settings}
        others |= {"--fine-tune" if field == "init" else f"--{field}": value for field, value in changes.items()}
        others |= {"--device": None if device == "auto" else device}
        if parallel.shared():
            raise ValueError("--all trains one network after another, in one process. Start it without torchrun.")
        if unheard := _given(others):
            raise ValueError(f"--all trains data/campaign.toml as it stands, without {', '.join(unheard)}. Edit that.")
        if minutes is not None and not minutes >= 0:  # NaN is not, either
            raise ValueError(f"--minutes {minutes} is no length of time. Give 0 or more.")
        _usable(folder)
        _campaign(folder, math.inf if minutes is None else minutes)
        return
    if minutes is not None:
        raise ValueError(
            "--minutes goes with --all. One training stops with Ctrl-C, and goes on with the same command."
        )
    if photos and data:
        raise ValueError(
            "--photos and --data both say what to train on. To add sets to your own folder: --data ./mine/"
        )
    if name is None:
        raise ValueError(f"Name what to train: one of {', '.join(recipes.names() + recipes.games())}; or --all.")
    recipe = recipes.get(name, scale, variant)
    fit = adversarial.fit if isinstance(recipe, recipes.AdversarialRecipe) else training.fit
    changes |= _fields(settings or [])
    if photos:
        mine = f"{photos.resolve()}/"
        changes |= {"data": [mine], "held_out": mine}
    if fine_tune:  # the network as it was trained, whatever the recipe's tier would take
        theirs = weights.card(weights.name_of(recipe.to_dict()), recipe.scale)["recipe"]
        changes |= {k: theirs[k] for k in ("size", "arguments")}
    changes = _given(changes)
    _usable(folder)
    checkpoint = paths.runs() / f"{name}-{_words(recipe, recipes.current_tier(tier), changes)}.ckpt"
    run = fit(recipe, tier, checkpoint=checkpoint, device=device, **changes)
    for name_of_set in run.recipe.data:
        datasets.photos(name_of_set, split="train")  # what is missing should be said before a progress bar begins
    told = list(run.notes)
    for note in told if parallel.first() else []:
        typer.echo(note)
    if run.history and parallel.first():
        typer.echo(f"Going on at step {len(run.history)} ({checkpoint})")
    bar = tqdm(total=run.recipe.steps, initial=len(run.history), unit="step", disable=not parallel.first())
    with bar:
        for step in run:
            bar.update()
            if step.psnr is not None:
                bar.set_postfix_str(f"loss {step.loss:.4f}, held-out {step.psnr:.2f} dB")
            if parallel.first() and (new := run.notes[len(told) :]):  # such as: how many threads
                bar.write("\n".join(new))
                told += new
    if parallel.first():
        there = [name for name in campaign.SETS if datasets.present(name)]
        called = weights.name_of(run.recipe.to_dict())
        before = weights.aside(called, recipe.scale, folder)
        typer.echo(f"Scoring on {', '.join(there) or 'the held-out photos'}: this takes a while on a slow machine.")
        file = campaign.finish(run, folder, there)
        report = _report(run, file.with_suffix(".html"))
        checkpoint.unlink(missing_ok=True)
        gain = weights.card(called, recipe.scale, folder)["gain_db"]
        given = "bicubic" if recipe.scale > 1 else "the input"
        typer.echo(f"{gain:+.2f} dB over {given} on held-out photos after {run.seconds:.0f} s.")
        typer.echo(f"Weights: {file}   Curves and pictures: {report}")
        if before:
            gained = weights.card(called, recipe.scale, before).get("gain_db", math.nan)
            typer.echo(f"Those that lay there before ({gained:+.2f} dB) are kept: --folder {before}")
    parallel.leave()


def _given(options: dict) -> dict:
    """Those that were given: neither None, nor an empty list."""
    return {name: value for name, value in options.items() if value not in (None, [])}


def _fields(words: list[str]) -> dict:
    """``["clip=1.0", "loss=mse"]`` as fields of a recipe; a value is TOML, or else plain words."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"--set {word}: write a field and its value, such as --set patch=16.")
        if name in ("model", "scale", "variant", "tiers"):
            raise ValueError(f"--set {word}: which network is trained say NAME, --scale, --variant and --tier.")
        try:
            found[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[name] = value
    return found


def _words(recipe: Recipe, tier: str, changes: dict) -> str:
    """What tells one training from another, for its checkpoint's name: other options are another training."""
    digest = hashlib.sha256(json.dumps(changes, sort_keys=True, default=str).encode()).hexdigest()[:8]
    return f"{recipe.variant}_x{recipe.scale}_{tier}" + (f"_{digest}" if changes else "")


def _usable(folder: Path) -> None:
    """Can files be made in this folder? Better known before the training than after it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _report(run: Run, path: Path) -> Path:
    """The curves and pictures of a training as one page, as a notebook shows them."""
    from srlib import paths
    from srlib.live import views

    references, (psnr, preview) = run.references(), run.look()
    seen = replace(run.history[-1], psnr=psnr, preview=preview)
    shown = views.summary(run, views.marks(run, references[0]), seen, references)
    with paths.whole(path) as temporary:
        temporary.write_text(f'<!doctype html><meta charset="utf-8"><title>{path.stem}</title>{shown.markup}\n')
    return path


def _campaign(folder: Path, minutes: float) -> None:
    """Train what is still missing in ``folder``, most wanted first."""
    import time

    from srlib import campaign

    campaign.be_polite()
    deadline = time.monotonic() + 60 * minutes
    for training in campaign.queue():
        if training.done(folder):
            typer.echo(f"{training.label}: done")
            continue
        for step in campaign.work(training, folder, (deadline - time.monotonic()) / 60):
            if step.psnr is not None:
                typer.echo(
                    f"{training.label}: step {step.step} of {training.recipe.steps}, {step.psnr:.2f} dB held out"
                )
        if not training.done(folder):
            typer.echo(f"{training.label}: time is up; the same command goes on from here.")
            return
        typer.echo(f"{training.label}: done")


@app.command()
@in_a_sentence
def benchmark(
    model: Annotated[str, typer.Argument(help="A network with weights, or bicubic, or ibp, pocs, map_tv, bayes.")],
    dataset: Annotated[
        str | None, typer.Argument(help="A photo set; default: Set5, or the one its task is reported on.")
    ] = None,
    scale: Scale = None,
    protocol: Annotated[str | None, typer.Option(help="Evaluation protocol; default: its papers'.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Weights from here instead of the course's.")] = None,
    device: Device = "auto",
    record: Annotated[
        bool, typer.Option(help="Add the row to the ledger (with --folder: to the ledger.jsonl in it).")
    ] = False,
) -> None:
    """Measure PSNR and SSIM on a photo set and print them beside what was published.

    A network that restores (mprnet_denoise, mprnet_derain) is given the set's photos damaged as its task has them.
    """
    from srlib import benchmark as bench
    from srlib import datasets, ledger, papers, perceptual, weights

    net = model if model in bench.UNTRAINED else weights.load(model, scale, folder, device)
    if getattr(net, "scales", ()) == (1,):
        if protocol:
            raise ValueError(f"{model} is measured as its task is, without --protocol {protocol}. Leave that out.")
        rows = bench.restore(net, model.rpartition("_")[2], dataset, name=model)
    else:  # what is kept has the perceptual distance too, where the network draws colours
        colours = record and getattr(net, "space", "") == "rgb"
        look = perceptual.extractor("efficientnet_lite0", device) if colours else None
        rows = bench.run(net, dataset or "Set5", protocol, 2 if scale is None else scale, name=model, extractor=look)
    (row,) = rows
    dataset, scale = row["dataset"], row["scale"]
    papers_own = model in papers.table() and scale > 1 and row["protocol"] == bench.default_protocol(model)
    published = papers.psnr(model, dataset, scale) if papers_own else None  # nothing to set beside another protocol
    beside = f" (published: {published:.2f} dB)" if published else ""
    score = f"{row['psnr']:.3f} dB, SSIM {row['ssim']:.4f}"
    measured, there = len(row.get("photos", ())), datasets.present(dataset)
    part = f" ({measured} of {there} photos: those that a training holds out)" if 0 < measured < there else ""
    typer.echo(f"{model} x{scale} on {dataset}{part}, {row['protocol']}: {score}{beside}")
    if record:
        typer.echo(f"Recorded in {ledger.append(rows, folder / 'ledger.jsonl' if folder else None)}")


@app.command()
@in_a_sentence
def upscale(
    source: Annotated[Path, typer.Argument(help="A photo, or a folder of photos.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to: a file, or a folder for a folder.")],
    model: Annotated[str, typer.Option(help="A network with weights.")] = "srcnn",
    scale: Scale = None,
    tile: Annotated[int, typer.Option(min=0, help="Side of a tile in pixels; 0: the whole photo at once.")] = 96,
    ensemble: Annotated[
        bool, typer.Option(help="Mean over eight flips and turns: a little better, 8 times slower.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share a folder's photos.")] = 1,
    device: Device = "auto",
    folder: Annotated[Path | None, typer.Option(help="Weights from here instead of the course's.")] = None,
) -> None:
    """Enlarge photos with a trained network, in bounded memory. A photo that fails is named and skipped."""
    from functools import partial

    from tqdm import tqdm

    from srlib import enlarging, tiling

    load = partial(enlarging.network, model, scale, folder, ensemble, device)
    net = load()
    if tile and tiling.needed_halo(net) is None:
        typer.echo(f"{model} looks at the whole photo: tiles are an approximation. --tile 0 is exact.", err=True)
    if source.is_dir():
        if out.exists() and out.samefile(source):
            raise ValueError(f"{out} is the folder of the photos themselves. Give --out another one to keep them.")
        jobs = enlarging.named(enlarging.folder(source), out)
        out.mkdir(parents=True, exist_ok=True)
        results = enlarging.several(jobs, load, tile or None, workers)
        failed = [f"{photo}: {why}" for photo, why in tqdm(results, total=len(jobs), unit="photo") if why]
        for sentence in failed:
            typer.echo(f"srlib: skipped {sentence}", err=True)
        typer.echo(f"{len(jobs) - len(failed)} of {len(jobs)} photos are in {out}")
        raise typer.Exit(1 if failed else 0)
    _no_folder(out, f"{source.stem}.png")
    if source.exists() and out.exists() and out.samefile(source):
        raise ValueError(f"{out} is the photo itself. Give --out another name to keep it.")
    enlarging.file(net, source, out, tile or None, watch=partial(tqdm, unit="tile", leave=False))
    typer.echo(f"{out}")


def _no_folder(out: Path, example: str) -> None:
    if out.is_dir():
        raise ValueError(f"{out} is a folder. Name the file in it: -o {out / example}")


@app.command()
@in_a_sentence
def export(
    name: Annotated[str, typer.Argument(help="A network with weights.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write, such as srcnn.onnx.")],
    scale: Scale = None,
    folder: Annotated[Path | None, typer.Option(help="Weights from here instead of the course's.")] = None,
) -> None:
    """Write a trained network as an ONNX file, for other programs and the browser."""
    from srlib import export as exporter
    from srlib import weights

    _no_folder(out, f"{name}.onnx")
    if out.suffix.lower() != ".onnx":
        raise ValueError(f"{out.name} does not end in .onnx, by which other programs know such a file. Add that.")
    typer.echo(f"{exporter.to_onnx(weights.load(name, scale, folder), out)}")


@app.command()
@in_a_sentence
def models() -> None:
    """List the networks: parameters, multiply-adds at 1280 x 720 output, receptive field, paper."""
    from srlib import models as zoo

    for name in zoo.names():
        for variant in zoo.variants(name):
            for scale in zoo.model_class(name).scales:
                found = zoo.describe(name, scale, variant)
                typer.echo(f"{found}, {found.title}")


def main() -> None:
    """Entry point of ``python -m srlib``."""
    sys.exit(app())
