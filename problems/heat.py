"""The heat equation on a box."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import isfinite
from typing import Any, Literal

from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.operators import operator
from pinnscene.problem import Conventional, Reference
from pinnscene.problems import heatstarts
from pinnscene.problems.evolution import Defaults, Evolution, Function
from pinnscene.problems.heatreference import HeatReference
from pinnscene.problems.wallconstraints import WallValues, values_of
from pinnscene.views import Differentiable, Frozen, FunctionField

# By space dimensions: features of the last layer, interior points, windows of t, for a start made of modes.
SIZES = {1: (400, 1200, 1), 2: (2000, 4000, 1), 3: (2200, 4200, 3), 4: (2000, 4000, 1), 5: (2000, 4000, 1)}
# Any other start or a source brings layers in space and t that spread with sqrt(alpha t): windows that grow
# geometrically see each layer at its own scale.
LAYERED = {1: (600, 1800, 7), 2: (1500, 3000, 5), 3: (2000, 4000, 3), 4: (2000, 4000, 3), 5: (2000, 4000, 3)}
GROWTH = 3.0
SLOW = 4  # the highest mode of a start that random features resolve


@dataclass(frozen=True)
class Heat(Evolution):
    """u_t = alpha sum_i ratio_i u_ii + f on a box in 1 to 5 space dimensions: x, y, z, w, v.

    Domain: each space axis from ``lower`` to ``upper``, t from ``begin`` to ``end``.
    Conditions: u = u0 at t = begin; Dirichlet u = c, Neumann du/dn = c, Robin du/dn = h (c - u) or periodic, by wall.
    Default: alpha = 0.4 on [0, 1] x [0, 1], u(x, 0) = sin(pi x), u = 0 on the walls, DeepXDE's heat example.
    Closed form: for constant alpha, no source and homogeneous Dirichlet, Neumann or periodic walls each mode of the
    walls decays by itself: u = sum c_m X_m(x) exp(-alpha k_m^2 t); the default is exp(-0.4 pi^2 t) sin(pi x).
    With ``exact``, that solution, from which start, source and the right side of every wall are made.
    Reference otherwise: Chebyshev or Fourier collocation in space, in time exponentials or, for functions as alpha or
    source, SciPy's BDF, converged by refinement; none beyond 3 dimensions.
    """

    dims: int = 1  # space dimensions, 1 to 5
    alpha: float | Function = 0.4  # thermal diffusivity, length^2 / time; or FILE.py:name, a function of the points
    ratios: tuple[float, ...] = ()  # diffusivity along each space axis over alpha, such as [4e-6,1]; none for all 1
    lower: float = 0.0  # lower end of the space axes, length
    upper: float = 1.0  # upper end of the space axes, length
    start: Literal["sine", "modes", "bump", "step"] | Function = "sine"  # u0: a name or FILE.py:name
    mode: int | tuple[int, ...] = 1  # which mode of the walls the sine start is; along each axis, such as [20,1]
    exact: Literal["none", "sines"] | Function = "none"  # a solution that gives all data: sum of sin(2 x), FILE.py:name
    source: float | Function = 0.0  # f, value / time: a number or FILE.py:name
    walls: str = "dirichlet"  # wall conditions, such as neumann or x=periodic,y0=robin:2:0,y1=dirichlet:1
    tensor: bool = False  # take products of waves or splines and polynomials, also where random features would do

    def __post_init__(self) -> None:
        if self.dims not in SIZES:
            raise PinnsceneError(f"heat expected dims 1 to 5, got {self.dims}")
        if isinstance(self.alpha, int | float) and not (isfinite(self.alpha) and self.alpha > 0):
            raise PinnsceneError(f"heat expected alpha > 0 (a diffusivity), got {self.alpha}")
        if isinstance(self.source, int | float) and not isfinite(self.source):
            raise PinnsceneError(f"heat expected a finite source, got {self.source}")
        for name, given in (("ratios", self.ratios), ("mode", self.modes)):
            if len(given) not in (0, self.dims) or not all(isfinite(g) and g > 0 for g in given):
                raise PinnsceneError(f"heat expected {name} of {self.dims} positive numbers, got {list(given)}")
        super().__post_init__()
        if self.exact != "none":
            self._check_exact()

    def _check_exact(self) -> None:
        if isinstance(self.exact, str) and self.exact != "sines":
            raise PinnsceneError(f"heat expected exact none, sines or a function, got '{self.exact}'")
        numbers = any(wall.c != 0 for pair in self.conditions.values() for wall in pair)
        started = self.start != "sine" and not isinstance(self.start, Frozen)
        if self.source != 0.0 or numbers or started:
            raise PinnsceneError("exact gives start, source and wall values itself: set none of these beside it")
        if self.exact == "sines" and callable(self.alpha):
            raise PinnsceneError("exact=sines expected a number as alpha: give a function as exact for another")

    @property
    def space(self) -> tuple[str, ...]:
        """The space axes."""
        return ("x", "y", "z", "w", "v")[: self.dims]

    @property
    def modes(self) -> tuple[int, ...]:
        """The mode of the sine start along each axis of space."""
        return (self.mode,) * self.dims if isinstance(self.mode, int) else self.mode

    @property
    def diffusivities(self) -> dict[str, float]:
        """The factor of alpha along each axis of space."""
        return dict(zip(self.space, self.ratios or (1.0,) * self.dims, strict=True))

    @cached_property
    def solution(self) -> Differentiable | None:
        """The solution that start, source and wall values are made from, None where they are given."""
        if not self.manufactured:
            return None
        known = (lambda p: heatstarts.sines(self, p)) if isinstance(self.exact, str) else self.exact
        return FunctionField(known, self.domain.axes, params=self.params())

    @cached_property
    def right(self) -> WallValues | None:
        """The right sides of the walls, None where they are the numbers in ``walls``."""
        return None if self.solution is None else values_of(self.solution)

    def starts(self) -> Mapping[str, Function]:
        return {name: partial(made, self) for name, made in heatstarts.NAMES.items()}

    def u0(self, p: Points) -> Tensor:
        if self.solution is not None and isinstance(self.start, str):
            return Frozen(self.solution, "t", self.begin)(p)
        return super().u0(p)

    def heating(self, p: Points) -> Tensor | float:
        """The source f, [n, 1] or a number."""
        if self.solution is not None:
            return 0.0 if self.exact == "sines" else self._gained(self.solution, p).detach()
        return self.source if isinstance(self.source, int | float) else self.source(p)

    def params(self) -> dict[str, Any]:
        return {"alpha": self.alpha} | ({} if self.manufactured else {"source": self.source})

    @property
    def manufactured(self) -> bool:
        """Whether ``exact`` gives the data."""
        return self.exact != "none"

    def _gained(self, u: Differentiable, p: Points) -> Tensor:
        """u_t - alpha sum_i ratio_i u_ii, [n, 1]."""
        alpha = u.param("alpha", p)
        return operator(u, p, {"t": 1.0, **{2 * axis: -alpha * ratio for axis, ratio in self.diffusivities.items()}})

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        return self._gained(u, p) - (self.heating(p) if self.manufactured else u.param("source", p))

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        spec = super().field(solver, backbone)
        if solver != "head" or spec.backbone == "tensor":
            return spec
        # in many dimensions half of the features look at two axes each
        few = {"pairs": 0.5} if self.dims > 3 and spec.backbone == "siren" else {}
        return replace(spec, knobs={**spec.knobs, "width": self._sizes[0], **few})

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        probe = {"probe": 300} if self.dims > 2 else {}  # scores cost more there
        known = super().knobs(backbone)
        return known | {"head": known["head"] | probe}

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return (SIZES if self._smooth else LAYERED)[self.dims]

    @property
    def _smooth(self) -> bool:
        return self.exact != "none" or (self.start in ("sine", "modes") and self.source == 0.0)

    def spectral(self) -> "Heat":
        return replace(self, tensor=True)

    def defaults(self) -> Defaults:
        return Defaults(*self._sizes[1:], 1.0 if self._smooth else GROWTH, 1.0, *self._products())

    def _products(self) -> tuple[str, str]:
        """Waves that the walls let stand, where random features are too slow for the start; splines near layers."""
        few = self.dims > 2 or (self._smooth and max(self.modes) <= SLOW)
        if few and not self.tensor:
            return "", ""
        if not self._smooth and self.dims == 1:
            return "spline,chebyshev", "48,10"
        waves = {"dirichlet": "sine", "neumann": "cosine", "periodic": "fourier", "free": "chebyshev"}
        kinds = [self.structure()[axis] for axis in self.space]
        counts = [(2 if k in ("periodic", "free") else 1) * m + 4 for m, k in zip(self.modes, kinds, strict=True)]
        # in windows 12 functions of t resolve a decay, in one window the fastest mode wants more
        times = 12 + 8 * (max(heatstarts.WEIGHTS) if self.start == "modes" else max(self.modes)) if few else 12
        if not self._smooth:
            counts, times = [32 if kind != "free" else 20 for kind in kinds], 8
        return ",".join([*(waves[kind] for kind in kinds), "chebyshev"]), ",".join(map(str, [*counts, times]))

    @cached_property
    def _reference(self) -> HeatReference:
        return HeatReference(self)

    def reference(self, p: Points) -> Tensor | None:
        return self._reference(p)

    def reference_info(self) -> Reference | None:
        return self._reference.info()

    def conventional(self) -> Conventional | None:
        return self._reference.conventional()
