"""Weights by the neural tangent kernel (Wang, Yu and Perdikaris 2007.14527, eq. 6.5 and algorithm 1)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnscene.balance.base import Balance, averaged, balances, expect_share, level
from pinnscene.constraint import Block
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.parallel import total, world


@balances.register("ntk")
@dataclass(frozen=True)
class Ntk(Balance):
    """lambda_i = sum_j tr(K_j) / tr(K_i), K_i = J_i J_i^T of a row: every condition is learnt at the same rate.

    The traces are means over some rows of the step's batch, each row differentiated by itself, so that constraints of
    different numbers of points compare.

    Attributes:
        every: steps between two updates.
        momentum: share of the weights so far in the new ones.
        rows: rows of each constraint that are differentiated.
    """

    name: ClassVar[str] = "ntk"
    momentum: float = 0.9
    rows: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_share(self.name, momentum=self.momentum)
        if self.rows < 1:
            raise PinnsceneError(f"ntk expected rows >= 1, got {self.rows}")

    def update(
        self, u: Field, objective: Any, step: int, memory: dict[str, Any], generator: torch.Generator
    ) -> dict[str, Tensor]:
        del generator
        blocks = objective.blocks(u, objective.thinned(step, self.rows))
        return averaged(level({block.name: kernel_trace(u, block) for block in blocks}), memory, self.momentum)


def kernel_trace(u: Field, block: Block) -> Tensor:
    """The mean over the rows of a block of the squared norms of their gradients, weight and curvature included."""
    parameters = [p for p in u.parameters() if p.requires_grad]
    scale = (block.weight * block.penalty.curvature(block.residual.detach()) / 2).sqrt()
    entries = (scale * block.residual).flatten()
    squares = entries.new_zeros((), dtype=torch.float64)
    for entry in entries:
        grads = torch.autograd.grad(entry, parameters, retain_graph=True, allow_unused=True)
        squares += torch.stack([g.double().square().sum() for g in grads if g is not None]).sum()
    return total(squares / len(entries)) / world()
