"""Linearised residuals of all constraints as one matrix, rows scaled so that their squares sum to the loss."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.solvers.linearise import Rows
from pinnscene.solvers.parabola import row_scale, row_target


def stacked(field: Field, rows: Sequence[Rows], unknowns: bool = False) -> tuple[Tensor, Tensor]:
    """The matrix A [n, columns] and right side y [n] of the least-squares problem of an update: min ||A d - y||.

    Args:
        field: its last layer is the first columns, output fastest, the bias after the weights.
        rows: residuals with their linearisation.
        unknowns: whether the field's unknown coefficients are the last columns.

    Raises:
        PinnsceneError: a residual whose rows mix, where unknowns are asked for.
    """
    last = sum(len(c.theta) for c in field.unknowns.values()) if unknowns else 0
    first = field.head.weight.numel() + field.backbone.biased * field.head.bias.numel()
    count = sum(row.block.residual.numel() for row in rows)
    a = torch.empty(count, first + last, dtype=field.dtype, device=field.device)
    y = a.new_empty(count)
    start = 0
    for row in rows:
        scale, target = row_scale(row.block), row_target(row.block)
        more = unknown_slopes(field, row) if last else None
        for part, jacobian in row.chunks():
            stop = start + jacobian.shape[0] * jacobian.shape[1]
            shape = jacobian.shape[:2]
            torch.mul(jacobian, scale[part][..., None], out=a[start:stop, :first].view(*shape, first))
            if more is not None:
                torch.mul(more[part], scale[part][..., None], out=a[start:stop, first:].view(*shape, last))
            y[start:stop] = (scale[part] * target[part]).flatten()
            start = stop
    return a, y


def unknown_slopes(field: Field, row: Rows) -> Tensor:
    """The derivatives [n, k, q] of one residual to the parameters of all unknown coefficients, one after the other."""
    if not row.pointwise:
        raise PinnsceneError(
            f"the rows of '{row.block.name}' mix, which unknown coefficients cannot be found with: use adam"
        )
    n, k = row.block.residual.shape
    places, found = {}, []
    for name, coefficient in field.unknowns.items():
        places[name] = len(found)
        found.append(field.head.weight.new_zeros(n, k, len(coefficient.theta)))
    for u, use in enumerate(row.uses):
        slopes = [column[u] for column in row.unknown]
        if all(slope is None for slope in slopes):
            continue
        weight = torch.stack([torch.zeros_like(use.leaves[0]) if s is None else s for s in slopes], 1)  # [n, k, 1]
        with torch.no_grad():
            found[places[use.name]] += weight * field.unknowns[use.name].slopes(use.p, use.along)[:, None]
    return torch.cat(found, 2)
