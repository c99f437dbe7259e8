"""The solids that others are made of. All are centred on the origin but the capsule; ``Moved`` places them.

The formulae for round and boxy ones are those of Quilez, "Distance functions" (iquilezles.org).
"""

from dataclasses import dataclass
from math import hypot, pi, sqrt

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.solid import Solid, Vector, dot, length, positive, vector, within


@dataclass(frozen=True)
class Sphere(Solid):
    """A ball: |p| - radius."""

    radius: float = 1.0

    def __post_init__(self) -> None:
        positive("Sphere radius", self.radius)

    def distance(self, p: Tensor) -> Tensor:
        return length(p) - self.radius

    def extent(self, e: Vector) -> float:
        return self.radius


@dataclass(frozen=True)
class Cuboid(Solid):
    """A box along the axes: half its sides, the radius of its rounded edges included in them."""

    half: Vector = (1.0, 1.0, 1.0)
    rounding: float = 0.0

    def __post_init__(self) -> None:
        vector("Cuboid half", self.half, least=0)
        within("Cuboid rounding", self.rounding, 0, min(self.half))

    def distance(self, p: Tensor) -> Tensor:
        return _corner(p.abs() - p.new_tensor(self.half) + self.rounding) - self.rounding

    def extent(self, e: Vector) -> float:
        return dot([abs(x) for x in e], [side - self.rounding for side in self.half]) + self.rounding


@dataclass(frozen=True)
class Cylinder(Solid):
    """A cylinder about the z axis, from -half to half, the radius of its rounded rims included."""

    radius: float = 1.0
    half: float = 1.0
    rounding: float = 0.0

    def __post_init__(self) -> None:
        positive("Cylinder radius", self.radius)
        positive("Cylinder half", self.half)
        within("Cylinder rounding", self.rounding, 0, min(self.radius, self.half))

    def distance(self, p: Tensor) -> Tensor:
        profile = torch.cat([length(p[:, :2]), p[:, 2:].abs()], -1)
        corner = p.new_tensor((self.radius, self.half)) - self.rounding
        return _corner(profile - corner) - self.rounding

    def extent(self, e: Vector) -> float:
        radius, half = self.radius - self.rounding, self.half - self.rounding
        return radius * hypot(e[0], e[1]) + half * abs(e[2]) + self.rounding


@dataclass(frozen=True)
class Torus(Solid):
    """A ring about the z axis: the radius of its centre line, and that of the tube around it."""

    ring: float = 1.0
    tube: float = 0.4

    def __post_init__(self) -> None:
        positive("Torus ring", self.ring)
        positive("Torus tube", self.tube)
        if self.tube >= self.ring:
            raise PinnsceneError(f"Torus expected a tube below its ring of {self.ring:g}, got {self.tube:g}")

    def distance(self, p: Tensor) -> Tensor:
        return length(torch.cat([length(p[:, :2]) - self.ring, p[:, 2:]], -1)) - self.tube

    def extent(self, e: Vector) -> float:
        return self.ring * hypot(e[0], e[1]) + self.tube


@dataclass(frozen=True)
class Capsule(Solid):
    """A tube with round ends from ``start`` to ``end``, tapered to the radius ``tip`` where one is given.

    It is the union of the balls at s along its axis with radii r(s) = radius - slope s. The nearest ball to a
    point at height y along the axis and x beside it is at s = y - x slope / sqrt(1 - slope^2), held to the axis.
    """

    start: Vector = (0.0, 0.0, -0.5)
    end: Vector = (0.0, 0.0, 0.5)
    radius: float = 0.5
    tip: float | None = None

    def __post_init__(self) -> None:
        vector("Capsule start", self.start)
        vector("Capsule end", self.end)
        positive("Capsule radius", self.radius)
        positive("Capsule tip", self.last)
        if self.height <= abs(self.radius - self.last):
            raise PinnsceneError(
                f"Capsule expected ends further apart than its radii differ ({abs(self.radius - self.last):g}), "
                f"got {self.height:g}: make it a Sphere"
            )

    @property
    def last(self) -> float:
        """The radius at ``end``."""
        return self.radius if self.tip is None else self.tip

    @property
    def height(self) -> float:
        """The distance between the centres of its ends."""
        return hypot(*(b - a for a, b in zip(self.start, self.end, strict=True)))

    def distance(self, p: Tensor) -> Tensor:
        start, end = p.new_tensor(self.start), p.new_tensor(self.end)
        axis, slope = (end - start) / self.height, (self.radius - self.last) / self.height
        y = ((p - start) * axis).sum(-1, keepdim=True)
        x = length(p - start - y * axis)
        s = (y - x * (slope / sqrt(1 - slope * slope))).clamp(0, self.height)
        return length(torch.cat([x, y - s], -1)) - self.radius + slope * s

    def extent(self, e: Vector) -> float:
        return max(dot(e, self.start) + self.radius, dot(e, self.end) + self.last)


@dataclass(frozen=True)
class Gyroid(Solid):
    """The sheet |g| <= c of the gyroid, g = sin kx cos ky + sin ky cos kz + sin kz cos kx, clipped by a ball.

    |grad g| <= sqrt(3) k by the inequality of Cauchy and Schwarz, reached where the sheet's middle is thinnest;
    |g| is divided by that, so that the distance is a lower bound. g has its maximum 3/2.

    Attributes:
        radius: of the ball.
        period: 2 pi / k, the length after which the gyroid repeats itself.
        thickness: of the sheet where it is thinnest.
    """

    radius: float = 1.0
    period: float = 1.0
    thickness: float = 0.1

    def __post_init__(self) -> None:
        positive("Gyroid radius", self.radius)
        positive("Gyroid period", self.period)
        positive("Gyroid thickness", self.thickness)
        most = 3 / self.slope
        if self.thickness >= most:
            raise PinnsceneError(
                f"Gyroid expected a thickness below {most:g}, where its sheets of period {self.period:g} leave no "
                f"gaps, got {self.thickness:g}"
            )

    @property
    def exact(self) -> bool:
        return False

    @property
    def slope(self) -> float:
        """The greatest slope of g."""
        return sqrt(3) * 2 * pi / self.period

    def distance(self, p: Tensor) -> Tensor:
        sine, cosine = (p * (2 * pi / self.period)).sin(), (p * (2 * pi / self.period)).cos()
        g = (sine * cosine.roll(-1, -1)).sum(-1, keepdim=True)
        return torch.maximum(g.abs() / self.slope - self.thickness / 2, length(p) - self.radius)

    def extent(self, e: Vector) -> float:
        return self.radius


def _corner(q: Tensor) -> Tensor:
    """Distance to the corner q <= 0: to its nearest point outside, to its nearest side inside."""
    return length(q.clamp(min=0)) + q.amax(-1, keepdim=True).clamp(max=0)
