"""Samplers: ``(generator) -> batch``. Randomness is always the argument.

Points in the unit cube come uniformly (drawn on the generator's device) or from SciPy's quasi-random sequences.
Everything is drawn in float64: the trainer casts, so a wall at t = 0.1 is at 0.1.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from scipy.stats import qmc
from torch import Tensor

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.seeds import generator as stream
from pinnscene.seeds import integer

MOST = 2**30  # points at a time: in two dimensions 16 GiB of coordinates
Sampler = Callable[[torch.Generator], Any]


def _uniform(n: int, d: int, g: torch.Generator) -> Tensor:
    return torch.rand(n, d, generator=g, device=g.device, dtype=torch.float64)


def _sobol(n: int, d: int, g: torch.Generator) -> Tensor:
    # Sobol points are balanced in powers of two: draw the next one up, keep the first n.
    points = qmc.Sobol(d, rng=integer(g)).random_base2(max(n - 1, 1).bit_length())[:n]
    return torch.as_tensor(points).to(g.device)


def _scipy(engine: type[qmc.QMCEngine]) -> Callable[[int, int, torch.Generator], Tensor]:
    def draw(n: int, d: int, g: torch.Generator) -> Tensor:
        return torch.as_tensor(engine(d, rng=integer(g)).random(n)).to(g.device)

    return draw


CUBES: dict[str, Callable[[int, int, torch.Generator], Tensor]] = {
    "uniform": _uniform,
    "sobol": _sobol,
    "lhs": _scipy(qmc.LatinHypercube),
    "halton": _scipy(qmc.Halton),
}


def unit_cube(n: int, d: int, points: str, g: torch.Generator) -> Tensor:
    """``n`` points in [0, 1]^d as float64 [n, d]; ``points`` is uniform, sobol, lhs or halton."""
    return CUBES[known_sequence(points)](n, d, g)


def known_sequence(points: str) -> str:
    """``points`` itself where it names a point sequence, or ``PinnsceneError``."""
    if points not in CUBES:
        raise unknown("point sequence", points, CUBES)
    return points


def count(n: Any, what: str = "n") -> int:
    """``n`` as a positive number of points, or ``PinnsceneError``."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise PinnsceneError(f"{what} must be a whole number of at least 1, got {n!r}")
    if n > MOST:
        raise PinnsceneError(f"{what} must be at most {MOST}, got {n}")
    return n


@dataclass(frozen=True)
class Fixed:
    """The same batch at every step: ``sampler`` drawn once with a seed of its own."""

    sampler: Sampler
    seed: int = 0
    _drawn: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, generator: torch.Generator) -> Any:
        place = str(generator.device)
        if place not in self._drawn:
            self._drawn[place] = self.sampler(stream(self.seed, "fixed", device=generator.device))
        return self._drawn[place]


def knob_of(sampler: Any, knob: str) -> Any:
    """The value of a knob, such as ``n``, of a sampler or of one that it wraps; None where there is none."""
    names = getattr(sampler, "__dataclass_fields__", {})
    if knob in names:
        return getattr(sampler, knob)
    return knob_of(sampler.sampler, knob) if "sampler" in names else None


def with_knob(sampler: Any, knob: str, value: Any) -> Any:
    """The sampler with the knob set, by itself or within."""
    if knob in sampler.__dataclass_fields__:
        return replace(sampler, **{knob: value})
    return replace(sampler, sampler=with_knob(sampler.sampler, knob, value))
