"""Obstacles in a planar region: the lines that bound them, and points about its holes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi
from typing import NamedTuple

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.geometry import Region
from pinnscene.geometry.pieces import MOST_DRAWS, Piece
from pinnscene.geometry.spans import spans
from pinnscene.samplers import unit_cube

ALONG = 4096  # points along each piece of a boundary
SAME = 1e-5  # of the region's longest side: places nearer than this are one


class Obstacle(NamedTuple):
    """A closed line of the boundary that lies inside of another one.

    Attributes:
        parts: the names of the parts of the boundary that it is made of.
        points: even along it [n, 2], with normals out of the region and so into the obstacle.
        weights: the length [n, 1] that each of them stands for.
    """

    parts: tuple[str, ...]
    points: Points
    weights: Tensor

    @property
    def lower(self) -> list[float]:
        """The lower ends of x and y."""
        return self.points.coords.amin(0).tolist()

    @property
    def upper(self) -> list[float]:
        """The upper ends of x and y."""
        return self.points.coords.amax(0).tolist()


def obstacles(region: Region) -> list[Obstacle]:
    """What is left out of a planar region: closed lines of its boundary that touch nothing of the box about it."""
    side = max(high - low for low, high in zip(region.lower, region.upper, strict=True))
    lines: list[list[tuple[Piece, tuple[float, float], Tensor]]] = []
    for piece in region.pieces:
        for span in spans(piece):
            ends = piece.place(torch.tensor([[span[0]], [span[1]]], dtype=torch.float64))[0]
            joined = [line for line in lines if any(_meet(ends, other, SAME * side) for *_, other in line)]
            lines = [line for line in lines if not any(line is one for one in joined)]
            lines.append([(piece, span, ends), *(member for line in joined for member in line)])
    found = [_obstacle(region, [(piece, span) for piece, span, _ in line]) for line in lines]
    lower, upper = torch.tensor(region.lower), torch.tensor(region.upper)
    inner = lambda x: bool(((x - lower > SAME * side) & (upper - x > SAME * side)).all())
    return [obstacle for obstacle in found if inner(obstacle.points.coords)]


def _meet(a: Tensor, b: Tensor, near: float) -> bool:
    return bool((torch.cdist(a, b) < near).any())


def _obstacle(region: Region, line: Sequence[tuple[Piece, tuple[float, float]]]) -> Obstacle:
    x, n, weights = [], [], []
    middles = (torch.arange(ALONG, dtype=torch.float64)[:, None] + 0.5) / ALONG
    for piece, (low, high) in line:
        place, normal = piece.place(low + (high - low) * middles)
        x.append(place)
        n.append(normal)
        weights.append(torch.full((ALONG, 1), piece.measure * (high - low) / ALONG, dtype=torch.float64))
    among = {piece.part for piece, _ in line}
    parts = tuple(part for part in region.parts if part in among)
    return Obstacle(parts, Points(torch.cat(x), region.axes, torch.cat(n)), torch.cat(weights))


@dataclass(frozen=True)
class Around:
    """A sampler of ``n`` points of a region about its holes, as dense as they are near.

    Attributes:
        reach: how far from the middle of each, in its radii.
    """

    region: Region
    n: int
    reach: float = 4.0

    def __call__(self, generator: torch.Generator) -> Points:
        found: list[Tensor] = []
        cores = [(*core.centre, core.radius) for core in self.region.holes()]
        table = torch.tensor(cores, dtype=torch.float64, device=generator.device)
        for _ in range(MOST_DRAWS):
            unit = unit_cube(2 * self.n, 3, "sobol", generator)
            core = table[(unit[:, 2] * len(table)).long().clamp_max(len(table) - 1)]
            r = core[:, 2] * torch.exp(unit[:, 0] * log(self.reach))
            angle = 2 * pi * unit[:, 1]
            x = core[:, :2] + r[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
            found.append(x[self.region.inside(x)])
            if sum(map(len, found)) >= self.n:
                return Points(torch.cat(found)[: self.n], self.region.axes)
        raise PinnsceneError("no points were found about the holes of the domain: expected more room about them")
