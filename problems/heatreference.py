"""What the heat problem is checked against: a closed form, or the method of lines converged by refinement."""

from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.metrics import rel_l2
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.heatstarts import WEIGHTS, product_mode
from pinnscene.problems.methodoflines import Line, MethodOfLines, chebyshev, fourier
from pinnscene.problems.walls import has_modes, wavenumber

if TYPE_CHECKING:
    from pinnscene.problems.heat import Heat

# By space dimensions: collocation intervals an axis of the coarse and of the fine solve.
RESOLUTIONS = {1: (64, 96), 2: (24, 32), 3: (10, 13)}
TOLERANCES = (1e-8, 1e-10)


class HeatReference:
    """Values anywhere, how good they are, and the conventional solver."""

    def __init__(self, heat: "Heat") -> None:
        self.heat = heat

    @property
    def exact(self) -> bool:
        """Whether the closed form holds."""
        heat = self.heat
        plain = isinstance(heat.alpha, int | float) and heat.source == 0.0 and heat.start in ("sine", "modes")
        return plain and all(has_modes(pair) for pair in heat.conditions.values())

    def __call__(self, p: Points) -> Tensor:
        return self._closed_form(p) if self.exact else self.fine(p)

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
        return [
            fourier(n, heat.lower, heat.upper)
            if pair[0].kind == "periodic"
            else chebyshev(n, heat.lower, heat.upper, pair)
            for pair in heat.conditions.values()
        ]

    def _solve(self, n: int, rtol: float) -> MethodOfLines:
        heat = self.heat
        given = heat.alpha
        alpha = given if callable(given) else lambda p: given * torch.ones_like(p["t"])
        source = lambda p: heat.heating(p) * torch.ones_like(p["t"])
        return MethodOfLines(heat.space, self._lines(n), alpha, source, heat.u0, (heat.begin, heat.end), rtol)

    @cached_property
    def coarse(self) -> MethodOfLines:
        return self._solve(RESOLUTIONS[self.heat.dims][0], TOLERANCES[0])

    @cached_property
    def fine(self) -> MethodOfLines:
        return self._solve(RESOLUTIONS[self.heat.dims][1], TOLERANCES[1])

    def info(self) -> Reference:
        if self.exact:
            return Reference("exact", 0.0, "closed form: modes of the walls, each with its own decay")
        p = self.heat.domain.grid(20_000)
        return Reference("converged", rel_l2(self.coarse(p), self.fine(p)), f"{self._name(1)}, against a coarser one")

    def conventional(self) -> Conventional:
        return Conventional(self._name(0), self.coarse, self.coarse.seconds)

    def _name(self, level: int) -> str:
        n = RESOLUTIONS[self.heat.dims][level]
        return f"method of lines, {' x '.join([str(n)] * self.heat.dims)} collocation intervals, BDF"
