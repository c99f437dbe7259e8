"""Triangles that fill a planar region: nodes evenly along its boundary, a lattice inside, joined by Delaunay's rule."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import Delaunay, KDTree

from pinnscene.errors import PinnsceneError
from pinnscene.geometry.pieces import Piece
from pinnscene.geometry.region import Region

Array = NDArray[np.float64]
SCANNED = 2048  # places along a piece at which it may begin or end
HALVINGS = 40  # of the step between them, to find where
SMOOTHING = 20  # times that nodes inside move to the middle of their neighbours
CLEAR = 0.6  # edges that nodes inside keep from the boundary
GRADE = 0.25  # growth of edges a unit of the way from where they are shortest


class Triangulation(NamedTuple):
    """Nodes [n, 2] and triangles [m, 3], counter-clockwise; the first ``edge`` nodes lie on the boundary."""

    nodes: Array
    triangles: NDArray[np.int64]
    edge: int


def triangulate(region: Region, size: float, finest: float = 0.0) -> Triangulation:
    """Triangles with edges of about ``size``, shorter near small pieces of the boundary, but not than ``finest``.

    Raises:
        PinnsceneError: a region that is not planar, or parts of it thinner than the triangles.
    """
    if len(region.axes) != 2:
        raise PinnsceneError(f"triangles fill planar regions, this one has the axes {', '.join(region.axes)}")
    finest = finest or size / 4
    pieces = [_along(piece, size, finest) for piece in region.pieces]
    edge = _once(np.concatenate([nodes for nodes, _ in pieces]), finest / 10)
    spaced = KDTree(np.concatenate([nodes for nodes, _ in pieces]))
    spacing = np.concatenate([np.full(len(nodes), step) for nodes, step in pieces])

    def wanted(x: Array) -> Array:
        apart, near = spaced.query(x, k=min(8, len(spacing)))
        return np.minimum(size, (spacing[near] + GRADE * apart).min(1))

    inner = _lattice(region, size, finest, wanted)
    boundary = KDTree(edge)
    for _ in range(SMOOTHING):
        nodes = np.concatenate([edge, inner])
        inner = _smoothed(nodes, _inside(region, nodes), len(edge))
        inner = inner[(boundary.query(inner)[0] > 0.4 * wanted(inner)) & _within(region, inner)]
    nodes = np.concatenate([edge, inner])
    triangles = _inside(region, nodes)
    used = np.unique(triangles)
    if len(used) < len(nodes):
        numbers = np.full(len(nodes), -1)
        numbers[used] = np.arange(len(used))
        nodes, triangles = nodes[used], numbers[triangles]
    return Triangulation(nodes, triangles, int((used < len(edge)).sum()))


def _along(piece: Piece, size: float, finest: float) -> tuple[Array, float]:
    """Nodes along what is left of a piece, ends included, and their spacing: at least 24 about a whole piece."""
    step = float(np.clip(piece.measure / 24, finest, size))
    ends, nodes = spans(piece), []
    for low, high in ends:
        count = max(2, round((high - low) * piece.measure / step))
        at = torch.linspace(low, high, count + 1, dtype=torch.float64)[:, None]
        nodes.append(piece.place(at)[0].numpy())
    return (np.concatenate(nodes), step) if nodes else (np.zeros((0, 2)), size)


def _kept(piece: Piece, u: torch.Tensor) -> NDArray[np.bool_]:
    x, n = piece.place(u[:, None])
    return np.ones(len(u), bool) if piece.kept is None else piece.kept(x, n).numpy()


def spans(piece: Piece) -> list[tuple[float, float]]:
    """What is left of a piece of a planar region's boundary, as intervals of its coordinate from 0 to 1."""
    u = torch.linspace(0, 1, SCANNED + 1, dtype=torch.float64)
    return _spans(piece, u.numpy(), _kept(piece, u))


def _spans(piece: Piece, u: Array, kept: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Where along a piece it is left, the ends found by halving; an end at a corner is the corner."""
    inner = kept[1:-1]  # the very ends are corners, where a step off the boundary says nothing
    flips = np.flatnonzero(inner[1:] != inner[:-1]) + 1
    marks = [0.0] if inner[0] else []
    for k in flips:
        low, high = float(u[k]), float(u[k + 1])
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            same = bool(_kept(piece, torch.tensor([middle], dtype=torch.float64))[0]) == bool(kept[k])
            low, high = (middle, high) if same else (low, middle)
        marks.append((low + high) / 2)
    marks += [1.0] if inner[-1] else []
    return list(zip(marks[::2], marks[1::2], strict=True))


def _once(x: Array, near: float) -> Array:
    """Points without those that repeat an earlier one."""
    pairs = KDTree(x).query_pairs(near, output_type="ndarray")
    return np.delete(x, np.unique(pairs.max(1)) if len(pairs) else [], axis=0)


def _within(region: Region, x: Array) -> NDArray[np.bool_]:
    return region.inside(torch.as_tensor(x)).numpy()


def _lattice(region: Region, size: float, finest: float, wanted) -> Array:
    """Points of triangular lattices, each as fine as is wanted where it is."""
    found, step = [], size
    lower, upper = np.array(region.lower), np.array(region.upper)
    while step > finest / 1.5:
        columns = np.arange(lower[0], upper[0] + step, step)
        rows = np.arange(lower[1], upper[1] + step, step * 3**0.5 / 2)
        x, y = np.meshgrid(columns, rows)
        x = x + step / 2 * (np.arange(len(rows)) % 2)[:, None]
        points = np.stack([x.ravel(), y.ravel()], 1)
        goal = wanted(points)
        some = points[(goal <= 1.2 * step) & (goal > 0.6 * step)]
        deep = region.distance(torch.as_tensor(some))[:, 0].numpy() < -CLEAR * wanted(some)
        found.append(some[deep])
        step /= 2
    return np.concatenate(found)


def _inside(region: Region, nodes: Array) -> NDArray[np.int64]:
    """Delaunay's triangles whose middles lie in the region, counter-clockwise and none of them flat."""
    triangles = Delaunay(nodes).simplices.astype(np.int64)
    a, b, c = (nodes[triangles[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles[area < 0] = triangles[area < 0][:, ::-1]
    longest = np.max([((p - q) ** 2).sum(1) for p, q in ((a, b), (b, c), (c, a))], 0)
    return triangles[_within(region, (a + b + c) / 3) & (np.abs(area) > 1e-3 * longest)]


def _smoothed(nodes: Array, triangles: NDArray[np.int64], edge: int) -> Array:
    """The nodes inside, each in the middle of its neighbours."""
    first, second = triangles[:, [0, 1, 2]].ravel(), triangles[:, [1, 2, 0]].ravel()
    total, count = np.zeros_like(nodes), np.zeros(len(nodes))
    for here, there in ((first, second), (second, first)):
        np.add.at(total, here, nodes[there])
        np.add.at(count, here, 1)
    moved = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], nodes)
    return moved[edge:]
