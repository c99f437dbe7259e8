"""Gauss-Newton steps of a separable field without a matrix: conjugate gradients on the least-squares problem.

The Jacobian to the last layer is a sum of diag(dr/d partial) times Kronecker products of small tables, applied axis by
axis. The preconditioner takes the mean of each dr/d(partial) over the points: for waves in space that leaves one small
matrix in time for each wave, which is factorised exactly (CGLS: Bjorck 1996, Numerical Methods for Least Squares
Problems, algorithm 7.4.1).
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

from pinnscene.derivatives import Index
from pinnscene.encodings import TensorProduct
from pinnscene.encodings.separable import Places
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.parallel import total
from pinnscene.solvers.linearise import Call, Rows
from pinnscene.solvers.parabola import row_scale, row_target

MOST = 200  # iterations
SHIFT = 1e-13  # of the preconditioner's blocks at first, a hundred times more until they are positive definite


class Term(NamedTuple):
    """Points of one call with what each partial is multiplied by there: ``slopes[index]`` [n, residuals, outputs]."""

    places: Places
    slopes: dict[Index, Tensor]


class Part(NamedTuple):
    """One residual: its scaled rows are the sum of the terms times ``scale`` [n, residuals]."""

    terms: list[Term]
    scale: Tensor
    target: Tensor


class Descent(NamedTuple):
    """The update of the last layer [k, m], the iterations it took, and the loss that the linearisation then expects."""

    update: Tensor
    iterations: int
    loss: float


def krylov(field: Field, rows: Sequence[Rows], tol: float) -> Descent:
    """The update of the last layer that reduces the linearised residuals.

    Args:
        field: a separable field without a factor in its ansatz.
        rows: residuals with their linearisation.
        tol: of the gradient, relative to that at zero.
    """
    refusal = unfit(field, rows)
    if refusal:
        raise PinnsceneError(f"conjugate gradients need {refusal}")
    parts = [_part(field, row) for row in rows]
    precondition = _preconditioner(field, parts)
    leaf = torch.zeros_like(field.head.weight, requires_grad=True)
    with torch.enable_grad():
        images = torch.cat([_image(field, part, leaf).flatten() for part in parts])

    def adjoint(r: Tensor) -> Tensor:
        return total(torch.autograd.grad(images, leaf, r, retain_graph=True)[0])

    def product(v: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([_image(field, part, v).flatten() for part in parts])

    return _cgls(
        product, adjoint, precondition, torch.cat([part.target.flatten() for part in parts]), leaf.detach(), tol
    )


def unfit(field: Field, rows: Sequence[Rows]) -> str:
    """What conjugate gradients would need to serve a field and its residuals, or empty where they can."""
    if not field.separable:
        return "features that are products of functions of one axis each (--backbone tensor)"
    if field.ansatz.factor is not None:
        return "an ansatz without a factor (--set hard=false): or take head.form=dense"
    for row in rows:
        if not row.pointwise:
            return f"residuals whose rows do not mix, unlike those of '{row.block.name}': take head.form=dense"
        if any(field.places(call.x.to(field.dtype)).lines is None for call in row.calls):
            return f"points that form a lattice, such as a Box gives, in '{row.block.name}': or take head.form=dense"
    return ""


def need(field: Field, rows: Sequence[Rows]) -> float:
    """Bytes that a step takes: the preconditioner's blocks three times over, and partials with their slopes."""
    encoding, k = field.encoding, len(field.values)
    assert isinstance(encoding, TensorProduct)
    blocks = 3.0 * k * k * encoding.outputs * encoding.modes[-1]
    partials = sum(
        len({i for op in call.operators for i in op}) * row.block.residual.numel() * (3 * k + 1)
        for row in rows
        for call in row.calls
    )
    return field.dtype.itemsize * (blocks + partials)


def _cgls(
    product: Callable[[Tensor], Tensor],
    adjoint: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    y: Tensor,
    x: Tensor,
    tol: float,
) -> Descent:
    """Minimise ||A x - y|| from x = 0; each process holds some rows of A, ``adjoint`` sums over all of them."""
    r = y
    s = adjoint(r)
    z = precondition(s)
    p, gamma = z, float((s * z).sum())
    first, k = gamma, 0
    while k < MOST and gamma > tol * tol * first and gamma > 0:
        q = product(p)
        step = gamma / float(total(q.square().sum()))
        x = x + step * p
        r = r - step * q
        s = adjoint(r)
        z = precondition(s)
        before, gamma = gamma, float((s * z).sum())
        p = z + (gamma / before) * p
        k += 1
    return Descent(x, k, float(total(r.square().sum())))


