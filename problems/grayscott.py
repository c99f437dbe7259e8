"""The Gray-Scott equations: two substances that diffuse and react, on a square."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import partials
from pinnscene.problems.evolution import Defaults, Function
from pinnscene.problems.squareevolution import SquareEvolution
from pinnscene.problems.squaremodes import Array, SquareEquation
from pinnscene.views import Differentiable


@dataclass(frozen=True)
class GrayScott(SquareEvolution):
    """u_t = du lap(u) + feed (1 - u) - u v^2, v_t = dv lap(v) - decay v + u v^2 on [-1, 1]^2.

    Domain: x and y from -1 to 1, t from ``begin`` to ``end``. Two outputs: u is fed in, v consumes it and decays.
    Conditions: no flux through the walls; at the start u = 1 - exp(-80 ((x + 0.05)^2 + (y + 0.02)^2)) and
    v = exp(-80 ((x - 0.05)^2 + (y - 0.02)^2)).
    Default: du = 1e-5, dv = 5e-6, feed = 0.04, decay = 0.1, t to 200, PINNacle's example.
    Reference: cosine modes and ETDRK4, converged by refinement.
    """

    end: float = 200.0  # last time
    start: str | Function = "spots"  # u and v at the start: spots, or FILE.py:name giving [n, 2]
    du: float = 1e-5  # diffusivity of u, length^2 / time
    dv: float = 5e-6  # diffusivity of v, length^2 / time
    feed: float = 0.04  # rate at which u is fed in and both are washed out, 1 / time
    decay: float = 0.1  # rate at which v disappears, washed out included, 1 / time

    values = ("u", "v")
    lower, upper, walls = -1.0, 1.0, "neumann"
    resolutions = ((192, 1.0, 2.0), (256, 0.5, 1.0))

    def __post_init__(self) -> None:
        rates = {name: getattr(self, name) for name in ("du", "dv", "feed", "decay")}
        for name, rate in rates.items():
            if not (isfinite(rate) and rate >= 0):
                raise PinnsceneError(f"gray-scott expected {name} >= 0, got {rate}")
        super().__post_init__()

    def starts(self) -> Mapping[str, Function]:
        return {"spots": spots}

    def defaults(self) -> Defaults:
        return Defaults(2000, windows=100, basis="cosine,cosine,chebyshev", modes="128,128,5")

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        value, rate, xx, yy = partials(u, p, "", "t", "xx", "yy")
        du, dv, feed, decay = (u.param(name, p) for name in ("du", "dv", "feed", "decay"))
        (a, b), (lap_a, lap_b) = value.split(1, 1), (xx + yy).split(1, 1)
        reacted = a * b**2
        gained = torch.cat([du * lap_a + feed * (1 - a) - reacted, dv * lap_b - decay * b + reacted], 1)
        return rate - gained

    def equation(self) -> SquareEquation:
        def reaction(values: Array, x: Array, y: Array, t: float) -> Array:
            del x, y, t
            u, v = values
            product = u * v * v
            # the linear losses stand in the stiff part
            return np.stack([self.feed - product, product])

        span, diffusion, decay = (self.begin, self.end), (self.du, self.dv), (self.feed, self.decay)
        return SquareEquation("cosine", self.lower, self.upper, span, diffusion, decay, reaction, self.u0)


def spots(p: Points) -> Tensor:
    """Two Gaussians: u is low where v is high, a little apart."""
    u = 1 - torch.exp(-80 * ((p["x"] + 0.05) ** 2 + (p["y"] + 0.02) ** 2))
    v = torch.exp(-80 * ((p["x"] - 0.05) ** 2 + (p["y"] - 0.02) ** 2))
    return torch.cat([u, v], 1)
