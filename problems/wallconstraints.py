"""Wall conditions as constraints on a field, with what stands on their right sides."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.boundary import Periodic, Value, as_column
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.problems.walls import Wall, on_wall
from pinnscene.samplers import Fixed
from pinnscene.views import Differentiable

Conditions = Mapping[str, tuple[Wall, Wall]]  # the lower and upper wall of each axis of space
WEIGHT = 100.0  # of a condition's mean square beside that of the equation: ten times its size


@dataclass(frozen=True)
class Side:
    """One wall a u + b du/dn = c.

    Attributes:
        wall: the condition.
        axis: the axis that it closes.
        end: 0 for the lower wall, 1 for the upper.
        values: c as a function of the points in place of the wall's number.
    """

    wall: Wall
    axis: str
    end: int
    values: "WallValues | None" = None

    def left(self, u: Differentiable, p: Points) -> Tensor:
        """The left side a u + b du/dn, [n, k]."""
        normal = torch.zeros_like(p.coords)
        normal[:, p.axes.index(self.axis)] = 1.0 if self.end else -1.0
        return on_wall(self.wall, 0.0)(u, Points(p.coords, p.axes, normal))

    def right(self, p: Points) -> Tensor:
        """The right side c, [n, 1]."""
        return as_column(self.value, p)

    @property
    def value(self) -> Value:
        """The right side as a number or a function of the points."""
        return self.wall.c if self.values is None else partial(self.values, self)


WallValues = Callable[[Side, Points], Tensor]


def walls_of(conditions: Conditions, values: WallValues | None = None) -> dict[str, Side]:
    """Every wall that is not periodic by its name, such as "x0"."""
    return {
        f"{axis}{end}": Side(wall, axis, end, values)
        for axis, pair in conditions.items()
        for end, wall in enumerate(pair)
        if wall.kind != "periodic"
    }


def wall_constraints(
    box: Box,
    conditions: Conditions,
    n: int,
    held: Collection[str] = (),
    values: WallValues | None = None,
    order: int = 2,
) -> dict[str, Constraint]:
    """A constraint for each wall, ``wall_x0``, and for each periodic axis, ``periodic_x``.

    Args:
        box: the domain; a face of it reaches through all of t where there is one.
        conditions: the walls.
        n: interior points; a wall gets an eighth of them, a periodic axis a quarter.
        held: axes whose walls hold already.
        values: right sides in place of the walls' numbers.
        order: of the equation in space: derivatives below it agree across a periodic axis.
    """
    found = {}
    for name, wall in walls_of(conditions, values).items():
        if wall.axis not in held:
            face = box.face(n // 8 + 1, points="sobol", **{wall.axis: box.bounds[wall.axis][wall.end]})
            found[f"wall_{name}"] = Constraint(face, on_wall(wall.wall, wall.value), weight=WEIGHT)
    for axis, pair in conditions.items():
        if pair[0].kind == "periodic":
            low, high = box.bounds[axis]
            face = box.face(n // 4 + 1, points="sobol", **{axis: low})
            found[f"periodic_{axis}"] = Constraint(face, Periodic(axis, high, order - 1), weight=WEIGHT)
    return found


def values_of(solution: Differentiable) -> WallValues:
    """Right sides that make ``solution`` satisfy the walls."""
    return lambda wall, p: wall.left(solution, p).detach()


def structure_of(
    box: Box, conditions: Conditions, values: WallValues | None = None, *also: Callable[[Points], Tensor]
) -> dict[str, str]:
    """Each axis as "periodic", or "dirichlet" or "neumann" where both walls are so with zero on the right, or "free".

    ``also`` are functions that must vanish on both walls for "dirichlet", such as the initial state.
    """
    found = dict.fromkeys(box.axes, "free")
    for axis, pair in conditions.items():
        kinds = {wall.kind for wall in pair}
        if kinds == {"periodic"}:
            found[axis] = "periodic"
        elif kinds in ({"dirichlet"}, {"neumann"}):
            (kind,) = kinds
            ends = zip(pair, box.bounds[axis], (0, 1), strict=True)
            faces = [(Side(wall, axis, end, values), _some(box, axis, at)) for wall, at, end in ends]
            zero = all(_vanishes(wall.right(p)) for wall, p in faces)
            start = kind == "neumann" or all(_vanishes(f(p)) for f in also for _, p in faces)
            found[axis] = kind if zero and start else "free"
    return found


def _some(box: Box, axis: str, at: float) -> Points:
    return box.face(256, points="halton", **{axis: at})(torch.Generator().manual_seed(0))


def _vanishes(values: Tensor) -> bool:
    return float(values.detach().abs().max()) < 1e-6


def level_at(place: Points, value: float, output: int = 0) -> Constraint:
    """One output's value at one point, where the equation and the walls leave a constant free."""
    residual = lambda u, p: u(p)[:, output : output + 1] - value
    return Constraint(Fixed(lambda generator: place.to(generator.device)), residual, weight=WEIGHT)
