"""No balancing: the weights stay as the problem and ``--set NAME.weight=...`` give them."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnscene.balance.base import Balance, balances
from pinnscene.field import Field


@balances.register("fixed")
@dataclass(frozen=True)
class FixedWeights(Balance):
    """The constraints' own weights throughout."""

    name: ClassVar[str] = "fixed"
    adapts: ClassVar[bool] = False

    def update(
        self, u: Field, objective: Any, step: int, memory: dict[str, Any], generator: torch.Generator
    ) -> dict[str, Tensor]:
        del u, objective, step, memory, generator
        return {}
