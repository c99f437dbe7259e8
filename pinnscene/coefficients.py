"""Coefficients that are to be found: parameters of a field beside its weights, behind ``u.param``."""

from abc import ABC, abstractmethod
from math import exp, isfinite, log

import torch
from torch import Tensor, nn

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError

TINY = 1e-300  # below it a logarithm is of nothing


class Coefficient(nn.Module, ABC):
    """A coefficient with q parameters ``theta``, of which its values are a smooth function.

    Attributes:
        theta: the parameters [q].
        covariance: of the estimate of theta [q, q]; infinite until a solver has told it.
        smoothing: weight of the roughness that the estimate was found with.
    """

    covariance: Tensor
    smoothing: Tensor

    def __init__(self, theta: Tensor) -> None:
        super().__init__()
        self.theta = nn.Parameter(theta.double())
        self.register_buffer("covariance", torch.full((len(theta), len(theta)), torch.inf, dtype=torch.float64))
        self.register_buffer("smoothing", torch.zeros((), dtype=torch.float64))

    @abstractmethod
    def at(self, p: Points, along: str = "") -> Tensor:
        """The values [n, 1] at points, or a partial derivative of them, such as ``along="x"``."""

    @abstractmethod
    def slopes(self, p: Points, along: str = "") -> Tensor:
        """The derivatives [n, q] of ``at`` to the parameters."""

    def roughness(self) -> Tensor:
        """Rows [m, q] whose product with theta is to be small where the data leave a choice; none by default."""
        return self.theta.new_zeros(0, len(self.theta))

    def forward(self, p: Points) -> Tensor:
        return self.at(p)

    @abstractmethod
    def describe(self) -> dict[str, float | None]:
        """The estimate as plain data, its standard error included: None where no solver has told it."""


class Constant(Coefficient):
    """One unknown number; with ``positive`` its logarithm is what is found, so that it stays above zero.

    Raises:
        PinnsceneError: a start that is not above zero, of a positive one.
    """

    def __init__(self, start: float, positive: bool = False) -> None:
        if positive and not start > TINY:
            raise PinnsceneError(f"a positive unknown expected a start above 0, got {start:g}")
        super().__init__(torch.tensor([log(start) if positive else start], dtype=torch.float64))
        self.positive = positive

    def at(self, p: Points, along: str = "") -> Tensor:
        value = self.theta.exp() if self.positive else self.theta
        return (0.0 if along else 1.0) * value.expand(len(p), 1)

    def slopes(self, p: Points, along: str = "") -> Tensor:
        slope = self.theta.exp() if self.positive else torch.ones_like(self.theta)
        return (0.0 if along else 1.0) * slope.detach().expand(len(p), 1)

    @property
    def value(self) -> float:
        """The number."""
        theta = float(self.theta.detach()[0])
        return exp(theta) if self.positive else theta

    def describe(self) -> dict[str, float | None]:
        spread = float(self.covariance[0, 0].sqrt()) * (self.value if self.positive else 1.0)
        return {"value": self.value, "standard_error": spread if isfinite(spread) else None}
