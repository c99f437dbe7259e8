"""Towers: all partial derivatives to any order, pushed forward through layers together.

Where ``Streams`` merges a second-order operator into one stream, a tower carries each partial by itself, and with it
every partial that it rests on: h = s(z) follows Faa di Bruno's formula over set partitions (Hardy 2006, Combinatorics
of partial derivatives, proposition 1), a product Leibniz' rule over subsets.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import torch
from torch import Tensor

from pinnscene.derivatives.jet import Jet
from pinnscene.derivatives.names import Index, Operator
from pinnscene.derivatives.rules import Rule
from pinnscene.derivatives.streams import Streams


@dataclass(frozen=True)
class Tower:
    """The partials that a set of operators rests on, as the streams of a jet: the value first, lower orders first."""

    indices: tuple[Index, ...]
    operators: tuple[Operator, ...]

    trainable = True  # nothing here is written by hand: autograd differentiates all of it

    @classmethod
    def plan(cls, operators: Sequence[Operator]) -> "Tower":
        """The smallest tower that answers ``operators``."""
        asked = {index for op in operators for index in op} | {()}
        below = {tuple(part) for index in asked for k in range(len(index)) for part in combinations(index, k)}
        return cls(tuple(sorted(asked | below, key=lambda index: (len(index), index))), tuple(operators))

    @property
    def order(self) -> int:
        """The highest order of a partial."""
        return len(self.indices[-1])

    def start(self, x: Tensor) -> Tensor:
        """The data [streams, n, d] of the coordinates x [n, d] themselves."""
        data = x.new_zeros(len(self.indices), *x.shape)
        data[0] = x
        for k, index in enumerate(self.indices):
            if len(index) == 1:
                data[k, :, index[0]] = 1.0
        return data

    def questions(self) -> list[Operator]:
        """The operators whose answers, stacked, are a jet with these streams."""
        return [{index: 1.0} for index in self.indices]

    def answers(self, data: Tensor) -> list[Tensor]:
        """The answers to the operators asked for, from final data [streams, n, k]."""
        place = {index: k for k, index in enumerate(self.indices)}
        sums = ([c * data[place[index]] for index, c in op.items()] for op in self.operators)
        return [sum(terms[1:], terms[0]) for terms in sums]

    def __hash__(self) -> int:
        return id(self)


class Taylor(Jet):
    """A jet whose streams are the partials of a tower."""

    __slots__ = ()
    streams: Tower  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, data: Tensor, streams: Tower) -> None:
        self.data, self.streams = data, streams  # pyright: ignore[reportAttributeAccessIssue]

    def pointwise(self, rule: Rule) -> "Taylor":
        """H = s(z)."""
        z = dict(zip(self.streams.indices, self.data, strict=True))
        s = rule(z[()], self.streams.order)
        parts = [s[0]]
        for index in self.streams.indices[1:]:
            by_order: dict[int, Tensor] = {}
            for blocks, count in _partitions(index).items():
                term = z[blocks[0]]
                for block in blocks[1:]:
                    term = term * z[block]
                term = term if count == 1 else count * term
                k = len(blocks)
                by_order[k] = by_order[k] + term if k in by_order else term
            terms = [s[k] * term for k, term in by_order.items()]
            parts.append(sum(terms[1:], terms[0]))
        return Taylor(torch.stack(parts), self.streams)

    def __mul__(self, other: Jet) -> "Taylor":
        a = dict(zip(self.streams.indices, self.data, strict=True))
        b = dict(zip(self.streams.indices, other.data, strict=True))
        parts = []
        for index in self.streams.indices:
            terms = [count * a[left] * b[right] for (left, right), count in _splits(index).items()]
            parts.append(sum(terms[1:], terms[0]))
        return Taylor(torch.stack(parts), self.streams)


def plan(operators: Sequence[Operator]) -> Streams | Tower:
    """What a jet carries to answer ``operators``: merged streams to second order, a tower beyond."""
    order = max(len(index) for op in operators for index in op)
    return Tower.plan(operators) if order > 2 else Streams.plan(operators)


def jet_of(data: Tensor, streams: Streams | Tower) -> Jet:
    """The jet of ``data`` [streams, n, m]."""
    return Taylor(data, streams) if isinstance(streams, Tower) else Jet(data, streams)


@cache
def _partitions(index: Index) -> Counter[tuple[Index, ...]]:
    """The partitions of a partial's differentiations into blocks, with how often each occurs."""
    found = Counter[tuple[Index, ...]]()
    for partition in _set_partitions(list(range(len(index)))):
        found[tuple(sorted(tuple(index[i] for i in block) for block in partition))] += 1
    return found


def _set_partitions(items: list[int]) -> Iterator[list[list[int]]]:
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for k in range(len(rest) + 1):
        for others in combinations(rest, k):
            for more in _set_partitions([i for i in rest if i not in others]):
                yield [[first, *others], *more]


@cache
def _splits(index: Index) -> Counter[tuple[Index, Index]]:
    """The ways to share a partial's differentiations among two factors, with how often each occurs."""
    found = Counter[tuple[Index, Index]]()
    places = range(len(index))
    for k in range(len(index) + 1):
        for left in combinations(places, k):
            found[tuple(index[i] for i in left), tuple(index[i] for i in places if i not in left)] += 1
    return found
