"""Poisson's equation on a box, and Laplace's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.boundary import Periodic
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.operators import laplacian
from pinnscene.problem import Conventional, Reference
from pinnscene.problems import steadysolutions
from pinnscene.problems.collocation import Collocation
from pinnscene.problems.refinement import Refined
from pinnscene.problems.steady import Steady
from pinnscene.problems.wallconstraints import (
    WallValues,
    level_at,
    structure_of,
    values_of,
    wall_constraints,
)
from pinnscene.problems.walls import Wall, parse_walls
from pinnscene.views import Differentiable, FunctionField

Function = Callable[[Points], Tensor]

# By dimensions: Chebyshev polynomials an axis, more for higher modes, and points inside for features that take any.
SIZES = {1: (24, 600), 2: (24, 2500), 3: (12, 4000)}
# By dimensions: collocation intervals an axis of the coarse and of the fine solve; more for higher modes.
RESOLUTIONS = {1: (32, 48), 2: (32, 48), 3: (20, 28)}


@dataclass(frozen=True)
class Poisson(Steady):
    """-lap(u) = f on a box in 1, 2 or 3 dimensions.

    Domain: each axis from ``lower`` to ``upper``.
    Conditions: Dirichlet u = c, Neumann du/dn = c, Robin du/dn = h (c - u) or periodic, by wall. Where only Neumann and
    periodic walls leave a constant free, u = 0 in the middle, or the value there of ``exact``.
    Default: f = dims pi^2 u for u = product of sin(pi x) on the unit square, u = 0 on the walls.
    Closed form: ``exact``, from which f and the right side of every wall are made (a manufactured solution).
    Reference with exact=none: Chebyshev or Fourier collocation, converged by refinement.
    """

    dims: int = 2  # dimensions, 1 to 3
    lower: float = 0.0  # lower end of the axes, length
    upper: float = 1.0  # upper end of the axes, length
    exact: Literal["sines", "harmonic", "gaussian", "none"] | Function = "sines"  # the solution, or FILE.py:name
    mode: int = 1  # which mode of the walls exact=sines is
    source: float | Function = 0.0  # f with exact=none, value / length^2: a number or FILE.py:name
    walls: str = "dirichlet"  # wall conditions, such as neumann or x=periodic,y0=robin:2:0,y1=dirichlet:1
    wall_values: Function | None = None  # FILE.py:name: right sides of the walls, in place of the numbers in walls
    hard: bool = False  # hold zero Dirichlet walls by the ansatz
    n: int = 0  # interior points a step, for features that take any; 0 chooses by dims

    def __post_init__(self) -> None:
        name = type(self).__name__.lower()
        if self.dims not in SIZES:
            raise PinnsceneError(f"{name} expected dims 1, 2 or 3, got {self.dims}")
        if self.mode < 1 or self.n < 0:
            raise PinnsceneError(f"{name} expected mode >= 1 and n >= 0, got {self.mode} and {self.n}")
        if isinstance(self.source, int | float) and not isfinite(self.source):
            raise PinnsceneError(f"{name} expected a finite source, got {self.source}")
        known = (*steadysolutions.NAMES, "none")
        if isinstance(self.exact, str) and self.exact not in known:
            raise PinnsceneError(f"{name} expected exact {', '.join(known)} or a function, got '{self.exact}'")
        _ = self.domain  # raises on bad ends
        if self.solution is not None:
            self._check_solution(self.solution)

    def _check_solution(self, solution: Differentiable) -> None:
        numbers = any(wall.c != 0 for pair in self.conditions.values() for wall in pair)
        if self.source != 0.0 or numbers or self.wall_values is not None:
            raise PinnsceneError(
                "exact gives source and wall values itself: set exact=none to give a source, numbers in walls "
                "or wall_values"
            )
        for axis, pair in self.conditions.items():
            if pair[0].kind == "periodic":
                p = self.domain.face(64, points="halton", **{axis: self.lower})(torch.Generator().manual_seed(0))
                if float(Periodic(axis, self.upper)(solution, p).detach().abs().max()) > 1e-6:
                    raise PinnsceneError(f"exact differs between the two walls of {axis}, which are periodic")

    @cached_property
    def domain(self) -> Box:
        return Box(**dict.fromkeys(("x", "y", "z")[: self.dims], (self.lower, self.upper)))

    @cached_property
    def conditions(self) -> dict[str, tuple[Wall, Wall]]:
        """The lower and upper wall of each axis."""
        return parse_walls(self.walls, self.domain.axes)

    @cached_property
    def solution(self) -> Differentiable | None:
        """The solution that source and wall values are made from, None where they are given."""
        if self.exact == "none":
            return None
        f = self.exact
        known = (lambda p: steadysolutions.NAMES[f](self, p)) if isinstance(f, str) else f
        return FunctionField(known, self.domain.axes)

    @cached_property
    def right(self) -> WallValues | None:
        """The right sides of the walls, None where they are the numbers in ``walls``."""
        if self.solution is not None:
            return values_of(self.solution)
        given = self.wall_values
        return None if given is None else lambda wall, p: given(p)

    def f(self, p: Points) -> Tensor:
        """The source, [n, 1]."""
        if self.solution is not None:
            return -laplacian(self.solution, p).detach()
        return torch.full_like(p["x"], self.source) if isinstance(self.source, int | float) else self.source(p)

    def params(self) -> dict[str, Any]:
        return {"source": self.source} if self.solution is None else {}

    def constraints(self) -> Mapping[str, Constraint]:
        n = self.n or SIZES[self.dims][1]
        found = {"pde": Constraint(self.domain.interior(n, "sobol"), self._pde)}
        found |= wall_constraints(self.domain, self.conditions, n, self._held, self.right)
        if self.floats:
            found["level"] = level_at(self._middle, self._level)
        return found

    def _pde(self, u: Differentiable, p: Points) -> Tensor:
        return -laplacian(u, p) - (self.f(p) if self.solution is not None else u.param("source", p))

    @property
    def floats(self) -> bool:
        """Whether the walls leave a constant free."""
        return all(wall.kind in ("neumann", "periodic") for pair in self.conditions.values() for wall in pair)

    @property
    def _middle(self) -> Points:
        middle = torch.full((1, self.dims), (self.lower + self.upper) / 2, dtype=torch.float64)
        return Points(middle, self.domain.axes)

    @property
    def _level(self) -> float:
        return 0.0 if self.solution is None else float(self.solution(self._middle).detach())

    def structure(self) -> dict[str, str]:
        return structure_of(self.domain, self.conditions, self.right)

    @cached_property
    def _held(self) -> tuple[str, ...]:
        """Axes whose walls the ansatz holds: zero Dirichlet on both."""
        return tuple(axis for axis, kind in self.structure().items() if kind == "dirichlet") if self.hard else ()

    def ansatz(self) -> Ansatz | None:
        """U = prod (x - lower)(upper - x) N over the axes with zero walls."""
        if not self._held:
            return None
        length = self.upper - self.lower

        def factor(p: Points) -> Tensor:
            sides = [(p[axis] - self.lower) * (self.upper - p[axis]) * (4 / length**2) for axis in self._held]
            return torch.stack(sides).prod(0)

        return Ansatz(factor=factor)

    def modes(self) -> str:
        return str(SIZES[self.dims][0] + 2 * (self.mode - 1))

    @property
    def _reference(self) -> Refined:
        return _reference(replace(self, n=0, hard=False))

    def reference(self, p: Points) -> Tensor:
        return self._reference(p) if self.solution is None else self.solution(p)

    def reference_info(self) -> Reference:
        if self.solution is None:
            return self._reference.info()
        return Reference("exact", 0.0, f"closed form: {self.exact if isinstance(self.exact, str) else 'exact'}")

    def conventional(self) -> Conventional:
        return self._reference.conventional()


@dataclass(frozen=True)
class Laplace(Poisson):
    """lap(u) = 0 on a box in 1, 2 or 3 dimensions: Poisson's equation without a source.

    Domain: each axis from ``lower`` to ``upper``.
    Conditions: Dirichlet u = c, Neumann du/dn = c, Robin du/dn = h (c - u) or periodic, by wall.
    Default: u = x^3 - 3 x y^2 on the unit square, its own values on the walls.
    Closed form: ``exact``, from which the right side of every wall is made.
    Reference with exact=none: Chebyshev or Fourier collocation, converged by refinement.
    """

    exact: Literal["harmonic", "none"] | Function = "harmonic"  # the solution, or FILE.py:name

    def __post_init__(self) -> None:
        super().__post_init__()
        p = self.domain.interior(64, "halton")(torch.Generator().manual_seed(0))
        if float(self.f(p).abs().max()) > 1e-8:
            raise PinnsceneError("laplace has no source, and neither may its exact solution: use poisson")


@lru_cache(maxsize=8)  # once a process, whoever asks
def _reference(problem: Poisson) -> Refined:
    sizes = [n + 3 * (problem.mode - 1) for n in RESOLUTIONS[problem.dims]]
    coarse, fine = (f"{' x '.join([str(n)] * problem.dims)} collocation intervals" for n in sizes)
    box, walls = problem.domain, problem.conditions
    solve = lambda level: Collocation(box, walls, problem.f, problem.right, sizes[level], anchor=problem._level)
    return Refined(box, (coarse, fine), solve)
