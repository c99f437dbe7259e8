"""The diffusivity of a plate from measured temperatures: an inverse problem whose unknown is a field."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite, pi
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.coefficientfields import PositiveSpline
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.fieldspec import FieldSpec
from pinnscene.inverse import SOFT, estimates, expect_inside, stiffness, unlike
from pinnscene.measurements import Agree, Measurements, measurements
from pinnscene.metrics import evaluate, max_abs, rel_l2
from pinnscene.operators import partials
from pinnscene.problem import Conventional, Reference
from pinnscene.problems.evolution import Defaults, Evolution, Function
from pinnscene.problems.refinement import Refined
from pinnscene.problems.variablediffusion import VariableDiffusion
from pinnscene.seeds import generator
from pinnscene.views import Differentiable

RESOLUTIONS = (22, 28)  # collocation intervals an axis of the coarse and of the fine solve that data come from
SMALL = 0.2  # share of the largest slope below which the slope of u is small: there u does not depend on D
SIDE = 81  # points an axis that D is compared on


def bumps(p: Points, side: float) -> Tensor:
    """1 with a hill of 0.6 and a hollow of 0.4, an eighth and a tenth of the side wide."""
    x, y = p["x"] / side, p["y"] / side
    hill = torch.exp(-((x - 0.35) ** 2 + (y - 0.6) ** 2) / (2 * 0.125**2))
    hollow = torch.exp(-((x - 0.7) ** 2 + (y - 0.3) ** 2) / (2 * 0.15**2))
    return 1 + 0.6 * hill - 0.4 * hollow


@dataclass(frozen=True)
class Diffusivity(Evolution):
    """u_t = div(D grad u) on a square plate, D(x, y) unknown, found from measured rows (t, x, y, u).

    Domain: x and y from 0 to ``side``, t from 0 to ``end``, by default [0, 10]^2 x [0, 5].
    Conditions: u = 100 sin(pi x / side) sin(pi y / side) at the start, u = 0 on the walls; the rows of ``data``.
    Unknown: log D is a sum of B-splines; the weight of its thin-plate roughness is chosen by generalised
    cross-validation, and u and D are found together by variable projection.
    Default: rows made on the spot, ``rows`` random places of a solve with a known D, with ``noise``.
    Reference: that solve, Chebyshev collocation and eigenvectors, converged by refinement; with ``data`` there is none.
    """

    end: float = 5.0  # last time
    start: str | Function = "sine"  # u0: sine, or FILE.py:name, zero on the walls
    side: float = 10.0  # of the plate, length
    peak: float = 100.0  # of the start, value
    data: str = ""  # measured rows, a file with columns t, x, y and u; none for rows that are made
    truth: str | Function = "bumps"  # D that rows are made with, length^2 / time: bumps, or FILE.py:name
    rows: int = 20_000  # rows that are made
    noise: float = 0.01  # of rows that are made, as a share of the root mean square of u
    draw: int = 0  # which rows and which noise are made
    splines: int = 12  # B-splines along each axis of D
    guess: float = 1.0  # the constant that D begins as, length^2 / time

    lower = 0.0
    walls = "dirichlet"

    def __post_init__(self) -> None:
        sizes = {"side": self.side, "guess": self.guess}
        for name, size in sizes.items():
            if not (isfinite(size) and size > 0):
                raise PinnsceneError(f"diffusivity expected {name} > 0, got {size}")
        if not (isfinite(self.noise) and self.noise >= 0):
            raise PinnsceneError(f"diffusivity expected noise >= 0, got {self.noise}")
        if self.rows < 10 or self.splines < 4 or self.draw < 0:
            raise PinnsceneError(
                f"expected rows >= 10, splines >= 4 and draw >= 0, got {self.rows}, {self.splines} and {self.draw}"
            )
        if isinstance(self.truth, str) and self.truth != "bumps":
            raise PinnsceneError(f"truth expected bumps or a function, got '{self.truth}'")
        super().__post_init__()
        if self.data:
            expect_inside(self.measured.data, self.domain, self.data)

    @property
    def upper(self) -> float:
        """The upper end of x and y."""
        return self.side

    @property
    def space(self) -> tuple[str, ...]:
        """The space axes."""
        return ("x", "y")

    def starts(self) -> Mapping[str, Function]:
        wave = lambda s: torch.sin(pi * s / self.side)
        return {"sine": lambda p: self.peak * wave(p["x"]) * wave(p["y"])}

    def defaults(self) -> Defaults:
        return Defaults(2000, basis="chebyshev", modes="12,12,6")

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        """Tensor features with as many points as functions: the equation then holds at them whatever D is.

        With more points its residual is a compromise, which a D that suits the features makes smaller: that D is wrong.
        """
        spec = super().field(solver, backbone)
        return replace(spec, knobs={**spec.knobs, "oversample": 1.0}) if spec.backbone == "tensor" else spec

    @property
    def holds(self) -> bool:
        return self.hard is not False

    def suited(self, spec: FieldSpec) -> "Diffusivity":
        """The start stays in the ansatz, whatever the field: rows of it would be one more compromise."""
        del spec
        return self

    def params(self) -> dict[str, Any]:
        ends = self.domain.bounds
        return {
            "d": PositiveSpline(
                self.space,
                [ends[a][0] for a in self.space],
                [ends[a][1] for a in self.space],
                (self.splines, self.splines),
                self.guess,
            )
        }

    def pde(self, u: Differentiable, p: Points) -> Tensor:
        rate, x, y, xx, yy = partials(u, p, "t", "x", "y", "xx", "yy")
        d, d_x, d_y = (u.param("d", p, along) for along in ("", "x", "y"))
        return rate - d * (xx + yy) - d_x * x - d_y * y

    def constraints(self) -> Mapping[str, Constraint]:
        found = dict(super().constraints())
        return found | {"data": Constraint(self.measured, Agree(), weight=SOFT * stiffness(self, found))}

    @property
    def measured(self) -> Measurements:
        """The rows, given or made."""
        return _read(self.data, self.domain.axes) if self.data else _made(self.sampled)

    @property
    def asked(self) -> "Diffusivity":
        """The problem by what its solve depends on alone."""
        return replace(self.sampled, rows=10, noise=0.0, draw=0)

    @property
    def sampled(self) -> "Diffusivity":
        """The problem by what rows that are made depend on alone."""
        return replace(self, n=0, hard=None, splines=4, guess=1.0, windows=0, growth=0.0, data="")

    def true(self, p: Points) -> Tensor:
        """The D that rows are made with [n, 1]."""
        return bumps(p, self.side) if isinstance(self.truth, str) else self.truth(p)

    def data_options(self) -> tuple[str, ...]:
        return ("data",)

    def plan(self) -> str:
        return "varpro"

    def notes(self) -> list[str]:
        return unlike(self.measured.data, self.domain, self.data) if self.data else []

    def estimates(self, u: Differentiable) -> dict[str, Any]:
        return estimates(u)

    def reference(self, p: Points) -> Tensor | None:
        return None if self.data else _solved(self.asked)(p)

    def reference_info(self) -> Reference:
        if self.data:
            return Reference("fitted", 0.0, "the measured rows, noise included")
        return _solved(self.asked).info()

    def conventional(self) -> Conventional | None:
        """None: a solver of the equation does not find its coefficients."""

    def compare(self, u: Differentiable) -> tuple[Tensor, Tensor]:
        """The field at the measured rows, and what was measured there: [n, 1] both."""
        data = self.measured.data
        assert data.measured is not None
        return evaluate(u, data), data.measured

    def metrics(self, u: Differentiable) -> dict[str, float]:
        if self.data:
            value, truth = self.compare(u)
            return {"rel_l2": rel_l2(value, truth), "max_abs": max_abs(value, truth)}
        p, told = self.steep()
        found, true = self.found(u, p)[told], self.true(p)[told]
        return {**super().metrics(u), "rel_l2_d": rel_l2(found, true), "max_abs_d": max_abs(found, true)}

    def metric_names(self) -> list[str]:
        return ["rel_l2", "max_abs", *(() if self.data else ("rel_l2_d", "max_abs_d"))]

    def metric_points(self) -> int:
        return len(self.measured.data) if self.data else super().metric_points()

    def found(self, u: Differentiable, p: Points) -> Tensor:
        """The D that was found at points of the plate [n, 1]."""
        with torch.no_grad():
            return u.param("d", p).double().cpu()

    def plate(self, count: int = SIDE) -> Points:
        """A regular grid of the plate, y fastest."""
        line = torch.linspace(0, self.side, count, dtype=torch.float64)
        return Points(torch.cartesian_prod(line, line), self.space)

    def steep(self, count: int = SIDE) -> tuple[Points, Tensor]:
        """A grid of the plate, and where the slope of u, its root mean square over t, is not small."""
        line = torch.linspace(0, self.side, count, dtype=torch.float64)
        times = torch.linspace(self.begin, self.end, 6, dtype=torch.float64)
        states = _solved(self.asked)(Points(torch.cartesian_prod(line, line, times), self.domain.axes))
        x, y = torch.gradient(states.view(count, count, -1), spacing=(line, line), dim=(0, 1), edge_order=2)
        slope = (x.square() + y.square()).mean(2).sqrt().flatten()
        return self.plate(count), slope > SMALL * slope.max()

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        from pinnscene.render.coefficients import draw_coefficient
        from pinnscene.render.misfit import draw_misfit

        data = self.measured.data
        p = self.plate()
        spread = getattr(u, "unknowns", {}).get("d")
        drawn = draw_coefficient(
            "D",
            p,
            self.found(u, p),
            None if self.data else self.true(p),
            None if spread is None else spread.spread(p).detach(),
            folder / "coefficient.png",
        )
        return [*super().figures(u, folder), drawn, draw_misfit(data, *self.compare(u), folder / "data.png")]

    def prepare(self, u: Field) -> None:
        """Nothing: the lift is the start."""

    def cuts(self) -> tuple[float, ...]:
        if self.windows > 1:
            raise PinnsceneError("D holds for all of t: solve diffusivity in one window")
        return ()


@lru_cache(maxsize=4)
def _read(path: str, axes: tuple[str, ...]) -> Measurements:
    return measurements(path, axes, ("u",), share=0.0)


@lru_cache(maxsize=4)  # once a process, whoever asks
def _solved(problem: Diffusivity) -> Refined:
    coarse, fine = (f"{n} x {n} collocation intervals, eigenvectors in time" for n in RESOLUTIONS)
    span = problem.end - problem.begin
    solve = lambda level: VariableDiffusion(RESOLUTIONS[level], problem.side, span, problem.true, problem.u0)
    return Refined(problem.domain, (coarse, fine), solve)


@lru_cache(maxsize=4)
def _made(problem: Diffusivity) -> Measurements:
    p = problem.domain.interior(problem.rows)(generator(problem.draw, "rows"))
    u = _solved(problem.asked)(p)
    noise = torch.randn(u.shape, generator=generator(problem.draw, "noise"), dtype=u.dtype)
    u = u + problem.noise * u.square().mean().sqrt() * noise
    columns = {axis: p[axis][:, 0] for axis in p.axes} | {"u": u[:, 0]}
    return measurements(columns, p.axes, ("u",), share=0.0)
