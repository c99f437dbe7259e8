"""Families of problems: a range in a region's formula, or of an option, as an axis of the field.

Nothing is asked of the equation: each value of the parameters has a problem of its own, whose points and residuals are
taken at values spread over the ranges. One field of the points and the parameters satisfies them all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.backbones import backbones
from pinnscene.batch import Points, coordinates
from pinnscene.constraint import Constraint
from pinnscene.derivatives import Index, Operator
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.geometry.varying import AtValues, Varying
from pinnscene.openness import expect_number
from pinnscene.parametrised import Column
from pinnscene.problem import Problem
from pinnscene.ranged import Ranged
from pinnscene.samplers import Sampler, knob_of, with_knob
from pinnscene.slicing import Slice
from pinnscene.templates import fill, is_template, ranges_in
from pinnscene.valued import Range, Values, by_value, corners, expect_range, naming, told, without
from pinnscene.views import Differentiable, coefficient

if TYPE_CHECKING:
    from pinnscene.exporting import Exported, ExportRequest, Kind

GROWTH = 4  # points for one more axis, as a multiple of those of a member


@dataclass(frozen=True)
class Family(Ranged):
    """A problem on a region for every value of some parameters.

    ``Family(PoissonRegion(), {"domain": "box(-1,1,-1,1) - disc(0,0,radius=0.2..0.5)"}).solve()``

    Attributes:
        problem: any of its members.
        given: options that vary: texts with named ranges in them, or both ends of numbers.
        window: of time: its number and the field of the window before, where the family is a stage of a longer one.

    Raises:
        PinnsceneError: ranges that are none, names that are taken, or values of which no problem can be made.
    """

    given: Mapping[str, "str | Range"] = field(default_factory=dict)
    window: "tuple[int, Differentiable | None] | None" = None

    most: ClassVar[int] = 11

    def __post_init__(self) -> None:
        if self.window is not None:
            return
        if not self.given:
            raise PinnsceneError("a family expected at least one range, got none")
        if isinstance(self.problem.domain, Box):
            raise PinnsceneError(
                f"option {next(iter(self.given))} has a range in its text, which is for regions: this problem has a box"
            )
        for name, ends in self.given.items():
            if isinstance(ends, str):
                if not is_template(ends):
                    raise PinnsceneError(f"option {name} expected a range in it, such as radius=0.2..0.5, got '{ends}'")
                continue
            expect_number(self.problem, name, "a range")
            expect_range(f"option {name}", ends)
        for name in ranges_in(self.texts):
            if name in self.problem.domain.axes or hasattr(self.problem, name):
                raise PinnsceneError(f"the range {name} has a name that the problem uses: call it something else")
        object.__setattr__(self, "problem", self.member(self.middle))  # whichever member it was
        _ = self.domain  # raises where a member has no inside
        for values in corners(self.ranges):
            if self.member(values).cuts() != self.problem.cuts():
                raise PinnsceneError(f"{', '.join(self.ranges)} would move the windows of t: set windows=1")
            self.posed(values)
        self.ansatz()  # raises where the members' do not go together
        for name, constraint in self.posed(self.middle).items():
            if not isinstance(constraint.sampler(torch.Generator().manual_seed(0)), Points):
                raise PinnsceneError(
                    f"{name} is about no single points, which ranges do not suit: solve one value at a time"
                )

    @property
    def texts(self) -> dict[str, str]:
        """Those of the options that are texts."""
        return {name: given for name, given in self.given.items() if isinstance(given, str)}

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """Lower and upper end of each parameter."""
        numbers = {name: given for name, given in self.given.items() if not isinstance(given, str)}
        return {**numbers, **ranges_in(self.texts)}

    @cached_property
    def _members(self) -> dict[tuple[float, ...], Problem]:
        return {}

    def member(self, values: Values) -> Problem:
        key = tuple(values[name] for name in self.ranges)
        if key not in self._members:
            self._members[key] = self._made(dict(zip(self.ranges, key, strict=True)))
        return self._members[key]

    @property
    def _outermost(self) -> list[Problem]:
        """The members at the ends of the ranges."""
        return [self.member(values) for values in corners(self.ranges)]

    def _made(self, values: dict[str, float]) -> Problem:
        options: dict[str, Any] = {k: values[k] for k, given in self.given.items() if not isinstance(given, str)}
        options |= {k: fill(text, values) for k, text in self.texts.items()}
        with naming(values):
            made = replace(self.problem, **options)
            if self.window is None:
                return made
            k, before = self.window
            return made.stage(k, None if before is None else Slice(before, values))

    @cached_property
    def domain(self) -> Varying:
        """The members' domains, the parameters as further axes."""
        return Varying(lambda values: self.member(values).domain, self.ranges)

    def frame(self) -> tuple[Sequence[float], Sequence[float]]:
        """What holds the frames of all members."""
        frames = [member.frame() for member in self._outermost]
        lows, highs = zip(*self.ranges.values(), strict=True)
        lower, upper = zip(*frames, strict=True)
        return [*map(min, *lower), *lows], [*map(max, *upper), *highs]

    def structure(self) -> dict[str, str]:
        return self.problem.structure() | dict.fromkeys(self.ranges, "free")

    def varied(self) -> dict[str, Any]:
        numbers = {k: f"{v[0]!r}..{v[1]!r}" for k, v in self.given.items() if not isinstance(v, str)}
        return {**self.problem.varied(), **numbers, **self.texts}

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        """The members' features, as far as those that know the region suit it at every value; else plain ones."""
        specs = [member.field(solver, backbone) for member in self._outermost]
        frame = self._outermost[0].frame()
        spec, alike = specs[0], all(member.frame() == frame for member in self._outermost)
        named = alike and spec.backbone in backbones
        knobs = backbones[spec.backbone].shared([s.knobs for s in specs], len(self.domain.axes)) if named else None
        spec = self.problem.field(solver, backbone or "siren") if knobs is None else replace(spec, knobs=knobs)
        kept = spec.knobs.get("kept")  # axes at the end that an encoding leaves as they are
        return spec if kept is None else replace(spec, knobs={**spec.knobs, "kept": kept + len(self.ranges)})

    def params(self) -> dict[str, Any]:
        known = self.problem.params()
        return known | {name: Column(name) for name in self.ranges if name in known}

    def constraints(self) -> Mapping[str, Constraint]:
        return {name: self._of_all(name, c) for name, c in self.posed(self.middle).items()}

    def _of_all(self, name: str, given: Constraint) -> Constraint:
        count, points = (knob_of(given.sampler, knob) for knob in ("n", "points"))
        sampler = AtValues(partial(self._sampler, name), self.ranges, GROWTH * (count or 1), points or "uniform")
        return replace(given, sampler=sampler, residual=OfMembers(self, name))

    def _sampler(self, name: str, values: Values, n: int, points: str) -> Sampler:
        own = self.posed(values)[name].sampler
        for knob, value in (("n", n), ("points", points)):
            own = with_knob(own, knob, value) if knob_of(own, knob) is not None else own
        return own

    @cached_property
    def _posed(self) -> dict[tuple[float, ...], Mapping[str, Constraint]]:
        return {}

    def posed(self, values: Values) -> Mapping[str, Constraint]:
        """The constraints of one member, which must have the names of the others."""
        key = tuple(values[name] for name in self.ranges)
        if key not in self._posed:
            found = self._posed[key] = self.member(values).constraints()
            first = next(iter(self._posed.values()))
            if found.keys() != first.keys():
                raise PinnsceneError(
                    f"at {told(values)} the constraints are {', '.join(found)}, elsewhere {', '.join(first)}: expected "
                    "the same for every value, narrow the range"
                )
        return self._posed[key]

    def cuts(self) -> tuple[float, ...]:
        return self.problem.cuts() if self.window is None else ()

    def stage(self, k: int, before: Differentiable | None) -> Problem:
        return replace(self, window=(k, before)) if self.cuts() else self

    def in_windows(self, count: int) -> Problem:
        return replace(self, problem=self.problem.in_windows(count))

    def ansatz(self) -> Ansatz | None:
        """What each member holds, at its own value."""
        made = [member.ansatz() for member in (*self._outermost, self.member(self.middle))]
        if all(own is None for own in made):
            return None
        if any(own is None or own.sides is not None for own in made):
            raise PinnsceneError(
                f"{', '.join(self.ranges)} would move an interface, or a condition that only some values hold by the "
                "shape of the field: solve for one value at a time"
            )
        return Ansatz(Held(self, "lift"), Held(self, "factor"), max(own.scale for own in made if own is not None))

    def notes(self) -> list[str]:
        axes = ", ".join(f"{name} from {low:g} to {high:g}" for name, (low, high) in self.ranges.items())
        return [*self.problem.notes(), f"every value at once: {axes}"]

    def formats(self) -> tuple[str, ...]:
        return self.problem.formats()

    def exports(self) -> "Mapping[str, Kind]":
        return self.problem.exports()

    def export(self, u: Differentiable, request: "ExportRequest") -> "Exported":
        """The field of the middle; ``at`` gives those of other values."""
        member, held = self.at(u, {})
        return member.export(held, request)


