"""Chebyshev polynomials: for smooth functions on an interval, whatever they do at its ends."""

import torch
from torch import Tensor

from pinnscene.bases.base import Basis, bases, gauss


@bases.register("chebyshev")
class Chebyshev(Basis):
    """T_0 to T_(count - 1)."""

    def nodes(self, count: int) -> Tensor:
        return gauss(count)

    def table(self, x: Tensor, order: int) -> Tensor:
        """By the three-term recurrence T_(k+1) = 2 x T_k - T_(k-1), differentiated ``order`` times."""
        # rows[r] holds the r-th derivatives of the last polynomial and of the one before
        one, zero = torch.ones_like(x), torch.zeros_like(x)
        last = [x, one, *[zero] * (order - 1)][: order + 1]
        before = [one, *[zero] * order]
        columns = [before[order], last[order]]
        for _ in range(self.count - 2):
            following = [
                2 * x * now - old + (2 * r * last[r - 1] if r else 0.0)
                for r, (now, old) in enumerate(zip(last, before, strict=True))
            ]
            last, before = following, last
            columns.append(last[order])
        return torch.stack(columns[: self.count], 1)
