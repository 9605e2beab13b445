"""A network as an ONNX file, which runs anywhere without Python (in a browser, on a phone), and in fewer bits."""

from __future__ import annotations

import copy
import importlib.util
import logging
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from srlib import paths, tiling


def to_onnx(net: nn.Module, path: str | os.PathLike) -> Path:
    """Write ``net`` as ONNX: input ``x`` ``(1, C, H, W)`` for any H and W, output ``sr``.

    Args:
        net: a network of ``models``; it is put into eval mode.
        path: the file to write; a folder that does not exist yet is made.

    Raises:
        ValueError: IGNN, whose search cannot be written for pictures of any size.
        ModuleNotFoundError: onnx or onnxscript is not installed; the message says how to get both.
    """
    path = Path(path)
    program = _exported(net)
    for node in program.model.graph:  # where in which file of this machine each operation was written: half the bytes
        node.metadata_props.clear()
    with paths.whole(path) as temporary:
        program.save(temporary)
    return path


def to_int8(path: str | os.PathLike, pictures: Iterable[Tensor], target: str | os.PathLike) -> Path:
    """Write an ONNX file again, its convolutions and matrix products in 8 bits: weights, and what they are given.

    Args:
        path: a file of :func:`to_onnx`.
        pictures: a few inputs ``(1, C, H, W)``; what the layers hold while they are drawn sets the range of each.
        target: the file to write; a folder that does not exist yet is made.

    Raises:
        ModuleNotFoundError: onnxruntime is not installed; the message says how to get it.
    """
    _need("onnxruntime")
    from onnxruntime import quantization

    class Pictures(quantization.CalibrationDataReader):
        left = iter([{"x": x.numpy()} for x in pictures])

        def get_next(self):
            return next(self.left, None)

    noisy, target = logging.getLogger(), Path(target)
    level = noisy.level
    noisy.setLevel(logging.ERROR)  # it recommends a step that gains nothing here
    try:
        with paths.whole(target) as temporary:
            quantization.quantize_static(
                str(path),
                str(temporary),
                Pictures(),
                per_channel=True,
                op_types_to_quantize=["Conv", "MatMul", "Gemm"],
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
    finally:
        noisy.setLevel(level)
    return target


@torch.no_grad()
def rounded(net: nn.Module, bits: int, per_channel: bool = True) -> nn.Module:
    """A copy of ``net`` whose weights are whole numbers of ``bits`` bits, times one float for each output channel.

    (In a deconvolution, whose kernels lie the other way round, for each input channel.) Only kernels and matrices are
    rounded. Biases, norms and slopes are few, and stay as they are; so does everything that is computed on the way.

    Args:
        net: any network.
        bits: 2 or more; the whole numbers run from ``-(2 ** (bits - 1) - 1)`` to as much above 0.
        per_channel: False for one float for the whole layer, the plainer way.

    Raises:
        ValueError: fewer than 2 bits.
    """
    if not isinstance(bits, int) or bits < 2:
        raise ValueError(
            f"bits={bits!r} must be a whole number of at least 2: one bit has no room for a sign and a size."
        )
    most, net = 2 ** (bits - 1) - 1, copy.deepcopy(net)
    for weight in kernels(net):
        if per_channel:
            size = weight.abs().amax(tuple(range(1, weight.ndim)), keepdim=True)
        else:
            size = weight.abs().amax()
        step = (size / most).clamp_min(1e-30)  # a channel of zeros stays one
        weight.copy_((weight / step).round() * step)
    return net


def stored_bytes(net: nn.Module, bits: int, per_channel: bool = True) -> int:
    """What :func:`rounded` would take in a file: packed whole numbers, and 32 bits for every other number."""
    weights = kernels(net)
    packed = sum(-(-w.numel() * bits // 8) for w in weights)
    floats = sum(p.numel() for p in net.parameters()) - sum(w.numel() for w in weights)
    return packed + 4 * (floats + sum(len(w) if per_channel else 1 for w in weights))


def kernels(net: nn.Module) -> list[Tensor]:
    """A network's kernels and matrices: every parameter of two axes or more that is no table of biases (SwinIR).

    A kernel written as length and direction (WDSR) counts by its direction.
    """
    few = ("bias", "original0")  # the second is how torch calls the lengths
    return [p for name, p in net.named_parameters() if p.ndim >= 2 and not any(word in name for word in few)]


def graph(net: nn.Module, **about: object) -> bytes:
    """A network's graph without its weights, for :func:`srlib.graphs.fill`, with what a page has to know to use it.

    Args:
        net: a network of ``models``.
        about: more to keep in the file, such as the arguments it was made with.
    """
    from srlib import graphs  # needs onnx, which not everyone has who exports nothing

    facts = {
        "scale": net.scale,
        "space": net.space,
        "pre_upsampled": net.pre_upsampled,
        "halo": tiling.needed_halo(net),
        "grid": getattr(net, "grid", 1),
        "title": net.title,
    }
    # Unoptimized: a constant worked out from weights would keep the values of these.
    return graphs.hollow(_exported(net, optimize=False).model_proto, net.state_dict(), {**facts, **about})


def _need(*packages: str) -> None:
    """They come with the course's ``export`` extra, not with the course: most readers export nothing."""
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        names = " and ".join(missing)
        raise ModuleNotFoundError(f"Exporting needs {names}, not installed here. Run: pip install {' '.join(missing)}")


def _exported(net: nn.Module, optimize: bool = True) -> torch.onnx.ONNXProgram:
    """The network as torch writes it, for pictures of any height and width."""
    if not getattr(net, "portable", True):
        raise ValueError(
            f"{type(net).__name__} searches the picture itself for similar places, which ONNX can only write down for "
            "one size of picture. Export another network."
        )
    _need("onnx", "onnxscript")
    free = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    x = torch.rand(1, 1 if net.space == "y" else 3, 24, 40, device=next(net.parameters()).device)
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)  # it warns of torchvision's operators, which no network here uses
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own deprecations, about itself
            return torch.onnx.export(
                net.eval(),
                (x,),
                dynamo=True,
                dynamic_shapes=(free,),
                input_names=["x"],
                output_names=["sr"],
                verbose=False,
                optimize=optimize,
            )
    finally:
        noisy.setLevel(level)
