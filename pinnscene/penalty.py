"""Penalties: what a residual costs, with the slope and curvature that second-order solvers need.

Each maps residuals r [n, k] elementwise. Losses average the value over all entries; Gauss-Newton replaces the
penalty by the parabola with its slope and curvature (``absolute`` by the majorising one: reweighting).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F


class Penalty(ABC):
    """An elementwise cost of a residual.

    Attributes:
        seeks_zero: whether a residual of zero is what is wanted.
    """

    seeks_zero: ClassVar[bool] = True

    @abstractmethod
    def value(self, r: Tensor) -> Tensor:
        """The cost of each entry."""

    def measure(self, r: Tensor) -> Tensor:
        """What a held-out residual is the root mean of: the square, where zero is what is wanted."""
        return r.square()

    @abstractmethod
    def slope(self, r: Tensor) -> Tensor:
        """Its first derivative."""

    @abstractmethod
    def curvature(self, r: Tensor) -> Tensor:
        """Its second derivative, or a majoriser's where that vanishes; positive everywhere."""


@dataclass(frozen=True)
class Square(Penalty):
    """r^2."""

    def value(self, r: Tensor) -> Tensor:
        return r.square()

    def slope(self, r: Tensor) -> Tensor:
        return 2 * r

    def curvature(self, r: Tensor) -> Tensor:
        return torch.full_like(r, 2.0)


@dataclass(frozen=True)
class Absolute(Penalty):
    """|r|; the curvature is that of the parabola through r that majorises it, floored at ``eps``."""

    eps: float = 1e-6

    def value(self, r: Tensor) -> Tensor:
        return r.abs()

    def slope(self, r: Tensor) -> Tensor:
        return r.sign()

    def curvature(self, r: Tensor) -> Tensor:
        return 1 / r.abs().clamp_min(self.eps)


@dataclass(frozen=True)
class Huber(Penalty):
    """r^2 up to ``delta``, 2 delta |r| - delta^2 beyond."""

    delta: float = 1.0

    def value(self, r: Tensor) -> Tensor:
        a = r.abs()
        return torch.where(a <= self.delta, r.square(), 2 * self.delta * a - self.delta**2)

    def slope(self, r: Tensor) -> Tensor:
        return 2 * r.clamp(-self.delta, self.delta)

    def curvature(self, r: Tensor) -> Tensor:
        return 2 * self.delta / r.abs().clamp_min(self.delta)


@dataclass(frozen=True)
class Softplus(Penalty):
    """log(1 + exp(r)): binary cross-entropy on a logit signed as (1 - 2 inside) logit."""

    seeks_zero = False

    def value(self, r: Tensor) -> Tensor:
        return F.softplus(r)

    def measure(self, r: Tensor) -> Tensor:
        return self.value(r)  # a signed logit is to be large, not zero

    def slope(self, r: Tensor) -> Tensor:
        return torch.sigmoid(r)

    def curvature(self, r: Tensor) -> Tensor:
        s = torch.sigmoid(r)
        return (s * (1 - s)).clamp_min(1e-6)


square = Square()
absolute = Absolute()
huber = Huber()
softplus = Softplus()
