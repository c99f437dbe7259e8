"""Domains: where a field lives. Axes have names; points come with outward normals on the boundary."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import torch
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.samplers import Sampler, count, known_sequence, unit_cube


class Domain(ABC):
    """A region with named axes and a bounding box ``lower``, ``upper`` (tuples of d floats)."""

    axes: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    @abstractmethod
    def interior(self, n: int, points: str = "uniform") -> Sampler:
        """A sampler of ``n`` points inside."""

    @abstractmethod
    def grid(self, most: int = 200_000) -> Points:
        """A regular grid of at most ``most`` points, ends included: where metrics are taken."""

    @abstractmethod
    def distance(self, p: Points | Tensor) -> Tensor:
        """Signed distance [n, 1] to the boundary, negative inside."""

    @property
    @abstractmethod
    def parts(self) -> tuple[str, ...]:
        """The names of the parts of the boundary."""

    @abstractmethod
    def boundary(self, n: int, *parts: str, points: str = "uniform") -> Sampler:
        """A sampler of ``n`` points on parts of the boundary, on all of it where none is named, with normals."""

    def __or__(self, other: "Domain") -> "Domain":
        from pinnscene.geometry.csg import Union

        return Union(self, other)

    def __and__(self, other: "Domain") -> "Domain":
        from pinnscene.geometry.csg import Intersection

        return Intersection(self, other)

    def __sub__(self, other: "Domain") -> "Domain":
        from pinnscene.geometry.csg import Difference

        return Difference(self, other)

    @property
    def space(self) -> tuple[str, ...]:
        """The axes of space: all but ``t``."""
        return tuple(axis for axis in self.axes if axis != "t")


class Box(Domain):
    """A box with named axes, ``Box(x=(0, 1), t=(0, 1))``, in any number of dimensions.

    Raises:
        PinnsceneError: no axis, an end that is not finite, or a lower end not below the upper one.
    """

    def __init__(self, **axes: tuple[float, float]) -> None:
        if not axes:
            raise PinnsceneError("a Box needs at least one axis, such as Box(x=(0, 1))")
        for name, ends in axes.items():
            low, high = ends
            if not (isfinite(low) and isfinite(high) and low < high):
                raise PinnsceneError(f"axis {name} expected two finite ends, lower first, got {ends}")
        self.axes = tuple(axes)
        self.lower = tuple(float(low) for low, _ in axes.values())
        self.upper = tuple(float(high) for _, high in axes.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Box) and self.bounds == other.bounds

    def __hash__(self) -> int:
        return hash(tuple(self.bounds.items()))

    def __repr__(self) -> str:
        return f"Box({', '.join(f'{a}={ends}' for a, ends in self.bounds.items())})"

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The ends of each axis by name."""
        return dict(zip(self.axes, zip(self.lower, self.upper, strict=True), strict=True))

    def interior(self, n: int, points: str = "uniform") -> Sampler:
        return BoxSampler(self, n, points)

    def face(self, n: int, *walls: str, points: str = "uniform", **at: float) -> Sampler:
        """A sampler of ``n`` points on walls or on planes.

        Args:
            n: points in all.
            walls: faces by name, ``"x0"`` for the lower wall of x, or axes for both; in proportion to their areas.
            points: the point sequence, see ``unit_cube``.
            at: planes, such as ``t=0.0`` for the start or ``x=1.0`` for one wall.

        Raises:
            PinnsceneError: an unknown face, a plane outside the box, or neither walls nor planes.
        """
        planes = [plane for wall in walls for plane in self._planes(wall)]
        for axis, value in at.items():
            low, high = self._ends(axis)
            if not low <= value <= high:
                raise PinnsceneError(f"{axis}={value} lies outside the box's {axis} from {low} to {high}")
            planes.append((axis, float(value)))
        if not planes:
            raise PinnsceneError('face() expected an axis such as "x" or a plane such as t=0.0, got neither')
        return BoxSampler(self, n, points, tuple(planes))

    @property
    def parts(self) -> tuple[str, ...]:
        """The faces across all axes, t included."""
        return tuple(self.faces)

    def boundary(self, n: int, *parts: str, points: str = "uniform") -> Sampler:
        return self.face(n, *(parts or self.parts), points=points)

    @cached_property
    def faces(self) -> dict[str, tuple[str, float]]:
        """The faces by name as (axis, value): ``x0`` is the lower wall of x, ``x1`` the upper one."""
        return {f"{axis}{end}": (axis, ends[end]) for axis, ends in self.bounds.items() for end in (0, 1)}

    def face_named(self, name: str) -> tuple[str, float]:
        """One face as (axis, value); a name that is none raises ``PinnsceneError``, naming those that there are."""
        if name not in self.faces:
            raise PinnsceneError(f"{unknown('face', name, self.faces)}; the faces are {', '.join(self.faces)}")
        return self.faces[name]

    def _planes(self, wall: str) -> list[tuple[str, float]]:
        return [(wall, end) for end in self.bounds[wall]] if wall in self.axes else [self.face_named(wall)]

    def _ends(self, axis: str) -> tuple[float, float]:
        if axis not in self.axes:
            raise unknown("axis", axis, self.axes)
        return self.bounds[axis]

    def grid(self, most: int = 200_000) -> Points:
        n = min(201, int(round(most ** (1 / len(self.axes)), 6)))
        n -= 1 - n % 2  # an odd number has the centre among its points
        return self.lattice(*[max(n, 3)] * len(self.axes))

    def lattice(self, *shape: int) -> Points:
        """The regular grid of ``shape``, ends included, the last axis running fastest."""
        ends = zip(self.lower, self.upper, shape, strict=True)
        lines = [torch.linspace(low, high, k, dtype=torch.float64) for low, high, k in ends]
        coords = torch.stack(torch.meshgrid(*lines, indexing="ij"), -1).reshape(-1, len(lines))
        return Points(coords, self.axes)

    def distance(self, p: Points | Tensor) -> Tensor:
        x = coordinates(p, len(self.axes))
        centre = (x.new_tensor(self.lower) + x.new_tensor(self.upper)) / 2
        half = (x.new_tensor(self.upper) - x.new_tensor(self.lower)) / 2
        q = (x - centre).abs() - half
        outside = q.clamp_min(0).norm(dim=1, keepdim=True)
        return outside + q.amax(1, keepdim=True).clamp_max(0)


