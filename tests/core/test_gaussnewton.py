"""Gauss-Newton on every weight: orders of convergence, forms, warm starts, fresh points, refusals, exact resumes."""

from itertools import pairwise

import pytest
import torch

from pinnscene import Ansatz, Box, Constraint, FieldSpec, PinnsceneError, partials
from pinnscene.objective import Objective
from pinnscene.penalty import absolute, huber
from pinnscene.plan import make_plan
from pinnscene.problems.heat import Heat
from pinnscene.problems.nerf_ray import NerfRay
from pinnscene.solution import Status
from pinnscene.solve import Settings, configure
from pinnscene.solvers import GaussNewton
from pinnscene.solvers.jacobian import parameters_of
from pinnscene.trainer import train

LINE = Box(x=(0.0, 1.0))
CPU = torch.device("cpu")


def riccati(toy, n=60, hold=True):
    """U' = -u^2, u(0) = 1: u = 1 / (1 + x)."""
    ode = Constraint(LINE.interior(n, "sobol"), lambda u, p: partials(u, p, "x") + u(p) ** 2)
    shape = Ansatz(lambda p: torch.ones_like(p["x"]), lambda p: p["x"]) if hold else None
    start = {} if hold else {"start": Constraint(LINE.face(1, x=0.0), lambda u, p: u(p) - 1, weight=100.0)}
    return toy(LINE, {"ode": ode, **start}, ("u",), shape)


def solve(problem, solver="gauss-newton", width=6, depth=1, **knobs):
    spec = FieldSpec("mlp", knobs={"width": width, "depth": depth, "activation": "tanh"})
    own = {"adam": {"steps": 50}, "gauss-newton": {"every": 1, **knobs}}
    return train(problem, spec, make_plan(solver, {k: v for k, v in own.items() if k in solver}), device="cpu")


def error(solution, truth=lambda p: 1 / (1 + p["x"])):
    p = LINE.grid(501)
    with torch.no_grad():
        return float((solution.field(p) - truth(p)).abs().max())


def stepper_of(problem, field, resample=False, **knobs):
    objective = Objective(problem.constraints(), 0, CPU, torch.float64, resample)
    return GaussNewton(**knobs).start(field, objective, 10, {})


def weights(solution):
    return torch.cat([p.flatten() for p in solution.field.state_dict().values()])


# ---- convergence -----------------------------------------------------------------------------------------------------


def test_an_ode_is_solved_to_ten_digits(toy):
    """19 weights, 60 rows: what so small a network can hold of 1 / (1 + x) is better than 1e-8."""
    solution = solve(riccati(toy), steps=200)
    assert error(solution) < 1e-8
    losses = [log.loss for log in solution.history]
    assert all(b <= a for a, b in pairwise(losses))
    assert solution.history[0].note == "primal: 19 parameters <= 60 rows"


def test_conditions_in_the_loss(toy):
    solution = solve(riccati(toy, hold=False), steps=200)
    assert error(solution) < 1e-7


def test_it_converges_quadratically_where_nothing_is_left(toy, make_field):
    """atan(u - target) = 0 with a target that the network holds. Close by, the residual squares itself at each step,
    up to a constant: from 1e-7 to 1e-13 in one, where a method of first order gains a factor.
    """
    u, hidden = (make_field(LINE, "mlp", width=3, depth=1, activation="tanh", seed=s) for s in (0, 1))
    with torch.no_grad():
        for p, q in zip(u.parameters(), hidden.parameters(), strict=True):
            p.copy_(q + 0.02 * torch.sin(torch.arange(q.numel()).view_as(q).double()))
    problem = toy(LINE, {"c": Constraint(LINE.interior(40), lambda u, p: torch.atan(u(p) - hidden(p).detach()))})
    stepper = stepper_of(problem, u, damping=1e-8, relief=1e4)
    sizes = [float(sum(stepper.step(k).values())) ** 0.5 for k in range(6)]
    assert sizes[4] < 1e-14
    best = min(b / a**2 for a, b in pairwise(sizes) if b > 1e-14)
    assert best < 100


