"""Flowers: discs whose radius waves around."""

from math import isfinite

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.implicit import Implicit
from pinnscene.views import FunctionField


def flower(x: float = 0.0, y: float = 0.0, radius: float = 0.5, depth: float = 0.2, petals: float = 5) -> Implicit:
    """r < radius (1 + depth cos(petals theta)) about (x, y), a region with one part of its boundary, ``surface``.

    Raises:
        PinnsceneError: a radius that is not above 0, a depth outside [0, 0.5], or petals that are no whole number.
    """
    fine = isfinite(x) and isfinite(y) and 0 < radius < float("inf") and 0 <= depth <= 0.5
    if not fine or petals != round(petals) or not 1 <= petals <= 24:
        raise PinnsceneError(
            f"a flower expected a finite middle, a radius above 0, a depth from 0 to 0.5 and 1 to 24 petals, got "
            f"{(x, y, radius, depth, petals)}"
        )

    def level(p: Points) -> Tensor:
        across, up = p["x"] - x, p["y"] - y
        angle = torch.atan2(up, across)
        edge = radius * (1 + depth * torch.cos(petals * angle))
        bend = radius * depth * petals * torch.sin(petals * angle) / edge
        r = (across.square() + up.square()).clamp_min(1e-300).sqrt()
        return (r - edge) / (1 + bend.square()).sqrt()  # of unit slope where it vanishes

    reach = 1.1 * radius * (1 + depth)
    box = Box(x=(x - reach, x + reach), y=(y - reach, y + reach))
    return Implicit(FunctionField(level, box.axes, ("d",)), box, f"flower({x:g},{y:g},{radius:g},{depth:g},{petals:g})")
