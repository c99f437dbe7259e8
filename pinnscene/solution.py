"""Solutions: a trained field with how it came about."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum
from typing import Any

from pinnscene.plan import Phase
from pinnscene.problem import Problem
from pinnscene.views import Differentiable


class Status(StrEnum):
    """How a solve ended."""

    CONVERGED = "converged"
    MAX_STEPS = "max_steps"
    MAX_SECONDS = "max_seconds"
    INTERRUPTED = "interrupted"
    NONFINITE = "nonfinite"


ADVICE = {
    Status.CONVERGED: "",
    Status.MAX_STEPS: "",
    Status.MAX_SECONDS: "the time budget ended the solve: give more seconds, or resume the run",
    Status.INTERRUPTED: "interrupted: continue with `pinnscene solve RUN --resume`",
    Status.NONFINITE: "the loss became infinite or NaN and the last finite state was restored: "
    "lower the learning rate (--set adam.lr=...), clip gradients, or use float64",
}


@dataclass
class Log:
    """What is known at a log point.

    Attributes:
        stage, stages: the window at work, from 0, and how many there are.
        phase, step, steps: the solver's name, its step and its budget.
        losses: weighted mean penalty of each constraint, by name.
        seconds: solve time so far; ``rate`` in steps a second.
        metric: name and value of the problem's cheap metric, where one was taken.
        note: what the solver chose.
        weights: what balancing multiplies each loss by, where it does; ``losses`` are without them.
    """

    stage: int
    stages: int
    phase: str
    step: int
    steps: int
    losses: dict[str, float]
    seconds: float
    rate: float
    metric: tuple[str, float] | None = None
    note: str = ""
    weights: dict[str, float] = dataclass_field(default_factory=dict)

    @property
    def loss(self) -> float:
        return sum(self.losses.values())


@dataclass
class Solution:
    """A trained field.

    Attributes:
        problem, field, plan, seed: what was solved, the field in its final state, and how.
        status, advice: how it ended, and what to do about it.
        history: the log points.
        loss: the last total loss.
        heldout: relative residual on points never trained on (1 for a network that is zero).
        steps: steps taken; ``seconds`` of solving; ``parameters`` trained.
        warnings: reasons not to trust the answer, a sentence each.
        results: metrics and the rest of ``result.json``, where evaluated.
    """

    problem: Problem
    field: Differentiable
    plan: tuple[Phase, ...]
    seed: int
    status: Status
    advice: str
    history: list[Log]
    loss: float
    heldout: float
    steps: int
    seconds: float
    parameters: int
    device: str
    dtype: str
    warnings: list[str] = dataclass_field(default_factory=list)
    results: dict[str, Any] = dataclass_field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """Scores by name (see ``Problem.metrics``), taken once."""
        if "metrics" not in self.results:
            self.results["metrics"] = self.problem.metrics(self.field)
        return self.results["metrics"]