def test_the_correction_along_the_geodesic_saves_steps(toy):
    """Fewer steps to the same loss on the same problem, from the same weights."""

    def steps(geodesic):
        solution = solve(riccati(toy), geodesic=geodesic, steps=80)
        return next(log.step for log in solution.history if log.loss < 1e-9)

    assert steps(0.75) < steps(0.0)


def test_scaling_a_residual_changes_nothing(toy):
    """The first damping is a share of the loss, so that units do not matter: the same weights to rounding."""
    found = []
    for factor in (1.0, 1e3):
        residual = lambda u, p, f=factor: f * (partials(u, p, "x") + u(p) ** 2)
        problem = toy(LINE, {"ode": Constraint(LINE.interior(60, "sobol"), residual)}, ("u",),
                      riccati(toy).ansatz())  # fmt: skip
        found.append(weights(solve(problem, steps=4)))
    assert torch.allclose(*found, rtol=1e-6)


@pytest.mark.parametrize(("penalty", "bound"), [(huber, 0.2), (absolute, 0.02)], ids=["huber", "absolute"])
def test_robust_penalties_see_past_outliers(toy, penalty, bound):
    """A tenth of the data is off by +5, which squares would be pulled up by 0.5 for."""
    off = lambda p: 5.0 * (torch.arange(len(p)) % 10 == 3)[:, None]
    data = Constraint(LINE.interior(100, "sobol"), lambda u, p: u(p) - torch.sin(3 * p["x"]) - off(p), penalty=penalty)
    solution = solve(toy(LINE, {"data": data}), width=3, steps=100)
    p = LINE.grid(201)
    assert float((solution.field(p) - torch.sin(3 * p["x"])).abs().mean().detach()) < bound


# ---- forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [10, 60])
def test_every_form_walks_the_same_way(toy, n):
    """Five steps in the three forms; 1e-5: conjugate gradients stop at 1e-9 of the gradient."""
    ends = []
    for form in ("primal", "dual", "free"):
        solution = solve(riccati(toy, n), steps=5, form=form, tolerance=1e-9, inner=1000)
        assert solution.history[0].note.endswith("as asked for")
        ends.append(weights(solution))
    for end in ends[1:]:
        assert torch.allclose(end, ends[0], rtol=1e-5, atol=1e-7)


def test_more_weights_than_rows_are_dual(toy):
    solution = solve(riccati(toy, 12), width=8, steps=60)
    assert solution.history[0].note == "dual: 25 parameters > 12 rows"
    assert error(solution) < 1e-5


def test_too_little_memory_falls_back_or_is_refused(toy):
    """301 weights and 400 rows: 0.7 MiB a Gram matrix, 0.9 a Jacobian, of each some, and 5 of factors."""
    problem = riccati(toy, 400)
    spared = solve(problem, width=100, steps=1, memory=0.008)
    assert spared.history[0].note.startswith("matrix-free: primal needs 0.0")
    with pytest.raises(PinnsceneError, match=r"gauss-newton needs .* GiB even without .* use adam or soap"):
        solve(problem, width=100, steps=1, memory=1e-4)


# ---- warm starts, fresh points ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["head", "adam"])
def test_it_goes_on_from_other_solvers(toy, before):
    """The head's solve is kept and improved upon: the first loss is no worse than what the phase before left."""
    solution = solve(riccati(toy), f"{before},gauss-newton", steps=40)
    first = [log for log in solution.history if log.phase == before][-1]
    then = [log for log in solution.history if log.phase == "gauss-newton"]
    assert then[0].loss <= first.loss
    assert error(solution) < 1e-6


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_fresh_points_at_every_step(toy, momentum):
    """Twelve points a step are fewer than the 19 weights; each step must also lower the loss on the next twelve. The
    same twelve throughout leave 1e-2 between them.
    """
    solution = solve(riccati(toy, 12), resample=True, momentum=momentum, steps=150)
    assert error(solution) < 1e-3


