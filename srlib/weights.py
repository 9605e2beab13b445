"""Trained weights: safetensors files with a card beside them that says where they come from.

``data/weights/srcnn_x2.safetensors`` holds only tensors, so nothing in it can be executed; ``srcnn_x2.json`` is its
card: recipe, data, seed, commit, seconds, and the file's sha256, checked at every load. One file may serve several
scales (VDSR): its recipe's ``scales`` say which. A network trained against a judge goes by its game's name: "srgan" is
an SRResNet, and lies beside "srresnet", its twin trained for PSNR.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from srlib import checks, devices, models, paths, recipes


class WeightsError(ValueError):
    """Weights that are missing, damaged or do not fit; the message says what to do."""


def load(
    name: str, scale: int | None = None, folder: str | os.PathLike | None = None, device: str = "cpu"
) -> nn.Module:
    """A trained network in eval mode, float32.

    Args:
        name: a network, such as "srcnn", a game of ``recipes.games()``, such as "srgan", or for a network that restores
            its task too, such as "mprnet_derain".
        scale: its factor; None is 2, or 1 for a network that restores.
        folder: where to look instead of the course's ``data/weights`` (your own trainings).
        device: where it is to compute: "cpu", "auto", "cuda" or "mps" (see :func:`srlib.devices.pick`).

    Raises:
        ValueError: a device that is not on this machine.
        WeightsError: none there, damaged (its sha256 is not its card's), or another network's.
    """
    target, described = devices.pick(device), card(name, scale, folder)
    path, scale = _found(name, scale, folder), _factor(name, scale)
    content = read(name, scale, folder)
    try:
        recipe = described["recipe"]
        net = models.create(recipe["model"], scale, recipe["variant"], recipe["size"], **recipe["arguments"])
        net.load_state_dict({k: v.float() for k, v in safetensors.torch.load(content).items()}, strict=True)
    except (RuntimeError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise WeightsError(f"{path} does not fit {name} x{scale}: {str(error).splitlines()[-1].strip()}") from None
    return net.eval().to(target)


def read(name: str, scale: int | None = None, folder: str | os.PathLike | None = None) -> bytes:
    """The bytes of a set of weights, which are those that its card speaks of; arguments as for :func:`load`.

    Raises:
        WeightsError: none there, or damaged.
    """
    path, described = _found(name, scale, folder), card(name, scale, folder)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != described["sha256"]:
        raise WeightsError(f"{path} is damaged: its sha256 is not the one on its card. Restore it, or train it again.")
    return content


def card(name: str, scale: int | None = None, folder: str | os.PathLike | None = None) -> dict:
    """What is known about a set of weights; arguments as for :func:`load`.

    Raises:
        WeightsError: there is none, or its card cannot be read.
    """
    path, scale = _found(name, scale, folder), _factor(name, scale)
    if not path.exists():
        raise WeightsError(
            f"There are no weights for {name} x{scale} in {path.parent}. {_instead(name, scale, folder)}"
        )
    try:
        found = json.loads(path.with_suffix(".json").read_text())
        if name_of(found["recipe"]) != name or scale not in _scales(found) or "sha256" not in found:
            raise ValueError("it is the card of other weights")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"The card {path.with_suffix('.json')} cannot be read ({error}). Restore it.") from None
    return found


def aside(name: str, scale: int, folder: str | os.PathLike) -> Path | None:
    """Before other weights take their name in ``folder``: copy those that lie there into ``<folder>/before/<sha256>``.

    Returns:
        That folder, from which :func:`load` reads them; None if there are none, or their card cannot be read.
    """
    path = _path(name, scale, folder)
    try:
        kept = path.parent / "before" / card(name, scale, folder)["sha256"][:8]
    except WeightsError:
        return None
    if not path.exists():  # another file serves this scale
        return None
    for file in (path, path.with_suffix(".json")):
        with paths.whole(kept / file.name) as temporary:
            shutil.copyfile(file, temporary)
    return kept


def available(folder: str | os.PathLike | None = None) -> list[tuple[str, int]]:
    """All ``(name, scale)`` that have weights."""
    stems = [f.stem.rpartition("_x") for f in _folder(folder).glob("*_x*.safetensors")]
    files = [(name, int(scale)) for name, _, scale in stems if name in _known() and scale.isdecimal()]
    return sorted({(name, scale) for name, own in files for scale in {own, *_also(name, own, folder)}})


def save(net: nn.Module, recipe: dict, folder: str | os.PathLike | None = None, half: bool = False, **about) -> Path:
    """Write weights and card: first the one, then the other, each under a temporary name first.

    Args:
        net: the trained network.
        recipe: ``run.recipe.to_dict()``.
        folder: where to, instead of ``data/weights``.
        half: store 16-bit floats; check first that it costs nothing.
        about: more for the card, such as seconds, device, commit, scores.
    """
    path = _path(name_of(recipe), recipe["scale"], folder)
    dtype = torch.float16 if half else torch.float32
    tensors = {k: v.detach().cpu().to(dtype).contiguous() for k, v in net.state_dict().items()}
    content = safetensors.torch.save(tensors)
    about = {"sha256": hashlib.sha256(content).hexdigest(), "recipe": recipe, **about}
    for target, data in ((path, content), (path.with_suffix(".json"), (json.dumps(about, indent=1) + "\n").encode())):
        with paths.whole(target) as temporary:
            temporary.write_bytes(data)
    return path


def _folder(folder: str | os.PathLike | None) -> Path:
    return Path(folder) if folder else paths.data() / "weights"


def _tasks() -> dict[str, str]:
    """What a network that restores can be trained for: weights' name -> how to train them."""
    restorers = [name for name in models.names() if models.model_class(name).scales == (1,)]
    return {f"{name}_{task}": f"{name} --variant {task}" for name in restorers for task in models.variants(name)}


def _known() -> list[str]:
    return [*models.names(), *_tasks(), *recipes.games()]


def name_of(recipe: dict) -> str:
    """What a recipe's weights are called: as its network, its network and task (MPRNet), or its game with a judge."""
    if "judge" in recipe:
        for game in recipes.games():
            if recipes.get(game).judge == recipe["judge"]:
                return game
        raise ValueError(f"no game of the course has the judge {recipe['judge']!r}")
    return recipe["model"] if recipe["scale"] > 1 else f"{recipe['model']}_{recipe['variant']}"


def _instead(name: str, scale: int, folder: str | os.PathLike | None) -> str:
    """What to do where there are no weights: another scale, or the command that trains them."""
    there = available(folder)
    own = [str(s) for n, s in there if n == name]
    others = ", ".join(f"{n} x{s}" for n, s in there) or "none"
    beside = f"Of {name} there are those of scale {', '.join(own)}. " if own else f"There are: {others}. "
    network = recipes.get(name).model if name in recipes.games() else name.rpartition("_")[0] or name
    offered = models.model_class(network).scales
    if scale not in offered:
        return f"{beside}It is made for scale {', '.join(map(str, offered))}."
    return f"{beside}Train them: srlib train {_tasks().get(name, f'{name} --scale {scale}')}"


def _scales(card: dict) -> list[int]:
    """The scales that a set of weights serves."""
    return card["recipe"].get("scales") or [card["recipe"]["scale"]]


def _also(name: str, scale: int, folder: str | os.PathLike | None) -> list[int]:
    """The scales that a file's card names; none if the card cannot be read."""
    try:
        return _scales(json.loads(_path(name, scale, folder).with_suffix(".json").read_text()))
    except (OSError, KeyError, TypeError, ValueError):
        return []


def _factor(name: str, scale: int | None) -> int:
    """The scale, where none was named."""
    return scale if scale is not None else 1 if name in _tasks() else 2


def _found(name: str, scale: int | None, folder: str | os.PathLike | None) -> Path:
    """The file with a network's weights for a scale: its own, or one for several scales."""
    scale = _factor(name, scale)
    path = _path(name, scale, folder)
    others = [] if path.exists() else range(1, 9)
    return next((_path(name, s, folder) for s in others if scale in _also(name, s, folder)), path)


def _path(name: str, scale: int, folder: str | os.PathLike | None) -> Path:
    checks.choice(name, _known(), "model")
    checks.integer_scale(scale)
    return _folder(folder) / f"{name}_x{scale}.safetensors"
