"""The heat equation on regions of any form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import ceil, isfinite, log, sqrt
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.geometry import OverTime, hard_on
from pinnscene.operators import operator
from pinnscene.problems.evolution import growing
from pinnscene.problems.onregion import Function, OnRegion, solution_of
from pinnscene.problems.planeheat import PlaneHeat
from pinnscene.problems.regiontext import Told
from pinnscene.problems.regionwalls import STIFF, FromSolution, part_constraints
from pinnscene.views import Differentiable, Frozen, FunctionField


def growth(p: Points) -> Tensor:
    """exp(|x|^2 / 2 + t)."""
    return torch.exp(p.coords[:, :-1].square().sum(1, keepdim=True) / 2 + p["t"])


AGREE = 1e-6  # difference of start and walls, as a share of the larger
LOOKED = 256  # points of a part where the two are compared
APART = 3.5  # ratio of decays of layers around holes
LAYERS = 4  # their angular orders, fewer the thinner
SLOW = 0.05  # decays that potentials cover
SOLUTIONS: dict[str, Function] = {"growth": growth}


@dataclass(frozen=True)
class HeatRegion(OnRegion):
    """u_t = alpha lap(u) + f on a region of any form, in 1 to 5 dimensions of space.

    Domain: ``domain``, as of poisson-region, and t from ``begin`` to ``end``.
    Conditions: u = u0 at t = begin; Dirichlet u = c, Neumann du/dn = c or Robin du/dn = h (c - u), by part of the
    boundary.
    Default: the unit disc, at first zero everywhere, warmed by f = 1 and held at zero on the circle.
    Closed form: ``exact``, from which u0, f and the right side of every condition are made.
    Reference with exact=none, in the plane: finite elements in space and SDIRK steps in t, converged by refinement.
    """

    walls: str = "dirichlet:0"  # conditions by part of the boundary, such as dirichlet:1,hole=robin:2:0
    exact: Literal["growth", "none"] | Function = "none"  # the solution, or FILE.py:name
    alpha: float = 1.0  # thermal diffusivity, length^2 / time
    begin: float = 0.0  # first time
    end: float = 1.0  # last time
    start: float | Function = 0.0  # u0: a number or FILE.py:name
    source: float | Function = 1.0  # f with exact=none, value / time: a number or FILE.py:name
    windows: int = 0  # windows of t solved one after the other; 0 chooses
    growth: float = 3.0  # ratio of each window's length to that of the one before

    count: ClassVar[int] = 5  # of windows
    orders: ClassVar[int] = 2  # singular functions of each corner

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isfinite(self.alpha) and self.alpha > 0):
            raise PinnsceneError(f"expected alpha > 0 (a diffusivity), got {self.alpha}")
        if self.windows < 0 or not (isfinite(self.growth) and self.growth >= 1):
            raise PinnsceneError(f"expected windows >= 0 and growth >= 1, got {self.windows} and {self.growth}")
        numbers = any(wall.c != 0 for wall in self.conditions.values())
        given = isinstance(self.start, Frozen) or self.start == 0.0
        for name, value in (("start", self.start), ("source", self.source)):
            if isinstance(value, int | float) and not isfinite(value):
                raise PinnsceneError(f"expected a finite {name}, got {value}")
        if self.solution is not None and (numbers or self.source != type(self).source or not given):
            raise PinnsceneError(
                "exact gives source and right sides itself: set exact=none to give them, or walls without numbers"
            )

    def spread(self, region: Told) -> OverTime:
        return OverTime(region, self.begin, self.end)

    @cached_property
    def solution(self) -> Differentiable | None:
        """The solution that all data are made from, None where they are given."""
        known = solution_of(self.exact, SOLUTIONS)
        return None if known is None else FunctionField(known, self.domain.axes)

    def u0(self, p: Points) -> Tensor:
        """The state at the first time, [n, 1]."""
        if not isinstance(self.start, int | float):
            return self.start(p)
        if self.solution is not None:
            return Frozen(self.solution, "t", self.begin)(p)
        return torch.full_like(p["t"], self.start)

    def f(self, p: Points) -> Tensor | float:
        """The source, [n, 1] or a number."""
        if self.solution is not None:
            return self._gained(self.solution, p).detach()
        return self.source if isinstance(self.source, int | float) else self.source(p)

    def _gained(self, u: Differentiable, p: Points) -> Tensor:
        return operator(u, p, {"t": 1.0, **{2 * axis: -self.alpha for axis in self.region.axes}})

    def constraints(self) -> Mapping[str, Constraint]:
        right = None if self.solution is None else FromSolution(self.solution)
        found = {"pde": Constraint(self.domain.interior(self.inside, "sobol"), self._pde)}
        found |= part_constraints(self.domain, self.conditions, self.inside // 2, right, self.half)
        if self.ansatz() is not None:
            return found
        weight = (STIFF / self.half) ** 4
        return found | {"start": Constraint(self.domain.start(self.inside // 2, "sobol"), self._start, weight=weight)}

    def ansatz(self) -> Ansatz | None:
        """The start is held where it is known and the walls agree with it.

        Not that of a later window: what the window before got wrong would be in all that follow.
        """
        if isinstance(self.start, Frozen) or not self._agrees:
            return None
        return hard_on(self.domain, start=self.u0)

    @cached_property
    def _agrees(self) -> bool:
        """Whether values that are held on the boundary are those of the start."""
        for part, wall in self.conditions.items():
            if wall.b == 0 and self.solution is None:
                x = self.region.boundary(LOOKED, part, points="sobol")(torch.Generator().manual_seed(0)).coords
                p = Points(torch.cat([x, torch.full_like(x[:, :1], self.begin)], 1), self.domain.axes)
                u0 = self.u0(p).detach()
                if float((u0 - wall.c).abs().max()) > AGREE * max(abs(wall.c), float(u0.abs().max())):
                    return False
        return True

    def _start(self, u: Differentiable, p: Points) -> Tensor:
        return u(p) - self.u0(p)

    def _pde(self, u: Differentiable, p: Points) -> Tensor:
        return self._gained(u, p) - self.f(p)

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        known = super().knobs(backbone)
        return known | {"head": known["head"] | {"rescan": not self.scale}}

    def decays(self) -> dict[float, int]:
        """Potentials, and layers as thick as heat spreads in the longest window and down to the shortest."""
        ends = (self.begin, *(self.cuts() or (self.end,)))
        spans = [b - a for a, b in pairwise(ends)]
        slow, fast = (share * self.half / sqrt(self.alpha * f(spans)) for share, f in ((0.7, max), (0.5, min)))
        steps = ceil(log(max(fast / slow, 1.0)) / log(APART))
        ladder = [slow * max(fast / slow, 1.0) ** (k / max(steps, 1)) for k in range(steps + 1)]
        return {0.0: LAYERS} | {k: max(LAYERS - j, 1) for j, k in enumerate(ladder) if k > SLOW}

    def in_windows(self, count: int) -> Self:
        return replace(self, windows=count)

    def cuts(self) -> tuple[float, ...]:
        count = self.windows or (1 if self.solution is not None else self.count)
        if count == 1:
            return ()
        shares = growing(count, self.growth, 1.0)
        return (*(self.begin + (self.end - self.begin) * share for share in shares[:-1]), self.end)

    def stage(self, k: int, before: Differentiable | None) -> Self:
        ends = self.cuts()
        if not ends:
            return self
        if before is None:
            return replace(self, end=ends[k], windows=1)
        return replace(self, begin=ends[k - 1], end=ends[k], windows=1, start=Frozen(before, "t", ends[k - 1]))

    def _fem(self, level: int) -> PlaneHeat:
        posed: Any = self  # pyright takes cached properties for writable ones
        return PlaneHeat(posed, level)

    def key(self) -> tuple[Any, ...]:
        """What the finite elements depend on."""
        return (type(self), self.region, self.walls, self.alpha, self.begin, self.end, self.start, self.source)


@dataclass(frozen=True)
class HeatHoles(HeatRegion):
    """u_t = lap(u) around holes that exchange heat: PINNacle's Heat2D-CG.

    Domain: [-8, 8] x [-12, 12] without 11 discs of radius 1 and 6 of radius 0.4, t to 3; both axes mirror it, so a
    quarter is solved, with no flux through the axes. ``domain=seventeen-holes`` takes the whole.
    Conditions: u = 0 at t = 0; du/dn = 5 - u on the large holes, 1 - u on the small ones, 0.1 - u on the outer walls.
    Reference: finite elements in space and SDIRK steps in t, converged by refinement.
    """

    domain: Any = "quarter-holes"  # a name, a formula, FILE of a closed shape, RUN of eikonal-sdf, FILE.py:name
    walls: str = "robin:1:0.1,big=robin:1:5,small=robin:1:1,x0=neumann,y0=neumann"  # conditions by part
    source: float | Function = 0.0  # f, value / time: a number or FILE.py:name
    end: float = 3.0  # last time

    width: ClassVar[int] = 600
    points: ClassVar[int] = 10_000
    scale: ClassVar[float] = 8.0
    count: ClassVar[int] = 8


@dataclass(frozen=True)
class HeatBall(HeatRegion):
    """u_t = lap(u) / 5 + f in the unit ball of five dimensions: PINNacle's HeatND.

    Conditions: du/dn as of the solution on the sphere, u0 at t = 0.
    Closed form: u = exp(|x|^2 / 2 + t), from which f, u0 and the flux are made.
    Features: domain and data are the same in all directions, so the default ones are random functions of |x|^2 and t;
    ``--encoding none`` takes functions of all six coordinates, which reach 1e-3.
    """

    domain: Any = "ball-5d"  # a name or a formula
    walls: str = "neumann"  # conditions by part of the boundary
    exact: Literal["growth", "none"] | Function = "growth"  # the solution, or FILE.py:name
    alpha: float = 0.2  # thermal diffusivity, length^2 / time

    width: ClassVar[int] = 600
    points: ClassVar[int] = 3000

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        spec = super().field(solver, backbone)
        if solver != "head" or spec.backbone != "siren":
            return spec
        return replace(spec, encoding="radial", knobs={**spec.knobs, "kept": 1})

    def notes(self) -> list[str]:
        return [
            *super().notes(),
            "features unless others are chosen: functions of |x|^2 and t, as domain and data have no direction",
        ]