@dataclass(frozen=True)
class Held:
    """The lift or the factor of each member's ansatz at points of several members."""

    family: Family
    part: str

    def __call__(self, p: Points) -> Tensor:
        parts, order = [], []
        for values, rows in by_value(p, tuple(self.family.ranges)):
            own = without(p[rows], len(values))
            function = getattr(self.family.member(values).ansatz(), self.part)
            parts.append(
                own.coords.new_full((len(own), 1), float(self.part == "factor")) if function is None else function(own)
            )
            order.append(rows)
        return _in_order(parts, order)


@dataclass(frozen=True)
class OfMembers:
    """A constraint's residual at points of several members, each row that of its own member."""

    family: Family
    name: str

    def __call__(self, u: Differentiable, p: Points) -> "Tensor | Mapping[str, Tensor]":
        asked, parts, order = Asked(u, p), [], []
        for values, rows in by_value(p, tuple(self.family.ranges)):
            own = without(p[rows], len(values))
            residual = self.family.posed(values)[self.name].residual
            parts.append(residual(Own(asked, self.family.member(values), values, rows, own), own))
            order.append(rows)
        if isinstance(parts[0], Mapping):
            return {block: _in_order([part[block] for part in parts], order) for block in parts[0]}
        return _in_order(parts, order)


