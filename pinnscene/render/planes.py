"""Planes through a domain: a field on a regular grid over its first two axes, the others held."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Domain
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.primitives import Block
from pinnscene.geometry.region import Region
from pinnscene.geometry.space import space_of
from pinnscene.metrics import evaluate
from pinnscene.views import Differentiable

Array = NDArray[np.float64]
DRAWN = 1000  # points of a region that tell where there is something to see
NEAR = 0.05  # of a side: how near to its middle one of them lies where a plane there is not empty


class Plane(NamedTuple):
    """``coords`` of a grid [rows, columns] over two axes, horizontal and vertical, and their ends.

    ``points`` are those of the grid that the domain has: all of them in a box, else those that ``inside`` [rows,
    columns] marks. ``base`` [d] is a point of the plane.
    """

    points: Points
    shape: tuple[int, int]
    axes: tuple[str, str]
    extent: tuple[float, float, float, float]
    base: Tensor
    inside: NDArray[np.bool_] | None = None

    def image(self, values: Tensor, output: int = 0) -> Array:
        """One output's values [n, k] at the plane's points as an image, the first row below; nan outside."""
        column = values[:, output].numpy()
        if self.inside is None:
            return column.reshape(self.shape)
        made = np.full(self.shape, np.nan)
        made[self.inside] = column
        return made


def cut_out(domain: Domain) -> Region | None:
    """The region that a domain covers, where that is not all of a box."""
    region = space_of(domain)
    return None if isinstance(region, Block) else region


def middle(domain: Domain) -> dict[str, float]:
    """The middle of a domain's box by axis; where a plane there would be empty, the nearest place where it is not."""
    ends = torch.tensor([domain.lower, domain.upper], dtype=torch.float64)
    at, region = ends.mean(0), cut_out(domain)
    if region is not None:
        d = len(region.axes)
        x = region.interior(DRAWN, "sobol")(torch.Generator().manual_seed(0)).coords.to(at)
        away = (x - at[:d]).abs()
        nearest = x.gather(0, away.argmin(0, keepdim=True))[0]
        at[:d] = torch.where(away.amin(0) < NEAR * (ends[1] - ends[0])[:d], at[:d], nearest)
    return dict(zip(domain.axes, at.tolist(), strict=True))


def plane(domain: Domain, n: int = 160, **held: float) -> Plane:
    """The plane of the first two axes that are not held; axes beyond stand at their middle.

    Raises:
        PinnsceneError: a plane that no point of the domain lies in.
    """
    free = [axis for axis in domain.axes if axis not in held][:2]
    beyond = len(held) + 2 < len(domain.axes)
    at = (middle(domain) if beyond else dict.fromkeys(domain.axes, 0.0)) | held
    k, j = (domain.axes.index(axis) for axis in free)
    x = torch.linspace(domain.lower[k], domain.upper[k], n, dtype=torch.float64)
    y = torch.linspace(domain.lower[j], domain.upper[j], n, dtype=torch.float64)
    base = torch.tensor([at[axis] for axis in domain.axes], dtype=torch.float64)
    coords = base.repeat(n * n, 1)
    coords[:, k], coords[:, j] = x.repeat(n), y.repeat_interleave(n)
    extent = (domain.lower[k], domain.upper[k], domain.lower[j], domain.upper[j])
    inside = within(domain, coords)
    kept = coords if inside is None else coords[inside]
    if not len(kept):
        places = ", ".join(f"{axis} = {at[axis]:.3g}" for axis in domain.axes if axis not in free)
        raise PinnsceneError(f"no point of {domain!r} lies in the plane {places}: expected one through its inside")
    mask = None if inside is None else inside.view(n, n).numpy()
    return Plane(Points(kept, domain.axes), (n, n), (free[0], free[1]), extent, base, mask)


def within(domain: Domain, coords: Tensor) -> Tensor | None:
    """Which of the points [n, d] lie in the domain, [n]; None where all of its box does."""
    region = cut_out(domain)
    return None if region is None else region.inside(coords[:, : len(region.axes)])


def where_inside(domain: Domain, p: Points, f: Callable[[Points], Tensor | None]) -> Tensor | None:
    """Values [n] that ``f`` has at the points of the domain, nan at others; None where it has none."""
    inside = within(domain, p.coords)
    if inside is None:
        return f(p)
    made = torch.full((len(p),), torch.nan, dtype=torch.float64)
    values = f(p[inside]) if bool(inside.any()) else made[:0]
    return None if values is None else made.masked_scatter(inside, values)


def line(domain: Domain, axis: str, n: int = 400, **held: float) -> Points:
    """Points along one axis, the others held or at their middle."""
    at = middle(domain) | held
    columns = []
    for name, low, high in zip(domain.axes, domain.lower, domain.upper, strict=True):
        along = torch.linspace(low, high, n, dtype=torch.float64)
        columns.append(along if name == axis else torch.full((n,), at[name], dtype=torch.float64))
    return Points(torch.stack(columns, 1), domain.axes)


def times(domain: Domain, count: int) -> list[float]:
    """Evenly spaced values of t, ends included; empty where there is no such axis."""
    if "t" not in domain.axes:
        return []
    k = domain.axes.index("t")
    return torch.linspace(domain.lower[k], domain.upper[k], count, dtype=torch.float64).tolist()


def on_plane(u: Differentiable, where: Plane, output: int = 0) -> Array:
    """A field's output as an image, nan outside of the domain."""
    return where.image(evaluate(u, where.points), output)
