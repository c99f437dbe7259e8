"""Causal weights: early times are learnt first (Wang, Sankaran and Perdikaris 2203.07404, eq. 15 and algorithm 1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.constraint import Block, Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.stateful import Stateful, expect_every


@dataclass(frozen=True)
class Causal:
    """Points of the i-th chunk of time weigh w_i = exp(-epsilon sum_{k<i} L_k), with L_k the mean penalty in chunk k.

    Attributes:
        every: steps between two looks at the losses of the chunks.
        chunks: of time, with as many points in each.
        epsilon: one after the other; the next is taken once every weight exceeds ``threshold``. In units of one over
            the penalty, as in the paper.
        threshold: delta of the paper.
        on: names of the constraints that are weighed; none for all that draw points inside, with a time t.
    """

    every: int = 10
    chunks: int = 16
    epsilon: tuple[float, ...] = (1e-2, 1e-1, 1.0, 10.0, 100.0)
    threshold: float = 0.99
    on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        expect_every("causal", self.every)
        if self.chunks < 2:
            raise PinnsceneError(f"causal expected chunks >= 2, got {self.chunks}")
        if not self.epsilon or not all(isfinite(e) and e > 0 for e in self.epsilon):
            raise PinnsceneError(f"causal expected positive numbers for epsilon, got {self.epsilon}")
        if not 0 < self.threshold < 1:
            raise PinnsceneError(f"causal expected 0 < threshold < 1, got {self.threshold}")

    def wrap(self, name: str, constraint: Constraint) -> Constraint:
        """The constraint with causal weights; the points that it draws must carry t."""
        march = March(self, name, constraint)
        return CausalConstraint(
            constraint.sampler, constraint.residual, constraint.penalty, constraint.weight, march=march
        )


class March(Stateful):
    """How far training has come in time: edges and weights of the chunks."""

    def __init__(self, causal: Causal, name: str, constraint: Constraint) -> None:
        self.causal, self.name, self.constraint, self.every = causal, name, constraint, causal.every
        self.level = 0
        self.edges: Tensor | None = None
        self.weights: Tensor | None = None

    def __call__(self, batch: Points) -> Tensor | None:
        """The weight [n, 1] of each row; None before the first look."""
        if self.edges is None or self.weights is None:
            return None
        t = batch["t"].to(self.edges).contiguous()
        return self.weights[torch.bucketize(t, self.edges)].to(batch.coords.dtype)

    def refresh(self, u: Field, step: int, generator: torch.Generator) -> None:
        del step
        batch = self.constraint.draw(self.name, generator).to(u.device, u.dtype)
        t, order = batch["t"][:, 0].double().sort()
        with torch.no_grad():
            cost = pointwise(self.constraint.blocks(self.name, u, batch))[order]
        parts = torch.tensor_split(torch.arange(len(t), device=t.device), min(self.causal.chunks, len(t)))
        losses = torch.stack([cost[part].mean() for part in parts])
        self.edges = torch.stack([(t[part[0] - 1] + t[part[0]]) / 2 for part in parts[1:]])
        before = torch.cat([losses.new_zeros(1), losses.cumsum(0)[:-1]])
        self.weights = torch.exp(-self.causal.epsilon[self.level] * before)
        if float(self.weights.min()) > self.causal.threshold and self.level + 1 < len(self.causal.epsilon):
            self.level += 1

    def state_dict(self) -> dict[str, Any]:
        return {"level": self.level, "edges": self.edges, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.level, self.edges, self.weights = int(state["level"]), state["edges"], state["weights"]


def pointwise(blocks: list[Block]) -> Tensor:
    """The penalty [n] of each row, the mean over its columns, summed over the blocks; in float64."""
    return torch.stack([b.penalty.value(b.residual).double().mean(1) for b in blocks]).sum(0)


@dataclass(frozen=True)
class CausalConstraint(Constraint):
    """A constraint whose rows are weighed by how well earlier times are learnt."""

    march: March | None = None

    @property
    def plain(self) -> Constraint:
        assert self.march is not None
        return self.march.constraint

    @property
    def parts(self) -> Mapping[str, Stateful]:
        assert self.march is not None
        return {**super().parts, "causal": self.march}

    def blocks(self, name: str, u: Any, batch: Any) -> list[Block]:
        assert self.march is not None
        weights = self.march(batch)
        blocks = super().blocks(name, u, batch)
        return blocks if weights is None else [b._replace(weight=b.weight * weights) for b in blocks]
