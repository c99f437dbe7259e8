"""Integral constraints: lines or volumes of quadrature nodes as rows, and the residual that sums over them."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Batch, Points
from pinnscene.boundary import Value, evaluated
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.samplers import count, known_sequence, unit_cube
from pinnscene.views import Differentiable

Integrand = Callable[[Differentiable, Points], Tensor]
MOST = 2**22  # nodes of one batch


@dataclass(frozen=True, eq=False)
class Nodes(Batch):
    """Quadrature nodes: one integral a row.

    Attributes:
        coords: [n, q, d] in the domain's units.
        weights: [n, q], with the measure of what is integrated over.
        axes: the d axis names.
    """

    coords: Tensor
    weights: Tensor
    axes: tuple[str, ...]

    def points(self) -> Points:
        """All nodes as points [n q, d]."""
        return Points(self.coords.flatten(0, 1), self.axes)

    def rows(self) -> Points:
        """A point [n, d] of each row; what is not integrated over is the same at all of a row's nodes."""
        return Points(self.coords[:, 0], self.axes)


@dataclass(frozen=True)
class Quadrature:
    """Gauss-Legendre nodes over some axes of a box, at places drawn on the others.

    ``Quadrature(box, ("x", "y"), n=32)`` in x, y, t is one integral over space at each of 32 times;
    ``Quadrature(box, ("y",), at={"x": 1.0})`` one over a face. Over all axes there is a single row, whatever ``n``.

    Attributes:
        box: the domain.
        over: axes to integrate over.
        nodes: along each of them; exact for polynomials of degree 2 nodes - 1.
        n: rows, places on the axes that remain.
        at: axes held at a value.
        points: sequence of the places, see ``unit_cube``.
    """

    box: Box
    over: tuple[str, ...]
    nodes: int = 16
    n: int = 32
    at: tuple[tuple[str, float], ...] = ()
    points: str = "sobol"

    def __post_init__(self) -> None:
        count(self.nodes, "the number of nodes")
        count(self.n, "the number of rows n")
        known_sequence(self.points)
        for axis in (*self.over, *(axis for axis, _ in self.at)):
            if axis not in self.box.axes:
                raise unknown("axis", axis, self.box.axes)
        if not self.over or set(self.over) & {axis for axis, _ in self.at}:
            raise PinnsceneError("an integral needs axes to integrate over, other than those that are held")
        if self.nodes ** len(self.over) * self.n > MOST:
            raise PinnsceneError(
                f"{self.n} integrals of {self.nodes}^{len(self.over)} nodes are more than {MOST} nodes: take fewer"
            )

    def __call__(self, generator: torch.Generator) -> Nodes:
        return self._rule(generator, self.nodes)

    def heldout(self, generator: torch.Generator) -> Nodes:
        """The same integrals by other nodes: what is fitted at the nodes alone shows."""
        return self._rule(generator, self.nodes + 1)

    def _rule(self, generator: torch.Generator, nodes: int) -> Nodes:
        ends, held = self.box.bounds, dict(self.at)
        left = [axis for axis in self.box.axes if axis not in self.over and axis not in held]
        n = self.n if left else 1
        device = generator.device
        t, w = (torch.as_tensor(a, device=device) for a in np.polynomial.legendre.leggauss(nodes))
        lines = {axis: (ends[axis][0] + ends[axis][1] + (ends[axis][1] - ends[axis][0]) * t) / 2 for axis in self.over}
        grid = torch.cartesian_prod(*lines.values()).reshape(-1, len(lines))
        weights = torch.cartesian_prod(*[w] * len(lines)).reshape(-1, len(lines)).prod(1)
        measure = prod((ends[axis][1] - ends[axis][0]) / 2 for axis in self.over)
        coords = torch.empty(n, len(grid), len(self.box.axes), dtype=torch.float64, device=device)
        places = unit_cube(n, len(left), self.points, generator) if left else None
        for k, axis in enumerate(self.box.axes):
            low, high = ends[axis]
            if axis in lines:
                coords[:, :, k] = grid[:, self.over.index(axis)]
            elif axis in held:
                coords[:, :, k] = held[axis]
            else:
                assert places is not None
                coords[:, :, k] = low + (high - low) * places[:, left.index(axis), None]
        return Nodes(coords, (measure * weights).expand(n, -1), self.box.axes)


@dataclass(frozen=True)
class Integral:
    """The integral of the field, or of ``integrand(u, p) -> [n, k]``, is ``value``; the residual is [rows, k]."""

    value: Value = 0.0
    integrand: Integrand | None = None

    def __call__(self, u: Differentiable, batch: Nodes) -> Tensor:
        p = batch.points()
        values = u(p) if self.integrand is None else self.integrand(u, p)
        if values.ndim != 2 or len(values) != len(p):
            raise PinnsceneError(f"an integrand expected to return [{len(p)}, k], got {list(values.shape)}")
        sums = torch.einsum("nq,nqk->nk", batch.weights, values.unflatten(0, batch.weights.shape))
        return sums - evaluated(self.value, batch.rows())
