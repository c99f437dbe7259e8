"""The contract of a solver."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, ClassVar

from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.objective import Objective
from pinnscene.registry import Registry

solvers: Registry["type[Solver]"] = Registry("solver")


class Stepper(ABC):
    """A solver at work on one field and one objective.

    Attributes:
        finished: why no further step helps, or empty while one may.
        note: what was chosen on the way, for the log.
        share: how much of its steps, or of the time that there is, is spent: 0 to 1, set before each step.
    """

    finished: str = ""
    note: str = ""
    share: float = 0.0

    @abstractmethod
    def step(self, k: int) -> dict[str, Tensor]:
        """Take step ``k`` and return the losses by block, still on the device."""

    def state(self) -> dict[str, Any]:
        """Everything that an exact resume needs beside the field: nested dicts, lists, tensors and scalars."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""
        del state

    def renew(self) -> None:
        """The objective has just changed: forget what no longer holds of it."""

    def finish(self) -> None:
        """Leave the field as this solver wants it left, such as with averaged weights."""


@dataclass(frozen=True)
class Solver(ABC):
    """One way to step. A frozen dataclass whose fields are its knobs (``--set NAME.knob=value``).

    Class attributes say what a phase of it defaults to: ``name``, ``dtype``, ``resample`` (fresh points at every
    step), ``steps`` and ``every`` (steps between log points). Others say what it is: ``descends`` where it follows the
    gradient of the sum of all losses, so that balancing them matters, and ``steady``, the steps that it needs the
    objective to stay the same for.
    """

    name: ClassVar[str]
    dtype: ClassVar[str] = "float32"
    resample: ClassVar[bool] = True
    steps: ClassVar[int] = 5000
    every: ClassVar[int] = 100
    descends: ClassVar[bool] = True
    steady: ClassVar[int] = 1

    def unfit(self, field: Field) -> str:
        """Why this solver cannot serve a field, or empty where it can."""
        del field
        return ""

    def explain(self, field: Field) -> str:
        """A line on what this solver does with a field."""
        first = cleandoc(type(self).__doc__ or "").split("\n")[0].rstrip(".")
        return f"{sum(p.numel() for p in field.parameters())} weights by {first}"

    def expect_fit(self, field: Field) -> None:
        """Raise ``PinnsceneError`` naming the solvers that fit, where this one does not."""
        reason = self.unfit(field)
        if reason:
            fit = [name for name, make in solvers.loadable().items() if not make().unfit(field)]
            raise PinnsceneError(f"{self.name} does not fit this problem: {reason}; use {' or '.join(fit)}")

    @abstractmethod
    def start(self, field: Field, objective: Objective, steps: int, memory: dict[str, Any]) -> Stepper:
        """Begin on ``field``; ``memory`` is shared by the stages of one solve (windows of time)."""


def needs_plain(field: Field) -> str:
    """Why a solver that linearises residuals in the weights cannot serve a field, or empty where it can."""
    if field.condition is not None:
        return "a family of fields has codes to train beside its weights"
    if type(field) is not Field:
        return f"each residual of a {type(field).__name__} mixes many samples of it"
    return ""
