"""What the heat problem is checked against: a closed form, or collocation converged by refinement."""

from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.exponentials import Exponentials
from pinnscene.problems.heatstarts import WEIGHTS, walls_mode
from pinnscene.problems.methodoflines import Line, MethodOfLines, Semidiscrete, line_between
from pinnscene.problems.refinement import Refined
from pinnscene.problems.walls import has_modes, wavenumber

if TYPE_CHECKING:
    from pinnscene.problems.heat import Heat

# By space dimensions: collocation intervals an axis of the coarse and of the fine solve, where steps of time are needed
# and where they are not.
STEPPED = {1: (64, 96), 2: (24, 32), 3: (10, 13)}
EXACT = {1: (64, 96), 2: (32, 48), 3: (16, 22)}
TOLERANCES = (1e-8, 1e-10)


class HeatReference:
    """Values anywhere, how good they are, and the conventional solver: None where there is no such thing."""

    def __init__(self, heat: "Heat") -> None:
        self.heat = heat

    @property
    def exact(self) -> bool:
        """Whether the closed form holds."""
        heat = self.heat
        if heat.solution is not None:
            return True
        plain = isinstance(heat.alpha, int | float) and heat.source == 0.0 and heat.start in ("sine", "modes")
        return plain and all(has_modes(pair) for pair in heat.conditions.values())

    @property
    def small(self) -> bool:
        """Whether the conventional solver can hold all unknowns, and has constant walls to work with."""
        return self.heat.dims in STEPPED and self.heat.solution is None

    def __call__(self, p: Points) -> Tensor | None:
        if self.exact:
            return self._closed_form(p)
        return self.refined(p) if self.small else None

    def _closed_form(self, p: Points) -> Tensor:
        heat = self.heat
        if heat.solution is not None:
            return heat.solution(p)
        weights = {(m,) * heat.dims: w for m, w in WEIGHTS.items()} if heat.start == "modes" else {heat.modes: 1.0}
        length = heat.upper - heat.lower
        assert isinstance(heat.alpha, int | float)
        value = torch.zeros_like(p["t"])
        for modes, w in weights.items():
            waves = [wavenumber(pair, m, length) for m, pair in zip(modes, heat.conditions.values(), strict=True)]
            ratios = heat.diffusivities.values()
            rate = heat.alpha * sum(ratio * k**2 for ratio, k in zip(ratios, waves, strict=True))
            value = value + w * walls_mode(heat, p, modes) * torch.exp(-rate * (p["t"] - heat.begin))
        return value

    def _lines(self, n: int) -> list[Line]:
        """The collocation of each axis, its second derivative as many times alpha as the axis has."""
        heat = self.heat
        lines = [line_between(n, heat.lower, heat.upper, pair) for pair in heat.conditions.values()]
        ratios = heat.diffusivities.values()
        return [
            line._replace(second=ratio * line.second, bend=ratio * line.bend)
            for line, ratio in zip(lines, ratios, strict=True)
        ]

    @property
    def _stepped(self) -> bool:
        return callable(self.heat.alpha) or callable(self.heat.source)

    def _intervals(self, level: int) -> int:
        """Along each axis; more for high modes."""
        n = (STEPPED if self._stepped else EXACT)[self.heat.dims][level]
        return n + 3 * (max(self.heat.modes) - 1) if self.heat.start == "sine" else n

    def _solve(self, level: int) -> Semidiscrete:
        heat, given = self.heat, self.heat.alpha
        lines, walls = self._lines(self._intervals(level)), list(heat.conditions.values())
        if not callable(given) and not callable(heat.source):
            return Exponentials(heat.space, lines, walls, given, heat.source, heat.u0, heat.begin)
        alpha = given if callable(given) else lambda p: given * torch.ones_like(p["t"])
        source = lambda p: heat.heating(p) * torch.ones_like(p["t"])
        span = (heat.begin, heat.end)
        return MethodOfLines(heat.space, lines, walls, alpha, source, heat.u0, span, TOLERANCES[level])

    @cached_property
    def refined(self) -> Refined:
        """The conventional solver, coarse and fine."""
        return Refined(self.heat.domain, (self._name(0), self._name(1)), self._solve)

    def info(self) -> Reference | None:
        if self.heat.solution is not None:
            return Reference("exact", 0.0, "closed form: the solution that all data come from")
        if self.exact:
            return Reference("exact", 0.0, "closed form: modes of the walls, each with its own decay")
        return self.refined.info() if self.small else None

    def conventional(self) -> Conventional | None:
        return self.refined.conventional() if self.small else None

    def _name(self, level: int) -> str:
        grid = " x ".join([str(self._intervals(level))] * self.heat.dims)
        return f"{grid} collocation intervals, {'BDF' if self._stepped else 'exponentials'} in time"
