"""Weighted sums of the rows of a table, and their derivatives of any order.

With rows T, indices i, weights w and cotangents g, the three operations here are the partial derivatives of one
form, sum over s, n, t and f of g[s, n, f] w[s, n, t] T[i[n, t], f]: each one's backward pass consists of the other
two, so gradients of gradients (an eikonal loss of a grid) need no further code. On the CPU all of them give the same
bits every time; on a GPU ``scatter`` adds atomically, in no fixed order.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor
from torch.nn import functional as F

Array = NDArray[Any]
PARALLEL = 2**17  # weights from which more than one thread is worth its start


def gather(table: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """sum_t w[s, n, t] T[i[n, t]]: [s, n, f] of a table [r, f], an index [n, t] and weights [s, n, t]."""
    return cast(Tensor, _Gather.apply(table, index, weights))


def scatter(weights: Tensor, index: Tensor, g: Tensor, rows: int) -> Tensor:
    """Sum over s, n, t of w[s, n, t] g[s, n] added to row i[n, t]: [rows, f]."""
    return cast(Tensor, _Scatter.apply(weights, index, g, rows))


def dot(table: Tensor, index: Tensor, g: Tensor) -> Tensor:
    """sum_f g[s, n, f] T[i[n, t], f]: [s, n, t]."""
    return cast(Tensor, _Dot.apply(table, index, g))


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(table, index, weights)
        streams = len(weights)
        bags = index if streams == 1 else index.repeat(streams, 1)
        out = F.embedding_bag(bags, table, per_sample_weights=weights.flatten(0, 1), mode="sum")
        return out.unflatten(0, (streams, -1))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        table, index, weights = ctx.saved_tensors
        (g,) = grads
        wanted = ctx.needs_input_grad
        return (
            scatter(weights, index, g, len(table)) if wanted[0] else None,
            None,
            dot(table, index, g) if wanted[2] else None,
        )


class _Scatter(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, index: Tensor, g: Tensor, rows: int) -> Tensor:
        ctx.save_for_backward(weights, index, g)
        return _add_on_cpu(weights, index, g, rows) if g.device.type == "cpu" else _add(weights, index, g, rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weights, index, g = ctx.saved_tensors
        (h,) = grads  # [r, f]
        wanted = ctx.needs_input_grad
        return (
            dot(h, index, g) if wanted[0] else None,
            None,
            gather(h, index, weights) if wanted[2] else None,
            None,
        )


class _Dot(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor, g: Tensor) -> Tensor:
        ctx.save_for_backward(table, index, g)
        rows = F.embedding(index, table)  # [n, t, f]
        return torch.bmm(g.transpose(0, 1), rows.transpose(1, 2)).transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        table, index, g = ctx.saved_tensors
        (h,) = grads  # [s, n, t]
        wanted = ctx.needs_input_grad
        return (
            scatter(h, index, g, len(table)) if wanted[0] else None,
            None,
            gather(table, index, h) if wanted[2] else None,
        )


def _add_on_cpu(weights: Tensor, index: Tensor, g: Tensor, rows: int) -> Tensor:
    """A product with a transposed sparse matrix: several times as fast as torch's ``index_add_`` on a CPU.

    SciPy's product runs on one core and lets go of the interpreter, so each thread adds up a share of the points. The
    shares go by the rows that they touch first, so that in a lattice each has a part of the table to itself.
    """
    w, i, h = weights.detach().numpy(), index.numpy(), g.detach().numpy()
    parts = torch.get_num_threads() if w.size > PARALLEL else 1
    ends = np.linspace(0, len(i), parts + 1).astype(int)
    if parts > 1:
        order = np.argpartition(i[:, 0], ends[1:-1])
        w, i, h = w[:, order], i[order], h[:, order]
    shares = [(w[:, a:b], i[a:b], h[:, a:b]) for a, b in pairwise(ends)]
    sums = list(_threads().map(_added, *zip(*shares, strict=True))) if parts > 1 else [_added(*shares[0])]
    if len(sums) == 1 and len(sums[0][1]) == rows:
        return torch.from_numpy(sums[0][1])
    total, filled = np.empty((rows, h.shape[2]), h.dtype), 0
    for first, part in sorted(sums, key=lambda s: s[0]):
        total[filled:first] = 0
        common = max(0, min(filled - first, len(part)))
        total[first : first + common] += part[:common]
        total[first + common : first + len(part)] = part[common:]
        filled = max(filled, first + len(part))
    total[filled:] = 0
    return torch.from_numpy(total)


def _added(weights: Array, index: Array, g: Array) -> tuple[int, Array]:
    """The sums of the rows from the first to the last that is touched, and the number of the first."""
    streams, n, taps = weights.shape
    first, last = (int(index.min()), int(index.max())) if n else (0, -1)
    columns = np.broadcast_to(index - first, weights.shape).reshape(-1)
    ends = np.arange(0, streams * n * taps + 1, taps, dtype=np.int32)
    shape = (streams * n, last - first + 1)
    matrix = csr_matrix((weights.reshape(-1), columns, ends), shape=shape, copy=False)
    return first, matrix.T @ g.reshape(streams * n, g.shape[2])


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="scatter")


def _add(weights: Tensor, index: Tensor, g: Tensor, rows: int) -> Tensor:
    each = torch.einsum("snt,snf->ntf", weights, g).flatten(0, 1)
    return each.new_zeros(rows, each.shape[1]).index_add_(0, index.flatten(), each)
