"""Reasons not to trust an answer are found where there are any, and nowhere else."""

from math import pi

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, Dirichlet, FieldSpec, partials
from pinnscene.objective import Objective
from pinnscene.penalty import softplus
from pinnscene.plan import make_plan
from pinnscene.trainer import train
from pinnscene.trust import doubts, overfitted, trivial

LINE = Box(x=(0.0, 1.0))
BOX = Box(x=(0.0, 1.0), t=(0.0, 1.0))


def heat(start_weight=1.0):
    pde = lambda u, p: partials(u, p, "t") - 0.4 * partials(u, p, "xx")
    return {
        "pde": Constraint(BOX.interior(60, "sobol"), pde),
        "start": Constraint(BOX.face(30, "t0"), Dirichlet(lambda p: torch.sin(pi * p["x"])), weight=start_weight),
        "walls": Constraint(BOX.face(20, "x"), Dirichlet(0.0)),
    }


def objective(constraints):
    return Objective(constraints, 0, torch.device("cpu"), torch.float64)


# ---- the trivial solution --------------------------------------------------------------------------------------------


def constant(u, value):
    with torch.no_grad():
        u.head.weight.zero_()
        u.head.bias.fill_(value)
    return u


@pytest.mark.parametrize("value", [0.0, 1e-3])
def test_a_field_that_is_zero_is_the_trivial_solution(make_field, value):
    said = trivial(constant(make_field(BOX), value), objective(heat()), 1.0)
    assert "nearly constant" in said
    assert "misses 'start' as a zero network does (0.68 against 0.68)" in said
    assert "--set start.weight" in said


def test_a_field_that_has_its_conditions_is_not(make_field):
    constraints = heat()
    constraints["start"] = Constraint(BOX.face(30, "t0"), Dirichlet(2.0))
    constraints["walls"] = Constraint(BOX.face(30, "x"), Dirichlet(2.0))
    assert trivial(constant(make_field(BOX), 2.0), objective(constraints), 1.0) == ""  # the constant is the answer
    assert trivial(make_field(BOX, ansatz=None), objective(heat()), 1.0) == ""  # wrong, and not constant


def test_a_solve_that_ends_there_says_so(toy):
    """With a start of hardly any weight the equation and the walls alone are solved: by zero."""
    spec = FieldSpec("siren", knobs={"width": 8, "depth": 2, "first": 3.0, "omega": 3.0})
    plan = make_plan("lbfgs", {"lbfgs": {"steps": 60, "every": 60}})
    lost = train(toy(BOX, heat(1e-9)), spec, plan, device="cpu")
    assert any("trivial solution" in said for said in lost.warnings)
    found = train(toy(BOX, heat(10.0)), spec, plan, device="cpu")
    assert found.warnings == []


# ---- fitted points ---------------------------------------------------------------------------------------------------


def test_points_are_fitted_where_only_their_residual_falls():
    fell, both, neither, noise = (
        [(0.0, 1.0, 1.0), (10.0, 0.1, 0.5), (100.0, 1e-4, 0.6)],
        [(0.0, 1.0, 1.0), (10.0, 0.1, 0.5), (100.0, 1e-4, 1e-3)],
        [(0.0, 1.0, 1.0), (10.0, 0.9, 1.5)],
        [(0.0, 1.0, 1.0), (10.0, 1e-12, 1e-9), (20.0, 1e-14, 1e-9)],
    )
    said = overfitted(fell, 1.0)
    assert "fell from 0.1 to 0.0001 on the points trained on" in said
    assert "went from 0.5 to 0.6" in said
    assert [overfitted(gauges, 1.0) for gauges in (both, neither, noise, [], fell[:1])] == [""] * 5


def test_a_solve_that_fits_its_points_says_so(toy):
    """Eight points for 300 weights, and the same equation on three hundred."""
    pde = lambda u, p: partials(u, p, "xx") + 900 * torch.sin(30 * p["x"])
    few, many = ({"pde": Constraint(LINE.interior(n), pde)} for n in (8, 300))
    shape = Ansatz(None, lambda p: p["x"] * (1 - p["x"]))
    spec = FieldSpec("siren", knobs={"width": 16, "depth": 2, "first": 20.0, "omega": 6.0})
    plan = make_plan("lbfgs", {"lbfgs": {"steps": 150, "every": 10}})
    lost = train(toy(LINE, few, ("u",), shape), spec, plan, device="cpu")
    assert any("the points are fitted, not the equation" in said for said in lost.warnings)
    assert train(toy(LINE, many, ("u",), shape), spec, plan, device="cpu").warnings == []


def test_a_logit_that_is_to_be_large_is_never_doubted(make_field):
    constraints = {"inside": Constraint(LINE.interior(8), lambda u, p: u(p), softplus)}
    gauges = [(0.0, 1.0, 1.0), (1.0, 1e-3, 1.0)]
    assert doubts(make_field(LINE), objective(constraints), 1.0, gauges, 1.0) == []
