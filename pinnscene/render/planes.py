"""Planes through a domain: a field on a regular grid over its first two axes, the others held."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Domain
from pinnscene.metrics import evaluate
from pinnscene.views import Differentiable

Array = NDArray[np.float64]


class Plane(NamedTuple):
    """``coords`` of a grid [rows, columns] over two axes, horizontal and vertical, and their ends."""

    points: Points
    shape: tuple[int, int]
    axes: tuple[str, str]
    extent: tuple[float, float, float, float]
    inside: Tensor | None = None  # which of the points lie in the domain [n]; None for all

    def image(self, values: Tensor, output: int = 0) -> Array:
        """One output's values [n, k] at the plane's points as an image, the first row below; NaN outside."""
        return blanked(values[:, output], self.inside).reshape(self.shape).numpy()


def blanked(values: Tensor, inside: Tensor | None) -> Tensor:
    """Values [n] with NaN where they are not inside."""
    return values if inside is None else torch.where(inside, values, torch.nan)


def inside(domain: Domain, p: Points) -> Tensor | None:
    """Which of the points lie in a domain [n], for one that does not fill its box; None for all."""
    asked = getattr(domain, "inside", None)
    return None if asked is None else asked(p.coords)


def plane(domain: Domain, n: int = 160, **held: float) -> Plane:
    """The plane of the first two axes that are not held; axes beyond stand at their middle."""
    free = [axis for axis in domain.axes if axis not in held][:2]
    middle = {a: (lo + hi) / 2 for a, lo, hi in zip(domain.axes, domain.lower, domain.upper, strict=True)}
    k, j = (domain.axes.index(axis) for axis in free)
    x = torch.linspace(domain.lower[k], domain.upper[k], n, dtype=torch.float64)
    y = torch.linspace(domain.lower[j], domain.upper[j], n, dtype=torch.float64)
    columns = {axis: torch.full((n * n,), held.get(axis, middle[axis]), dtype=torch.float64) for axis in domain.axes}
    columns[free[0]], columns[free[1]] = x.repeat(n), y.repeat_interleave(n)
    points = Points(torch.stack([columns[axis] for axis in domain.axes], 1), domain.axes)
    extent = (domain.lower[k], domain.upper[k], domain.lower[j], domain.upper[j])
    return Plane(points, (n, n), (free[0], free[1]), extent, inside(domain, points))


def line(domain: Domain, axis: str, n: int = 400, **held: float) -> Points:
    """Points along one axis, the others held or at their middle."""
    columns = []
    for name, low, high in zip(domain.axes, domain.lower, domain.upper, strict=True):
        at = held.get(name, (low + high) / 2)
        along = torch.linspace(low, high, n, dtype=torch.float64)
        columns.append(along if name == axis else torch.full((n,), at, dtype=torch.float64))
    return Points(torch.stack(columns, 1), domain.axes)


def times(domain: Domain, count: int) -> list[float]:
    """Evenly spaced values of t, ends included; empty where there is no such axis."""
    if "t" not in domain.axes:
        return []
    k = domain.axes.index("t")
    return torch.linspace(domain.lower[k], domain.upper[k], count, dtype=torch.float64).tolist()


def on_plane(u: Differentiable, where: Plane, output: int = 0) -> Array:
    """A field's output as an image."""
    return where.image(evaluate(u, where.points), output)
