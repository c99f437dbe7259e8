"""The viscous Burgers equation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, pi

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import operator, partials
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.colehopf import ColeHopf, odd_fourier
from pinnscene.problems.evolution import Defaults, Evolution, Function
from pinnscene.views import Differentiable


@dataclass(frozen=True)
class Burgers(Evolution):
    """u_t + u u_x = nu u_xx between zero walls: a wave steepens to a layer about nu wide.

    Domain: x from ``lower`` to ``upper``, by default [-1, 1]; t from ``begin`` to ``end``.
    Conditions: u = u0 at t = begin, by default -sin(pi x); u = 0 on the walls; nu = 0.01 / pi.
    Closed form: by Hopf and Cole u is a mean of u0 over the places that a particle may have come from, an integral
    that the trapezoidal rule takes to rounding.
    """

    start: str | Function = "sine"  # u0: sine, or FILE.py:name, a function of the points that is zero on the walls
    nu: float = 0.01 / pi  # viscosity, length^2 / time
    lower: float = -1.0  # lower end of x, length
    upper: float = 1.0  # upper end of x, length

    walls = "dirichlet"

    def __post_init__(self) -> None:
        if not (isfinite(self.nu) and self.nu > 0):
            raise PinnsceneError(f"nu expected a viscosity > 0, got {self.nu}")
        super().__post_init__()

    def starts(self) -> Mapping[str, Function]:
        return {"sine": lambda p: -torch.sin(pi * p["x"])}

    def defaults(self) -> Defaults:
        return Defaults(2000, windows=20, basis="spline,chebyshev", modes="67,8")

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        """The residual over 1 + |u_x|: else a steep layer drowns what is around it."""
        value, slope = partials(u, p, "", "x")
        rest = operator(u, p, {"t": 1.0, "xx": -u.param("nu", p)})
        return (rest + value * slope) / (1 + slope.detach().abs())

    @cached_property
    def _exact(self) -> ColeHopf:
        return ColeHopf(self.u0, self.nu, self.domain)

    def reference(self, p: Points) -> Tensor:
        return self._exact(p)

    def reference_info(self) -> Reference:
        return self._exact.info()

    def conventional(self) -> Conventional:
        return odd_fourier(self.u0, self.nu, self.domain)
