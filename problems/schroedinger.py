"""The nonlinear Schroedinger equation."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, pi
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import partials
from pinnscene.problems.evolution import Defaults, Function
from pinnscene.problems.periodicevolution import PeriodicEvolution
from pinnscene.problems.periodicmodes import Semilinear
from pinnscene.problems.spectralreference import Resolution
from pinnscene.views import Differentiable, FunctionField
from pinnscene.wrapping import Wrapped


@dataclass(frozen=True)
class Schroedinger(PeriodicEvolution):
    """i h_t + h_xx / 2 + kappa |h|^2 h = 0 on a periodic axis, h complex: outputs re and im.

    Domain: x from ``lower`` to ``upper``, by default [-5, 5], periodic; t from ``begin`` to ``end``, by default pi / 2.
    Conditions: h = h0 at t = begin, by default 2 sech(x), which breathes with a period of pi / 2; kappa = 1, focusing.
    The start has a kink where the ends meet, of 0.05 in its slope.
    Reference: Fourier modes in space, enough for the kink; ETDRK4 in time; converged by refinement.
    """

    end: float = pi / 2  # last time
    start: str | Function = "sech"  # h0: sech, or FILE.py:name, a function of the points with columns re and im
    kappa: float = 1.0  # strength of the focusing
    lower: float = -5.0  # lower end of x, length
    upper: float = 5.0  # upper end of x, length

    values = ("re", "im")
    resolutions = (Resolution(1215, 4000, 800), Resolution(2187, 12000, 1000))

    def __post_init__(self) -> None:
        if not isfinite(self.kappa):
            raise PinnsceneError(f"kappa expected a finite number, got {self.kappa}")
        super().__post_init__()

    def starts(self) -> Mapping[str, Function]:
        return {"sech": lambda p: torch.cat([2 / torch.cosh(p["x"]), torch.zeros_like(p["x"])], 1)}

    def defaults(self) -> Defaults:
        return Defaults(2000, windows=48, basis="fourier,chebyshev", modes="129,10")

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        h, h_t, h_xx = partials(u, p, "", "t", "xx")
        turned = torch.stack([-h_t[:, 1], h_t[:, 0]], 1)  # i h_t
        return turned + h_xx / 2 + u.param("kappa", p) * h.square().sum(1, keepdim=True) * h

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        from pinnscene.render.canvas import save
        from pinnscene.render.slices import slices

        device = getattr(u, "device", torch.device("cpu"))
        shown = Modulus(self)
        size = FunctionField(lambda p: u(p.to(device)).norm(dim=1, keepdim=True), u.axes, shown.values)
        return [*super().figures(u, folder), save(slices(shown, size), folder / "modulus.png")]

    def semilinear(self) -> Semilinear:
        return Semilinear(lambda k: -0.5j * k**2, np.ones_like, lambda h: 1j * self.kappa * np.abs(h) ** 2 * h)


@dataclass(frozen=True)
class Modulus(Wrapped):
    """The same equation as its pictures show it by |h|."""

    @property
    def values(self) -> tuple[str, ...]:
        return ("|h|",)

    def reference(self, p: Points) -> Tensor | None:
        truth = super().reference(p)
        return None if truth is None else truth.norm(dim=1, keepdim=True)
