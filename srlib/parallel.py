"""One training shared by several processes: each takes its part of every batch, and all step with the mean gradient.

    torchrun --nproc-per-node=4 -m srlib train edsr --tier full

Every process draws the same batch (same seed) and cuts its own part from it, so the mean of their gradients is the
gradient of the whole batch, and all take the same step: their weights stay equal without being sent. Batch norm alone
sees only its own part. In a lone process nothing here does anything.
"""

from __future__ import annotations

import os
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

PATIENCE = timedelta(hours=2)  # the others wait while the first one scores a finished training


def join(device: torch.device) -> torch.device:
    """Meet the other processes that torchrun started, if it did: over NCCL between GPUs, over Gloo between CPUs.

    Returns:
        The device itself, or, of several GPUs, the one that is this process's.
    """
    if not shared():
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)  # before they meet: NCCL ties each process to its current GPU
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    return device


def shared() -> bool:
    """Did torchrun start more than this process?"""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def leave() -> None:
    """Say good-bye, once the training is over: all together, when the first process has scored it, too."""
    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def size() -> int:
    """How many processes share the training."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def first() -> bool:
    """Is this the process that writes files and speaks? The others only compute."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def part(batch: int) -> slice:
    """Which patches of a batch are this process's.

    Raises:
        ValueError: the processes cannot have equal parts; their mean would not be the batch's.
    """
    if batch % size():
        raise ValueError(f"batch={batch} cannot be shared equally by {size()} processes. Use a multiple of {size()}.")
    return slice(distributed.get_rank(), None, size()) if size() > 1 else slice(None)


def mean_gradients(net: nn.Module) -> None:
    """Replace each gradient by its mean over the processes: one message for the whole network."""
    if size() > 1:
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        mean = _mean(torch.cat([g.flatten() for g in gradients]))
        for gradient, part_of_it in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part_of_it.view_as(gradient))


def means(numbers: dict[str, float]) -> dict[str, float]:
    """The mean over the processes of each number."""
    if size() == 1:
        return numbers
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    mean = _mean(torch.tensor(list(numbers.values()), dtype=torch.float64, device=device))
    return dict(zip(numbers, mean.tolist(), strict=True))


def _mean(value: Tensor) -> Tensor:
    distributed.all_reduce(value)
    return value / size()
