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
from pinnscene.views import Differentiable

# By space dimensions: features of the last layer, interior points, windows of t, for a start made of modes.
SIZES = {1: (400, 1200, 1), 2: (2000, 4000, 1), 3: (2200, 4200, 3)}
# Any other start or a source brings layers in space and t that spread with sqrt(alpha t): windows that grow
# geometrically see each layer at its own scale.
LAYERED = {1: (600, 1800, 7), 2: (1500, 3000, 5), 3: (2000, 4000, 3)}
GROWTH = 3.0


@dataclass(frozen=True)
class Heat(Evolution):
    """u_t = alpha lap(u) + f on a box in 1, 2 or 3 space dimensions.

    Domain: each space axis from ``lower`` to ``upper``, t from ``begin`` to ``end``.
    Conditions: u = u0 at t = begin; Dirichlet u = c, Neumann du/dn = c, Robin du/dn = h (c - u) or periodic, by wall.
    Default: alpha = 0.4 on [0, 1] x [0, 1], u(x, 0) = sin(pi x), u = 0 on the walls, DeepXDE's heat example.
    Closed form: for constant alpha, no source and homogeneous Dirichlet, Neumann or periodic walls each mode of the
    walls decays by itself: u = sum c_m X_m(x) exp(-alpha k_m^2 t); the default is exp(-0.4 pi^2 t) sin(pi x).
    Reference otherwise: Chebyshev or Fourier collocation in space and SciPy's BDF in time, converged by refinement.
    """

    dims: int = 1  # space dimensions, 1 to 3
    alpha: float | Function = 0.4  # thermal diffusivity, length^2 / time; or FILE.py:name, a function of the points
    lower: float = 0.0  # lower end of the space axes, length
    upper: float = 1.0  # upper end of the space axes, length
    start: Literal["sine", "modes", "bump", "step"] | Function = "sine"  # u0: a name or FILE.py:name
    mode: int = 1  # which mode of the walls the sine start is
    source: float | Function = 0.0  # f, value / time: a number or FILE.py:name
    walls: str = "dirichlet"  # wall conditions, such as neumann or x=periodic,y0=robin:2:0,y1=dirichlet:1

    def __post_init__(self) -> None:
        if self.dims not in SIZES:
            raise PinnsceneError(f"heat expected dims 1, 2 or 3, got {self.dims}")
        if isinstance(self.alpha, int | float) and not (isfinite(self.alpha) and self.alpha > 0):
            raise PinnsceneError(f"heat expected alpha > 0 (a diffusivity), got {self.alpha}")
        if isinstance(self.source, int | float) and not isfinite(self.source):
            raise PinnsceneError(f"heat expected a finite source, got {self.source}")
        if self.mode < 1:
            raise PinnsceneError(f"heat expected mode >= 1, got {self.mode}")
        super().__post_init__()

    @property
    def space(self) -> tuple[str, ...]:
        """The space axes."""
        return ("x", "y", "z")[: self.dims]

    def starts(self) -> Mapping[str, Function]:
        return {name: partial(made, self) for name, made in heatstarts.NAMES.items()}

    def heating(self, p: Points) -> Tensor | float:
        """The source f, [n, 1] or a number."""
        return self.source if isinstance(self.source, int | float) else self.source(p)

    def params(self) -> dict[str, Any]:
        return {"alpha": self.alpha}

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        alpha = u.param("alpha", p)
        return operator(u, p, {"t": 1.0, **{axis * 2: -alpha for axis in self.space}}) - self.heating(p)

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        spec = super().field(solver, backbone)
        return replace(spec, knobs={**spec.knobs, "width": self._sizes[0]}) if solver == "head" else spec

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        probe = {"probe": 300} if self.dims == 3 else {}  # scores cost more there
        known = super().knobs(backbone)
        return known | {"head": known["head"] | probe}

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return (SIZES if self._smooth else LAYERED)[self.dims]

    @property
    def _smooth(self) -> bool:
        return self.start in ("sine", "modes") and self.source == 0.0

    def defaults(self) -> Defaults:
        return Defaults(*self._sizes[1:], 1.0 if self._smooth else GROWTH)

    @cached_property
    def _reference(self) -> HeatReference:
        return HeatReference(self)

    def reference(self, p: Points) -> Tensor:
        return self._reference(p)

    def reference_info(self) -> Reference:
        return self._reference.info()

    def conventional(self) -> Conventional:
        return self._reference.conventional()
