"""Vertices moved onto the zero set of a field, with the field's own normals."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.mesh.record import Mesh
from pinnscene.mesh.samples import Share
from pinnscene.views import Differentiable

CHUNK = 2**16  # vertices at a time
STEPS = 4  # of Newton's method: the first leaves an error of the fourth order in the cell
NEAR = 1e-11  # in cells: a step shorter than this is not taken


class Slope(NamedTuple):
    """Values [n] and gradients [n, 3] at points, float64 on the CPU."""

    value: Tensor
    gradient: Tensor

    def step(self) -> Tensor:
        """The shortest way [n, 3] to where the tangent plane vanishes; zero where the gradient is."""
        square = self.gradient.square().sum(1)
        return (
            torch.where(square > 0, -self.value / square.clamp_min(torch.finfo(torch.float64).tiny), 0)[:, None]
            * self.gradient
        )


def project(
    u: Differentiable, mesh: Mesh, cell: float, level: float = 0.0, progress: Share = lambda share: None
) -> Mesh:
    """The mesh with its vertices where ``u`` is ``level``, and outward unit normals: grad u / |grad u|.

    A vertex moves by Newton's method, x - (u - level) grad u / |grad u|^2, as long as that makes |u - level| smaller
    and leads no farther than ``cell`` from where it was; else it stays. Vertices of faces that would turn over go
    back. Where the gradient vanishes the normal is the mean of the faces'.

    Args:
        u: a field of three axes and one output, less than ``level`` inside.
        mesh: vertices near the level set, such as from ``extract``.
        cell: the longest way to move, in the mesh's units.
        level: the value on the surface.
        progress: told the share of the vertices done.
    """
    moved, gradient = np.empty_like(mesh.vertices), np.empty_like(mesh.vertices)
    for start in range(0, len(moved), CHUNK):
        rows = slice(start, start + CHUNK)
        moved[rows], gradient[rows] = _newton(u, torch.from_numpy(mesh.vertices[rows]), cell, level)
        progress(min(1.0, (start + CHUNK) / len(moved)))
    vertices = unturned(mesh, moved)
    return Mesh(vertices, mesh.faces, _normals(Mesh(vertices, mesh.faces), gradient), mesh.colours)


def _newton(u: Differentiable, start: Tensor, cell: float, level: float) -> tuple[NDArray, NDArray]:
    """Places [n, 3] and the gradients there."""
    x, here = start.clone(), _slope(u, start, level)
    value, gradient = here.value.clone(), here.gradient.clone()
    rows, way = torch.arange(len(x)), here.step()
    for _ in range(STEPS):
        goal = x[rows] + way
        useful = (way.norm(dim=1) > _shortest(u, x, cell)) & ((goal - start[rows]).norm(dim=1) <= cell)
        rows, goal = rows[useful], goal[useful]
        if not len(rows):
            break
        there = _slope(u, goal, level)
        better = there.value.abs() < value[rows].abs()
        rows, there = rows[better], Slope(there.value[better], there.gradient[better])
        x[rows], value[rows], gradient[rows] = goal[better], there.value, there.gradient
        way = there.step()
    return x.numpy(), gradient.numpy()


def _shortest(u: Differentiable, x: Tensor, cell: float) -> float:
    """Steps below this are rounding: a field in float32 cannot tell such points apart."""
    precision = torch.finfo(getattr(u, "dtype", torch.float64)).eps
    return max(NEAR * cell, precision * float(x.abs().max()))


@torch.no_grad()
def _slope(u: Differentiable, x: Tensor, level: float) -> Slope:
    p = Points(x, u.axes).to(getattr(u, "device", torch.device("cpu")))
    value, *slopes = u.derivatives(p, [{(): 1.0}, {(0,): 1.0}, {(1,): 1.0}, {(2,): 1.0}])
    return Slope(value[:, 0].double().cpu() - level, torch.cat(slopes, 1).double().cpu())


def unturned(mesh: Mesh, moved: NDArray[np.float64]) -> NDArray[np.float64]:
    """The places ``moved`` [v, 3] of a mesh's vertices, but the old ones at faces that would turn over."""
    vertices, before = moved.copy(), mesh.area_vectors()
    faces = np.arange(len(mesh.faces))
    while len(faces):
        now = Mesh(vertices, mesh.faces[faces]).area_vectors()
        turned = faces[np.einsum("fk,fk->f", now, before[faces]) < 0]
        vertices[mesh.faces[turned]] = mesh.vertices[mesh.faces[turned]]
        faces = touching(mesh.faces, turned, len(vertices))  # going back may turn a face beside
    return vertices


def touching(faces: NDArray[np.int64], some: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """The numbers of the faces that share any of the n vertices with some of the faces; none for none."""
    marked = np.zeros(n, dtype=bool)
    marked[faces[some]] = True
    return np.flatnonzero(marked[faces].any(1)) if len(some) else some


def _normals(mesh: Mesh, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    size = np.linalg.norm(gradient, axis=1, keepdims=True)
    flat = (size[:, 0] == 0) | ~np.isfinite(size[:, 0])
    normals = np.divide(gradient, size, where=~flat[:, None], out=np.zeros_like(gradient))
    if flat.any():
        normals[flat] = face_normals(mesh)[flat]
    return normals


def face_normals(mesh: Mesh) -> NDArray[np.float64]:
    """Unit normals [v, 3] of vertices: the mean of their faces' by area; zero for a vertex of no face."""
    areas, total = mesh.area_vectors(), np.zeros_like(mesh.vertices)
    for corner in range(3):
        np.add.at(total, mesh.faces[:, corner], areas)
    size = np.linalg.norm(total, axis=1, keepdims=True)
    return np.divide(total, size, where=size > 0, out=np.zeros_like(total))
