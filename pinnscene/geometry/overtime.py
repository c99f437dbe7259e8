"""A region with a time: the product of a region and an interval of t."""

from dataclasses import dataclass, replace
from math import isfinite

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Domain
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.csg import as_region
from pinnscene.samplers import Sampler, unit_cube

LEVELS = 11  # times of a grid


class OverTime(Domain):
    """region x (begin, end): the parts of its boundary are those of the region, at all times."""

    def __init__(self, region: Domain, begin: float, end: float) -> None:
        self.region = as_region(region)
        if not (isfinite(begin) and isfinite(end) and begin < end):
            raise PinnsceneError(f"t expected two finite ends, lower first, got {begin} and {end}")
        self.begin, self.end = float(begin), float(end)
        self.axes = (*self.region.axes, "t")
        self.lower, self.upper = (*self.region.lower, self.begin), (*self.region.upper, self.end)

    def __repr__(self) -> str:
        return f"OverTime({self.region!r}, {self.begin}, {self.end})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OverTime) and (self.region, self.begin, self.end) == (
            other.region,
            other.begin,
            other.end,
        )

    def __hash__(self) -> int:
        return hash((self.region, self.begin, self.end))

    @property
    def text(self) -> str | None:
        """What the region was made from, where it knows."""
        return getattr(self.region, "text", None)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts of the region's boundary."""
        return self.region.parts

    def interior(self, n: int, points: str = "uniform") -> Sampler:
        return Spread(self.region.interior(n, points), self.begin, self.end, points)

    def boundary(self, n: int, *parts: str, points: str = "uniform") -> Sampler:
        return Spread(self.region.boundary(n, *parts, points=points), self.begin, self.end, points)

    def start(self, n: int, points: str = "uniform") -> Sampler:
        """A sampler of ``n`` points inside at the first time."""
        return Spread(self.region.interior(n, points), self.begin, self.begin, points)

    def grid(self, most: int = 200_000) -> Points:
        at = self.region.grid(most // LEVELS).coords
        times = torch.linspace(self.begin, self.end, LEVELS, dtype=torch.float64)
        coords = torch.cat([at.repeat(LEVELS, 1), times.repeat_interleave(len(at))[:, None]], 1)
        return Points(coords, self.axes)

    def inside(self, x: Tensor) -> Tensor:
        """Which of the points [n, d + 1] lie in the region, at any time."""
        return self.region.inside(x[:, :-1])

    def distance(self, p: Points | Tensor) -> Tensor:
        """To the region's boundary, at any time."""
        x = p.coords if isinstance(p, Points) else p
        return self.region.distance(x[:, :-1])


@dataclass(frozen=True)
class Spread:
    """Points of a region at times spread evenly from ``begin`` to ``end``."""

    sampler: Sampler
    begin: float
    end: float
    points: str

    def __call__(self, generator: torch.Generator) -> Points:
        p = self.sampler(generator)
        # shuffled: a second sequence of the same kind goes in step with the first, and leaves most of the product empty
        order = torch.randperm(len(p), generator=generator, device=generator.device)
        t = self.begin + (self.end - self.begin) * unit_cube(len(p), 1, self.points, generator)[order]
        normal = None if p.normal is None else torch.cat([p.normal, torch.zeros_like(t)], 1)
        return replace(p, coords=torch.cat([p.coords, t], 1), axes=(*p.axes, "t"), normal=normal)
