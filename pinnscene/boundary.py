"""Conditions as residuals, for any problem: what a field must be on a wall, at the start, across a seam.

Each is a callable ``(u, p) -> [n, k]`` for a ``Constraint``; values are numbers or functions of the points. Outward
normals come with the points of a face: ``Constraint(box.face(64, "x"), Neumann(0.0))``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.derivatives import Index
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.views import Differentiable

Value = float | Callable[[Points], Tensor]


def evaluated(value: Value, p: Points) -> "float | Tensor":
    """A value at points: a number as it is, a function's result checked to be [n, 1] or [n, k]."""
    if not callable(value):
        return value
    result = value(p)
    if not isinstance(result, Tensor) or result.ndim != 2 or len(result) != len(p):
        got = list(result.shape) if isinstance(result, Tensor) else type(result).__name__
        raise PinnsceneError(f"the value of a condition expected to return [{len(p)}, k], got {got}")
    return result


def as_column(value: Value, p: Points) -> Tensor:
    """A value at points as a tensor [n, k]."""
    found = evaluated(value, p)
    return found if isinstance(found, Tensor) else torch.full_like(p.coords[:, :1], found)


def component(u: Differentiable, values: Tensor, output: str | None) -> Tensor:
    """The column of one output by name, or all columns."""
    if output is None:
        return values
    if output not in u.values:
        raise unknown("output", output, u.values)
    k = u.values.index(output)
    return values[:, k : k + 1]


def beside(p: Points) -> tuple[Points, Points]:
    """The points of an interface moved behind it and ahead of it along their normals, as little as decides the side.

    That is 2e-12 of their coordinates' size in double precision, which moves smooth values by as little.
    """
    normal = outward(p)
    space = [k for k, axis in enumerate(p.axes) if axis != "t"]
    size = p.coords[:, space].abs().max()
    step = torch.finfo(p.coords.dtype).eps ** 0.75 * size * normal
    return replace(p, coords=p.coords - step), replace(p, coords=p.coords + step)


def outward(p: Points) -> Tensor:
    """The outward normals [n, d]; points without them raise ``PinnsceneError``."""
    if p.normal is None or bool((p.normal == 0).all(1).any()):
        raise PinnsceneError(
            'a flux condition needs outward normals: take points of walls, such as box.face(64, "x"), not of the inside'
        )
    return p.normal


@dataclass(frozen=True)
class Robin:
    """a u + b du/dn = c with the outward normal n."""

    a: Value
    b: Value
    c: Value = 0.0
    output: str | None = None  # one output by name; None for all

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        a, b, c = (evaluated(value, p) for value in (self.a, self.b, self.c))
        normal = outward(p)
        moving = [k for k in range(normal.shape[1]) if bool((normal[:, k] != 0).any())]
        operator: dict[Index, float | Tensor] = {(k,): normal[:, k : k + 1] * b for k in moving}
        if isinstance(a, Tensor) or a != 0:
            operator[()] = a
        return component(u, u.derivatives(p, [operator])[0], self.output) - c


@dataclass(frozen=True)
class Neumann:
    """du/dn = flux, with the outward normal n."""

    flux: Value = 0.0
    output: str | None = None  # one output by name; None for all

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        return Robin(0.0, 1.0, self.flux, self.output)(u, p)


@dataclass(frozen=True)
class Dirichlet:
    """u = value; on a face t = start the initial state."""

    value: Value = 0.0
    output: str | None = None  # one output by name; None for all

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        return component(u, u(p), self.output) - evaluated(self.value, p)


@dataclass(frozen=True)
class Velocity:
    """u_t = value: with ``Dirichlet`` the two initial conditions of a wave."""

    value: Value = 0.0
    output: str | None = None  # one output by name; None for all

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        if "t" not in u.axes:
            raise PinnsceneError(f"a velocity needs an axis t; the axes are {', '.join(u.axes)}")
        slope = u.derivatives(p, [{(u.axes.index("t"),): 1.0}])[0]
        return component(u, slope, self.output) - evaluated(self.value, p)


@dataclass(frozen=True)
class Jump:
    """[u] = value on an interface: u ahead of it, where its normals point, less u behind it.

    The points are those of the boundary of the region behind: ``Constraint(disc(0, 0, 1).boundary(100), Jump(0.5))``.
    """

    value: Value = 0.0
    output: str | None = None  # one output by name; None for all

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        behind, ahead = (component(u, u(q), self.output) for q in beside(p))
        return ahead - behind - evaluated(self.value, p)


@dataclass(frozen=True)
class FluxJump:
    """[a du/dn] = flux on an interface with the coefficient a of each side: that ahead of it less that behind it."""

    behind: Value  # a there
    ahead: Value
    flux: Value = 0.0
    output: str | None = None  # one output by name; None for all

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        before, after = beside(p)
        flows = [Robin(0.0, a, 0.0, self.output)(u, q) for a, q in ((self.ahead, after), (self.behind, before))]
        return flows[0] - flows[1] - evaluated(self.flux, p)


@dataclass(frozen=True)
class Periodic:
    """Value and slope across agree on both walls of an axis; the points lie on one of them, ``upper`` is the other."""

    axis: str
    upper: float
    order: int = 1  # of the highest derivative that agrees; 0 for the value alone

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        if self.axis not in p.axes:
            raise unknown("axis", self.axis, p.axes)
        k = p.axes.index(self.axis)
        across = p.coords.clone()
        across[:, k] = self.upper
        operators = [{(k,) * order: 1.0} for order in range(self.order + 1)]
        here, there = u.derivatives(p, operators), u.derivatives(across, operators)
        return torch.cat([a - b for a, b in zip(here, there, strict=True)], 1)
