"""Point clouds as shapes: with normals they have an inside by the winding number of points, without they have none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import pi, sqrt
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree

from pinnscene import seeds
from pinnscene.errors import PinnsceneError
from pinnscene.memory import Told
from pinnscene.scenes.shapechecks import afford, counted, explained, finite, not_empty, with_volume
from pinnscene.scenes.shapes import Numbers, Shape, queries
from pinnscene.scenes.winding import Frame, MeshWinding, splats

NEIGHBOURS = 12  # over which the density of the points is taken
DISAGREE = 0.1  # share of points whose normal looks away from its neighbour's from which the notes warn


@dataclass(frozen=True, eq=False, kw_only=True)
class CloudShape(Shape):
    """Points on a surface, see ``cloud_shape``.

    The distance is that to the nearest point, with the sign of the winding number where there are normals; it is
    not the distance to the surface between the points, so ``exact`` is False.
    """

    kind = "cloud"
    points: Numbers
    normals: Numbers | None

    @cached_property
    def spacing(self) -> float:
        """The median distance of a point to its nearest neighbour."""
        return float(np.median(self._tree.query(self._local, 2)[0][:, 1])) * self._frame.size

    @cached_property
    def pitch(self) -> float:
        """The side of the square that each point has of the surface, by the median disc of ``NEIGHBOURS``."""
        k = min(NEIGHBOURS, len(self.points) - 1)
        return sqrt(pi / k) * float(np.median(self._tree.query(self._local, k + 1)[0][:, -1])) * self._frame.size

    def surface(self, n: int, g: torch.Generator) -> tuple[Numbers, Numbers | None]:
        """``n`` of the given points, each at most once where there are enough of them, and their normals."""
        random = np.random.default_rng(seeds.integer(g))
        chosen = random.choice(len(self.points), n, replace=n > len(self.points))
        return self.points[chosen], None if self.normals is None else self.normals[chosen]

    def distance(self, p: Numbers) -> Numbers:
        return self.nearest(p)[0]

    def inside(self, p: Numbers) -> NDArray[np.bool_]:
        if self._winding is None:
            raise PinnsceneError(f"{self.name} has no normals, so it has no inside: give points with normals")
        return self._winding(self._frame(queries(p))) > 0.5

    def shifted(self, by: Numbers) -> "CloudShape":
        return replace(self, points=self.points + by, lower=self.lower + by, upper=self.upper + by)

    def nearest(self, p: Numbers) -> tuple[Numbers, Numbers]:
        """To the nearest of the points, which is farther than the surface between them."""
        points = queries(p)
        apart, chosen = self._tree.query(self._frame(points))
        side = np.where(self.inside(points), -1.0, 1.0)
        apart = apart * self._frame.size
        away = (points - self.points[chosen]) / np.maximum(apart, np.finfo(float).tiny)[:, None]
        return side * apart, side[:, None] * away

    def mesh(self) -> None:
        return None

    def heldout(self, every: int = 10) -> tuple["CloudShape", Numbers]:
        """The cloud without every ``every``-th point, and those points [k, 3], to score with."""
        if not 2 <= every <= len(self.points):
            raise PinnsceneError(f"expected to hold out every 2nd to {len(self.points)}th point, got every {every}th")
        kept = np.arange(len(self.points)) % every != every - 1
        normals = None if self.normals is None else self.normals[kept]
        return replace(self, points=self.points[kept], normals=normals), self.points[~kept]

    @cached_property
    def _frame(self) -> Frame:
        return Frame(self.points)

    @cached_property
    def _local(self) -> Numbers:
        return self._frame(self.points)

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self._local)

    @cached_property
    def _winding(self) -> MeshWinding | None:
        if self.normals is None:
            return None
        return MeshWinding(splats(self._local, self.normals, areas(self._local, self._tree)))


def areas(points: Numbers, tree: KDTree) -> Numbers:
    """The part of the surface [n] that each point stands for.

    The disc out to the k-th neighbour holds k points' worth of area: pi r^2 / k, unbiased for points strewn at random.
    """
    k = min(NEIGHBOURS, len(points) - 1)
    return np.pi * tree.query(points, k + 1)[0][:, k] ** 2 / k


def cloud_shape(points: Numbers, normals: Numbers | None, name: str, notes: Iterable[str] = ()) -> CloudShape:
    """Points [n, 3], with normals [n, 3] of any length or None, as a shape.

    Points given twice are dropped, and so are points without a normal among others that have one. Normals that
    look inwards on the whole, by the divergence theorem, are flipped; each thing done gets a note.

    Raises:
        PinnsceneError: values that are not finite, or points that do not reach in all three directions.
    """
    notes = list(notes)
    finite(points, name, "point")
    if normals is not None:
        finite(normals, name, "normal")
        points, normals = _with_normals(points, normals, notes)
    with_volume(points, name, "point")
    points, normals = _once(points, normals, notes)
    if normals is not None:
        normals = _outwards(points, normals, notes)
    return CloudShape(
        name=name, lower=points.min(0), upper=points.max(0), exact=False, signed=normals is not None, notes=notes,
        points=points, normals=normals,
    )  # fmt: skip


def _with_normals(points: Numbers, normals: Numbers, notes: list[str]) -> tuple[Numbers, Numbers | None]:
    """Unit normals, and only the points that have one; None where no point has."""
    length = np.linalg.norm(normals, axis=1)
    there = length > 0
    if not there.any():
        notes.append("all normals are zero: taken as points without normals")
        return points, None
    if not there.all():
        notes.append(f"{counted(int((~there).sum()), 'point')} without a normal dropped")
    return points[there], normals[there] / length[there, None]


def _once(points: Numbers, normals: Numbers | None, notes: list[str]) -> tuple[Numbers, Numbers | None]:
    _, first = np.unique(points, axis=0, return_index=True)
    if len(first) == len(points):
        return points, normals
    notes.append(f"{counted(len(points) - len(first), 'repeated point')} dropped")
    first.sort()
    return points[first], None if normals is None else normals[first]


def _outwards(points: Numbers, normals: Numbers, notes: list[str]) -> Numbers:
    """Normals that look outwards on the whole: the volume that points, normals and areas enclose is positive."""
    local = Frame(points)(points)
    tree = KDTree(local)
    beside = normals[np.asarray(tree.query(local, 2)[1])[:, 1]]
    away = float(((normals * beside).sum(1) < 0).mean())
    if away > DISAGREE:
        notes.append(f"normals of neighbours look opposite ways at {away:.0%} of the points: the inside may be wrong")
    area = areas(local, tree)
    centre = np.average(local, axis=0, weights=area)
    if (area[:, None] * (local - centre) * normals).sum() >= 0:
        return normals
    notes.append("normals pointed inwards: flipped")
    return -normals


def load_columns(path: Path, told: Told = lambda line: None) -> CloudShape:
    """A cloud in text: 3 columns (x y z) or 6 (and a normal) parted by blanks or commas; # starts a comment.

    Raises:
        PinnsceneError: an empty file, anything but numbers, another number of columns, or no cloud.
    """
    size = not_empty(path)
    afford(path, counted(size // 50, "point"), 8 * size, told)
    with explained(path):
        table = np.loadtxt(_lines(path), ndmin=2, max_rows=size)
    if not table.size:
        raise PinnsceneError(f"{path} holds no points: expected lines of 3 or 6 numbers")
    return from_columns(table, path.name)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line in file:
            yield line.replace(",", " ").replace(";", " ")


def from_columns(table: Numbers, name: str) -> CloudShape:
    """A cloud from an array [n, 3] of points or [n, 6] of points and normals; other shapes raise."""
    if table.ndim != 2 or table.shape[1] not in (3, 6):
        raise PinnsceneError(f"{name}: expected 3 columns (x y z) or 6 (and a normal), got shape {list(table.shape)}")
    return cloud_shape(table[:, :3].copy(), table[:, 3:].copy() if table.shape[1] == 6 else None, name)
