"""What equations on regions of any form have in common: the domain, its conditions, random features that suit it."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from os.path import isfile
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.geometry import OverTime
from pinnscene.geometry.region import SPACE
from pinnscene.problem import Conventional, Problem, Reference
from pinnscene.problems.planefem import plane_reference
from pinnscene.problems.refinement import Refined
from pinnscene.problems.regiontext import Told, read_region
from pinnscene.problems.regionwalls import parse_parts
from pinnscene.problems.walls import Wall
from pinnscene.views import Differentiable

Function = Callable[[Points], Tensor]
POLES = 16  # angular orders of each hole


@dataclass(frozen=True)
class OnRegion(Problem):
    """An equation on a region of space, by default in the plane.

    A subclass gives ``domain`` and ``walls`` their defaults and writes ``constraints``.
    """

    domain: Any = "disc"  # a name, a formula, FILE of a closed shape, RUN of eikonal-sdf, FILE.py:name
    walls: str = "dirichlet"  # conditions by part of the boundary, such as dirichlet:1,hole=robin:2:0
    n: int = 0  # interior points a step; 0 chooses

    if TYPE_CHECKING:
        exact: ClassVar[Any]  # an option of each: the name of the solution, "none", or a function

    values = ("u",)
    width: ClassVar[int] = 1500  # random features
    points: ClassVar[int] = 4000  # inside
    orders: ClassVar[int] = 8  # singular functions of each corner
    scale: ClassVar[float] = 0.0  # radians that features turn by over half the frame; 0 for a scan

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain", self.spread(read_region(self.domain)))
        if self.n < 0:
            raise PinnsceneError(f"n expected at least 0 points, got {self.n}")
        _ = self.conditions  # raises on bad text

    def spread(self, region: Told) -> Any:
        """The domain over a region: itself, or with a time."""
        return region

    @property
    def region(self) -> Told:
        """The domain without its time."""
        region: Any = self.domain.region if isinstance(self.domain, OverTime) else self.domain
        return region

    @cached_property
    def conditions(self) -> dict[str, Wall]:
        """The condition of each part of the boundary."""
        return parse_parts(self.walls, self.region.parts)

    @property
    def half(self) -> float:
        """Half the longest side of the region's box."""
        return max(high - low for low, high in zip(self.region.lower, self.region.upper, strict=True)) / 2

    @property
    def middle(self) -> tuple[float, ...]:
        """The middle of the region's box."""
        return tuple((low + high) / 2 for low, high in zip(self.region.lower, self.region.upper, strict=True))

    def frame(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """A cube about the region, so that features are as fine along all axes of space."""
        lower, upper = [], []
        for axis, low, high in zip(self.domain.axes, self.domain.lower, self.domain.upper, strict=True):
            reach = self.half if axis in SPACE else (high - low) / 2
            lower.append((low + high) / 2 - reach)
            upper.append((low + high) / 2 + reach)
        return tuple(lower), tuple(upper)

    @property
    def inside(self) -> int:
        """Points inside."""
        return self.n or self.points

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        if solver != "head" or backbone not in (None, "siren", "singular"):
            return super().field(solver, backbone)
        singular = self.singular()
        if backbone == "siren" or not singular:
            return FieldSpec("siren", knobs={"width": self.width, "depth": 1})
        return FieldSpec("singular", knobs={"width": self.width, **singular})

    def singular(self) -> dict[str, Any]:
        """What corners and holes ask of features, as knobs of the backbone ``singular``; empty where there are none."""
        corners, holes = self.region.corners(), self.region.holes()
        if not (corners or holes):
            return {}
        place = lambda at: [(c - m) / self.half for c, m in zip(at, self.middle, strict=True)]
        turns = tuple(x for c in corners for x in (*place(c.place), c.angle, c.direction, 2 * self.half / c.room))
        cores = tuple(x for c in holes for x in (*place(c.centre), c.radius / self.half))
        decays = self.decays()
        knobs = {"decays": tuple(decays), "poles": tuple(decays.values())}
        return {"corners": turns, "orders": self.orders, "holes": cores, **knobs}

    def decays(self) -> dict[float, int]:
        """How fast what leaves a hole falls off, half the longest side as unit of length, and its angular orders.

        0 is for potentials.
        """
        return {0.0: POLES}

    @property
    @abstractmethod
    def solution(self) -> Differentiable | None:
        """The solution that all data are made from, None where they are given."""

    @abstractmethod
    def key(self) -> tuple[Any, ...]:
        """What the finite elements depend on."""

    @abstractmethod
    def _fem(self, level: int) -> Any:
        """The finite elements of a planar problem, coarse or fine."""

    @property
    def _reference(self) -> Refined | None:
        return plane_reference(self, self._fem) if len(self.region.axes) == 2 else None

    def reference(self, p: Points) -> Tensor | None:
        if self.solution is not None:
            return self.solution(p)
        return None if self._reference is None else self._reference(p)

    def reference_info(self) -> Reference | None:
        if self.solution is not None:
            return Reference("exact", 0.0, f"closed form: {self.exact if isinstance(self.exact, str) else 'exact'}")
        return None if self._reference is None else self._reference.info()

    def conventional(self) -> Conventional | None:
        return None if self._reference is None or self.solution is not None else self._reference.conventional()

    def params(self) -> dict[str, Any]:
        return {}

    def data_options(self) -> tuple[str, ...]:
        return ("domain",) if isfile(self.region.text) else ()

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        del backbone
        return {"head": {"form": "dense", "scale": self.scale}, "adam": {"steps": 3000}}

    def notes(self) -> list[str]:
        chosen = f"that turn by up to {self.scale:g} radians over half the frame"
        kind = f"random sines {chosen if self.scale else 'of a scale scanned by held-out residual'}"
        known = {"corners": self.region.corners(), "holes": self.region.holes()}
        more = " and ".join(f"functions of the {what}" for what, some in known.items() if some)
        kind = f"{kind}{more and f' beside {more}'}"
        return [f"features unless others are chosen: {kind}; boundary: {', '.join(self.region.parts)}"]


def solution_of(name: "str | Function", known: Mapping[str, Function]) -> Function | None:
    """The manufactured solution of a name, a function itself, None for "none"."""
    if callable(name):
        return name
    if name == "none":
        return None
    if name not in known:
        raise PinnsceneError(f"exact expected {', '.join((*known, 'none'))} or a function, got '{name}'")
    return known[name]
