"""Several processes (torchrun): samplers slice a common draw, and sums over samples go through here.

With one process every function is the identity. Decisions are taken on numbers that are equal on every rank.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist


def world() -> int:
    """The number of processes."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number; 0 writes files."""
    return dist.get_rank() if world() > 1 else 0


def share(batch: Any) -> Any:
    """This process's rows of a batch that every process has drawn whole."""
    return batch if world() == 1 else batch[torch.arange(rank(), len(batch), world())]


def total(t: Tensor) -> Tensor:
    """The sum of ``t`` over the processes (no gradient flows through it)."""
    if world() > 1:
        t = t.clone()
        dist.all_reduce(t)
    return t


def total_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Sum the gradients over the processes, in one message."""
    if world() == 1:
        return
    grads = [p.grad for p in parameters if p.grad is not None]
    flat = total(torch.cat([g.flatten() for g in grads]))
    for g, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
        g.copy_(part.view_as(g))


def anywhere(flag: bool) -> bool:
    """Whether ``flag`` holds in any process."""
    return flag if world() == 1 else bool(total(torch.tensor(float(flag))) > 0)


def gather_rows(t: Tensor) -> Tensor:
    """The rows of every process, one below the other."""
    if world() == 1:
        return t
    parts = [torch.empty_like(t) for _ in range(world())]
    dist.all_gather(parts, t.contiguous())
    return torch.cat(parts)
