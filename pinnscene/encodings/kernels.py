"""Interpolation along one axis of a grid: how the values around a point are weighted.

In a cell, with f from 0 to 1 between its ends, the weight of each coefficient is a polynomial in f. B-splines of
degree p have p - 1 continuous derivatives and need p + 1 coefficients (de Boor, A Practical Guide to Splines, IX);
linear has no curvature, and smoothstep (Mueller et al. 2201.05989, section 5) has a zero slope at every node.
"""

from dataclasses import dataclass
from math import perm

from torch import Tensor


@dataclass(frozen=True)
class Kernel:
    """Row t holds the polynomial (powers 0, 1, ... of f) that weights coefficient t of a cell."""

    polynomials: tuple[tuple[float, ...], ...]

    @property
    def taps(self) -> int:
        """Coefficients that a point sees along an axis; an axis of n cells has n + taps - 1."""
        return len(self.polynomials)

    def weights(self, f: Tensor, order: int = 0) -> Tensor:
        """The ``order``-th derivative to f of the weights: [..., taps] for f [...]."""
        degree = len(self.polynomials[0]) - 1
        rows = [[c * perm(k, order) for k, c in enumerate(row) if k >= order] for row in self.polynomials]
        if order > degree:
            return f.new_zeros(*f.shape, self.taps)
        matrix = f.new_tensor(rows)
        total = matrix[:, -1].expand(*f.shape, self.taps)
        for k in range(degree - order - 1, -1, -1):  # Horner's rule
            total = total * f[..., None] + matrix[:, k]
        return total


KERNELS: dict[str, Kernel] = {
    "linear": Kernel(((1, -1), (0, 1))),
    "smoothstep": Kernel(((1, 0, -3, 2), (0, 0, 3, -2))),
    "quadratic": Kernel(((1 / 2, -1, 1 / 2), (1 / 2, 1, -1), (0, 0, 1 / 2))),
    "cubic": Kernel(
        (
            (1 / 6, -1 / 2, 1 / 2, -1 / 6),
            (2 / 3, 0, -1, 1 / 2),
            (1 / 6, 1 / 2, 1 / 2, -1 / 2),
            (0, 0, 0, 1 / 6),
        )
    ),
}
