"""What the heat problem is checked against: a closed form, or the method of lines converged by refinement."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problem import Reference
from pinnscene.problems.heatstarts import WEIGHTS, product_mode
from pinnscene.problems.methodoflines import Line, MethodOfLines, line_between
from pinnscene.problems.refinement import Refined
from pinnscene.problems.walls import has_modes, wavenumber

if TYPE_CHECKING:
    from pinnscene.problems.heat import Heat

# By space dimensions: collocation intervals an axis of the coarse and of the fine solve.
RESOLUTIONS = {1: (64, 96), 2: (24, 32), 3: (10, 13)}
TOLERANCES = (1e-8, 1e-10)


class HeatReference(Refined):
    """Values anywhere, how good they are, and the conventional solver."""

    def __init__(self, heat: "Heat") -> None:
        self.heat, self.domain = heat, heat.domain

    @property
    def exact(self) -> bool:
        """Whether the closed form holds."""
        heat = self.heat
        plain = isinstance(heat.alpha, int | float) and heat.source == 0.0 and heat.start in ("sine", "modes")
        return plain and all(has_modes(pair) for pair in heat.conditions.values())

    def __call__(self, p: Points) -> Tensor:
        return self._closed_form(p) if self.exact else super().__call__(p)

    def _closed_form(self, p: Points) -> Tensor:
        heat = self.heat
        weights = WEIGHTS if heat.start == "modes" else {heat.mode: 1.0}
        length = heat.upper - heat.lower
        assert isinstance(heat.alpha, int | float)
        alpha = float(heat.alpha)
        value = torch.zeros_like(p["t"])
        for m, w in weights.items():
            square = sum(wavenumber(pair, m, length) ** 2 for pair in heat.conditions.values())
            decay = torch.exp(-alpha * square * (p["t"] - heat.begin))
            value = value + w * product_mode(heat, p, m) * decay
        return value

    def _lines(self, n: int) -> list[Line]:
        heat = self.heat
        return [line_between(n, heat.lower, heat.upper, pair) for pair in heat.conditions.values()]

    def solve(self, level: int) -> MethodOfLines:
        heat, n = self.heat, RESOLUTIONS[self.heat.dims][level]
        given = heat.alpha
        alpha = given if callable(given) else lambda p: given * torch.ones_like(p["t"])
        source = lambda p: heat.heating(p) * torch.ones_like(p["t"])
        span = heat.begin, heat.end
        return MethodOfLines(heat.space, self._lines(n), alpha, source, heat.u0, span, TOLERANCES[level])

    def info(self) -> Reference:
        if self.exact:
            return Reference("exact", 0.0, "closed form: modes of the walls, each with its own decay")
        return super().info()

    def name(self, level: int) -> str:
        n = RESOLUTIONS[self.heat.dims][level]
        return f"method of lines, {' x '.join([str(n)] * self.heat.dims)} collocation intervals, BDF"
