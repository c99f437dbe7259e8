"""Poisson's equation on a region of two materials."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from os.path import isfile
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.boundary import FluxJump, Jump, Value, as_column, beside
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.geometry import Region, Sided, Sides, as_region
from pinnscene.operators import laplacian
from pinnscene.problems.interfacefem import InterfaceFem
from pinnscene.problems.onregion import Function, OnRegion, solution_of
from pinnscene.problems.poissonregion import PoissonRegion
from pinnscene.problems.regiontext import Told, read_region
from pinnscene.problems.regionwalls import STIFF, FromSolution, floats, part_constraints, somewhere
from pinnscene.samplers import Fixed
from pinnscene.views import Differentiable, FunctionField

CLEAR = 1e-4  # of the domain's size: how far its boundary is from an interface at least
PROBES = 2048  # points of the interface that tell whether it lies inside
LEAST = 3  # each side has at least one in so many of the points inside


@dataclass(frozen=True)
class PoissonInterface(OnRegion):
    """-div(a grad u) = f on a region cut in two, a = a_in within an inner region and a = a_out around it.

    Domain: ``domain`` around ``inner``, both any name, formula, file or run as of poisson-region, in the plane or in
    space; flower(x,y,radius,depth,petals) is a disc whose radius waves.
    Conditions: on the interface [u] = u_out - u_in = jump and [a du/dn] = flux, n out of the inner region; Dirichlet
    u = c, Neumann du/dn = c or Robin du/dn = h (c - u) by part of the outer boundary.
    Default: u = r^2 / a_in inside the disc of radius 1/2, r^2 / a_out + const around it, without jumps, a_in = 1000.
    Closed form: ``exact``, from which f, both jumps and the right side of every condition are made; jumps is
    u = exp(x) cos(y) / a_in inside and sin(2 x) cos(2 y) around. Your own gives u_in and u_out, two columns.
    Features: random sines with weights of their own on each side; u(x) answers for the side that x is on.
    Reference with exact=none, in the plane: finite elements that fit the interface, converged by refinement.
    """

    domain: Any = "box(-1,1,-1,1)"  # a name, a formula, FILE of a closed shape, RUN of eikonal-sdf, FILE.py:name
    inner: Any = "disc(0,0,0.5)"  # the same, within it
    a_in: float = 1000.0  # a inside, above 0
    a_out: float = 1.0  # a around, above 0
    exact: Literal["radial", "jumps", "none"] | Function = "radial"  # the solution, or FILE.py:name
    jump: float | Function = 0.0  # u_out - u_in with exact=none, value: a number or FILE.py:name
    flux: float | Function = 0.0  # a_out du_out/dn - a_in du_in/dn with exact=none: a number or FILE.py:name
    source: float | Function = 0.0  # f with exact=none: a number or FILE.py:name

    width: ClassVar[int] = 600
    points: ClassVar[int] = 3000

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "inner", read_region(self.inner))
        _within(self.inner, self.region)
        for name, a in (("a_in", self.a_in), ("a_out", self.a_out)):
            if not (isfinite(a) and a > 0):
                raise PinnsceneError(f"expected {name} > 0, got {a}")
        given = {"jump": self.jump, "flux": self.flux, "source": self.source}
        for name, value in given.items():
            if isinstance(value, int | float) and not isfinite(value):
                raise PinnsceneError(f"expected a finite {name}, got {value}")
        numbers = any(wall.c != 0 for wall in self.conditions.values())
        if self.solution is not None and (numbers or any(value != 0.0 for value in given.values())):
            raise PinnsceneError(
                "exact gives the source, the jumps and the right sides of all conditions itself: set exact=none to "
                "give them"
            )

        if self.solution is None and floats(self.conditions):
            raise PinnsceneError(
                "neumann conditions alone have a solution only where source and fluxes balance: hold one part of the "
                "boundary, such as walls=neumann,x0=dirichlet:0"
            )

    @cached_property
    def outer(self) -> Region:
        """What is around the inner region."""
        return as_region(self.region - self.inner)

    @cached_property
    def sides(self) -> Sides:
        """Inside and around. Of the larger a the field is nearly constant: there its scale is that of the variation."""
        return Sides(self.inner, scales=(min(1.0, self.a_out / self.a_in), 1.0))

    def ansatz(self) -> Ansatz:
        return Ansatz(sides=self.sides)

    def singular(self) -> dict[str, Any]:
        """Those of Poisson's equation around the inner region: there solutions look like what leaves it."""
        return PoissonRegion(self.outer, exact="none").singular()

    @cached_property
    def solution(self) -> Differentiable | None:
        """The solution that all data are made from, None where they are given."""
        known: dict[str, Function] = {"radial": self._radial, "jumps": self._jumps}
        both = solution_of(self.exact, known)
        if both is None:
            return None
        return Sided(FunctionField(lambda p: _columns(both(p)), self.domain.axes, ("u_in", "u_out")), self.sides)

    def _radial(self, p: Points) -> Tensor:
        square = p.coords.square().sum(1, keepdim=True)
        return torch.cat([square / self.a_in, square / self.a_out + (1 / self.a_in - 1 / self.a_out) / 4], 1)

    def _jumps(self, p: Points) -> Tensor:
        x, y = p["x"], p["y"]
        return torch.cat([x.exp() * y.cos() / self.a_in, (2 * x).sin() * (2 * y).cos()], 1)

    def a(self, p: Points) -> Tensor:
        """The coefficient [n, 1]."""
        return p.coords.new_tensor([self.a_in, self.a_out])[self.sides.of(p.coords)][:, None]

    def f(self, p: Points) -> Tensor:
        """The source, [n, 1]."""
        if self.solution is not None:
            return (-self.a(p) * laplacian(self.solution, p)).detach()
        return as_column(self.source, p)

    def constraints(self) -> Mapping[str, Constraint]:
        right = None if self.solution is None else FromSolution(self.solution)
        share = min(max(self.inner.volume / self.region.volume, 1 / LEAST), 1 - 1 / LEAST)
        count = max(round(share * self.inside), 1)
        found = {
            "pde_in": Constraint(self.inner.interior(count, "sobol"), self._inside),
            "pde_out": Constraint(self.outer.interior(max(self.inside - count, 1), "sobol"), self._around),
        }
        on = self.inner.boundary(max(self.inside // 4, 16), points="sobol")
        stiff = (STIFF / self.half) ** 2
        found |= {
            "jump": Constraint(on, self._jump, weight=stiff**2),
            "flux": Constraint(on, self._flux, weight=stiff),
        }
        found |= part_constraints(self.region, self.conditions, self.inside // 2, right, self.half)
        if floats(self.conditions):
            found["level"] = Constraint(Fixed(lambda g: self.anchor.to(g.device)), self._level, weight=STIFF**4)
        return found

    # Rows are in units of what is determined last. Where a_out is larger the outside, whose flux at the interface is
    # then as good as given, comes first and hands its values to the inside; where a_in is larger, the inside is
    # constant but for what fluxes in units of a_out tell.

    def _inside(self, u: Differentiable, p: Points) -> Tensor:
        return (-self.a_in * laplacian(u, p) - self.f(p)) / min(self.a_in, self.a_out)

    def _around(self, u: Differentiable, p: Points) -> Tensor:
        return -laplacian(u, p) - self.f(p) / self.a_out

    def _jump(self, u: Differentiable, p: Points) -> Tensor:
        given: Value = self.jump
        return Jump(given if self.solution is None else self._jumped)(u, p)

    def _flux(self, u: Differentiable, p: Points) -> Tensor:
        given: Value = self.flux
        return self._flows(given if self.solution is None else self._flowed)(u, p) / self.a_out

    def _jumped(self, p: Points) -> Tensor:
        assert self.solution is not None
        return Jump()(self.solution, p).detach()

    def _flowed(self, p: Points) -> Tensor:
        assert self.solution is not None
        return self._flows(0.0)(self.solution, p).detach()

    def _flows(self, flux: Value) -> FluxJump:
        return FluxJump(self.a_in, self.a_out, flux)

    @cached_property
    def anchor(self) -> Points:
        """Where the value is held where only Neumann conditions leave a constant free."""
        return somewhere(self.outer)

    def _level(self, u: Differentiable, p: Points) -> Tensor:
        return u(p) - (0.0 if self.solution is None else self.solution(p).detach())

    def _fem(self, level: int) -> InterfaceFem:
        posed: Any = self  # pyright takes cached properties for writable ones
        return InterfaceFem(posed, level)

    def key(self) -> tuple[Any, ...]:
        """What the finite elements depend on."""
        given = (self.a_in, self.a_out, self.exact, self.jump, self.flux, self.source)
        return (type(self), self.region, self.inner, self.walls, *given)

    def data_options(self) -> tuple[str, ...]:
        return (*super().data_options(), *(("inner",) if isfile(self.inner.text) else ()))

    def notes(self) -> list[str]:
        return [*super().notes(), f"each side of the interface has weights of its own: {2 * self.width} in all"]


def _columns(found: Tensor) -> Tensor:
    if found.ndim != 2 or found.shape[1] != 2:
        raise PinnsceneError(f"exact expected to return two columns, u inside and u around, got {list(found.shape)}")
    return found


def _within(inner: Told, region: Told) -> None:
    """Raise where the inner region is not one that the other one surrounds."""
    if inner.axes != region.axes or len(region.axes) not in (2, 3):
        got = " and ".join(",".join(r.axes) for r in (region, inner))
        raise PinnsceneError(f"domain and inner expected the same two or three axes, got {got}")
    interface = inner.boundary(PROBES, points="halton")(torch.Generator().manual_seed(0))
    size = max(high - low for low, high in zip(region.lower, region.upper, strict=True))
    clear = region.distance(interface)[:, 0] < -CLEAR * size
    within = region.inside(inner.interior(PROBES, "halton")(torch.Generator().manual_seed(0)).coords)
    if bool(clear.all()) and bool(within.all()):
        before, after = (inner.inside(side.coords) for side in beside(interface))
        if not bool((before & ~after).all()):
            raise PinnsceneError(
                f"inner={inner!r} is not known well enough to tell its two sides apart: expected a shape or a mesh"
            )
        return
    meet = bool(clear.any()) or bool(within.any())
    found = "leaves, or touches the boundary of," if meet else "does not meet"
    raise PinnsceneError(f"inner={inner!r} {found} the domain {region!r}: expected a region inside")
