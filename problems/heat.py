"""The heat equation on a box."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.boundary import Periodic
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.operators import operator
from pinnscene.problem import Conventional, Problem, Reference
from pinnscene.problems import heatstarts
from pinnscene.problems.heatreference import HeatReference
from pinnscene.problems.walls import Wall, on_wall, parse_walls
from pinnscene.views import Differentiable, Frozen

Function = Callable[[Points], Tensor]

# By space dimensions: features of the last layer, interior points, windows of t, for a start made of modes.
SIZES = {1: (400, 1200, 1), 2: (2000, 4000, 1), 3: (2200, 4200, 3)}
# Any other start or a source brings layers in space and t that spread with sqrt(alpha t): windows that grow
# geometrically see each layer at its own scale.
LAYERED = {1: (600, 1800, 7), 2: (1500, 3000, 5), 3: (2000, 4000, 3)}
GROWTH = 3.0


@dataclass(frozen=True)
class Heat(Problem):
    """u_t = alpha lap(u) + f on a box in 1, 2 or 3 space dimensions.

    Domain: each space axis from ``lower`` to ``upper``, t from ``begin`` to ``end``.
    Conditions: u = u0 at t = begin; Dirichlet u = c, Neumann du/dn = c, Robin du/dn = h (c - u) or periodic, by wall.
    Default: alpha = 0.4 on [0, 1] x [0, 1], u(x, 0) = sin(pi x), u = 0 on the walls, DeepXDE's heat example.
    Closed form: for constant alpha, no source and homogeneous Dirichlet, Neumann or periodic walls each mode of the
    walls decays by itself: u = sum c_m X_m(x) exp(-alpha k_m^2 t); the default is exp(-0.4 pi^2 t) sin(pi x).
    Reference otherwise: Chebyshev or Fourier collocation in space and SciPy's BDF in time, converged by refinement.
    """

    dims: int = 1  # space dimensions, 1 to 3
    alpha: float | Function = 0.4  # thermal diffusivity, length^2 / time; or FILE.py:name, a function of the points
    lower: float = 0.0  # lower end of the space axes, length
    upper: float = 1.0  # upper end of the space axes, length
    begin: float = 0.0  # first time
    end: float = 1.0  # last time
    start: Literal["sine", "modes", "bump", "step"] | Function = "sine"  # u0: a name or FILE.py:name
    mode: int = 1  # which mode of the walls the sine start is
    source: float | Function = 0.0  # f, value / time: a number or FILE.py:name
    walls: str = "dirichlet"  # wall conditions, such as neumann or x=periodic,y0=robin:2:0,y1=dirichlet:1
    hard: bool = True  # hold the start, and zero Dirichlet walls where it agrees with them, by the ansatz
    n: int = 0  # interior points a step; 0 chooses by dims
    windows: int = 0  # windows of t solved one after the other; 0 chooses by dims and start
    growth: float = 0.0  # ratio of each window's end to that of the one before, 1 for even windows; 0 chooses

    values = ("u",)

    def __post_init__(self) -> None:
        if self.dims not in SIZES:
            raise PinnsceneError(f"heat expected dims 1, 2 or 3, got {self.dims}")
        if isinstance(self.alpha, int | float) and not (isfinite(self.alpha) and self.alpha > 0):
            raise PinnsceneError(f"heat expected alpha > 0 (a diffusivity), got {self.alpha}")
        if isinstance(self.source, int | float) and not isfinite(self.source):
            raise PinnsceneError(f"heat expected a finite source, got {self.source}")
        if self.mode < 1 or self.n < 0 or self.windows < 0:
            raise PinnsceneError(
                f"heat expected mode >= 1, n >= 0 and windows >= 0, got {self.mode}, {self.n}, {self.windows}"
            )
        if self.growth != 0 and not (isfinite(self.growth) and self.growth >= 1):
            raise PinnsceneError(f"heat expected growth 0 or at least 1, got {self.growth}")
        if isinstance(self.start, str) and self.start not in heatstarts.NAMES:
            raise PinnsceneError(f"heat expected start {', '.join(heatstarts.NAMES)} or a function, got '{self.start}'")
        _ = self.domain, self.conditions  # both raise on bad input

    @property
    def space(self) -> tuple[str, ...]:
        """The space axes."""
        return ("x", "y", "z")[: self.dims]

    @cached_property
    def domain(self) -> Box:
        return Box(**dict.fromkeys(self.space, (self.lower, self.upper)), t=(self.begin, self.end))

    @cached_property
    def conditions(self) -> dict[str, tuple[Wall, Wall]]:
        """The lower and upper wall of each space axis."""
        return parse_walls(self.walls, self.space)

    def u0(self, p: Points) -> Tensor:
        """The initial state [n, 1]."""
        if isinstance(self.start, str):
            return heatstarts.NAMES[self.start](self, p)
        return self.start(p)

    def heating(self, p: Points) -> Tensor | float:
        """The source f, [n, 1] or a number."""
        return self.source if isinstance(self.source, int | float) else self.source(p)

    def params(self) -> dict[str, Any]:
        return {"alpha": self.alpha}

    def constraints(self) -> Mapping[str, Constraint]:
        n = self.n or self._sizes[1]
        found = {"pde": Constraint(self.domain.interior(n, "sobol"), self._pde)}
        if not self.hard:
            start = lambda u, p: u(p) - self.u0(p)
            found["start"] = Constraint(self.domain.face(n // 4 + 1, t=self.begin, points="sobol"), start, weight=100.0)
        planes = {f"{a}{e}" for a, pair in self.conditions.items() for e in (0, 1) if pair[0].kind != "periodic"}
        for name in sorted(planes - {f"{a}{e}" for a in self._held for e in (0, 1)}):
            axis, end = name[0], int(name[1])
            at = {axis: (self.lower, self.upper)[end]}
            wall = on_wall(self.conditions[axis][end])
            found[f"wall_{name}"] = Constraint(self.domain.face(n // 8 + 1, points="sobol", **at), wall, weight=100.0)
        for axis, pair in self.conditions.items():
            if pair[0].kind == "periodic":
                seam = self.domain.face(n // 4 + 1, points="sobol", **{axis: self.lower})
                found[f"periodic_{axis}"] = Constraint(seam, Periodic(axis, self.upper), weight=100.0)
        return found

    def _pde(self, u: Differentiable, p: Points) -> Tensor:
        alpha = u.param("alpha", p)
        return operator(u, p, {"t": 1.0, **{axis * 2: -alpha for axis in self.space}}) - self.heating(p)

    @cached_property
    def _held(self) -> tuple[str, ...]:
        """Axes whose walls the ansatz holds: zero Dirichlet on both, and u0 zero there."""
        if not self.hard:
            return ()
        held = []
        for axis, pair in self.conditions.items():
            if all(wall.kind == "dirichlet" and wall.c == 0 for wall in pair):
                p = self.domain.face(256, axis, points="halton")(torch.Generator().manual_seed(0))
                if float(self.u0(p).detach().abs().max()) < 1e-6:
                    held.append(axis)
        return tuple(held)

    def ansatz(self) -> Ansatz | None:
        """U = u0 + (t - begin) prod (x - lower)(upper - x) N: start and held walls are exact."""
        if not self.hard:
            return None
        length = self.upper - self.lower

        def factor(p: Points) -> Tensor:
            d = (p["t"] - self.begin) / (self.end - self.begin)
            for axis in self._held:
                d = d * (p[axis] - self.lower) * (self.upper - p[axis]) * (4 / length**2)
            return d

        lift = Frozen(self.start.u, "t", self.begin) if isinstance(self.start, Frozen) else self.u0
        return Ansatz(lift, factor)

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        spec = super().field(solver, backbone)
        return replace(spec, knobs={**spec.knobs, "width": self._sizes[0]}) if solver == "head" else spec

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        probe = {"probe": 300} if self.dims == 3 else {}  # scores cost more there
        return {"head": {"rescan": self._growth > 1, **probe}, "adam": {"steps": 3000}}

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return (SIZES if self._smooth else LAYERED)[self.dims]

    @property
    def _smooth(self) -> bool:
        return self.start in ("sine", "modes") and self.source == 0.0

    @property
    def _growth(self) -> float:
        return self.growth or (1.0 if self._smooth else GROWTH)

    def cuts(self) -> tuple[float, ...]:
        count, r = self.windows or self._sizes[2], self._growth
        if count == 1:
            return ()
        shares = [r ** (k - count) if r > 1 else k / count for k in range(1, count + 1)]
        return tuple(self.begin + (self.end - self.begin) * share for share in shares)

    def stage(self, k: int, before: Differentiable | None) -> "Heat":
        ends = self.cuts()
        if not ends:
            return self
        if before is None:
            return replace(self, end=ends[k], windows=1)
        return replace(self, begin=ends[k - 1], end=ends[k], start=Frozen(before, "t", ends[k - 1]), windows=1)

    @cached_property
    def _reference(self) -> HeatReference:
        return HeatReference(self)

    def reference(self, p: Points) -> Tensor:
        return self._reference(p)

    def reference_info(self) -> Reference:
        return self._reference.info()

    def conventional(self) -> Conventional:
        return self._reference.conventional()
