"""Conjugate gradients on products of waves and polynomials: the steps of QR factors, in few iterations."""

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, PinnsceneError, partials
from pinnscene.collocation import suited
from pinnscene.objective import Objective
from pinnscene.penalty import huber
from pinnscene.seeds import generator
from pinnscene.solvers import Head, krylov
from pinnscene.solvers.head import HeadStepper
from pinnscene.solvers.linearise import linearise

LINE = Box(x=(0.0, 1.0), t=(0.0, 0.5))
PLANE = Box(x=(0.0, 1.0), y=(-1.0, 1.0), t=(0.0, 0.5))
WAVE = lambda p: torch.sin(torch.pi * p["x"])
PARTS = {
    "heat": lambda u, p: partials(u, p, "t") - 0.1 * partials(u, p, "xx"),
    "burgers": lambda u, p: partials(u, p, "t") + u(p) * partials(u, p, "x") - 0.2 * partials(u, p, "xx"),
    "start": lambda u, p: u(p) - WAVE(p),
    "robin": lambda u, p: (partials(u, p, "x") * p.normal[:, :1] + 2 * u(p)) - 1,
}


def plane(u, p):
    t, xx, yy = partials(u, p, "t", "xx", "yy")
    return t - 0.1 * (xx + 0.5 * yy) + u(p) ** 3


def reaction(u, p):
    (t, xx), value = partials(u, p, "t", "xx"), u(p)
    product = value[:, :1] * value[:, 1:] ** 2
    return torch.cat([t[:, :1] - 0.1 * xx[:, :1] + product, t[:, 1:] - 0.05 * xx[:, 1:] - product], 1)


def given(box, interior, start=PARTS["start"], **walls):
    found = {"pde": Constraint(box.interior(9), interior), "start": Constraint(box.face(9, t=0.0), start, weight=10.0)}
    return found | {name: Constraint(box.face(9, "x"), wall, weight=3.0) for name, wall in walls.items()}


PAIR = lambda u, p: u(p) - torch.cat([WAVE(p), 1 + 0 * p["x"]], 1)
CASES = {
    "heat": (LINE, "sine,chebyshev", "6,5", ("u",), given(LINE, PARTS["heat"])),
    "burgers": (LINE, "sine,chebyshev", "6,5", ("u",), given(LINE, PARTS["burgers"])),
    "periodic": (LINE, "fourier,chebyshev", "7,4", ("u",), given(LINE, PARTS["burgers"])),
    "splines": (LINE, "periodic-spline,chebyshev", "9,4", ("u",), given(LINE, PARTS["burgers"])),
    "coupled": (LINE, "cosine,chebyshev", "5,4", ("u", "v"), given(LINE, reaction, PAIR)),
    "robin": (LINE, "chebyshev", "6,4", ("u",), given(LINE, PARTS["heat"], walls=PARTS["robin"])),
    "plane": (PLANE, "sine,cosine,chebyshev", "4,3,4", ("u",), given(PLANE, plane)),
    "huber": (LINE, "sine,chebyshev", "5,4", ("u",), {
        "pde": Constraint(LINE.interior(9), PARTS["heat"]),
        "start": Constraint(LINE.face(9, t=0.0), PARTS["start"], penalty=huber)}),
}  # fmt: skip


def made(make_field, case, guess=0.3, **more):
    """A stepper on a field whose weights are a guess away from zero."""
    box, basis, modes, values, constraints = CASES[case]
    u = make_field(box, "linear", "tensor", values=values, basis=basis, modes=modes, **more)
    with torch.no_grad():
        u.head.weight.mul_(guess / u.head.weight.abs().max())
    objective = Objective(suited(constraints, u), 0, torch.device("cpu"), torch.float64, resample=False)
    return u, HeadStepper(Head(), u, objective, {})


@pytest.mark.parametrize("case", CASES)
def test_a_step_is_that_of_qr_factors(make_field, monkeypatch, case):
    """Linear or not, to 1e-7: the gradient ends at 1e-12 of the first, errors at that times the condition."""
    monkeypatch.setattr(krylov, "MOST", 2000)
    u, stepper = made(make_field, case)
    rows = stepper._rows()
    dense, _ = stepper._solve(rows)
    update, iterations, _ = krylov.krylov(u, rows, 1e-12)
    assert 0 < iterations < 2000
    assert torch.allclose(update.T.flatten(), dense, rtol=0, atol=1e-7 * float(dense.abs().max()))


