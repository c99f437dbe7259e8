"""Laplace's equation around four holes."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pinnscene.problems.onregion import Function
from pinnscene.problems.poissonregion import PoissonRegion


@dataclass(frozen=True)
class LaplaceHoles(PoissonRegion):
    """lap(u) = 0 around four holes in a square: PINNacle's Poisson 2d-C.

    Domain: [-0.5, 0.5]^2 without the discs of radius 0.1 about (+-0.3, +-0.3).
    Conditions: u = 1 on the square, u = 0 on the holes.
    Reference: finite elements of second order on curved triangles, converged by refinement.
    """

    domain: Any = "four-holes"  # a name, a formula, FILE of a closed shape, RUN of eikonal-sdf, FILE.py:name
    walls: str = "dirichlet:1,hole=dirichlet:0"  # conditions by part of the boundary
    exact: Literal["gaussian", "harmonic", "none"] | Function = "none"  # the solution, or FILE.py:name

    width: ClassVar[int] = 800
    scale: ClassVar[float] = 12.0
