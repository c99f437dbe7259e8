"""Solvers at work on problems whose answers are known: exact solves, Gauss-Newton, scans, Adam, L-BFGS."""

from itertools import pairwise
from math import cos, pi, sqrt

import pytest
import torch

from pinnscene import Box, Constraint, FieldSpec, PinnsceneError, partials
from pinnscene.objective import Objective
from pinnscene.penalty import absolute, huber, softplus, square
from pinnscene.plan import make_plan
from pinnscene.solution import Status
from pinnscene.solvers import Adam, Head, Lbfgs, Soap
from pinnscene.trainer import train

LINE = Box(x=(0.0, 1.0))
CPU = torch.device("cpu")


def solve(problem, solver, width=40, depth=1, seed=0, backbone="siren", encoding=None, field=None, **knobs):
    spec = FieldSpec(backbone, encoding, knobs={"width": width, "depth": depth, **(field or {})})
    return train(problem, spec, make_plan(solver, {solver: knobs}), seed=seed, device="cpu")


def error(solution, truth, box=LINE):
    p = box.grid(2001)
    with torch.no_grad():
        return float((solution.field(p) - truth(p)).abs().max())


def poisson(toy, **more):
    """U'' = -pi^2 sin(pi x), u = 0 at both ends: u = sin(pi x)."""
    return toy(LINE, {
        "pde": Constraint(LINE.interior(200, "sobol"),
                          lambda u, p: partials(u, p, "xx") + pi**2 * torch.sin(pi * p["x"])),
        "walls": Constraint(LINE.face(20, "x"), lambda u, p: u(p), weight=100.0),
    }, **more)  # fmt: skip


def riccati(toy):
    """U' = -u^2, u(0) = 1: u = 1 / (1 + x)."""
    return toy(LINE, {
        "ode": Constraint(LINE.interior(200, "sobol"), lambda u, p: partials(u, p, "x") + u(p) ** 2),
        "start": Constraint(LINE.face(1, x=0.0), lambda u, p: u(p) - 1, weight=100.0),
    })  # fmt: skip


# ---- head ------------------------------------------------------------------------------------------------------------


def test_head_solves_a_linear_problem_in_one_step(toy):
    """40 features carry sin(pi x) to 1e-12; the least squares lose no more than its condition allows: 1e-9."""
    solution = solve(poisson(toy), "head")
    assert solution.steps == 1
    assert solution.status == Status.CONVERGED
    assert "linear" in solution.advice
    assert error(solution, lambda p: torch.sin(pi * p["x"])) < 1e-9
    assert solution.heldout < 1e-9


def test_head_solves_a_linear_pde_with_two_outputs(toy):
    """u_t = v_x, v_t = u_x with u = sin(x + t) = v: a system, each output by the other."""
    box = Box(x=(0, 1), t=(0, 1))
    truth = lambda p: torch.sin(p["x"] + p["t"])

    def system(u, p):
        t, x = partials(u, p, "t", "x")
        return torch.cat([t[:, :1] - x[:, 1:], t[:, 1:] - x[:, :1]], 1)

    problem = toy(box, {
        "pde": Constraint(box.interior(400, "sobol"), system),
        "start": Constraint(box.face(60, t=0.0), lambda u, p: u(p) - truth(p), weight=10.0),
        "walls": Constraint(box.face(60, "x"), lambda u, p: u(p) - truth(p), weight=10.0),
    }, ("u", "v"))  # fmt: skip
    solution = solve(problem, "head", width=100, scale=3.0)
    assert solution.steps == 1
    assert error(solution, lambda p: truth(p).expand(-1, 2), box) < 1e-8


def test_head_says_linear_of_an_integral_over_many_rows(toy):
    """A linear residual whose rows mix is judged on the whole batch, however long."""
    problem = toy(LINE, {
        "mean": Constraint(LINE.interior(400, "sobol"), lambda u, p: partials(u, p, "x") - 1 + 0 * u(p)),
        "integral": Constraint(LINE.interior(300, "sobol"), lambda u, p: u(p).mean() - 0.5 + 0 * u(p)),
    })  # fmt: skip
    solution = solve(problem, "head", width=10, scale=2.0)
    assert solution.steps == 1
    assert "linear" in solution.advice


