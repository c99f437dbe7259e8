"""Constraints: what must be true of a field at sampled places."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.penalty import Penalty, square
from pinnscene.samplers import Sampler
from pinnscene.stateful import Stateful

T = TypeVar("T")
Residual = Callable[[Any, Any], Tensor | Mapping[str, Tensor]]


class Block(NamedTuple):
    """The residual [n, k] of one constraint (or of one named part of it) with its penalty and weight.

    The weight is a number, or [n, 1] where every row has its own.
    """

    name: str
    residual: Tensor
    penalty: Penalty
    weight: float | Tensor


@dataclass(frozen=True)
class Constraint:
    """What must be true of a field u at places drawn by ``sampler``.

    Attributes:
        sampler: ``(generator) -> batch``.
        residual: ``(u, batch) -> [n, k]``, zero where the constraint holds; receives the field itself, not its
            output. A mapping of names to residuals when several terms share one pass.
        penalty: what a residual costs; a mapping by block name where blocks differ.
        weight: factor of the mean penalty in the loss; a mapping by block name where blocks differ.
    """

    sampler: Sampler
    residual: Residual
    penalty: Penalty | Mapping[str, Penalty] = square
    weight: float | Mapping[str, float] = 1.0

    def draw(self, name: str, generator: torch.Generator, heldout: bool = False) -> Any:
        """A batch, checked to be one; raises ``PinnsceneError`` where the sampler returns nothing.

        A sampler of stored data has a method ``heldout``, which draws from what no step is trained on.
        """
        draw = getattr(self.sampler, "heldout", self.sampler) if heldout else self.sampler
        batch = draw(generator)
        if batch is None or not hasattr(batch, "__len__") or not hasattr(batch, "to"):
            raise PinnsceneError(
                f"the sampler of constraint '{name}' must return points or a Batch, got {type(batch).__name__}"
            )
        if len(batch) == 0:
            raise PinnsceneError(f"the sampler of constraint '{name}' returned no points")
        return batch

    def seeded(self, seed: int) -> "Constraint":
        """The same with a sampler of stored data, which has a method ``seeded``, drawing what it stores from a seed."""
        seeded = getattr(self.sampler, "seeded", None)
        return self if seeded is None else replace(self, sampler=seeded(seed))

    @property
    def plain(self) -> "Constraint":
        """The constraint as it is to be judged by: without weights that training alone gives."""
        return self

    @property
    def parts(self) -> "Mapping[str, Stateful]":
        """What of it changes while it is being trained on, by name."""
        return {"points": self.sampler} if isinstance(self.sampler, Stateful) else {}

    @property
    def seeks_zero(self) -> bool:
        """Whether every residual is to be zero."""
        penalties = self.penalty.values() if isinstance(self.penalty, Mapping) else [self.penalty]
        return all(penalty.seeks_zero for penalty in penalties)

    def blocks(self, name: str, u: Any, batch: Any) -> list[Block]:
        """The residuals of this constraint, each checked to have the shape [n, k]."""
        result = self.residual(u, batch)
        if not isinstance(result, Mapping):
            return [Block(name, _checked(name, result, batch), *self._terms(name, ""))]
        return [
            Block(f"{name}.{part}", _checked(f"{name}.{part}", r, batch), *self._terms(name, part))
            for part, r in result.items()
        ]

    def _terms(self, name: str, part: str) -> tuple[Penalty, float]:
        return _of(name, part, self.penalty, "penalty"), float(_of(name, part, self.weight, "weight"))


def _of(name: str, part: str, given: "T | Mapping[str, T]", what: str) -> "T":
    """What is given for one block: the same for all, or one by block name."""
    if not isinstance(given, Mapping):
        return given
    if part not in given:
        raise PinnsceneError(f"constraint '{name}' gives no {what} for its block '{part}'")
    return given[part]


def _checked(name: str, r: Any, batch: Any) -> Tensor:
    if not isinstance(r, Tensor):
        raise PinnsceneError(f"the residual of '{name}' must be a tensor [n, k], got {type(r).__name__}")
    # a square [n, n] is what [n, 1] - [n] silently gives; nobody has as many conditions a point as points
    broadcast = r.ndim == 2 and r.shape[1] == len(batch) > 4
    if r.ndim != 2 or r.shape[0] != len(batch) or broadcast:
        raise PinnsceneError(
            f"the residual of '{name}' expected shape [{len(batch)}, k], got {list(r.shape)}: keep columns as "
            "p[:, :1] or p['x'], since [n, 1] - [n] broadcasts to [n, n]"
        )
    return r
