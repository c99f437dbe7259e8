"""Initial states of the heat problem, by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problems.walls import product_mode

if TYPE_CHECKING:
    from pinnscene.problems.heat import Heat

# The "modes" start: the first modes of the walls with these weights.
WEIGHTS = {1: 1.0, 2: 0.5, 3: 0.25}


def walls_mode(heat: "Heat", p: Points, m: int | tuple[int, ...]) -> Tensor:
    """The product over the axes of the m-th mode between their walls: sines, or cosines at Neumann walls."""
    return product_mode(heat.conditions, p, m, heat.lower, heat.upper - heat.lower)


def sine(heat: "Heat", p: Points) -> Tensor:
    """One mode of the walls: sin(mode pi x) between Dirichlet walls."""
    return walls_mode(heat, p, heat.mode)


def modes(heat: "Heat", p: Points) -> Tensor:
    """The first three modes of the walls."""
    return torch.stack([w * walls_mode(heat, p, m) for m, w in WEIGHTS.items()]).sum(0)


def bump(heat: "Heat", p: Points) -> Tensor:
    """A Gaussian exp(-r^2 / w^2) in the middle, w a tenth of the box in 1-D and 0.15 of it beyond."""
    length = heat.upper - heat.lower
    squares = [((p[axis] - heat.lower) / length - 0.5) ** 2 for axis in heat.space]
    return torch.exp(-torch.stack(squares).sum(0) / (0.1 if heat.dims == 1 else 0.15) ** 2)


def step(heat: "Heat", p: Points) -> Tensor:
    """From 0 to 1 across the middle of x, smooth over a twentieth of the box."""
    x = (p["x"] - heat.lower) / (heat.upper - heat.lower)
    return 0.5 * (1 + torch.tanh((x - 0.5) / 0.05))


def sines(heat: "Heat", p: Points) -> Tensor:
    """Not a start but a solution: the sum over the axes of exp(-4 alpha ratio t) sin(2 x)."""
    assert isinstance(heat.alpha, int | float)
    rates = {axis: 4.0 * heat.alpha * ratio for axis, ratio in heat.diffusivities.items()}
    return torch.stack([torch.exp(-rate * p["t"]) * torch.sin(2 * p[axis]) for axis, rate in rates.items()]).sum(0)


NAMES: dict[str, Callable[["Heat", Points], Tensor]] = {"sine": sine, "modes": modes, "bump": bump, "step": step}
