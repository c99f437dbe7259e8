"""L-BFGS in float64 on fixed points, with a strong-Wolfe line search and restarts (Nocedal and Wright, chapter 7)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.objective import Objective
from pinnscene.parallel import total, total_gradients
from pinnscene.solvers.base import Solver, Stepper, solvers


@solvers.register("lbfgs")
@dataclass(frozen=True)
class Lbfgs(Solver):
    """L-BFGS; where the line search finds no decrease it forgets its memory and starts again from the gradient.

    Attributes:
        history: pairs of steps and gradients remembered.
        restarts: restarts in a row, without progress between them, after which it stops.
        gradient: it has converged when no entry of the gradient is larger.
    """

    name: ClassVar[str] = "lbfgs"
    dtype: ClassVar[str] = "float64"
    resample: ClassVar[bool] = False
    steps: ClassVar[int] = 1000
    every: ClassVar[int] = 20
    steady: ClassVar[int] = 100
    history: int = 50
    restarts: int = 2
    gradient: float = 1e-14

    def __post_init__(self) -> None:
        if self.history < 1 or self.restarts < 0 or self.gradient < 0:
            raise PinnsceneError(f"lbfgs expected history >= 1, restarts >= 0 and gradient >= 0, got {self}")

    def start(self, field: Field, objective: Objective, steps: int, memory: dict[str, Any]) -> Stepper:
        del steps, memory
        return _LbfgsStepper(self, field, objective)


class _LbfgsStepper(Stepper):
    def __init__(self, solver: Lbfgs, field: Field, objective: Objective) -> None:
        self.solver, self.field, self.objective = solver, field, objective
        self.parameters = [p for p in field.parameters() if p.requires_grad]
        self.failures = 0
        self.before = float("inf")
        self.largest = float("inf")
        self.losses: dict[str, Tensor] = {}
        self._fresh()
        objective.check(field)

    def _fresh(self) -> None:
        # One iteration a call; its own tolerances are off, since stopping is decided here, with a reason.
        self.optimizer = torch.optim.LBFGS(
            self.parameters,
            lr=1.0,
            max_iter=1,
            max_eval=25,
            history_size=self.solver.history,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

    def _closure(self) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.objective.losses(self.field, self.objective.batches(0))
        loss = torch.stack(list(losses.values())).sum()
        loss.backward()
        total_gradients(self.parameters)
        if not self.losses:  # the first evaluation of a step is at its start; later ones are the line search's
            self.losses = {name: part.detach() for name, part in losses.items()}
            self.largest = max(float(p.grad.abs().max()) for p in self.parameters if p.grad is not None)
        return total(loss.detach())

    def step(self, k: int) -> dict[str, Tensor]:
        del k
        kept = [p.detach().clone() for p in self.parameters]
        self.losses = {}
        loss = float(self.optimizer.step(self._closure))
        if self.largest <= self.solver.gradient:
            self.finished = f"the gradient vanished: no entry above {self.largest:.1e}"
        moved = any(not torch.equal(p, q) for p, q in zip(self.parameters, kept, strict=True))
        if moved and loss < self.before:
            self.failures = 0
        else:
            self._restart()
        self.before = min(loss, self.before)
        return self.losses

    def _restart(self) -> None:
        """Forget the memory; failures in a row without progress between them end the search."""
        self.failures += 1
        if self.failures > self.solver.restarts and not self.finished:
            self.finished = f"the line search found no decrease, also after {self.solver.restarts} restarts"
        self._fresh()

    def renew(self) -> None:
        self.failures, self.before = 0, float("inf")
        self._fresh()

    def state(self) -> dict[str, Any]:
        memory = dict(self.optimizer.state[self.parameters[0]])
        return {"failures": self.failures, "before": self.before, "finished": self.finished, "memory": memory}

    def load(self, state: dict[str, Any]) -> None:
        self.failures, self.before = int(state["failures"]), float(state["before"])
        self.finished = str(state["finished"])
        self.optimizer.state[self.parameters[0]].update(state["memory"])
