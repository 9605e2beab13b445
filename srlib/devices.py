"""Where a network computes: on the processor, or on a GPU where there is one.

One rule for the whole library: what a public function returns lies on the processor. Pictures are carried to wherever
the network is, and the result is carried back, so that no caller has to know. What is promised of a result:

- On a processor a training that is killed and resumed ends in the same weights, bit for bit, with the same torch, the
  same kind of processor and the same number of threads. By itself that number is chosen by the clock
  (:mod:`srlib.threads`); ``SRLIB_THREADS=1``, or any other, fixes it.
- On a GPU it draws the same patches in the same order, and its sums are rounded in an order that changes from run to
  run: weights agree to rounding's reach, not to the bit. ``SRLIB_DETERMINISTIC=1`` asks torch for its deterministic
  algorithms there, which are slower; what has none is named in a warning.
"""

from __future__ import annotations

import os

import torch
from torch import nn

from srlib import checks

NAMES = ("auto", "cpu", "cuda", "mps")


def pick(wanted: str | torch.device = "auto") -> torch.device:
    """The device of that name; "auto" is a CUDA GPU if there is one, else the processor.

    Apple's GPUs ("mps") are taken only when named: nobody has measured the course on one. They cannot compute in 64
    bits, and nothing in the library sends them any.

    Raises:
        ValueError: an unknown name, or a device that torch does not find on this machine.
    """
    name = str(wanted)
    kind, _, number = name.partition(":")
    checks.choice(kind, NAMES, "device")
    if kind == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[kind]
    if not there:
        raise ValueError(f"device={name!r}: torch {torch.__version__} finds none on this machine. Use auto or cpu.")
    if kind == "cuda" and number and not (number.isdecimal() and int(number) < torch.cuda.device_count()):
        raise ValueError(f"device={name!r}: this machine has {torch.cuda.device_count()}, counted from cuda:0.")
    return torch.device(name)


def of(net: nn.Module) -> torch.device:
    """Where a network's weights are; the processor for one without any."""
    first = next(net.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def half(device: torch.device, wanted: bool) -> torch.autocast:
    """The forward pass in bfloat16, weights in 32 bits, where a recipe wants it: ``with half(device, True): net(x)``.

    It pays in wide networks (EDSR is then 1.5 times as fast on a processor, a network of few channels slower), and it
    costs narrow ones some of what they learn. It is given where bfloat16 is built in: emulated, it is several times
    slower.
    """
    if device.type == "cuda":
        can = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        found = getattr(torch.cpu, "get_capabilities", dict)()  # an older torch (2.6) cannot tell
        can = bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    else:
        can = False
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and can)


def prepare(device: torch.device) -> None:
    """Before a training: on a GPU, the fastest convolutions for its sizes, or the deterministic ones (see above)."""
    if device.type != "cuda":
        return
    exact = os.environ.get("SRLIB_DETERMINISTIC") == "1"
    if exact:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read by cuBLAS when it is first used
    torch.use_deterministic_algorithms(exact, warn_only=True)
    torch.backends.cudnn.benchmark = not exact
