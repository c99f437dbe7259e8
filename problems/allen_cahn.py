"""The Allen-Cahn equation."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, pi

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import operator
from pinnscene.problems.evolution import Defaults, Function
from pinnscene.problems.periodicevolution import PeriodicEvolution
from pinnscene.problems.periodicmodes import Semilinear
from pinnscene.problems.spectralreference import Resolution
from pinnscene.views import Differentiable


@dataclass(frozen=True)
class AllenCahn(PeriodicEvolution):
    """u_t = epsilon u_xx + r (u - u^3) on a periodic axis: two phases part, with thin walls between them.

    Domain: x from ``lower`` to ``upper``, by default [-1, 1], periodic; t from ``begin`` to ``end``.
    Conditions: u = u0 at t = begin, by default x^2 cos(pi x); epsilon = 1e-4, r = 5.
    The start has a kink where the ends meet, u0_x(1) = -2 against u0_x(-1) = 2, which diffusion rounds at once: a layer
    of width sqrt(epsilon t) there.
    Reference: Fourier modes in space, enough for the kink; ETDRK4 in time, the steps growing with t; converged by
    refinement.
    """

    start: str | Function = "kink"  # u0: kink, or FILE.py:name, a function of the points
    epsilon: float = 1e-4  # diffusivity, length^2 / time
    r: float = 5.0  # rate of the reaction, 1 / time
    lower: float = -1.0  # lower end of x, length
    upper: float = 1.0  # upper end of x, length

    resolutions = (Resolution(2187, 100, 25, 5), Resolution(6561, 200, 50, 5))

    def __post_init__(self) -> None:
        if not (isfinite(self.epsilon) and self.epsilon > 0 and isfinite(self.r)):
            raise PinnsceneError(f"epsilon > 0 and a finite r expected, got {self.epsilon} and {self.r}")
        super().__post_init__()

    def starts(self) -> Mapping[str, Function]:
        return {"kink": lambda p: p["x"] ** 2 * torch.cos(pi * p["x"])}

    def defaults(self) -> Defaults:
        return Defaults(2000, 26, 1.6, 0.05, "periodic-spline,chebyshev", "100,8")

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        value = u(p)
        return operator(u, p, {"t": 1.0, "xx": -u.param("epsilon", p)}) - u.param("r", p) * (value - value**3)

    def semilinear(self) -> Semilinear:
        linear = lambda k: self.r - self.epsilon * k**2
        return Semilinear(linear, np.ones_like, lambda u: -self.r * u**3)
