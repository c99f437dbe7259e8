"""Helmholtz: the source belongs to the closed form, the conventional solver, resonances."""

from collections.abc import Callable

import pytest
import torch

from pinnscene.metrics import rel_l2
from pinnscene.operators import operator
from pinnscene.problems.helmholtz import Helmholtz
from pinnscene.seeds import generator
from pinnscene.views import FunctionField


def test_the_source_belongs_to_the_closed_form() -> None:
    problem = Helmholtz(k=3.0, a=2, b=5)
    p = problem.domain.interior(100)(generator(0, "points"))
    exact = FunctionField(lambda p: torch.sin(2 * torch.pi * p["x"]) * torch.sin(5 * torch.pi * p["y"]), ("x", "y"))
    assert rel_l2(problem.q(p), operator(exact, p, {"xx": 1.0, "yy": 1.0, "": 9.0}).detach()) < 1e-12
    walls = problem.domain.face(100, "x", "y")(generator(0, "walls"))
    assert float(problem.reference(walls).abs().max()) < 1e-14


def test_a_solve_and_the_conventional_solver() -> None:
    problem = Helmholtz(a=2)
    p = problem.domain.interior(200)(generator(0, "points"))
    assert rel_l2(problem.conventional().at(p), problem.reference(p)) < 1e-10
    assert problem.solve().metrics["rel_l2"] < 1e-9
    random = Helmholtz(a=2, n=1000, hard=True).solve(backbone="siren", knobs={"field": {"width": 400}})
    assert random.metrics["rel_l2"] < 1e-4
    assert problem.structure() == {"x": "dirichlet", "y": "dirichlet"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"a": 0}, "a >= 1"),
        ({"b": -1}, "b >= 0"),
        ({"n": -1}, "n >= 0"),
        ({"k": -1.0}, "k >= 0"),
        ({"k": float("inf")}, "k >= 0"),
        ({"k": torch.pi / 2**0.5}, "resonance"),
        ({"k": torch.pi * 5**0.5 / 2}, "resonance"),
    ],
)
def test_options_that_make_no_sense(refused: Callable[..., str], options: dict, says: str) -> None:
    assert says in refused(Helmholtz, **options)


def test_ordinary_wave_numbers_are_no_resonances() -> None:
    for k in (0.0, 1.0, torch.pi / 2, 10.0, 1e4):
        Helmholtz(k=k)


def test_as_many_polynomials_as_the_waves_take() -> None:
    assert Helmholtz().field("head").knobs["modes"] == "56,56"
    assert Helmholtz(a=1, b=4).field("head").knobs["modes"] == "28,37"
    assert Helmholtz().field("adam").backbone == "siren"
