"""Shared helpers: a small problem and small float64 fields to try the core on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, Field, FieldSpec, Problem
from pinnscene.backbones import backbones
from pinnscene.encodings import encodings
from pinnscene.geometry import Region
from pinnscene.knobs import knobs_of
from pinnscene.problems import (
    cavity,
    diffusivity,
    grayscott,
    heatlongtime,
    occupancy,
    planefem,
    planeheat,
    shapemetrics,
    shapeproblem,
    surfacemetrics,
)
from pinnscene.render import baking, contours, surface


@dataclass(frozen=True)
class Toy(Problem):
    """Any box, outputs, ansatz and constraints."""

    box: Box
    given: Mapping[str, Constraint] = field(default_factory=dict)
    names: tuple[str, ...] = ("u",)
    shape: Ansatz | None = None
    coefficients: Mapping[str, Any] = field(default_factory=dict)

    @property
    def domain(self) -> Box:
        return self.box

    @property
    def values(self) -> tuple[str, ...]:
        return self.names

    def constraints(self) -> Mapping[str, Constraint]:
        return self.given

    def ansatz(self) -> Ansatz | None:
        return self.shape

    def params(self) -> dict[str, Any]:
        return dict(self.coefficients)


@pytest.fixture(scope="session")
def toy() -> type[Toy]:
    """The small problem: ``toy(box, constraints, values, ansatz)``."""
    return Toy


SMALL = {"width": 10, "depth": 2, "features": 5, "frequencies": 2, "sigma": 0.4, "first": 3.0, "omega": 2.0}
BASES = ("chebyshev", "spline", "fourier")
SMALL |= {"levels": 2, "coarsest": 3, "finest": 6, "interpolation": "cubic", "table": 8}


@pytest.fixture(scope="session")
def make_field() -> Callable[..., Field]:
    """Build a small float64 field with biases that are not zero; knobs that its parts do not have are left out."""

    def make(
        box: Box | None = None,
        backbone: str = "siren",
        encoding: str | None = "none",
        *,
        values: tuple[str, ...] = ("u",),
        ansatz: Ansatz | None = None,
        engine: Any = "auto",
        seed: int = 0,
        params: Mapping[str, Any] | None = None,
        **knobs: Any,
    ) -> Field:
        problem = Toy(box or Box(x=(-1.0, 2.0), y=(0.0, 1.5), t=(0.0, 2.0)), {}, values, ansatz, params or {})
        plain = FieldSpec(backbone, encoding, engine).resolve()
        known = knobs_of(encodings[str(plain.encoding)]) | knobs_of(
            backbones[backbone if backbone in backbones else "mlp"]
        )
        d = len(problem.domain.axes)
        products = {"modes": ",".join(["4", "3", "5", "3"][:d]), "basis": ",".join([*BASES, *BASES][:d])}
        chosen = {k: v for k, v in (SMALL | products | knobs).items() if k in known}
        built = FieldSpec(backbone, encoding, engine, chosen).build(problem, seed)
        with torch.no_grad():
            built.head.bias.add_(0.3 if built.backbone.biased else 0.0)
            for level in getattr(built.encoding, "levels", []):
                level.table.mul_(3e3)  # tables start at almost nothing, which would test almost nothing
        return built

    return make


@pytest.fixture
def rng() -> torch.Generator:
    """A seeded generator."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def quick_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores and pictures of shapes from fewer points than people get, the same scores and pictures otherwise."""
    few: dict[str, Any] = {"resolution": 24, "n": 4000}
    monkeypatch.setattr(shapeproblem, "shape_scores", partial(shapemetrics.shape_scores, **few))
    monkeypatch.setattr(occupancy, "occupancy_scores", partial(shapemetrics.occupancy_scores, **few))
    monkeypatch.setattr(shapemetrics, "surface_scores", partial(surfacemetrics.surface_scores, n=1000))
    monkeypatch.setattr(contours, "N", 24)
    monkeypatch.setattr(surface, "bake", partial(baking.bake, coarse=24))
    monkeypatch.setattr(surface, "SIZE", (96, 96))


@pytest.fixture
def quick_references(monkeypatch: pytest.MonkeyPatch) -> None:
    """References of lower resolution than people get, for problems with options that no other test has."""
    monkeypatch.setattr(cavity, "RESOLUTIONS", (12, 16))
    monkeypatch.setattr(grayscott.GrayScott, "resolutions", ((48, 1.0, 2.0), (64, 0.5, 1.0)))
    monkeypatch.setattr(heatlongtime.HeatLongTime, "resolutions", ((32, 0.05, 0.1), (48, 0.025, 0.05)))
    monkeypatch.setattr(diffusivity, "RESOLUTIONS", (12, 16))
    monkeypatch.setattr(planefem, "EDGES", 8)
    monkeypatch.setattr(Region.grid, "__defaults__", (20_000,))
    monkeypatch.setattr(planefem, "HALVINGS", 0)
    monkeypatch.setattr(planeheat, "STEPS", 4)
