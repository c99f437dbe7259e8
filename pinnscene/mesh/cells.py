"""Regions cut into simplices: a lattice's triangles or tetrahedra, and what of those at the boundary lies inside.

Every cell of a lattice over the region's box falls into d! simplices (Kuhn 1960); one that the boundary crosses is cut
along the straight piece between the places where its edges meet it. Corners are ordered by their numbers throughout,
so that neighbours cut the face that they share alike: the cells fit together.
"""

from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError
from pinnscene.geometry.region import Region
from pinnscene.metrics import CHUNK

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
END = 0.01  # edges: a cut that comes nearer to the corner inside is that corner
ON = 1e-9  # of the longest side: what is no farther outside counts as inside
BISECTIONS = 18  # halvings of an edge until its cut is known


def cells_of(region: Region, resolution: int) -> tuple[Floats, Ints]:
    """Vertices [v, d] and simplices [c, d + 1] of a region of two or three axes, of positive area or volume.

    Args:
        region: its boundary is met on the edges of the lattice; corners between lattice points are cut off.
        resolution: lattice cells along the longest side.

    Raises:
        PinnsceneError: other axes, or a region too thin for the resolution.
    """
    d = len(region.axes)
    if d not in (2, 3):
        raise PinnsceneError(f"cells expected a region of two or three axes, got {', '.join(region.axes)}")
    lower, size = np.array(region.lower), np.subtract(region.upper, region.lower)
    n = np.maximum(1, np.round(size / size.max() * resolution)).astype(int)
    lines = [np.linspace(low, low + side, k + 1) for low, side, k in zip(lower, size, n, strict=True)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), -1).reshape(-1, d)
    inside = _inside(region, points)
    simplices = _kuhn(n)
    vertices, cells = _cut(region, points, inside, simplices[inside[simplices].any(1)])
    if not len(cells):
        raise PinnsceneError(f"{resolution} cells along the longest side miss {region!r}: take a larger --resolution")
    return vertices, cells


def _inside(region: Region, points: Floats) -> NDArray[np.bool_]:
    on = ON * max(high - low for low, high in zip(region.lower, region.upper, strict=True))
    with torch.no_grad():
        parts = [region.distance(part)[:, 0] <= on for part in torch.from_numpy(points).split(CHUNK)]
    return torch.cat(parts).numpy()


def _kuhn(n: Ints) -> Ints:
    """The simplices [c, d + 1] of a lattice of n cells along each axis: from corner to corner along the axes."""
    d = len(n)
    strides = np.append(np.cumprod((n + 1)[:0:-1])[::-1], 1)
    first = (np.stack(np.meshgrid(*map(np.arange, n), indexing="ij"), -1).reshape(-1, d) @ strides)[:, None]
    ways = [np.concatenate([[0], np.cumsum(strides[list(order)])]) for order in permutations(range(d))]
    return np.concatenate([first + way for way in ways])


def _cut(region: Region, points: Floats, inside: NDArray[np.bool_], simplices: Ints) -> tuple[Floats, Ints]:
    """The parts of simplices inside; corners are numbered so that those of the lattice come first."""
    d = points.shape[1]
    count = inside[simplices].sum(1)
    found: list[Ints] = [np.stack([simplices[count == d + 1]] * 2, -1)]  # corners as pairs: a point twice, or an edge
    for k in range(1, d + 1):
        some = simplices[count == k]
        order = np.argsort(~inside[some], axis=1, kind="stable")  # inside first, each by number: simplices ascend
        some = np.take_along_axis(some, order, 1)
        found += [some[:, list(pairs)].reshape(len(some), d + 1, 2) for pairs in _pieces(k, d + 1 - k)]
    corners = np.concatenate(found)
    edges, cells = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
    share = _shares(region, points, edges)
    edges[share < END, 1] = edges[share < END, 0]
    kept, number = np.unique(edges, axis=0, return_inverse=True)
    cells = number[cells].reshape(-1, d + 1)
    cells = cells[(np.diff(np.sort(cells, axis=1), axis=1) > 0).all(1)]
    first = np.zeros(len(kept), dtype=np.int64)
    first[number] = np.arange(len(edges))
    vertices = points[kept[:, 0]] + share[first, None] * (points[kept[:, 1]] - points[kept[:, 0]])
    return vertices, _turned(vertices, cells)


def _pieces(k: int, m: int) -> list[tuple[tuple[int, int], ...]]:
    """How to fill what k inside corners and their edges to m outside ones span, in simplices of corner pairs.

    With one inside that is a simplex; with one outside a prism between the inside corners and the cuts; with two and
    two a prism between the triangles at the inside corners.
    """
    if m == 1:
        sides = [[(i, i) for i in range(k)], [(i, k) for i in range(k)]]
    else:
        sides = [[(i, i), *((i, k + o) for o in range(m))] for i in range(k)]
    if len(sides) == 1:
        return [tuple(sides[0])]
    near, far = sides
    return [(*near[: j + 1], *far[j:]) for j in range(len(near))]


def _shares(region: Region, points: Floats, edges: Ints) -> Floats:
    """At which share of an edge from inside to outside [e] it leaves the region; 0 for a corner of the lattice."""
    found = np.zeros(len(edges))
    cut = edges[:, 0] != edges[:, 1]
    start, way = points[edges[cut, 0]], points[edges[cut, 1]] - points[edges[cut, 0]]
    low, high = np.zeros(len(start)), np.ones(len(start))
    for _ in range(BISECTIONS if len(start) else 0):
        middle = (low + high) / 2
        within = _inside(region, start + middle[:, None] * way)
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    found[cut] = (low + high) / 2
    return found


def _turned(vertices: Floats, cells: Ints) -> Ints:
    """The cells with positive orientation."""
    ends = vertices[cells[:, 1:]] - vertices[cells[:, :1]]
    wrong = np.linalg.det(ends) < 0
    cells[wrong] = cells[wrong][:, [1, 0, *range(2, cells.shape[1])]]
    return cells


def measure(vertices: Floats, cells: Ints) -> Floats:
    """The area or volume [c] of each cell."""
    d = vertices.shape[1]
    return np.linalg.det(vertices[cells[:, 1:]] - vertices[cells[:, :1]]) / (2 if d == 2 else 6)
