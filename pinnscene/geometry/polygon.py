"""Polygons with holes, through shapely."""

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.pieces import Piece, Placed
from pinnscene.geometry.region import Core, Corner, Factor, Region, names

Ring = Sequence[tuple[float, float]]


class Polygon(Region):
    """A polygon by its corners, in either turn, and the corners of its holes.

    Its parts are its edges, ``edge0`` from the first corner to the second, those of holes after them; or ``part``.

    Raises:
        PinnsceneError: fewer than three corners, numbers that are not finite, edges that cross, or no area.
    """

    def __init__(self, corners: Ring, holes: Sequence[Ring] = (), part: str = "") -> None:
        import shapely
        from shapely.validation import explain_validity

        self.axes = names(2)
        rings = [np.asarray(ring, dtype=np.float64) for ring in (corners, *holes)]
        if any(r.ndim != 2 or r.shape[1] != 2 or len(r) < 3 or not np.isfinite(r).all() for r in rings):
            raise PinnsceneError("a polygon expected at least three corners of two finite numbers each")
        self.shape = shapely.Polygon(rings[0], rings[1:])
        if not self.shape.is_valid:
            raise PinnsceneError(f"the polygon crosses itself: {explain_validity(self.shape)}")
        if not self.shape.area > 0:
            raise PinnsceneError("the polygon has no area: its corners lie on one line")
        left, below, right, above = self.shape.bounds
        self.lower, self.upper, self.part = (left, below), (right, above), part
        shapely.prepare(self.shape)
        self.rings = [ring if _turns_left(ring) == (k == 0) else ring[::-1] for k, ring in enumerate(rings)]

    def __repr__(self) -> str:
        return f"Polygon of {sum(map(len, self.rings))} corners"

    @cached_property
    def edges(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Name, begin and end of each edge, the inside on its left."""
        ends = [(a, b) for ring in self.rings for a, b in zip(ring, np.roll(ring, -1, 0), strict=True)]
        return [(self.part or f"edge{k}", a, b) for k, (a, b) in enumerate(ends)]

    def corners(self) -> list[Corner]:
        found = []
        for ring in self.rings:
            for before, here, after in zip(np.roll(ring, 1, 0), ring, np.roll(ring, -1, 0), strict=True):
                along, back = after - here, before - here
                start = float(np.arctan2(along[1], along[0]))
                angle = float((np.arctan2(back[1], back[0]) - start) % (2 * np.pi))
                found.append(Corner((float(here[0]), float(here[1])), angle, start))
        return found

    def cores(self) -> list[Core]:
        """The largest disc inside."""
        import shapely

        radius = shapely.maximum_inscribed_circle(self.shape)
        x, y = radius.coords[0]
        return [Core((x, y), radius.length)]

    def inside(self, x: Tensor) -> Tensor:
        import shapely

        points = x.detach().cpu().double().numpy()
        return torch.as_tensor(shapely.contains_xy(self.shape, points[:, 0], points[:, 1])).to(x.device)

    def distance(self, p: Points | Tensor) -> Tensor:
        x = self.coordinates(p)
        apart = torch.stack([_to_segment(x, x.new_tensor(a), x.new_tensor(b)) for _, a, b in self.edges]).amin(0)
        return torch.where(self.inside(x), -apart, apart)[:, None]

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return tuple(
            Piece(name, float(np.linalg.norm(b - a)), 1, partial(_on_segment, a, b)) for name, a, b in self.edges
        )

    def factors(self) -> dict[str, list[Factor]]:
        found: dict[str, list[Factor]] = {}
        for name, a, b in self.edges:
            found.setdefault(name, []).append(partial(_trimmed, a, b))
        return found


def _turns_left(ring: np.ndarray) -> bool:
    x, y = ring.T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) > 0


def _on_segment(a: np.ndarray, b: np.ndarray, unit: Tensor) -> Placed:
    start, along = unit.new_tensor(a), unit.new_tensor(b - a)
    normal = torch.stack([along[1], -along[0]]) / along.norm()
    return start + unit[:, :1] * along, normal.expand(len(unit), -1).clone()


def _to_segment(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    along = b - a
    share = (((x - a) @ along) / along.square().sum()).clamp(0, 1)
    return (x - a - share[:, None] * along).square().sum(1).clamp_min(1e-300).sqrt()


def _trimmed(a: Any, b: Any, p: Points) -> Tensor:
    """A smooth function that vanishes on a segment alone, with unit slope there.

    The line's distance joined with a disc about the segment (Rvachev et al. 2001; Sukumar and Srivastava 2022, eq. 8).
    """
    x = p.coords
    start, end = x.new_tensor(a), x.new_tensor(b)
    along = end - start
    length = along.norm()
    line = ((x[:, :1] - start[0]) * along[1] - (x[:, 1:2] - start[1]) * along[0]) / length
    trim = ((length / 2).square() - (x - (start + end) / 2).square().sum(1, keepdim=True)) / length
    curve = (trim.square() + line.square().square()).sqrt()
    return (line.square() + ((curve - trim) / 2).square()).clamp_min(1e-300).sqrt()