def test_heat_takes_a_handful_of_iterations(make_field):
    """In waves the mean operator is the operator: none knows more than rounding."""
    u, stepper = made(make_field, "heat")
    assert krylov.krylov(u, stepper._rows(), 1e-6)[1] <= 3
    _, harder = made(make_field, "burgers")
    assert krylov.krylov(harder.field, harder._rows(), 1e-6)[1] <= 40


def test_the_preconditioner_is_what_makes_them_few(make_field, monkeypatch):
    u, stepper = made(make_field, "heat")
    monkeypatch.setattr(krylov, "_preconditioner", lambda *_: lambda s: s)
    assert krylov.krylov(u, stepper._rows(), 1e-6)[1] > 25


def test_iterations_end_at_the_limit(make_field, monkeypatch):
    monkeypatch.setattr(krylov, "MOST", 4)
    u, stepper = made(make_field, "robin")
    assert krylov.krylov(u, stepper._rows(), 1e-12)[1] == 4


def test_blocks_that_are_singular_get_a_shift():
    """Zero and rank one: factors exist, and solve what the block reaches."""
    v = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    blocks = torch.stack([torch.zeros(3, 3, dtype=torch.float64), v.T @ v, -1e-9 * torch.eye(3).double() + v.T @ v])
    factor = krylov._cholesky(blocks)
    assert bool(factor.isfinite().all())
    x = torch.cholesky_solve(v.T, factor[1])
    assert torch.allclose(v.T @ (v @ x), v.T, rtol=1e-3)
    single = krylov._cholesky(blocks.float())
    assert single.dtype == torch.float32 and bool(single.isfinite().all())


def test_nonsense_is_told():
    with pytest.raises(PinnsceneError, match="finite residuals"):
        krylov._cholesky(torch.full((1, 2, 2), float("nan"), dtype=torch.float64))


def test_single_precision(make_field):
    """Pointwise residuals are known as such, and the step reduces the loss."""
    box, basis, modes, values, constraints = CASES["burgers"]
    u = make_field(box, "linear", "tensor", values=values, basis=basis, modes=modes).float()
    objective = Objective(suited(constraints, u), 0, torch.device("cpu"), torch.float32, resample=False)
    stepper = HeadStepper(Head(form="krylov"), u, objective, {})
    assert all(row.pointwise for row in stepper._rows())
    curved = Constraint(
        LINE.interior(200), lambda u, p: torch.tanh(u(p)) * partials(u, p, "x") ** 3 / 3 + u(p) * p["x"]
    )
    (row,) = linearise(
        u, lambda seen: curved.blocks("c", seen, curved.draw("c", generator(0)).to("cpu", torch.float32))
    )
    assert row.pointwise
    before = float(sum(stepper._losses().values()))
    assert float(sum(stepper.step(0).values())) < 0.5 * before


CLOUD = lambda g: torch.rand(300, 2, generator=g, dtype=torch.float64) / 2
UNFIT = {
    "factor": ({"ansatz": Ansatz(factor=lambda p: p["t"])}, LINE.interior(9), PARTS["heat"], "without a factor"),
    "mixing": ({}, LINE.interior(9), lambda u, p: u(p) - u(p).mean(), "rows do not mix"),
    "cloud": ({}, CLOUD, PARTS["heat"], "points that form a lattice"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_does_not_fit_is_refused_in_one_line(make_field, case):
    knobs, sampler, residual, match = UNFIT[case]
    u = make_field(LINE, "linear", "tensor", **knobs)
    constraints = suited({"c": Constraint(sampler, residual)}, u)
    objective = Objective(constraints, 0, torch.device("cpu"), torch.float64, resample=False)
    stepper = HeadStepper(Head(form="krylov"), u, objective, {})
    with pytest.raises(PinnsceneError, match=match) as told:
        stepper.step(0)
    assert "\n" not in str(told.value)
    with pytest.raises(PinnsceneError, match=match):
        krylov.krylov(u, stepper._rows(), 1e-3)


def test_random_features_are_refused(make_field):
    u = make_field(LINE, "siren")
    objective = Objective(CASES["heat"][4], 0, torch.device("cpu"), torch.float64, resample=False)
    with pytest.raises(PinnsceneError, match="products of functions of one axis"):
        HeadStepper(Head(form="krylov", redraw=False), u, objective, {}).step(0)
