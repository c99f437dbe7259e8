"""Adam with warm-up, cosine decay, clipping and averaging of weights (Kingma and Ba 1412.6980)."""

from dataclasses import dataclass
from math import cos, pi
from typing import Any, ClassVar

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.objective import Objective
from pinnscene.parallel import total_gradients
from pinnscene.solvers.base import Solver, Stepper, solvers


@solvers.register("adam")
@dataclass(frozen=True)
class Adam(Solver):
    """Adam on fresh points at every step.

    Attributes:
        lr: the highest step length.
        warmup: steps of linear growth to it.
        final: the step length that the cosine ends at, as a share of ``lr``.
        clip: largest norm of the gradient; 0 for no clipping.
        average: decay of an exponential average of the weights, such as 0.99; 0 for none.
        betas: decay of the two moments.
        encoding: the step length of the encoding's weights (a grid's table) as a multiple of ``lr``.
        eps: what is added to the root of the second moment; small, since a table's rows have small gradients.
    """

    name: ClassVar[str] = "adam"
    lr: float = 1e-3
    warmup: int = 100
    final: float = 0.01
    clip: float = 0.0
    average: float = 0.0
    betas: tuple[float, float] = (0.9, 0.99)
    encoding: float = 1.0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        if not (self.lr > 0 and self.warmup >= 0 and self.clip >= 0 and 0 <= self.average < 1 and self.final >= 0):
            raise PinnsceneError(
                f"{self.name} expected lr > 0, warmup, clip, final >= 0 and 0 <= average < 1, got {self}"
            )
        if not (self.encoding > 0 and self.eps > 0):
            raise PinnsceneError(f"{self.name} expected encoding and eps > 0, got {self.encoding} and {self.eps}")

    def start(self, field: Field, objective: Objective, steps: int, memory: dict[str, Any]) -> Stepper:
        del memory
        return DescentStepper(self, field, objective, steps)

    def optimizer(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        """What steps, for groups of parameters."""
        return torch.optim.Adam(groups, lr=self.lr, betas=self.betas, eps=self.eps, fused=fused)

    def rate(self, k: int, steps: int, share: float = 0.0) -> float:
        """The step length at step ``k`` as a share of ``lr``; ``share`` is how much of the time is spent."""
        if k < self.warmup:
            return (k + 1) / self.warmup
        done = min(1.0, max(share, (k - self.warmup) / max(1, steps - self.warmup)))
        return self.final + (1 - self.final) * 0.5 * (1 + cos(pi * done))


class DescentStepper(Stepper):
    """One step of an optimizer on each batch, its step length scheduled."""

    def __init__(self, solver: Adam, field: Field, objective: Objective, steps: int) -> None:
        self.solver, self.field, self.objective, self.steps = solver, field, objective, steps
        self.parameters = [p for p in field.parameters() if p.requires_grad]
        fused = field.device.type in ("cuda", "cpu")
        encoding = {id(p) for p in field.encoding.parameters()}
        groups = [
            {"params": [p for p in self.parameters if (id(p) in encoding) == chosen], "factor": factor}
            for chosen, factor in ((True, solver.encoding), (False, 1.0))
        ]
        self.optimizer = solver.optimizer([g for g in groups if g["params"]], fused)
        self.parameters = [p for g in self.optimizer.param_groups for p in g["params"]]  # as the optimizer counts
        self.averaged = [p.detach().clone() for p in self.parameters] if solver.average else []
        objective.check(field)

    def step(self, k: int) -> dict[str, Tensor]:
        solver = self.solver
        for group in self.optimizer.param_groups:
            group["lr"] = solver.lr * solver.rate(k, self.steps, self.share) * group["factor"]
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.objective.losses(self.field, self.objective.batches(k))
        torch.stack(list(losses.values())).sum().backward()
        total_gradients(self.parameters)
        if solver.clip:
            torch.nn.utils.clip_grad_norm_(self.parameters, solver.clip)
        self.optimizer.step()
        if self.averaged:
            # the decay grows to its value, so that the start is forgotten
            weight = 1 - min(solver.average, (k + 1) / (k + 10))
            for mean, p in zip(self.averaged, self.parameters, strict=True):
                mean.lerp_(p.detach(), weight)
        return {name: loss.detach() for name, loss in losses.items()}

    def state(self) -> dict[str, Any]:
        # a level of a grid that has not joined yet has no moments
        moments = [dict(self.optimizer.state.get(p, {})) for p in self.parameters]
        counts = [int(group.get("step", 0)) for group in self.optimizer.param_groups]
        return {"moments": moments, "averaged": list(self.averaged), "counts": counts}

    def load(self, state: dict[str, Any]) -> None:
        loaded = {k: moment for k, moment in enumerate(state["moments"]) if moment}
        groups = self.optimizer.state_dict()["param_groups"]
        for group, count in zip(groups, state.get("counts", [0] * len(groups)), strict=True):
            group.update({"step": count} if count else {})
        self.optimizer.load_state_dict({"state": loaded, "param_groups": groups})
        for mine, theirs in zip(self.averaged, state["averaged"], strict=True):
            mine.copy_(theirs)

    @torch.no_grad()
    def finish(self) -> None:
        for p, mean in zip(self.parameters, self.averaged, strict=False):
            p.copy_(mean)
