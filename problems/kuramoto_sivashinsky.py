"""The Kuramoto-Sivashinsky equation."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, pi
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import partials
from pinnscene.problems.evolution import Defaults, Function
from pinnscene.problems.periodicevolution import PeriodicEvolution
from pinnscene.problems.periodicmodes import Semilinear
from pinnscene.problems.spectralreference import Resolution
from pinnscene.views import Differentiable


@dataclass(frozen=True)
class KuramotoSivashinsky(PeriodicEvolution):
    """u_t + a u u_x + b u_xx + c u_xxxx = 0 on a periodic axis: waves that grow, steepen and become chaotic.

    Domain: x from ``lower`` to ``upper``, by default [-1, 1], periodic; t from ``begin`` to ``end``, by default 0.5.
    Conditions: u = u0 at t = begin, by default -sin(pi x); a = 5, b = 0.5, c = 0.005.
    Reference: Fourier modes in space, ETDRK4 in time, converged by refinement.
    """

    end: float = 0.5  # last time
    start: str | Function = "sine"  # u0: sine, or FILE.py:name, a function of the points
    a: float = 5.0  # factor of u u_x
    b: float = 0.5  # growth of waves, length^2 / time
    c: float = 0.005  # damping of short waves, length^4 / time, positive
    lower: float = -1.0  # lower end of x, length
    upper: float = 1.0  # upper end of x, length

    space_order: ClassVar[int] = 4
    resolutions = (Resolution(243, 2000, 400), Resolution(405, 8000, 500))

    def __post_init__(self) -> None:
        if not all(map(isfinite, (self.a, self.b, self.c))) or self.c <= 0:
            raise PinnsceneError(f"a, b and c expected finite numbers, c > 0, got {self.a}, {self.b} and {self.c}")
        super().__post_init__()

    def starts(self) -> Mapping[str, Function]:
        return {"sine": lambda p: -torch.sin(pi * p["x"])}

    def defaults(self) -> Defaults:
        return Defaults(2000, windows=20, basis="fourier,chebyshev", modes="61,8")

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        value, u_t, u_x, u_xx, u_xxxx = partials(u, p, "", "t", "x", "xx", "xxxx")
        return u_t + u.param("a", p) * value * u_x + u.param("b", p) * u_xx + u.param("c", p) * u_xxxx

    def semilinear(self) -> Semilinear:
        return Semilinear(lambda k: self.b * k**2 - self.c * k**4, lambda k: -0.5j * self.a * k, np.square)