def test_momentum_is_springs(toy, make_field):
    """D = mu d_before + J^T (J J^T + lambda)^-1 (y - mu J d_before), Goldshlager et al. equation 17."""
    from pinnscene.solvers.damped import Dual
    from pinnscene.solvers.jacobian import jacobian_of

    u, problem = make_field(LINE, "mlp", activation="tanh"), riccati(toy, 15)
    stepper = stepper_of(problem, u, resample=True, momentum=0.7)
    j = jacobian_of(u, stepper._evaluations(0))
    form, before = Dual(j, dense=True), torch.linspace(-1, 1, j.columns, dtype=torch.float64)
    dense = j.dense()
    kernel = dense @ dense.T + 0.3 * torch.eye(15, dtype=torch.float64)
    expected = 0.7 * before + dense.T @ torch.linalg.solve(kernel, j.target - 0.7 * dense @ before)
    assert torch.allclose(stepper._direction(form, 0.3, 0.7 * before), expected, rtol=1e-9)


# ---- ends and resumes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resample", [False, True])
def test_a_stepper_resumes_to_the_same_bits(toy, make_field, resample):
    problem, ends = riccati(toy, 20), []
    for cut in (None, 4):
        u = make_field(LINE, "mlp", activation="tanh")
        stepper = stepper_of(problem, u, resample)
        for k in range(9):
            if k == cut:
                state = stepper.state()
                stepper = stepper_of(problem, u, resample)
                stepper.load(state)
            stepper.step(k)
        ends.append(torch.cat([p.detach().flatten() for p in parameters_of(u)]))
    assert torch.equal(*ends)


def test_it_stops_where_nothing_is_to_gain(toy):
    """U = 2 everywhere is held exactly; a residual that cannot vanish ends at its least."""
    exact = solve(toy(LINE, {"c": Constraint(LINE.interior(10), lambda u, p: u(p) - 2)}), width=2, steps=100)
    assert exact.status == Status.CONVERGED
    assert error(exact, lambda p: 2 + 0 * p["x"]) < 1e-13
    stuck = solve(toy(LINE, {"c": Constraint(LINE.interior(10), lambda u, p: u(p) ** 2 + 1)}), width=2, steps=200)
    assert stuck.status == Status.CONVERGED
    assert stuck.loss == pytest.approx(1.0, abs=1e-4)  # u^4 vanishes slower than any power that steps could follow


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["gauss-newton", "head", "adam,gauss-newton"])
def test_a_problem_that_it_does_not_fit_is_refused_before_any_work(solver):
    name = solver.rpartition(",")[2]
    with pytest.raises(PinnsceneError, match=f"{name} does not fit this problem: each residual.*; use adam or .*soap"):
        configure(NerfRay(), Settings(solver=solver), "nerf-ray")


def test_half_the_digits_are_refused():
    with pytest.raises(PinnsceneError, match="gauss-newton needs float64"):
        spec = FieldSpec("mlp", knobs={"width": 4, "depth": 1})
        train(Heat(n=20), spec, make_plan("gauss-newton", {"gauss-newton": {"dtype": "float32"}}), device="cpu")


@pytest.mark.parametrize(
    "bad",
    [{"damping": 0.0}, {"relief": 1.0}, {"geodesic": -1.0}, {"momentum": 1.0}, {"memory": 0.0}, {"rank": 0}],
    ids=str,
)
def test_bad_knobs_are_refused(bad):
    with pytest.raises(PinnsceneError, match="gauss-newton expected"):
        GaussNewton(**bad)


def test_heat_beats_adams_thousands_of_steps():
    """Twenty steps on 381 weights: 1e-4 of the solution, where 20,000 Adam steps on DeepXDE's example leave 8e-4."""
    problem = Heat(n=500)
    spec = FieldSpec("mlp", knobs={"width": 12, "depth": 3, "activation": "tanh"})
    solution = train(problem, spec, make_plan("gauss-newton", {"gauss-newton": {"steps": 25}}), device="cpu")
    assert problem.metrics(solution.field)["rel_l2"] < 3e-4