@dataclass(frozen=True)
class BoxSampler:
    """``n`` points inside a box, or on ``planes`` of it: (axis, value) pairs."""

    box: Box
    n: int
    points: str = "uniform"
    planes: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        count(self.n, "the number of points n")
        known_sequence(self.points)

    def __call__(self, generator: torch.Generator) -> Points:
        box, d = self.box, len(self.box.axes)
        unit = unit_cube(self.n, d, self.points, generator)
        lower, upper = unit.new_tensor(box.lower), unit.new_tensor(box.upper)
        coords = lower + (upper - lower) * unit
        if not self.planes:
            return Points(coords, box.axes)
        normal = torch.zeros_like(coords)
        start = 0
        for (axis, value), stop in zip(self.planes, self._stops(), strict=True):
            k = box.axes.index(axis)
            coords[start:stop, k] = value
            normal[start:stop, k] = float(value == box.upper[k]) - float(value == box.lower[k])
            start = stop
        return Points(coords, box.axes, normal)

    def _stops(self) -> list[int]:
        """Where each plane's share of the rows ends: shares go by area, and each plane gets its own."""
        extent = {axis: high - low for axis, (low, high) in self.box.bounds.items()}
        areas = [1.0 / extent[axis] for axis, _ in self.planes]
        total, stops, covered = sum(areas), [], 0.0
        for area in areas:
            covered += area
            stops.append(round(self.n * covered / total))
        return stops
