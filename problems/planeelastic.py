"""The classical solver of elastic bodies in the plane: quadratic finite elements on curved triangles, by scikit-fem.

The components of the displacement are scalar functions of the same elements. What walls hold is held at nodes, along
axes of their own at each: rollers may have any form.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import bmat, diags
from scipy.sparse.linalg import splu
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problems.elasticmaterial import Material
from pinnscene.problems.elasticwalls import ElasticWall
from pinnscene.problems.planefem import Array, Interpolant, Mesh2, outward
from pinnscene.problems.rigidmotions import Freedom

ALIKE = 0.1  # held directions that differ by less than about twice this angle are one: neighbours on a curved part


class PlaneElastic:
    """-div(sigma) = f, solved when made; called with points it gives the displacement [n, 2].

    Args:
        freedom: of a body in the plane, with its walls.
        f: the force, points -> [n, 2].
        level: 0 coarse, 1 fine.
    """

    def __init__(self, freedom: Freedom, f: Callable[[Points], Tensor], level: int) -> None:
        began = perf_counter()
        self.freedom, body = freedom, freedom.body
        self.grid = Mesh2(body.region, level)
        stiff, load = stiffness(self.grid, body.material), loads(self.grid, freedom.walls, f)
        turn, values, fixed = held_nodes(self.grid, freedom)
        inner = np.flatnonzero(~fixed)
        stiff, load = (turn.T @ stiff @ turn).tocsr(), turn.T @ load
        load = (load - stiff @ values)[inner]
        factors = splu(stiff[inner][:, inner].tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        values[inner] = factors.solve(load)
        self.values = (turn @ values).reshape(2, -1).T
        self.at = Interpolant(self.grid)
        self.seconds = perf_counter() - began

    def __call__(self, p: Points) -> Tensor:
        return self.freedom.still(lambda q: torch.as_tensor(self.at(q, self.values)), p)


def stiffness(grid: Mesh2, material: Material) -> Any:
    """The matrix of the energy, all of ux before all of uy.

    Its block of test component i and component k is lam G_ki + mu (G_ik + delta_ik (G_xx + G_yy)), where G_ab are the
    integrals of du/da dv/db.
    """
    from skfem import BilinearForm

    form = lambda a, b: BilinearForm(lambda u, v, w: u.grad[a] * v.grad[b]).assemble(grid.basis)
    slopes = {(a, b): form(a, b) for a, b in ((0, 0), (0, 1), (1, 1))}
    slopes[1, 0] = slopes[0, 1].T
    both = slopes[0, 0] + slopes[1, 1]
    block = lambda i, k: material.lam * slopes[k, i] + material.mu * (slopes[i, k] + float(i == k) * both)
    return bmat([[block(i, k) for k in (0, 1)] for i in (0, 1)], format="csr")


def loads(grid: Mesh2, walls: Mapping[str, ElasticWall], f: Callable[[Points], Tensor]) -> Array:
    """The work of the force and of tractions."""
    from skfem import LinearForm

    found = []
    for k in (0, 1):
        inside = lambda v, w, k=k: grid.asked(lambda p: f(p)[:, k : k + 1], w.x) * v
        load: Any = LinearForm(inside).assemble(grid.basis)
        for part, wall in walls.items():
            if any(wall.numbers) and wall.loads:
                pull = lambda v, w, wall=wall, k=k: _traction(wall, w.n)[k] * v
                load = load + LinearForm(pull).assemble(grid.on(part))
        found.append(load)
    return np.concatenate(found)


def _traction(wall: ElasticWall, normal: Array) -> Array:
    """The traction [2, ...] where the normal [2, ...] is."""
    flat = torch.as_tensor(np.ascontiguousarray(normal.reshape(2, -1).T))
    return wall.traction(flat).numpy().T.reshape(normal.shape)


class Held(NamedTuple):
    """Axes of their own at nodes, as a matrix from components along them; which of these are fixed, and at what."""

    turn: Any
    values: Array
    fixed: Any


def held_nodes(grid: Mesh2, freedom: Freedom) -> Held:
    """What walls hold at nodes, and as many components elsewhere as there are free motions."""
    n = grid.basis.N
    values, fixed = np.zeros((2, n)), np.zeros((2, n), dtype=bool)
    turns = np.broadcast_to(np.eye(2), (n, 2, 2)).copy()
    for node, (ways, goals) in _conditions(grid, freedom.walls).items():
        _, sizes, axes = np.linalg.svd(ways)
        rank = int((sizes > ALIKE * sizes[0]).sum())
        turns[node] = axes.T
        values[:rank, node] = np.linalg.lstsq(ways @ axes[:rank].T, goals, rcond=None)[0]
        fixed[:rank, node] = True
    if freedom.count:
        loose = np.flatnonzero(~fixed.any(0))
        places = Points(torch.as_tensor(np.ascontiguousarray(grid.basis.doflocs[:, loose].T)), grid.region.axes)
        fixed[:, loose] = freedom.telling(places).numpy().T
    turn = bmat([[diags(turns[:, i, k]) for k in (0, 1)] for i in (0, 1)], format="csr")
    return Held(turn, values.ravel(), fixed.ravel())


def _conditions(grid: Mesh2, walls: Mapping[str, ElasticWall]) -> dict[int, tuple[Array, Array]]:
    """By node the directions [m, 2] along which walls hold the displacement, and the values [m] there."""
    found = defaultdict(list)
    for part, wall in walls.items():
        if wall.holds:
            nodes, normals = _along(grid, part)
            flat = torch.as_tensor(normals)
            held, goals = wall.projection(flat), wall.displacement(flat)
            goals = (held @ goals[:, :, None])[:, :, 0].numpy()
            for node, way, goal in zip(nodes.tolist(), held.numpy(), goals, strict=True):
                found[node].append((way, goal))
    both = {node: tuple(zip(*some, strict=True)) for node, some in found.items()}
    return {node: (np.concatenate(ways), np.concatenate(goals)) for node, (ways, goals) in both.items()}


def _along(grid: Mesh2, part: str) -> tuple[NDArray[np.int64], Array]:
    """The three nodes of each edge of a part, and the outward unit normals [n, 2] there."""
    basis, mesh, edges = grid.basis, grid.mesh, grid.parts[part]
    first, last = mesh.facets[:, edges]
    nodes = np.stack([basis.nodal_dofs[0, first], basis.facet_dofs[0, edges], basis.nodal_dofs[0, last]])
    x0, x1, x2 = basis.doflocs[:, nodes].swapaxes(0, 1)
    slopes = (-3 * x0 + 4 * x1 - x2, x2 - x0, x0 - 4 * x1 + 3 * x2)  # of the parabola through the three
    normals = [outward(mesh, edges, along) for along in slopes]
    return nodes.ravel(), np.concatenate(normals, 1).T.copy()
