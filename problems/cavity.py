"""The lid-driven cavity: steady flow in a square."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.operators import partials
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.refinement import Refined
from pinnscene.problems.steady import Steady
from pinnscene.problems.streamfunction import Streamfunction
from pinnscene.problems.wallconstraints import WEIGHT, level_at
from pinnscene.render.flow import draw_flow
from pinnscene.views import Differentiable

MODES, POINTS = "28,28", 2000  # Chebyshev polynomials along each axis; points inside for features that take any
RESOLUTIONS = (48, 64)  # intervals an axis of the coarse and of the fine solve


@dataclass(frozen=True)
class Cavity(Steady):
    """u u_x + v u_y = -p_x + nu lap(u), u v_x + v v_y = -p_y + nu lap(v), u_x + v_y = 0 on the unit square.

    The steady Navier-Stokes equations, three outputs: the velocity (u, v) and the pressure p over the density.
    Conditions: the lid y = 1 moves with u = lid x (1 - x), v = 0; u = v = 0 on the other walls; p = 0 in the corner
    (0, 0). Where the lid meets the side walls, u_x = +-lid of the lid contradicts v_y = 0 of the wall: the velocity is
    continuous there, but its gradient is not, and p grows like the logarithm of the distance.
    Default: nu = 0.01 and lid = 4, PINNacle's example: a Reynolds number of 100.
    Reference, for the velocity alone: finite elements of the streamfunction and Newton, converged by refinement.
    """

    nu: float = 0.01  # kinematic viscosity, length^2 / time
    lid: float = 4.0  # four times the lid's velocity in its middle, length / time
    n: int = 0  # interior points a step, for features that take any; 0 for 2000

    values = ("u", "v", "p")

    def __post_init__(self) -> None:
        if not (isfinite(self.nu) and self.nu > 0):
            raise PinnsceneError(f"cavity expected nu > 0 (a viscosity), got {self.nu}")
        if not isfinite(self.lid) or self.lid == 0:
            raise PinnsceneError(f"cavity expected a lid that moves, got {self.lid}")
        if self.n < 0:
            raise PinnsceneError(f"cavity expected n >= 0, got {self.n}")

    def constraints(self) -> Mapping[str, Constraint]:
        n = self.n or POINTS
        found = {"pde": Constraint(self.domain.interior(n, "sobol"), self._pde)}
        for name in ("x0", "x1", "y0", "y1"):
            face = self.domain.face(n // 8 + 1, points="sobol", **{name[0]: float(name[1])})
            wall = self._lid if name == "y1" else self._still
            found[f"wall_{name}"] = Constraint(face, wall, weight=WEIGHT)
        found["level"] = level_at(Points(torch.zeros(1, 2, dtype=torch.float64), self.domain.axes), 0.0, output=2)
        return found

    def _pde(self, u: Differentiable, p: Points) -> dict[str, Tensor]:
        value, x, y, xx, yy = partials(u, p, "", "x", "y", "xx", "yy")
        velocity = value[:, :2]
        carried = velocity[:, :1] * x[:, :2] + velocity[:, 1:] * y[:, :2]
        pressure = torch.cat([x[:, 2:], y[:, 2:]], 1)
        return {
            "momentum": carried + pressure - u.param("nu", p) * (xx + yy)[:, :2],
            "continuity": x[:, :1] + y[:, 1:2],
        }

    def _still(self, u: Differentiable, p: Points) -> Tensor:
        return u(p)[:, :2]

    def _lid(self, u: Differentiable, p: Points) -> Tensor:
        speed = u.param("lid", p) * p["x"] * (1 - p["x"])
        return u(p)[:, :2] - torch.cat([speed, torch.zeros_like(speed)], 1)

    def notes(self) -> list[str]:
        return [
            "the lid and the side walls contradict each other in the upper corners: the velocity's gradient jumps",
            "the reference is solved at two resolutions when first asked for: some ten seconds",
        ]

    def modes(self) -> str:
        return MODES

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        return [draw_flow(self, u, folder / "flow.png"), *super().figures(u, folder)]

    @property
    def _reference(self) -> Refined:
        return _reference(replace(self, n=0))

    def reference(self, p: Points) -> Tensor:
        return self._reference(p)

    def compared(self) -> tuple[str, ...]:
        return ("u", "v")

    def reference_info(self) -> Reference:
        return self._reference.info()

    def conventional(self) -> Conventional:
        return self._reference.conventional()


@lru_cache(maxsize=4)  # once a process, whoever asks
def _reference(problem: Cavity) -> Refined:
    names = [f"{n} x {n} Hermite elements of the streamfunction, Newton" for n in RESOLUTIONS]
    lid, slope = lambda x: problem.lid * x * (1 - x), lambda x: problem.lid * (1 - 2 * x)
    solve = lambda level: Streamfunction(problem.nu, lid, slope, RESOLUTIONS[level])
    return Refined(problem.domain, (names[0], names[1]), solve)
