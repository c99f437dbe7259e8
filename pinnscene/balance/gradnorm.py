"""Weights by gradient norms (Wang, Teng and Perdikaris 2001.04536, in the form of Wang et al. 2308.08468, eq. 3.1)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnscene.balance.base import Balance, averaged, balances, expect_share, level
from pinnscene.field import Field
from pinnscene.parallel import total


@balances.register("grad-norm")
@dataclass(frozen=True)
class GradNorm(Balance):
    """lambda_i = sum_j |grad L_j| / |grad L_i|: every weighted loss pulls at the weights of the network as strongly.

    Attributes:
        every: steps between two updates.
        momentum: share of the weights so far in the new ones.
    """

    name: ClassVar[str] = "grad-norm"
    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_share(self.name, momentum=self.momentum)

    def update(
        self, u: Field, objective: Any, step: int, memory: dict[str, Any], generator: torch.Generator
    ) -> dict[str, Tensor]:
        del generator
        losses = objective.plain_losses(u, objective.batches(step))
        return averaged(level(gradient_norms(u, losses)), memory, self.momentum)


def gradient_norms(u: Field, losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """|grad L_i| to the weights of the network, by block."""
    parameters = [p for p in u.parameters() if p.requires_grad]
    norms = {}
    for name, loss in losses.items():
        grads = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        known = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, grads, strict=True)]
        norms[name] = total(torch.cat([g.flatten() for g in known])).double().norm()
    return norms
