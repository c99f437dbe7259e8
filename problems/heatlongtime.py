"""A heat equation driven for a long time: PINNacle's Heat2D-LT."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite, pi, sin

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import partials
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.evolution import Defaults, Evolution, Function
from pinnscene.problems.refinement import Refined
from pinnscene.problems.squaremodes import Array, SquareEquation, SquareModes
from pinnscene.views import Differentiable

# Sine modes an axis, longest step of time and time between kept states, coarse and fine.
RESOLUTIONS = ((96, 0.05, 0.05), (128, 0.025, 0.05))


@dataclass(frozen=True)
class HeatLongTime(Evolution):
    """u_t = alpha lap(u) + 5 sin(u^2) (1 + 2 sin(pi t / 4)) sin(4 pi x) sin(2 pi y) on the unit square.

    Domain: x and y from 0 to 1, t from ``begin`` to ``end``.
    Conditions: u = sin(4 pi x) sin(3 pi y) at the start, u = 0 on the walls.
    Default: alpha = 0.001, t to 100, PINNacle's Heat2D-LT. u = 0 satisfies the equation and the walls, so solvers
    without order in time collapse to it; the solution itself settles on a periodic orbit.
    Reference: sine modes and ETDRK4, converged by refinement.
    """

    end: float = 100.0  # last time
    start: str | Function = "sines"  # u0: sin(4 pi x) sin(3 pi y), or FILE.py:name
    alpha: float = 0.001  # thermal diffusivity, length^2 / time

    walls = "dirichlet"

    def __post_init__(self) -> None:
        if not (isfinite(self.alpha) and self.alpha > 0):
            raise PinnsceneError(f"heat-long-time expected alpha > 0 (a diffusivity), got {self.alpha}")
        super().__post_init__()

    @property
    def space(self) -> tuple[str, ...]:
        """The space axes."""
        return ("x", "y")

    def starts(self) -> Mapping[str, Function]:
        return {"sines": lambda p: torch.sin(4 * pi * p["x"]) * torch.sin(3 * pi * p["y"])}

    def defaults(self) -> Defaults:
        return Defaults(2000, windows=800, basis="sine,sine,chebyshev", modes="80,80,6")

    def notes(self) -> list[str]:
        return ["the reference is solved at two resolutions when first asked for: some ten seconds"]

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        value, rate, xx, yy = partials(u, p, "", "t", "xx", "yy")
        shape = torch.sin(4 * pi * p["x"]) * torch.sin(2 * pi * p["y"])
        drive = 5 * (1 + 2 * torch.sin(pi / 4 * p["t"])) * shape
        return rate - u.param("alpha", p) * (xx + yy) - drive * torch.sin(value**2)

    @property
    def _reference(self) -> Refined:
        return _reference(replace(self, n=0, windows=0, growth=0.0, hard=None))

    def reference(self, p: Points) -> Tensor:
        return self._reference(p)

    def reference_info(self) -> Reference:
        return self._reference.info()

    def conventional(self) -> Conventional:
        return self._reference.conventional()


@lru_cache(maxsize=4)  # once a process, whoever asks
def _reference(problem: HeatLongTime) -> Refined:
    def reaction(values: Array, x: Array, y: Array, t: float) -> Array:
        drive = 5 * (1 + 2 * sin(pi * t / 4)) * np.sin(4 * pi * x) * np.sin(2 * pi * y)
        return drive * np.sin(values**2)

    span = (problem.begin, problem.end)
    equation = SquareEquation("sine", 0.0, 1.0, span, (problem.alpha,), (0.0,), reaction, problem.u0)
    coarse, fine = (f"{n - 1} x {n - 1} sine modes, ETDRK4 in steps of {step:g}" for n, step, _ in RESOLUTIONS)
    return Refined(problem.domain, (coarse, fine), lambda level: SquareModes(equation, *RESOLUTIONS[level]))
