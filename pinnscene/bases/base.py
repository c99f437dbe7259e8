"""The contract of a basis."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from pinnscene.registry import Registry

bases: Registry["type[Basis]"] = Registry("basis")


class Basis(nn.Module, ABC):
    """``count`` functions of one coordinate in [-1, 1], with derivatives of any order.

    Written with torch throughout, so that autograd differentiates a table too: an independent check of ``table``.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    @abstractmethod
    def table(self, x: Tensor, order: int) -> Tensor:
        """The ``order``-th derivative of every function at x [n]: [n, count]."""
