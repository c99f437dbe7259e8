"""A first guess: the last layer fitted to a function of the points, such as the state at the start held in time."""

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.encodings import TensorProduct
from pinnscene.field import Field
from pinnscene.views import Differentiable

RCOND = 1e-13  # singular values below this share of the largest are rounding


@torch.no_grad()
def fit(field: Field, seen: Differentiable) -> None:
    """Set the weights of a separable field so that it comes close to ``seen`` on the lattice of its features.

    On a lattice the least-squares problem is one of each axis, one after the other. An ansatz with a factor keeps its
    zero weights: it has its first guess in the lift.
    """
    encoding, scale = field.encoding, field.ansatz.scale
    if not (field.separable and isinstance(encoding, TensorProduct)) or field.ansatz.factor is not None:
        return
    lines = [line.to(field.centre) for line in encoding.lines()]
    x = torch.cartesian_prod(*lines).view(-1, len(lines))
    p = Points(field.centre + field.extent * x, field.axes)
    value = {(): 1.0}
    target = seen.derivatives(p, [value])[0] - field.lift().derivatives(p, [value])[0]
    weights = target.to(field.dtype).T.reshape(-1, *[len(line) for line in lines]) / scale
    for basis, line in zip(encoding.bases, lines, strict=True):
        weights = torch.tensordot(weights, _pseudoinverse(basis.table(line, 0)), dims=([1], [1]))  # pyright: ignore[reportArgumentType] a stub of torch
    field.head.weight.copy_(weights.flatten(1))


def _pseudoinverse(table: Tensor) -> Tensor:
    return torch.linalg.pinv(table, rtol=RCOND)
