"""Where a solve stands, when it is to stop, and who keeps it."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from math import isfinite
from typing import Any, Protocol

from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.solution import Log


@dataclass(frozen=True)
class Budget:
    """When to stop beside the steps of the phases.

    Attributes:
        seconds: of solving.
        tol: relative residual on held-out points to stop at.
    """

    seconds: float | None = None
    tol: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("max-seconds", self.seconds), ("tol", self.tol)):
            if value is not None and not (isfinite(value) and value > 0):
                raise PinnsceneError(f"{name} must be a positive number, got {value}")


class Keeper(Protocol):
    """Whoever keeps the state of a solve (a run folder)."""

    def log(self, log: Log) -> None: ...

    def due(self) -> bool:
        """Whether it is time for another checkpoint."""
        ...

    def save(self, state: "State") -> None: ...


@dataclass
class State:
    """Where a solve stands: enough, with the configuration, to continue to the same bits.

    Attributes:
        stage, phase, step: the window, the phase in it, and the next step of that phase.
        fields: the fields of the windows so far.
        stepper: the solver's own state.
        shown: weights of the present field to evaluate with, where other than those in training.
        memory: what windows share.
        taken, seconds: steps and seconds so far.
        loss: the last finite one.
        heldout: residuals of the windows done, of the field and of a zero network.
        parts: what of the objective changes: adaptive points, causal weights, loss balancing.
        gauges: of the present window now and then: the step, and residuals on points trained on and on held-out ones.
        warnings: reasons not to trust the answer, found in the windows done.
    """

    stage: int = 0
    phase: int = 0
    step: int = 0
    fields: list[Field] = dataclass_field(default_factory=list)
    stepper: dict[str, Any] = dataclass_field(default_factory=dict)
    shown: dict[str, Tensor] | None = None
    memory: dict[str, Any] = dataclass_field(default_factory=dict)
    taken: int = 0
    seconds: float = 0.0
    loss: float = float("nan")
    heldout: list[tuple[float, float]] = dataclass_field(default_factory=list)
    parts: dict[str, Any] = dataclass_field(default_factory=dict)
    gauges: list[tuple[float, float, float]] = dataclass_field(default_factory=list)
    warnings: list[str] = dataclass_field(default_factory=list)
