"""Adaptive points: samplers that draw more where the residual is large."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.registry import Registry
from pinnscene.stateful import Stateful, expect_every

adaptives: Registry["type[Adaptive]"] = Registry("kind of adaptive points")


@dataclass(frozen=True)
class Adaptive(ABC):
    """One way to place points. A frozen dataclass whose fields are its knobs (``--set NAME.knob=value``)."""

    name: ClassVar[str]
    every: int = 100  # steps between two looks at the residual

    def __post_init__(self) -> None:
        expect_every(self.name, self.every)

    def wrap(self, name: str, constraint: Constraint) -> Constraint:
        """The constraint with adaptive points around its sampler, which must draw ``Points``."""
        return replace(constraint, sampler=self.points(name, constraint))

    @abstractmethod
    def points(self, name: str, constraint: Constraint) -> "AdaptivePoints":
        """The sampler that goes around the constraint's own."""


class AdaptivePoints(Stateful):
    """A sampler around another that has seen the residual; held-out points stay the other's."""

    def __init__(self, name: str, constraint: Constraint, every: int) -> None:
        self.name, self.constraint, self.every = name, constraint, every
        self.drawn: Points | None = None
        self.chances: Tensor | None = None

    def heldout(self, generator: torch.Generator) -> Any:
        """Points that no step is trained on: as many anywhere as where the residual is large."""
        return self.constraint.draw(self.name, generator, heldout=True)

    def inner(self, generator: torch.Generator) -> Points:
        """A batch of the sampler inside."""
        return self.constraint.draw(self.name, generator)

    @abstractmethod
    def __call__(self, generator: torch.Generator) -> Points:
        """The batch of a step."""

    def residual(self, u: Field, batch: Points) -> Tensor:
        """The size [n] of the weighted residual at each point, float64; what is not finite counts as zero."""
        with torch.no_grad():
            blocks = self.constraint.blocks(self.name, u, batch.to(u.device, u.dtype))
        squares = [b.weight * b.penalty.measure(b.residual).double().mean(1) for b in blocks]
        return torch.stack(squares).sum(0).sqrt().nan_to_num(0.0, 0.0, 0.0).to(batch.coords.device)

    def state_dict(self) -> dict[str, Any]:
        tensors = None if self.drawn is None else self.drawn.tensors()
        axes = None if self.drawn is None else list(self.drawn.axes)
        return {"drawn": tensors, "axes": axes, "chances": self.chances}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        drawn = state["drawn"]
        self.drawn = None if drawn is None else Points(drawn["coords"], tuple(state["axes"]), drawn.get("normal"))
        self.chances = state["chances"]


@adaptives.register("rad")
@dataclass(frozen=True)
class Rad(Adaptive):
    """Residual-based adaptive distribution (Wu et al. 2207.10289, eq. 2): density e^power / mean(e^power) + uniform.

    A dense pool of the sampler's points is scored every so often; each step draws its batch from the pool afresh.

    Attributes:
        every: steps between two pools.
        power: k of the paper; larger crowds points where the residual e is largest.
        uniform: c of the paper; the larger, the more points anywhere.
        pool: points that are scored for each point of a batch.
    """

    name: ClassVar[str] = "rad"
    every: int = 500
    power: float = 1.0
    uniform: float = 1.0
    pool: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.power > 0 and self.uniform >= 0 and self.pool >= 2):
            raise PinnsceneError(
                f"rad expected power > 0, uniform >= 0 and pool >= 2, got {self.power}, {self.uniform}, {self.pool}"
            )

    def points(self, name: str, constraint: Constraint) -> "AdaptivePoints":
        return RadPoints(self, name, constraint)


class RadPoints(AdaptivePoints):
    """Batches drawn from a pool by the size of the residual there."""

    def __init__(self, rad: Rad, name: str, constraint: Constraint) -> None:
        super().__init__(name, constraint, rad.every)
        self.rad = rad

    def __call__(self, generator: torch.Generator) -> Points:
        if self.drawn is None or self.chances is None:
            return self.inner(generator)
        device = generator.device
        rows = len(self.drawn) // self.rad.pool
        chosen = torch.multinomial(self.chances.to(device), rows, generator=generator)
        return self.drawn.to(device)[chosen]

    def refresh(self, u: Field, step: int, generator: torch.Generator) -> None:
        del step
        parts = [self.inner(generator) for _ in range(self.rad.pool)]
        normal = [p.normal for p in parts if p.normal is not None]
        self.drawn = Points(torch.cat([p.coords for p in parts]), parts[0].axes, torch.cat(normal) if normal else None)
        size = self.residual(u, self.drawn)
        peak = float(size.max())
        powers = (size / peak).pow(self.rad.power) if peak > 0 else torch.ones_like(size)  # no overflow, same shares
        self.chances = powers / powers.mean() + self.rad.uniform


@adaptives.register("r3")
@dataclass(frozen=True)
class R3(Adaptive):
    """Retain, resample, release (Daw et al. 2207.02338, algorithm 1).

    Points whose residual exceeds the mean are retained, all others are drawn anew.

    Attributes:
        every: steps between two turns; the paper takes one each step.
    """

    name: ClassVar[str] = "r3"
    every: int = 10

    def points(self, name: str, constraint: Constraint) -> "AdaptivePoints":
        return R3Points(name, constraint, self.every)


class R3Points(AdaptivePoints):
    """A population of points that lives on where the residual is large."""

    def __call__(self, generator: torch.Generator) -> Points:
        return self.inner(generator) if self.drawn is None else self.drawn.to(generator.device)

    def refresh(self, u: Field, step: int, generator: torch.Generator) -> None:
        del step
        fresh = self.inner(generator)
        new = fresh.tensors()
        if self.drawn is None:
            self.drawn = fresh
            return
        old = self.drawn.to(fresh.coords.device)
        size = self.residual(u, old)
        # a fresh point takes the place of the one released, so that each wall keeps its share of the rows
        kept = (size > size.mean())[:, None]
        self.drawn = replace(fresh, **{name: torch.where(kept, t, new[name]) for name, t in old.tensors().items()})
