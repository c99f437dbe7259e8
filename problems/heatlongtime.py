"""A heat equation driven for a long time: PINNacle's Heat2D-LT."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, pi, sin

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import partials
from pinnscene.problems.evolution import Defaults, Function
from pinnscene.problems.squareevolution import SquareEvolution
from pinnscene.problems.squaremodes import Array, SquareEquation
from pinnscene.views import Differentiable


@dataclass(frozen=True)
class HeatLongTime(SquareEvolution):
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
    resolutions = ((96, 0.05, 0.05), (128, 0.025, 0.05))

    def __post_init__(self) -> None:
        if not (isfinite(self.alpha) and self.alpha > 0):
            raise PinnsceneError(f"heat-long-time expected alpha > 0 (a diffusivity), got {self.alpha}")
        super().__post_init__()

    def starts(self) -> Mapping[str, Function]:
        return {"sines": lambda p: torch.sin(4 * pi * p["x"]) * torch.sin(3 * pi * p["y"])}

    def defaults(self) -> Defaults:
        return Defaults(2000, windows=800, basis="sine,sine,chebyshev", modes="80,80,6")

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        value, rate, xx, yy = partials(u, p, "", "t", "xx", "yy")
        shape = torch.sin(4 * pi * p["x"]) * torch.sin(2 * pi * p["y"])
        drive = 5 * (1 + 2 * torch.sin(pi / 4 * p["t"])) * shape
        return rate - u.param("alpha", p) * (xx + yy) - drive * torch.sin(value**2)

    def equation(self) -> SquareEquation:
        def reaction(values: Array, x: Array, y: Array, t: float) -> Array:
            drive = 5 * (1 + 2 * sin(pi * t / 4)) * np.sin(4 * pi * x) * np.sin(2 * pi * y)
            return drive * np.sin(values**2)

        span = (self.begin, self.end)
        return SquareEquation("sine", self.lower, self.upper, span, (self.alpha,), (0.0,), reaction, self.u0)
