"""The Helmholtz equation on a square."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, isfinite, pi

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.operators import operator
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.collocation import Collocation
from pinnscene.problems.refinement import Refined
from pinnscene.problems.steady import Steady
from pinnscene.problems.wallconstraints import structure_of, wall_constraints
from pinnscene.problems.walls import Wall, parse_walls
from pinnscene.views import Differentiable

POINTS = 5000  # inside, for features that take any
MORE = 24  # Chebyshev polynomials an axis beyond the pi a wave at which they begin to converge


@dataclass(frozen=True)
class Helmholtz(Steady):
    """u_xx + u_yy + k^2 u = q on [-1, 1]^2.

    Conditions: u = 0 on the walls.
    Closed form: u = sin(a pi x) sin(b pi y), from which q = (k^2 - (a^2 + b^2) pi^2) u.
    Default: k = 1, a = b = 10: twenty half waves a side.
    """

    k: float = 1.0  # wave number, 1 / length
    a: int = 10  # waves along x, in half the side
    b: int = 0  # waves along y, in half the side; 0 for as many as along x
    hard: bool = False  # hold the walls by the ansatz
    n: int = 0  # interior points a step, for features that take any; 0 for 5000

    domain = Box(x=(-1.0, 1.0), y=(-1.0, 1.0))

    def __post_init__(self) -> None:
        if not (isfinite(self.k) and self.k >= 0):
            raise PinnsceneError(f"helmholtz expected k >= 0, got {self.k}")
        if self.a < 1 or self.b < 0 or self.n < 0:
            raise PinnsceneError(f"helmholtz expected a >= 1, b >= 0 and n >= 0, got {self.a}, {self.b} and {self.n}")
        square = (2 * self.k / pi) ** 2  # the walls' own waves have i^2 + j^2 here, i and j from 1
        near = round(square)
        if near < 10_000 and abs(square - near) < 1e-9 * near:
            half = range(1, round(near**0.5) + 1)
            if any(i * i + j * j == near for i in half for j in half):
                raise PinnsceneError(f"helmholtz has no unique solution: k = {self.k} is a resonance of the square")

    @property
    def waves(self) -> tuple[int, int]:
        """Waves along x and along y."""
        return self.a, self.b or self.a

    @property
    def walls(self) -> dict[str, tuple[Wall, Wall]]:
        """The walls: zero."""
        return parse_walls("dirichlet", self.domain.axes)

    def q(self, p: Points, k: "float | Tensor | None" = None) -> Tensor:
        """The source, [n, 1], for the problem's wave number or another one."""
        a, b = self.waves
        return ((self.k if k is None else k) ** 2 - (a**2 + b**2) * pi**2) * self.reference(p)

    def constraints(self) -> Mapping[str, Constraint]:
        n = self.n or POINTS
        found = {"pde": Constraint(self.domain.interior(n, "sobol"), self._pde)}
        return found | wall_constraints(self.domain, self.walls, n, self.domain.axes if self.hard else ())

    def _pde(self, u: Differentiable, p: Points) -> Tensor:
        k = u.param("k", p)
        return operator(u, p, {"xx": 1.0, "yy": 1.0, "": k**2}) - self.q(p, k)

    def structure(self) -> dict[str, str]:
        return structure_of(self.domain, self.walls)

    def ansatz(self) -> Ansatz | None:
        """U = (1 - x^2) (1 - y^2) N: the walls are exact."""
        return Ansatz(factor=lambda p: (1 - p["x"] ** 2) * (1 - p["y"] ** 2)) if self.hard else None

    def modes(self) -> str:
        return ",".join(str(ceil(pi * waves) + MORE) for waves in self.waves)

    def reference(self, p: Points) -> Tensor:
        a, b = self.waves
        return torch.sin(a * pi * p["x"]) * torch.sin(b * pi * p["y"])

    def reference_info(self) -> Reference:
        a, b = self.waves
        return Reference("exact", 0.0, f"closed form: sin({a} pi x) sin({b} pi y)")

    def conventional(self) -> Conventional:
        return _classical(replace(self, n=0, hard=False)).conventional()


@lru_cache(maxsize=4)  # once a process, whoever asks
def _classical(problem: Helmholtz) -> Refined:
    most = max(problem.waves)
    sizes = [round(extra + 3.5 * most) for extra in (24, 40)]  # pi points a wave at the least
    coarse, fine = (f"{n} x {n} collocation intervals" for n in sizes)
    box, walls, negative = problem.domain, problem.walls, lambda p: -problem.q(p)
    solve = lambda level: Collocation(box, walls, negative, None, sizes[level], problem.k**2)
    return Refined(box, (coarse, fine), solve)
