"""Samples along rays, packed: only those that are worth a look, one after the other."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Samples:
    """Stretches of n rays, along each of them from near to far.

    Attributes:
        ray: the ray of each stretch [m], in ascending order.
        start, end: distances along it [m].
        count: the number of rays, those without a stretch included.
    """

    ray: Tensor
    start: Tensor
    end: Tensor
    count: int

    def __len__(self) -> int:
        return len(self.ray)

    @property
    def middle(self) -> Tensor:
        return (self.start + self.end) / 2

    @property
    def length(self) -> Tensor:
        return self.end - self.start

    @cached_property
    def slot(self) -> Tensor:
        """The place of each stretch along its own ray, counted from 0 [m]."""
        held = torch.bincount(self.ray, minlength=self.count)
        first = held.cumsum(0) - held
        return torch.arange(len(self.ray), device=self.ray.device) - first[self.ray]

    @cached_property
    def place(self) -> Tensor:
        """Where each stretch lies in a flattened table with a row for each ray [m]."""
        return self.ray * self.width + self.slot

    @cached_property
    def width(self) -> int:
        """The most stretches that a ray has, at least 1."""
        return int(self.slot.max()) + 1 if len(self.ray) else 1

    def table(self, values: Tensor) -> Tensor:
        """Values [m] as a table [n, width], zero where a ray has no more stretches."""
        flat = values.new_zeros(self.count * self.width)
        return flat.index_put((self.place,), values).view(self.count, self.width)

    def packed(self, table: Tensor) -> Tensor:
        """The inverse of ``table``: [m] of [n, width]."""
        return table.reshape(-1)[self.place]

    def total(self, values: Tensor, kept: Tensor | None = None) -> Tensor:
        """The sum along each ray [n, k] of values [m, k], or of values for the stretches ``kept`` (their numbers)."""
        ray = self.ray if kept is None else self.ray[kept]
        return values.new_zeros(self.count, values.shape[1]).index_add(0, ray, values)

    def chosen(self, rows: Tensor) -> "Samples":
        """Some of the stretches: ``rows`` is a mask or ascending numbers."""
        return Samples(self.ray[rows], self.start[rows], self.end[rows], self.count)


def nothing(count: int, like: Tensor) -> Samples:
    """No stretch of any of ``count`` rays."""
    none = like.new_zeros(0)
    return Samples(torch.zeros(0, dtype=torch.long, device=like.device), none, none, count)


def stretches(edges: Tensor) -> Samples:
    """The stretches between edges [n, s + 1] of n rays, each s of them."""
    n, s = edges.shape[0], edges.shape[1] - 1
    ray = torch.arange(n, device=edges.device).repeat_interleave(s)
    return Samples(ray, edges[:, :-1].reshape(-1), edges[:, 1:].reshape(-1), n)
