"""Which way faces look: neighbours made to agree, bodies that are inside out turned, cavities kept.

Orientation goes by patches, faces that hang together by edges of two faces each. The sign of a patch's volume
about its own centroid, by the divergence theorem, says which way it looks; the winding number of the whole just
outside a closed patch says in how many others it lies.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pinnscene.mesh.record import Mesh
from pinnscene.scenes.shapechecks import counted
from pinnscene.scenes.winding import MeshWinding

ROUND = 1e-3  # volume over area^(3/2), a sphere's being 0.094, from which an open patch has a side to look to
PROBE = 0.01  # how far from a face to ask for the winding number, in square roots of its area


def outwards(mesh: Mesh) -> tuple[Mesh, list[str]]:
    """The mesh with its faces counter-clockwise from outside, and a line for each thing that was turned.

    A mesh whose volume is negative is turned as a whole; after that a closed body of negative volume is turned
    unless it lies in another, where it is a cavity.
    """
    mesh, patches, notes = _agreed(mesh)
    if _volumes(mesh, np.zeros(len(mesh.faces), np.int64))[0] < 0:
        mesh = _turned(mesh, np.ones(len(mesh.faces), bool))
        notes.append("normals pointed inwards: flipped")
    volumes, closed = _volumes(mesh, patches), _closed(mesh, patches)
    if len(volumes) == 1 or not closed.any():
        return mesh, notes
    depths = _depths(mesh, patches, volumes)
    inverted = closed & (volumes < 0) & (depths == 0)
    cavities = int((closed & (volumes < 0) & (depths > 0)).sum())
    nested = int((closed & (volumes > 0) & (depths > 0)).sum())
    if inverted.any():
        mesh = _turned(mesh, inverted[patches])
        many = int(inverted.sum())
        notes.append(f"{many} of the bodies {'was' if many == 1 else 'were'} inside out: flipped")
    if cavities:
        notes.append(counted(cavities, "cavity").replace("cavitys", "cavities"))
    if nested:
        notes.append(f"{nested} of the bodies within another, looking outwards: all of it counts as inside")
    return mesh, notes


def _agreed(mesh: Mesh) -> tuple[Mesh, NDArray[np.int64], list[str]]:
    """Neighbours made to agree, each patch by the side of most of its area; and the patch of each face [f]."""
    from igl import bfs_orient

    agreed, patches = (np.asarray(out, np.int64) for out in bfs_orient(np.ascontiguousarray(mesh.faces)))
    turned = (agreed != mesh.faces).any(axis=1)
    area = np.linalg.norm(mesh.area_vectors(), axis=1)
    share = np.bincount(patches, area * turned) > np.bincount(patches, area) / 2
    turned ^= share[patches]
    notes = [f"{counted(int(turned.sum()), 'face')} turned to agree with the neighbours"] if turned.any() else []
    return _turned(mesh, turned), patches, notes


def _turned(mesh: Mesh, which: NDArray[np.bool_]) -> Mesh:
    return replace(mesh, faces=np.where(which[:, None], mesh.faces[:, ::-1], mesh.faces))


def _volumes(mesh: Mesh, patches: NDArray[np.int64]) -> NDArray[np.float64]:
    """The signed volume of each patch about its centroid; 0 where it is too flat to have one."""
    vectors, middles = mesh.area_vectors(), mesh.corners().mean(1)
    middles -= middles.mean(0)
    area = np.linalg.norm(vectors, axis=1)
    total = np.maximum(np.bincount(patches, area), np.finfo(float).tiny)
    centroid = np.stack([np.bincount(patches, area * x) for x in middles.T], 1) / total[:, None]
    volumes = np.bincount(patches, ((middles - centroid[patches]) * vectors).sum(1)) / 3
    return np.where(np.abs(volumes) > ROUND * total**1.5, volumes, 0)


def _closed(mesh: Mesh, patches: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether every edge of a patch has two faces."""
    from pinnscene.scenes.meshclean import edges

    _, counts, of_face = edges(mesh.faces)
    ragged = (counts[of_face] != 2).any(axis=1)
    return np.bincount(patches, ragged) == 0


def _depths(mesh: Mesh, patches: NDArray[np.int64], volumes: NDArray[np.float64]) -> NDArray[np.int64]:
    """In how many others each patch lies: the winding number just outside its largest face."""
    vectors = mesh.area_vectors()
    area = np.linalg.norm(vectors, axis=1)
    order = np.argsort(area, kind="stable")
    largest = np.empty(len(volumes), np.int64)
    largest[patches[order]] = order  # the last one written is the largest
    outward = np.where(volumes < 0, -1.0, 1.0)[:, None] * vectors[largest]
    step = PROBE / np.sqrt(np.maximum(area[largest], np.finfo(float).tiny))[:, None]
    places = mesh.corners()[largest].mean(1) + outward * step
    return np.abs(np.rint(MeshWinding(mesh)(places))).astype(np.int64)
