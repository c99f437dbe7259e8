"""The classical solver for steady plane flows: Taylor and Hood's finite elements, and Newton's method.

Velocities of second order and pressures of first (Taylor and Hood 1973) on curved triangles satisfy, for all v that
vanish where the velocity is given, and all q,

    nu (grad u, grad v) + ((u . grad) u, v) - (p, div v) - (q, div u) = 0.

What is left of the first line for a v that is one on an obstacle is the force on it, of twice the order of the
velocity.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import KDTree
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.geometry import Region
from pinnscene.problems.flowwalls import HELD, Condition
from pinnscene.problems.planefem import EDGES, Interpolant, Mesh2

Array = NDArray[np.float64]
STEPS = 30  # of Newton, at most
CLOSE = 1e-6  # a step this small, beside the velocity, is the last one: the next would be as its square
SHORTEST = 1e-3  # share of a step at which it is given up
DENSE = 100_000  # points of a part that normals come from


class Flowing(Protocol):
    """What is asked of a problem of a flow."""

    @property
    def region(self) -> Region: ...

    @property
    def nu(self) -> float: ...

    @property
    def conditions(self) -> Mapping[str, Condition]: ...

    @property
    def given(self) -> Mapping[str, Callable[[Points], Tensor]]: ...

    @property
    def anchor(self) -> Points: ...


class PlaneFlow:
    """A steady flow, solved when made at a level -1, coarsest, to 1; called with points it gives (u, v, p), [n, 3].

    Raises:
        PinnsceneError: Newton's method finds no steady flow.
    """

    def __init__(self, problem: Flowing, level: int, edges: int = EDGES) -> None:
        from skfem import Basis, ElementTriP1, ElementTriP2, ElementVector

        began = perf_counter()
        self.problem, self.grid = problem, Mesh2(problem.region, level, edges)
        mesh = self.grid.mesh
        self.velocity: Any = Basis(mesh, ElementVector(ElementTriP2()), intorder=5)
        self.pressure: Any = Basis(mesh, ElementTriP1(), intorder=5)
        self.size = self.velocity.N + self.pressure.N
        nodes = self.grid.basis
        self.columns = np.zeros((2, nodes.N), dtype=np.int64)  # of u and v at the nodes, among the unknowns
        for k in range(2):
            self.columns[k, nodes.nodal_dofs[0]] = self.velocity.nodal_dofs[k]
            self.columns[k, nodes.facet_dofs[0]] = self.velocity.facet_dofs[k]
        self._assemble()
        self.free, held = self._conditions()
        self.x = self._newton(held)
        self.values = self._at_nodes()
        self.at = Interpolant(self.grid)
        self.values[:, 2] -= self._level()
        self.seconds = perf_counter() - began

    def __call__(self, p: Points) -> Tensor:
        return torch.as_tensor(self.at(p, self.values))

    def force(self, *parts: str) -> tuple[float, float]:
        """What the fluid, of density one, exerts on parts that hold its velocity: along x and along y."""
        left = self._residual(self.x)
        nodes = np.unique(np.concatenate([self.grid.basis.get_dofs(self.grid.parts[part]).flatten() for part in parts]))
        along, across = (-float(left[self.columns[k, nodes]].sum()) for k in range(2))
        return along, across

    def _assemble(self) -> None:
        from skfem import BilinearForm
        from skfem.helpers import ddot, div, grad

        slopes: Any = grad
        nu = self.problem.nu
        stiff = BilinearForm(lambda u, v, w: nu * ddot(slopes(u), slopes(v))).assemble(self.velocity)
        loss = BilinearForm(lambda u, q, w: -div(u) * q).assemble(self.velocity, self.pressure)
        self.linear = sparse.csr_array(sparse.bmat([[stiff, loss.T], [loss, None]]))

    def _residual(self, x: Array) -> Array:
        """The left sides of the weak form, for every v and q."""
        from skfem import LinearForm
        from skfem.helpers import dot, grad, mul

        slopes: Any = grad
        u = self.velocity.interpolate(x[: self.velocity.N])
        carried = LinearForm(lambda v, w: dot(mul(slopes(w["u"]), w["u"]), v)).assemble(self.velocity, u=u)
        return self.linear @ x + np.pad(carried, (0, self.pressure.N))

    def _slope(self, x: Array) -> Any:
        """The derivative of the residual."""
        from skfem import BilinearForm
        from skfem.helpers import dot, grad, mul

        slopes: Any = grad
        u = self.velocity.interpolate(x[: self.velocity.N])
        form = BilinearForm(lambda du, v, w: dot(mul(slopes(du), w["u"]) + mul(slopes(w["u"]), du), v))
        carried = sparse.coo_array(form.assemble(self.velocity, u=u))
        return self.linear + sparse.csr_array((carried.data, carried.coords), shape=(self.size, self.size))

    def _conditions(self) -> tuple[Any, Array]:
        """The matrix [unknowns, free] of what conditions leave free, and the values [unknowns] that they hold."""
        problem, held, kept = self.problem, np.zeros(self.size), np.ones(self.size, dtype=bool)
        fixed = np.zeros(self.grid.basis.N, dtype=bool)
        for part in sorted(problem.given, key=lambda part: HELD.index(problem.conditions[part].kind)):
            nodes = self._nodes(part)
            fixed[nodes] = True
            held[self.columns[:, nodes]] = problem.given[part](self._places(nodes)).detach().numpy().T
        kept[self.columns[:, fixed]] = False
        slips = [part for part, condition in problem.conditions.items() if condition.kind == "slip"]
        along: dict[int, Array] = {}
        for part in slips:
            nodes = self._nodes(part)
            nodes = nodes[~fixed[nodes]]
            for node, normal in zip(nodes.tolist(), self._normals(part, nodes), strict=True):
                tangent = np.array([-normal[1], normal[0]])
                # a corner of two walls that the fluid slips along holds it
                met = node in along and abs(along[node] @ normal) > 1e-3
                along[node] = np.zeros(2) if met else tangent
        slid = np.array(list(along), dtype=np.int64)
        kept[self.columns[:, slid]] = False
        if all(c.kind != "outflow" for c in problem.conditions.values()):
            kept[self.velocity.N] = False  # the pressure's level, which is set afterwards
        moving = [(node, tangent) for node, tangent in along.items() if tangent.any()]
        rows = np.array([self.columns[:, node] for node, _ in moving], dtype=np.int64).ravel()
        entries = np.array([tangent for _, tangent in moving], dtype=float).ravel()
        where = (rows, np.repeat(np.arange(len(moving)), 2))
        slides = sparse.coo_array((entries, where), shape=(self.size, len(moving)))
        whole = sparse.hstack([sparse.csc_array(sparse.eye_array(self.size))[:, np.flatnonzero(kept)], slides])
        return sparse.csr_array(whole), held

    def _newton(self, x: Array) -> Array:
        """The flow, from the values that are held and nothing else: the first step is Stokes' flow."""
        residual, first = self._residual(x), True
        for _ in range(STEPS):
            slope = self.linear if first else self._slope(x)
            right = self.linear @ x if first else residual
            small = sparse.csc_array(self.free.T @ slope @ self.free)
            step = -self.free @ splu(small).solve(self.free.T @ right)
            if np.abs(step[: self.velocity.N]).max() < CLOSE * np.abs(x[: self.velocity.N]).max():
                return x + step
            length, before = 1.0, np.linalg.norm(self.free.T @ residual)
            while not first and length > SHORTEST:
                if np.linalg.norm(self.free.T @ self._residual(x + length * step)) < before:
                    break
                length /= 2
            x, first = x + length * step, False
            residual = self._residual(x)
        raise PinnsceneError(f"the finite elements found no steady flow at nu = {self.problem.nu:g}: take a larger nu")

    def _nodes(self, part: str) -> NDArray[np.int64]:
        return self.grid.basis.get_dofs(self.grid.parts[part]).flatten()

    def _places(self, nodes: NDArray[np.int64]) -> Points:
        return Points(torch.as_tensor(self.grid.basis.doflocs[:, nodes].T.copy()), self.problem.region.axes)

    def _normals(self, part: str, nodes: NDArray[np.int64]) -> Array:
        sampler = self.problem.region.boundary(DENSE, part, points="halton")
        dense = sampler(torch.Generator().manual_seed(0))
        assert dense.normal is not None
        nearest = KDTree(dense.coords.numpy()).query(self.grid.basis.doflocs[:, nodes].T)[1]
        return dense.normal.numpy()[nearest]

    def _at_nodes(self) -> Array:
        """The values [nodes, 3]: a pressure of first order is one of second order, too."""
        basis, mesh = self.grid.basis, self.grid.mesh
        values = np.zeros((basis.N, 3))
        values[:, :2] = self.x[self.columns.T]
        corners = self.x[self.velocity.N + self.pressure.nodal_dofs[0]]
        values[basis.nodal_dofs[0], 2] = corners
        values[basis.facet_dofs[0], 2] = corners[mesh.facets].mean(0)
        return values

    def _level(self) -> float:
        """What the pressure is too high by: at the anchor it is zero where no outflow tells it."""
        if any(c.kind == "outflow" for c in self.problem.conditions.values()):
            return 0.0
        return float(self(self.problem.anchor)[0, 2])
