"""The objective: the weighted mean penalties of all constraints. One objective serves every solver."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from pinnscene.constraint import Block, Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.parallel import share, total, world
from pinnscene.seeds import generator
from pinnscene.views import Differentiable


class Objective:
    """The constraints of a problem, drawn on one device in one precision.

    Args:
        constraints: by name.
        seed: every batch follows from it, the constraint's name and the step.
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
        self.constraints, self.seed, self.device, self.dtype = constraints, seed, device, dtype
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

    def _draw(self, step: int | str) -> dict[str, Any]:
        drawn = {}
        for name, constraint in self.constraints.items():
            batch = constraint.draw(name, generator(self.seed, name, step, device=self.device))
            drawn[name] = share(batch.to(self.device, self.dtype))
        return drawn

    def blocks(self, u: Differentiable, batches: Mapping[str, Any]) -> list[Block]:
        """The residuals of every constraint."""
        return [b for name, c in self.constraints.items() for b in c.blocks(name, u, batches[name])]

    def losses(self, u: Differentiable, batches: Mapping[str, Any]) -> dict[str, Tensor]:
        """The weighted mean penalty of each block; with several processes, this one's part of it."""
        return {b.name: b.weight * b.penalty.value(b.residual).mean() / world() for b in self.blocks(u, batches)}

    def check(self, u: Differentiable) -> None:
        """Raise ``PinnsceneError`` where a residual does not depend on the field."""
        for block in self.blocks(u, self.batches(0)):
            if not block.residual.requires_grad:
                raise PinnsceneError(
                    f"the residual of '{block.name}' does not depend on the field: it must use u, "
                    "for example u(p) or partials(u, p, 'xx')"
                )

    def heldout(self, u: Differentiable, share: float = 1.0) -> float:
        """Root of the weighted mean squared residuals on points that no solver sees, or on a share of them."""
        if self._heldout is None:
            self._heldout = self._draw("held-out")
        batches = self._heldout
        if share < 1:
            batches = {name: b[: max(1, round(share * len(b)))] for name, b in batches.items()}
        with torch.no_grad():
            squares = [b.weight * b.residual.square().mean() for b in self.blocks(u, batches)]
        return sqrt(float(total(torch.stack(squares).sum())) / world())
