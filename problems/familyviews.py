"""Members of a family seen in their own units, and those between two members."""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.conditions.bound import Conditional
from pinnscene.derivatives import Index, Operator
from pinnscene.errors import PinnsceneError
from pinnscene.views import Differentiable


class Placed(Differentiable):
    """v(p) = gain u(R^T (p - centre) / side): a field of the unit cube at its place and in its units.

    A distance keeps its slope with gain = side. With q = R^T (p - centre) / side, d/dp_i = sum_j R_ij / side d/dq_j.

    Args:
        u: the field of the cube.
        centre: where the middle of the cube lies, [3].
        side: of the cube.
        gain: factor of the values.
        turn: the rotation R [3, 3]; None for none.
    """

    def __init__(
        self, u: Differentiable, centre: Sequence[float], side: float, gain: float, turn: Tensor | None = None
    ) -> None:
        self.u, self.side, self.gain = u, side, gain
        self.centre = torch.tensor(list(centre), dtype=torch.float64)
        self.turn = None if turn is None else turn.detach().double().cpu()
        self.axes, self.values = u.axes, u.values

    @property
    def device(self) -> torch.device:
        return getattr(self.u, "device", torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        return getattr(self.u, "dtype", torch.float64)

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.u.param(name, self._inward(p), along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return self.u.derivatives(self._inward(p), [self._turned(op) for op in operators])

    def _turned(self, op: Operator) -> Operator:
        """The operator on u whose value is that of ``op`` on v."""
        terms: dict[Index, Any] = {}
        for index, c in op.items():
            for inner in product(range(len(self.axes)), repeat=len(index)):
                factor = self.gain / self.side ** len(index) * self._share(index, inner)
                if factor:
                    place = tuple(sorted(inner))
                    terms[place] = terms[place] + c * factor if place in terms else c * factor
        return terms

    def _share(self, outer: Index, inner: Index) -> float:
        """The product of the R_ij of the pairs of axes."""
        if self.turn is None:
            return float(outer == inner)
        return prod(float(self.turn[i, j]) for i, j in zip(outer, inner, strict=True))

    def _inward(self, p: Points | Tensor) -> Tensor:
        x = coordinates(p, len(self.axes))
        # in float64: a place far from the origin would cost a float32 its digits
        q = (x.double() - self.centre.to(x.device)) / self.side
        return (q if self.turn is None else q @ self.turn.to(x.device)).to(x.dtype)


def interpolate(u: Conditional, a: Tensor, b: Tensor, steps: int) -> list[Differentiable]:
    """The members with the codes (1 - s) a + s b for ``steps`` values of s from 0 to 1, both ends included."""
    if steps < 2:
        raise PinnsceneError(f"interpolate expected at least 2 steps, both ends included, got {steps}")
    shares = [k / (steps - 1) for k in range(steps)]
    return [u.bind((1 - s) * a + s * b) for s in shares]
