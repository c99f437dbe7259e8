"""Unknown coefficients by variable projection, with standard errors.

For given coefficients theta the last layer W is found by least squares; what remains is a small problem of theta alone,
solved by Gauss-Newton (Golub and Pereyra 1973, SIAM J. Numer. Anal. 10). The QR factors of [J_W J_theta y] have it in
their last corner: with R and z there, the step minimises ||R d - z||, and its covariance is sigma^2 (R^T R)^-1. The
residual of the equation has weights far above those of the measurements, so that it is a side condition to them.

Coefficient fields are smoothed by lambda ||L theta||^2; lambda is the one that minimises the generalised
cross-validation of the linearised problem (Golub, Heath and Wahba 1979, Technometrics 21).
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.measurements import Agree
from pinnscene.objective import Objective
from pinnscene.parallel import world
from pinnscene.solvers.base import Solver, Stepper, needs_plain, solvers
from pinnscene.solvers.head import Head, HeadStepper
from pinnscene.solvers.linearise import Rows, linearise
from pinnscene.solvers.stacked import stacked

INNER = 8  # steps of the last layer for given coefficients, of a nonlinear equation
HALVINGS = 8  # of a step that does not let the loss fall
LONGEST = 1.5  # change of a parameter in one step: of a logarithm a factor of 4.5
SINGULAR = 1e-9  # singular value below which the data say nothing: of matrices whose rows of data have 1e-3
EXPONENTS, SMOOTHINGS = (-20.0, 2.0), 67  # powers of ten and number of the weights of the roughness that are tried


@solvers.register("varpro")
@dataclass(frozen=True)
class VarPro(Solver):
    """Variable projection: unknown coefficients by Gauss-Newton around the last layer's least squares.

    Attributes:
        tolerance: step at which it ends, in standard errors.
        damping: of the least squares, as a share of the matrix's norm.
    """

    name: ClassVar[str] = "varpro"
    dtype: ClassVar[str] = "float64"
    resample: ClassVar[bool] = False
    steps: ClassVar[int] = 40
    every: ClassVar[int] = 1
    descends: ClassVar[bool] = False
    tolerance: float = 1e-2
    damping: float = 1e-14

    def __post_init__(self) -> None:
        if not (0 < self.tolerance < 1 and 0 < self.damping < 1):
            raise PinnsceneError(f"varpro expected tolerance and damping between 0 and 1, got {self}")

    def unfit(self, field: Field) -> str:
        return needs_plain(field) or ("" if field.unknowns else "it has no unknown coefficients")

    def explain(self, field: Field) -> str:
        count = sum(len(c.theta) for c in field.unknowns.values())
        return f"{count} parameters of {', '.join(field.unknowns)} by Gauss-Newton, {Head().explain(field)}"

    def start(self, field: Field, objective: Objective, steps: int, memory: dict[str, Any]) -> Stepper:
        del steps
        self.expect_fit(field)
        if world() > 1:
            raise PinnsceneError("varpro finds unknown coefficients in one process: start it without torchrun")
        return VarProStepper(self, field, objective, memory)


class Corner(NamedTuple):
    """The linearised problem of theta alone, min ||R d - z||^2 + rest, and what the noise is of it.

    Attributes:
        r, z: [q, q] and [q].
        rest: sum of squares that no step changes.
        rows: how many are measurements.
    """

    r: Tensor
    z: Tensor
    rest: float
    rows: int


class Trial(NamedTuple):
    """A step of theta with a weight of the roughness, the covariance of where it leads, and how good a choice it is.

    Attributes:
        smoothing: the weight.
        update: the step [q].
        noise: variance of a scaled measurement: squares that remain over degrees of freedom that remain.
        covariance: of theta [q, q].
        score: generalised cross-validation, less is better.
    """

    smoothing: float
    update: Tensor
    noise: float
    covariance: Tensor
    score: float


class VarProStepper(Stepper):
    """One Gauss-Newton step of the coefficients a step, the last layer solved for after each."""

    def __init__(self, solver: VarPro, field: Field, objective: Objective, memory: dict[str, Any]) -> None:
        self.solver, self.field, self.objective, self.memory = solver, field, objective, memory
        self.roughness = torch.block_diag(*[c.roughness() for c in field.unknowns.values()])
        self.losses: dict[str, Tensor] = {}

    def step(self, k: int) -> dict[str, Tensor]:
        if k == 0 or not self.losses:
            self.losses = self._project(redraw=k == 0)
        trial = self._choose(corner := self._corner())
        share = float((corner.r @ trial.update).norm()) / max(len(trial.update) * trial.noise, 1e-300) ** 0.5
        self._tell(trial)
        length = min(1.0, LONGEST / max(float(trial.update.abs().max()), 1e-300))
        fell = self._advance(trial, length)
        self.note = f"{self._named()}; step of {share:.1e} standard errors"
        if not fell:
            self.finished = "Gauss-Newton found no further decrease"
        elif length == 1.0 and share < self.solver.tolerance:
            self.finished = f"the unknowns move by less than {self.solver.tolerance:g} of their standard errors"
        return self.losses

    def finish(self) -> None:
        """Tell the covariance where the last step has led."""
        if self.losses:
            self._tell(self._choose(self._corner()))

    def _project(self, redraw: bool = False) -> dict[str, Tensor]:
        """Solve for the last layer with the coefficients held; returns the losses there."""
        head = HeadStepper(
            Head(redraw=redraw, form="dense", damping=self.solver.damping), self.field, self.objective, self.memory
        )
        losses: dict[str, Tensor] = {}
        for k in range(INNER):
            losses = head.step(k)
            if head.finished:
                break
        return losses

    def _rows(self) -> list[Rows]:
        batches = self.objective.batches(0)
        return [
            row
            for name, c in self.objective.constraints.items()
            for row in linearise(self.field, lambda u, name=name, c=c: c.blocks(name, u, batches[name]))
        ]

    def _corner(self) -> Corner:
        a, y = stacked(self.field, rows := self._rows(), unknowns=True)
        q = self.roughness.shape[1]
        first = a.shape[1] - q
        ridge = a.new_zeros(first, a.shape[1] + 1)
        ridge.diagonal().fill_(self.solver.damping * float(a[:, :first].norm()))
        r = torch.linalg.qr(torch.cat([torch.cat([a, y[:, None]], 1), ridge]), mode="r")[1][first:, first:]
        measured = {name for name, c in self.objective.constraints.items() if isinstance(c.residual, Agree)}
        count = sum(row.block.residual.numel() for row in rows if row.block.name in measured)
        self._expect_told(r[:q, :q], a[:, first:])
        return Corner(r[:q, :q], r[:q, q], float(r[q:, q].square().sum()), count)

    def _expect_told(self, r: Tensor, slopes: Tensor) -> None:
        """Raise where the measurements do not determine constants; the roughness holds coefficient fields."""
        if len(self.roughness):
            return
        sizes = slopes.norm(dim=0)  # of what the equation says of each alone
        least = torch.linalg.svdvals(r / sizes.clamp_min(1e-300))[-1]
        if not bool(least > SINGULAR):
            raise PinnsceneError(
                f"the measurements do not determine {', '.join(self.field.unknowns)}: the Gauss-Newton matrix is "
                f"singular (least singular value {float(least):.0e}); measure elsewhere, or leave fewer unknown"
            )

    def _theta(self) -> Tensor:
        return torch.cat([c.theta.detach() for c in self.field.unknowns.values()])

    @torch.no_grad()
    def _add(self, update: Tensor, length: float) -> None:
        coefficients = list(self.field.unknowns.values())
        for c, part in zip(coefficients, update.split([len(c.theta) for c in coefficients]), strict=True):
            c.theta.add_(length * part)

    def _try(self, corner: Corner, smoothing: float) -> Trial:
        """The step of theta under a weight of the roughness."""
        rough = smoothing**0.5 * self.roughness
        q, r = torch.linalg.qr(torch.cat([corner.r, rough]))
        target = torch.cat([corner.z, -rough @ self._theta()])
        both = torch.cat([(q.T @ target)[:, None], torch.eye(len(r), dtype=r.dtype, device=r.device)], 1)
        solved = torch.linalg.solve_triangular(r, both, upper=True)
        update, inverse = solved[:, 0], solved[:, 1:]
        left = corner.rest + float((corner.r @ update - corner.z).square().sum())
        used = float(q[: len(r)].square().sum())  # the trace of the matrix from measured to fitted rows
        noise = left / max(corner.rows - used, 1.0)
        return Trial(smoothing, update, noise, noise * inverse @ inverse.T, left / max(corner.rows - used, 1e-9) ** 2)

    def _choose(self, corner: Corner) -> Trial:
        """The step with the least generalised cross-validation; the only one where nothing is rough."""
        if not len(self.roughness):
            return self._try(corner, 0.0)
        unit = float(corner.r.square().sum() / self.roughness.square().sum())
        powers = torch.linspace(*EXPONENTS, SMOOTHINGS, dtype=torch.float64).tolist()
        return min((self._try(corner, unit * 10.0**power) for power in powers), key=lambda trial: trial.score)

    def _advance(self, trial: Trial, length: float) -> bool:
        """Take the step, halved until loss and roughness together fall; taken back where they never do."""
        weights = {name: t.clone() for name, t in self.field.head.state_dict().items()}
        before, losses, taken = self._merit(self.losses, trial.smoothing), self.losses, 0.0
        for _ in range(HALVINGS):
            self._add(trial.update, length - taken)
            taken = length
            self.losses = self._project()
            if self._merit(self.losses, trial.smoothing) <= before:
                return True
            length /= 2
        self._add(trial.update, -taken)
        self.field.head.load_state_dict(weights)
        self.losses = losses
        return False

    def _merit(self, losses: dict[str, Tensor], smoothing: float) -> float:
        rough = float((self.roughness @ self._theta()).square().sum())
        return float(torch.stack(list(losses.values())).sum()) + smoothing * rough

    def _tell(self, trial: Trial) -> None:
        start = 0
        for c in self.field.unknowns.values():
            stop = start + len(c.theta)
            c.covariance.copy_(trial.covariance[start:stop, start:stop])
            c.smoothing.fill_(trial.smoothing)
            start = stop

    def _named(self) -> str:
        facts = {name: c.describe() for name, c in self.field.unknowns.items()}
        return ", ".join(f"{name} {next(iter(fact.values())):.6g}" for name, fact in facts.items())