def test_head_solves_a_nonlinear_problem_by_gauss_newton(toy):
    """From zero the losses fall quadratically once close: fewer than eight solves to 1e-9, and it is not called linear
    after the first.
    """
    solution = solve(riccati(toy), "head", scale=3.0)
    losses = [log.loss for log in solution.history]
    assert 3 <= solution.steps <= 8
    assert error(solution, lambda p: 1 / (1 + p["x"])) < 1e-9
    assert all(b <= a for a, b in pairwise(losses))
    falls = [b / a for a, b in pairwise(losses) if a > 1e-20]
    assert min(falls) < 1e-6  # one quadratic step at least


def test_head_does_not_take_a_slightly_nonlinear_problem_for_linear(toy):
    """U' + u + 1e-7 u^2 = f with u = cos 3x: stopping after the linear solve would leave an error of some 1e-8, where
    the solver promises 1e-10.
    """
    e = 1e-7

    def ode(u, p):
        x = p["x"]
        f = -3 * torch.sin(3 * x) + torch.cos(3 * x) + e * torch.cos(3 * x) ** 2
        return partials(u, p, "x") + u(p) + e * u(p) ** 2 - f

    problem = toy(LINE, {
        "ode": Constraint(LINE.interior(200, "sobol"), ode),
        "start": Constraint(LINE.face(1, x=0.0), lambda u, p: u(p) - 1, weight=100.0),
    })  # fmt: skip
    solution = solve(problem, "head", scale=3.0)
    assert error(solution, lambda p: torch.cos(3 * p["x"])) < 1e-10


def test_head_errors_fall_by_orders_with_width(toy):
    """Random features converge like a spectral method: four times the width, at least a thousandth of the error."""
    wave = toy(LINE, {
        "pde": Constraint(LINE.interior(300, "sobol"),
                          lambda u, p: partials(u, p, "xx") + 36 * pi**2 * torch.sin(6 * pi * p["x"])),
        "walls": Constraint(LINE.face(20, "x"), lambda u, p: u(p), weight=1e4),
    })  # fmt: skip
    truth = lambda p: torch.sin(6 * pi * p["x"])
    narrow, wide = (error(solve(wave, "head", width=w), truth) for w in (12, 48))
    assert wide < 1e-3 * narrow
    assert wide < 1e-6


@pytest.mark.parametrize(("penalty", "bound"), [(huber, 0.1), (absolute, 0.02)], ids=["huber", "absolute"])
def test_robust_penalties_see_past_outliers(toy, penalty, bound):
    """A tenth of the data is off by +5. Squares are pulled by 0.5 everywhere; Huber by its delta of 1 times a tenth;
    the median-like absolute penalty hardly at all.
    """

    def data(u, p):
        off = 5.0 * (torch.arange(len(p)) % 10 == 3)[:, None]
        return u(p) - torch.sin(3 * p["x"]) - off

    fit = lambda kind: solve(
        toy(LINE, {"data": Constraint(LINE.interior(300, "sobol"), data, penalty=kind)}),
        "head", width=6, scale=3.0, steps=60)  # fmt: skip
    truth = lambda p: torch.sin(3 * p["x"])
    mean = lambda s: float((s.field(LINE.grid(201)) - truth(LINE.grid(201))).abs().mean().detach())
    plain, robust = fit(square), fit(penalty)
    assert mean(plain) > 0.3
    assert mean(robust) < (0.15 if penalty is huber else bound)
    losses = [log.loss for log in robust.history]
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(losses))


