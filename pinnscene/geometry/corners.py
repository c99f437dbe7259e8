"""Corners of planar regions: where two stretches of the boundary meet at an angle."""

from collections.abc import Callable, Sequence
from math import atan2, cos, inf, pi, sin
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.geometry.pieces import Piece
from pinnscene.geometry.spans import spans

Array = NDArray[np.float64]
NEAR = 1e-4  # of the region's size: ends so close together are one corner
FLAT = 1e-3  # radians by which a corner differs from a straight line, and its sides from each other
LITTLE = 1e-6  # of a piece: a step along it, for its direction
STEPS = 4  # of Newton's method to where two pieces cross
LOOKED = 1000  # places along the way out of a corner


class Corner(NamedTuple):
    """A corner of a planar boundary.

    Attributes:
        place: x and y.
        angle: of the inside there, radians.
        direction: of its first side, radians; the inside lies to the left of it.
        room: how far away from the inside, along the middle of the outside, there is no inside again.
    """

    place: tuple[float, float]
    angle: float
    direction: float
    room: float = inf


class End(NamedTuple):
    """The end of a stretch: its piece, the place on it in [0, 1], the way along it into the stretch, +1 or -1."""

    piece: Piece
    at: float
    way: float

    def x(self) -> Array:
        return _place(self.piece, self.at)

    def slope(self) -> Array:
        """The derivative of the place by ``at``."""
        return (_place(self.piece, self.at + LITTLE) - _place(self.piece, self.at - LITTLE)) / (2 * LITTLE)


def _place(piece: Piece, at: float) -> Array:
    return piece.place(torch.tensor([[at]], dtype=torch.float64))[0][0].numpy()


def corners_of(pieces: Sequence[Piece], size: float, inside: Callable[[Tensor], Tensor]) -> list[Corner]:
    """The corners of a planar boundary in the order of its pieces.

    Args:
        pieces: of the boundary; curves, each told by one number.
        size: of the region, its longest side.
        inside: which of the points [n, 2] are inside.
    """
    if any(piece.columns != 1 for piece in pieces):
        return []
    ends = [
        End(piece, at, way)
        for piece in pieces
        for span in spans(piece)
        for at, way in ((span[0], 1.0), (span[1], -1.0))
    ]
    found = []
    while ends:
        one = ends.pop(0)
        near = [k for k, other in enumerate(ends) if np.linalg.norm(other.x() - one.x()) < NEAR * size]
        others = [ends[k] for k in near]
        ends = [end for k, end in enumerate(ends) if k not in near]
        corner = _corner(one, others[0]) if len(others) == 1 else None
        if corner is not None:
            found.append(corner._replace(room=_room(corner, size, inside)))
    return found


def _corner(one: End, other: End) -> Corner | None:
    """What two ends make; nothing where they go on into each other, or do not cross."""
    a, b = one, other
    for _ in range(STEPS):
        sides = np.stack([a.slope(), -b.slope()], 1)
        if abs(np.linalg.det(sides)) < FLAT * np.prod(np.linalg.norm(sides, axis=0)):
            return None
        step = np.linalg.solve(sides, b.x() - a.x())
        a, b = a._replace(at=a.at + float(step[0])), b._replace(at=b.at + float(step[1]))
    first, second = (a, b) if _inside_left(one) else (b, a)
    angles = [atan2(*(end.way * end.slope())[::-1]) for end in (first, second)]
    angle = (angles[1] - angles[0]) % (2 * pi)
    x = a.x()
    return None if abs(angle - pi) < FLAT else Corner((float(x[0]), float(x[1])), angle, angles[0])


def _inside_left(end: End) -> bool:
    """Whether the inside lies to the left of who goes from the end into its stretch."""
    along = end.way * end.slope()
    normal = end.piece.place(torch.tensor([[end.at + end.way * LITTLE]], dtype=torch.float64))[1][0].numpy()
    return bool(along[1] * normal[0] - along[0] * normal[1] > 0)  # the right of the way is outside


def _room(corner: Corner, size: float, inside: Callable[[Tensor], Tensor]) -> float:
    out = corner.direction + corner.angle / 2 + pi
    far = torch.linspace(1e-3, 3.0, LOOKED, dtype=torch.float64) * size
    way = torch.tensor([cos(out), sin(out)], dtype=torch.float64)
    there = inside(torch.tensor(corner.place, dtype=torch.float64) + far[:, None] * way)
    return float(far[there][0]) if bool(there.any()) else inf
