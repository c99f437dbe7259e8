"""Poisson's equation on the L-shape, with its re-entrant corner."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pinnscene.problems.onregion import Function
from pinnscene.problems.poissonregion import PoissonRegion


@dataclass(frozen=True)
class LShape(PoissonRegion):
    """-lap(u) = 1 on the L-shape, u = 0 on its walls.

    Domain: [-1, 1]^2 without [0, 1] x [-1, 0]. At the corner (0, 0) the gradient grows like r^(-1/3).
    Features: random sines beside the functions r^(2 k / 3) sin and cos(2 k theta / 3) of that corner, and z^m log z of
    the others; ``--backbone siren`` takes the sines alone.
    Reference: finite elements of second order on triangles that shrink towards the corner, converged by refinement.
    """

    domain: Any = "l-shape"  # a name, a formula, FILE of a closed shape, RUN of eikonal-sdf, FILE.py:name
    exact: Literal["gaussian", "harmonic", "none"] | Function = "none"  # the solution, or FILE.py:name
    source: float | Function = 1.0  # f, value / length^2

    width: ClassVar[int] = 600
    points: ClassVar[int] = 2000