def _in_order(parts: Sequence[Tensor], rows: Sequence[Tensor]) -> Tensor:
    """What was found for some rows of a batch at a time, as one."""
    return torch.cat(list(parts))[torch.cat(list(rows)).argsort()]


class Asked:
    """Derivatives of a field at the points of all members, asked for once, whichever member wants its rows of them.

    So a residual stays one that is pointwise, and its members cost no more than one.
    """

    def __init__(self, u: Differentiable, p: Points) -> None:
        self.u, self.p = u, p
        self.known: dict[Index, Tensor] = {}

    def parts(self, indices: Sequence[Index]) -> dict[Index, Tensor]:
        """Each derivative [n, k]."""
        missing = [index for index in dict.fromkeys(indices) if index not in self.known]
        if missing:
            answers = self.u.derivatives(self.p, [{index: 1.0} for index in missing])
            self.known |= dict(zip(missing, answers, strict=True))
        return self.known


class Own(Slice):
    """The field of one member at its own ``rows`` of a batch; anywhere else it is a ``Slice``."""

    def __init__(self, asked: Asked, member: Problem, values: Values, rows: Tensor, own: Points) -> None:
        super().__init__(asked.u, values)
        self.asked, self.member, self.rows, self.own = asked, member, rows, own

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return coefficient(self.member.params(), name, p, self.axes, along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        x = coordinates(p, len(self.axes))
        if x is not self.own.coords and not (x.shape == self.own.coords.shape and torch.equal(x, self.own.coords)):
            return super().derivatives(p, operators)
        moved = self.moved(operators)
        known = self.asked.parts([index for op in moved for index in op])
        return [torch.stack([c * known[index][self.rows] for index, c in op.items()]).sum(0) for op in moved]
