"""Faces of a mesh that cut through each other."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from pinnscene.mesh.record import Mesh

CHUNK = 2**12  # faces at a time
INSIDE = 1e-9  # of an edge, beyond touching: and what rounding may add to a triangle


def crossings(mesh: Mesh, most: int = 1) -> NDArray[np.int64]:
    """Pairs [n, 2] of faces without a common vertex, an edge of the first of which goes through the second.

    Stops after a part of the mesh in which at least ``most`` were found. Faces that lie in one plane are not seen.
    """
    corners, faces = mesh.corners(), mesh.faces
    middles = corners.mean(1)
    reach = np.linalg.norm(corners - middles[:, None], axis=2).max(1)
    tree, found = KDTree(middles), []
    for start in range(0, len(faces), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(faces)))
        near = tree.query_ball_point(middles[rows], reach[rows] + reach.max())
        first = np.repeat(rows, [len(n) for n in near])
        second = np.concatenate([np.asarray(n, dtype=np.int64) for n in near])
        close = np.linalg.norm(middles[first] - middles[second], axis=1) < reach[first] + reach[second]
        apart = ~(faces[first][:, :, None] == faces[second][:, None, :]).any((1, 2))
        pairs = np.stack([first, second], 1)[close & apart]
        found.append(pairs[_cut(corners[pairs[:, 0]], corners[pairs[:, 1]])])
        if sum(map(len, found)) >= most:
            break
    return np.concatenate(found) if found else np.zeros((0, 2), dtype=np.int64)


def _cut(edges: NDArray[np.float64], triangles: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether any edge of the first triangles [n, 3, 3] goes through the second (Moeller and Trumbore 1997)."""
    hit = np.zeros(len(edges), dtype=bool)
    a, u, v = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    for k in range(3):
        origin, way = edges[:, k], edges[:, (k + 1) % 3] - edges[:, k]
        p = np.cross(way, v)
        determinant = (u * p).sum(1)
        safe = np.where(determinant == 0, 1.0, determinant)
        off = origin - a
        q = np.cross(off, u)
        first, second, along = ((x * y).sum(1) / safe for x, y in ((off, p), (way, q), (v, q)))
        within = (first > -INSIDE) & (second > -INSIDE) & (first + second < 1 + INSIDE)
        hit |= (determinant != 0) & within & (along > INSIDE) & (along < 1 - INSIDE)
    return hit
