"""The objective: the weighted mean penalties of all constraints. One objective serves every solver."""

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from pinnscene.balance import Balance, Weights
from pinnscene.batch import thin
from pinnscene.constraint import Block, Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.parallel import share, total, world
from pinnscene.seeds import generator
from pinnscene.stateful import Stateful
from pinnscene.views import Differentiable


class Objective:
    """The constraints of a problem, drawn on one device in one precision.

    Args:
        constraints: by name.
        seed: every batch follows from it, the constraint's name and the step, and so does data that is drawn once.
        device, dtype: where and as what batches arrive.
        resample: fresh points at every step; else those of step 0 throughout.
        balance: how the losses are weighed among each other; None as the constraints say.

    Attributes:
        parts: what changes during training, by name: adaptive points, causal weights, loss balancing.
    """

    def __init__(
        self,
        constraints: Mapping[str, Constraint],
        seed: int,
        device: torch.device,
        dtype: torch.dtype,
        resample: bool = True,
        balance: Balance | None = None,
    ) -> None:
        if not constraints:
            raise PinnsceneError("a problem needs at least one constraint")
        self.constraints = {name: constraint.seeded(seed) for name, constraint in constraints.items()}
        self.seed, self.device, self.dtype = seed, device, dtype
        self.resample = resample
        self._fixed: dict[str, Any] | None = None
        self._heldout: dict[str, Any] | None = None
        self.parts: dict[str, Stateful] = {
            f"{name}.{part}": stateful for name, c in constraints.items() for part, stateful in c.parts.items()
        }
        self.weights = None if balance is None or not balance.adapts else Weights(balance, self)
        if self.weights is not None:
            self.parts["balance"] = self.weights

    def refresh(self, u: Field, step: int, steady: int = 1) -> bool:
        """Let the parts that are due look at the field before ``step``; whether any was.

        Args:
            u: the field.
            step: of the phase.
            steady: steps that a solver needs the objective to stay the same for.
        """
        due = [name for name, part in self.parts.items() if step % max(part.every, steady) == 0]
        for name in due:
            self.parts[name].refresh(u, step, generator(self.seed, "refresh", name, step, device=self.device))
            self._fixed = None
        return bool(due)

    def state_dict(self) -> dict[str, Any]:
        """The state of every part."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``; parts that are not in it begin anew."""
        for name in self.parts.keys() & state.keys():
            self.parts[name].load_state_dict(state[name])

    def batches(self, step: int) -> dict[str, Any]:
        """One batch a constraint, this process's share of it."""
        if self.resample:
            return self._draw(step)
        if self._fixed is None:
            self._fixed = self._draw(0)
        return self._fixed

    def _draw(self, step: int | str, part: Callable[[Any], Any] = share) -> dict[str, Any]:
        drawn = {}
        for name, constraint in self.constraints.items():
            stream = generator(self.seed, name, step, device=self.device)
            batch = constraint.draw(name, stream, heldout=step == "held-out")
            drawn[name] = part(batch.to(self.device, self.dtype))
        return drawn

    def blocks(self, u: Differentiable, batches: Mapping[str, Any]) -> list[Block]:
        """The residuals of every constraint."""
        return [b for name, c in self.constraints.items() for b in c.blocks(name, u, batches[name])]

    def losses(self, u: Differentiable, batches: Mapping[str, Any]) -> dict[str, Tensor]:
        """What solvers add up: the loss of each block, balanced; with several processes, this one's part of it."""
        losses = self.plain_losses(u, batches)
        return losses if self.weights is None else {name: self.weights(name, part) for name, part in losses.items()}

    def plain_losses(self, u: Differentiable, batches: Mapping[str, Any]) -> dict[str, Tensor]:
        """The weighted mean penalty of each block, without balancing."""
        return {b.name: self.loss(b) for b in self.blocks(u, batches)}

    def loss(self, block: Block) -> Tensor:
        """The weighted mean penalty of a block."""
        value = block.penalty.value(block.residual)
        return self.mean(block.weight * value) if isinstance(block.weight, Tensor) else block.weight * self.mean(value)

    def unbalanced(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Losses as ``losses`` gives them with the balancing taken out, so that they compare from step to step."""
        known = {} if self.weights is None else self.weights.values
        return {name: part / known[name].to(part) if name in known else part for name, part in losses.items()}

    def thinned(self, step: int, count: int) -> dict[str, Any]:
        """The batches of a step, about ``count`` rows of each."""
        return {name: thin(batch, count) for name, batch in self.batches(step).items()}

    def mean(self, values: Tensor) -> Tensor:
        """This process's part of the mean over the rows of every process."""
        return values.mean() if world() == 1 else values.sum() / entries(values)

    def check(self, u: Differentiable) -> None:
        """Raise ``PinnsceneError`` where a residual does not depend on the field."""
        for block in self.blocks(u, self.batches(0)):
            if not block.residual.requires_grad:
                raise PinnsceneError(
                    f"the residual of '{block.name}' does not depend on the field: it must use u, "
                    "for example u(p) or partials(u, p, 'xx')"
                )

    def heldout(self, u: Differentiable, share: float = 1.0) -> float:
        """Root of the weighted mean squared residuals on points that no solver sees, or on a share of them.

        Where zero is not what a residual should be, ``Penalty.measure`` stands in for the square.
        Every process takes all of them, so that decisions made on the number are the same everywhere.
        """
        return sqrt(float(torch.stack(list(self.squares(u, self._unseen, share).values())).sum()))

    def heldout_blocks(self, u: Differentiable, share: float = 1.0, weighted: bool = True) -> dict[str, float]:
        """The parts of ``heldout``, by block: roots of the mean squares, with the blocks' weights or without."""
        squares = self.squares(u, self._unseen, share, weighted)
        return {name: sqrt(float(square)) for name, square in squares.items()}

    def heldout_batches(self, share: float = 1.0) -> dict[str, Any]:
        """A share of the rows of the held-out batches, by constraint."""
        return {name: thin(b, round(share * len(b))) for name, b in self._unseen.items()}

    def trained(self, u: Differentiable, step: int, share: float = 1.0) -> float:
        """What ``heldout`` is, taken on the points that ``step`` is trained on."""
        batches = self._draw(step if self.resample else 0, lambda batch: batch)
        return sqrt(float(torch.stack(list(self.squares(u, batches, share).values())).sum()))

    @torch.no_grad()
    def squares(
        self, u: Differentiable, batches: Mapping[str, Any], share: float = 1.0, weighted: bool = True
    ) -> dict[str, Tensor]:
        """The mean squared residual of each block on a share of the batches' rows, as it is to be judged."""
        some = {name: thin(b, round(share * len(b))) for name, b in batches.items()}
        blocks = [b for name, c in self.constraints.items() for b in c.plain.blocks(name, u, some[name])]
        return {b.name: (b.weight if weighted else 1.0) * b.penalty.measure(b.residual).mean() for b in blocks}

    @property
    def _unseen(self) -> dict[str, Any]:
        if self._heldout is None:
            self._heldout = self._draw("held-out", lambda batch: batch)
        return self._heldout

    @property
    def longest(self) -> int:
        """Rows of the longest batch."""
        return max(len(b) for b in self._unseen.values())


def entries(values: Tensor) -> float:
    """The number of entries over all processes."""
    return float(total(torch.tensor(float(values.numel()), dtype=torch.float64)))
