"""The head solver on problems whose answers are known: exact solves, Gauss-Newton, robust penalties."""

from itertools import pairwise
from math import pi

import pytest
import torch

from pinnscene import Box, Constraint, PinnsceneError, partials
from pinnscene.objective import Objective
from pinnscene.penalty import absolute, huber, softplus, square
from pinnscene.solution import Status
from pinnscene.solvers import Head

LINE = Box(x=(0.0, 1.0))
CPU = torch.device("cpu")


def error(solution, truth, box=LINE):
    p = box.grid(2001)
    with torch.no_grad():
        return float((solution.field(p) - truth(p)).abs().max())


def riccati(toy):
    """U' = -u^2, u(0) = 1: u = 1 / (1 + x)."""
    return toy(LINE, {
        "ode": Constraint(LINE.interior(200, "sobol"), lambda u, p: partials(u, p, "x") + u(p) ** 2),
        "start": Constraint(LINE.face(1, x=0.0), lambda u, p: u(p) - 1, weight=100.0),
    })  # fmt: skip


def test_head_solves_a_linear_problem_in_one_step(solve, poisson):
    """40 features carry sin(pi x) to 1e-12; the least squares lose no more than its condition allows: 1e-9."""
    solution = solve(poisson(), "head")
    assert solution.steps == 1
    assert solution.status == Status.CONVERGED
    assert "linear" in solution.advice
    assert error(solution, lambda p: torch.sin(pi * p["x"])) < 1e-9
    assert solution.heldout < 1e-9


def test_head_solves_a_linear_pde_with_two_outputs(solve, toy):
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


def test_head_says_linear_of_an_integral_over_many_rows(solve, toy):
    """A linear residual whose rows mix is judged on the whole batch, however long."""
    problem = toy(LINE, {
        "mean": Constraint(LINE.interior(400, "sobol"), lambda u, p: partials(u, p, "x") - 1 + 0 * u(p)),
        "integral": Constraint(LINE.interior(300, "sobol"), lambda u, p: u(p).mean() - 0.5 + 0 * u(p)),
    })  # fmt: skip
    solution = solve(problem, "head", width=10, scale=2.0)
    assert solution.steps == 1
    assert "linear" in solution.advice


def test_head_solves_a_nonlinear_problem_by_gauss_newton(solve, toy):
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


def test_head_does_not_take_a_slightly_nonlinear_problem_for_linear(solve, toy):
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


def test_head_errors_fall_by_orders_with_width(solve, toy):
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
def test_robust_penalties_see_past_outliers(solve, toy, penalty, bound):
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


def test_head_stays_smooth_where_data_cannot_be_fitted(solve, toy):
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


def test_head_says_the_loss_that_it_leaves(solve, poisson):
    """What the least squares predict is the loss of the field afterwards; three features leave some of it."""
    problem = poisson()
    solution = solve(problem, "head", width=3, scale=3.0)
    objective = Objective(problem.constraints(), 0, CPU, torch.float64, resample=False)
    with torch.no_grad():
        left = objective.losses(solution.field, objective.batches(0))
    assert solution.loss > 1e-6
    assert solution.history[-1].losses == pytest.approx({k: float(v) for k, v in left.items()}, rel=1e-8)


def test_head_reaches_the_optimum_of_a_cross_entropy(solve, toy):
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


def test_head_halves_steps_that_overshoot(solve, toy):
    """atan(u - 5) = 0 from u = 0: the full Gauss-Newton step lands at 30 and beyond, where the residual is larger."""
    problem = toy(LINE, {"atan": Constraint(LINE.interior(50, "sobol"), lambda u, p: torch.atan(u(p) - 5))})
    solution = solve(problem, "head", width=3, scale=1.0, steps=40)
    assert error(solution, lambda p: 5 + 0 * p["x"]) < 1e-6


def test_head_keeps_trained_layers_when_told_to(poisson, make_field):
    u = make_field(LINE, width=8)
    kept = {k: t.clone() for k, t in u.state_dict().items() if "head" not in k}
    objective = Objective(poisson().constraints(), 0, CPU, torch.float64, resample=False)
    stepper = Head(redraw=False).start(u, objective, 1, {})
    before = sum(float(x) for x in objective.losses(u, objective.batches(0)).values() for x in [x.detach()])
    after = sum(float(x) for x in stepper.step(0).values())
    assert after < before
    assert all(torch.equal(u.state_dict()[k], t) for k, t in kept.items())


def test_head_refuses_bad_knobs():
    for bad in ({"scale": -1.0}, {"damping": 0.0}, {"probe": 0}):
        with pytest.raises(PinnsceneError, match="head expected"):
            Head(**bad)
