"""Adam, L-BFGS and SOAP on problems whose answers are known."""

from itertools import pairwise
from math import cos, pi, sqrt

import pytest
import torch

from pinnscene import Box, Constraint, PinnsceneError
from pinnscene.objective import Objective
from pinnscene.plan import make_plan
from pinnscene.solution import Status
from pinnscene.solvers import Adam, Lbfgs, Soap

LINE = Box(x=(0.0, 1.0))
CPU = torch.device("cpu")


# ---- adam ------------------------------------------------------------------------------------------------------------


def fitting(toy):
    return toy(LINE, {"fit": Constraint(LINE.interior(32), lambda u, p: u(p) - torch.sin(3 * p["x"]))})


def test_adam_lowers_the_loss(solve, toy):
    solution = solve(fitting(toy), "adam", width=16, field={"first": 3.0, "omega": 3.0}, steps=200, every=1, lr=1e-2)
    assert solution.status == Status.MAX_STEPS
    assert solution.steps == 200
    losses = [log.loss for log in solution.history]
    assert len(losses) == 200
    assert sum(losses[-20:]) < 1e-3 * sum(losses[:5]) * 4


def test_adams_rate_warms_up_and_ends_at_its_share():
    adam = Adam(warmup=10, final=0.02)
    assert [adam.rate(k, 100) for k in range(10)] == pytest.approx([(k + 1) / 10 for k in range(10)])
    assert adam.rate(10, 100) == pytest.approx(1.0)
    assert adam.rate(55, 100) == pytest.approx(0.02 + 0.98 * 0.5 * (1 + cos(pi / 2)))
    assert [adam.rate(k, 100) for k in (100, 1000)] == pytest.approx([0.02, 0.02])
    falling = [adam.rate(k, 100) for k in range(10, 101)]
    assert falling == sorted(falling, reverse=True)
    # where the time is shorter than the steps, the rate follows the time
    assert [adam.rate(10, 10**6, share) for share in (0.5, 1.0)] == pytest.approx([0.02 + 0.98 * 0.5, 0.02])
    assert Adam(warmup=0).rate(0, 10) == 1.0
    assert Adam(warmup=20).rate(9, 10) == 0.5


def adam_by_hand(u, objective, solver, steps):
    """Kingma and Ba's algorithm 1, one parameter at a time."""
    parameters = list(u.parameters())
    m = [torch.zeros_like(p) for p in parameters]
    v = [torch.zeros_like(p) for p in parameters]
    b1, b2 = solver.betas
    for k in range(steps):
        grads = torch.autograd.grad(sum(objective.losses(u, objective.batches(k)).values()), parameters)
        norm = sqrt(sum(float(g.square().sum()) for g in grads))
        if solver.clip and norm > solver.clip:
            grads = [g * solver.clip / norm for g in grads]
        lr = solver.lr * solver.rate(k, steps)
        with torch.no_grad():
            for w, g, mi, vi in zip(parameters, grads, m, v, strict=True):
                mi.lerp_(g, 1 - b1)
                vi.lerp_(g * g, 1 - b2)
                w.sub_(lr * (mi / (1 - b1 ** (k + 1))) / ((vi / (1 - b2 ** (k + 1))).sqrt() + 1e-8))


@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_adam_is_the_papers(toy, make_field, clip):
    """Eight steps by hand, clipped and not; 1e-6: clip_grad_norm_ divides by norm + 1e-6, the rest is rounding."""
    solver = Adam(lr=1e-2, warmup=3, clip=clip)
    objective = Objective(fitting(toy).constraints(), 0, CPU, torch.float64)
    mine, theirs = make_field(LINE), make_field(LINE)
    stepper = solver.start(mine, objective, 8, {})
    for k in range(8):
        stepper.step(k)
    adam_by_hand(theirs, objective, solver, 8)
    for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(p, q, rtol=1e-4 if clip else 1e-9, atol=1e-6 if clip else 1e-12)


def test_clipping_changes_the_path(toy, make_field):
    ends = []
    for clip in (0.0, 1e-3):
        objective = Objective(fitting(toy).constraints(), 0, CPU, torch.float64)
        u = make_field(LINE)
        stepper = Adam(clip=clip, warmup=0).start(u, objective, 5, {})
        for k in range(5):
            stepper.step(k)
        ends.append(u.head.weight.detach().clone())
    assert not torch.allclose(*ends, rtol=1e-12)


def test_averaging_leaves_the_mean_of_the_path(toy, make_field):
    """The decay is min(0.6, (k + 1) / (k + 10)); training goes on from the plain weights, the mean is what stays."""
    objective = Objective(fitting(toy).constraints(), 0, CPU, torch.float64)
    u, plain = make_field(LINE), make_field(LINE)
    stepper = Adam(average=0.6, warmup=0, lr=1e-2).start(u, objective, 30, {})
    other = Adam(warmup=0, lr=1e-2).start(plain, objective, 30, {})
    mean = u.head.weight.detach().clone()
    for k in range(30):
        stepper.step(k)
        other.step(k)
        assert torch.equal(u.head.weight, plain.head.weight)
        decay = min(0.6, (k + 1) / (k + 10))
        mean = decay * mean + (1 - decay) * u.head.weight.detach()
    stepper.finish()
    assert torch.allclose(u.head.weight, mean, rtol=1e-12)
    assert not torch.allclose(u.head.weight, plain.head.weight, rtol=1e-6)


