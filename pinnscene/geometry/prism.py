"""A region over another one: its product with an interval of one more axis of space."""

from functools import cached_property, partial
from math import isfinite

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Domain
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.csg import as_region
from pinnscene.geometry.pieces import Piece, Placed
from pinnscene.geometry.primitives import Ball
from pinnscene.geometry.region import Factor, Region, names


class Prism(Region):
    """base x (low, high): the parts of the base keep their names, its ends are ``z0`` and ``z1``."""

    def __init__(self, base: Domain, low: float, high: float) -> None:
        self.base, self.low, self.high = as_region(base), float(low), float(high)
        if not (isfinite(low) and isfinite(high) and low < high):
            raise PinnsceneError(f"a prism expected two finite heights, the lower one first, got {low} and {high}")
        self.axes = names(len(self.base.axes) + 1)
        self.lower, self.upper = (*self.base.lower, self.low), (*self.base.upper, self.high)

    def __repr__(self) -> str:
        return f"Prism({self.base!r}, {self.low}, {self.high})"

    def inside(self, x: Tensor) -> Tensor:
        return self.base.inside(x[:, :-1]) & (x[:, -1] > self.low) & (x[:, -1] < self.high)

    def distance(self, p: Points | Tensor) -> Tensor:
        x = self.coordinates(p)
        side = self.base.distance(x[:, :-1])
        end = torch.maximum(self.low - x[:, -1:], x[:, -1:] - self.high)
        q = torch.cat([side, end], 1)
        return q.clamp_min(0).norm(dim=1, keepdim=True) + q.amax(1, keepdim=True).clamp_max(0)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        sides = [self._side(piece) for piece in self.base.pieces]
        d = len(self.base.axes)
        size = 1.0
        for low, high in zip(self.base.lower, self.base.upper, strict=True):
            size *= high - low
        last = self.axes[-1]
        caps = [Piece(f"{last}{k}", size, d, partial(self._cap, k)).cut(self._covered) for k in (0, 1)]
        return (*sides, *caps)

    def _side(self, piece: Piece) -> Piece:
        def place(unit: Tensor) -> Placed:
            x, n = piece.place(unit[:, : piece.columns])
            height = self.low + (self.high - self.low) * unit[:, piece.columns :]
            return torch.cat([x, height], 1), torch.cat([n, torch.zeros_like(height)], 1)

        before = piece.kept
        kept = None if before is None else lambda x, n: before(x[:, :-1], n[:, :-1])
        return Piece(piece.part, piece.measure * (self.high - self.low), piece.columns + 1, place, kept)

    def _cap(self, k: int, unit: Tensor) -> Placed:
        x = self.base._spread(unit)
        height = torch.full_like(x[:, :1], self.high if k else self.low)
        normal = torch.zeros(len(x), len(self.axes), dtype=x.dtype, device=x.device)
        normal[:, -1] = 1.0 if k else -1.0
        return torch.cat([x, height], 1), normal

    def _covered(self, x: Tensor, n: Tensor) -> Tensor:
        del n
        return self.base.inside(x[:, :-1])

    def factors(self) -> dict[str, list[Factor]]:
        below = lambda factor: lambda p: factor(Points(p.coords[:, :-1], self.base.axes))
        last = self.axes[-1]
        ends: dict[str, list[Factor]] = {
            f"{last}0": [lambda p: p[last] - self.low],
            f"{last}1": [lambda p: self.high - p[last]],
        }
        return {part: [below(f) for f in some] for part, some in self.base.factors().items()} | ends


def cylinder(x: float, y: float, radius: float, low: float, high: float) -> Prism:
    """The upright cylinder about (x, y) from z = ``low`` to ``high``: parts ``circle``, ``z0``, ``z1``."""
    return Prism(Ball((x, y), radius), low, high)
