"""Conditions as residuals: zero for a closed form that has them, and solved by every kind of solver."""

from math import pi

import pytest
import torch

from pinnscene import (
    Box,
    Constraint,
    Dirichlet,
    FieldSpec,
    Neumann,
    Periodic,
    PinnsceneError,
    Robin,
    Velocity,
    laplacian,
    partials,
)
from pinnscene.plan import make_plan
from pinnscene.seeds import generator
from pinnscene.trainer import train
from pinnscene.views import FunctionField

BOX = Box(x=(0.0, 2.0), y=(-1.0, 1.0), t=(0.0, 1.0))


def truth(p):
    return torch.sin(pi * p["x"]) * torch.exp(p["y"]) * torch.cos(3 * p["t"])


WAVE = FunctionField(truth, BOX.axes)
TWO = FunctionField(lambda p: torch.cat([truth(p), p["x"] * p["y"]], 1), BOX.axes, ("u", "v"))


def residual(condition, *walls, u=WAVE, **at):
    p = BOX.face(40, *walls, **at)(generator(0))
    r = condition(u, p)
    assert r.shape[0] == len(p)
    return r, p


def largest(condition, *walls, u=WAVE, **at):
    return float(residual(condition, *walls, u=u, **at)[0].detach().abs().max())


def test_each_condition_is_zero_where_it_holds():
    slope = lambda p: p.normal[:, :1] * pi * torch.cos(pi * p["x"]) * torch.exp(p["y"]) * torch.cos(3 * p["t"])
    assert largest(Dirichlet(0.0), "x") < 1e-14
    assert largest(Dirichlet(truth), "y1") == 0
    assert largest(Neumann(slope), "x") < 1e-13
    assert largest(Neumann(lambda p: truth(p) * p.normal[:, 1:2]), "y") < 1e-13
    assert largest(Robin(2.0, 1.0, lambda p: 3 * truth(p)), "y1") < 1e-13
    assert largest(Robin(p_x, 0.5, lambda p: p["x"] * truth(p) - 0.5 * truth(p)), "y0") < 1e-13
    assert largest(Velocity(0.0), t=0.0) < 1e-14
    assert largest(Velocity(lambda p: -3 * torch.tan(3 * p["t"]) * truth(p)), t=0.25) < 1e-13


def p_x(p):
    return p["x"]


def test_each_condition_is_not_zero_where_it_fails():
    for condition in (Dirichlet(1.0), Neumann(7.0), Robin(1.0, 1.0, 9.0)):
        assert largest(condition, "y1") > 0.5
    assert largest(Velocity(1.0), t=0.0) == 1


def test_a_seam_compares_value_and_slopes_across():
    assert largest(Periodic("x", 2.0, order=3), "x0") < 1e-12
    r, p = residual(Periodic("y", 1.0), y=-1.0)
    jump = truth(p) * (1 - torch.exp(torch.tensor(2.0, dtype=torch.float64)))
    assert r.shape == (40, 2)
    assert torch.allclose(r, jump.expand(-1, 2))
    assert residual(Periodic("y", 1.0, order=0), y=-1.0)[0].shape == (40, 1)


def test_one_output_by_name():
    r, p = residual(Dirichlet(0.0, "v"), "y1", u=TWO)
    assert torch.equal(r, p["x"])
    r, p = residual(Neumann(0.0, "v"), "y1", u=TWO)
    assert torch.allclose(r, p["x"])
    assert residual(Neumann(0.0), "y1", u=TWO)[0].shape == (40, 2)


def test_the_flux_through_a_wall_is_outward():
    out = FunctionField(lambda p: p["x"] ** 2, BOX.axes)
    assert float(residual(Neumann(), "x1", u=out)[0].detach().unique()) == 4.0
    assert float(residual(Neumann(), "x0", u=out)[0].detach().abs().max()) == 0.0
    inward = FunctionField(lambda p: p["x"], BOX.axes)
    assert float(residual(Neumann(), "x0", u=inward)[0].detach().unique()) == -1.0


@pytest.mark.parametrize("solver", ["head", "adam", "lbfgs"])
def test_they_are_solved_for(toy, solver):
    """Laplace on a square: u = e^y sin x by a value, a flux and an exchange; head to rounding, descent roughly."""
    square = Box(x=(0.0, 1.0), y=(0.0, 1.0))
    exact = lambda p: torch.exp(p["y"]) * torch.sin(p["x"])
    flux = lambda p: torch.exp(p["y"]) * torch.cos(p["x"])
    constraints = {
        "pde": Constraint(square.interior(150, "sobol"), lambda u, p: laplacian(u, p, ("x", "y"))),
        "left": Constraint(square.face(30, "x0"), Dirichlet(0.0), weight=10.0),
        "right": Constraint(square.face(30, "x1"), Neumann(flux), weight=10.0),
        "below": Constraint(square.face(30, "y0"), Robin(1.0, 1.0, 0.0), weight=10.0),
        "above": Constraint(square.face(30, "y1"), Dirichlet(exact), weight=10.0),
    }
    size = {"width": 60, "depth": 1} if solver == "head" else {"width": 12, "depth": 2, "first": 2.0, "omega": 2.0}
    spec = FieldSpec("siren", knobs=size)
    plan = make_plan(solver, {"head": {"scale": 2.0}, "adam": {"steps": 300, "lr": 1e-2}, "lbfgs": {"steps": 60}})
    u = train(toy(square, constraints), spec, plan, device="cpu").field
    p = square.grid(400)
    with torch.no_grad():
        error = float((u(p).double() - exact(p)).abs().max())
    assert error < {"head": 1e-5, "adam": 0.2, "lbfgs": 0.05}[solver]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: residual(Dirichlet(lambda p: p["x"][:, 0]), "x"), r"expected to return \[40, k\], got \[40\]"),
        (lambda: residual(Dirichlet(lambda p: 1.0), "x"), r"expected to return \[40, k\], got float"),
        (lambda: residual(Dirichlet(0.0, "w"), "x"), "unknown output 'w'"),
        (lambda: Neumann()(WAVE, BOX.interior(4)(generator(0))), "needs outward normals: take points of walls"),
        (lambda: residual(Neumann(), t=0.5), "needs outward normals"),
        (lambda: residual(Periodic("z", 1.0), "x"), "unknown axis 'z'"),
        (lambda: Velocity()(FunctionField(truth, ("x",)), BOX.interior(2)(generator(0))), "needs an axis t"),
        (lambda: BOX.face(4, "z0"), "unknown face 'z0'.*the faces are x0, x1, y0, y1, t0, t1"),
        (lambda: BOX.face(4, "q"), "the faces are x0, x1, y0, y1, t0, t1"),
    ],
)
def test_mistakes_are_told(call, said):
    with pytest.raises(PinnsceneError, match=said):
        call()


def test_faces_have_names():
    p = BOX.face(30, "x1", "t0")(generator(0))
    right, start = p.normal[:, 0] == 1, p.normal[:, 2] == -1
    assert bool((right ^ start).all())
    assert bool((p["x"][right] == 2).all())
    assert bool((p["t"][start] == 0).all())
    assert partials(WAVE, p, "x").shape == (30, 1)
