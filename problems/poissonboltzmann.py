"""The Poisson-Boltzmann equation, linear, around four holes."""

from dataclasses import dataclass
from math import pi
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problems.onregion import Function
from pinnscene.problems.poissonregion import PoissonRegion


@dataclass(frozen=True)
class PoissonBoltzmann(PoissonRegion):
    """-lap(u) + k^2 u = 10 (17 + x^2 + y^2) sin(pi x) sin(4 pi y), linear Poisson-Boltzmann: PINNacle's 2d-CG.

    Domain: [-1, 1]^2 without discs about (0.5, 0.5), (0.4, -0.4), (-0.2, -0.7), (-0.6, 0.5), radii 0.2, 0.4, 0.1, 0.3.
    Conditions: u = 0.2 on the square, u = 1 on the holes.
    Reference: finite elements of second order on curved triangles, converged by refinement.
    """

    domain: Any = "four-sizes"  # a name, a formula, FILE of a closed shape, RUN of eikonal-sdf, FILE.py:name
    walls: str = "dirichlet:0.2,hole=dirichlet:1"  # conditions by part of the boundary
    exact: Literal["gaussian", "harmonic", "none"] | Function = "none"  # the solution, or FILE.py:name
    k: float = 8.0  # inverse length of screening, 1 / length

    scale: ClassVar[float] = 24.0

    def f(self, p: Points) -> Tensor:
        if self.solution is not None:
            return super().f(p)
        x, y = p["x"], p["y"]
        return 10 * (17 + x**2 + y**2) * torch.sin(pi * x) * torch.sin(4 * pi * y)
