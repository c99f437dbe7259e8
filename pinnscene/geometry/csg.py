"""Regions made of regions: union, intersection, difference, and one with another name for its boundary."""

from functools import cached_property

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box, Domain
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.corners import Corner
from pinnscene.geometry.pieces import Piece
from pinnscene.geometry.primitives import Block
from pinnscene.geometry.region import Core, Factor, Region

SEAM = 1e-7  # of a step: rounding of a distance, and less than the traces on both sides of an interface are apart
STEP = 1e-6  # of the size: how far a point is moved off a boundary to see what is there


def as_region(domain: Domain) -> Region:
    """A region as it is, a box of space as one; raises ``PinnsceneError`` for other domains."""
    if isinstance(domain, Region):
        return domain
    if isinstance(domain, Box):
        return Block(domain)
    raise PinnsceneError(f"expected a region of space, got {domain!r}")


class Combined(Region):
    """Two regions put together; which of their points are inside is for a subclass to say."""

    word = ""  # between the two

    def __init__(self, first: Domain, second: Domain) -> None:
        self.first, self.second = as_region(first), as_region(second)
        if self.first.axes != self.second.axes:
            got = " and ".join(",".join(r.axes) for r in (self.first, self.second))
            raise PinnsceneError(f"only regions of the same axes go together, got {got}")
        self.axes = self.first.axes
        self.lower, self.upper = self._bounds()
        sides = [high - low for low, high in zip(self.lower, self.upper, strict=True)]
        if not min(sides) > 0:
            raise PinnsceneError(f"the domain {self!r} is empty: the two do not meet")
        self.step = STEP * max(sides)

    def __repr__(self) -> str:
        return f"({self.first!r} {self.word} {self.second!r})"

    def _bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.first.lower, self.first.upper

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        own = [piece.cut(self._bounding) for piece in self.first.pieces]
        other = [self._other(piece).cut(self._bounding) for piece in self.second.pieces]
        # where both have the same wall it is the first one's
        apart = lambda x, n: self.first.distance(x)[:, 0].abs() > self.step
        return tuple(own + [piece.cut(apart) for piece in other])

    def _other(self, piece: Piece) -> Piece:
        """A piece of the second region's boundary as it bounds the whole."""
        return piece

    def _bounding(self, x: Tensor, n: Tensor) -> Tensor:
        """Whether the inside lies behind points of a boundary and the outside before them."""
        return self.inside(x - self.step * n) & ~self.inside(x + self.step * n)

    def cores(self) -> list[Core]:
        return self._cut(self.first.cores(), False)

    def holes(self) -> list[Core]:
        return self._cut(self.first.holes() + self.second.holes(), True)

    def _cut(self, cores: list[Core], outside: bool) -> list[Core]:
        """Those whose centres lie outside the whole, or inside."""
        if not cores:
            return []
        inside = self.inside(torch.tensor([c.centre for c in cores], dtype=torch.float64))
        return [c for c, there in zip(cores, inside.tolist(), strict=True) if there != outside]

    def factors(self) -> dict[str, list[Factor]]:
        """Those of both: the boundary of the whole is part of theirs."""
        found = {part: list(some) for part, some in self.first.factors().items()}
        for part, some in self._others().items():
            found[part] = found.get(part, []) + some
        return {part: some for part, some in found.items() if part in self.parts}

    def _others(self) -> dict[str, list[Factor]]:
        return self.second.factors()


class Union(Combined):
    """What is in either of two regions. A wall that they share from both sides is none."""

    word = "|"

    def cores(self) -> list[Core]:
        return self.first.cores() + self.second.cores()

    def _bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        lower = tuple(map(min, self.first.lower, self.second.lower))
        return lower, tuple(map(max, self.first.upper, self.second.upper))

    def inside(self, x: Tensor) -> Tensor:
        # a seam between the two belongs to the inside: there each is left by no more than rounding
        return self.distance(x)[:, 0] < SEAM * self.step

    def distance(self, p: Points | Tensor) -> Tensor:
        x = self.coordinates(p)
        return torch.minimum(self.first.distance(x), self.second.distance(x))

    def factors(self) -> dict[str, list[Factor]]:
        raise PinnsceneError("no smooth function vanishes on the walls of a union: set hard=false")


class Intersection(Combined):
    """What is in both of two regions."""

    word = "&"

    def _bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        lower = tuple(map(max, self.first.lower, self.second.lower))
        return lower, tuple(map(min, self.first.upper, self.second.upper))

    def inside(self, x: Tensor) -> Tensor:
        return self.first.inside(x) & self.second.inside(x)

    def distance(self, p: Points | Tensor) -> Tensor:
        x = self.coordinates(p)
        return torch.maximum(self.first.distance(x), self.second.distance(x))


class Difference(Combined):
    """What is in the first region and not in the second."""

    word = "-"

    def inside(self, x: Tensor) -> Tensor:
        return self.first.inside(x) & ~self.second.inside(x)

    def distance(self, p: Points | Tensor) -> Tensor:
        x = self.coordinates(p)
        return torch.maximum(self.first.distance(x), -self.second.distance(x))

    def holes(self) -> list[Core]:
        return self._cut(self.first.holes() + self.second.cores(), True)

    def _other(self, piece: Piece) -> Piece:
        return piece.turned()

    def _others(self) -> dict[str, list[Factor]]:
        turned = lambda factor: lambda p: -factor(p)
        return {part: [turned(f) for f in some] for part, some in self.second.factors().items()}


class Same(Region):
    """A region as another one, to be subclassed."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.axes, self.lower, self.upper = region.axes, region.lower, region.upper

    def inside(self, x: Tensor) -> Tensor:
        return self.region.inside(x)

    def distance(self, p: Points | Tensor) -> Tensor:
        return self.region.distance(p)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return self.region.pieces

    def corners(self) -> list[Corner]:
        return self.region.corners()

    def cores(self) -> list[Core]:
        return self.region.cores()

    def holes(self) -> list[Core]:
        return self.region.holes()

    def factors(self) -> dict[str, list[Factor]]:
        return self.region.factors()


class Named(Same):
    """A region with one name for all of its boundary."""

    def __init__(self, region: Region, part: str) -> None:
        super().__init__(region)
        self.part = part

    def __repr__(self) -> str:
        return f"{self.region!r}.named('{self.part}')"

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return tuple(Piece(self.part, p.measure, p.columns, p.place, p.kept) for p in self.region.pieces)

    def factors(self) -> dict[str, list[Factor]]:
        return {self.part: [factor for some in self.region.factors().values() for factor in some]}
