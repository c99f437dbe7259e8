"""The contract of loss balancing: a rule for the weights, and the weights as they stand."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.registry import Registry
from pinnscene.stateful import Stateful, expect_every

if TYPE_CHECKING:
    from pinnscene.objective import Objective

balances: Registry["type[Balance]"] = Registry("loss balancing")


@dataclass(frozen=True)
class Balance(ABC):
    """One rule. A frozen dataclass whose fields are its knobs (``--set NAME.knob=value``).

    The weights multiply the losses, which have the constraints' own weights in them already.
    """

    name: ClassVar[str]
    adapts: ClassVar[bool] = True
    every: int = 100  # steps between two updates of the weights

    def __post_init__(self) -> None:
        expect_every(self.name, self.every)

    @abstractmethod
    def update(
        self, u: Field, objective: "Objective", step: int, memory: dict[str, Any], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The weights of the losses by block, scalars, before ``step``.

        Args:
            u: the field.
            objective: whose losses are weighed; ``plain_losses`` gives them without these weights.
            step: of the phase; its batches are the ones that the step will take.
            memory: the rule's own, kept in checkpoints; empty at first.
            generator: all randomness.
        """


class Weights(Stateful):
    """The weights of an objective's losses as a rule has set them; one where it has not yet."""

    def __init__(self, balance: Balance, objective: "Objective") -> None:
        self.balance, self.objective, self.every = balance, objective, balance.every
        self.values: dict[str, Tensor] = {}
        self.memory: dict[str, Any] = {}

    def __call__(self, name: str, loss: Tensor) -> Tensor:
        """The loss of a block with its weight."""
        return self.values[name].to(loss) * loss if name in self.values else loss

    def refresh(self, u: Field, step: int, generator: torch.Generator) -> None:
        self.values = self.balance.update(u, self.objective, step, self.memory, generator)

    def numbers(self) -> dict[str, float]:
        """The weights as plain numbers, for logs."""
        return {name: float(value) for name, value in self.values.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"values": dict(self.values), "memory": dict(self.memory)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.values, self.memory = dict(state["values"]), dict(state["memory"])


def averaged(target: dict[str, Tensor], memory: dict[str, Any], momentum: float) -> dict[str, Tensor]:
    """The exponential average of the targets so far; the first is taken whole."""
    before = memory.get("average", target)
    memory["average"] = {name: momentum * before[name] + (1 - momentum) * value for name, value in target.items()}
    return dict(memory["average"])


def level(sizes: dict[str, Tensor], least: float = 1e-5) -> dict[str, Tensor]:
    """sum_j s_j / s_i for each i; a size below ``least`` of the mean counts as that much, so that none explodes."""
    total = torch.stack(list(sizes.values())).sum()
    floor = least * total / len(sizes)
    if not float(total) > 0:
        return {name: torch.ones_like(total) for name in sizes}
    return {name: total / torch.maximum(size, floor) for name, size in sizes.items()}


def expect_share(what: str, **shares: float) -> None:
    """Raise ``PinnsceneError`` for a share that is not in [0, 1)."""
    for name, value in shares.items():
        if not 0 <= value < 1:
            raise PinnsceneError(f"{what} expected 0 <= {name} < 1, got {value}")
