"""Marching in time: any problem with an axis t, solved in windows of it, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.operators import partials
from pinnscene.problem import Problem
from pinnscene.samplers import Fixed, Sampler
from pinnscene.seeds import generator
from pinnscene.views import Differentiable, Frozen, FunctionField
from pinnscene.wrapping import Wrapped

Span = tuple[float, float]
PROBES = 64  # points that say whether an ansatz holds the start


def staged(problem: Problem, spec: FieldSpec, windows: int | None) -> Problem:
    """The problem as it is trained: as suits the field, and in so many windows of t where a number is asked for.

    Raises:
        PinnsceneError: less than one window, or a problem without t.
    """
    suited = problem.suited(spec)
    if windows is None:
        return suited
    if isinstance(windows, bool) or not isinstance(windows, int) or windows < 1:
        raise PinnsceneError(f"windows expected a whole number of at least 1, got {windows}")
    return suited.in_windows(windows)


@dataclass(frozen=True)
class Marching(Wrapped):
    """A problem in windows of t: ``Marching(problem, (0.1, 0.5, 1.0)).solve()``.

    The first window is the problem up to its end. In a later one, what the problem says of its first time is said of
    the difference to the window before: values go on, and velocities where it has a condition on them; an ansatz that
    holds the start holds the last state of the window before instead. All other constraints are the problem's own, on
    points of the window.

    Attributes:
        problem: any problem on a box with an axis t.
        ends: upper ends of the windows, in order, the last one that of the box.

    Raises:
        PinnsceneError: no box with an axis t, or ends that do not fit it.
    """

    ends: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        begin, end = span(self.problem)
        ends = (begin, *self.ends)
        rising = all(isfinite(e) for e in ends) and all(a < b for a, b in pairwise(ends))
        if not self.ends or not rising or ends[-1] != end:
            raise PinnsceneError(f"windows expected ends that rise from {begin} to {end}, got {self.ends}")

    @classmethod
    def even(cls, problem: Problem, count: int) -> "Marching":
        """So many windows of the same length."""
        begin, end = span(problem)
        return cls(problem, (*(begin + (end - begin) * k / count for k in range(1, count)), end))

    def cuts(self) -> tuple[float, ...]:
        return self.ends

    def stage(self, k: int, before: Differentiable | None) -> Problem:
        begin = self.ends[k - 1] if k else span(self.problem)[0]
        return Window(self.problem, (begin, self.ends[k]), before)


def span(problem: Problem) -> Span:
    """First and last time of a problem; raises ``PinnsceneError`` where it is not on a box with an axis t."""
    domain = problem.domain
    if not isinstance(domain, Box) or "t" not in domain.axes:
        raise PinnsceneError(
            f"windows are of t, on a box: {type(problem).__name__} has the axes {', '.join(domain.axes)}; "
            "leave --windows out"
        )
    return domain.bounds["t"]


@dataclass(frozen=True)
class Window(Wrapped):
    """One window of a march.

    Attributes:
        problem: the whole.
        window: first and last time.
        before: the solved field of the window before; None for the first.
    """

    window: Span = (0.0, 1.0)
    before: Differentiable | None = None

    @property
    def domain(self) -> Box:
        return Box(**{**self.problem.domain.bounds, "t": self.window})

    def frame(self) -> tuple[Sequence[float], Sequence[float]]:
        k = self.domain.axes.index("t")
        lower, upper = (list(ends) for ends in self.problem.frame())
        lower[k], upper[k] = self.window
        return lower, upper

    def constraints(self) -> Mapping[str, Constraint]:
        found = {name: self._constraint(name, given) for name, given in self.problem.constraints().items()}
        return {name: constraint for name, constraint in found.items() if constraint is not None}

    def _constraint(self, name: str, given: Constraint) -> Constraint | None:
        """A constraint in this window; None where none of its points are."""
        begin, _ = span(self.problem)
        times = _times(name, given.sampler, 0)
        first = times == begin
        if bool(first.all()):
            return given if self.before is None else self._continued(given)
        if bool(first.any()) and self.before is not None:
            raise PinnsceneError(
                f"constraint '{name}' is partly at the first time: make that a constraint of its own, so that windows "
                "can tell the start from the rest"
            )
        sampler = self._within(name, given.sampler)
        return None if sampler is None else replace(given, sampler=sampler)

    def _continued(self, given: Constraint) -> Constraint:
        """What was said of the start, said of the difference to the window before."""
        before = self.before
        assert before is not None

        def residual(u: Any, p: Any) -> Tensor | Mapping[str, Tensor]:
            now = given.residual(u, p)
            with torch.no_grad():
                then = given.residual(before, p)
            if isinstance(now, Mapping) and isinstance(then, Mapping):
                return {part: r - then[part] for part, r in now.items()}
            assert isinstance(now, Tensor) and isinstance(then, Tensor)
            return now - then

        whole = span(self.problem)
        return replace(
            given, sampler=Squeezed(given.sampler, whole, (self.window[0], self.window[0])), residual=residual
        )

    def _within(self, name: str, sampler: Sampler) -> Sampler | None:
        """The sampler in this window.

        A box gets the window's ends. Points drawn at random are squeezed into it; of stored points, and of those that
        bring data along, the ones in it are taken.
        """
        if isinstance(sampler, Fixed):
            inner = self._within(name, sampler.sampler)
            return None if inner is None else Fixed(inner, sampler.seed)
        if "box" in getattr(sampler, "__dataclass_fields__", {}):
            given: Any = sampler
            return replace(given, box=self.domain)
        times = _times(name, sampler, 0)
        stored = type(sampler(generator(0, "probe"))) is not Points or torch.equal(times, _times(name, sampler, 1))
        begin, end = span(self.problem)
        if not stored:
            return Squeezed(sampler, (begin, end), self.window)
        kept = Kept(sampler, self.window, self.window[0] == begin)
        return kept if bool(kept.inside(times).any()) else None

    def ansatz(self) -> Ansatz | None:
        given = super().ansatz()
        if given is None or self.before is None:
            return given
        order = self._held(given)
        if order == 0:
            return given
        begin, end = span(self.problem)
        start, stop = self.window
        inner, scale = given.factor, ((end - begin) / (stop - start)) ** order
        assert inner is not None
        # (t - begin)^order in the factor becomes (t - start)^order, and whatever else is in it stays
        factor = lambda p: inner(p) * scale * ((p["t"] - start) / (p["t"] - begin)) ** order
        return replace(given, lift=Carried(self.before, self._lift(given), start, order - 1), factor=factor)

    def _held(self, given: Ansatz) -> int:
        """How much of the start an ansatz holds: 0 nothing, 1 the values, 2 the velocities too."""
        begin, _ = span(self.problem)
        if given.factor is None:
            return 0
        p = self.problem.domain.face(PROBES, t=begin)(generator(0, "probe"))
        u = FunctionField(given.factor, p.axes)
        value, slope = (float(part.detach().abs().max()) for part in partials(u, p, "", "t"))
        return 0 if value > 0 else 1 if slope > 0 else 2

    def _lift(self, given: Ansatz) -> Differentiable | None:
        lift = given.lift
        if lift is None or isinstance(lift, Differentiable):
            return lift
        k = len(self.values)
        return FunctionField(lambda p: lift(p) + p.coords.new_zeros(len(p), k), self.domain.axes, self.values)


class Carried(Differentiable):
    """A lift that goes on from another field: lift + the Taylor polynomial of before - lift about a time.

    At that time it is ``before``; on walls, where ``before`` is the lift, it stays the lift.
    """

    def __init__(self, before: Differentiable, lift: Differentiable | None, time: float, order: int) -> None:
        self.axes, self.values = before.axes, before.values
        self.before = Frozen(before, "t", time, order)
        self.lift = None if lift is None else (lift, Frozen(lift, "t", time, order))

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.before.param(name, p, along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Any]) -> list[Tensor]:
        carried = self.before.derivatives(p, operators)
        if self.lift is None:
            return carried
        now, then = (part.derivatives(p, operators) for part in self.lift)
        return [c + a - b for c, a, b in zip(carried, now, then, strict=True)]


@dataclass(frozen=True)
class Squeezed:
    """A sampler whose points are squeezed from one span of t into another."""

    sampler: Sampler
    whole: Span
    part: Span

    def __call__(self, generator: torch.Generator) -> Any:
        p = self.sampler(generator)
        coords, k = p.coords.clone(), p.axes.index("t")
        share = (coords[:, k] - self.whole[0]) / (self.whole[1] - self.whole[0])
        coords[:, k] = self.part[0] + (self.part[1] - self.part[0]) * share
        return replace(p, coords=coords)


@dataclass(frozen=True)
class Kept:
    """A sampler of whose points those in a span of t are taken: after its begin, or from it on for the first one."""

    sampler: Sampler
    part: Span
    first: bool

    def __call__(self, generator: torch.Generator) -> Any:
        p = self.sampler(generator)
        return p[self.inside(p["t"][:, 0]).nonzero()[:, 0]]

    def inside(self, t: Tensor) -> Tensor:
        begin, end = self.part
        return ((t >= begin) if self.first else (t > begin)) & (t <= end)


def _times(name: str, sampler: Sampler, seed: int) -> Tensor:
    """The times of the points that a sampler draws."""
    p = sampler(generator(seed, "probe"))
    if not isinstance(p, Points) or "t" not in p.axes:
        raise PinnsceneError(
            f"constraint '{name}' draws {type(p).__name__}, not points with an axis t: it cannot go in windows of t"
        )
    return p["t"][:, 0]
