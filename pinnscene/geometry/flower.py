"""Flowers: discs whose radius waves around."""

from math import cos, isfinite, pi, sin

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.implicit import Implicit
from pinnscene.geometry.region import Core
from pinnscene.views import FunctionField


class Flower(Implicit):
    """r < radius (1 + depth cos(petals theta)) about (x, y); one part of its boundary, ``surface``.

    Raises:
        PinnsceneError: a radius that is not above 0, a depth outside [0, 0.5], or petals that are no whole number.
    """

    def __init__(
        self, x: float = 0.0, y: float = 0.0, radius: float = 0.5, depth: float = 0.1, petals: float = 5
    ) -> None:
        fine = isfinite(x) and isfinite(y) and 0 < radius < float("inf") and 0 <= depth <= 0.5
        if not fine or not 1 <= petals <= 24 or petals != round(petals):
            raise PinnsceneError(
                "a flower expected a finite middle, a radius above 0, a depth from 0 to 0.5 and 1 to 24 petals, got "
                f"{(x, y, radius, depth, petals)}"
            )
        self.centre, self.radius, self.depth, self.petals = (x, y), radius, depth, round(petals)
        reach = 1.1 * radius * (1 + depth)
        about = Box(x=(x - reach, x + reach), y=(y - reach, y + reach))
        text = f"flower({x:g},{y:g},{radius:g},{depth:g},{petals:g})"
        super().__init__(FunctionField(self._level, about.axes, ("d",)), about, text)

    def _level(self, p: Points) -> Tensor:
        """Of unit slope where it vanishes."""
        across, up = p["x"] - self.centre[0], p["y"] - self.centre[1]
        angle = self.petals * torch.atan2(up, across)
        edge = self.radius * (1 + self.depth * torch.cos(angle))
        bend = self.radius * self.depth * self.petals * torch.sin(angle) / edge
        return ((across.square() + up.square()).clamp_min(1e-300).sqrt() - edge) / (1 + bend.square()).sqrt()

    def cores(self) -> list[Core]:
        """A disc in the middle, and those that the tips of the petals are round like."""
        tip, small = self.radius * (1 + self.depth), self.radius * (1 - self.depth)
        round_as = tip**2 / (tip + self.radius * self.depth * self.petals**2)  # r^2 / (r - r'') where r' = 0
        out = tip - round_as
        turns = [2 * pi * k / self.petals for k in range(self.petals)] if self.depth else []
        x, y = self.centre
        return [Core((x, y), small), *(Core((x + out * cos(t), y + out * sin(t)), round_as) for t in turns)]
