"""A network as an ONNX file, which runs anywhere without Python: onnxruntime, a browser, a phone."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path

import torch
from torch import nn

from srlib import paths


def to_onnx(net: nn.Module, path: str | os.PathLike) -> Path:
    """Write ``net`` as ONNX: input ``x`` ``(1, C, H, W)`` for any H and W, output ``sr``.

    Args:
        net: a network of ``models``; it is put into eval mode.
        path: the file to write; a folder that does not exist yet is made.

    Raises:
        ValueError: IGNN, whose search cannot be written for pictures of any size.
        ModuleNotFoundError: onnx and onnxscript are not installed (``pip install onnx onnxscript``).
    """
    if not getattr(net, "portable", True):
        raise ValueError(
            f"{type(net).__name__} searches the picture itself for similar places, which ONNX can only write down for "
            "one size of picture. Export another network."
        )
    path = Path(path)
    free = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    x = torch.rand(1, 1 if net.space == "y" else 3, 24, 40, device=next(net.parameters()).device)
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)  # it warns of torchvision's operators, which no network here uses
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own deprecations, about itself
            program = torch.onnx.export(
                net.eval(),
                (x,),
                dynamo=True,
                dynamic_shapes=(free,),
                input_names=["x"],
                output_names=["sr"],
                verbose=False,
            )
    finally:
        noisy.setLevel(level)
    with paths.whole(path) as temporary:
        program.save(temporary)
    return path
