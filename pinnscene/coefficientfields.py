"""Coefficient fields that are to be found: positive functions of some axes, exponentials of tensor B-splines."""

from collections.abc import Sequence
from functools import reduce
from math import log

import numpy as np
import torch
from torch import Tensor, nn

from pinnscene.bases import bases
from pinnscene.batch import Points
from pinnscene.coefficients import Coefficient
from pinnscene.errors import PinnsceneError

PROBES = 33  # points an axis at which a field is described


class PositiveSpline(Coefficient):
    """exp(s) with s a sum of products of B-splines of each axis.

    Its roughness is the mean of the squared second derivatives of s, the thin-plate energy, in coordinates that go
    from -1 to 1.

    Args:
        axes: the axes it depends on.
        lower, upper: ends of each.
        counts: B-splines of each axis.
        start: the constant that it begins as, above zero.
    """

    def __init__(
        self,
        axes: Sequence[str],
        lower: Sequence[float],
        upper: Sequence[float],
        counts: Sequence[int],
        start: float = 1.0,
    ) -> None:
        if not start > 0:
            raise PinnsceneError(f"a positive coefficient expected a start above 0, got {start:g}")
        size = 1
        for count in counts:
            size *= count
        super().__init__(torch.full((size,), log(start), dtype=torch.float64))  # B-splines sum to one
        self.axes, self.lower, self.upper = tuple(axes), tuple(lower), tuple(upper)
        self.counts = tuple(counts)
        self.bases = nn.ModuleList(bases["spline"](count) for count in counts)

    def features(self, p: Points, order: Sequence[int]) -> Tensor:
        """A derivative of every product [n, q] at points, of an order in each axis, in the points' units."""
        tables = []
        for axis, low, high, k, basis in zip(self.axes, self.lower, self.upper, order, self.bases, strict=True):
            x = (2 * p[axis][:, 0] - low - high) / (high - low)
            tables.append(basis.table(x, k) * (2 / (high - low)) ** k)  # pyright: ignore[reportCallIssue] of a Basis
        return reduce(lambda a, b: (a[:, :, None] * b[:, None, :]).flatten(1), tables).to(self.theta.detach())

    def at(self, p: Points, along: str = "") -> Tensor:
        value = (self.features(p, self._order("")) @ self.theta).exp()[:, None]
        if not along:
            return value
        return (
            value * 0
            if along not in self.axes
            else value * (self.features(p, self._order(along)) @ self.theta)[:, None]
        )

    def slopes(self, p: Points, along: str = "") -> Tensor:
        theta, phi = self.theta.detach(), self.features(p, self._order(""))
        value = (phi @ theta).exp()[:, None]
        if not along:
            return value * phi
        if along not in self.axes:
            return 0 * phi
        moved = self.features(p, self._order(along))
        return value * ((moved @ theta)[:, None] * phi + moved)

    def _order(self, along: str) -> list[int]:
        if len(along) > 1 and along not in self.axes and set(along) <= set(self.axes):
            raise PinnsceneError(f"a coefficient field has first derivatives alone, got '{along}'")
        return [int(axis == along) for axis in self.axes]

    def roughness(self) -> Tensor:
        d = len(self.axes)
        rules = [np.polynomial.legendre.leggauss(2 * count) for count in self.counts]
        weight = reduce(torch.kron, [torch.as_tensor(weights / 2) for _, weights in rules]).sqrt()[:, None]
        rows = []
        for i in range(d):
            for j in range(i, d):
                order = [int(k == i) + int(k == j) for k in range(d)]
                places = zip(self.bases, rules, order, strict=True)
                tables = [basis.table(torch.as_tensor(nodes), k) for basis, (nodes, _), k in places]  # pyright: ignore[reportCallIssue] of a Basis
                rows.append((1.0 if i == j else 2**0.5) * weight * reduce(torch.kron, tables))
        return torch.linalg.qr(torch.cat(rows), mode="r")[1].to(self.theta.detach())

    def spread(self, p: Points) -> Tensor:
        """The standard error [n, 1] of the values at points; infinite where no solver has told it."""
        slopes = self.slopes(p)
        return ((slopes @ self.covariance) * slopes).sum(1, keepdim=True).clamp_min(0).sqrt()

    def lattice(self, count: int = PROBES) -> Points:
        """A regular grid of its own axes, ends included."""
        lines = [torch.linspace(a, b, count, dtype=torch.float64) for a, b in zip(self.lower, self.upper, strict=True)]
        return Points(torch.cartesian_prod(*lines).view(-1, len(lines)), self.axes)

    def describe(self) -> dict[str, float | None]:
        p = self.lattice()
        with torch.no_grad():
            values = self.at(p)
            known = bool(self.covariance.isfinite().all())
            error = float(self.spread(p).mean()) if known else None
        least, most, mean = float(values.min()), float(values.max()), float(values.mean())
        return {"mean": mean, "least": least, "most": most, "standard_error": error, "smoothing": float(self.smoothing)}
