"""How residuals depend on the last layer, without a derivative for each row.

A residual that is pointwise in u and its partials has r_i = R(u_i, u_t,i, ...), and each of those is
offset + features W with features that do not depend on W. So the partials are recorded as leaves while the residual
runs, one backward pass gives dr/d(partial) at every point, and the Jacobian to W is the sum over the leaves of
diag(dr/d leaf) features. A residual whose rows mix (an integral, a ray) is differentiated row by row.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.constraint import Block
from pinnscene.derivatives import Operator
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.views import Differentiable


class Call(NamedTuple):
    """One call of the field by a residual: the points, the operators, and a leaf [n, k] for each."""

    x: Tensor
    operators: Sequence[Operator]
    leaves: list[Tensor]


class Use(NamedTuple):
    """One look of a residual at a coefficient that is to be found, with its answer [n, 1] as a leaf."""

    name: str
    p: Points
    along: str
    leaves: list[Tensor]


class Recorder(Differentiable):
    """The field as residuals see it, with every answer a leaf that is written down."""

    def __init__(self, field: Field) -> None:
        self.field, self.axes, self.values = field, field.axes, field.values
        # a network that is still zero need not be evaluated
        zero = not any(p.any() for p in field.head.parameters())
        self.seen = field.lift() if zero else field
        self.calls: list[Call] = []
        self.uses: list[Use] = []

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        if name not in self.field.unknowns:
            return self.field.param(name, p, along)
        points = p if isinstance(p, Points) else Points(p, self.axes)
        leaf = self.field.param(name, points, along).detach().clone().requires_grad_()
        self.uses.append(Use(name, points, along, [leaf]))
        return leaf

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        if any(isinstance(c, Tensor) and c.requires_grad for op in operators for c in op.values()):
            # one leaf for an operator would hide how it depends on an unknown coefficient
            indices = list(dict.fromkeys(index for op in operators for index in op))
            parts = dict(zip(indices, self.derivatives(p, [{index: 1.0} for index in indices]), strict=True))
            return [torch.stack([c * parts[index] for index, c in op.items()]).sum(0) for op in operators]
        x = coordinates(p, len(self.axes)).detach()
        with torch.no_grad():
            answers = self.seen.derivatives(x.to(self.field.dtype), operators)
        leaves = [a.clone().requires_grad_() for a in answers]
        self.calls.append(Call(x, operators, leaves))
        return leaves


class Rows(NamedTuple):
    """The residual r [n, k] of one block and its Jacobian, ``chunks()`` of (rows slice, J [rows, k, (m+1) outputs]).

    Where it is pointwise, ``slopes[j][c][o]`` [n, outputs] is the derivative of r[:, j] to the answer to operator o of
    call c; ``unknown[j][u]`` [n, 1] is that to the coefficient of use u.
    """

    block: Block
    chunks: Callable[[], Iterator[tuple[slice, Tensor]]]
    calls: Sequence[Call]
    slopes: Sequence[Sequence[Sequence[Tensor | None]]] | None
    uses: Sequence[Use] = ()
    unknown: Sequence[Sequence[Tensor | None]] = ()

    @property
    def pointwise(self) -> bool:
        """Whether each row depends on the field at its own point alone."""
        return self.slopes is not None


def linearise(field: Field, blocks_of: Callable[[Differentiable], list[Block]]) -> list[Rows]:
    """Residuals and Jacobians to the last layer at the present weights.

    Args:
        field: the field; its last layer holds W.
        blocks_of: evaluates the residuals of one constraint for a field.

    Raises:
        PinnsceneError: a residual that does not depend on the field.
    """
    recorder = Recorder(field)
    blocks = blocks_of(recorder)
    rows = []
    for block in blocks:
        leaves = [leaf for call in recorder.calls for leaf in call.leaves]
        looks = [*recorder.calls, *recorder.uses]
        if not leaves or not _depends(block.residual, leaves):
            raise PinnsceneError(
                f"the residual of '{block.name}' does not depend on the field: it must use u, "
                "for example u(p) or partials(u, p, 'xx')"
            )
        slopes = _slopes(block.residual, looks)
        count = len(recorder.calls)
        detached = block._replace(residual=block.residual.detach())
        if slopes is not None:
            unknown = [[look[0] for look in column[count:]] for column in slopes]
            slopes = [column[:count] for column in slopes]
            chunks = _pointwise(field, recorder.calls, slopes)
        else:
            unknown = []
            chunks = _rowwise(field, recorder.calls, block.residual)
        rows.append(Rows(detached, chunks, recorder.calls, slopes, recorder.uses, unknown))
    return rows


def _depends(r: Tensor, leaves: Sequence[Tensor]) -> bool:
    if not r.requires_grad:
        return False
    grads = torch.autograd.grad(r.sum(), leaves, retain_graph=True, allow_unused=True)
    return any(g is not None for g in grads)


def _slopes(r: Tensor, calls: Sequence[Call | Use]) -> list[list[list[Tensor | None]]] | None:
    """dr[:, j] / d leaf for each output j, call and operator; None where rows of r mix rows of the leaves."""
    leaves = [leaf for call in calls for leaf in call.leaves]
    if any(len(leaf) != len(r) for leaf in leaves):
        return None
    # Rows do not mix exactly when weighting the rows of r weights the rows of the gradient alike.
    probe = torch.linspace(0.5, 1.5, len(r), dtype=r.dtype, device=r.device)[:, None]
    rtol = max(1e-9, 64 * torch.finfo(r.dtype).eps)
    slopes = []
    for column in r.unbind(1):
        plain = torch.autograd.grad(column.sum(), leaves, retain_graph=True, allow_unused=True)
        weighted = torch.autograd.grad((column * probe[:, 0]).sum(), leaves, retain_graph=True, allow_unused=True)
        for a, b in zip(plain, weighted, strict=True):
            if a is not None and b is not None and not torch.allclose(a * probe, b, rtol=rtol, atol=1e-3 * rtol):
                return None
        grads = iter(plain)
        slopes.append([[next(grads) for _ in call.leaves] for call in calls])
    return slopes


def _pointwise(field: Field, calls: Sequence[Call], slopes: list[list[list[Tensor | None]]]) -> Any:
    n = len(calls[0].x)

    def chunks() -> Iterator[tuple[slice, Tensor]]:
        for start in range(0, n, field.chunk):
            rows = slice(start, min(start + field.chunk, n))
            jacobian: Tensor | None = None
            for c, call in enumerate(calls):
                features = _features(field, call, rows)
                for o, phi in enumerate(features):
                    parts = [s[c][o] for s in slopes]
                    if all(part is None for part in parts):
                        continue
                    weights = torch.stack(
                        [torch.zeros_like(call.leaves[o][rows]) if part is None else part[rows] for part in parts], 1
                    )  # [rows, residual outputs, field outputs]
                    term = torch.einsum("nm,njk->njmk", phi, weights).flatten(2)
                    jacobian = term if jacobian is None else jacobian.add_(term)
            assert jacobian is not None
            yield rows, jacobian

    return chunks


def _features(field: Field, call: Call, rows: slice) -> list[Tensor]:
    operators = [
        {i: c[rows] if isinstance(c, Tensor) and c.ndim else c for i, c in op.items()} for op in call.operators
    ]
    with torch.no_grad():
        return field.feature_derivatives(call.x[rows], operators)


def _rowwise(field: Field, calls: Sequence[Call], r: Tensor) -> Any:
    def chunks() -> Iterator[tuple[slice, Tensor]]:
        leaves = [leaf for call in calls for leaf in call.leaves]
        features = [phi for call in calls for phi in _features(field, call, slice(None))]
        for i in range(len(r)):
            lines = []
            for j in range(r.shape[1]):
                grads = torch.autograd.grad(r[i, j], leaves, retain_graph=True, allow_unused=True)
                terms = [phi.T @ g for phi, g in zip(features, grads, strict=True) if g is not None]
                lines.append(torch.stack(terms).sum(0).flatten())
            yield slice(i, i + 1), torch.stack(lines)[None]

    return chunks
