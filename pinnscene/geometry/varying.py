"""A domain that changes with parameters, which are its last axes: each value of them has its own member."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Domain
from pinnscene.errors import PinnsceneError
from pinnscene.samplers import Sampler
from pinnscene.valued import Range, Values, by_value, corners, evenly, joined, naming, spread, told, without

DRAWN, UNSEEN = 32, 16  # values that points are drawn at, and others for points that are never trained on
LEVELS = 11  # values of a grid


class Varying(Domain):
    """The points and values (p, v) with p in ``member(v)``; the parts of its boundary are those of the members.

    Args:
        member: the domain for given values.
        ranges: lower and upper end of each parameter.

    Raises:
        PinnsceneError: an empty member, or members with other axes or other parts of the boundary than the rest.
    """

    def __init__(self, member: Callable[[Values], Domain], ranges: Mapping[str, Range]) -> None:
        self.member, self.ranges = member, dict(ranges)
        ends = corners(ranges)
        members = [expected(member, values) for values in ends]
        self.first = members[0]
        for values, other in zip(ends, members, strict=True):
            if (other.axes, set(other.parts)) != (self.first.axes, set(self.first.parts)):
                raise PinnsceneError(
                    f"the boundary has the parts {', '.join(self.first.parts)} at {told(ends[0])}, but "
                    f"{', '.join(other.parts)} at {told(values)}: expected the same for every value, narrow the range"
                )
        self.axes = (*self.first.axes, *ranges)
        self.lower = (*map(min, *(m.lower for m in members)), *(low for low, _ in ranges.values()))
        self.upper = (*map(max, *(m.upper for m in members)), *(high for _, high in ranges.values()))

    def __repr__(self) -> str:
        return f"Varying({', '.join(f'{name}={low:g}..{high:g}' for name, (low, high) in self.ranges.items())})"

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts of every member's boundary."""
        return self.first.parts

    def interior(self, n: int, points: str = "uniform") -> "AtValues":
        return AtValues(lambda v, n, points: self.member(v).interior(n, points), self.ranges, n, points)

    def boundary(self, n: int, *parts: str, points: str = "uniform") -> "AtValues":
        return AtValues(lambda v, n, points: self.member(v).boundary(n, *parts, points=points), self.ranges, n, points)

    def grid(self, most: int = 200_000) -> Points:
        values = evenly(self.ranges, LEVELS ** len(self.ranges))
        return joined((v, self.member(v).grid(max(1, most // len(values)))) for v in values)

    def distance(self, p: Points | Tensor) -> Tensor:
        """To the boundary of each point's own member."""
        p = p if isinstance(p, Points) else Points(p, self.axes)
        found = p.coords.new_zeros(len(p), 1)
        for values, mine in by_value(p, tuple(self.ranges)):
            found[mine] = self.member(values).distance(without(p[mine], len(values)))
        return found


def expected(member: Callable[[Values], Domain], values: Values) -> Domain:
    """The member for some values; raises ``PinnsceneError`` naming them where there is none, or it has no inside."""
    with naming(values):
        made = member(values)
        made.interior(1)(torch.Generator().manual_seed(0))
        return made


@dataclass(frozen=True)
class AtValues:
    """A sampler of about ``n`` points, shared out evenly to values of the parameters.

    The values are the same at every draw, so that no more members are made: the corners of the ranges, and Sobol's.

    Attributes:
        sampler: (values, points of theirs, sequence) -> the sampler of one member.
        ranges: lower and upper end of each parameter.
        n, points: see ``Domain.interior``.
    """

    sampler: Callable[[Values, int, str], Sampler]
    ranges: Mapping[str, Range]
    n: int
    points: str = "uniform"

    def __call__(self, generator: torch.Generator) -> Points:
        return self._drawn([*corners(self.ranges), *spread(self.ranges, DRAWN)], generator)

    def heldout(self, generator: torch.Generator) -> Points:
        """The same at other values, which no step is trained on."""
        return self._drawn(spread(self.ranges, UNSEEN, seed=1), generator)

    def _drawn(self, values: Sequence[Values], generator: torch.Generator) -> Points:
        each = -(-self.n // len(values))
        return joined((v, self.sampler(v, each, self.points)(generator)) for v in values)
