"""Self-scaled Broyden: a quasi-Newton method with a dense inverse Hessian, for small networks and long runs.

Where Gauss-Newton pays for a Jacobian at every step, this pays for a gradient and an update of the inverse Hessian
(Urban et al. 2405.04230; Al-Baali, Numerical experience with a class of self-scaling quasi-Newton algorithms, 1998).
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar
from warnings import catch_warnings, simplefilter

import numpy as np
import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.memory import GIB, free_memory
from pinnscene.objective import Objective
from pinnscene.parallel import total
from pinnscene.solvers.base import Solver, Stepper, solvers
from pinnscene.solvers.flat import assign, flatten

DOUBLE = 8  # bytes
MATRICES = 2  # the inverse Hessian, and its copy in a checkpoint


@solvers.register("ssbroyden")
@dataclass(frozen=True)
class SsBroyden(Solver):
    """Self-scaled Broyden on a fixed batch in float64, with SciPy's strong-Wolfe line search.

    Attributes:
        memory: the most that the inverse Hessian and its copy in a checkpoint may take, GiB.
        restarts: how often it may begin anew, without memory, where the line search fails.
        slope: share of the first slope that the line search leaves at most, c2 of the strong Wolfe conditions.
    """

    name: ClassVar[str] = "ssbroyden"
    dtype: ClassVar[str] = "float64"
    resample: ClassVar[bool] = False
    steps: ClassVar[int] = 5000
    every: ClassVar[int] = 50
    steady: ClassVar[int] = 100
    memory: float = 2.0
    restarts: int = 3
    slope: float = 0.9

    def __post_init__(self) -> None:
        if not (self.memory > 0 and self.restarts >= 0 and 1e-4 < self.slope < 1):
            raise PinnsceneError(f"ssbroyden expected memory > 0, restarts >= 0 and 1e-4 < slope < 1, got {self}")

    def unfit(self, field: Field) -> str:
        count = sum(p.numel() for p in field.parameters() if p.requires_grad)
        need, have = MATRICES * DOUBLE * count**2 / GIB, min(self.memory, free_memory() / GIB)
        if need > have:
            return f"the inverse Hessian of {count} parameters needs {need:.3g} GiB, there are {have:.3g} GiB"
        return ""

    def start(self, field: Field, objective: Objective, steps: int, memory: dict[str, Any]) -> Stepper:
        del steps, memory
        self.expect_fit(field)
        return SsBroydenStepper(self, field, objective)


class SsBroydenStepper(Stepper):
    """Its state is the inverse Hessian, and the loss before the last step, from which the line search guesses."""

    def __init__(self, solver: SsBroyden, field: Field, objective: Objective) -> None:
        self.solver, self.field, self.objective = solver, field, objective
        if field.dtype != torch.float64:
            raise PinnsceneError("ssbroyden needs float64: leave dtype out, or use adam or soap in float32")
        objective.check(field)
        self.parameters = [p for p in field.parameters() if p.requires_grad]
        self.inverse: Tensor | None = None
        self.before: float | None = None
        self.failures = 0
        self.losses: dict[str, Tensor] = {}
        self.known: tuple[Tensor, float, Tensor] | None = None  # a point, the loss and the gradient there

    def step(self, k: int) -> dict[str, Tensor]:
        del k
        here = flatten(self.parameters)
        loss, gradient = self._evaluate(here)
        losses = self.losses
        fresh = self.inverse is None
        direction = -gradient if self.inverse is None else -(self.inverse @ gradient)
        length = self._search(here, direction, loss, gradient) if float(direction @ gradient) < 0 else None
        if length is None:
            self._evaluate(here)  # the weights stay
            self._restart(fresh)
            return losses
        s = length * direction
        _, there = self._evaluate(here + s)
        self.inverse = updated(self.inverse, s, there - gradient, -length * gradient)
        self.before, self.failures = loss, 0
        return losses

    def _evaluate(self, x: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient at the weights ``x``, which the field then holds."""
        if self.known is None or not torch.equal(self.known[0], x):
            assign(self.parameters, x)
            losses = self.objective.losses(self.field, self.objective.batches(0))
            loss = torch.stack(list(losses.values())).sum()
            grads = torch.autograd.grad(loss, self.parameters, allow_unused=True)
            pairs = zip(grads, self.parameters, strict=True)
            flat = torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])
            self.losses = {name: part.detach() for name, part in losses.items()}
            self.known = x.clone(), float(total(loss.detach())), total(flat)
        return self.known[1], self.known[2]

    def _search(self, here: Tensor, direction: Tensor, loss: float, gradient: Tensor) -> float | None:
        from scipy.optimize import line_search

        def at(x: Any) -> Tensor:
            return torch.from_numpy(np.asarray(x)).to(here.device)

        # without a loss before, a first trial of unit length: that of a steep gradient itself would be far too long
        before = loss + float(gradient.norm()) / 2 if self.before is None else self.before
        with catch_warnings():
            simplefilter("ignore")  # it warns of what None says
            found = line_search(
                lambda x: self._evaluate(at(x))[0],
                lambda x: self._evaluate(at(x))[1].cpu().numpy(),
                here.cpu().numpy(),
                direction.cpu().numpy(),
                gradient.cpu().numpy(),
                loss,
                before,
                c2=self.solver.slope,
            )
        return None if found[0] is None else float(found[0])

    def _restart(self, fresh: bool) -> None:
        """Forget the inverse Hessian; failures in a row, or one without any memory to forget, end the search."""
        self.failures += 1
        self.inverse, self.before = None, None
        if fresh or self.failures > self.solver.restarts:
            self.finished = "the line search found no decrease, also along the gradient"

    def renew(self) -> None:
        """Another objective: neither its Hessian nor its values are known."""
        self.inverse, self.before, self.known, self.failures = None, None, None, 0

    def state(self) -> dict[str, Any]:
        return {
            "inverse": self.inverse,
            "before": self.before,
            "failures": self.failures,
            "finished": self.finished,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.inverse, self.before = state["inverse"], state["before"]
        self.failures, self.finished = int(state["failures"]), str(state["finished"])


def updated(inverse: Tensor | None, s: Tensor, y: Tensor, bs: Tensor) -> Tensor:
    """The inverse Hessian [n, n] after a step, in place: equations 11 to 18 of Urban et al.

    Args:
        inverse: H before, None for the identity.
        s: the step [n].
        y: the change of the gradient [n], with s y > 0 by the line search.
        bs: the Hessian before times s [n], which is -length times the gradient.
    """
    n = len(s)
    h = torch.eye(n, dtype=s.dtype, device=s.device) if inverse is None else inverse
    hy = h @ y
    sy, yhy = float(s @ y), float(y @ hy)
    b, a = float(s @ bs) / sy, yhy * float(s @ bs) / sy**2 - 1
    if not (sy > 0 and yhy > 0):
        return h
    theta, tau = _scales(a, b, yhy / sy, n)
    v = sqrt(yhy) * (s / sy - hy / yhy)
    h.addr_(hy, hy, alpha=-1 / yhy).addr_(v, v, alpha=(1 - theta) / (1 + a * theta))
    return h.div_(tau).addr_(s, s, alpha=1 / sy)


def _scales(a: float, b: float, h: float, n: int) -> tuple[float, float]:
    """The member theta of Broyden's family and the scale tau (Al-Baali's, Urban et al. equations 14 to 18)."""
    if a <= 1e-14:  # s, y and H y are parallel: every member is the same
        return 0.0, 1.0
    low = min(1.0, h * (1 - sqrt(a / (1 + a))))
    theta = max((low - 1) / a, min(1 / low, (1 - b) / b))
    sigma = 1 + a * theta
    share = sigma ** (-1 / max(n - 1, 1))
    return theta, min(low * share, sigma) if theta <= 0 else low * min(share, 1 / theta)
