"""Nested reverse autograd: derivatives of any order of any function of the points."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pinnscene.derivatives.names import Index, Operator


def nested(f: Callable[[Tensor], Tensor], x: Tensor, operators: Sequence[Operator]) -> list[Tensor]:
    """Apply linear differential operators to ``f``: [n, d] -> [n, k] at ``x``, rows independent of one another.

    Shared partials are computed once. The results keep their graph to the parameters where gradients are on.
    """
    order = max(len(index) for op in operators for index in op)
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        if order and not x.requires_grad:
            x = x.detach().requires_grad_()
        known: dict[Index, Tensor] = {(): f(x)}
        slopes: dict[Index, Tensor] = {}  # index -> [n, k, d]

        def partial(index: Index) -> Tensor:
            if index not in known:
                parent = index[:-1]
                if parent not in slopes:
                    graph = keep or len(index) < order
                    slopes[parent] = _gradient(partial(parent), x, graph)
                known[index] = slopes[parent][..., index[-1]]
            return known[index]

        results = [_combine(op, partial) for op in operators]
    return results if keep else [r.detach() for r in results]


def _gradient(y: Tensor, x: Tensor, graph: bool) -> Tensor:
    """D y[:, j] / d x as [n, k, d]; zero where y does not depend on x."""
    if not y.requires_grad:
        return x.new_zeros(*y.shape, x.shape[1])
    columns = []
    for column in y.unbind(1):
        (g,) = torch.autograd.grad(column.sum(), x, create_graph=graph, retain_graph=True, allow_unused=True)
        columns.append(torch.zeros_like(x) if g is None else g)
    return torch.stack(columns, 1)


def _combine(op: Operator, partial: Callable[[Index], Tensor]) -> Tensor:
    terms = [c * partial(index) for index, c in op.items()]
    return sum(terms[1:], terms[0])
