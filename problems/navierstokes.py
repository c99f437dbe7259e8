"""Steady incompressible flow through planar regions, around obstacles."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.geometry.primitives import Block
from pinnscene.metrics import evaluate, max_abs, rel_l2
from pinnscene.problem import Problem
from pinnscene.problems.flowforces import Forces, coefficients, forces, pressure_difference
from pinnscene.problems.flowsolutions import kovasznay, poiseuille
from pinnscene.problems.flowwalls import Condition, Holds, expect_driven, parse_flow, velocity_on
from pinnscene.problems.obstacles import Around, Obstacle, obstacles
from pinnscene.problems.onregion import Function, OnRegion, solution_of
from pinnscene.problems.planeflow import PlaneFlow
from pinnscene.problems.regionwalls import somewhere
from pinnscene.render.flow import draw_flow
from pinnscene.samplers import Fixed
from pinnscene.views import Differentiable, FunctionField

PUBLISHED = Forces(5.57953523384, 0.010618948146, 0.11752016697)  # of the default, to these digits by Nabh (1998)
MODES, POINTS = "22,22", 1200  # of a box: Chebyshev polynomials along each axis, and points inside
HELD = 100.0  # weight of conditions beside the equations, all of them in units of the flow


@dataclass(frozen=True)
class NavierStokes(OnRegion):
    """u u_x + v u_y = -p_x + nu lap(u), u v_x + v v_y = -p_y + nu lap(v), u_x + v_y = 0 on a planar region.

    The steady Navier-Stokes equations, three outputs: the velocity (u, v) and the pressure p over the density.
    Domain: ``domain``, as of poisson-region, in the plane.
    Conditions, by part of the boundary: wall, u = v = 0; inflow, a parabola of the height ``speed`` across a straight
    part; outflow, nu du/dn - p n = 0; slip, no flow across and no stress along; velocity:U:V.
    Default: benchmark 2D-1 of Schaefer and Turek (1996): the channel [0, 2.2] x [0, 0.41] around the disc about
    (0.2, 0.2) of radius 0.05, Reynolds number 20. Published: drag 5.57953523384, lift 0.010618948146, pressure
    difference 0.11752016697.
    Closed form: ``exact``, from which the right side of every condition is made.
    Reference with exact=none: Taylor-Hood finite elements and Newton, converged by refinement.
    """

    domain: Any = "channel"  # a name, a formula, FILE of a closed shape, RUN of eikonal-sdf, FILE.py:name
    walls: str = "wall,x0=inflow,x1=outflow"  # conditions by part: wall, inflow, outflow, slip, velocity:U:V
    exact: Literal["kovasznay", "poiseuille", "none"] | Function = "none"  # the flow (u, v, p), or FILE.py:name
    nu: float = 0.001  # kinematic viscosity, length^2 / time
    speed: float = 0.3  # in the middle of the inflow, length / time

    values = ("u", "v", "p")
    width: ClassVar[int] = 1000
    points: ClassVar[int] = 2400
    scale: ClassVar[float] = 24.0
    turns: ClassVar[float] = 6.0  # radians that features turn by over the radius of a hole, at its rim

    def __post_init__(self) -> None:
        for name, value in (("nu", self.nu), ("speed", self.speed)):
            if not (isfinite(value) and value > 0):
                raise PinnsceneError(f"navier-stokes expected {name} > 0, got {value}")
        super().__post_init__()
        if len(self.region.axes) != 2:
            raise PinnsceneError(f"navier-stokes expected a planar domain, got the axes {', '.join(self.region.axes)}")
        _ = self.given

    @cached_property
    def conditions(self) -> dict[str, Condition]:
        """The condition of each part of the boundary."""
        return parse_flow(self.walls, self.region.parts)

    @cached_property
    def solution(self) -> Differentiable | None:
        """The flow that all data are made from, None where they are given."""
        low, high = self.region.lower[1], self.region.upper[1]
        known = solution_of(
            self.exact,
            {
                "kovasznay": kovasznay(self.nu),
                "poiseuille": poiseuille(self.nu, self.speed, low, high, self.region.upper[0]),
            },
        )
        return None if known is None else FunctionField(known, self.region.axes, self.values)

    @cached_property
    def given(self) -> dict[str, Callable[[Points], Tensor]]:
        """The velocity [n, 2] on the parts of the boundary that have one."""
        held = {part: c for part, c in self.conditions.items() if c.held}
        solution = self.solution
        if solution is not None:
            return dict.fromkeys(held, lambda p: solution(p)[:, :2].detach())
        found = {part: velocity_on(self.region, part, c, self.speed) for part, c in held.items()}
        expect_driven(self.region, self.conditions, found)
        return found

    @cached_property
    def obstacles(self) -> list[Obstacle]:
        """What the fluid flows around."""
        return obstacles(self.region)

    @cached_property
    def units(self) -> tuple[float, float]:
        """A length and a velocity of the flow, in which equations and conditions are weighed."""
        sides = [high - low for low, high in zip(self.region.lower, self.region.upper, strict=True)]
        length = min([min(sides), *(2 * core.radius for core in self.region.holes())])
        if self.solution is not None:
            return length, float(self.solution(self.region.grid(1000))[:, :2].abs().max())
        samples = [(part, self.region.boundary(200, part, points="halton")) for part in self.given]
        stream = torch.Generator().manual_seed(0)
        return length, max(float(self.given[part](sampler(stream)).abs().max()) for part, sampler in samples)

    def constraints(self) -> Mapping[str, Constraint]:
        length, fast = self.units
        pde = {"momentum": (length / fast**2) ** 2, "continuity": (length / fast) ** 2}
        found = {"pde": Constraint(self.region.interior(self.inside, "sobol"), self._pde, weight=pde)}
        if self.region.holes():
            found["pde_near"] = Constraint(Around(self.region, self.inside // 2), self._pde, weight=pde)
        whole = self.region.measure()
        for part, condition in self.conditions.items():
            share = self.region.measure(part) / whole
            count = max(round(self.inside * share / 2), self.inside // 12, 16)
            sampler = self.region.boundary(count, part, points="sobol")
            residual = Holds(condition, self.nu, fast, self.given.get(part), self.solution)
            found[f"wall_{part}"] = Constraint(sampler, residual, weight=HELD)
        if all(condition.kind != "outflow" for condition in self.conditions.values()):
            found["level"] = Constraint(Fixed(lambda g: self.anchor.to(g.device)), self._level, weight=HELD)
        return found

    def _pde(self, u: Differentiable, p: Points) -> dict[str, Tensor]:
        value, x, y, lap = u.derivatives(p, [{(): 1.0}, {(0,): 1.0}, {(1,): 1.0}, {(0, 0): 1.0, (1, 1): 1.0}])
        carried = value[:, :1] * x[:, :2] + value[:, 1:2] * y[:, :2]
        pressure = torch.cat([x[:, 2:], y[:, 2:]], 1)
        return {"momentum": carried + pressure - self.nu * lap[:, :2], "continuity": x[:, :1] + y[:, 1:2]}

    @cached_property
    def anchor(self) -> Points:
        """Where the pressure is held, where no outflow tells its level: zero, or that of the solution."""
        return somewhere(self.region)

    def _level(self, u: Differentiable, p: Points) -> Tensor:
        known = 0.0 if self.solution is None else self.solution(p).detach()[:, 2:]
        return (u(p)[:, 2:] - known) / self.units[1] ** 2

    @property
    def inside(self) -> int:
        return self.n or (POINTS if self._box else self.points)

    @property
    def _box(self) -> bool:
        """Whether the region is a box, which products of polynomials suit."""
        return isinstance(self.region.region, Block)

    def frame(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (self.region.lower, self.region.upper) if self._box else super().frame()

    def products(self) -> tuple[str, str]:
        return ("chebyshev", MODES) if self._box else ("", "")

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        if self._box and (backbone == "tensor" or (solver == "head" and backbone is None)):
            return Problem.field(self, solver, backbone)
        if solver != "head" or backbone not in (None, "siren"):
            return super().field(solver, backbone)
        plain = FieldSpec("siren", knobs={"width": self.width, "depth": 1})
        holes = self.singular().get("holes", ())
        return (
            replace(plain, encoding="inversion", knobs={**plain.knobs, "holes": holes, "turns": self.turns})
            if holes
            else plain
        )

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        known = super().knobs(backbone)
        return known | {"head": known["head"] | {"steps": 30}}

    def _fem(self, level: int) -> PlaneFlow:
        posed: Any = self  # pyright takes cached properties for writable ones
        return PlaneFlow(posed, level)

    def key(self) -> tuple[Any, ...]:
        """What the finite elements depend on."""
        return (type(self), self.region, self.walls, self.exact, self.nu, self.speed)

    @property
    def obstacle(self) -> Obstacle | None:
        """The obstacle whose forces are told: the only one, where the fluid sticks to it and ``speed`` flows in."""
        if self.solution is not None or all(c.kind != "inflow" for c in self.conditions.values()):
            return None
        stuck = [o for o in self.obstacles if all(self.conditions[part].kind == "wall" for part in o.parts)]
        return stuck[0] if len(stuck) == 1 else None

    def forces(self, u: Differentiable) -> Forces | None:
        """What a flow does to the obstacle; None where there is none."""
        return None if self.obstacle is None else forces(u, self.obstacle, self.nu, self.speed)

    def metrics(self, u: Differentiable) -> dict[str, float]:
        """Of the velocity rel_l2 and max_abs, the rel_l2 of each output, and the forces on the obstacle."""
        p = self.region.grid()
        truth, value = self.reference(p), evaluate(u, p)
        assert truth is not None
        found = {"rel_l2": rel_l2(value[:, :2], truth[:, :2]), "max_abs": max_abs(value[:, :2], truth[:, :2])}
        found |= {f"rel_l2_{name}": rel_l2(value[:, k], truth[:, k]) for k, name in enumerate(self.values)}
        forces = self.forces(u)
        return found | ({} if forces is None else forces._asdict())

    def metric_names(self) -> list[str]:
        return [*super().metric_names(), *(() if self.obstacle is None else Forces._fields)]

    def remarks(self, u: Differentiable) -> list[str]:
        found = self.forces(u)
        if found is None or self.obstacle is None:
            return []
        told = {"on the obstacle": found}
        if self._reference is not None and self.solution is None:
            elements: Any = self._reference.fine
            both = coefficients(elements.force(*self.obstacle.parts), self.obstacle, self.speed)
            told["by the finite elements"] = Forces(*both, pressure_difference(elements, self.obstacle))
        if replace(self, n=0) == NavierStokes():
            told["published"] = PUBLISHED
        return [f"{who}: {forces.told()}" for who, forces in told.items()]

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        return [draw_flow(self, u, folder / "flow.png"), *super().figures(u, folder)]

    def notes(self) -> list[str]:
        seen = ", and of its inversion in a circle within each hole" if self.region.holes() else ""
        kind = "products of polynomials" if self._box else f"random sines of the place{seen}"
        slow = ["the reference is solved at two resolutions when first asked for: about a minute"]
        return [
            f"features: {kind}; boundary: {', '.join(self.region.parts)}",
            *(slow if self.solution is None else []),
        ]
