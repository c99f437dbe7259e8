"""Sums of products at many points, one axis after the other where the points form a lattice.

On a lattice of m points an axis, M^d products cost O(d m M^d) instead of O(m^d M^d), and no matrix of features is
ever made. Whether points form one is read off their coordinates.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from pinnscene.derivatives import Index
from pinnscene.encodings.tensor import TensorProduct
from pinnscene.parallel import world

SPARSE = 4  # a lattice may have so many places to each point that is asked for, of all processes together


class Places:
    """Points x [n, d] in the encoding's coordinates, seen as places of a lattice where that is cheaper."""

    def __init__(self, encoding: TensorProduct, x: Tensor) -> None:
        self.encoding, self.x = encoding, x
        found = [torch.unique(column, return_inverse=True) for column in x.unbind(1)]
        self.lines: list[Tensor] | None = [line for line, _ in found]
        shape = [len(line) for line in self.lines]
        size = prod(shape)
        if size > SPARSE * world() * len(x):
            self.lines = None
            return
        flat = torch.zeros(len(x), dtype=torch.long, device=x.device)
        for n, (_, place) in zip(shape, found, strict=True):
            flat = flat * n + place
        whole = size == len(x) and bool((flat == torch.arange(size, device=x.device)).all())
        self.flat = None if whole else flat
        self.tables: dict[tuple[int, int], Tensor] = {}

    def table(self, axis: int, order: int) -> Tensor:
        """The functions of an axis at its lines [n_a, modes_a]."""
        assert self.lines is not None
        if (axis, order) not in self.tables:
            self.tables[axis, order] = self.encoding.bases[axis].table(self.lines[axis], order)
        return self.tables[axis, order]

    def sums(self, weight: Tensor, indices: Sequence[Index], chunk: int) -> list[Tensor]:
        """Partial derivatives, in the encoding's coordinates, of sums with weights [k, products]: [n, k] each."""
        if self.lines is None:
            parts = [torch.stack(self._scattered(x, weight, indices)) for x in self.x.split(chunk)]
            return list(torch.cat(parts, 1).unbind(0))
        return [self._contract(weight, index) for index in indices]

    def _contract(self, weight: Tensor, index: Index) -> Tensor:
        values = weight.view(len(weight), *self.encoding.modes)
        for axis in range(len(self.encoding.modes)):
            values = torch.tensordot(values, self.table(axis, index.count(axis)), dims=([1], [1]))  # pyright: ignore[reportArgumentType] a stub of torch
        values = values.reshape(len(weight), -1).T
        return values if self.flat is None else values[self.flat]

    def _scattered(self, x: Tensor, weight: Tensor, indices: Sequence[Index]) -> list[Tensor]:
        """The sums [n, k] at points anywhere: the last axis by one matrix product, the others point by point."""
        bases, last = self.encoding.bases, len(self.encoding.modes) - 1
        values = weight.view(-1, self.encoding.modes[-1])
        along = {order: bases[last].table(x[:, last], order) @ values.T for order in {i.count(last) for i in indices}}
        sums = []
        for index in indices:
            part = along[index.count(last)].view(len(x), len(weight), *self.encoding.modes[:-1])
            for axis in reversed(range(last)):
                table = bases[axis].table(x[:, axis], index.count(axis))
                part = (part.flatten(1, -2) @ table[:, :, None]).view(part.shape[:-1])
            sums.append(part)
        return sums
