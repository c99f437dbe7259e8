"""The bodies of a mesh: its pieces of surface that hang together."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pinnscene.mesh.record import Mesh


def bodies(mesh: Mesh) -> NDArray[np.int64]:
    """The body that each face belongs to [f], numbered from 0."""
    n = len(mesh.vertices)
    links = (np.ones(2 * len(mesh.faces), dtype=bool), (mesh.faces[:, :2].ravel(), mesh.faces[:, 1:].ravel()))
    of_vertex = connected_components(coo_matrix(links, shape=(n, n)), directed=False)[1]
    return np.unique(of_vertex[mesh.faces[:, 0]], return_inverse=True)[1]


def without_crumbs(mesh: Mesh, share: float) -> tuple[Mesh, int]:
    """The mesh without bodies of less than a share of the whole area, and how many those were.

    The largest body always stays. Vertices that no face has any more are left out.
    """
    if not len(mesh.faces):
        return mesh, 0
    body, areas = _areas(mesh)
    return _chosen(mesh, body, areas >= min(share * areas.sum(), areas.max()))


def largest(mesh: Mesh, n: int) -> tuple[Mesh, int]:
    """The mesh of its ``n`` bodies of the largest area, and how many others there were: hollows are bodies too."""
    if not len(mesh.faces):
        return mesh, 0
    body, areas = _areas(mesh)
    kept = np.zeros(len(areas), dtype=bool)
    kept[np.argsort(-areas, kind="stable")[:n]] = True
    return _chosen(mesh, body, kept)


def _areas(mesh: Mesh) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The body of each face [f], and of each body twice its area."""
    body = bodies(mesh)
    return body, np.bincount(body, np.linalg.norm(mesh.area_vectors(), axis=1)).astype(np.float64)


def _chosen(mesh: Mesh, body: NDArray[np.int64], kept: NDArray[np.bool_]) -> tuple[Mesh, int]:
    """The mesh of the bodies that are kept, and how many are not."""
    if kept.all():
        return mesh, 0
    faces = mesh.faces[kept[body]]
    used, numbers = np.unique(faces, return_inverse=True)
    normals, colours = (None if v is None else v[used] for v in (mesh.normals, mesh.colours))
    return Mesh(mesh.vertices[used], numbers.reshape(-1, 3), normals, colours), int((~kept).sum())
