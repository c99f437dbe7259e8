"""Parametrised problems: options with a range become axes of the field, and one solve answers for every value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.fieldspec import FieldSpec
from pinnscene.metrics import quick_error
from pinnscene.openness import expect_number, expect_open
from pinnscene.problem import Problem, Reference
from pinnscene.samplers import Sampler
from pinnscene.seeds import generator
from pinnscene.slicing import Extended, Slice
from pinnscene.spectral import MODES, tensor_spec
from pinnscene.views import Differentiable
from pinnscene.wrapping import Wrapped

if TYPE_CHECKING:
    from pinnscene.render.request import RenderRequest

EXACT, CONVERGED = 50, 5  # values that metrics are taken at, where a reference costs nothing and where it is solved for
WATCHED = 3  # values that the progress display looks at
DRAWN = 3  # values that figures are drawn of
REPEATED = 64  # values at least that a condition of few points is drawn for

Range = tuple[float, float]
Values = Mapping[str, float]


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
class Parametrised(Along):
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
            if not (isfinite(low) and isfinite(high) and low < high):
                raise PinnsceneError(
                    f"option {name} expected a range of two finite ends, lower first, got {low}..{high}"
                )
            if name in self.problem.domain.axes:
                raise PinnsceneError(f"option {name} cannot be a range: the problem has an axis of that name")
            for end in (low, high):
                replace(self.problem, **{name: end})  # raises where the problem does not accept it
        posed = self.member(self.middle).spectral()
        for name in self.ranges:
            expect_open(posed, name, "a range")
        object.__setattr__(self, "problem", posed)  # what the features suit is the problem from here on

    @property
    def middle(self) -> dict[str, float]:
        """The middle of each range."""
        return {name: (low + high) / 2 for name, (low, high) in self.ranges.items()}

    def member(self, values: Values) -> Problem:
        """The problem for one value of each parameter."""
        return replace(self.problem, **values)

    def at(self, u: Differentiable, values: Values) -> tuple[Problem, Differentiable]:
        self._expect_within(values)
        held = self.middle | dict(values)
        return self.member(held), Slice(u, held)

    def _expect_within(self, values: Values) -> None:
        for name, value in values.items():
            if name not in self.ranges:
                raise unknown("parameter", name, self.ranges)
            low, high = self.ranges[name]
            if not low <= value <= high:
                raise PinnsceneError(f"{name}={value:g} lies outside its range {low:g}..{high:g}")

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

    def _values(self, count: int) -> list[dict[str, float]]:
        """About so many values of the parameters, evenly spaced, ends included."""
        each = max(2, round(count ** (1 / len(self.ranges))))
        lines = [torch.linspace(*ends, each, dtype=torch.float64).tolist() for ends in self.ranges.values()]
        return [dict(zip(self.ranges, values, strict=True)) for values in product(*lines)]

    @cached_property
    def _scored(self) -> list[dict[str, float]]:
        """The values that metrics are taken at."""
        info = self.problem.reference_info()
        return self._values(EXACT if info is not None and info.kind == "exact" else CONVERGED)

    def reference(self, p: Points) -> Tensor | None:
        """Values of each point's own problem: one reference for every value of the parameters that occurs."""
        d = len(self.domain.axes) - len(self.ranges)
        rows, place = torch.unique(p.coords[:, d:], dim=0, return_inverse=True)
        found: Tensor | None = None
        for k, values in enumerate(rows.tolist()):
            mine = (place == k).nonzero()[:, 0]
            own = Points(p.coords[mine, :d], p.axes[:d])
            part = self.member(dict(zip(self.ranges, values, strict=True))).reference(own)
            if part is None:
                return None
            found = part.new_zeros(len(p), part.shape[1]) if found is None else found
            found[mine] = part
        return found

    def reference_info(self) -> Reference | None:
        known = [self.member(values).reference_info() for values in self._scored]
        if any(info is None for info in known):
            return None
        worst = max((info for info in known if info is not None), key=lambda info: info.error)
        return worst._replace(note=f"worst of {len(known)} values of {', '.join(self.ranges)}: {worst.note}")

    def conventional(self) -> None:
        """None: it solves for one value at a time."""

    def metric_points(self) -> int:
        return len(self._scored) * self.problem.metric_points()

    def metrics(self, u: Differentiable) -> dict[str, float]:
        scores = [self.member(values).metrics(Slice(u, values)) for values in self._scored]
        return {name: max(score[name] for score in scores) for name in scores[0]}

    def metric_names(self) -> list[str]:
        return self.problem.metric_names()

    def monitor(self) -> tuple[str, Callable[[Differentiable], float]] | None:
        watched = [(values, quick_error(self.member(values))) for values in self._values(WATCHED)]
        takes = [(values, take[1]) for values, take in watched if take is not None]
        return ("rel_l2", lambda u: max(take(Slice(u, values)) for values, take in takes)) if takes else None

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        from pinnscene.render.canvas import save
        from pinnscene.render.slices import slices

        written = []
        for values in self._values(DRAWN):
            name = ",".join(f"{k}={value:.4g}" for k, value in values.items())
            written.append(save(slices(self.member(values), Slice(u, values)), folder / f"{name}.png"))
        return written

    def check_render(self, request: "RenderRequest") -> None:
        self._expect_within(request.at or {})
        self.problem.check_render(replace(request, at=None))

    def render(self, u: Differentiable, request: "RenderRequest") -> list[Path]:
        member, held = self.at(u, request.at or {})
        return member.render(held, replace(request, at=None))
