"""The one loop: how a solve ends, what it leaves, and that the same seed gives the same bits."""

import os
import signal
from itertools import count
from math import isnan, nan, pi

import pytest
import torch

from pinnscene import Box, Constraint, Field, FieldSpec, Piecewise, PinnsceneError, partials, trainer
from pinnscene.plan import make_plan
from pinnscene.problems.heat import Heat
from pinnscene.solution import Status
from pinnscene.solvers.adam import Adam
from pinnscene.state import Budget
from pinnscene.trainer import train

LINE = Box(x=(0.0, 1.0))
SPEC = FieldSpec("siren", knobs={"width": 8, "depth": 2, "first": 3.0, "omega": 3.0})


def fit(u, p):
    return u(p) - torch.sin(3 * p["x"])


def problem(toy, residual=fit, n=16):
    return toy(LINE, {"fit": Constraint(LINE.interior(n), residual)})


def plan(names="adam", **knobs):
    knobs.setdefault("adam", {})
    knobs["adam"] = {"steps": 10, "every": 1, "lr": 1e-2, "warmup": 2, **knobs["adam"]}
    knobs["lbfgs"] = {"steps": 8, "every": 1, **knobs.get("lbfgs", {})}
    return make_plan(names, knobs)


def weights(solution):
    return {k: t.clone() for k, t in solution.field.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def finite(solution):
    return all(bool(t.isfinite().all()) for t in weights(solution).values())


# ---- how it ends -----------------------------------------------------------------------------------------------------


def test_a_spent_budget_of_steps_is_max_steps(toy):
    solution = train(problem(toy), SPEC, plan(), device="cpu")
    assert solution.status == Status.MAX_STEPS
    assert solution.steps == 10
    assert [log.step for log in solution.history] == list(range(1, 11))
    assert solution.loss == solution.history[-1].loss
    assert solution.parameters == sum(p.numel() for p in solution.field.parameters())
    assert (solution.device, solution.dtype) == ("cpu", "float32")
    assert solution.advice.startswith("the held-out residual is still")  # ten steps are too few


def test_logs_come_at_the_first_the_last_and_every_kth_step(toy):
    solution = train(problem(toy), SPEC, plan(adam={"every": 4}), device="cpu")
    assert [log.step for log in solution.history] == [1, 4, 8, 10]


def test_seconds_end_a_solve(toy):
    solution = train(problem(toy), SPEC, plan(adam={"steps": 10**6}), budget=Budget(seconds=1e-6), device="cpu")
    assert solution.status == Status.MAX_SECONDS
    assert solution.steps == 1
    assert "seconds" in solution.advice


def test_the_share_of_the_time_grows_to_the_whole(toy, monkeypatch):
    seen, begun = [], Adam.start

    def start(solver, *given):
        stepper = begun(solver, *given)
        step = stepper.step
        stepper.step = lambda k: (seen.append(stepper.share), step(k))[1]
        return stepper

    monkeypatch.setattr(Adam, "start", start)
    ticks = count()
    monkeypatch.setattr(trainer, "perf_counter", lambda: 0.01 * next(ticks))
    train(problem(toy), SPEC, plan(adam={"steps": 10**6}), budget=Budget(seconds=2.0), device="cpu")
    assert seen == sorted(seen)
    assert seen[0] < 0.1
    assert 0.9 < seen[-1] <= 1.0
    seen.clear()
    train(problem(toy), SPEC, plan(), device="cpu")
    assert seen == [k / 10 for k in range(10)]  # without a limit, steps alone count


def test_a_solver_that_is_done_has_converged(toy):
    spec = FieldSpec("siren", knobs={"width": 30, "depth": 1})
    solution = train(problem(toy, n=60), spec, make_plan("head"), device="cpu")
    assert solution.status == Status.CONVERGED
    assert solution.advice
    assert solution.dtype == "float64"
    assert solution.parameters == 31


def test_tol_ends_a_solve_at_the_first_log_that_meets_it(toy):
    long = plan(adam={"steps": 3000, "every": 5})
    solution = train(problem(toy), SPEC, long, budget=Budget(tol=0.3), device="cpu")
    assert solution.status == Status.CONVERGED
    assert solution.heldout <= 0.3
    assert 1 < solution.steps < 3000
    assert solution.steps % 5 == 0
    assert "held-out" in solution.advice
    # the log before had not met it: the same solve, with a bound just below what was reached, goes on
    further = train(problem(toy), SPEC, long, budget=Budget(tol=0.99 * solution.heldout), device="cpu")
    assert further.steps > solution.steps


def test_tol_met_in_a_phase_ends_the_solve(toy):
    """The phases after it have nothing left to do."""
    both = plan("adam,lbfgs", adam={"steps": 2000})
    solution = train(problem(toy), SPEC, both, budget=Budget(tol=0.5), device="cpu")
    assert solution.status == Status.CONVERGED
    assert {log.phase for log in solution.history} == {"adam"}


def test_sigint_ends_the_step_and_stops(toy):
    def interrupt(log):
        if log.step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    solution = train(problem(toy), SPEC, plan(), observers=[interrupt], device="cpu")
    assert solution.status == Status.INTERRUPTED
    assert solution.steps == 4
    assert "--resume" in solution.advice
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_sigint_interrupts_at_once(toy):
    def insist(log):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(problem(toy), SPEC, plan(), observers=[insist], device="cpu")


class BreaksAt:
    """A residual that turns NaN when it is evaluated for training for the k-th time."""

    def __init__(self, k):
        self.k, self.calls, self.on = k, 0, True

    def __call__(self, u, p):
        if torch.is_grad_enabled():
            self.calls += 1
        r = fit(u, p)
        return r * nan if self.calls > self.k else r


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_nan_rolls_back_to_the_last_finite_weights(toy, solver):
    """The weights of the last finite log point: with a log at every step, those after the step before the NaN."""
    broken = BreaksAt(5)
    solution = train(problem(toy, broken), SPEC, plan(solver), device="cpu")
    assert solution.status == Status.NONFINITE
    assert finite(solution)
    assert isnan(solution.history[-1].loss)
    assert not isnan(solution.loss)
    assert "learning rate" in solution.advice
    if solver == "adam":  # its stepper evaluates once to check, then once a step
        good = train(problem(toy), SPEC, plan(adam={"steps": 10}), device="cpu",
                     observers=[lambda log: log.step == 4 and os.kill(os.getpid(), signal.SIGINT)])  # fmt: skip
        assert solution.steps == 5
        assert equal(weights(solution), weights(good))


@pytest.mark.parametrize("steps", [1, 6])
def test_nan_in_a_gradient_alone_is_seen(toy, steps):
    """sqrt(0) is finite and its slope is not: the loss looks well while the step ruins the weights. Whether a later
    step comes to show it or not, no weight is left NaN, and the result says nonfinite.
    """

    class Kink(BreaksAt):
        def __call__(self, u, p):
            self.calls += torch.is_grad_enabled()
            r = fit(u, p)
            return r + torch.sqrt(0 * u(p) ** 2) if self.calls > self.k else r

    solution = train(problem(toy, Kink(3 if steps > 1 else 1)), SPEC, plan(adam={"steps": steps}), device="cpu")
    assert solution.status == Status.NONFINITE
    assert finite(solution)


def test_an_infinite_step_is_seen(toy):
    """Weights may overflow in the last step, after the last loss was finite."""
    solution = train(problem(toy), SPEC, plan(adam={"steps": 1, "lr": 1e39, "warmup": 0}), device="cpu")
    assert solution.status == Status.NONFINITE
    assert finite(solution)


# ---- phases, windows, bits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", ["adam", "lbfgs", "head", "adam,lbfgs"])
def test_the_same_seed_gives_the_same_bits(toy, names):
    run = lambda seed: weights(train(problem(toy), SPEC, plan(names, adam={"average": 0.9}), seed=seed, device="cpu"))
    first = run(3)
    torch.rand(7)  # the global stream has no part in it
    assert equal(first, run(3))
    assert not equal(first, run(4))


def test_observers_and_monitors_change_nothing(toy):
    more = {"observers": [lambda log: None], "monitor": lambda u: ("m", 1.0)}
    watched = train(problem(toy), SPEC, plan(), device="cpu", **more)
    assert equal(weights(watched), weights(train(problem(toy), SPEC, plan(), device="cpu")))


def test_phases_go_on_from_one_another(toy):
    both = train(problem(toy), SPEC, plan("adam,lbfgs"), device="cpu")
    alone = train(problem(toy), SPEC, plan("adam"), device="cpu")
    assert [log.phase for log in both.history] == ["adam"] * 10 + ["lbfgs"] * (both.steps - 10)
    assert both.steps > 10
    assert (both.dtype, alone.dtype) == ("float64", "float32")
    assert both.history[9].loss == alone.history[9].loss
    start = both.history[10].loss  # lbfgs begins where adam has ended: the same size of loss, on its own points
    assert 0.1 * alone.loss < start < 10 * alone.loss
    assert both.loss < 0.5 * alone.loss


def test_windows_of_time_join_continuously():
    """Each window starts from the one before by the ansatz, so the cut shows no more than rounding; u_t, which nothing
    ties, agrees to the accuracy of the solve, some 1e-7 for so few features.
    """
    heat = Heat(windows=2, n=200)
    spec = FieldSpec("siren", knobs={"width": 60, "depth": 1})
    solution = train(heat, spec, make_plan("head", {"head": {"scale": 3.0}}), device="cpu")
    assert isinstance(solution.field, Piecewise)
    assert solution.field.ends.tolist() == [0.5, 1.0]
    assert [log.stage for log in solution.history] == [0, 1]
    assert all(log.stages == 2 for log in solution.history)
    x = torch.linspace(0, 1, 50, dtype=torch.float64)[:, None]
    before, after = (torch.cat([x, torch.full_like(x, t)], 1) for t in (0.5, 0.5 + 1e-15))
    u = solution.field
    with torch.no_grad():
        scale = float(u(before).abs().max())
        assert float((u(before) - u(after)).abs().max()) < 1e-13
        assert torch.allclose(partials(u, before, "t"), partials(u, after, "t"), atol=1e-4 * scale * pi**2)
        p = heat.domain.grid(10_000)
        truth = torch.exp(-0.4 * pi**2 * p["t"]) * torch.sin(pi * p["x"])
        assert float((u(p) - truth).abs().max()) < 1e-6


def test_a_solved_window_keeps_its_bits():
    """The windows after it, float32 phases included, leave the first one as it was."""
    heat = Heat(windows=2, n=24)
    alone = train(heat.stage(0, None), SPEC, plan("adam,lbfgs"), device="cpu")
    both = train(heat, SPEC, plan("adam,lbfgs"), device="cpu")
    assert equal(weights(alone), dict(both.field.pieces()[0].state_dict()))


def test_one_window_is_a_plain_field(toy):
    assert isinstance(train(problem(toy), SPEC, plan(), device="cpu").field, Field)


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [{"seconds": 0.0}, {"seconds": -1.0}, {"tol": nan}, {"tol": float("inf")}])
def test_bad_budgets_are_refused(bad):
    with pytest.raises(PinnsceneError, match="must be a positive number"):
        Budget(**bad)


def test_an_empty_plan_is_refused(toy):
    with pytest.raises(PinnsceneError, match="at least one phase"):
        train(problem(toy), SPEC, (), device="cpu")


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "head"])
def test_a_residual_that_forgets_the_field_is_refused(toy, solver):
    with pytest.raises(PinnsceneError, match="does not depend on the field"):
        train(problem(toy, lambda u, p: p["x"]), SPEC, plan(solver), device="cpu")
