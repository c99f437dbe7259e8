"""Gauss-Newton on every weight: Levenberg-Marquardt, with a Jacobian in the form that suits its size.

The loss is the sum of squares of rows whose linearisation is J d - y (see ``parabola``). A step minimises
||J d - y||^2 + lambda ||d||^2; lambda follows the share of the promised fall that came true.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnscene.constraint import Block
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.memory import GIB
from pinnscene.objective import Objective
from pinnscene.parallel import total
from pinnscene.solvers.base import Solver, Stepper, needs_plain, solvers
from pinnscene.solvers.damped import Form
from pinnscene.solvers.damping import Damping
from pinnscene.solvers.flat import assign, flatten
from pinnscene.solvers.formchoice import FormName, choose_form
from pinnscene.solvers.jacobian import Jacobian, jacobian_of, parameters_of, residual_of, survey

PROBE = 0.1  # share of a step over which the bend of the residuals is taken
PATIENCE = 20  # steps in a row that gain nothing worth having
WORTH = 1e-6  # share of the loss


@solvers.register("gauss-newton")
@dataclass(frozen=True)
class GaussNewton(Solver):
    """Levenberg-Marquardt in float64 on all weights.

    Attributes:
        damping: lambda of the first step, as a share of the loss.
        relief: the largest factor by which a good step lowers lambda.
        geodesic: largest 2 |a| / |d| at which the step d is corrected by half its acceleration a; 0 for none
            (Transtrum and Sethna 1201.5885, equation 15).
        momentum: share of the last step that the next one starts from, where points are drawn afresh (SPRING,
            Goldshlager et al. 2401.10190).
        form: auto, primal (parameters by parameters), dual (rows by rows), or free (products alone).
        memory: the most that a step may take, GiB.
        inner: conjugate-gradient iterations of a matrix-free solve.
        tolerance: of the gradient that such a solve leaves.
        rank: random directions of its preconditioner.
    """

    name: ClassVar[str] = "gauss-newton"
    dtype: ClassVar[str] = "float64"
    resample: ClassVar[bool] = False
    steps: ClassVar[int] = 500
    every: ClassVar[int] = 5
    descends: ClassVar[bool] = False
    damping: float = 1e-2
    relief: float = 10.0
    geodesic: float = 0.75
    momentum: float = 0.9
    form: FormName = "auto"
    memory: float = 4.0
    inner: int = 200
    tolerance: float = 1e-3
    rank: int = 100

    def __post_init__(self) -> None:
        if not (self.damping > 0 and self.relief > 1 and self.geodesic >= 0 and 0 <= self.momentum < 1):
            raise PinnsceneError(
                f"gauss-newton expected damping > 0, relief > 1, geodesic >= 0 and 0 <= momentum < 1, got {self}"
            )
        if not (self.memory > 0 and self.inner >= 1 and 0 < self.tolerance < 1 and self.rank >= 1):
            raise PinnsceneError(
                f"gauss-newton expected memory > 0, inner and rank >= 1 and 0 < tolerance < 1, got {self}"
            )

    def unfit(self, field: Field) -> str:
        return needs_plain(field)

    def start(self, field: Field, objective: Objective, steps: int, memory: dict[str, Any]) -> Stepper:
        del steps, memory
        self.expect_fit(field)
        return GaussNewtonStepper(self, field, objective)


class GaussNewtonStepper(Stepper):
    """One solve; its state is the damping, the last step, and for how long nothing has been gained."""

    def __init__(self, solver: GaussNewton, field: Field, objective: Objective) -> None:
        self.solver, self.field, self.objective = solver, field, objective
        if field.dtype != torch.float64:
            raise PinnsceneError("gauss-newton needs float64: leave dtype out, or use adam or soap in float32")
        self.parameters = parameters_of(field)
        self.damping: Damping | None = None
        self.last: Tensor | None = None  # the step before, for momentum
        self.idle = 0
        size = survey(field, self._evaluations(0))
        free = solver.inner, solver.tolerance, solver.rank
        self.make, self.note = choose_form(size, solver.form, solver.memory * GIB, *free)

    def step(self, k: int) -> dict[str, Tensor]:
        # on fresh points a step must hold where it has not been fitted
        judged = k + 1 if self.objective.resample else k
        losses = self._losses(judged)
        before, here = self._total(losses), flatten(self.parameters)
        damping = self.damping = self.damping or Damping(
            self.solver.damping * before, self.solver.relief, self.solver.relief
        )
        jacobian = jacobian_of(self.field, self._evaluations(k))
        form = self.make(jacobian)
        carried = None if self.last is None else self.solver.momentum * self.last
        while before > 0:
            d = self._direction(form, damping.value, carried)
            if not float(d.norm()) > torch.finfo(d.dtype).eps * float(here.norm()):
                break
            promised = self._promise(jacobian, d)
            assign(self.parameters, here + self._bent(k, form, damping.value, here, d))
            there = self._losses(judged)
            after = self._total(there)
            if after < before:  # which a NaN is not
                damping.accept((before - after) / promised if promised > 0 else 0.0)
                self._rest(1 - after / before)
                self.last = d if self.objective.resample and self.solver.momentum else None
                return there
            damping.refuse()
            carried = None
        assign(self.parameters, here)
        if self.objective.resample:
            self._rest(0.0)
        else:
            self.finished = "no step lowers the loss any further, however short"
        return losses

    def _direction(self, form: Form, damping: float, carried: Tensor | None) -> Tensor:
        """The damped step, or with a part of the last one carried on, that part and the step to what it leaves."""
        y = form.j.target
        return form.solve(y, damping) if carried is None else carried + form.solve(y - form.j.times(carried), damping)

    def _promise(self, jacobian: Jacobian, d: Tensor) -> float:
        """How far the parabola falls along ``d``."""
        y = jacobian.target
        return float(total(y @ y - (y - jacobian.times(d)).square().sum()))

    def _bent(self, k: int, form: Form, damping: float, here: Tensor, d: Tensor) -> Tensor:
        """The step with half the acceleration of the geodesic that it starts, where that is small beside it."""
        if not self.solver.geodesic:
            return d
        assign(self.parameters, here + PROBE * d)
        with torch.no_grad():
            ahead = residual_of(self.objective.blocks(self.field, self.objective.batches(k)))
        slope = form.j.scale * (ahead - form.j.residual) / PROBE
        acceleration = form.solve(2 / PROBE * (form.j.times(d) - slope), damping)
        small = 2 * float(acceleration.norm()) <= self.solver.geodesic * float(d.norm())
        return d + acceleration / 2 if small else d

    def _evaluations(self, k: int) -> list[Callable[[], list[Block]]]:
        """One evaluation of residuals a constraint."""
        batches = self.objective.batches(k)
        return [
            lambda name=name, c=c: c.blocks(name, self.field, batches[name])
            for name, c in self.objective.constraints.items()
        ]

    @torch.no_grad()
    def _losses(self, k: int) -> dict[str, Tensor]:
        return self.objective.losses(self.field, self.objective.batches(k))

    def _total(self, losses: dict[str, Tensor]) -> float:
        return float(total(torch.stack(list(losses.values())).sum()))

    def _rest(self, fall: float) -> None:
        """Count the steps in a row that gained nothing worth having."""
        self.idle = 0 if fall > WORTH else self.idle + 1
        if self.idle >= PATIENCE:
            self.finished = f"the loss fell by less than {WORTH:g} of itself in each of {PATIENCE} steps"

    def state(self) -> dict[str, Any]:
        damping = {} if self.damping is None else asdict(self.damping)
        return {"damping": damping, "last": self.last, "idle": self.idle, "finished": self.finished}

    def load(self, state: dict[str, Any]) -> None:
        if state["damping"]:
            self.damping = Damping(**state["damping"])
        self.last, self.idle, self.finished = state["last"], int(state["idle"]), str(state["finished"])
