"""The classical solver for heat on planar regions: quadratic finite elements, and SDIRK steps that grow with t.

The steps are those of the L-stable method of two stages and second order (Alexander 1977), shortest where a start that
contradicts the conditions makes layers.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch
from scipy.sparse.linalg import splu
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.geometry import Region
from pinnscene.problems.planefem import Interpolant, Mesh2, with_walls
from pinnscene.problems.walls import Wall

GAMMA = 1 - 2**-0.5
SPANS, STEPS = 9, 16  # spans of t, each as long as all before it, and steps in each at level 0, twice as many at 1


class Conducting(Protocol):
    """What is asked of a problem of heat."""

    @property
    def alpha(self) -> float: ...

    @property
    def begin(self) -> float: ...

    @property
    def end(self) -> float: ...

    @property
    def region(self) -> Region: ...

    @property
    def conditions(self) -> Mapping[str, Wall]: ...

    @property
    def u0(self) -> Callable[[Points], Tensor]: ...

    @property
    def f(self) -> Callable[[Points], "Tensor | float"]: ...


class PlaneHeat:
    """u_t = alpha lap(u) + f, solved when made at a level -1, coarsest, to 1; called with points it gives [n, 1]."""

    def __init__(self, problem: Conducting, level: int) -> None:
        from skfem import BilinearForm
        from skfem.helpers import dot, grad

        began = perf_counter()
        self.problem, self.grid = problem, Mesh2(problem.region, level)
        basis, a = self.grid.basis, problem.alpha
        self.mass = BilinearForm(lambda u, v, w: u * v).assemble(basis)
        slopes: Any = grad
        stiff = BilinearForm(lambda u, v, w: dot(slopes(u), slopes(v))).assemble(basis)
        stiff, flow, held = with_walls(self.grid, problem.conditions, stiff, np.zeros(basis.N))
        self.stiff, self.flow = a * stiff, a * flow
        self.fixed, self.values = np.zeros(0, dtype=np.int64), np.zeros(basis.N)
        for part, value in held.items():
            dofs = basis.get_dofs(self.grid.parts[part]).flatten()
            self.values[dofs], self.fixed = value, np.union1d(self.fixed, dofs)
        self.free = np.setdiff1d(np.arange(basis.N), self.fixed)
        self._march(round(STEPS * 2.0**level))
        self.at = Interpolant(self.grid)
        self.seconds = perf_counter() - began

    def _times(self, steps: int) -> list[np.ndarray]:
        begin, end = self.problem.begin, self.problem.end
        ends = [begin, *(begin + (end - begin) * 0.5**k for k in range(SPANS - 1, -1, -1))]
        return [np.linspace(a, b, steps + 1) for a, b in pairwise(ends)]

    def _march(self, steps: int) -> None:
        at = self._at(self.problem.begin)
        u = self.problem.u0(at).detach().numpy()[:, 0].copy()
        u[self.fixed] = self.values[self.fixed]
        states, times = [u], [self.problem.begin]
        free = self.free
        for line in self._times(steps):
            dt = line[1] - line[0]
            solver = splu((self.mass + GAMMA * dt * self.stiff)[free][:, free].tocsc())
            for t in line[:-1]:
                first = self._stage(solver, u, t + GAMMA * dt)
                rate = u + (1 - GAMMA) * dt * first
                second = self._stage(solver, rate, t + dt)
                u = rate + GAMMA * dt * second
                states.append(u)
                times.append(t + dt)
        self.states, self.times = np.stack(states), np.array(times)

    def _stage(self, solver: Any, u: np.ndarray, t: float) -> np.ndarray:
        """The rate k with M k = F(t) - A (u + gamma dt k), zero on held nodes."""
        right = self.flow + self._source(t) - self.stiff @ u
        rate = np.zeros_like(u)
        rate[self.free] = solver.solve(right[self.free])
        return rate

    def _source(self, t: float) -> np.ndarray:
        at = self._at(t)
        f = self.problem.f(at)
        return self.mass @ (f.detach().numpy()[:, 0] if isinstance(f, Tensor) else np.full(len(at), f))

    def _at(self, t: float) -> Points:
        x = torch.as_tensor(np.ascontiguousarray(self.grid.basis.doflocs.T))
        return Points(torch.cat([x, torch.full_like(x[:, :1], t)], 1), (*self.problem.region.axes, "t"))

    def __call__(self, p: Points) -> Tensor:
        t = p["t"][:, 0].double().numpy()
        k = np.clip(np.searchsorted(self.times, t, side="right") - 1, 0, len(self.times) - 2)
        share = (t - self.times[k]) / (self.times[k + 1] - self.times[k])
        found = np.empty(len(t))
        for step in np.unique(k):
            rows = np.flatnonzero(k == step)
            both = self.at(p[torch.as_tensor(rows)], self.states[step : step + 2].T)
            found[rows] = both[:, 0] + share[rows] * (both[:, 1] - both[:, 0])
        return torch.as_tensor(found)[:, None]
