"""Meshes put in order: one vertex at each place, no face twice, and every face counter-clockwise from outside."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pinnscene.mesh.record import Mesh
from pinnscene.scenes.meshorder import outwards
from pinnscene.scenes.shapechecks import counted
from pinnscene.scenes.shapes import Numbers

Faces = NDArray[np.int64]
SAME = 1e-8  # of the diagonal: vertices that agree to this are one


def clean(vertices: Numbers, faces: Faces) -> tuple[Mesh, list[str]]:
    """A mesh in order, with a line for all that was done to it.

    Vertices at one place are merged (files split them along the seams of textures and STL repeats them for every
    face), faces with a vertex twice and repeated faces are dropped, and the rest is oriented, see ``outwards``.
    """
    vertices, faces = merged(vertices, faces)
    notes = []
    whole = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    if not whole.all():
        notes.append(f"{counted(int((~whole).sum()), 'degenerate face')} dropped")
    faces = faces[whole]
    first = _first_of_each(np.sort(faces, axis=1))
    if len(first) < len(faces):
        notes.append(f"{counted(len(faces) - len(first), 'duplicate face')} dropped")
    vertices, faces = used(vertices, faces[first])
    if not len(faces):
        return Mesh(vertices, faces), notes
    mesh, turned = outwards(Mesh(vertices, faces))
    return mesh, notes + turned + _topology(mesh)


def merged(vertices: Numbers, faces: Faces) -> tuple[Numbers, Faces]:
    """Vertices at one place made one, faces renumbered."""
    lower, upper = vertices.min(0), vertices.max(0)
    step = SAME * (float(np.linalg.norm(upper - lower)) or 1.0)
    cells = np.rint((vertices - (lower + upper) / 2) / step).astype(np.int64)
    order = np.lexsort(cells.T)
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(cells[order], axis=0) != 0).any(axis=1)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(new) - 1
    return vertices[order[new]], numbers[faces]


def used(vertices: Numbers, faces: Faces) -> tuple[Numbers, Faces]:
    """Without the vertices that no face names."""
    numbers, inverse = np.unique(faces, return_inverse=True)
    return vertices[numbers], inverse.reshape(faces.shape).astype(np.int64)


def _first_of_each(rows: Faces) -> NDArray[np.int64]:
    """The numbers, in rising order, of the rows that no earlier row equals."""
    order = np.lexsort(rows.T)
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(rows[order], axis=0) != 0).any(axis=1)
    return np.sort(order[new])


def edges(faces: Faces) -> tuple[Faces, NDArray[np.int64], Faces]:
    """The edges [e, 2] of a mesh, how many faces each has [e], and the edges of each face [f, 3]."""
    pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    width = int(pairs.max()) + 1
    keys, inverse, counts = np.unique(pairs[:, 0] * width + pairs[:, 1], return_inverse=True, return_counts=True)
    return np.stack([keys // width, keys % width], 1), counts, inverse.reshape(3, -1).T


def _topology(mesh: Mesh) -> list[str]:
    """Bodies, holes and edges of many faces, where there is anything to say."""
    from igl import facet_components

    ends, counts, _ = edges(mesh.faces)
    bodies = int(facet_components(mesh.faces)[0])
    holes = _loops(ends[counts == 1], len(mesh.vertices))
    knots = int((counts > 2).sum())
    notes = [counted(bodies, "body").replace("bodys", "bodies")] if bodies > 1 else []
    if knots:
        notes.append(f"{counted(knots, 'edge')} with more than two faces: sign by the generalised winding number")
    if holes:
        notes.append(f"{counted(holes, 'hole')}: sign by the generalised winding number")
    return notes


def _loops(boundary: Faces, vertices: int) -> int:
    """In how many connected pieces the boundary edges [b, 2] lie."""
    if not len(boundary):
        return 0
    graph = coo_array((np.ones(len(boundary), bool), (boundary[:, 0], boundary[:, 1])), (vertices, vertices))
    _, labels = connected_components(graph, directed=False)
    return len(np.unique(labels[boundary[:, 0]]))
