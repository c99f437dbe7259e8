"""Marching cubes on a list of cells.

Lorensen and Cline, "Marching Cubes", SIGGRAPH 1987, with faces of two diagonal inside corners always cut so that the
corners stay apart (Duerst, Computer Graphics 22(2), 1988): both cells at a face then agree, and the mesh has no holes.
The 256 cases are not typed in but made: on every face of the cell, seen from outside it, each run of inside corners
gives a line from the edge where it begins to the edge where it ends; the lines close to polygons.
"""

from functools import cache

import numpy as np

from pinnscene.mesh.lattice import CORNERS, Floats, Ints, Lattice
from pinnscene.mesh.samples import Samples, distinct, union

CHUNK = 2**17  # cells at a time
END = 1e-4  # how near to a lattice point a vertex may come, in cells: on it, several would be one

Edge = tuple[int, int]  # two corners of a cell, the lower first

EDGES: list[Edge] = [(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(CORNERS[a] - CORNERS[b]).sum() == 1]
AXIS = np.array([int(np.abs(CORNERS[a] - CORNERS[b]).argmax()) for a, b in EDGES])


def polygonise(lattice: Lattice, cells: Ints, samples: Samples) -> tuple[Floats, Ints]:
    """Vertices [v, 3] on the edges of cells, where the field vanishes by linear interpolation, and faces [f, 3].

    Faces are counter-clockwise seen from where the field is positive. A vertex that several cells have is one.
    """
    rows = [slice(start, start + CHUNK) for start in range(0, len(cells), CHUNK)]
    parts = [_triangles(lattice, cells[r], samples) for r in rows]
    cut = union(distinct(part) for part in parts)
    faces = np.concatenate([np.searchsorted(cut, part) for part in parts])
    return _places(lattice, cut, samples), faces


def _triangles(lattice: Lattice, cells: Ints, samples: Samples) -> Ints:
    """Triangles [f, 3] of numbers of edges: three times that of its lower point, plus its axis."""
    inside = samples.at(lattice.corners(cells)) < 0
    table = cases()[inside @ (1 << np.arange(8))]
    cell, triangle = np.nonzero(table[:, :, 0] >= 0)
    edge = table[cell, triangle]
    lower = CORNERS[[a for a, _ in EDGES]] @ lattice.strides
    return 3 * (cells[cell, None] + lower[edge]) + AXIS[edge]


def _places(lattice: Lattice, edges: Ints, samples: Samples) -> Floats:
    point, axis = np.divmod(edges, 3)
    a, b = samples.at(point), samples.at(point + lattice.strides[axis])
    place = lattice.positions(point)
    place[np.arange(len(edges)), axis] += np.clip(a / (a - b), END, 1 - END) * lattice.step[axis]
    return place


@cache
def cases() -> Ints:
    """Triangles of each case [256, most, 3], as numbers of ``EDGES``, filled up with -1; bit k: corner k is inside."""
    made = [[t for loop in polygons(case) for t in triangulate(loop)] for case in range(256)]
    table = np.full((256, max(map(len, made)), 3), -1, dtype=np.int64)
    for row, triangles in zip(table, made, strict=True):
        row[: len(triangles)] = np.reshape(triangles, (-1, 3))
    return table


def polygons(case: int) -> list[list[int]]:
    """The polygons of a case, each a list of edges, in the order that leaves the inside corners behind it."""
    follows: dict[int, int] = {}
    for face in _faces():
        inside = [bool(case >> corner & 1) for corner in face]
        begins = [k for k in range(4) if inside[k] and not inside[k - 1]]
        for k in begins:
            last = next(j for j in range(k, k + 4) if not inside[(j + 1) % 4])
            begin, end = _edge(face[k - 1], face[k]), _edge(face[last % 4], face[(last + 1) % 4])
            follows[begin] = end
    loops = []
    while follows:
        start, at = follows.popitem()
        loop = [start]
        while at != start:
            loop.append(at)
            at = follows.pop(at)
        loops.append(loop)
    return loops


def triangulate(loop: list[int]) -> list[list[int]]:
    """A fan over a polygon whose diagonals do not lie in a face of the cell: there, the next cell's may lie as well."""
    n = len(loop)
    fans = (loop[k:] + loop[:k] for k in range(n))
    good = next(f for f in fans if not any(_in_one_face(f[0], f[k]) for k in range(2, n - 1)))
    return [[good[0], good[k], good[k + 1]] for k in range(1, n - 1)]


def _in_one_face(first: int, second: int) -> bool:
    corners = CORNERS[[*EDGES[first], *EDGES[second]]]
    return bool((corners == corners[0]).all(0).any())


def _edge(a: int, b: int) -> int:
    return EDGES.index((min(a, b), max(a, b)))


def _faces() -> list[list[int]]:
    """The corners of each face of a cell, counter-clockwise seen from outside."""
    found = []
    for axis in range(3):
        for end in (0, 1):
            ring = [np.roll([end, a, b], axis) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
            numbers = [int(place @ [4, 2, 1]) for place in ring]
            found.append(numbers if end else numbers[::-1])
    return found
