"""A table of trained codes: the auto-decoder of DeepSDF (Park et al. 1901.05103, section 4)."""

import torch
from torch import Tensor, nn

from pinnscene.conditions.base import Condition, conditions
from pinnscene.errors import PinnsceneError


@conditions.register("codes")
class Codes(Condition):
    """One free code for each member of the family, trained together with the network.

    Attributes:
        count: members.
        size: entries of a code.
        spread: standard deviation of the codes at the start.
    """

    def __init__(self, *, count: int, size: int = 16, spread: float = 0.01) -> None:
        super().__init__()
        if count < 1 or size < 1 or not spread >= 0:
            raise PinnsceneError(f"codes expected count, size >= 1 and spread >= 0, got {count}, {size} and {spread}")
        self.count, self.size, self.spread = count, size, spread
        self.table = nn.Parameter(torch.zeros(count, size))

    def forward(self, given: Tensor) -> Tensor:
        """The codes [b, size] of members by number [b], from 0."""
        return self.table[given]

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        normal = torch.randn(self.count, self.size, generator=generator, device=generator.device, dtype=torch.float64)
        self.table.copy_(normal * self.spread)
