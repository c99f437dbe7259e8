"""Which streams a jet must carry to answer a set of operators.

A jet carries the value a, first derivatives a_i along some directions, and for each operator
L = sum b_i d_i + sum c_ij d_ij one merged stream La. Through z = W a + b: z_i = W a_i, Lz = W La; through an
activation h = s(z): h_i = s'(z) z_i, Lh = s'(z) Lz + s''(z) sum c_ij z_i z_j
(Li et al. 2402.09730; Dangel et al. 2505.13644). So u_t and u_xx of a heat operator share one stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscene.derivatives.names import Index, Operator

Coefficient = float | Tensor


@dataclass(frozen=True)
class Merged:
    """One merged operator: ``first`` (axis, b) and ``second`` (direction, direction, c) coefficients."""

    first: tuple[tuple[int, Coefficient], ...]
    second: tuple[tuple[int, int, Coefficient], ...]


@dataclass(frozen=True)
class Streams:
    """The streams of a jet: the value, then ``directions`` (axis numbers), then ``operators``.

    ``reads`` says for each operator asked for which stream answers it, and the coefficient of the value to add.
    """

    directions: tuple[int, ...]
    operators: tuple[Merged, ...]
    reads: tuple[tuple[int, Coefficient | None], ...]

    @classmethod
    def plan(cls, operators: Sequence[Operator]) -> "Streams":
        """The fewest streams for ``operators`` of at most second order."""
        pure = {i[0] for op in operators if (i := _single(op)) is not None and len(i) == 1}
        curved = {axis for op in operators for index in op if len(index) == 2 for axis in index}
        directions = tuple(sorted(pure | curved))
        merged: list[Merged] = []
        reads: list[tuple[int, Coefficient | None]] = []
        for op in operators:
            index = _single(op)
            if index == ():
                reads.append((0, None))
            elif index is not None and len(index) == 1:
                reads.append((1 + directions.index(index[0]), None))
            else:
                merged.append(_merge(op, directions))
                reads.append((len(directions) + len(merged), op.get(())))
        return cls(directions, tuple(merged), tuple(reads))

    @property
    def trainable(self) -> bool:
        """Whether a coefficient needs a gradient itself, as an unknown to be found does."""
        parts = [c for op in self.operators for *_, c in (*op.first, *op.second)]
        return any(isinstance(c, Tensor) and c.requires_grad for c in parts)

    def start(self, x: Tensor) -> Tensor:
        """The jet data [streams, n, d] of the coordinates x [n, d] themselves."""
        data = x.new_zeros(1 + len(self.directions) + len(self.operators), *x.shape)
        data[0] = x
        for k, axis in enumerate(self.directions, 1):
            data[k, :, axis] = 1.0
        for k, op in enumerate(self.operators, 1 + len(self.directions)):
            for axis, b in op.first:
                data[k, :, axis] = b[:, 0] if isinstance(b, Tensor) and b.ndim else b
        return data

    def questions(self) -> list[Operator]:
        """The operators whose answers, stacked, are a jet of some function with these streams."""
        directions: list[Operator] = [{(axis,): 1.0} for axis in self.directions]
        return [{(): 1.0}, *directions, *[self._operator(op) for op in self.operators]]

    def _operator(self, op: Merged) -> Operator:
        terms: dict[Index, Coefficient] = {(axis,): b for axis, b in op.first}
        terms |= {(self.directions[i], self.directions[j]): c for i, j, c in op.second}
        return terms

    def answers(self, data: Tensor) -> list[Tensor]:
        """The answers to the operators asked for, from final jet data [streams, n, k]."""
        return [data[k] if c is None else data[k] + c * data[0] for k, c in self.reads]

    def quadratic(self, op: Merged, left: Tensor, right: Tensor) -> Tensor:
        """Sum of c_ij left_i right_j over the second-order terms; ``left``, ``right`` are [directions, n, m]."""
        total = torch.zeros_like(left[0]) if not op.second else None
        for i, j, c in op.second:
            term = left[i] * right[j]
            if not (isinstance(c, float) and c == 1.0):
                term = term * c
            total = term if total is None else total + term
        assert total is not None
        return total

    def __hash__(self) -> int:
        return id(self)


def _single(op: Operator) -> Index | None:
    """The index of an operator that is one plain partial, else None."""
    if len(op) == 1:
        ((index, c),) = op.items()
        if not isinstance(c, Tensor) and c == 1.0:
            return index
    return None


def _merge(op: Operator, directions: tuple[int, ...]) -> Merged:
    first = tuple((i[0], c) for i, c in op.items() if len(i) == 1)
    second = tuple(
        (directions.index(i[0]), directions.index(i[1]), c if isinstance(c, Tensor) else float(c))
        for i, c in op.items()
        if len(i) == 2
    )
    return Merged(first, second)
