"""The classical solver on planar regions: finite elements of second order on curved triangles, by scikit-fem.

A triangulation is refined by halving every edge, new nodes on the boundary moved onto it; near corners of polygons it
is refined further, where solutions are singular.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.geometry import Region
from pinnscene.geometry.triangulation import triangulate
from pinnscene.problems.refinement import Refined
from pinnscene.problems.walls import Wall

Array = NDArray[np.float64]
EDGES = 24  # along the longest side, of the first triangulation
HALVINGS = 2  # of its edges for the coarse solve, level 0; one more for the fine one, level 1
REENTRANT = 0.51 * np.pi  # angle of the inside, radians: at wider corners solutions are less smooth than elements
TOWARDS = 14  # times that triangles at corners are refined once more
DENSE = 4000  # points of a part by which edges are told apart
CHUNK = 200_000  # points asked at a time


class Asking(Protocol):
    """A problem whose reference may be kept: two with the same key have the same."""

    @property
    def region(self) -> Any: ...

    def key(self) -> tuple[Any, ...]: ...


class Mesh2:
    """A refined triangulation of a region with quadratic elements, and the part of each edge on the boundary."""

    def __init__(self, region: Region, level: int, edges: float = 0, towards: int = TOWARDS) -> None:
        from skfem import Basis, ElementTriP2, MeshTri

        side = max(high - low for low, high in zip(region.lower, region.upper, strict=True))
        edges = edges or EDGES
        made = triangulate(region, side / edges, side / edges / 6)
        mesh = MeshTri(np.ascontiguousarray(made.nodes.T), np.ascontiguousarray(made.triangles.T))
        for _ in range(HALVINGS + level):
            mesh = _onto(region, mesh.refined(1))
        sharp = [corner.place for corner in region.corners() if corner.angle > REENTRANT]
        if sharp:
            tree = KDTree(np.array(sharp))
            for _ in range(towards):
                near = tree.query(mesh.p.T)[0] < 1e-7 * side
                mesh = mesh.refined(np.flatnonzero(near[mesh.t].any(0)))
        self.region, self.mesh = region, _curved(region, mesh)
        self.basis: Any = Basis(self.mesh, ElementTriP2())
        self.parts = self._parts()

    def _parts(self) -> dict[str, NDArray[np.int64]]:
        """The edges of each part of the boundary, by the nearest of many points on them, their normals included.

        At a corner the nearest point may lie on the other side, and what that holds may act along the normal.
        """
        mesh, names = self.mesh, self.region.parts
        facets = mesh.boundary_facets()
        side = max(high - low for low, high in zip(self.region.lower, self.region.upper, strict=True))
        ends = mesh.p[:, mesh.facets[:, facets]]
        seen = np.concatenate([ends.mean(1) / side, outward(mesh, facets, ends[:, 1] - ends[:, 0])]).T
        stream, apart = torch.Generator().manual_seed(0), []
        for part in names:
            p = self.region.boundary(DENSE, part, points="sobol")(stream)
            assert p.normal is not None
            apart.append(KDTree(torch.cat([p.coords / side, p.normal], 1).numpy()).query(seen)[0])
        nearest = np.stack(apart).argmin(0)
        return {part: facets[nearest == k] for k, part in enumerate(names)}

    def on(self, part: str) -> Any:
        """The basis on the edges of a part."""
        from skfem import ElementTriP2, FacetBasis

        return FacetBasis(self.mesh, ElementTriP2(), facets=self.parts[part])

    def asked(self, f: Callable[[Points], Tensor], x: Array) -> Array:
        """A function of the points at places [2, ...]."""
        flat = torch.as_tensor(np.ascontiguousarray(x.reshape(2, -1).T))
        return f(Points(flat, self.region.axes)).detach().numpy()[:, 0].reshape(x.shape[1:])


def outward(mesh: Any, edges: NDArray[np.int64], along: Array) -> Array:
    """Outward unit normals [2, n] of edges [n] on the boundary that run ``along`` [2, n]."""
    normal = np.stack([along[1], -along[0]])
    across = mesh.p[:, mesh.facets[:, edges]].mean(1) - mesh.p[:, mesh.t[:3, mesh.f2t[0, edges]]].mean(1)
    return normal * np.sign((across * normal).sum(0)) / np.linalg.norm(normal, axis=0)


def _onto(region: Region, mesh: Any) -> Any:
    """The mesh with the nodes of its boundary moved onto the region's."""
    p = mesh.p.copy()
    edge = mesh.boundary_nodes()
    p[:, edge] = _projected(region, p[:, edge])
    return type(mesh)(p, mesh.t)


def _projected(region: Region, p: Array) -> Array:
    x = torch.as_tensor(np.ascontiguousarray(p.T))
    for _ in range(3):
        x = x.detach().requires_grad_()
        d = region.distance(x)
        (slope,) = torch.autograd.grad(d.sum(), x)
        step = d * slope / slope.square().sum(1, keepdim=True).clamp_min(0.25)
        x = torch.where(d.abs() > 1e-14, x - step, x)  # at corners there is no slope, and no way to go
    return x.detach().numpy().T


def _curved(region: Region, mesh: Any) -> Any:
    """Triangles of second order whose edges on the boundary bend with it."""
    from skfem import MeshTri2

    bent: Any = MeshTri2.from_mesh(mesh)
    doflocs = bent.doflocs.copy()
    facets = mesh.boundary_facets()
    middles = bent.dofs.facet_dofs[0, facets]
    doflocs[:, middles] = _projected(region, doflocs[:, middles])
    return MeshTri2(doflocs, bent.t)


