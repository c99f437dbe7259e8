"""The Korteweg-de Vries equation."""

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
class KortewegDeVries(PeriodicEvolution):
    """u_t + u u_x + delta^2 u_xxx = 0 on a periodic axis: a wave steepens and breaks up into solitons.

    Domain: x from ``lower`` to ``upper``, by default [-1, 1], periodic; t from ``begin`` to ``end``.
    Conditions: u = u0 at t = begin, by default cos(pi x); delta = 0.022 (Zabusky and Kruskal 1965).
    Reference: Fourier modes in space, ETDRK4 in time, converged by refinement.
    """

    start: str | Function = "cosine"  # u0: cosine, or FILE.py:name, a function of the points
    delta: float = 0.022  # dispersion, length^(3/2) / time^(1/2): the equation has its square
    lower: float = -1.0  # lower end of x, length
    upper: float = 1.0  # upper end of x, length

    space_order: ClassVar[int] = 3
    resolutions = (Resolution(405, 4000, 400), Resolution(625, 12000, 500))

    def __post_init__(self) -> None:
        if not isfinite(self.delta):
            raise PinnsceneError(f"delta expected a finite number, got {self.delta}")
        super().__post_init__()

    def starts(self) -> Mapping[str, Function]:
        return {"cosine": lambda p: torch.cos(pi * p["x"])}

    def defaults(self) -> Defaults:
        return Defaults(2000, windows=32, basis="fourier,chebyshev", modes="201,8")

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        value, u_t, u_x, u_xxx = partials(u, p, "", "t", "x", "xxx")
        return u_t + value * u_x + u.param("delta", p) ** 2 * u_xxx

    def semilinear(self) -> Semilinear:
        return Semilinear(lambda k: 1j * self.delta**2 * k**3, lambda k: -0.5j * k, np.square)
