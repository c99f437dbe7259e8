"""The Gray-Scott equations: two substances that diffuse and react, on a square."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite
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

WIDTH, POINTS, WINDOWS = 600, 3000, 20  # features of the last layer, interior points, windows of t
# Cosine modes an axis, longest step of time and time between kept states, coarse and fine.
RESOLUTIONS = ((192, 1.0, 2.0), (256, 0.5, 1.0))


@dataclass(frozen=True)
class GrayScott(Problem):
    """u_t = du lap(u) + feed (1 - u) - u v^2, v_t = dv lap(v) - decay v + u v^2 on [-1, 1]^2.

    Domain: x and y from -1 to 1, t from ``begin`` to ``end``. Two outputs: u is fed in, v consumes it and decays.
    Conditions: no flux through the walls; at the start u = 1 - exp(-80 ((x + 0.05)^2 + (y + 0.02)^2)) and
    v = exp(-80 ((x - 0.05)^2 + (y - 0.02)^2)).
    Default: du = 1e-5, dv = 5e-6, feed = 0.04, decay = 0.1, t to 200, PINNacle's example.
    Reference: cosine modes and ETDRK4, converged by refinement.
    """

    du: float = 1e-5  # diffusivity of u, length^2 / time
    dv: float = 5e-6  # diffusivity of v, length^2 / time
    feed: float = 0.04  # rate at which u is fed in and both are washed out, 1 / time
    decay: float = 0.1  # rate at which v disappears, washed out included, 1 / time
    begin: float = 0.0  # first time
    end: float = 200.0  # last time
    start: Literal["spots"] | Function = "spots"  # u and v at the start: spots, or FILE.py:name giving [n, 2]
    hard: bool = True  # hold the start by the ansatz
    n: int = 0  # interior points a step; 0 for 3000
    windows: int = 0  # windows of t solved one after the other; 0 for 20

    values = ("u", "v")

    def __post_init__(self) -> None:
        rates = {name: getattr(self, name) for name in ("du", "dv", "feed", "decay")}
        for name, rate in rates.items():
            if not (isfinite(rate) and rate >= 0):
                raise PinnsceneError(f"gray-scott expected {name} >= 0, got {rate}")
        if self.n < 0 or self.windows < 0:
            raise PinnsceneError(f"gray-scott expected n >= 0 and windows >= 0, got {self.n} and {self.windows}")
        if isinstance(self.start, str) and self.start != "spots":
            raise PinnsceneError(f"gray-scott expected start spots or a function, got '{self.start}'")
        _ = self.domain  # raises on bad ends

    @property
    def domain(self) -> Box:
        return Box(x=(-1.0, 1.0), y=(-1.0, 1.0), t=(self.begin, self.end))

    def initial(self, p: Points) -> Tensor:
        """U and v at the start, [n, 2]."""
        return spots(p) if isinstance(self.start, str) else self.start(p)

    def constraints(self) -> Mapping[str, Constraint]:
        n = self.n or POINTS
        found = {"pde": Constraint(self.domain.interior(n, "sobol"), self._pde)}
        if not self.hard:
            start = lambda u, p: u(p) - self.initial(p)
            found["start"] = Constraint(self.domain.face(n // 4 + 1, t=self.begin, points="sobol"), start, weight=100.0)
        return found | wall_constraints(self.domain, parse_walls("neumann", ("x", "y")), n)

    def _pde(self, u: Differentiable, p: Points) -> Tensor:
        value, rate, xx, yy = partials(u, p, "", "t", "xx", "yy")
        diffused = (xx + yy) * torch.tensor([self.du, self.dv], dtype=xx.dtype, device=xx.device)
        a, b = value[:, :1], value[:, 1:]
        reacted = a * b**2
        gained = torch.cat([self.feed * (1 - a) - reacted, reacted - self.decay * b], 1)
        return rate - diffused - gained

    def structure(self) -> dict[str, str]:
        return structure_of(self.domain, parse_walls("neumann", ("x", "y")))

    def ansatz(self) -> Ansatz | None:
        """(u, v) = start + (t - begin) / (end - begin) N: the start is exact."""
        if not self.hard:
            return None
        lift = Frozen(self.start.u, "t", self.begin) if isinstance(self.start, Frozen) else self.initial
        return Ansatz(lift, lambda p: (p["t"] - self.begin) / (self.end - self.begin))

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

    def stage(self, k: int, before: Differentiable | None) -> "GrayScott":
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


def spots(p: Points) -> Tensor:
    """Two Gaussians: u is low where v is high, a little apart."""
    u = 1 - torch.exp(-80 * ((p["x"] + 0.05) ** 2 + (p["y"] + 0.02) ** 2))
    v = torch.exp(-80 * ((p["x"] - 0.05) ** 2 + (p["y"] - 0.02) ** 2))
    return torch.cat([u, v], 1)


@lru_cache(maxsize=4)  # once a process, whoever asks
def _reference(problem: GrayScott) -> Refined:
    def reaction(values: Array, x: Array, y: Array, t: float) -> Array:
        del x, y, t
        u, v = values
        product = u * v * v
        # the linear losses stand in the stiff part
        return np.stack([problem.feed - product, product])

    equation = Semilinear(
        "cosine",
        -1.0,
        1.0,
        (problem.begin, problem.end),
        (problem.du, problem.dv),
        (problem.feed, problem.decay),
        reaction,
        problem.initial,
    )
    coarse, fine = (f"{n} x {n} cosine modes, ETDRK4 in steps of {step:g}" for n, step, _ in RESOLUTIONS)
    return Refined(problem.domain, (coarse, fine), lambda level: SquareModes(equation, *RESOLUTIONS[level]))