def test_head_stays_smooth_where_data_cannot_be_fitted(toy):
    """Noise, and far more features than its fit can use: the field must not be a sum of huge parts that cancel but for
    rounding. Features that turn by 2 radians and values below 1 give slopes of some hundreds at the most, so 1e-9 apart
    values differ by less than 1e-6; a bound of 1e-3 leaves rounding a weight of 1e11, where 1e13 fails it.
    """
    noise = torch.randn(400, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    problem = toy(LINE, {"data": Constraint(LINE.interior(400, "sobol"), lambda u, p: u(p) - noise[: len(p)])})
    solution = solve(problem, "head", width=200, scale=2.0)
    x = torch.linspace(0, 1, 500, dtype=torch.float64)[:, None]
    with torch.no_grad():
        assert float((solution.field(x + 1e-9) - solution.field(x)).abs().max()) < 1e-3


def test_head_says_the_loss_that_it_leaves(toy):
    """What the least squares predict is the loss of the field afterwards; three features leave some of it."""
    problem = poisson(toy)
    solution = solve(problem, "head", width=3, scale=3.0)
    objective = Objective(problem.constraints(), 0, CPU, torch.float64, resample=False)
    with torch.no_grad():
        left = objective.losses(solution.field, objective.batches(0))
    assert solution.loss > 1e-6
    assert solution.history[-1].losses == pytest.approx({k: float(v) for k, v in left.items()}, rel=1e-8)


def test_head_reaches_the_optimum_of_a_cross_entropy(toy):
    """Logistic regression on the features: Newton with the penalty's slope and curvature ends where the gradient of
    the loss vanishes, at 1e-3 of what it was for a field of zero, where steps stop gaining 0.1%.
    """

    def signed(u, p):
        noisy = torch.sin(40 * p["x"]) > 0.6
        inside = (p["x"] > 0.5) ^ noisy
        return (1 - 2 * inside.double()) * u(p)

    problem = toy(LINE, {"sign": Constraint(LINE.interior(200, "sobol"), signed, penalty=softplus)})
    solution = solve(problem, "head", width=4, scale=3.0, steps=30)
    objective = Objective(problem.constraints(), 0, CPU, torch.float64, resample=False)

    def slope(u):
        loss = sum(objective.losses(u, objective.batches(0)).values())
        return float(torch.cat([g.flatten() for g in torch.autograd.grad(loss, [u.head.weight, u.head.bias])]).norm())

    u = solution.field
    end = slope(u)
    with torch.no_grad():
        for p in u.head.parameters():
            p.zero_()
    assert end < 1e-3 * slope(u)
    assert solution.loss < 0.95 * solution.history[0].loss or solution.steps < 5


def test_head_halves_steps_that_overshoot(toy):
    """atan(u - 5) = 0 from u = 0: the full Gauss-Newton step lands at 30 and beyond, where the residual is larger."""
    problem = toy(LINE, {"atan": Constraint(LINE.interior(50, "sobol"), lambda u, p: torch.atan(u(p) - 5))})
    solution = solve(problem, "head", width=3, scale=1.0, steps=40)
    assert error(solution, lambda p: 5 + 0 * p["x"]) < 1e-6


def test_head_keeps_trained_layers_when_told_to(toy, make_field):
    u = make_field(LINE, width=8)
    kept = {k: t.clone() for k, t in u.state_dict().items() if "head" not in k}
    objective = Objective(poisson(toy).constraints(), 0, CPU, torch.float64, resample=False)
    stepper = Head(redraw=False).start(u, objective, 1, {})
    before = sum(float(x) for x in objective.losses(u, objective.batches(0)).values() for x in [x.detach()])
    after = sum(float(x) for x in stepper.step(0).values())
    assert after < before
    assert all(torch.equal(u.state_dict()[k], t) for k, t in kept.items())


def test_head_refuses_bad_knobs():
    for bad in ({"scale": -1.0}, {"damping": 0.0}, {"probe": 0}):
        with pytest.raises(PinnsceneError, match="head expected"):
            Head(**bad)


# ---- adam ------------------------------------------------------------------------------------------------------------


def fitting(toy):
    return toy(LINE, {"fit": Constraint(LINE.interior(32), lambda u, p: u(p) - torch.sin(3 * p["x"]))})


def test_adam_lowers_the_loss(toy):
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


def test_lbfgs_never_raises_the_loss(toy):
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


def test_soap_needs_fewer_steps_than_adam(toy):
    """On the same points from the same weights, by the end of as many steps: a tenth of the loss here."""
    knobs = {"steps": 200, "every": 200, "lr": 1e-2, "resample": False, "dtype": "float64"}
    field = {"first": 3.0, "omega": 1.0}
    ends = [solve(poisson(toy), name, width=16, depth=2, field=field, **knobs).loss for name in ("soap", "adam")]
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
