"""What can be said of a mesh: whether it is closed, of how many bodies and handles, its volume and area."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pinnscene.mesh.record import Mesh


@dataclass(frozen=True)
class MeshReport:
    """What was found of a mesh.

    Attributes:
        vertices, faces: how many there are.
        watertight: every edge has two faces, which run along it in opposite directions.
        bodies: pieces of surface that hang together; a hollow inside a body is another.
        genus: handles of all bodies together; None where the mesh is open or its surfaces touch in points.
        volume: enclosed, length^3; that of hollows counts off; NaN where the mesh is open.
        area: length^2.
    """

    vertices: int
    faces: int
    watertight: bool
    bodies: int
    genus: int | None
    volume: float
    area: float

    def line(self) -> str:
        """The report as a sentence."""
        kind = f"watertight, genus {self.genus}" if self.watertight else "open"
        bodies = "1 body" if self.bodies == 1 else f"{self.bodies} bodies"
        volume = f", volume {self.volume:.6g}" if self.watertight else ""
        return f"{self.vertices} vertices, {self.faces} faces, {kind}, {bodies}{volume}, area {self.area:.6g}"


def report(mesh: Mesh) -> MeshReport:
    """Inspect a mesh; vertices that no face has do not count.

    The genus is Euler's: vertices - edges + faces = 2 bodies - 2 genus.
    """
    used = np.zeros(len(mesh.vertices), dtype=bool)
    used[mesh.faces] = True
    faces = (used.cumsum() - 1)[mesh.faces]
    n = int(used.sum())
    runs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    links = coo_matrix((np.ones(len(runs), dtype=bool), (runs[:, 0], runs[:, 1])), shape=(n, n))
    bodies = int(connected_components(links, directed=False)[0]) if n else 0
    closed = n > 0 and _closed(runs[:, 0] * n + runs[:, 1], runs[:, 1] * n + runs[:, 0])
    handles, odd = divmod(2 * bodies - (n - len(runs) // 2 + len(faces)), 2)
    genus = handles if closed and not odd and handles >= 0 else None
    area = float(np.linalg.norm(mesh.area_vectors(), axis=1).sum())
    return MeshReport(len(mesh.vertices), len(faces), closed, bodies, genus, _volume(mesh) if closed else np.nan, area)


def _closed(there: NDArray[np.int64], back: NDArray[np.int64]) -> bool:
    """Whether each directed edge is there once, and once in the other direction."""
    there, back = np.sort(there), np.sort(back)
    return bool((there == back).all() and (there[1:] != there[:-1]).all())


def _volume(mesh: Mesh) -> float:
    """The divergence theorem, about the middle of the mesh: far from zero the products would cancel."""
    centred = Mesh(mesh.vertices - mesh.vertices.mean(0), mesh.faces)
    return float((centred.corners()[:, 0] * centred.area_vectors()).sum() / 3)
