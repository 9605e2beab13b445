"""Checkpoint files: a training on disk that is whole, or is refused.

The file's own sha256 stands behind its content, and it is written beside the old one and then renamed: a kill at any
moment leaves the old file or the new one. Reading executes nothing that a stranger may have put in.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from pathlib import Path

import torch

from srlib import paths


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or belongs to another training."""


DIGEST = hashlib.sha256().digest_size
MARK = b"/data.pkl"  # the name with which torch begins its file
LATER = ("steps", "tiers", "smoke_gain", "every", "rather")  # fields that may differ in what goes on


def write_checkpoint(path: str | os.PathLike, state: dict) -> Path:
    """Save ``state`` with its sha256 behind it, under a temporary name first, so that a kill leaves the old file."""
    path = Path(path)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    with paths.whole(path) as temporary, open(temporary, "wb") as file:
        file.write(content + hashlib.sha256(content).digest())
        file.flush()
        os.fsync(file.fileno())
    return path


def is_one(path: str | os.PathLike) -> bool:
    """Has this file been written as a checkpoint, whole or damaged? Anything else may be a learner's own work."""
    path = Path(path)
    if path.suffix == ".ckpt":
        return True
    content = path.read_bytes()
    return content[:2] == b"PK" and MARK in content[:256]


def read_checkpoint(path: str | os.PathLike, device: str | torch.device = "cpu") -> dict:
    """Load what :func:`write_checkpoint` wrote; nothing in the file is executed.

    Raises:
        CheckpointError: a byte is wrong or missing, or there is more in it than a training writes.
        FileNotFoundError: no such file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no checkpoint {path}.")
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, not a checkpoint. Name a file in it.")
    content = path.read_bytes()
    content, digest = content[:-DIGEST], content[-DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        if not is_one(path):
            raise CheckpointError(f"{path} is no checkpoint of a training. Name a file that was saved as one.")
        raise CheckpointError(
            f"{path} is damaged or cut short (its checksum is wrong) and cannot be read. "
            "Train again under another name."
        )
    try:
        state = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path} holds more than tensors and plain values, and is not read. Train again under another name."
        ) from None
    except Exception:  # torch raises many kinds for what is not its own
        state = None
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is no checkpoint of a training. Name another file.")
    return state


def check_belongs(path: str | os.PathLike, state: dict, recipe: dict) -> None:
    """Is this checkpoint one of a training of just this recipe (``recipe.to_dict()``), and no further than its end?

    Raises:
        CheckpointError: no; the message names the first difference.
    """
    if missing := {"recipe", "settings", "players", "optimizers", "generator", "history"} - state.keys():
        raise CheckpointError(f"{path} is no training's: it lacks {', '.join(sorted(missing))}. Name another file.")
    theirs = state["recipe"]
    for name in recipe | theirs:
        if name not in LATER and theirs.get(name) != recipe.get(name):
            raise CheckpointError(
                f"{path} was trained with {name}={theirs.get(name)!r}, but this recipe has {recipe.get(name)!r}. "
                "Use another file name to start again."
            )
    if (taken := len(state["history"]["step"])) > recipe["steps"]:
        raise CheckpointError(
            f"{path} has {taken} steps behind it, but this recipe ends after {recipe['steps']}. "
            "Ask for at least as many, or use another file name to start again."
        )
