"""Conditions held exactly on regions: an ansatz from the smooth functions that vanish on parts of the boundary.

u = lift + factor N. Functions f_i that vanish on one piece each with unit slope join to 1 / sum(1 / f_i), which
vanishes on all of them with unit slope (Rvachev's R-equivalence; Sukumar and Srivastava 2022, eq. 14). Their values
blend by the weights prod_{j != i} f_j^2 / sum_k prod_{j != k} f_j^2 (Rvachev et al. 2001, transfinite interpolation).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.boundary import Value, as_column
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.overtime import OverTime
from pinnscene.geometry.region import Factor, Region


def hard_on(
    domain: Region | OverTime,
    *,
    start: Value | None = None,
    walls: Mapping[str, Value] | None = None,
    scale: float = 1.0,
) -> Ansatz:
    """An ansatz that holds Dirichlet values on parts of the boundary, and an initial state, whatever the network.

    Args:
        domain: a region, or one with a time.
        start: u at the first time; it should agree with the walls where they meet.
        walls: u by part of the boundary.
        scale: of the network's values.

    Raises:
        PinnsceneError: a part that is not there, a start without a time, nothing to hold, or a region whose boundary
            no smooth function vanishes on.
    """
    timed = isinstance(domain, OverTime)
    region = domain.region if isinstance(domain, OverTime) else domain
    if start is not None and not timed:
        raise PinnsceneError("an initial condition needs a time: take OverTime(region, 0, 1)")
    if start is None and not walls:
        raise PinnsceneError("hard_on() expected a start or walls to hold, got neither")
    held = dict(walls or {})
    region.chosen(tuple(held))
    factors = region.factors() if held else {}
    pieces = [(_of_space(factor, region), value) for part, value in held.items() for factor in factors[part]]
    span = (domain.begin, domain.end) if isinstance(domain, OverTime) else None
    vanishing = Vanishing([factor for factor, _ in pieces], None if start is None else span)
    return Ansatz(Lift(pieces, start, span), vanishing, scale)


def _of_space(factor: Factor, region: Region) -> Factor:
    """A function of a region's points, at any time."""
    return lambda p: factor(Points(p.coords[:, : len(region.axes)], region.axes))


def others(values: Sequence[Tensor]) -> list[Tensor]:
    """For each of some tensors the product of all others: [1, ...] for a single one."""
    found = []
    for k in range(len(values)):
        product = torch.ones_like(values[0])
        for j, value in enumerate(values):
            product = product if j == k else product * value
        found.append(product)
    return found


def joined(values: Sequence[Tensor]) -> Tensor:
    """1 / sum(1 / f) without its division by zero."""
    products = others(values)
    return products[0] * values[0] / torch.stack(products).sum(0)


@dataclass(frozen=True)
class Vanishing:
    """Zero on all pieces, and at the begin of ``span`` where it is given."""

    factors: Sequence[Factor]
    span: tuple[float, float] | None

    def __call__(self, p: Points) -> Tensor:
        d = joined([f(p) for f in self.factors]) if self.factors else torch.ones_like(p.coords[:, :1])
        if self.span is None:
            return d
        begin, end = self.span
        return d * (p["t"] - begin) / (end - begin)


@dataclass(frozen=True)
class Lift:
    """The walls' values blended over the inside; with a start as much more as that differs from them."""

    pieces: Sequence[tuple[Factor, Value]]
    start: Value | None
    span: tuple[float, float] | None

    def __call__(self, p: Points) -> Tensor:
        value = self._blend(p)
        if self.start is None or self.span is None:
            return value
        first = replace(p, coords=torch.cat([p.coords[:, :-1], torch.full_like(p["t"], self.span[0])], 1))
        return value + as_column(self.start, first) - self._blend(first)

    def _blend(self, p: Points) -> Tensor:
        if not self.pieces:
            return torch.zeros_like(p.coords[:, :1])
        weights = others([factor(p).square() for factor, _ in self.pieces])
        total = torch.stack(weights).sum(0)
        parts = [w * as_column(value, p) for w, (_, value) in zip(weights, self.pieces, strict=True)]
        return torch.stack(parts).sum(0) / total
