"""A GPU that is not there: its tensors hold real numbers, computed by the processor, but say that they are elsewhere.

    with present("cuda") as gpu:
        run = train.fit(recipe, "smoke")  # finds a GPU, and trains on it
        next(iter(run))
        gpu.waits  # how often the processor had to wait for a number so far

What a real one refuses is refused here, in the line that does it: operands on two devices (:class:`Mixed`), an array
made from a tensor that is still there, random numbers from the processor's generator, and on "mps" 64-bit floats
(:class:`NoDoubles`). Gradients, optimisers and checkpoints work, so a training can take its real steps.

How: a tensor that is there is of the class :class:`There`, whose ``__torch_function__`` sees all that is done with it;
a ``TorchFunctionMode`` sees the calls that would make one (``.to("cuda")``, ``zeros(device="cuda")``). Both look at the
arguments of a call as the program writes it; what torch does inside that call is trusted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.overrides import TorchFunctionMode

KINDS = ("cuda", "mps")
NAME = "a make-believe GPU"

ARRAYS = {"numpy", "__array__", "__dlpack__"}
WAITS = {"item", "tolist", "__bool__", "__float__", "__int__", "__index__", "equal", "allclose", "nonzero"}
ANYWHERE = {"copy_", "to", "type_as", "data=", "expand_as", "view_as", "reshape_as", "result_type"}
ANYWHERE |= {"_has_compatible_shallow_copy_type"}
LISTS = {"cat", "concat", "stack", "hstack", "vstack", "dstack"}  # these want even a single number to be there


class Mixed(RuntimeError):
    """Operands on the GPU and on the processor, as torch's "Expected all tensors to be on the same device"."""


class NoDoubles(TypeError):
    """A 64-bit float on a device that has none."""