def _part(field: Field, row: Rows) -> Part:
    slopes, scale = row.slopes or [], row_scale(row.block)
    found: list[tuple[Tensor, dict[Index, Tensor]]] = []  # calls at the same points are one, so that blocks see both
    for c, call in enumerate(row.calls):
        own = next((own for x, own in found if torch.equal(x, call.x)), None)
        if own is None:
            found.append((call.x, own := {}))
        _spread(call, [s[c] for s in slopes], own)
    terms = [Term(field.places(x.to(field.dtype)), own) for x, own in found]
    return Part(terms, scale, scale * row_target(row.block))


def _spread(call: Call, slopes: Sequence[Sequence[Tensor | None]], found: dict[Index, Tensor]) -> None:
    """Add dr/d(operator) to each of the partials that the operator is a sum of."""
    for o, operator in enumerate(call.operators):
        parts = [s[o] for s in slopes]
        if all(part is None for part in parts):
            continue
        weight = torch.stack([torch.zeros_like(call.leaves[o]) if s is None else s for s in parts], 1).detach()
        for index, c in operator.items():
            factor = c.detach()[:, :, None] if isinstance(c, Tensor) and c.ndim else c
            found[index] = found.get(index, 0) + weight * factor


def _image(field: Field, part: Part, weight: Tensor) -> Tensor:
    """The scaled rows [n, residuals] for weights [k, m]."""
    total: Tensor | None = None
    for term in part.terms:
        values = field.sums(term.places, weight, list(term.slopes))
        for slope, value in zip(term.slopes.values(), values, strict=True):
            image = slope[:, :, 0] * value if slope.shape[2] == 1 else torch.einsum("njk,nk->nj", slope, value)
            total = image if total is None else total + image
    assert total is not None
    return part.scale * total


def _preconditioner(field: Field, parts: Sequence[Part]) -> Callable[[Tensor], Tensor]:
    """The inverse of the mean normal matrix, a block for each product of waves in space."""
    encoding = field.encoding
    assert isinstance(encoding, TensorProduct)
    k, modes = len(field.values), encoding.modes
    last = modes[-1]  # the last axis is time, or else as good as any
    blocks = field.head.weight.new_zeros(field.backbone.outputs // last, k * last, k * last)
    for part in (part for part in parts if len(part.scale)):  # a process may hold no row of a few
        for term in part.terms:
            blocks += _blocks(field, term, part.scale)
    factor = _cholesky(total(blocks))

    def solve(s: Tensor) -> Tensor:
        """[k, space last] to [space, k last] and back."""
        v = s.view(k, -1, last).transpose(0, 1).reshape(-1, k * last, 1)
        w = torch.cholesky_solve(v, factor)
        return w.view(-1, k, last).transpose(0, 1).reshape(k, -1)

    return solve


def _cholesky(blocks: Tensor) -> Tensor:
    """Factors of blocks [b, n, n] that may be singular, by as little of a shift as makes them definite."""
    size = blocks.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    eye = torch.eye(blocks.shape[1], dtype=blocks.dtype, device=blocks.device)
    size = size + size.max()
    size = torch.where(size == 0, 1.0, size)  # of residuals that no weight moves
    shift = max(SHIFT, torch.finfo(blocks.dtype).eps)
    while shift < 1:
        factor, failed = torch.linalg.cholesky_ex(blocks + shift * size * eye)
        if not bool(failed.any()):
            return factor
        shift *= 100
    raise PinnsceneError("conjugate gradients expected finite residuals with finite slopes: look at start and options")


def _blocks(field: Field, term: Term, scale: Tensor) -> Tensor:
    """The mean normal matrix of one term: [space, k last, k last]."""
    places, encoding = term.places, field.encoding
    assert isinstance(encoding, TensorProduct)
    d, n = len(encoding.modes), len(scale)
    rate = {i: field.ansatz.scale / float(field.extent[list(i)].prod()) for i in term.slopes}
    means = {i: (slope * scale[:, :, None]).mean(0) * rate[i] for i, slope in term.slopes.items()}
    total: Tensor | None = None
    for i, a in means.items():
        for j, b in means.items():
            grams = [
                (places.table(axis, i.count(axis)) * places.table(axis, j.count(axis))).mean(0) for axis in range(d - 1)
            ]
            space = reduce(lambda u, v: (u[:, None] * v).flatten(), grams, scale.new_ones(1))
            left, right = places.table(d - 1, i.count(d - 1)), places.table(d - 1, j.count(d - 1))
            time = torch.kron(a.T @ b, left.T @ right / len(left))  # [k last, k last]
            block = n * space[:, None, None] * time
            total = block if total is None else total + block
    assert total is not None
    return total
