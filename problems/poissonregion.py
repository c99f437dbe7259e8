"""Poisson's equation on regions of any form."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.operators import laplacian, operator
from pinnscene.problems.onregion import POLES, Function, OnRegion, solution_of
from pinnscene.problems.planefem import PlaneFem
from pinnscene.problems.regionwalls import STIFF, FromSolution, floats, part_constraints, somewhere
from pinnscene.samplers import Fixed
from pinnscene.views import Differentiable, FunctionField


def harmonic(p: Points) -> Tensor:
    """x^3 - 3 x y^2, and z (x^2 - y^2) more in space: its Laplacian vanishes; in one dimension x."""
    x = p["x"]
    if len(p.axes) == 1:
        return x
    y = p["y"]
    cubic = x**3 - 3 * x * y**2
    return cubic + p["z"] * (x**2 - y**2) if "z" in p.axes else cubic


def gaussian(p: Points) -> Tensor:
    """exp(-|x|^2)."""
    return torch.exp(-p.coords.square().sum(1, keepdim=True))


SOLUTIONS: dict[str, Function] = {"harmonic": harmonic, "gaussian": gaussian}


@dataclass(frozen=True)
class PoissonRegion(OnRegion):
    """-lap(u) + k^2 u = f on a region of any form, in 1 to 5 dimensions.

    Domain: ``domain``, a name (disc, ball, ellipse, annulus, l-shape, cylinder, four-holes, ...), a formula such as
    box(-1,1,-1,1) - disc(0,0,0.3), a file of a closed mesh or of points with normals, or a run of eikonal-sdf.
    Conditions: Dirichlet u = c, Neumann du/dn = c or Robin du/dn = h (c - u), by part of the boundary.
    Default: f = 4 (1 - |x|^2) u for u = exp(-|x|^2) on the unit disc, its own values on the circle.
    Closed form: ``exact``, from which f and the right side of every condition are made.
    Reference with exact=none, in the plane: finite elements, converged by refinement.
    """

    exact: Literal["gaussian", "harmonic", "none"] | Function = "gaussian"  # the solution, or FILE.py:name
    source: float | Function = 0.0  # f with exact=none, value / length^2: a number or FILE.py:name
    k: float = 0.0  # inverse length of screening, 1 / length

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isfinite(self.k) and self.k >= 0):
            raise PinnsceneError(f"expected k >= 0, got {self.k}")
        if isinstance(self.source, int | float) and not isfinite(self.source):
            raise PinnsceneError(f"expected a finite source, got {self.source}")
        numbers = any(wall.c != 0 for wall in self.conditions.values())
        if self.solution is not None and (numbers or self.source != 0.0):
            raise PinnsceneError(
                "exact gives the source and the right sides of all conditions itself: set exact=none to give them"
            )

    def decays(self) -> dict[float, int]:
        return {self.k * self.half: POLES}

    @cached_property
    def solution(self) -> Differentiable | None:
        """The solution that source and right sides are made from, None where they are given."""
        known = solution_of(self.exact, SOLUTIONS)
        return None if known is None else FunctionField(known, self.domain.axes)

    def f(self, p: Points) -> Tensor:
        """The source, [n, 1]."""
        if self.solution is not None:
            return (self.k**2 * self.solution(p) - laplacian(self.solution, p)).detach()
        return torch.full_like(p["x"], self.source) if isinstance(self.source, int | float) else self.source(p)

    def constraints(self) -> Mapping[str, Constraint]:
        right = None if self.solution is None else FromSolution(self.solution)
        found = {"pde": Constraint(self.domain.interior(self.inside, "sobol"), self._pde)}
        found |= part_constraints(self.domain, self.conditions, self.inside // 2, right, self.half)
        if floats(self.conditions) and self.k == 0:
            found["level"] = Constraint(Fixed(lambda g: self.anchor.to(g.device)), self._level, weight=STIFF**4)
        return found

    def _pde(self, u: Differentiable, p: Points) -> Tensor:
        terms = {2 * axis: -1.0 for axis in self.domain.axes}
        return operator(u, p, {**terms, "": self.k**2} if self.k else terms) - self.f(p)

    @cached_property
    def anchor(self) -> Points:
        """Where the value is held where only Neumann conditions leave a constant free."""
        return somewhere(self.domain)

    def _level(self, u: Differentiable, p: Points) -> Tensor:
        return u(p) - (0.0 if self.solution is None else self.solution(p).detach())

    def _fem(self, level: int) -> PlaneFem:
        return PlaneFem(self.region, self.conditions, self.f, self.k, level)

    def key(self) -> tuple[Any, ...]:
        """What the finite elements depend on."""
        return (type(self), self.region, self.walls, self.exact, self.source, self.k)
