"""The objective: the weighted mean penalties of all constraints. One objective serves every solver."""

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import thin
from pinnscene.constraint import Block, Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.parallel import share, total, world
from pinnscene.seeds import generator
from pinnscene.views import Differentiable


class Objective:
    """The constraints of a problem, drawn on one device in one precision.

    Args:
        constraints: by name.
        seed: every batch follows from it, the constraint's name and the step, and so does data that is drawn once.
        device, dtype: where and as what batches arrive.
        resample: fresh points at every step; else those of step 0 throughout.
    """

    def __init__(
        self,
        constraints: Mapping[str, Constraint],
        seed: int,
        device: torch.device,
        dtype: torch.dtype,
        resample: bool = True,
    ) -> None:
        if not constraints:
            raise PinnsceneError("a problem needs at least one constraint")
        self.constraints = {name: constraint.seeded(seed) for name, constraint in constraints.items()}
        self.seed, self.device, self.dtype = seed, device, dtype
        self.resample = resample
        self._fixed: dict[str, Any] | None = None
        self._heldout: dict[str, Any] | None = None

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
        """The weighted mean penalty of each block; with several processes, this one's part of the mean."""
        return {b.name: b.weight * self.mean(b.penalty.value(b.residual)) for b in self.blocks(u, batches)}

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
        if self._heldout is None:
            self._heldout = self._draw("held-out", lambda batch: batch)
        batches = {name: thin(b, round(share * len(b))) for name, b in self._heldout.items()}
        with torch.no_grad():
            squares = [b.weight * b.penalty.measure(b.residual).mean() for b in self.blocks(u, batches)]
        return sqrt(float(torch.stack(squares).sum()))

    @property
    def longest(self) -> int:
        """Rows of the longest batch."""
        if self._heldout is None:
            self._heldout = self._draw("held-out", lambda batch: batch)
        return max(len(b) for b in self._heldout.values())


def entries(values: Tensor) -> float:
    """The number of entries over all processes."""
    return float(total(torch.tensor(float(values.numel()), dtype=torch.float64)))
