"""SOAP: Adam in the eigenbases of Shampoo (Vyas et al. 2409.11321), for networks too large for Gauss-Newton.

On physics-informed losses it ends two to ten times more accurate than Adam (Wang et al. 2502.00604), whose update of
the bases in every second step is the default here.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from pinnscene.errors import PinnsceneError
from pinnscene.solvers.adam import Adam
from pinnscene.solvers.base import solvers


@solvers.register("soap")
@dataclass(frozen=True)
class Soap(Adam):
    """Adam's steps in rotated coordinates; schedule, clipping and averages are Adam's.

    Attributes:
        refresh: steps between updates of the bases.
        largest: side of a weight that is rotated at most; longer ones, a grid's table, keep their own coordinates.
    """

    name: ClassVar[str] = "soap"
    lr: float = 3e-3
    betas: tuple[float, float] = (0.95, 0.95)
    refresh: int = 2
    largest: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.refresh < 1 or self.largest < 1:
            raise PinnsceneError(f"soap expected refresh and largest >= 1, got {self.refresh} and {self.largest}")

    def optimizer(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        from pytorch_optimizer import SOAP  # a second to import, which only those who use it should wait for

        del fused
        made = SOAP(
            groups,
            lr=self.lr,
            betas=self.betas,
            eps=self.eps,
            weight_decay=0.0,
            precondition_frequency=self.refresh,
            max_precondition_dim=self.largest,
        )
        made.register_step_post_hook(_lay_by_rows)
        return made


def _lay_by_rows(optimizer: torch.optim.Optimizer, *_: Any) -> None:
    """Factorisations leave their bases by columns, checkpoints keep rows, and products differ in their last bits."""
    for state in optimizer.state.values():
        state["Q"] = [q.contiguous() if isinstance(q, torch.Tensor) else q for q in state["Q"]]
