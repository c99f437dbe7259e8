"""The generalised winding number: how often a surface goes around a point, holes and all.

It is 1 inside a closed surface and 0 outside, and goes smoothly from one to the other through the holes of an open
one (Jacobson et al. 2013). The fast form is libigl's (Barill et al. 2018).
"""

import atexit
from typing import Any, ClassVar
from weakref import WeakSet

import numpy as np

from pinnscene.mesh.record import Mesh
from pinnscene.scenes.shapes import Numbers

CHUNK = 1 << 18  # points answered at a time


class Frame:
    """Coordinates about the middle of a shape in which its diagonal is 1: libigl's trees are float32 in part."""

    def __init__(self, points: Numbers) -> None:
        lower, upper = points.min(0), points.max(0)
        self.centre = (lower + upper) / 2
        self.size = float(np.linalg.norm(upper - lower)) or 1.0

    def __call__(self, p: Numbers) -> Numbers:
        return np.ascontiguousarray((p - self.centre) / self.size)


class Held:
    """A tree of libigl's, let go of before Python ends: its bindings write of leaks about any that is still held."""

    alive: ClassVar["WeakSet[Held]"] = WeakSet()

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        Held.alive.add(self)


@atexit.register
def _let_go() -> None:
    for held in Held.alive:
        held.tree = None


class MeshWinding:
    """The winding number of triangles, by a tree that is built once."""

    def __init__(self, mesh: Mesh) -> None:
        from igl import FastWindingNumberBVH

        self.frame = Frame(mesh.vertices)
        self._held = Held(FastWindingNumberBVH())
        self._held.tree.init(self.frame(mesh.vertices), np.ascontiguousarray(mesh.faces), 2)

    def __call__(self, p: Numbers) -> Numbers:
        """The winding number [n] at points [n, 3]."""
        out = np.empty(len(p))
        for first in range(0, len(p), CHUNK):
            part = slice(first, first + CHUNK)
            out[part] = self._held.tree.winding_number(self.frame(p[part]), 2.0)
        return out


def splats(points: Numbers, normals: Numbers, areas: Numbers) -> Mesh:
    """Points with unit normals and areas as equilateral triangles of those areas, so that one tree serves both.

    Up close a triangle's winding number stays between -1/2 and 1/2, where a point's own would grow without bound.
    """
    across = np.cross(normals, np.eye(3)[np.abs(normals).argmin(1)])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    along = np.cross(normals, across)
    radius = np.sqrt(areas * 4 / 27**0.5)[:, None]
    angles = 2 * np.pi / 3 * np.arange(3)
    corners = [points + radius * (np.cos(angle) * across + np.sin(angle) * along) for angle in angles]
    return Mesh(np.stack(corners, 1).reshape(-1, 3), np.arange(3 * len(points)).reshape(-1, 3))
