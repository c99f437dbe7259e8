"""Parts of an objective that change while it is being solved: loss balancing, causal weights, adaptive points.

They share one protocol. The loop asks the objective to refresh what is due before a step, and keeps its state in
every checkpoint.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch

from pinnscene.errors import PinnsceneError

if TYPE_CHECKING:
    from pinnscene.field import Field


class Stateful(ABC):
    """Something that looks at the field now and then and changes what the next steps are trained on.

    Attributes:
        every: steps between two refreshes; the first comes before step 0.
    """

    every: int

    @abstractmethod
    def refresh(self, u: "Field", step: int, generator: torch.Generator) -> None:
        """Look at ``u`` before ``step``; all randomness is the generator's."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything that an exact resume needs: nested dicts, lists, tensors and scalars."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""


def expect_every(what: str, every: int) -> None:
    """Raise ``PinnsceneError`` for an interval that is no interval."""
    if every < 1:
        raise PinnsceneError(f"{what} expected every >= 1 (steps between two refreshes), got {every}")
