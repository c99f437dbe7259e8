"""Advection at a constant speed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, pi
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import operator
from pinnscene.problem import Reference
from pinnscene.problems.evolution import Defaults, Function
from pinnscene.problems.periodicevolution import PeriodicEvolution
from pinnscene.problems.periodicmodes import Semilinear
from pinnscene.problems.spectralreference import Resolution
from pinnscene.views import Differentiable


@dataclass(frozen=True)
class Advection(PeriodicEvolution):
    """u_t + c u_x = 0 on a periodic axis: a profile that travels.

    Domain: x from ``lower`` to ``upper``, by default [0, 2 pi], periodic; t from ``begin`` to ``end``.
    Conditions: u = u0 at t = begin, by default sin(x); c = 50.
    Closed form: u(x, t) = u0(x - c (t - begin)), u0 continued periodically.
    """

    start: str | Function = "sine"  # u0: sine, or FILE.py:name, a function of the points
    c: float = 50.0  # speed, length / time
    lower: float = 0.0  # lower end of x, length
    upper: float = 2 * pi  # upper end of x, length

    space_order: ClassVar[int] = 1
    resolutions = (Resolution(63, 16, 16), Resolution(127, 32, 32))

    def __post_init__(self) -> None:
        if not isfinite(self.c):
            raise PinnsceneError(f"c expected a finite speed, got {self.c}")
        super().__post_init__()

    def starts(self) -> Mapping[str, Function]:
        return {"sine": lambda p: torch.sin(2 * pi * (p["x"] - self.lower) / (self.upper - self.lower))}

    def defaults(self) -> Defaults:
        return Defaults(2000, basis="fourier,chebyshev", modes="9,52")

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        return operator(u, p, {"t": 1.0, "x": u.param("c", p)})

    def reference(self, p: Points) -> Tensor:
        travelled = p["x"] - self.c * (p["t"] - self.begin) - self.lower
        x = self.lower + torch.remainder(travelled, self.upper - self.lower)
        k = p.axes.index("x")
        return self.u0(Points(torch.cat([p.coords[:, :k], x, p.coords[:, k + 1 :]], 1), p.axes))

    def reference_info(self) -> Reference:
        return Reference("exact", 0.0, "closed form: the start, moved by c t")

    def semilinear(self) -> Semilinear:
        return Semilinear(lambda k: -1j * self.c * k, np.zeros_like, np.zeros_like)
