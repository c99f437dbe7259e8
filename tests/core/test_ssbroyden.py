"""Self-scaled Broyden: its update's properties, convergence on a problem with a closed form, refusals."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnscene import Ansatz, Box, Constraint, FieldSpec, PinnsceneError, partials
from pinnscene.plan import make_plan
from pinnscene.solution import Status
from pinnscene.solvers import SsBroyden, ssbroyden
from pinnscene.solvers.ssbroyden import _scales, updated
from pinnscene.trainer import train

LINE = Box(x=(0.0, 1.0))


def normal(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.integers(2, 12), st.integers(0, 1000), st.booleans())
def test_an_update_keeps_what_makes_it_a_quasi_newton_method(n, seed, first):
    """H y = s (the secant equation), symmetric and positive definite, for every s y > 0. 1e-9: sums of tens of terms,
    divided by s y, which is kept above 0.05 of its most.
    """
    root = normal(n, n, seed=seed)
    h = torch.eye(n, dtype=torch.float64) if first else root @ root.T + torch.eye(n, dtype=torch.float64)
    s, y = normal(n, seed=seed + 1), normal(n, seed=seed + 2)
    y = y + max(0.0, 0.05 - float(s @ y / (s.norm() * y.norm()))) * y.norm() / s.norm() * s
    new = updated(None if first else h.clone(), s, y, torch.linalg.solve(h, s))
    assert float((new @ y - s).norm()) <= 1e-9 * float(s.norm())
    assert torch.allclose(new, new.T, rtol=1e-9, atol=1e-9 * float(new.abs().max()))
    assert float(torch.linalg.eigvalsh((new + new.T) / 2).min()) > 0


@pytest.mark.parametrize("theta", [0.0, 1.0], ids=["BFGS", "DFP"])
def test_the_ends_of_the_family_are_the_textbooks(monkeypatch, theta):
    monkeypatch.setattr(ssbroyden, "_scales", lambda *_: (theta, 1.0))
    root, s, y = normal(5, 5, seed=0), normal(5, seed=1), normal(5, seed=2)
    h, y = root @ root.T, y * float(torch.sign(s @ y))
    new, rho, hy, one = updated(h.clone(), s, y, torch.linalg.solve(h, s)), 1 / (s @ y), h @ y, torch.eye(5).double()
    bfgs = (one - rho * torch.outer(s, y)) @ h @ (one - rho * torch.outer(y, s)) + rho * torch.outer(s, s)
    dfp = h - torch.outer(hy, hy) / (y @ hy) + rho * torch.outer(s, s)
    assert torch.allclose(new, dfp if theta else bfgs, rtol=1e-9)


def test_where_curvatures_agree_nothing_is_scaled():
    """B s = y: a = 0, every member of the family is the same, and H stays."""
    h = torch.diag(torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64))
    s = torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)
    y = torch.linalg.solve(h, s)
    assert torch.allclose(updated(h.clone(), s, y, y), h, rtol=1e-12)
    assert _scales(0.0, 1.0, 1.0, 3) == (0.0, 1.0)


def solve(problem, **knobs):
    spec = FieldSpec("mlp", knobs={"width": 6, "depth": 1, "activation": "tanh"})
    return train(problem, spec, make_plan("ssbroyden", {"ssbroyden": {"every": 1, **knobs}}), device="cpu")


def test_an_ode_is_solved(toy):
    """U' = -u^2 with u(0) = 1 held: 1 / (1 + x) to 1e-6; the loss never rises."""
    problem = toy(LINE, {
        "ode": Constraint(LINE.interior(60, "sobol"), lambda u, p: partials(u, p, "x") + u(p) ** 2)
    }, ("u",), Ansatz(lambda p: torch.ones_like(p["x"]), lambda p: p["x"]))  # fmt: skip
    solution = solve(problem, steps=400)
    p = LINE.grid(501)
    assert float((solution.field(p) - 1 / (1 + p["x"])).abs().max().detach()) < 1e-6
    losses = [log.loss for log in solution.history]
    assert all(b <= a for a, b in pairwise(losses))


def test_it_stops_where_no_direction_descends(toy):
    solution = solve(toy(LINE, {"c": Constraint(LINE.interior(10), lambda u, p: 0 * u(p) + 1)}), steps=50)
    assert solution.status == Status.CONVERGED
    assert "no decrease" in solution.advice


def test_too_little_memory_is_refused(toy):
    problem = toy(LINE, {"c": Constraint(LINE.interior(10), lambda u, p: u(p) - 1)})
    with pytest.raises(PinnsceneError, match=r"ssbroyden does not fit.*19 parameters needs .*, there are 1e-06 GiB"):
        solve(problem, memory=1e-6)


def test_fresh_points_and_bad_knobs_are_refused():
    with pytest.raises(PinnsceneError, match="ssbroyden needs fixed points"):
        make_plan("ssbroyden", {"ssbroyden": {"resample": True}})
    for bad in ({"memory": 0.0}, {"restarts": -1}, {"slope": 1.0}):
        with pytest.raises(PinnsceneError, match="ssbroyden expected"):
            SsBroyden(**bad)
