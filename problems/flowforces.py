"""What a flow does to an obstacle: drag and lift as coefficients, and the difference of pressures at its ends."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.boundary import outward
from pinnscene.operators import partials
from pinnscene.problems.obstacles import Obstacle
from pinnscene.views import Differentiable

MEAN = 2 / 3  # of a parabola, beside its height


class Forces(NamedTuple):
    """Coefficients 2 F / (U^2 L) of the force F on an obstacle of the height L, U two thirds of the inflow's speed.

    Attributes:
        drag: along x.
        lift: along y.
        pressure_difference: between the ends of the obstacle along x, upstream less downstream.
    """

    drag: float
    lift: float
    pressure_difference: float

    def told(self) -> str:
        """In words."""
        return ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in self._asdict().items())


def coefficients(force: tuple[float, float], obstacle: Obstacle, speed: float) -> tuple[float, float]:
    """Drag and lift from a force, of a fluid of density one."""
    size = (MEAN * speed) ** 2 * (obstacle.upper[1] - obstacle.lower[1])
    return 2 * force[0] / size, 2 * force[1] / size


def forces(u: Differentiable, obstacle: Obstacle, nu: float, speed: float) -> Forces:
    """The forces of a flow (u, v, p) on an obstacle, by the stress nu (grad u + grad u^T) n - p n along it."""
    p = obstacle.points
    normal = -outward(p)  # out of the obstacle
    value, x, y = (part.detach() for part in partials(u, p, "", "x", "y"))
    slopes = torch.stack([x[:, :2], y[:, :2]], 2)  # [n, output, axis]
    strain = slopes + slopes.transpose(1, 2)
    stress = nu * (strain @ normal[:, :, None])[..., 0] - value[:, 2:] * normal
    along, across = (stress * obstacle.weights).sum(0).tolist()
    return Forces(*coefficients((along, across), obstacle, speed), pressure_difference(u, obstacle))


def pressure_difference(u: Callable[[Points], Tensor], obstacle: Obstacle) -> float:
    """The third value of a flow at the end of an obstacle upstream along x, less that at its other end."""
    x = obstacle.points.coords
    ends = torch.stack([x[x[:, 0].argmin()], x[x[:, 0].argmax()]])
    before, behind = u(Points(ends, obstacle.points.axes)).detach()[:, 2].tolist()
    return before - behind
