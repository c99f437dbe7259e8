"""How the last layer is solved for: the choice, what it says, what it needs, and when steps end."""

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, FieldSpec, PinnsceneError, memory, partials
from pinnscene.collocation import suited
from pinnscene.objective import Objective
from pinnscene.penalty import huber
from pinnscene.plan import make_plan
from pinnscene.solvers import Head, headform
from pinnscene.solvers.head import HeadStepper
from pinnscene.solvers.headform import choose, dense_need, explain, usual
from pinnscene.trainer import train

BOX = Box(x=(0.0, 1.0), t=(0.0, 0.5))
DECAY = lambda u, p: partials(u, p, "t") + u(p)
SQUARED = lambda u, p: partials(u, p, "t") + u(p) ** 2
CLOUD = lambda g: torch.rand(300, 2, generator=g, dtype=torch.float64) / 2


def given(residual=DECAY, sampler=None, **more):
    start = Constraint(BOX.face(9, t=0.0), lambda u, p: u(p) - 1)
    return {"pde": Constraint(sampler or BOX.interior(50), residual, **more), "start": start}


def stepper(u, constraints=None, **knobs):
    points = suited(constraints or given(), u)
    return HeadStepper(Head(**knobs), u, Objective(points, 0, torch.device("cpu"), torch.float64, resample=False), {})


def tensor(make_field, **more):
    return make_field(BOX, "linear", "tensor", basis="sine,chebyshev", modes="5,4", **more)


@pytest.fixture
def little(monkeypatch):
    """A machine with so many bytes free."""
    return lambda room: [monkeypatch.setattr(module, "free_memory", lambda: room) for module in (headform, memory)]


def test_small_ones_get_factors_and_large_ones_none(make_field, monkeypatch):
    u = tensor(make_field)
    assert usual(u, "auto") == "dense" == usual(u, "dense") and usual(u, "krylov") == "krylov"
    monkeypatch.setattr(headform, "LARGE", 19)
    assert usual(u, "auto") == "krylov"
    assert usual(make_field(BOX, "siren", width=40), "auto") == "dense"
    assert choose(u, stepper(u)._rows(), "auto") == ("krylov", "")


@pytest.mark.parametrize(("case", "why"), [("factor", "ansatz"), ("mixing", "rows do not mix"), ("cloud", "a lattice")])
def test_large_ones_that_need_factors_get_them_and_say_why(make_field, monkeypatch, case, why):
    monkeypatch.setattr(headform, "LARGE", 19)
    u = tensor(make_field, ansatz=Ansatz(factor=lambda p: p["t"]) if case == "factor" else None)
    mixing = lambda u, p: u(p) - u(p).mean()
    residual, sampler = (mixing if case == "mixing" else DECAY), (CLOUD if case == "cloud" else None)
    s = stepper(u, given(residual, sampler))
    name, reason = choose(u, s._rows(), "auto")
    assert name == "dense" and why in reason
    s.step(0)
    assert why in s.note and "QR factors" in s.note


def test_too_little_memory_for_factors_takes_none(make_field, little):
    """Said in the note, with what they would have needed; the first step is the same."""
    u = tensor(make_field)
    s = stepper(u, inner=1e-9)
    need = dense_need(u, s._rows())
    assert need == 8 * 4 * (8 * 6 + 8 + 20) * 20  # copies of rows of the pde, the start and the damping, by columns
    dense, _ = s._solve(s._rows())
    little(need - 1)
    s._choose(s._rows())
    assert s.form == "krylov" and "QR factors need" in s.note and "GiB" in s.note
    assert torch.allclose(s._solve_krylov(s._rows())[0], dense, rtol=1e-5, atol=1e-6 * float(dense.abs().max()))


@pytest.mark.parametrize("backbone", ["siren", "tensor"])
def test_too_little_memory_for_anything_is_told_before_it_is_taken(make_field, little, backbone):
    u = tensor(make_field) if backbone == "tensor" else make_field(BOX, "siren")
    s = stepper(u, redraw=False)
    little(100.0)
    before = u.head.weight.detach().clone()
    with pytest.raises(PinnsceneError, match=r"would take about .* GiB of memory, .* GiB are free: take fewer") as told:
        s.step(0)
    assert "\n" not in str(told.value) and torch.equal(u.head.weight, before)


def test_factors_that_were_asked_for_are_not_exchanged(make_field, little):
    u = tensor(make_field)
    s = stepper(u, form="dense")
    little(100.0)
    with pytest.raises(PinnsceneError, match="QR factors would take"):
        s.step(0)


def test_the_plan_is_explained_in_one_line(make_field):
    u = tensor(make_field, values=("u", "v"))
    assert explain(u, "dense") == "products of 5 sine and 4 chebyshev functions, 40 unknowns: QR factors"
    assert Head(form="krylov").explain(u).endswith("40 unknowns: conjugate gradients")
    wide = make_field(BOX, "siren", width=12)
    assert Head().explain(wide) == "12 features of siren, 13 unknowns: QR factors"


def test_notes_say_features_and_form(toy):
    """Random features with their scales; conjugate gradients with their iterations."""
    problem, notes = toy(BOX, given()), []
    for backbone, knobs in (("siren", {"scale": 2.0}), ("tensor", {"form": "krylov"})):
        fields = {"width": 30, "depth": 1} if backbone == "siren" else {"modes": "3,6"}
        plan = make_plan("head", {"head": knobs})
        train(
            problem,
            FieldSpec(backbone, knobs=fields),
            plan,
            device="cpu",
            observers=[lambda log: notes.append(log.note)],
        )
    assert notes[0].startswith("random features turn by up to") and notes[0].endswith("31 unknowns: QR factors")
    assert notes[-1].startswith("products of 3 chebyshev and 6 chebyshev functions, 18 unknowns: conjugate gradients, ")
    assert notes[-1].endswith(" iterations")


# ---- when steps end --------------------------------------------------------------------------------------------------


def test_steps_end_where_residuals_are_as_their_linearisation_said(make_field):
    """Newton doubles its digits: once a step is as foretold, the next would gain nothing."""
    u = tensor(make_field, ansatz=None)
    with torch.no_grad():
        u.head.weight.zero_()
    s = stepper(u, given(SQUARED))
    losses = []
    while not s.finished and len(losses) < 20:
        losses.append(float(sum(s.step(len(losses)).values())))
    assert "as their linearisation said" in s.finished
    s.finished = ""
    again = float(sum(s.step(len(losses)).values()))
    assert abs(again - losses[-1]) <= 1e-3 * losses[-1]
    assert losses[0] > 1.001 * losses[-1]  # it did not stop at once


def test_steps_do_not_end_early_for_penalties_that_leave_a_constant_out(make_field):
    """Beyond its elbow a Huber penalty's parabola says nothing of the loss itself."""
    u = tensor(make_field)
    s = stepper(u, given(SQUARED, penalty=huber))
    for k in range(20):
        s.step(k)
        if s.finished:
            break
    assert "linearisation" not in s.finished


def test_steps_that_gain_nothing_end(make_field):
    """A residual that no weights lower: at its minimum from the first."""
    u = tensor(make_field)
    with torch.no_grad():
        u.head.weight.zero_()
    s = stepper(u, given(lambda u, p: 1 + u(p) ** 2), form="krylov")
    s.objective.constraints.pop("start")
    s.step(0)
    assert s.finished == "Gauss-Newton found no further decrease"
    assert bool(u.head.weight.isfinite().all())
