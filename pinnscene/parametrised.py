"""Parametrised problems: options with a range become axes of the field, and one solve answers for every value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.openness import expect_number, expect_open
from pinnscene.problem import Problem
from pinnscene.ranged import Ranged
from pinnscene.samplers import Sampler
from pinnscene.seeds import generator
from pinnscene.slicing import Extended
from pinnscene.spectral import MODES, tensor_spec
from pinnscene.valued import Range, expect_range
from pinnscene.views import Differentiable
from pinnscene.wrapping import Wrapped

REPEATED = 64  # values at least that a condition of few points is drawn for


@dataclass(frozen=True)
class Column:
    """A coefficient that is an axis of the field: its column [n, 1] of the points."""

    name: str

    def __call__(self, p: Points) -> Tensor:
        return p[self.name]


@dataclass(frozen=True)
class Spread:
    """A sampler of points without the parameters' axes, each point with values of them drawn from their ranges.

    Points are repeated where there are few.
    """

    sampler: Any
    ranges: Mapping[str, Range]

    def __call__(self, generator: torch.Generator) -> Points:
        return self._spread(self.sampler(generator), generator)

    def heldout(self, generator: torch.Generator) -> Points:
        """The same of points that no step is trained on, where the sampler keeps such."""
        return self._spread(getattr(self.sampler, "heldout", self.sampler)(generator), generator)

    def _spread(self, p: Points, generator: torch.Generator) -> Points:
        p = p[torch.arange(len(p), device=generator.device).repeat(-(-REPEATED // len(p)))]
        ends = torch.tensor(list(self.ranges.values()), dtype=p.coords.dtype, device=p.coords.device)
        share = torch.rand(len(p), len(ends), generator=generator, dtype=p.coords.dtype, device=p.coords.device)
        values = ends[:, 0] + (ends[:, 1] - ends[:, 0]) * share
        normal = None if p.normal is None else torch.cat([p.normal, torch.zeros_like(values)], 1)
        return replace(p, coords=torch.cat([p.coords, values], 1), axes=(*p.axes, *self.ranges), normal=normal)


@dataclass(frozen=True)
class Along(Wrapped):
    """A problem on its domain times ranges of its parameters.

    Attributes:
        problem: the problem for values in the middle.
        ranges: lower and upper end of each parameter.
    """

    ranges: Mapping[str, Range] = field(default_factory=dict)

    @property
    def domain(self) -> Box:
        return Box(**self.problem.domain.bounds, **self.ranges)

    def frame(self) -> tuple[Sequence[float], Sequence[float]]:
        lower, upper = self.problem.frame()
        return [*lower, *(low for low, _ in self.ranges.values())], [
            *upper,
            *(high for _, high in self.ranges.values()),
        ]

    def structure(self) -> dict[str, str]:
        return self.problem.structure() | dict.fromkeys(self.ranges, "free")

    def params(self) -> dict[str, Any]:
        return self.problem.params() | {name: Column(name) for name in self.ranges}

    def constraints(self) -> Mapping[str, Constraint]:
        return {k: replace(c, sampler=self._extended(k, c.sampler)) for k, c in self.problem.constraints().items()}

    def _extended(self, name: str, sampler: Sampler) -> Sampler:
        """The sampler with the parameters' axes: a box gets them, other points are spread over them."""
        if "box" in getattr(sampler, "__dataclass_fields__", {}):
            given: Any = sampler
            return replace(given, box=Box(**given.box.bounds, **self.ranges))
        drawn = sampler(generator(0, "probe"))
        if not isinstance(drawn, Points):
            raise PinnsceneError(
                f"constraint '{name}' draws {type(drawn).__name__}, not points: it cannot go along a parameter"
            )
        return Spread(sampler, self.ranges)

    def ansatz(self) -> Ansatz | None:
        given = self.problem.ansatz()
        if given is None or not isinstance(given.lift, Differentiable) or len(given.lift.axes) == len(self.domain.axes):
            return given
        return replace(given, lift=Extended(given.lift, self.domain.axes))

    def cuts(self) -> tuple[float, ...]:
        return self.problem.cuts()

    def stage(self, k: int, before: Differentiable | None) -> Problem:
        inner = self.problem.stage(k, before)
        return self if inner is self.problem else Along(inner, self.ranges)


@dataclass(frozen=True)
class Parametrised(Ranged, Along):
    """A problem for every value of some options: ``Parametrised(Heat(), {"alpha": (0.1, 1.0)}).solve()``.

    Each range is an axis of the domain, after those of the problem; ``u.param`` reads its column. Features are products
    of the problem's own and of Chebyshev polynomials along each parameter. Metrics are the worst over values of the
    parameters; ``at`` gives the problem and the field of one value.

    Raises:
        PinnsceneError: an option that cannot be a range, ends that the problem does not accept or in the wrong order.
    """

    def __post_init__(self) -> None:
        if not self.ranges:
            raise PinnsceneError("a parametrised problem expected at least one range, got none")
        if not isinstance(self.problem.domain, Box):
            raise PinnsceneError("ranges are axes of a box: this problem's domain is none")
        for name, (low, high) in self.ranges.items():
            expect_number(self.problem, name, "a range")
            expect_range(name, (low, high))
            if name in self.problem.domain.axes:
                raise PinnsceneError(f"option {name} cannot be a range: the problem has an axis of that name")
            for end in (low, high):
                replace(self.problem, **{name: end})  # raises where the problem does not accept it
        posed = self.member(self.middle).spectral()
        for name in self.ranges:
            expect_open(posed, name, "a range")
        object.__setattr__(self, "problem", posed)  # what the features suit is the problem from here on

    def varied(self) -> dict[str, Any]:
        return {**self.problem.varied(), **{k: f"{low!r}..{high!r}" for k, (low, high) in self.ranges.items()}}

    def spectral(self) -> Problem:
        return self

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        if backbone in (None, "tensor") and (solver == "head" or backbone == "tensor"):
            return tensor_spec(self.problem, dict.fromkeys(self.ranges, MODES))
        return self.problem.field(solver, backbone)

    def in_windows(self, count: int) -> Problem:
        return replace(self, problem=self.problem.in_windows(count))
