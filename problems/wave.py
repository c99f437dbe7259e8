"""The wave equation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import ClassVar

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import operator
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.evolution import Defaults, Evolution, Function
from pinnscene.problems.standingwaves import StandingWaves
from pinnscene.problems.walls import has_modes, mode, unfold
from pinnscene.views import Differentiable

MODES = {1: 1.0, 4: 0.5}  # the "modes" start: modes of the walls with their weights


@dataclass(frozen=True)
class Wave(Evolution):
    """u_tt = c^2 u_xx between two walls.

    Domain: x from ``lower`` to ``upper``, t from ``begin`` to ``end``, by default the unit square.
    Conditions: u = u0 and u_t = 0 at t = begin; walls zero (Dirichlet), of zero slope (Neumann), mixed, or periodic.
    Default: c = 2, u0 = sin(pi x) + sin(4 pi x) / 2, u = 0 on the walls.
    Closed form: d'Alembert's u = (u0(x - c t) + u0(x + c t)) / 2 with u0 continued beyond the walls by its images; the
    default is sin(pi x) cos(2 pi t) + sin(4 pi x) cos(8 pi t) / 2.
    """

    start: str | Function = "modes"  # u0: modes, or FILE.py:name, a function of the points
    c: float = 2.0  # speed, length / time
    lower: float = 0.0  # lower end of x, length
    upper: float = 1.0  # upper end of x, length
    walls: str = "dirichlet"  # dirichlet, neumann, periodic, or x0=neumann,x1=dirichlet

    order: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if not (isfinite(self.c) and self.c > 0):
            raise PinnsceneError(f"c expected a speed > 0, got {self.c}")
        super().__post_init__()
        if not has_modes(self.conditions["x"]):
            raise PinnsceneError(f"walls expected dirichlet, neumann or periodic without values, got '{self.walls}'")

    def starts(self) -> Mapping[str, Function]:
        shape = lambda p, m: mode(self.conditions["x"], m, p["x"], self.lower, self.upper - self.lower)
        return {"modes": lambda p: torch.stack([w * shape(p, m) for m, w in MODES.items()]).sum(0)}

    def defaults(self) -> Defaults:
        return Defaults(2000, basis="chebyshev", modes="28,40")

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        return operator(u, p, {"tt": 1.0, "xx": -(u.param("c", p) ** 2)})

    def reference(self, p: Points) -> Tensor:
        moved = self.c * (p["t"] - self.begin)
        return (self._continued(p, p["x"] - moved) + self._continued(p, p["x"] + moved)) / 2

    def _continued(self, p: Points, x: Tensor) -> Tensor:
        """U0 at any x, by its images."""
        place, sign = unfold(self.conditions["x"], x, self.lower, self.upper - self.lower)
        k = p.axes.index("x")
        return sign * self.u0(Points(torch.cat([p.coords[:, :k], place, p.coords[:, k + 1 :]], 1), p.axes))

    def reference_info(self) -> Reference:
        return Reference("exact", 0.0, "closed form: d'Alembert's, with images beyond the walls")

    def conventional(self) -> Conventional:
        made = self._standing
        return Conventional("collocation at 65 nodes, exact in t", made, made.seconds)

    @cached_property
    def _standing(self) -> StandingWaves:
        return StandingWaves(64, self.conditions["x"], self.c, self.u0, self.domain)
