"""Problems for every value of some parameters: what is asked of them, answered by the problems of single values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.metrics import quick_error
from pinnscene.problem import Problem, Reference
from pinnscene.slicing import Slice
from pinnscene.valued import Range, Values, by_value, evenly, without
from pinnscene.views import Differentiable
from pinnscene.wrapping import Wrapped

if TYPE_CHECKING:
    from pinnscene.render.request import RenderRequest

CONVERGED = 5  # values that metrics are taken at where a reference is itself solved for
WATCHED = 3  # values that the progress display looks at
DRAWN = 3  # values that figures are drawn of


@dataclass(frozen=True)
class Ranged(Wrapped):
    """A problem whose parameters are the last axes of its domain, to be subclassed: ``problem`` is that of the middle.

    Metrics are the worst over values of the parameters; ``at`` gives the problem and the field of one value.
    """

    if TYPE_CHECKING:

        @property
        def ranges(self) -> Mapping[str, Range]:
            """Lower and upper end of each parameter."""
            ...

    most: ClassVar[int] = 50  # values that metrics are taken at, where a reference costs nothing

    def member(self, values: Values) -> Problem:
        """The problem for one value of each parameter."""
        return replace(self.problem, **values)

    @property
    def middle(self) -> dict[str, float]:
        """The middle of each range."""
        return {name: (low + high) / 2 for name, (low, high) in self.ranges.items()}

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

    @cached_property
    def scored(self) -> list[dict[str, float]]:
        """The values that metrics are taken at."""
        info = self.problem.reference_info()
        return evenly(self.ranges, self.most if info is not None and info.kind == "exact" else CONVERGED)

    def reference(self, p: Points) -> Tensor | None:
        """Values of each point's own problem: one reference for every value of the parameters that occurs."""
        found: Tensor | None = None
        for values, mine in by_value(p, tuple(self.ranges)):
            part = self.member(values).reference(without(p[mine], len(self.ranges)))
            if part is None:
                return None
            found = part.new_zeros(len(p), part.shape[1]) if found is None else found
            found[mine] = part
        return found

    def reference_info(self) -> Reference | None:
        known = [self.member(values).reference_info() for values in self.scored]
        if any(info is None for info in known):
            return None
        poorest = max((info for info in known if info is not None), key=lambda info: info.error)
        return poorest._replace(note=f"worst of {len(known)} values of {', '.join(self.ranges)}: {poorest.note}")

    def conventional(self) -> None:
        """None: it solves for one value at a time."""

    def metric_points(self) -> int:
        return sum(self.member(values).metric_points() for values in self.scored)

    def metrics(self, u: Differentiable) -> dict[str, float]:
        scores = [self.member(values).metrics(Slice(u, values)) for values in self.scored]
        return {name: worst(score[name] for score in scores) for name in scores[0]}

    def metric_names(self) -> list[str]:
        return self.problem.metric_names()

    def monitor(self) -> tuple[str, Callable[[Differentiable], float]] | None:
        watched = [(values, quick_error(self.member(values))) for values in evenly(self.ranges, WATCHED)]
        takes = [(values, take[1]) for values, take in watched if take is not None]
        return ("rel_l2", lambda u: worst(take(Slice(u, values)) for values, take in takes)) if takes else None

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        from pinnscene.render.canvas import save
        from pinnscene.render.slices import slices

        written = []
        for values in evenly(self.ranges, DRAWN):
            name = ",".join(f"{k}={value:.4g}" for k, value in values.items())
            written.append(save(slices(self.member(values), Slice(u, values)), folder / f"{name}.png"))
        return written

    def check_render(self, request: "RenderRequest") -> None:
        self._expect_within(request.at or {})
        self.problem.check_render(replace(request, at=None))

    def render(self, u: Differentiable, request: "RenderRequest") -> list[Path]:
        member, held = self.at(u, request.at or {})
        return member.render(held, replace(request, at=None))


def worst(values: Iterable[float]) -> float:
    """The largest of some errors; not a number where one of them is none."""
    found = list(values)
    return nan if any(map(isnan, found)) else max(found)
