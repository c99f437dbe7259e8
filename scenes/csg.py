"""Solids made of solids: set operations, smooth unions, rigid motions and scaling."""

from dataclasses import dataclass
from functools import reduce
from math import cos, radians, sin, sqrt

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.solid import AXES, Solid, Vector, dot, positive, vector
from pinnscene.scenes.solid_inside import has_inside


@dataclass(frozen=True)
class Union(Solid):
    """Points in any of the parts: the least distance. True outside; inside, where parts overlap, a lower bound."""

    parts: tuple[Solid, ...]

    def __post_init__(self) -> None:
        _check("Union", self.parts, 2)

    @property
    def exact(self) -> bool:
        return False

    def distance(self, p: Tensor) -> Tensor:
        return reduce(torch.minimum, (part.distance(p) for part in self.parts))

    def extent(self, e: Vector) -> float:
        return max(part.extent(e) for part in self.parts)


@dataclass(frozen=True)
class Intersection(Solid):
    """Points in all of the parts: the greatest distance. Outside, beside an edge, a lower bound.

    Raises:
        PinnsceneError: parts that have nothing in common.
    """

    parts: tuple[Solid, ...]

    def __post_init__(self) -> None:
        _check("Intersection", self.parts, 2)
        if not has_inside(self):
            raise PinnsceneError("Intersection expected parts that overlap, got nothing inside: move or enlarge one")

    @property
    def exact(self) -> bool:
        return False

    def distance(self, p: Tensor) -> Tensor:
        return reduce(torch.maximum, (part.distance(p) for part in self.parts))

    def extent(self, e: Vector) -> float:
        return min(part.extent(e) for part in self.parts)


@dataclass(frozen=True)
class Difference(Solid):
    """Points in ``solid`` but not in ``removed``: max(d, -d removed), a lower bound. The box is that of ``solid``.

    Raises:
        PinnsceneError: nothing is left.
    """

    solid: Solid
    removed: Solid

    def __post_init__(self) -> None:
        _check("Difference", (self.solid, self.removed), 2)
        if not has_inside(self):
            raise PinnsceneError("Difference expected something to be left of the first, got nothing: remove less")

    @property
    def exact(self) -> bool:
        return False

    def distance(self, p: Tensor) -> Tensor:
        return torch.maximum(self.solid.distance(p), -self.removed.distance(p))

    def extent(self, e: Vector) -> float:
        return self.solid.extent(e)


@dataclass(frozen=True)
class SmoothUnion(Solid):
    """A union whose parts flow into each other, by the cubic polynomial smooth minimum, part after part:

    smin(a, b) = min(a, b) - w h^3 / 6 with h = max(w - |a - b|, 0) / w

    (Quilez, "Smooth minimum"). It is twice continuously differentiable in a and b, so that curvatures are
    continuous where the quadratic one jumps. Its gradient is a weighted mean of those of a and b: a lower bound
    of the distance. It adds at most w / 6 where a = b; the smooth maximum of the extents bounds what that adds to
    the box. Parts of equal extent that are apart, such as two feet, belong in a ``Union`` first.

    Attributes:
        parts: two or more; their order matters a little where three meet.
        width: w, how far apart two distances may be and still blend, a length.
    """

    parts: tuple[Solid, ...]
    width: float = 0.1

    def __post_init__(self) -> None:
        _check("SmoothUnion", self.parts, 2)
        positive("SmoothUnion width", self.width)

    @property
    def exact(self) -> bool:
        return False

    def distance(self, p: Tensor) -> Tensor:
        return reduce(self._least, (part.distance(p) for part in self.parts))

    def _least(self, a: Tensor, b: Tensor) -> Tensor:
        h = (1 - (a - b).abs() / self.width).clamp(min=0)
        return torch.minimum(a, b) - self.width / 6 * h**3

    def extent(self, e: Vector) -> float:
        return reduce(self._most, (part.extent(e) for part in self.parts))

    def _most(self, a: float, b: float) -> float:
        return max(a, b) + self.width / 6 * max(0.0, 1 - abs(a - b) / self.width) ** 3


@dataclass(frozen=True)
class Moved(Solid):
    """A solid turned about an axis through the origin, then moved. Distances stay what they are.

    Attributes:
        by: the translation.
        axis: the direction of the axis of rotation, of any length.
        angle: in degrees, counter-clockwise seen from the tip of the axis.
    """

    solid: Solid
    by: Vector = (0.0, 0.0, 0.0)
    axis: Vector = (0.0, 0.0, 1.0)
    angle: float = 0.0

    def __post_init__(self) -> None:
        _check("Moved", (self.solid,), 1)
        vector("Moved by", self.by)
        vector("Moved axis", self.axis)
        vector("Moved angle", (self.angle, 0, 0))
        positive("Moved axis length", sqrt(dot(self.axis, self.axis)))

    @property
    def exact(self) -> bool:
        return self.solid.exact

    @property
    def rotation(self) -> tuple[Vector, Vector, Vector]:
        """Where the three axes turn to, by Rodrigues' formula: the columns of the rotation matrix."""
        size = sqrt(dot(self.axis, self.axis))
        k = tuple(x / size for x in self.axis)
        c, s = cos(radians(self.angle)), sin(radians(self.angle))

        def turned(v: Vector) -> Vector:
            cross = (k[1] * v[2] - k[2] * v[1], k[2] * v[0] - k[0] * v[2], k[0] * v[1] - k[1] * v[0])
            x, y, z = (c * v[i] + s * cross[i] + (1 - c) * dot(k, v) * k[i] for i in range(3))
            return x, y, z

        a, b, c_ = (turned(axis) for axis in AXES)
        return a, b, c_

    def distance(self, p: Tensor) -> Tensor:
        return self.solid.distance((p - p.new_tensor(self.by)) @ p.new_tensor(self.rotation).T)

    def extent(self, e: Vector) -> float:
        x, y, z = (dot(column, e) for column in self.rotation)
        return self.solid.extent((x, y, z)) + dot(self.by, e)


@dataclass(frozen=True)
class Scaled(Solid):
    """A solid enlarged about the origin by ``factor`` in all directions; distances grow with it."""

    solid: Solid
    factor: float = 1.0

    def __post_init__(self) -> None:
        _check("Scaled", (self.solid,), 1)
        positive("Scaled factor", self.factor)

    @property
    def exact(self) -> bool:
        return self.solid.exact

    def distance(self, p: Tensor) -> Tensor:
        return self.solid.distance(p / self.factor) * self.factor

    def extent(self, e: Vector) -> float:
        return self.solid.extent(e) * self.factor


def _check(what: str, parts: tuple[Solid, ...], least: int) -> None:
    """At least ``least`` parts, all of them solids."""
    if not isinstance(parts, tuple) or len(parts) < least:
        raise PinnsceneError(f"{what} expected a tuple of at least {least} solids, got {parts!r}")
    for part in parts:
        if not isinstance(part, Solid):
            raise PinnsceneError(f"{what} expected solids, got {part!r}")
