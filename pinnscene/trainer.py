"""The one loop. It knows phases, budgets and checkpoints; it knows neither heat nor pixels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from math import isfinite
from time import perf_counter
from typing import NoReturn

import torch
from torch import Tensor

from pinnscene.balance import Balance
from pinnscene.collocation import suited
from pinnscene.constraint import Constraint
from pinnscene.corners import contradictory
from pinnscene.device import precision, resolve_device, resolve_dtype
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.fieldspec import FieldSpec
from pinnscene.interrupts import Interrupt, deferred_interrupts
from pinnscene.objective import Objective
from pinnscene.parallel import anywhere, total
from pinnscene.piecewise import Piecewise
from pinnscene.plan import Phase, expect_reachable
from pinnscene.problem import Problem
from pinnscene.residual import Baseline, relative
from pinnscene.solution import ADVICE, Log, Solution, Status
from pinnscene.solvers import Stepper
from pinnscene.state import Budget, Keeper, State
from pinnscene.tree import to_device
from pinnscene.trust import doubts

POOR = 0.1  # a relative residual above which the result is not to be trusted


class _Stop(Exception):
    def __init__(self, status: Status) -> None:
        self.status = status


def train(
    problem: Problem,
    spec: FieldSpec,
    plan: Sequence[Phase],
    *,
    budget: Budget | None = None,
    seed: int = 0,
    device: str = "auto",
    constraints: Callable[[Problem], Mapping[str, Constraint]] | None = None,
    balance: Balance | None = None,
    keeper: Keeper | None = None,
    observers: Sequence[Callable[[Log], None]] = (),
    monitor: Callable[[Field], tuple[str, float] | None] | None = None,
    state: State | None = None,
) -> Solution:
    """Satisfy a problem's constraints.

    Args:
        problem: what must be true.
        spec: the field to train, built anew for each stage of the problem.
        plan: the phases, run in order in each stage.
        budget: limits beside the phases' steps.
        seed: of weights and batches; the same seed gives the same bits on the CPU.
        device: auto, cpu, cuda or mps.
        constraints: the constraints of a stage, where other than the stage's own.
        balance: how losses are weighed among each other by solvers that descend.
        keeper: keeps logs and checkpoints.
        observers: called at each log point.
        monitor: a cheap metric, taken at log points at most every few seconds.
        state: continue from here.
    """
    loop = _Loop(
        problem,
        spec,
        tuple(plan),
        budget or Budget(),
        seed,
        device,
        constraints or (lambda stage: stage.constraints()),
        balance,
        keeper,
        observers,
        monitor,
        state or State(),
    )
    with deferred_interrupts() as interrupt:
        return loop.run(interrupt)


@dataclass
class _Loop:
    """One call of ``train``: its arguments, and what happens on the way."""

    problem: Problem
    spec: FieldSpec
    plan: tuple[Phase, ...]
    budget: Budget
    seed: int
    device: str
    constraints: Callable[[Problem], Mapping[str, Constraint]]
    balance: Balance | None
    keeper: Keeper | None
    observers: Sequence[Callable[[Log], None]]
    monitor: Callable[[Field], tuple[str, float] | None] | None
    state: State
    history: list[Log] = dataclass_field(default_factory=list)
    finished: str = ""
    met: bool = False  # whether the tolerance is reached in the present stage
    begun: float = 0.0
    phase_begun: float = 0.0
    idle: float = 0.0  # seconds spent on monitors and checkpoints, not on solving
    monitored: float = dataclass_field(default_factory=perf_counter)
    monitor_cost: float = 0.0

    def __post_init__(self) -> None:
        if not self.plan:
            raise PinnsceneError("a plan needs at least one phase")
        expect_reachable(self.plan, self.budget.tol)

    def run(self, interrupt: Interrupt) -> Solution:
        self.begun = perf_counter() - self.state.seconds
        status = Status.MAX_STEPS
        try:
            for k, stage in self._stages():
                status = self._run_stage(k, stage, interrupt)
        except _Stop as stop:
            status = stop.status
        return self._solution(status)

    def _stages(self) -> Iterator[tuple[int, Problem]]:
        state = self.state
        for k in range(len(self.problem.cuts()) or 1):
            stage = self.problem.stage(k, state.fields[k - 1] if k else None)
            if k == len(state.fields):
                state.fields.append(self.spec.build(stage, self.seed + k))
                for solved in state.fields[:k]:  # a new field looks at them from the CPU
                    solved.cpu()
                stage.prepare(state.fields[k])
            if k >= state.stage:
                yield k, stage

    def _run_stage(self, k: int, stage: Problem, interrupt: Interrupt) -> Status:
        state = self.state
        status = Status.MAX_STEPS
        for number, phase in enumerate(self.plan):
            if number < state.phase:
                continue
            dtype = resolve_dtype(phase.dtype)
            device = resolve_device(self.device, dtype)
            state.fields[k].to(device, dtype)
            for solved in state.fields[:k]:  # they stay in the precision that they were solved in
                solved.to(device, dtype if device.type == "mps" else None)
            constraints = self.constraints(stage)
            if not phase.resample:
                constraints = suited(constraints, state.fields[k])
            balance = self.balance if phase.solver.descends else None
            objective = Objective(constraints, self.seed + k, device, dtype, phase.resample, balance)
            objective.load_state_dict(to_device(state.parts, device))
            baseline = Baseline(objective, state.fields[k])
            with precision(phase.precision, device):
                status = self._run_phase(phase, state.fields[k], objective, baseline, interrupt)
            state.phase, state.step, state.stepper, state.parts = number + 1, 0, {}, objective.state_dict()
            if self.met:
                break
        self.met = False
        self._judge(state.fields[k], baseline)
        state.stage, state.phase, state.parts, state.gauges = k + 1, 0, {}, []
        return status

    def _run_phase(
        self, phase: Phase, field: Field, objective: Objective, baseline: Baseline, interrupt: Interrupt
    ) -> Status:
        state = self.state
        stepper = phase.solver.start(field, objective, phase.steps, state.memory)
        if state.stepper:
            stepper.load(to_device(state.stepper, field.device))
        self.phase_begun = self._seconds()
        self._gauge(field, baseline)
        good = _copy(field)
        while state.step < phase.steps and not stepper.finished and not self.met:
            stepper.share = self._spent(phase)
            field.refresh(stepper.share)
            if objective.refresh(field, state.step, phase.solver.steady):
                stepper.renew()
            losses = objective.unbalanced(stepper.step(state.step))
            state.step += 1
            state.taken += 1
            last = state.step == phase.steps or bool(stepper.finished)
            late = anywhere(self._late())
            if state.step % phase.every == 0 or last or late or anywhere(interrupt.came) or state.step == 1:
                if not self._log(phase, stepper, losses, field, objective):
                    field.load_state_dict(good)
                    self._stop(Status.NONFINITE, field, baseline)
                good = _copy(field)
                self._gauge(field, baseline, last)
                # read once, since a signal may come at any moment, and alike in every process
                interrupted = anywhere(interrupt.came)
                self._keep(stepper, field, objective, force=interrupted or late)
                if interrupted or late:
                    stepper.finish()
                    self._stop(Status.INTERRUPTED if interrupted else Status.MAX_SECONDS, field, baseline)
                self.met = self.budget.tol is not None and baseline.relative(field) <= self.budget.tol
        stepper.finish()
        self.finished = f"the held-out residual is below {self.budget.tol:g}" if self.met else stepper.finished
        return Status.CONVERGED if self.finished else Status.MAX_STEPS

    def _stop(self, status: Status, field: Field, baseline: Baseline) -> NoReturn:
        self._judge(field, baseline, finite=status != Status.NONFINITE)
        raise _Stop(status)

    def _judge(self, field: Field, baseline: Baseline, finite: bool = True) -> None:
        """Take the held-out residual of a window that ends here, and what speaks against its field."""
        state = self.state
        state.heldout.append(baseline.measure(field))
        if not finite:
            return
        windows = len(self.problem.cuts()) or 1
        where = f"window {state.stage + 1}: " if windows > 1 else ""
        found = doubts(field, baseline.objective, baseline.share, state.gauges, baseline.zero)
        state.warnings += [where + sentence for sentence in found]

    def _gauge(self, field: Field, baseline: Baseline, last: bool = False) -> None:
        """Note residuals on trained and on held-out points, at steps that double, so that it costs next to nothing."""
        step, gauges = self.state.step, self.state.gauges
        due = not gauges or step < gauges[-1][0] or step >= 2 * max(gauges[-1][0], 1) or last
        if due and (not gauges or step > 0):
            began = perf_counter()
            gauges.append((float(step), *baseline.gauge(field, step)))
            self.idle += perf_counter() - began

    def _late(self) -> bool:
        limit = self.budget.seconds
        return limit is not None and self._seconds() >= limit

    def _spent(self, phase: Phase) -> float:
        """The share of a phase's steps that is taken, or where that is more, of the time that it has."""
        taken, limit = self.state.step / phase.steps, self.budget.seconds
        if limit is None:
            return taken
        return min(1.0, max(taken, (self._seconds() - self.phase_begun) / max(limit - self.phase_begun, 1e-9)))

    def _seconds(self) -> float:
        return perf_counter() - self.begun - self.idle

    def _log(
        self, phase: Phase, stepper: Stepper, losses: Mapping[str, Tensor], field: Field, objective: Objective
    ) -> bool:
        """Read the losses (waiting for the device) and tell observers; False where they are not finite."""
        names = list(losses)
        values = total(torch.stack([losses[n].double() for n in names])).tolist()
        state = self.state
        state.seconds = self._seconds()
        # the losses are those before the step: the weights after it must be finite too
        finite = all(isfinite(v) for v in values) and all(bool(p.isfinite().all()) for p in field.parameters())
        metric = self._metric(field) if finite else None
        log = Log(
            state.stage,
            len(self.problem.cuts()) or 1,
            phase.solver.name,
            state.step,
            phase.steps,
            dict(zip(names, values, strict=True)),
            state.seconds,
            state.taken / max(state.seconds, 1e-9),
            metric,
            stepper.note,
            {} if objective.weights is None else objective.weights.numbers(),
        )
        if finite:
            state.loss = log.loss
        self.history.append(log)
        for observer in self.observers:
            observer(log)
        if self.keeper is not None:
            self.keeper.log(log)
        return finite

    def _metric(self, field: Field) -> tuple[str, float] | None:
        """The cheap metric, at most a tenth of the time."""
        now = perf_counter()
        if self.monitor is None or now - self.monitored < max(2.0, 10 * self.monitor_cost):
            return None
        metric = self.monitor(field)
        self.monitored = perf_counter()
        self.monitor_cost = self.monitored - now
        self.idle += self.monitor_cost
        return metric

    def _keep(self, stepper: Stepper, field: Field, objective: Objective, force: bool) -> None:
        """Save the weights in training, and those to show where ``finish`` would exchange them."""
        if self.keeper is None or not (force or self.keeper.due()):
            return
        began = perf_counter()
        self.state.stepper, trained = stepper.state(), _copy(field)
        self.state.parts = objective.state_dict()
        stepper.finish()
        shown = _copy(field)
        field.load_state_dict(trained)
        same = all(torch.equal(shown[name], t) for name, t in trained.items())
        self.state.shown = None if same else shown
        self.keeper.save(self.state)
        self.idle += perf_counter() - began

    def _solution(self, status: Status) -> Solution:
        state = self.state
        fields = state.fields
        joined = join(self.problem, fields)
        whole = any(phase.solver.name != "head" for phase in self.plan)
        trained = sum(p.numel() for f in fields for p in (f if whole else f.head).parameters())
        measured = relative(state.heldout)
        advice = ADVICE[status] or (self.finished if status == Status.CONVERGED else "")
        windows = len(self.problem.cuts()) or 1
        if state.stage < windows - 1 and status != Status.CONVERGED:
            advice += f"; only {state.stage} of {windows} windows are solved whole"
        elif measured > POOR and status in (Status.CONVERGED, Status.MAX_STEPS) and self._seeks_zero():
            hint = f"the held-out residual is still {measured:.2g} of a zero network's: take a wider field, more steps"
            advice = f"{advice}; {hint} or more points".removeprefix("; ")
        solution = Solution(
            self.problem,
            joined,
            self.plan,
            self.seed,
            status,
            advice,
            self.history,
            state.loss,
            measured,
            state.taken,
            state.seconds,
            trained,
            str(fields[-1].device),
            str(fields[-1].dtype).removeprefix("torch."),
            [*contradictory(self.problem), *state.warnings],
        )
        if self.keeper is not None and status not in (Status.INTERRUPTED, Status.MAX_SECONDS):
            state.stepper, state.shown, state.parts = {}, None, {}
            self.keeper.save(state)
        return solution

    def _seeks_zero(self) -> bool:
        """Whether the held-out residual is small where all is well; of a logit it is not."""
        return all(constraint.seeks_zero for constraint in self.constraints(self.problem).values())


def join(problem: Problem, fields: list[Field]) -> Field | Piecewise:
    """The fields of a problem's windows as one."""
    ends = problem.cuts()
    return Piecewise("t", list(zip(ends, fields, strict=False))) if ends else fields[0]


def _copy(field: Field) -> dict[str, Tensor]:
    return {name: t.detach().clone() for name, t in field.state_dict().items()}
