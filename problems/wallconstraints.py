"""What walls ask of a field, as constraints."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.operators import partials
from pinnscene.problems.walls import Wall
from pinnscene.views import Differentiable

WEIGHT = 100.0  # of a condition beside the equation: ten times its size


def wall_constraints(
    domain: Box, conditions: Mapping[str, tuple[Wall, Wall]], held: Collection[str], n: int, order: int = 2
) -> dict[str, Constraint]:
    """One constraint a wall, ``wall_x0``, or periodic axis, ``periodic_x``.

    Args:
        domain: the box.
        conditions: the lower and upper wall of each axis.
        held: axes whose walls hold already.
        n: interior points; a wall gets an eighth of them, a periodic axis a quarter.
        order: of the equation in space: derivatives below it agree across a periodic axis.
    """
    found = {}
    for axis, pair in conditions.items():
        ends = domain.bounds[axis]
        if pair[0].kind == "periodic":
            seam = domain.face(n // 4 + 1, points="sobol", **{axis: ends[0]})
            found[f"periodic_{axis}"] = Constraint(seam, Seam(axis, ends[1], order), weight=WEIGHT)
        elif axis not in held:
            for k, (wall, at) in enumerate(zip(pair, ends, strict=True)):
                face = domain.face(n // 8 + 1, points="sobol", **{axis: at})
                found[f"wall_{axis}{k}"] = Constraint(face, OnWall(axis, wall), weight=WEIGHT)
    return found


class OnWall:
    """a u + b du/dn - c on one wall of an axis."""

    def __init__(self, axis: str, wall: Wall) -> None:
        self.axis, self.wall = axis, wall

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        wall = self.wall
        if wall.b == 0:
            return wall.a * u(p) - wall.c
        assert p.normal is not None
        k = p.axes.index(self.axis)
        slope = partials(u, p, self.axis) * p.normal[:, k : k + 1]
        return (wall.a * u(p) if wall.a else 0.0) + wall.b * slope - wall.c


class Seam:
    """Value and derivatives below ``order`` agree on the two walls of an axis."""

    def __init__(self, axis: str, upper: float, order: int = 2) -> None:
        self.axis, self.upper, self.order = axis, upper, order

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        across = p.coords.clone()
        k = p.axes.index(self.axis)
        across[:, k] = self.upper
        operators = [{(k,) * m: 1.0} for m in range(self.order)]
        here, there = u.derivatives(p, operators), u.derivatives(across, operators)
        return torch.cat([a - b for a, b in zip(here, there, strict=True)], 1)
