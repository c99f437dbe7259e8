"""The classical solver for interfaces in the plane: quadratic finite elements on two triangulations that fit.

Each side is triangulated by itself from the same nodes on the interface, so that every node there stands in both, at
the same place. With u_out = u_in + g at those nodes the outer copies are no unknowns; the jump of the flux is a load.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_array
from scipy.spatial import KDTree
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.boundary import Value, as_column
from pinnscene.errors import PinnsceneError
from pinnscene.geometry import Region, Sides
from pinnscene.problems import planefem
from pinnscene.problems.planefem import Interpolant, Mesh2, with_walls
from pinnscene.problems.walls import Wall

Array = NDArray[np.float64]
PART = "interface"
NEAR = 1e-9  # of the domain's size: how far two copies of a node may be apart


class Interfaced(Protocol):
    """What is solved: regions, coefficients, right sides and conditions."""

    region: Region
    inner: Region
    sides: Sides
    a_in: float
    a_out: float
    jump: Value
    flux: Value
    conditions: Mapping[str, Wall]
    f: Callable[[Points], Tensor]
    anchor: Points


class InterfaceFem:
    """-div(a grad u) = f with [u] and [a du/dn] given, solved when made; called with points it gives values [n, 1].

    Raises:
        PinnsceneError: triangulations that do not fit together.
    """

    def __init__(self, problem: Interfaced, level: int) -> None:
        from skfem import condense, solve

        began = perf_counter()
        self.sides = problem.sides
        inner = problem.inner.named(PART)
        around: Any = problem.region - inner
        # the same length of edges on both sides, whatever their sizes
        fewer: Any = planefem.EDGES * _size(inner) / _size(around)
        self.grids = Mesh2(inner, level, fewer, towards=0), Mesh2(around, level, towards=0)
        inside, outside = self.grids
        copies = _copies(inside, outside, NEAR * _size(around))

        stiff_in, load_in = _assembled(inside, problem.a_in, problem.f)
        stiff_out, load_out = _assembled(outside, problem.a_out, problem.f)
        scaled = {part: _scaled(wall, problem.a_out) for part, wall in problem.conditions.items()}
        stiff_out, load_out, held = with_walls(outside, scaled, stiff_out, load_out)
        load_in = load_in - _on_interface(inside, problem.flux)

        count = inside.basis.N
        first, second = np.arange(count), _numbers(count, outside.basis.N, copies)
        spread: Any = csr_array(
            (np.ones(count + len(second)), (np.arange(count + len(second)), np.concatenate([first, second])))
        )
        shift = np.zeros(count + len(second))
        places = outside.basis.doflocs[:, copies[1]]
        shift[count + copies[1]] = outside.asked(lambda p: as_column(problem.jump, p), places)
        stiff: Any = block_diag([stiff_in, stiff_out], format="csr")
        load = spread.T @ (np.concatenate([load_in, load_out]) - stiff @ shift)

        values, fixed = np.zeros(spread.shape[1]), np.zeros(0, dtype=np.int64)
        for part, value in held.items():
            dofs = second[outside.basis.get_dofs(outside.parts[part]).flatten()]
            values[dofs], fixed = value, np.union1d(fixed, dofs)
        floating = all(wall.a == 0 for wall in problem.conditions.values())
        if floating:
            fixed = np.array([0])
        small: Any = condense((spread.T @ stiff @ spread).tocsr(), load, x=values, D=fixed)
        both = spread @ solve(*small) + shift
        self.values = both[:count], both[count:]
        self.at = Interpolant(inside), Interpolant(outside)
        if floating:
            level_there = float(self(problem.anchor))
            self.values = self.values[0] - level_there, self.values[1] - level_there
        self.seconds = perf_counter() - began

    def __call__(self, p: Points) -> Tensor:
        side = self.sides.of(p.coords)
        found = torch.zeros(len(p), 1, dtype=torch.float64)
        for k in range(2):
            rows = (side == k).nonzero()[:, 0]
            if len(rows):
                found[rows, 0] = torch.as_tensor(self.at[k](p[rows], self.values[k]))
        return found


def _size(region: Region) -> float:
    return max(high - low for low, high in zip(region.lower, region.upper, strict=True))


def _scaled(wall: Wall, a: float) -> Wall:
    """A condition of the slope as one of the flux a du/dn."""
    return wall if wall.b == 0 else wall._replace(a=a * wall.a, c=a * wall.c)


def _assembled(grid: Mesh2, a: float, f: Callable[[Points], Tensor]) -> tuple[Any, Array]:
    """Matrix and load of one side."""
    from skfem import BilinearForm, LinearForm
    from skfem.helpers import dot, grad

    slopes: Any = grad
    stiff = BilinearForm(lambda u, v, w: a * dot(slopes(u), slopes(v))).assemble(grid.basis)
    return stiff, LinearForm(lambda v, w: grid.asked(f, w.x) * v).assemble(grid.basis)


def _on_interface(inside: Mesh2, flux: Value) -> Array:
    """The load of the jump of the flux."""
    from skfem import LinearForm

    jumped = lambda p: as_column(flux, p)
    return LinearForm(lambda v, w: inside.asked(jumped, w.x) * v).assemble(inside.on(PART))


def _copies(inside: Mesh2, outside: Mesh2, near: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of the interface's nodes within each side, in the same order."""
    mine, theirs = (np.asarray(grid.basis.get_dofs(grid.parts[PART]).flatten()) for grid in (inside, outside))
    apart, found = KDTree(inside.basis.doflocs[:, mine].T).query(outside.basis.doflocs[:, theirs].T)
    if len(mine) != len(theirs) or len(np.unique(found)) != len(mine) or not np.max(apart) < near:
        raise PinnsceneError(
            "no triangulation fits this interface: there is no reference with exact=none; take a smoother inner region"
        )
    return mine[found], theirs


def _numbers(first: int, count: int, copies: tuple[NDArray[np.int64], NDArray[np.int64]]) -> NDArray[np.int64]:
    """The unknown of each node of the outer side: the inner copy's, or one of its own after those of the inside."""
    own = np.ones(count, bool)
    own[copies[1]] = False
    found = np.zeros(count, dtype=np.int64)
    found[own] = first + np.arange(own.sum())
    found[copies[1]] = copies[0]
    return found
