"""Jets: a value with its derivative streams, pushed forward through layers.

The streams stand on the leading axis, so that a linear layer is one matrix product for all of them.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from pinnscene.derivatives.rules import AffineRule, PointwiseRule, Rule, push
from pinnscene.derivatives.streams import Streams


class Jet:
    """``data`` [streams, n, m]: value, first derivatives, merged operators (see ``Streams``)."""

    __slots__ = ("data", "streams")

    def __init__(self, data: Tensor, streams: Streams) -> None:
        self.data, self.streams = data, streams

    @property
    def value(self) -> Tensor:
        return self.data[0]

    @property
    def slopes(self) -> Tensor:
        """First derivatives [directions, n, m]."""
        return self.data[1 : 1 + len(self.streams.directions)]

    @property
    def merged(self) -> Tensor:
        """Merged operators [operators, n, m]."""
        return self.data[1 + len(self.streams.directions) :]

    def affine(self, weight: Tensor, bias: Tensor) -> "Jet":
        """Z = a W^T + b."""
        return type(self)(cast(Tensor, AffineRule.apply(self.data, weight, bias)), self.streams)

    def pointwise(self, rule: Rule) -> "Jet":
        """H = s(z); ``rule(z, order)`` gives s and its derivatives to ``order``."""
        if self.streams.trainable:
            return Jet(push(self.data, self.streams, rule), self.streams)
        return Jet(cast(Tensor, PointwiseRule.apply(self.data, self.streams, rule)), self.streams)

    def __mul__(self, other: "Jet") -> "Jet":
        """The product rule; one factor may have a single column."""
        streams = self.streams
        value = self.value * other.value
        parts = [value[None], self.slopes * other.value + self.value * other.slopes]
        for k, op in enumerate(streams.operators):
            stream = self.merged[k] * other.value + self.value * other.merged[k]
            if op.second:
                cross = streams.quadratic(op, self.slopes, other.slopes)
                stream = stream + cross + streams.quadratic(op, other.slopes, self.slopes)
            parts.append(stream[None])
        return Jet(torch.cat(parts), streams)

    def __add__(self, other: "Jet") -> "Jet":
        return type(self)(self.data + other.data, self.streams)

    def with_one(self) -> "Jet":
        """One more column: the constant 1."""
        one = torch.zeros_like(self.data[..., :1])
        one[0] = 1.0
        return type(self)(torch.cat([self.data, one], -1), self.streams)


def concatenate(parts: Sequence[Tensor | Jet]) -> Tensor | Jet:
    """Join columns of tensors, or of jets."""
    if isinstance(parts[0], Jet):
        return type(parts[0])(torch.cat([p.data for p in parts if isinstance(p, Jet)], -1), parts[0].streams)
    return torch.cat([p for p in parts if isinstance(p, Tensor)], -1)