def test_adam_refuses_bad_knobs():
    for bad in ({"lr": 0.0}, {"average": 1.0}, {"clip": -1.0}, {"warmup": -1}):
        with pytest.raises(PinnsceneError, match="adam expected"):
            Adam(**bad)


# ---- lbfgs -----------------------------------------------------------------------------------------------------------


def quadratic(toy, make_field):
    """A fit by the last layer alone: a quadratic in 7 unknowns."""
    u = make_field(LINE, "mlp", width=6, depth=1)
    u.backbone.requires_grad_(False)
    return u, Objective(fitting(toy).constraints(), 0, CPU, torch.float64, resample=False)


def run(stepper, most):
    for k in range(most):
        losses = stepper.step(k)
        if stepper.finished:
            break
    return sum(float(x) for x in losses.values()), k + 1


def test_lbfgs_reaches_the_least_squares_of_a_quadratic(toy, make_field):
    u, objective = quadratic(toy, make_field)
    loss, steps = run(Lbfgs(gradient=1e-9).start(u, objective, 500, {}), 500)
    p = objective.batches(0)["fit"]
    a = u.feature_derivatives(p, [{(): 1.0}])[0]
    y = torch.sin(3 * p["x"])
    least = float((a @ torch.linalg.lstsq(a, y, driver="gelsd")[0] - y).square().mean())
    assert steps < 500
    # the gradient's largest entry bounds the excess by its square over the least curvature, 1e-18 / 1e-9 or so
    assert loss <= least + 1e-8


def test_lbfgs_stops_where_the_gradient_vanishes_and_says_so(toy, make_field):
    u, objective = quadratic(toy, make_field)
    stepper = Lbfgs(gradient=1e-4).start(u, objective, 500, {})
    run(stepper, 500)
    assert stepper.finished.startswith("the gradient vanished")
    total = sum(objective.losses(u, objective.batches(0)).values())
    grads = torch.autograd.grad(total, [u.head.weight, u.head.bias])
    assert max(float(g.abs().max()) for g in grads) < 1e-3  # one step further than the one it was seen at


@pytest.mark.parametrize("restarts", [0, 2])
def test_lbfgs_restarts_then_stops_where_no_decrease_is_found(toy, make_field, restarts, monkeypatch):
    """At the floor of rounding no line search succeeds: so many restarts, then the end, and never a worse loss."""
    u, objective = quadratic(toy, make_field)
    stepper = Lbfgs(gradient=0.0, restarts=restarts).start(u, objective, 3000, {})
    fresh = []
    original = stepper._fresh
    monkeypatch.setattr(stepper, "_fresh", lambda: (fresh.append(1), original()))
    loss, _ = run(stepper, 3000)
    assert f"after {restarts} restarts" in stepper.finished
    assert len(fresh) >= restarts + 1
    assert stepper.failures == restarts + 1
    assert loss <= 1e-2


def test_lbfgs_never_raises_the_loss(solve, toy):
    """A small network from scratch: every logged loss at most the one before, and far lower in the end."""
    solution = solve(fitting(toy), "lbfgs", width=10, field={"first": 3.0, "omega": 3.0}, steps=60, every=1)
    losses = [log.loss for log in solution.history]
    assert all(b <= a for a, b in pairwise(losses))
    assert losses[-1] < 1e-5 * losses[0]


def test_lbfgs_refuses_moving_points_and_bad_knobs():
    with pytest.raises(PinnsceneError, match="fixed points"):
        make_plan("lbfgs", {"lbfgs": {"resample": True}})
    with pytest.raises(PinnsceneError, match="lbfgs expected"):
        Lbfgs(history=0)


# ---- soap ------------------------------------------------------------------------------------------------------------


def test_soap_needs_fewer_steps_than_adam(solve, poisson):
    """On the same points from the same weights, by the end of as many steps: a tenth of the loss here."""
    knobs = {"steps": 200, "every": 200, "lr": 1e-2, "resample": False, "dtype": "float64"}
    field = {"first": 3.0, "omega": 1.0}
    ends = [solve(poisson(), name, width=16, depth=2, field=field, **knobs).loss for name in ("soap", "adam")]
    assert ends[0] < 0.3 * ends[1]


def test_soap_in_bases_that_stand_still_is_adam(toy, make_field):
    """Where no side is rotated, what is left is Adam with one step of delay: the package's first only looks."""
    found = []
    for solver in (Soap(largest=1, betas=(0.9, 0.99), warmup=0), Adam(warmup=0, lr=3e-3)):
        objective = Objective(fitting(toy).constraints(), 0, CPU, torch.float64, resample=False)
        u = make_field(LINE)
        stepper = solver.start(u, objective, 10**6, {})
        for k in range(8 + (solver.name == "soap")):
            stepper.step(k)
        found.append(torch.cat([p.detach().flatten() for p in u.parameters()]))
    assert torch.allclose(*found, rtol=1e-4, atol=1e-6)


def test_soap_refuses_bad_knobs():
    for bad in ({"refresh": 0}, {"largest": 0}, {"lr": 0.0}):
        with pytest.raises(PinnsceneError, match="soap expected"):
            Soap(**bad)