class PlaneFem:
    """-lap(u) + k^2 u = f, solved when made; called with points it gives the values [n, 1].

    Args:
        region: in the plane.
        walls: the condition of each part of its boundary.
        f: the source, points -> [n, 1].
        k: of the screening.
        level: -1 coarsest, 0 coarse, 1 fine.
    """

    def __init__(
        self, region: Region, walls: Mapping[str, Wall], f: Callable[[Points], Tensor], k: float, level: int
    ) -> None:
        from skfem import BilinearForm, LinearForm, condense, solve
        from skfem.helpers import dot, grad

        began = perf_counter()
        self.grid = Mesh2(region, level)
        basis = self.grid.basis
        slopes: Any = grad
        stiff = BilinearForm(lambda u, v, w: dot(slopes(u), slopes(v)) + k**2 * u * v).assemble(basis)
        load = LinearForm(lambda v, w: self.grid.asked(f, w.x) * v).assemble(basis)
        stiff, load, held = with_walls(self.grid, walls, stiff, load)
        values, fixed = np.zeros(basis.N), np.zeros(0, dtype=np.int64)
        for part, value in held.items():
            dofs = basis.get_dofs(self.grid.parts[part]).flatten()
            values[dofs], fixed = value, np.union1d(fixed, dofs)
        if not len(fixed) and k == 0 and all(wall.a == 0 for wall in walls.values()):
            fixed = np.array([0])
        small: Any = condense(stiff, load, x=values, D=fixed) if len(fixed) else (stiff, load)
        self.values: Any = solve(*small)
        self.at = Interpolant(self.grid)
        self.seconds = perf_counter() - began

    def __call__(self, p: Points) -> Tensor:
        return torch.as_tensor(self.at(p, self.values))[:, None]


def with_walls(grid: Mesh2, walls: Mapping[str, Wall], stiff: Any, load: Array) -> tuple[Any, Array, dict[str, float]]:
    """Matrix and load with the conditions of a flux in them, and the values that Dirichlet parts hold."""
    from skfem import BilinearForm, LinearForm

    held = {}
    for part, wall in walls.items():
        if wall.b == 0:
            held[part] = wall.c
            continue
        there = grid.on(part)
        stiff = stiff + BilinearForm(lambda u, v, w, a=wall.a: a * u * v).assemble(there)
        load = load + LinearForm(lambda v, w, c=wall.c: c * v).assemble(there)
    return stiff, load, held


class Interpolant:
    """Values of the elements anywhere; a point that rounding leaves outside belongs to the nearest triangle."""

    def __init__(self, grid: Mesh2, near: int = 12) -> None:
        mesh = grid.mesh
        self.grid = grid
        self.tree, self.near = KDTree(mesh.p[:, mesh.t].mean(1).T), near

    def __call__(self, p: Points, values: Array) -> Array:
        """One value a point of one set of values [N], or [n, k] of several [N, k]."""
        x = p.coords[:, :2].double().numpy()
        return np.concatenate([self._some(part, values) for part in np.array_split(x, max(1, len(x) // CHUNK))])

    def _some(self, x: Array, values: Array) -> Array:
        cells, local = self._located(x)
        basis: Any = self.grid.basis
        phi = np.stack([basis.elem.lbasis(local, k)[0] for k in range(basis.Nbfun)])
        weights = values[basis.element_dofs[:, cells]]
        return np.einsum("bn,bn...->n...", phi, weights)

    def _located(self, x: Array) -> tuple[NDArray[np.int64], Array]:
        """The triangle [n] of each point, and its place [2, n] in the reference triangle."""
        mapping = self.grid.basis.mapping
        candidates: Any = self.tree.query(x, self.near)[1]
        best, cell, local = np.full(len(x), np.inf), np.zeros(len(x), np.int64), np.zeros((2, len(x)))
        for k in range(self.near):
            rows = np.flatnonzero(best > 1e-9)
            if not len(rows):
                break
            tried = candidates[rows, k]
            X = _inverse(mapping, x[rows], tried)
            outside = np.maximum(-X.min(0), X.sum(0) - 1)
            better = outside < best[rows]
            some = rows[better]
            best[some], cell[some], local[:, some] = outside[better], tried[better], X[:, better]
        return cell, local


def _inverse(mapping: Any, x: Array, cells: NDArray[np.int64]) -> Array:
    """Where points [n, 2] lie in the reference triangle of their cells [n]: Newton's method, [2, n]."""
    X = np.full((2, len(x)), 1 / 3)
    for _ in range(8):
        at = X[:, :, None]
        here = mapping.F(at, cells)[:, :, 0]
        slope = mapping.DF(at, cells)[:, :, :, 0]
        gap = x.T - here
        size = slope[0, 0] * slope[1, 1] - slope[0, 1] * slope[1, 0]
        X = X + np.stack([
            (slope[1, 1] * gap[0] - slope[0, 1] * gap[1]) / size,
            (slope[0, 0] * gap[1] - slope[1, 0] * gap[0]) / size,
        ])  # fmt: skip
        X = np.clip(X, -2, 3)
    return X


def plane_reference(problem: Asking, solve: Callable[[int], Any]) -> Refined:
    """The reference of a problem, made once a process."""
    return _kept_reference(problem.key(), Solver(problem, solve))


class Solver:
    """How to solve at a level; equal to any other, since the key tells problems apart."""

    def __init__(self, problem: Asking, solve: Callable[[int], Any]) -> None:
        self.problem, self.solve = problem, solve

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Solver)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=8)
def _kept_reference(key: tuple[Any, ...], how: Solver) -> Refined:
    del key
    names = [f"quadratic finite elements, {EDGES * 2**h} edges a side" for h in (HALVINGS, HALVINGS + 1)]
    domain: Any = how.problem.domain  # pyright: ignore[reportAttributeAccessIssue]
    return Refined(domain, (names[0], names[1]), how.solve, rated=True)
