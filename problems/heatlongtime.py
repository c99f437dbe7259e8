"""A heat equation driven for a long time: PINNacle's Heat2D-LT."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import isfinite, pi, sin
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.operators import partials
from pinnscene.problem import Conventional, Problem, Reference
from pinnscene.problems.refined import Refined
from pinnscene.problems.squaremodes import Array, Semilinear, SquareModes
from pinnscene.problems.wallconstraints import structure_of, wall_constraints
from pinnscene.problems.walls import parse_walls
from pinnscene.views import Differentiable, Frozen

Function = Callable[[Points], Tensor]

WIDTH, POINTS, WINDOWS = 800, 3000, 200  # features of the last layer, interior points, windows of t
# Sine modes an axis, longest step of time and time between kept states, coarse and fine.
RESOLUTIONS = ((96, 0.035, 0.1), (128, 0.025, 0.05))


@dataclass(frozen=True)
class HeatLongTime(Problem):
    """u_t = alpha lap(u) + 5 sin(u^2) (1 + 2 sin(pi t / 4)) sin(4 pi x) sin(2 pi y) on the unit square.

    Domain: x and y from 0 to 1, t from ``begin`` to ``end``.
    Conditions: u = sin(4 pi x) sin(3 pi y) at the start, u = 0 on the walls.
    Default: alpha = 0.001, t to 100, PINNacle's Heat2D-LT. u = 0 satisfies the equation and the walls, so solvers
    without order in time collapse to it; the solution itself settles on a periodic orbit.
    Reference: sine modes and ETDRK4, converged by refinement.
    """

    alpha: float = 0.001  # thermal diffusivity, length^2 / time
    begin: float = 0.0  # first time
    end: float = 100.0  # last time
    start: Literal["sines"] | Function = "sines"  # u0: sin(4 pi x) sin(3 pi y), or FILE.py:name
    hard: bool = True  # hold the start and the walls by the ansatz
    n: int = 0  # interior points a step; 0 for 3000
    windows: int = 0  # windows of t solved one after the other; 0 for 200

    values = ("u",)

    def __post_init__(self) -> None:
        if not (isfinite(self.alpha) and self.alpha > 0):
            raise PinnsceneError(f"heat-long-time expected alpha > 0 (a diffusivity), got {self.alpha}")
        if self.n < 0 or self.windows < 0:
            raise PinnsceneError(f"heat-long-time expected n >= 0 and windows >= 0, got {self.n} and {self.windows}")
        if isinstance(self.start, str) and self.start != "sines":
            raise PinnsceneError(f"heat-long-time expected start sines or a function, got '{self.start}'")
        _ = self.domain  # raises on bad ends

    @property
    def domain(self) -> Box:
        return Box(x=(0.0, 1.0), y=(0.0, 1.0), t=(self.begin, self.end))

    def u0(self, p: Points) -> Tensor:
        """The initial state [n, 1]."""
        if isinstance(self.start, str):
            return torch.sin(4 * pi * p["x"]) * torch.sin(3 * pi * p["y"])
        return self.start(p)

    def constraints(self) -> Mapping[str, Constraint]:
        n = self.n or POINTS
        found = {"pde": Constraint(self.domain.interior(n, "sobol"), self._pde)}
        if not self.hard:
            start = lambda u, p: u(p) - self.u0(p)
            found["start"] = Constraint(self.domain.face(n // 4 + 1, t=self.begin, points="sobol"), start, weight=100.0)
        return found | wall_constraints(self.domain, _walls(), n, self._held)

    def _pde(self, u: Differentiable, p: Points) -> Tensor:
        value, rate, xx, yy = partials(u, p, "", "t", "xx", "yy")
        shape = torch.sin(4 * pi * p["x"]) * torch.sin(2 * pi * p["y"])
        drive = 5 * (1 + 2 * torch.sin(pi / 4 * p["t"])) * shape
        return rate - self.alpha * (xx + yy) - drive * torch.sin(value**2)

    def structure(self) -> dict[str, str]:
        return structure_of(self.domain, _walls(), None, self.u0)

    @cached_property
    def _held(self) -> tuple[str, ...]:
        """Axes whose walls the ansatz holds: those on which the start vanishes."""
        return tuple(axis for axis, kind in self.structure().items() if kind == "dirichlet") if self.hard else ()

    def ansatz(self) -> Ansatz | None:
        """U = u0 + (t - begin) 16 x (1 - x) y (1 - y) N: start and walls are exact."""
        if not self.hard:
            return None

        def factor(p: Points) -> Tensor:
            d = (p["t"] - self.begin) / (self.end - self.begin)
            for axis in self._held:
                d = d * 4 * p[axis] * (1 - p[axis])
            return d

        return Ansatz(Frozen(self.start.u, "t", self.begin) if isinstance(self.start, Frozen) else self.u0, factor)

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        spec = super().field(solver, backbone)
        return replace(spec, knobs={**spec.knobs, "width": WIDTH}) if solver == "head" else spec

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        return {"adam": {"steps": 3000}}

    def cuts(self) -> tuple[float, ...]:
        count = self.windows or WINDOWS
        if count == 1:
            return ()
        return tuple(self.begin + (self.end - self.begin) * k / count for k in range(1, count + 1))

    def stage(self, k: int, before: Differentiable | None) -> "HeatLongTime":
        ends = self.cuts()
        if not ends:
            return self
        if before is None:
            return replace(self, end=ends[k], windows=1)
        return replace(self, begin=ends[k - 1], end=ends[k], start=Frozen(before, "t", ends[k - 1]), windows=1)

    @property
    def _reference(self) -> Refined:
        return _reference(replace(self, n=0, windows=0, hard=True))

    def reference(self, p: Points) -> Tensor:
        return self._reference(p)

    def reference_info(self) -> Reference:
        return self._reference.info()

    def conventional(self) -> Conventional:
        return self._reference.conventional()


def _walls() -> Any:
    return parse_walls("dirichlet", ("x", "y"))


@lru_cache(maxsize=4)  # once a process, whoever asks
def _reference(problem: HeatLongTime) -> Refined:
    def reaction(values: Array, x: Array, y: Array, t: float) -> Array:
        drive = 5 * (1 + 2 * sin(pi * t / 4)) * np.sin(4 * pi * x) * np.sin(2 * pi * y)
        return drive * np.sin(values**2)

    span = (problem.begin, problem.end)
    equation = Semilinear("sine", 0.0, 1.0, span, (problem.alpha,), (0.0,), reaction, problem.u0)
    coarse, fine = (f"{n - 1} x {n - 1} sine modes, ETDRK4 in steps of {step:g}" for n, step, _ in RESOLUTIONS)
    return Refined(problem.domain, (coarse, fine), lambda level: SquareModes(equation, *RESOLUTIONS[level]))
