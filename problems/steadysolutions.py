"""Functions from which source and wall values of steady problems are made, by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problems.walls import product_mode

if TYPE_CHECKING:
    from pinnscene.problems.poisson import Poisson


def sines(problem: "Poisson", p: Points) -> Tensor:
    """One mode of the walls: the product of sin(mode pi x) between Dirichlet walls of a unit box."""
    return product_mode(problem.conditions, p, problem.mode, problem.lower, problem.upper - problem.lower)


def harmonic(problem: "Poisson", p: Points) -> Tensor:
    """A polynomial without source: x; x^3 - 3 x y^2, the real part of (x + i y)^3; that and y^2 - z^2 in 3-D."""
    x = p["x"]
    if problem.dims == 1:
        return x
    y = p["y"]
    cubic = x**3 - 3 * x * y**2
    return cubic if problem.dims == 2 else cubic + y**2 - p["z"] ** 2


def gaussian(problem: "Poisson", p: Points) -> Tensor:
    """exp(-r^2 / w^2) around the middle, w a fifth of the box."""
    length = problem.upper - problem.lower
    squares = [((p[axis] - problem.lower) / length - 0.5) ** 2 for axis in p.axes]
    return torch.exp(-25 * torch.stack(squares).sum(0))


NAMES: dict[str, Callable[["Poisson", Points], Tensor]] = {"sines": sines, "harmonic": harmonic, "gaussian": gaussian}