class There(Tensor):
    """A tensor that is on the make-believe GPU."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return Gpu.now.call(func, args, kwargs or {})


class Gpu(TorchFunctionMode):
    """The device itself: decides for every call of torch whether a real one would allow it, and where results are."""

    now: Gpu  # the one that is present, or was last

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.device = kind, torch.device(kind, 0)
        self.waits = 0  #: how often a number was read back: each time, the processor waits for the GPU

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return self.call(func, args, kwargs or {})

    def call(self, func, args: tuple, kwargs: dict):
        """Answer one call of torch."""
        name, here = _name(func), args[0] if args else None
        there = isinstance(here, There)
        if there and name in ("device", "is_cpu", "is_cuda", "is_mps", "get_device"):
            return {"device": self.device, "is_cpu": False, "get_device": 0}.get(name, name == f"is_{self.kind}")
        if name == "cuda" and self.kind == "cuda":
            return self.call(Tensor.to, (here, self.device), {})
        if there and name in ARRAYS:
            raise TypeError(
                f"can't convert {self.device} device type tensor {_shape(here)} to numpy. Use .cpu() first."
            )
        if there and name == "__reduce_ex__":  # a file holds plain tensors
            return _plain(here).__reduce_ex__(*args[1:])
        if there and name == "__deepcopy__":
            return self._copied(here, args[1])
        if name == "data=" and isinstance(here, Parameter):  # how a network moves: the same parameter, elsewhere
            return self._moved(func, here, args[1])
        tensors = list(_tensors((args, kwargs)))
        anything_there = any(isinstance(t, There) for t in tensors)
        target, args, kwargs = self._target(name, args, kwargs)
        if target is None and not anything_there:
            return func(*args, **kwargs)
        if anything_there:
            self._check(name, args, tensors)
            self.waits += name in WAITS
        if (target == "there" or anything_there) and kwargs.get("generator") is not None:
            raise Mixed(f"{name}: expected a {self.kind!r} device type for generator but found 'cpu'.")
        return self._answer(func, name, target, args, kwargs, anything_there)

    def _answer(self, func, name: str, target: str | None, args: tuple, kwargs: dict, anything_there: bool):
        """Let the processor compute, and put the results where they belong."""
        leaf = target == "there" and kwargs.get("requires_grad")
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **kwargs)
            moved = isinstance(result, Tensor) and args and isinstance(args[0], Tensor) and target is not None
            if moved and isinstance(args[0], There) != (target == "there") and _same_memory(result, args[0]):
                result = result.clone()  # on another device it is another tensor
        if target == "here":
            return _plain(result) if isinstance(result, There) else result
        result = self._put(result, {id(t) for t in _tensors((args, kwargs)) if not isinstance(t, There)})
        return result.requires_grad_() if leaf else result

    def _target(self, name: str, args: tuple, kwargs: dict) -> tuple[str | None, tuple, dict]:
        """Where a call says that its result shall be, and the call as the processor can do it."""
        if name == "cpu":
            return "here", args, kwargs
        wanted = kwargs.get("device")
        if name in ("to", "type_as"):
            named = (a for a in args[1:] if isinstance(a, str | torch.device | Tensor))
            wanted = next(named, kwargs.get("other", wanted))
        if wanted is None:
            return None, args, kwargs
        if isinstance(wanted, Tensor):
            return "there" if isinstance(wanted, There) else "here", args, kwargs
        kind = torch.device(wanted).type
        if kind != self.kind:
            return "here", args, kwargs
        cpu = torch.device("cpu")
        args = tuple(cpu if isinstance(a, str | torch.device) and name == "to" else a for a in args)
        return "there", args, kwargs | ({"device": cpu} if "device" in kwargs else {})

    def _check(self, name: str, args: tuple, tensors: list[Tensor]) -> None:
        """Would a real device take these operands together?"""
        elsewhere = [t for t in tensors if not isinstance(t, There)]
        if name in ("__getitem__", "__setitem__"):
            elsewhere = self._misplaced(name, args)
        elif name in ANYWHERE:
            return
        elif name not in LISTS and not (elsewhere and elsewhere[0] is args[0] and name.endswith("_")):
            elsewhere = [t for t in elsewhere if t.ndim]  # a single number may come from the processor
        if elsewhere:
            told = ", ".join(f"{_shape(t)} on {t.device}" for t in tensors)
            raise Mixed(f"{name}: expected all tensors to be on the same device, but found {told}.")

    def _misplaced(self, name: str, args: tuple) -> list[Tensor]:
        """Of a picture and its index: an index may come from the processor, but not the picture."""
        index = [t for t in _tensors(args[1]) if t.ndim]
        if not isinstance(args[0], There):
            return [t for t in index if isinstance(t, There)]
        values = [t for t in _tensors(args[2:]) if t.ndim and not isinstance(t, There)]
        return values if index else []  # a slice takes a copy from anywhere

    def _put(self, result, elsewhere: set[int]):
        """Say of a result that it is there."""
        if isinstance(result, tuple | list):
            return type(result)([self._put(r, elsewhere) for r in result]) if not hasattr(result, "_fields") else result
        if isinstance(result, Tensor) and id(result) not in elsewhere:
            if result.dtype in (torch.float64, torch.complex128) and self.kind == "mps":
                raise NoDoubles(f"Cannot convert a MPS Tensor to float64 dtype: {_shape(result)}. Use float32.")
            if not isinstance(result, There) and not result.is_meta:
                result.__class__ = There
        return result

    def _moved(self, func, parameter: Parameter, value: Tensor) -> None:
        with torch._C.DisableTorchFunctionSubclass():
            func(parameter, value)
        parameter.__class__ = There if isinstance(value, There) else Parameter
        parameter._is_param = True  # by which torch knows parameters of other classes

    def _copied(self, x: Tensor, memo: dict) -> Tensor:
        with torch._C.DisableTorchFunctionSubclass():
            copied = x.detach().clone().requires_grad_(x.requires_grad)
        copied.__class__ = There
        if isinstance(x, Parameter):
            copied._is_param = True
        memo[id(x)] = copied
        return copied


@contextmanager
def present(kind: str = "cuda") -> Iterator[Gpu]:
    """A machine with such a GPU, as far as ``torch`` tells: ``torch.cuda.is_available()`` and its like say yes."""
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is none of {KINDS}.")
    _possible()
    gpu = Gpu.now = Gpu(kind)
    cuda, mps = torch.cuda, torch.backends.mps
    told = [(cuda, "is_available", kind == "cuda"), (mps, "is_available", kind == "mps")]
    if kind == "cuda":
        told += [(cuda, "device_count", 1), (cuda, "current_device", 0), (cuda, "get_device_name", NAME)]
        told += [(cuda, "is_bf16_supported", True), (cuda, "is_current_stream_capturing", False)]
        told += [(cuda, "get_device_capability", (9, 0)), (cuda, "set_device", None), (cuda, "empty_cache", None)]
        told += [(cuda, "max_memory_allocated", 0), (cuda, "reset_peak_memory_stats", None)]
        told += [(cuda, "get_device_properties", SimpleNamespace(name=NAME, total_memory=2**33, major=9, minor=0))]
        told += [(cuda, "mem_get_info", (2**33, 2**33)), (cuda, "synchronize", None)]
    else:
        told += [(torch.mps, "synchronize", None), (torch.mps, "empty_cache", None)]
    load, autocast = torch.load, torch.autocast

    class Autocast(autocast):
        """The processor's, where the GPU's is meant: the numbers become as coarse as they would there."""

        def __init__(self, device_type: str, *args, **kwargs) -> None:
            super().__init__("cpu" if device_type == kind else device_type, *args, **kwargs)

    def read(file, map_location=None, **options):
        on_it = map_location is not None and torch.device(map_location).type == kind
        state = load(file, map_location="cpu" if on_it else map_location, **options)
        return _sent(state, gpu.device) if on_it else state

    with ExitStack() as stack:
        for where, name, answer in told:
            stack.enter_context(patch.object(where, name, lambda *_, answer=answer, **__: answer))
        stack.enter_context(patch.object(torch, "load", read))
        stack.enter_context(patch.object(torch, "autocast", Autocast))
        stack.enter_context(gpu)
        yield gpu


def _possible() -> None:
    """Has this torch what is needed? The pinned one has; on another a test skips (or fails: SRLIB_REQUIRE_PEERS=1)."""
    if hasattr(torch._C, "DisableTorchFunctionSubclass"):
        return
    import pytest

    why = f"torch {torch.__version__} has no DisableTorchFunctionSubclass, on which the make-believe GPU is built"
    pytest.fail(why) if os.environ.get("SRLIB_REQUIRE_PEERS") else pytest.skip(why)


def _name(func) -> str:
    """What a call is called: ``add``, or for an attribute its name (``data=`` where it is set)."""
    name = getattr(func, "__name__", "")
    owner = getattr(getattr(func, "__self__", None), "__name__", "")
    return {"__get__": owner, "__set__": f"{owner}="}.get(name, name)


def _tensors(value) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _tensors(one)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _sent(state, device: torch.device):
    """A loaded file with all its tensors on the device."""
    if isinstance(state, Tensor):
        return state.to(device)
    if isinstance(state, dict):
        return type(state)((key, _sent(value, device)) for key, value in state.items())
    return type(state)(_sent(value, device) for value in state) if isinstance(state, tuple | list) else state


def _plain(x: Tensor) -> Tensor:
    with torch._C.DisableTorchFunctionSubclass():
        return x.as_subclass(Tensor)


def _same_memory(a: Tensor, b: Tensor) -> bool:
    return not a.is_meta and a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


def _shape(x: Tensor) -> str:
    with torch._C.DisableTorchFunctionSubclass():
        return f"{tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}"
