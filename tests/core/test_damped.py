"""Damped steps in three forms, against NumPy's least squares of the stacked system; the damping's control."""

import numpy as np
import pytest
import torch

from pinnscene import Box, Constraint, PinnsceneError, partials
from pinnscene.memory import GIB
from pinnscene.objective import Objective
from pinnscene.solvers import formchoice
from pinnscene.solvers.damped import Dual, Free, Primal
from pinnscene.solvers.damping import LEAST, Damping
from pinnscene.solvers.formchoice import choose_form, needs
from pinnscene.solvers.jacobian import Jacobian, Rows, Size, jacobian_of

BOX = Box(x=(-1, 1), t=(0, 1))
FORMS = {
    "primal": Primal,
    "dual": lambda j: Dual(j, dense=True),
    "dual-factored": lambda j: Dual(j, dense=False),
    "free": lambda j: Free(j, iterations=3000, tolerance=1e-13, rank=30),
}


def heat(u, p):
    t, xx, value = partials(u, p, "t", "xx", "")
    return t - 0.3 * xx + value**3


@pytest.fixture(params=[12, 90], ids=["few-rows", "many-rows"])
def jacobian(request, make_field):
    """131 columns, and as few or as many rows."""
    u = make_field(BOX, "mlp", activation="tanh", width=9)
    constraints = {
        "pde": Constraint(BOX.interior(request.param), heat),
        "start": Constraint(BOX.face(request.param, t=0.0), lambda u, p: u(p) - p["x"], weight=10.0),
    }
    objective = Objective(constraints, 0, torch.device("cpu"), torch.float64, resample=False)
    b = objective.batches(0)
    return jacobian_of(u, [lambda n=n, c=c: c.blocks(n, u, b[n]) for n, c in constraints.items()])


@pytest.mark.parametrize("name", FORMS)
def test_every_form_takes_the_same_step(jacobian, name):
    """Against NumPy's least squares of [J; sqrt(lambda) I]. The condition of the system is sqrt(||J||^2 / lambda), at
    most 1e4 here; the gradients' stop at 1e-13 of a start in the preconditioner's norm.
    """
    form, j = FORMS[name](jacobian), jacobian.dense()
    for share in (1e-1, 1e-4, 1e-8):
        damping = share * float(j.square().sum())
        stacked = np.concatenate([j.numpy(), damping**0.5 * np.eye(j.shape[1])])
        y = np.concatenate([jacobian.target.numpy(), np.zeros(j.shape[1])])
        expected = torch.as_tensor(np.linalg.lstsq(stacked, y, rcond=None)[0])
        found = form.solve(jacobian.target, damping)
        assert float((found - expected).norm()) <= 1e-8 * float(expected.norm())


def of_matrix(j):
    """A Jacobian whose rows are written out."""
    y = torch.ones(len(j), dtype=torch.float64)
    return Jacobian([Rows(y, y, y, [], j)], j.shape[1])


def test_dampings_below_the_rounding_of_squares_are_kept_by_qr():
    """Singular values from 1 to 1e-7 in mixed directions: with lambda = 1e-20 all of them are resolved, though those of
    J^T J go down to 1e-14, near the rounding of its largest.
    """
    g = torch.Generator().manual_seed(0)
    j = torch.randn(40, 8, generator=g, dtype=torch.float64) * torch.logspace(0, -7, 8, dtype=torch.float64)
    j = j @ torch.linalg.qr(torch.randn(8, 8, generator=g, dtype=torch.float64))[0]
    found = Primal(of_matrix(j)).solve(torch.ones(40, dtype=torch.float64), 1e-20)
    expected = torch.as_tensor(np.linalg.lstsq(j.numpy(), np.ones(40), rcond=None)[0])
    assert torch.allclose(found, expected, rtol=1e-5)


