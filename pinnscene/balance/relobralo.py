"""Relative loss balancing with random lookback, ReLoBRaLo (Bischof and Kraus 2110.09813, section 3.2)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnscene.balance.base import Balance, balances, expect_share
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.parallel import total


@balances.register("relobralo")
@dataclass(frozen=True)
class Relobralo(Balance):
    """The slower a loss falls, the larger its weight; the weights always sum to the number m of losses.

    bal(t, s) = m softmax_i(L_i(t) / (temperature L_i(s))),
    lambda(t) = decay (rho lambda(t-1) + (1 - rho) bal(t, 0)) + (1 - decay) bal(t, t-1), with rho 0 or 1 at random.

    The paper looks at every step with decay and mean of rho 0.999; every tenth step with 0.99 remembers as long.

    Attributes:
        every: steps between two updates.
        decay: alpha of the paper, how much of the weights so far stays.
        saudade: expected rho; how seldom it looks back at the first losses of all.
        temperature: of the softmax: small lets the slowest loss have it all, large makes the weights equal.
    """

    name: ClassVar[str] = "relobralo"
    every: int = 10
    decay: float = 0.99
    saudade: float = 0.99
    temperature: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_share(self.name, decay=self.decay)
        if not 0 <= self.saudade <= 1 or not self.temperature > 0:
            raise PinnsceneError(
                f"relobralo expected 0 <= saudade <= 1 and temperature > 0, got {self.saudade}, {self.temperature}"
            )

    def update(
        self, u: Field, objective: Any, step: int, memory: dict[str, Any], generator: torch.Generator
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            losses = objective.plain_losses(u, objective.batches(step))
        now = total(torch.stack([loss.double() for loss in losses.values()]))
        rho = float(torch.rand((), generator=generator, device=generator.device) < self.saudade)
        if not memory:
            memory |= {"first": now, "last": now, "weights": torch.ones_like(now)}
        history = rho * memory["weights"] + (1 - rho) * self._balance(now, memory["first"])
        weights = self.decay * history + (1 - self.decay) * self._balance(now, memory["last"])
        memory |= {"last": now, "weights": weights}
        return dict(zip(losses, weights.unbind(), strict=True))

    def _balance(self, now: Tensor, then: Tensor) -> Tensor:
        ratio = now / then.clamp_min(torch.finfo(then.dtype).tiny)
        return len(now) * torch.softmax(ratio / self.temperature, 0)
