"""Rigid motions of a body that its walls leave free: found, held on the mean, and asked whether loads drive them.

They are translations and infinitesimal rotations, 3 in the plane and 6 in space. Coordinates are taken from the
middle of the region's box, over its half length.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from scipy.linalg import qr
from torch import Tensor

from pinnscene.batch import Batch, Points
from pinnscene.errors import PinnsceneError
from pinnscene.problems.elasticsolutions import Body
from pinnscene.problems.elasticwalls import ElasticWall

PROBES = 64  # points of a part that tell what it holds
AVERAGED = 512  # points inside that means are taken of
INTEGRATED = 4096  # points inside, and on each part, of a resultant
HINDERED = 1e-9  # mean square of what a wall holds of a motion of size one, beyond rounding
UNBALANCED = 0.02  # of the loads: a resultant beyond the error of its integral


@dataclass(frozen=True, eq=False)
class Means(Batch):
    """Means over a body, a row each: at ``places`` [m, n, d] a displacement goes along ``ways`` [m, n, d]."""

    places: Tensor
    ways: Tensor

    def of(self, u: Callable[[Tensor], Tensor]) -> Tensor:
        """The mean [m, 1] of each row of a function of coordinates [n, d]."""
        moved = u(self.places.flatten(0, 1)).view_as(self.ways)
        return (moved * self.ways).sum(2).mean(1, keepdim=True)


def rigid(x: Tensor) -> Tensor:
    """The rigid motions [n, d, q] at points [n, d]."""
    n, d = x.shape
    turns = [(i, k) for i in range(d) for k in range(i + 1, d)]
    found = x.new_zeros(n, d, d + len(turns))
    found[:, :, :d] = torch.eye(d, dtype=x.dtype)
    for q, (i, k) in enumerate(turns, d):
        found[:, i, q], found[:, k, q] = -x[:, k], x[:, i]
    return found


class Freedom:
    """The rigid motions that the walls of a body leave free.

    Attributes:
        count: how many there are.
    """

    def __init__(self, body: Body, walls: Mapping[str, ElasticWall]) -> None:
        self.body, self.walls = body, walls
        d = len(body.region.axes)
        hindered = torch.zeros(d * (d + 1) // 2, d * (d + 1) // 2, dtype=torch.float64)
        for part, wall in walls.items():
            if wall.holds:
                p = body.region.boundary(PROBES, part, points="sobol")(torch.Generator().manual_seed(0))
                moved = (wall.projection(p.normal) @ rigid(body.scaled(p))).flatten(0, 1)
                hindered += moved.T @ moved / PROBES
        sizes, ways = torch.linalg.eigh(hindered)
        self.ways = ways[:, sizes < HINDERED]
        self.count = self.ways.shape[1]

    def motions(self, p: Points) -> Tensor:
        """The free motions [n, d, count] at points."""
        return rigid(self.body.scaled(p)) @ self.ways

    def telling(self, p: Points) -> Tensor:
        """Where the motions are best told apart: ``count`` components of displacements at points, marked in [n, d]."""
        moved = self.motions(p)
        factors: Any = qr(moved.flatten(0, 1).T.numpy(), mode="r", pivoting=True)
        first = factors[1][: self.count]
        mask = torch.zeros(moved.shape[:2], dtype=torch.bool)
        mask.view(-1)[torch.from_numpy(first).long()] = True
        return mask

    @cached_property
    def means(self) -> Means:
        """How far a displacement goes along each free motion, on the whole."""
        p = self.body.region.interior(AVERAGED, "sobol")(torch.Generator().manual_seed(0))
        return Means(p.coords.expand(self.count, -1, -1), self.motions(p).permute(2, 0, 1))

    def still(self, u: Callable[[Points], Tensor], p: Points) -> Tensor:
        """A displacement at points less its own free motion: its ``means`` vanish."""
        if not self.count:
            return u(p)
        at = lambda f: self.means.of(lambda x: f(Points(x, p.axes)))
        each = [at(lambda q, k=k: self.motions(q)[:, :, k]) for k in range(self.count)]
        weights = torch.linalg.solve(torch.cat(each, 1), at(u))
        return u(p) - (self.motions(p) @ weights)[:, :, 0]

    def expect_balance(self, force: Callable[[Points], Tensor]) -> None:
        """Raise ``PinnsceneError`` where loads would drive a free motion: then no state is at rest.

        Args:
            force: on each unit of volume, points -> [n, d].
        """
        region, stream = self.body.region, torch.Generator().manual_seed(0)
        p = region.interior(INTEGRATED, "sobol")(stream)
        loads = [self._load(p, force(p), region.volume)]
        for part, wall in self.walls.items():
            if wall.kind in ("traction", "pressure"):
                p = region.boundary(INTEGRATED, part, points="sobol")(stream)
                loads.append(self._load(p, wall.traction(p.normal), region.measure(part)))
        driven, size = (torch.stack(column).sum(0) for column in zip(*loads, strict=True))
        if bool((driven.abs() > UNBALANCED * size).any()):
            raise PinnsceneError(
                "nothing holds the body, and its loads do not balance, so that it is not at rest: clamp a part of its "
                "boundary (x0=clamped), let one roll (x0=roller), or make forces and moments add up to zero"
            )

    def _load(self, p: Points, load: Tensor, measure: float) -> tuple[Tensor, Tensor]:
        """What a load [n, d] on each unit of ``measure`` does along each free motion, and its size."""
        along = torch.einsum("nd,ndq->q", load, self.motions(p)) / len(p)
        return measure * along, measure * load.norm(dim=1).mean()
