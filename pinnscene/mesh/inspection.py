"""What can be said of a mesh: whether it is closed, of how many bodies and handles, its volume and area."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pinnscene.mesh.bodies import bodies
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

    The genus is Euler's: vertices - edges + faces = 2 bodies - 2 genus, with 3 edges for 2 faces.
    """
    used = np.zeros(len(mesh.vertices), dtype=bool)
    used[mesh.faces] = True
    faces = (used.cumsum() - 1)[mesh.faces]
    n = int(used.sum())
    pieces = int(bodies(mesh).max()) + 1 if n else 0
    closed = n > 0 and _closed(faces, n)
    handles, odd = divmod(2 * pieces - (n - len(faces) // 2), 2)
    genus = handles if closed and not odd and handles >= 0 else None
    areas = mesh.area_vectors()
    volume = _volume(mesh, areas) if closed else np.nan
    area = float(np.linalg.norm(areas, axis=1).sum())
    return MeshReport(len(mesh.vertices), len(faces), closed, pieces, genus, volume, area)


def _closed(faces: NDArray[np.int64], n: int) -> bool:
    """Whether each directed edge between the n vertices is there once, and once in the other direction."""
    there, back = (
        np.concatenate([faces[:, first] * n + faces[:, second] for first, second in ends])
        for ends in (((0, 1), (1, 2), (2, 0)), ((1, 0), (2, 1), (0, 2)))
    )
    there.sort()
    back.sort()
    return bool((there == back).all() and (there[1:] != there[:-1]).all())


def _volume(mesh: Mesh, areas: NDArray[np.float64]) -> float:
    """The divergence theorem, about the middle of the mesh: far from zero the products would cancel."""
    corner = (mesh.vertices - mesh.vertices.mean(0))[mesh.faces[:, 0]]
    return float(np.einsum("fk,fk->", corner, areas) / 3)
