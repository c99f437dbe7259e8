"""Meshes as shapes: true distances by a tree of boxes, signs by the generalised winding number."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pinnscene import seeds
from pinnscene.errors import PinnsceneError
from pinnscene.memory import Told
from pinnscene.mesh.record import Mesh
from pinnscene.scenes.meshclean import clean
from pinnscene.scenes.meshfiles import read_mesh
from pinnscene.scenes.shapechecks import sized, with_volume
from pinnscene.scenes.shapes import Numbers, Shape, queries
from pinnscene.scenes.winding import CHUNK, Frame, Held, MeshWinding

ON = 1e-6  # of the diagonal: closer than this, the way to the nearest place has no direction


@dataclass(frozen=True, eq=False, kw_only=True)
class MeshShape(Shape):
    """Triangles in order, see ``mesh_shape``."""

    kind = "mesh"
    triangles: Mesh

    def surface(self, n: int, g: torch.Generator) -> tuple[Numbers, Numbers | None]:
        return on_triangles(self._boundary, n, g)

    def distance(self, p: Numbers) -> Numbers:
        return self.nearest(p)[0]

    def inside(self, p: Numbers) -> NDArray[np.bool_]:
        return self._winding(queries(p)) > 0.5

    def nearest(self, p: Numbers) -> tuple[Numbers, Numbers]:
        frame, vertices, faces, held = self._tree
        points = queries(p)
        apart, direction, nearest = np.empty(len(points)), np.empty_like(points), np.empty(len(points), np.int64)
        for first in range(0, len(points), CHUNK):
            part = slice(first, first + CHUNK)
            local = frame(points[part])
            squares, face, closest = held.tree.squared_distance(vertices, faces, local)
            apart[part] = np.sqrt(squares)
            direction[part] = (local - closest) / np.maximum(apart[part], np.finfo(float).tiny)[:, None]
            nearest[part] = face
        side = np.where(self._winding(points) > 0.5, -1.0, 1.0)
        slope = side[:, None] * direction
        on = apart < ON
        vectors = self._boundary.area_vectors()[nearest[on]]
        slope[on] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(float).tiny)
        return side * apart * frame.size, slope

    def shifted(self, by: Numbers) -> "MeshShape":
        moved = replace(self.triangles, vertices=self.triangles.vertices + by)
        return replace(self, triangles=moved, lower=self.lower + by, upper=self.upper + by)

    def mesh(self) -> Mesh:
        return self._boundary

    @cached_property
    def _boundary(self) -> Mesh:
        """The faces with the inside on one side only: those of bodies within or across others bound nothing."""
        mesh = self.triangles
        n = len(mesh.vertices)
        edges = mesh.faces[:, [0, 1, 1, 2]].reshape(-1, 2).T
        if connected_components(coo_matrix((np.ones(edges.shape[1]), edges), (n, n)), directed=False)[0] == 1:
            return mesh
        vectors, middles = mesh.area_vectors(), mesh.corners().mean(1)
        length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(float).tiny)
        step = 1e-3 * vectors / np.sqrt(length)
        within = (self._winding(middles + step) > 0.5) & (self._winding(middles - step) > 0.5)
        return replace(mesh, faces=mesh.faces[~within]) if within.any() and not within.all() else mesh

    @cached_property
    def _winding(self) -> MeshWinding:
        return MeshWinding(self.triangles)

    @cached_property
    def _tree(self) -> tuple[Frame, Numbers, NDArray[np.int64], Held]:
        from igl import AABB

        frame, held = Frame(self.triangles.vertices), Held(AABB())
        vertices, faces = frame(self.triangles.vertices), np.ascontiguousarray(self._boundary.faces)
        held.tree.init(vertices, faces)
        return frame, vertices, faces, held


def on_triangles(mesh: Mesh, n: int, g: torch.Generator) -> tuple[Numbers, Numbers]:
    """``n`` points [n, 3] uniform by area on a mesh, with the normals [n, 3] of the faces they lie on."""
    random = np.random.default_rng(seeds.integer(g))
    vectors = mesh.area_vectors()
    areas = np.linalg.norm(vectors, axis=1)
    ends = np.cumsum(areas)
    faces = np.minimum(np.searchsorted(ends, random.random(n) * ends[-1], side="right"), len(ends) - 1)
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces[faces]], 1, 0)
    s, t = np.sqrt(random.random((n, 1))), random.random((n, 1))
    return a + s * (1 - t) * (b - a) + s * t * (c - a), vectors[faces] / areas[faces, None]


def mesh_shape(vertices: Numbers, faces: NDArray[np.int64], name: str, notes: Iterable[str] = ()) -> MeshShape:
    """Triangles put in order as a shape.

    Raises:
        PinnsceneError: no faces that have an area, all of them in one plane, or a size that numbers do not hold.
    """
    sized(vertices, name)
    mesh, done = clean(vertices, faces)
    if not len(mesh.faces):
        raise PinnsceneError(f"{name} has no faces with an area: expected a mesh")
    with_volume(mesh.vertices, name, "corner")
    lower, upper = mesh.vertices.min(0), mesh.vertices.max(0)
    return MeshShape(name=name, lower=lower, upper=upper, notes=[*notes, *done], triangles=mesh)


def load_mesh(path: Path, told: Told = lambda line: None) -> Shape:
    """The mesh in a file; one without faces is taken as a cloud, and its notes say so."""
    soup = read_mesh(path, told)
    if len(soup.faces):
        return mesh_shape(soup.vertices, soup.faces, path.name)
    from pinnscene.scenes.cloudshape import cloud_shape

    return cloud_shape(soup.vertices, soup.normals, path.name, ["no faces: taken as a point cloud"])
