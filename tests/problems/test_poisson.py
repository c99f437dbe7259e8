"""Poisson and Laplace: closed forms, the conventional solver against series, walls of every kind, bad options."""

from collections.abc import Callable
from itertools import pairwise
from math import cosh, pi

import pytest
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.corners import contradictory
from pinnscene.metrics import rel_l2
from pinnscene.problems.collocation import Collocation
from pinnscene.problems.poisson import Laplace, Poisson
from pinnscene.seeds import generator

FEW = {"field": {"modes": "20"}}
CENTRE = Points(torch.full((1, 2), 0.5, dtype=torch.float64), ("x", "y"))


def plane(p: Points) -> Tensor:
    return 1 + 2 * p["x"] - 3 * p["y"]


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_the_default_is_the_product_of_sines(dims: int) -> None:
    problem = Poisson(dims=dims)
    p = problem.domain.interior(50)(generator(0, "points"))
    u = torch.sin(pi * p.coords).prod(1, keepdim=True)
    assert rel_l2(problem.reference(p), u) < 1e-14
    assert rel_l2(problem.f(p), dims * pi**2 * u) < 1e-13


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_harmonic_functions_have_no_source(dims: int) -> None:
    problem = Laplace(dims=dims)
    p = problem.domain.interior(50)(generator(0, "points"))
    assert float(problem.f(p).abs().max()) < 1e-13
    assert rel_l2(problem.conventional().at(p), problem.reference(p)) < 1e-10


@pytest.mark.parametrize(
    "options",
    [
        {"dims": 1, "walls": "neumann"},
        {"dims": 1, "exact": "gaussian", "walls": "robin:3:0"},
        {"walls": "periodic"},
        {"exact": "gaussian"},
        {"walls": "x=periodic,y0=robin:2:0,y1=neumann"},
        {"exact": "harmonic", "walls": "x0=neumann,y1=robin:1:0", "lower": -1.0, "upper": 0.5},
    ],
    ids=str,
)
def test_walls_of_every_kind(options: dict) -> None:
    """The conventional solver and a small solve, both from the source and the wall values alone."""
    problem = Poisson(**options)
    p = problem.domain.interior(300)(generator(0, "points"))
    assert rel_l2(problem.conventional().at(p), problem.reference(p)) < 1e-8
    assert problem.solve(knobs=FEW).metrics["rel_l2"] < 1e-4  # a wrong wall or a free constant is above 1e-1


def test_collocation_converges_spectrally() -> None:
    problem = Poisson(exact="gaussian", walls="x0=neumann,y=robin:1:0")
    p = problem.domain.interior(300)(generator(0, "points"))
    solve = lambda n: Collocation(problem.domain, problem.conditions, problem.f, problem.right, n)
    errors = [rel_l2(solve(n)(p), problem.reference(p)) for n in (10, 16, 22, 28)]
    assert all(b < a / 10 for a, b in pairwise(errors)) and errors[-1] < 1e-6


def test_a_constant_source_against_its_series() -> None:
    """The torsion function, -lap(u) = 1 with zero walls: its value in the middle by separation of variables."""
    odd = range(1, 400, 2)
    series = sum((-1) ** (k // 2) * 4 / (k * pi) ** 3 * (1 - 1 / cosh(k * pi / 2)) for k in odd)
    problem = Poisson(exact="none", source=1.0)
    assert problem.reference(CENTRE).item() == pytest.approx(series, rel=1e-7)
    assert problem.reference_info().kind == "converged" and problem.reference_info().error < 1e-4


def test_numbers_in_walls() -> None:
    """-u'' = 1, u(0) = 0 and u'(1) = 2 (3 - u(1)) give u = 8 x / 3 - x^2 / 2."""
    problem = Poisson(dims=1, exact="none", source=1.0, walls="x0=dirichlet,x1=robin:2:3")
    p = problem.domain.grid(51)
    truth = 8 / 3 * p["x"] - p["x"] ** 2 / 2
    assert rel_l2(problem.reference(p), truth) < 1e-12
    assert problem.solve().metrics["rel_l2"] < 1e-12


def test_wall_values_and_source_as_functions() -> None:
    problem = Poisson(exact="none", source=lambda p: 0 * p["x"], wall_values=plane)
    p = problem.domain.interior(100)(generator(0, "points"))
    assert rel_l2(problem.reference(p), plane(p)) < 1e-10
    assert contradictory(problem) == []


def test_a_free_constant_is_held_in_the_middle() -> None:
    problem = Poisson(exact="gaussian", walls="neumann")
    assert "level" in problem.constraints() and problem.reference(CENTRE).item() == pytest.approx(1.0)
    assert problem.conventional().at(CENTRE).item() == pytest.approx(1.0)
    assert "level" not in Poisson(walls="x0=dirichlet,x1=neumann,y=periodic").constraints()


def test_random_features_hold_zero_walls() -> None:
    problem = Poisson(n=800, hard=True)
    assert list(problem.constraints()) == ["pde"] and len(Poisson().constraints()) == 5
    assert problem.solve(backbone="siren", knobs={"field": {"width": 300}}).metrics["rel_l2"] < 1e-4


def test_structure_says_which_walls_are_homogeneous() -> None:
    assert Poisson().structure() == {"x": "dirichlet", "y": "dirichlet"}
    assert Poisson(walls="x=periodic,y=neumann").structure() == {"x": "periodic", "y": "neumann"}
    assert Poisson(exact="gaussian").structure() == {"x": "free", "y": "free"}
    assert Poisson(walls="x0=neumann,y=robin:1:0").structure() == {"x": "free", "y": "free"}


def test_walls_that_contradict_each_other_are_told() -> None:
    found = contradictory(Poisson(exact="none", walls="x0=dirichlet:2"))
    assert len(found) == 2 and "on x0 and y0 contradict" in found[0]
    assert contradictory(Poisson()) == contradictory(Laplace()) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dims": 4}, "dims 1, 2 or 3"),
        ({"mode": 0}, "mode >= 1"),
        ({"n": -1}, "n >= 0"),
        ({"source": float("nan")}, "finite"),
        ({"exact": "nothing"}, "sines"),
        ({"source": 1.0}, "exact=none"),
        ({"walls": "dirichlet:1"}, "exact=none"),
        ({"wall_values": plane}, "exact=none"),
        ({"exact": "harmonic", "walls": "x=periodic"}, "periodic"),
        ({"upper": 0.0}, "lower first"),
        ({"walls": "z=neumann"}, "unknown wall"),
    ],
)
def test_options_that_make_no_sense(refused: Callable[..., str], options: dict, says: str) -> None:
    assert says in refused(Poisson, **options)


def test_what_has_no_solution(refused: Callable[..., str]) -> None:
    unbalanced = Poisson(exact="none", source=1.0, walls="neumann")
    assert "must leave through the walls" in refused(unbalanced.reference, p=CENTRE)
    assert "no source" in refused(Laplace, exact="none", source=1.0)
    assert "no source" in refused(Laplace, exact=lambda p: p["x"] ** 2)
