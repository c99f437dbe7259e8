"""Integral constraints: exact to their degree, and a residual whose rows mix in every kind of solver."""

from math import pi

import pytest
import torch

from pinnscene import Box, Constraint, Dirichlet, FieldSpec, Integral, PinnsceneError, Quadrature, partials
from pinnscene.plan import make_plan
from pinnscene.seeds import generator
from pinnscene.trainer import train
from pinnscene.views import FunctionField

BOX = Box(x=(0.0, 2.0), y=(-1.0, 3.0), t=(0.0, 1.0))
LINE = Box(x=(0.0, 1.0))


def field(f, box=BOX):
    return FunctionField(f, box.axes)


def test_gauss_legendre_is_exact_to_its_degree():
    """x^7 y^2 over the box at each time: 2^8 / 8 * 28 / 3; a degree more is not."""
    batch = Quadrature(BOX, ("x", "y"), nodes=4, n=5)(generator(0))
    assert batch.coords.shape == (5, 16, 3)
    assert len(batch) == 5
    sums = Integral()(field(lambda p: p["x"] ** 7 * p["y"] ** 2 * p["t"]), batch)
    assert torch.allclose(sums, 32 * 28 / 3 * batch.rows()["t"], rtol=1e-13)
    more = Integral()(field(lambda p: p["x"] ** 8), batch)
    assert float((more - 4 * 2**9 / 9).abs().max()) > 1e-3


def test_over_everything_there_is_one_row():
    batch = Quadrature(BOX, ("x", "y", "t"), nodes=3)(generator(0))
    assert batch.coords.shape == (1, 27, 3)
    assert float(Integral(8.0)(field(lambda p: 0 * p["x"] + 1), batch)) == pytest.approx(0, abs=1e-13)


def test_over_a_face_the_held_axis_stays():
    batch = Quadrature(BOX, ("y",), nodes=5, n=7, at=(("x", 2.0),))(generator(0))
    assert batch.coords.shape == (7, 5, 3)
    assert bool((batch.coords[..., 0] == 2).all())
    assert len(batch.rows()["t"].unique()) == 7
    flux = Integral(lambda p: 16 * p["t"], lambda u, p: partials(u, p, "x"))
    assert float(flux(field(lambda p: p["x"] ** 2 * p["t"]), batch).detach().abs().max()) < 1e-13


def test_heldout_integrals_are_taken_at_other_nodes():
    rule = Quadrature(BOX, ("x",), nodes=4, n=6)
    assert rule(generator(0)).coords.shape[1] == 4
    assert rule.heldout(generator(0)).coords.shape[1] == 5


@pytest.mark.parametrize("solver", ["head", "adam", "lbfgs"])
def test_what_is_known_up_to_a_constant_is_found_by_its_integral(toy, solver):
    """U'' = -pi^2 cos(pi x), no flux, mean 2: u = cos(pi x) + 2. Without the integral any constant would do."""
    pde = lambda u, p: partials(u, p, "xx") + pi**2 * torch.cos(pi * p["x"])
    constraints = {
        "pde": Constraint(LINE.interior(80, "sobol"), pde),
        "walls": Constraint(LINE.face(2, "x"), lambda u, p: partials(u, p, "x"), weight=10.0),
        "mean": Constraint(Quadrature(LINE, ("x",), nodes=8), Integral(2.0), weight=100.0),
    }
    size = {"width": 30, "depth": 1} if solver == "head" else {"width": 10, "depth": 2, "first": 3.0, "omega": 3.0}
    spec = FieldSpec("siren", knobs=size)
    plan = make_plan(solver, {"head": {"scale": 4.0}, "adam": {"steps": 500, "lr": 1e-2}, "lbfgs": {"steps": 80}})
    solution = train(toy(LINE, constraints), spec, plan, device="cpu")
    p = LINE.grid(101)
    with torch.no_grad():
        error = float((solution.field(p).double() - torch.cos(pi * p["x"]) - 2).abs().max())
    assert error < {"head": 1e-8, "adam": 0.2, "lbfgs": 0.05}[solver]


def test_several_rows_mix_their_own_nodes_only(toy):
    """Every integral over x is t: with u_x = 0 the field is u = t."""
    box = Box(x=(0.0, 1.0), t=(0.0, 1.0))
    constraints = {
        "flat": Constraint(box.interior(100, "sobol"), lambda u, p: partials(u, p, "x")),
        "mean": Constraint(Quadrature(box, ("x",), nodes=4, n=20), Integral(lambda p: p["t"])),
        "start": Constraint(box.face(4, "t0"), Dirichlet(0.0)),
    }
    spec = FieldSpec("siren", knobs={"width": 40, "depth": 1})
    u = train(toy(box, constraints), spec, make_plan("head", {"head": {"scale": 1.5}}), device="cpu").field
    p = box.grid(100)
    with torch.no_grad():
        assert float((u(p) - p["t"]).abs().max()) < 1e-4


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Quadrature(BOX, ("z",)), "unknown axis 'z'"),
        (lambda: Quadrature(BOX, ()), "needs axes to integrate over"),
        (lambda: Quadrature(BOX, ("x",), at=(("x", 0.0),)), "other than those that are held"),
        (lambda: Quadrature(BOX, ("x",), at=(("q", 0.0),)), "unknown axis 'q'"),
        (lambda: Quadrature(BOX, ("x",), nodes=0), "number of nodes must be a whole number"),
        (lambda: Quadrature(BOX, ("x", "y", "t"), nodes=1000), "take fewer"),
        (lambda: Integral(0.0, lambda u, p: u(p)[:, 0])(field(truth), Quadrature(BOX, ("x",), 2, 2)(generator(0))),
         r"integrand expected to return \[4, k\], got \[4\]"),
    ],
)  # fmt: skip
def test_mistakes_are_told(make, said):
    with pytest.raises(PinnsceneError, match=said):
        make()


def truth(p):
    return p["x"]
