"""The contract of a basis."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from pinnscene.registry import Registry

bases: Registry["type[Basis]"] = Registry("basis")


class Basis(nn.Module, ABC):
    """``count`` functions of one coordinate in [-1, 1], with derivatives of any order.

    Written with torch throughout, so that autograd differentiates a table too: an independent check of ``table``.
    """

    periodic = False

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    @abstractmethod
    def nodes(self, count: int) -> Tensor:
        """At least ``count`` points in (-1, 1) that tell the functions apart well, in rising order."""

    @abstractmethod
    def table(self, x: Tensor, order: int) -> Tensor:
        """The ``order``-th derivative of every function at x [n]: [n, count]."""


def gauss(count: int) -> Tensor:
    """The ``count`` nodes of Gauss and Legendre on [-1, 1]."""
    return torch.as_tensor(np.polynomial.legendre.leggauss(count)[0])
