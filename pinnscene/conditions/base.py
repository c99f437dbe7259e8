"""The contract of a condition."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from pinnscene.knobs import convert_all, knobs_of
from pinnscene.registry import Registry

conditions: Registry["type[Condition]"] = Registry("condition")


class Condition(nn.Module, ABC):
    """Gives the latent codes by which one field stands for a family: u(x; z).

    It is a part of the field, trained and saved with it. Keyword arguments of the constructor are its knobs.

    Attributes:
        size: entries of a code.
    """

    size: int

    @abstractmethod
    def forward(self, given: Tensor) -> Tensor:
        """The codes [b, size] of what tells the members apart."""

    @abstractmethod
    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights for gradient training."""


@dataclass(frozen=True)
class ConditionSpec:
    """A condition by name and knobs, such as ``ConditionSpec("codes", {"count": 64, "size": 16})``."""

    name: str
    knobs: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> Condition:
        """The untrained condition; raises ``PinnsceneError`` for an unknown name or knob."""
        make = conditions[self.name]
        return make(**convert_all(f"knob of the condition {self.name}", self.knobs, knobs_of(make)))
