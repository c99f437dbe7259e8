"""The Gray-Scott equations: two substances that diffuse and react, on a square."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.operators import partials
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.evolution import Defaults, Evolution, Function
from pinnscene.problems.refinement import Refined
from pinnscene.problems.squaremodes import Array, SquareEquation, SquareModes
from pinnscene.views import Differentiable

# Cosine modes an axis, longest step of time and time between kept states, coarse and fine.
RESOLUTIONS = ((192, 1.0, 2.0), (256, 0.5, 1.0))


@dataclass(frozen=True)
class GrayScott(Evolution):
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

    def __post_init__(self) -> None:
        rates = {name: getattr(self, name) for name in ("du", "dv", "feed", "decay")}
        for name, rate in rates.items():
            if not (isfinite(rate) and rate >= 0):
                raise PinnsceneError(f"gray-scott expected {name} >= 0, got {rate}")
        super().__post_init__()

    @property
    def space(self) -> tuple[str, ...]:
        """The space axes."""
        return ("x", "y")

    def starts(self) -> Mapping[str, Function]:
        return {"spots": spots}

    def defaults(self) -> Defaults:
        return Defaults(2000, windows=100, basis="cosine,cosine,chebyshev", modes="128,128,5")

    def notes(self) -> list[str]:
        return ["the reference is solved at two resolutions when first asked for: some ten seconds"]

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        value, rate, xx, yy = partials(u, p, "", "t", "xx", "yy")
        du, dv, feed, decay = (u.param(name, p) for name in ("du", "dv", "feed", "decay"))
        (a, b), (lap_a, lap_b) = value.split(1, 1), (xx + yy).split(1, 1)
        reacted = a * b**2
        gained = torch.cat([du * lap_a + feed * (1 - a) - reacted, dv * lap_b - decay * b + reacted], 1)
        return rate - gained

    @property
    def _reference(self) -> Refined:
        return _reference(replace(self, n=0, windows=0, growth=0.0, hard=None))

    def reference(self, p: Points) -> Tensor:
        return self._reference(p)

    def reference_info(self) -> Reference:
        return self._reference.info()

    def conventional(self) -> Conventional:
        return self._reference.conventional()


def spots(p: Points) -> Tensor:
    """Two Gaussians: u is low where v is high, a little apart."""
    u = 1 - torch.exp(-80 * ((p["x"] + 0.05) ** 2 + (p["y"] + 0.02) ** 2))
    v = torch.exp(-80 * ((p["x"] - 0.05) ** 2 + (p["y"] - 0.02) ** 2))
    return torch.cat([u, v], 1)


@lru_cache(maxsize=4)  # once a process, whoever asks
def _reference(problem: GrayScott) -> Refined:
    def reaction(values: Array, x: Array, y: Array, t: float) -> Array:
        del x, y, t
        u, v = values
        product = u * v * v
        # the linear losses stand in the stiff part
        return np.stack([problem.feed - product, product])

    equation = SquareEquation(
        "cosine",
        -1.0,
        1.0,
        (problem.begin, problem.end),
        (problem.du, problem.dv),
        (problem.feed, problem.decay),
        reaction,
        problem.u0,
    )
    coarse, fine = (f"{n} x {n} cosine modes, ETDRK4 in steps of {step:g}" for n, step, _ in RESOLUTIONS)
    return Refined(problem.domain, (coarse, fine), lambda level: SquareModes(equation, *RESOLUTIONS[level]))
