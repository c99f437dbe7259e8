"""Evolution equations: a state at the first time, walls, and windows of t."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from math import isfinite
from typing import Any, ClassVar, NamedTuple, Self

from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.boundary import Dirichlet, Velocity
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.fieldspec import FieldSpec
from pinnscene.operators import partials
from pinnscene.placement import place
from pinnscene.problem import Problem
from pinnscene.problems.wallconstraints import WallValues, structure_of, wall_constraints
from pinnscene.problems.walls import Wall, parse_walls
from pinnscene.views import Differentiable, Frozen, FunctionField
from pinnscene.warmstart import fit

Function = Callable[[Points], Tensor]
START = 1e4  # weight of the start beside the equation: what is lost between windows is never found again


class Defaults(NamedTuple):
    """What an equation takes where its options leave the choice.

    Attributes:
        n: interior points, for features that take any.
        windows, growth: of t.
        longest: the longest window as a share of the whole; windows grow up to it.
        basis, modes: of tensor features, a basis and a number of functions an axis, which the head solver then takes;
            empty for random features.
    """

    n: int
    windows: int = 1
    growth: float = 1.0
    longest: float = 1.0
    basis: str = ""
    modes: str = ""


@dataclass(frozen=True)
class Evolution(Problem):
    """An equation in t on a box of space, solved from its state at the first time.

    A subclass sets ``lower``, ``upper`` and ``walls`` (options or not), and writes ``starts`` and ``pde``.
    """

    begin: float = 0.0  # first time
    end: float = 1.0  # last time
    start: str | Function = ""  # u0: a name, or FILE.py:name, a function of the points
    hard: bool | None = None  # hold start and zero walls by the ansatz; none: but for products of bases
    n: int = 0  # interior points a step, for features that take any; 0 chooses
    windows: int = 0  # windows of t solved one after the other; 0 chooses
    growth: float = 0.0  # ratio of each window's length to that of the one before, 1 for even windows; 0 chooses

    values = ("u",)
    order: ClassVar[int] = 1  # of the equation in t
    space_order: ClassVar[int] = 2  # of the equation in space
    lower: ClassVar[Any] = 0.0
    upper: ClassVar[Any] = 1.0
    walls: ClassVar[Any] = "periodic"

    def __post_init__(self) -> None:
        if self.n < 0 or self.windows < 0:
            raise PinnsceneError(f"n and windows expected at least 0, got {self.n} and {self.windows}")
        if self.growth != 0 and not (isfinite(self.growth) and self.growth >= 1):
            raise PinnsceneError(f"growth expected 0 or at least 1, got {self.growth}")
        if isinstance(self.start, str) and self.start not in self.starts():
            raise PinnsceneError(f"start expected {', '.join(self.starts())} or a function, got '{self.start}'")
        _ = self.domain, self.conditions  # both raise on bad input

    @property
    def space(self) -> tuple[str, ...]:
        """The space axes."""
        return ("x",)

    @cached_property
    def domain(self) -> Box:
        return Box(**dict.fromkeys(self.space, (self.lower, self.upper)), t=(self.begin, self.end))

    @cached_property
    def conditions(self) -> dict[str, tuple[Wall, Wall]]:
        """The lower and upper wall of each space axis."""
        return parse_walls(self.walls, self.space)

    @property
    def right(self) -> WallValues | None:
        """The right sides of the walls; none where they are the numbers in ``walls``."""
        return None

    def structure(self) -> dict[str, str]:
        return structure_of(self.domain, self.conditions, self.right, self.u0)

    def defaults(self) -> Defaults:
        """The points and windows that suit the equation."""
        return Defaults(2000)

    @abstractmethod
    def starts(self) -> Mapping[str, Function]:
        """The initial states that have names."""

    def u0(self, p: Points) -> Tensor:
        """The initial state [n, k]."""
        return self.starts()[self.start](p) if isinstance(self.start, str) else self.start(p)

    def v0(self, p: Points) -> Tensor:
        """The initial velocity [n, k] of an equation of second order in t: that of the window before, else zero."""
        before = self.before
        return partials(before, p, "t") if before is not None else p.coords.new_zeros(len(p), len(self.values))

    @property
    def before(self) -> Differentiable | None:
        """The state that a window starts from, where the start is one."""
        return self.start if isinstance(self.start, Differentiable) else None

    @abstractmethod
    def pde(self, u: Differentiable, p: Points) -> Tensor:
        """The residual [n, k] of the equation."""

    def constraints(self) -> Mapping[str, Constraint]:
        n = self.n or self.defaults().n
        found = {"pde": Constraint(self.domain.interior(n, "sobol"), self.pde)}
        if not self.holds:
            face = self.domain.face(n // 4 + 1, t=self.begin, points="sobol")
            found["start"] = Constraint(face, Dirichlet(self.u0), weight=START)
            if self.order == 2:
                found["velocity"] = Constraint(face, Velocity(self.v0), weight=START)
        return found | wall_constraints(self.domain, self.conditions, n, self.held, self.right, self.space_order)

    @property
    def holds(self) -> bool:
        """Whether the ansatz holds the start."""
        return not self.defaults().basis if self.hard is None else self.hard

    @cached_property
    def held(self) -> tuple[str, ...]:
        """Axes whose walls the ansatz holds: zero on both, and u0 zero there."""
        return tuple(axis for axis, edge in self.structure().items() if edge == "dirichlet") if self.holds else ()

    def ansatz(self) -> Ansatz | None:
        """U = u0 + (t - begin)^order prod (x - lower)(upper - x) N: start and held walls are exact."""
        if not self.holds:
            return None

        def factor(p: Points) -> Tensor:
            d = ((p["t"] - self.begin) / (self.end - self.begin)) ** self.order
            for axis in self.held:
                low, high = self.domain.bounds[axis]
                d = d * (p[axis] - low) * (high - p[axis]) * (4 / (high - low) ** 2)
            return d

        return Ansatz(self.before or self.u0, factor)

    def products(self) -> tuple[str, str]:
        known = self.defaults()
        return known.basis, known.modes

    def suited(self, spec: FieldSpec) -> Self:
        """Tensor features take their start as rows, whatever else there is has it held by the ansatz."""
        return self if self.hard is not None else replace(self, hard=spec.resolve().encoding != "tensor")

    def prepare(self, u: Field) -> None:
        """Splines stand close where the start is steep; the first guess is the start, held in t."""
        start = self.before or FunctionField(self.u0, u.axes, self.values)
        place(u, start)
        fit(u, start)

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        del backbone
        return {"head": {"rescan": self._growth > 1}, "adam": {"steps": 3000}}

    @property
    def _growth(self) -> float:
        return self.growth or self.defaults().growth

    def in_windows(self, count: int) -> Self:
        return replace(self, windows=count)

    def cuts(self) -> tuple[float, ...]:
        count, r = self.windows or self.defaults().windows, self._growth
        if count == 1:
            return ()
        shares = growing(count, r, max(self.defaults().longest, 1 / count))
        ends = (*(self.begin + (self.end - self.begin) * share for share in shares[:-1]), self.end)
        if any(b <= a for a, b in pairwise((self.begin, *ends))):
            raise PinnsceneError(f"{count} windows that grow by {r:g} leave the first none of t: take less growth")
        return ends

    def stage(self, k: int, before: Differentiable | None) -> Self:
        ends = self.cuts()
        if not ends:
            return self
        # what the options leave open is chosen for the whole, not anew for a window and its start
        window = replace(self, end=ends[k], n=self.n or self.defaults().n, hard=self.holds, windows=1)
        if before is None:
            return window
        begin = ends[k - 1]
        return replace(window, begin=begin, start=Frozen(before, "t", begin, self.order - 1))


def growing(count: int, ratio: float, longest: float) -> list[float]:
    """The upper ends of ``count`` windows of [0, 1], each ``ratio`` times the one before, none above ``longest``."""
    low, high = 0.0, longest
    for _ in range(200):  # the first window's length by bisection: the sum of all grows with it
        first = (low + high) / 2
        lengths = list(accumulate(range(count - 1), lambda length, _: min(length * ratio, longest), initial=first))
        low, high = (first, high) if sum(lengths) < 1 else (low, first)
    return list(accumulate(lengths))
