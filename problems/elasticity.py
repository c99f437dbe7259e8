"""Static linear elasticity on regions of any form."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.boundary import as_column
from pinnscene.constraint import Constraint
from pinnscene.errors import NoSurface, PinnsceneError
from pinnscene.metrics import evaluate
from pinnscene.operators import hessian
from pinnscene.problems.elasticmaterial import PLANES, Material, Stresses
from pinnscene.problems.elasticsolutions import SOLUTIONS, Body
from pinnscene.problems.elasticwalls import ElasticWall, clamped_beside_free, parse_elastic, right_sides, rows
from pinnscene.problems.onregion import Function, OnRegion, solution_of
from pinnscene.problems.planeelastic import PlaneElastic
from pinnscene.problems.regionwalls import STIFF, counts
from pinnscene.problems.rigidmotions import Freedom, Means
from pinnscene.render.deformed import draw_deformed
from pinnscene.render.request import RenderRequest
from pinnscene.render.slices import draw_slices
from pinnscene.render.solid import render_solid
from pinnscene.samplers import Fixed
from pinnscene.views import Differentiable, FunctionField

SEEN = 512  # points that tell how large displacements are
WEIGHTS = {"displacement": STIFF**4, "traction": STIFF**2}


@dataclass(frozen=True)
class Elasticity(OnRegion):
    """-div(sigma) = f, sigma = lam tr(eps) I + 2 mu eps, eps = (grad u + grad u^T) / 2: static linear elasticity.

    Outputs: the displacement ux, uy and in space uz, small beside the body. lam and mu follow from Young's modulus and
    Poisson's ratio; in the plane for plane strain or plane stress.
    Domain: ``domain``, of two or three dimensions, as of poisson-region.
    Conditions, by part of the boundary, free where nothing is said: clamped[:ux:uy] (a component may be ``free``),
    traction:tx:ty (sigma n), pressure:p, free, roller (a plane of symmetry).
    Default: a plate with a hole, the displacement held outside, the traction given on the hole; of other domains, too,
    the traction on the last part of several.
    Closed form: ``exact``, from which f and the right side of every condition are made: waves, linear (the same stress
    everywhere), kirsch (an infinite plate with a hole, pulled along x) or a function with one column an axis.
    Reference with exact=none, in the plane: finite elements, converged by refinement.
    Where walls leave the body free to move as a whole, loads must balance, and on the mean over it it does not move.
    """

    domain: Any = "plate-hole"  # a name, a formula, FILE of a closed shape, RUN of eikonal-sdf, FILE.py:name
    walls: str = ""  # conditions by part, such as x0=clamped,x1=traction:1:0; none: see the default
    exact: Literal["waves", "linear", "kirsch", "none"] | Function = "waves"  # the displacement, or FILE.py:name
    force: tuple[float, ...] | Function = ()  # f with exact=none, force / volume: [0,-1] or FILE.py:name
    young: float = 1.0  # Young's modulus, force / area
    nu: float = 0.3  # Poisson's ratio, from 0 to below 0.5
    plane: Literal["strain", "stress"] = "strain"  # what does not happen across the plane

    def __post_init__(self) -> None:
        if not (isfinite(self.young) and self.young > 0):
            raise PinnsceneError(f"elasticity expected young > 0 (Young's modulus), got {self.young}")
        if not 0 <= self.nu < 0.5:
            raise PinnsceneError(
                f"elasticity expected 0 <= nu < 0.5 (Poisson's ratio), got {self.nu}"
                + ("; 0.5 is incompressible, which needs a pressure: take 0.499" if self.nu == 0.5 else "")
            )
        if self.plane not in PLANES:
            raise PinnsceneError(f"plane expected {' or '.join(PLANES)}, got '{self.plane}'")
        super().__post_init__()
        if len(self.region.axes) not in (2, 3):
            raise PinnsceneError(f"elasticity expected a domain in the plane or in space, got {self.region!r}")
        if not callable(self.force) and (
            len(self.force) not in (0, len(self.region.axes)) or not all(map(isfinite, self.force))
        ):
            raise PinnsceneError(
                f"force expected {len(self.region.axes)} finite numbers, one an axis, got {list(self.force)}"
            )
        if self.solution is not None:
            self._check_solution(self.solution)
            return
        _ = self.f(self._some(2))  # raises on a wrong shape
        if self.freedom.count:
            self.freedom.expect_balance(self.f)

    def _check_solution(self, solution: Differentiable) -> None:
        if self.force != () or any(any(wall.numbers) for wall in self.conditions.values()):
            raise PinnsceneError(
                "exact gives the force and the right sides of all conditions itself: set exact=none to give them"
            )
        shape = list(solution(self._some(1)).shape)
        if shape != [1, len(self.values)]:
            raise PinnsceneError(f"exact expected a column for each of {', '.join(self.values)}, got {shape[1:]}")

    def _some(self, n: int) -> Points:
        """Points inside, always the same."""
        return self.domain.interior(n, "halton")(torch.Generator().manual_seed(0))

    @property
    def values(self) -> tuple[str, ...]:
        """The displacement along each axis."""
        return tuple(f"u{axis}" for axis in self.region.axes)

    @property
    def smooth(self) -> bool:
        """Whether the displacement is a smooth closed form, of which trials with few features miss nothing."""
        return self.solution is not None and self.exact != "kirsch"

    @property
    def width(self) -> int:
        """Random features."""
        return 800 if self.smooth else 1500

    @property
    def scale(self) -> float:
        """Radians that features turn by over half the frame; 0 for a scan, which around holes stops too early."""
        return 0.0 if self.smooth else 32.0

    @property
    def material(self) -> Material:
        """What the body is made of."""
        return Material(self.young, self.nu, self.plane if len(self.region.axes) == 2 else "")

    @property
    def body(self) -> Body:
        """The region with its middle and half length, and its material."""
        ends = zip(self.region.lower, self.region.upper, strict=True)
        return Body(self.region, tuple((low + high) / 2 for low, high in ends), self.half, self.material)

    @cached_property
    def conditions(self) -> dict[str, ElasticWall]:
        """The condition of each part of the boundary."""
        parts = self.region.parts
        usual = "clamped" if len(parts) == 1 else f"clamped,{parts[-1]}=traction"
        return parse_elastic(self.walls or ("" if self.exact == "none" else usual), parts, len(self.region.axes))

    @cached_property
    def solution(self) -> Differentiable | None:
        """The displacement that all data are made from, None where they are given."""
        body = self.body
        known = solution_of(self.exact, {name: partial(f, body) for name, f in SOLUTIONS.items()})
        return None if known is None else FunctionField(known, self.domain.axes, self.values)

    def f(self, p: Points) -> Tensor:
        """The force on each unit of volume, [n, d]."""
        if self.solution is not None:
            return -self.material.divergence(hessian(self.solution, p)).detach()
        if callable(self.force):
            found = as_column(self.force, p)
            if found.shape != p.coords.shape:
                raise PinnsceneError(f"force expected to return {list(p.coords.shape)}, got {list(found.shape)}")
            return found
        return p.coords.new_tensor(self.force or [0.0] * len(p.axes)).expand(len(p), -1)

    @cached_property
    def size(self) -> float:
        """About how large displacements are, by which rows are scaled: nothing then depends on units."""
        p = self._some(SEEN)
        if self.solution is not None:
            found = [float(self.solution(p).detach().square().mean().sqrt())]
        else:
            found = [float(self.f(p).norm(dim=1).max()) * self.half**2 / self.young]
            for wall in self.conditions.values():
                scale = 1.0 if wall.kind == "clamped" else self.half / self.young
                found.append(scale * max(map(abs, wall.numbers)))
        return max(found) or self.half

    @cached_property
    def freedom(self) -> Freedom:
        """The rigid motions that the walls leave free."""
        return Freedom(self.body, self.conditions)

    def ansatz(self) -> Ansatz:
        return Ansatz(scale=self.size)

    def constraints(self) -> Mapping[str, Constraint]:
        found = {"pde": Constraint(self.domain.interior(self.inside, "sobol"), self._pde)}
        points = counts(self.domain, tuple(self.conditions), self.inside // 2)
        for (part, wall), n in zip(self.conditions.items(), points, strict=True):
            sampler = self.domain.boundary(n, part, points="sobol")
            found[f"wall_{part}"] = Constraint(sampler, partial(self._wall, wall), weight=WEIGHTS)
        if self.freedom.count:
            means = Fixed(lambda g: self.freedom.means.to(g.device))
            found["rest"] = Constraint(means, self._rest, weight=WEIGHTS["displacement"])
        return found

    def _pde(self, u: Differentiable, p: Points) -> Tensor:
        scale = self.half**2 / (self.young * self.size)
        return scale * (self.material.divergence(hessian(u, p)) + self.f(p))

    def _wall(self, wall: ElasticWall, u: Differentiable, p: Points) -> dict[str, Tensor]:
        scales = {"displacement": 1 / self.size, "traction": self.half / (self.young * self.size)}
        right = right_sides(wall, p) if self.solution is None else rows(wall, self.material, self.solution, p)
        found = rows(wall, self.material, u, p)
        return {name: scales[name] * (row - right[name].detach()) for name, row in found.items()}

    def _rest(self, u: Differentiable, means: Means) -> Tensor:
        goal = 0.0 if self.solution is None else means.of(self.solution).detach()
        return (means.of(u) - goal) / self.size

    def _fem(self, level: int) -> PlaneElastic:
        return PlaneElastic(self.freedom, self.f, level)

    def key(self) -> tuple[Any, ...]:
        """What the finite elements depend on."""
        return (type(self), self.region, self.walls, self.force, self.young, self.nu, self.plane)

    def derived(self, u: Differentiable) -> Stresses:
        """The stress, and the equivalent one of von Mises."""
        return Stresses(u, self.material)

    def remarks(self, u: Differentiable) -> list[str]:
        p = self.domain.grid(20_000)
        stress = evaluate(self.derived(u), p)[:, -1]
        at = int(stress.argmax())
        place = ", ".join(f"{axis} = {x:.3g}" for axis, x in zip(p.axes, p.coords[at].tolist(), strict=True))
        return [f"largest stress of von Mises on a grid inside: {float(stress[at]):.4g} at {place}"]

    def notes(self) -> list[str]:
        count = self.freedom.count
        found = super().notes()
        if count:
            found.append(f"no wall holds {count} rigid motions: they are zero on the mean over the body")
        where = None if self.smooth else clamped_beside_free(self.region, self.conditions)
        if where is not None:
            found.append(
                f"{where[0]} is clamped and meets {where[1]}, which is not: stresses grow without bound there, which "
                "random sines follow slowly; look at the held-out residual"
            )
        return found

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        written = draw_slices(self, u, folder)
        if len(self.region.axes) == 2:
            return [draw_deformed(self, u, folder / "deformed.png"), *written]
        with suppress(NoSurface):  # one too thin to trace
            stress, out = self.derived(u), folder / "surface_von_mises.png"
            written.append(render_solid(self, stress, "surface", RenderRequest(out), out, len(stress.values) - 1))
        return written
