"""Regions of space: domains of any form, with named parts of their boundary."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import pi
from typing import NamedTuple

import torch
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.domain import Domain
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.geometry.pieces import MOST_DRAWS, Piece, Surface, share_left
from pinnscene.samplers import Sampler, count, known_sequence, unit_cube

SPACE = ("x", "y", "z", "w", "v")  # names of the axes, in order
PROBES = 4096  # points of the bounding box that tell how much of it is inside
LEAST = 3  # of them that must be inside
Factor = Callable[[Points], Tensor]


class Corner(NamedTuple):
    """A corner of a planar boundary: its place, the angle of the inside and the direction of its first side, radians.

    The inside lies to the left of the first side.
    """

    place: tuple[float, float]
    angle: float
    direction: float

    def turned(self) -> "Corner":
        """The same with inside and outside the other way round."""
        return Corner(self.place, 2 * pi - self.angle, self.direction + self.angle)


class Core(NamedTuple):
    """A disc within a planar region: around the region, solutions look like what leaves the disc's centre."""

    centre: tuple[float, float]
    radius: float


def names(d: int) -> tuple[str, ...]:
    """The names of ``d`` axes of space."""
    if not 1 <= d <= len(SPACE):
        raise PinnsceneError(f"a region expected 1 to {len(SPACE)} dimensions, got {d}")
    return SPACE[:d]


class Region(Domain):
    """A bounded part of space, given by its sides and by the pieces of its boundary.

    Regions add up by ``|``, have in common what ``&`` gives, and are cut out of each other by ``-``.
    """

    @abstractmethod
    def distance(self, p: Points | Tensor) -> Tensor:
        """Signed distance [n, 1] to the boundary, negative inside; of unions and what they make, at most that."""

    @cached_property
    @abstractmethod
    def pieces(self) -> tuple[Piece, ...]:
        """The boundary."""

    @abstractmethod
    def factors(self) -> dict[str, list[Factor]]:
        """By part of the boundary smooth functions, zero on its pieces with unit slope inwards, positive inside."""

    def corners(self) -> list[Corner]:
        """Where a planar boundary turns sharply, as far as that is known."""
        return []

    def cores(self) -> list[Core]:
        """Discs in a planar region that tell how solutions behave where it is a hole of another; none for most."""
        return []

    def holes(self) -> list[Core]:
        """Cores of what is cut out of a planar region, as far as that is known."""
        return []

    def inside(self, x: Tensor) -> Tensor:
        """Which of the points [n, d] are inside, [n]."""
        return self.distance(x)[:, 0] < 0

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts of the boundary."""
        return tuple(dict.fromkeys(piece.part for piece, share in self._left if share > 0))

    @cached_property
    def _left(self) -> list[tuple[Piece, float]]:
        return [(piece, share_left(piece)) for piece in self.pieces]

    def measure(self, *parts: str) -> float:
        """The length or area of parts of the boundary, or of all of it; an estimate where pieces are cut."""
        chosen = self.chosen(parts)
        return sum(piece.measure * share for piece, share in self._left if piece.part in chosen)

    def chosen(self, parts: Sequence[str]) -> tuple[str, ...]:
        """The parts named, all where none is; raises ``PinnsceneError`` for one that is not there."""
        for part in parts:
            if part not in self.parts:
                raise PinnsceneError(
                    f"{unknown('part of the boundary', part, self.parts)}; the parts are {', '.join(self.parts)}"
                )
        return tuple(parts) or self.parts

    @cached_property
    def share(self) -> float:
        """How much of the bounding box is inside, an estimate; raises ``PinnsceneError`` where nothing is."""
        x = self._spread(unit_cube(PROBES, len(self.axes), "halton", torch.Generator().manual_seed(0)))
        inside = int(self.inside(x).sum())
        if inside < LEAST:
            raise PinnsceneError(f"the domain {self!r} is empty, or too thin to find points in: expected an inside")
        return inside / PROBES

    @property
    def volume(self) -> float:
        """The length, area or volume, an estimate."""
        size = 1.0
        for low, high in zip(self.lower, self.upper, strict=True):
            size *= high - low
        return size * self.share

    def _spread(self, unit: Tensor) -> Tensor:
        """Points of the unit cube placed in the bounding box."""
        lower, upper = unit.new_tensor(self.lower), unit.new_tensor(self.upper)
        return lower + (upper - lower) * unit

    def interior(self, n: int, points: str = "uniform") -> Sampler:
        return Interior(self, n, points)

    def boundary(self, n: int, *parts: str, points: str = "uniform") -> Sampler:
        chosen = self.chosen(parts)
        left = tuple(piece for piece, share in self._left if share > 0 and piece.part in chosen)
        return Surface(self.axes, left, n, points)

    def grid(self, most: int = 200_000) -> Points:
        return self.lattice(max(3, min(401, int((most / self.share) ** (1 / len(self.axes))))))

    def lattice(self, n: int) -> Points:
        """Those points inside that a regular grid of ``n`` points along each side of the bounding box has."""
        ends = zip(self.lower, self.upper, strict=True)
        lines = [torch.linspace(low, high, n, dtype=torch.float64) for low, high in ends]
        x = torch.stack(torch.meshgrid(*lines, indexing="ij"), -1).reshape(-1, len(lines))
        inside = torch.cat([self.inside(part) for part in x.split(2**17)])
        if not inside.any():
            raise PinnsceneError(f"no point of a grid of {n} lies in {self!r}: expected a thicker domain")
        return Points(x[inside], self.axes)

    def named(self, part: str) -> "Region":
        """The same with one name for all of its boundary."""
        from pinnscene.geometry.csg import Named

        return Named(self, part)

    def coordinates(self, p: Points | Tensor) -> Tensor:
        """The coordinates [n, d], checked."""
        return coordinates(p, len(self.axes))


@dataclass(frozen=True)
class Interior:
    """A sampler of ``n`` points of even density inside a region, by rejection from its bounding box."""

    region: Region
    n: int
    points: str = "uniform"

    def __post_init__(self) -> None:
        count(self.n, "the number of points n")
        known_sequence(self.points)
        _ = self.region.share  # raises where there is no inside

    def __call__(self, generator: torch.Generator) -> Points:
        region, found, have = self.region, [], 0
        draw = int(1.15 * self.n / region.share) + 16
        for _ in range(MOST_DRAWS):
            unit = unit_cube(draw, len(region.axes), self.points, generator)
            x = region._spread(unit)
            found.append(x[region.inside(x)])
            have += len(found[-1])
            if have >= self.n:
                break
        return Points(torch.cat(found)[: self.n], region.axes)