def test_conjugate_gradients_are_preconditioned(jacobian, monkeypatch):
    """Twenty directions save a third of the products that plain conjugate gradients take to the same accuracy."""

    def products():
        count = [0]
        plain = jacobian.times
        monkeypatch.setattr(jacobian, "times", lambda v: (count.__setitem__(0, count[0] + 1), plain(v))[1])
        form = Free(jacobian, 5000, 1e-6, 20)
        form.solve(jacobian.target, 1e-6 * float(jacobian.dense().square().sum()))
        monkeypatch.setattr(jacobian, "times", plain)
        return count[0]

    sketched = products() - 20  # those of the sketch itself serve every damping
    monkeypatch.setattr(Free, "_precondition", lambda self, s, damping: s)
    assert sketched < 0.7 * (products() - 20)


def test_iterations_are_bounded(jacobian, monkeypatch):
    calls = []
    plain = jacobian.times
    monkeypatch.setattr(jacobian, "times", lambda v: calls.append(0) or plain(v))
    Free(jacobian, 5, 1e-15, 10).solve(jacobian.target, 1e-9)
    assert len(calls) == 10 + 5


# ---- the choice ------------------------------------------------------------------------------------------------------


def chosen(size, form="auto", memory=4.0):
    return choose_form(size, form, memory * GIB, 200, 1e-3, 100)[1]


def test_the_smaller_system_is_chosen_and_said():
    assert chosen(Size(2340, 1185, 10**5, 0)) == "primal: 1185 parameters <= 2340 rows"
    assert chosen(Size(500, 1185, 10**5, 0)) == "dual: 1185 parameters > 500 rows"
    assert chosen(Size(500, 1185, 10**5, 0), "free") == "matrix-free: as asked for"


def test_what_does_not_fit_falls_back_and_says_what_it_needs():
    large = Size(10**5, 2 * 10**4, 10**6, 0)
    assert chosen(large, memory=2) == "matrix-free: primal needs 13.2 GiB, there are 2 GiB"
    assert needs(large, 100)["primal"] / GIB == pytest.approx(13.2, abs=0.05)
    assert chosen(Size(2 * 10**4, 10**5, 10**6, 0), memory=2).startswith("matrix-free: dual needs 11.9 GiB")
    with pytest.raises(PinnsceneError, match=r"needs 2\.\d+ GiB even without forming.*there are 1 GiB.*memory"):
        chosen(Size(10**5, 2 * 10**4, 10**8, 0), memory=1)


def test_no_more_is_taken_than_is_free(monkeypatch):
    monkeypatch.setattr(formchoice, "free_memory", lambda: 2.0**24)
    assert "there are 0.0156 GiB" in chosen(Size(2340, 1185, 10, 0))


def test_several_processes_keep_their_rows(monkeypatch):
    monkeypatch.setattr(formchoice, "world", lambda: 2)
    assert chosen(Size(500, 1185, 10**5, 0)).startswith("primal: 1185 parameters > 500 rows, which several")


# ---- the damping -----------------------------------------------------------------------------------------------------


def test_nielsens_control():
    """Gain 1/2 keeps the damping, gain 1 lowers it by the relief, none doubles it; between them a cubic."""
    for gain, factor in ((0.5, 1.0), (1.0, 0.1), (1.3, 0.1), (0.0, 2.0), (0.75, 1 - 0.5**3), (0.25, 1 + 0.5**3)):
        damping = Damping(3.0)
        damping.accept(gain)
        assert damping.value == pytest.approx(3.0 * factor), gain


def test_refusals_in_a_row_multiply_ever_faster():
    damping = Damping(1.0)
    values = []
    for _ in range(4):
        damping.refuse()
        values.append(damping.value)
    assert values == [2, 8, 64, 1024]
    damping.accept(0.5)
    damping.refuse()
    assert damping.value == 2048


def test_the_relief_is_learnt():
    """A refusal takes its root, once in a row; steps that are taken let it grow again to its most."""
    damping = Damping(1.0)
    damping.refuse()
    damping.refuse()
    assert damping.relief == pytest.approx(10**0.5)
    for _ in range(3):
        damping.accept(0.9)
    assert damping.relief == 10.0
    for _ in range(20):
        damping.refuse()
        damping.growth = 2.0
    assert damping.relief == LEAST
