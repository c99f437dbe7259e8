"""The last layer by least squares, on random features of the right scale.

For a linear problem the residual is affine in the last layer, so one solve is exact for the features at hand; for a
nonlinear one a few Gauss-Newton steps take as many solves. The layers before it stay as they were drawn: this is
a random-feature method (extreme learning machine), and the output says so.
"""

from copy import deepcopy
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from pinnscene.batch import thin
from pinnscene.derivatives import Jet, Streams
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.objective import Objective
from pinnscene.parallel import anywhere, total
from pinnscene.penalty import Square
from pinnscene.seeds import generator
from pinnscene.solvers.base import Solver, Stepper, needs_plain, solvers
from pinnscene.solvers.headform import FormName, choose, explain, usual
from pinnscene.solvers.krylov import MOST, krylov
from pinnscene.solvers.leastsquares import least_squares
from pinnscene.solvers.linearise import Rows, linearise
from pinnscene.solvers.parabola import row_scale
from pinnscene.solvers.scan import scan_scales
from pinnscene.solvers.stacked import stacked

START = 2.0  # radians a half axis where the scan begins
FEW = 256  # rows that say whether a pointwise problem is linear
ENOUGH = 1e-12  # share of the zero network's residual at which it ends: little above rounding
ENOUGH_DECREASE = 1e-3  # of the loss, relative: less is not worth another step


@solvers.register("head")
@dataclass(frozen=True)
class Head(Solver):
    """Least squares for the linear last layer.

    Attributes:
        scale: radians by which features turn over half an axis; 0 scans for them by held-out residual, space and
            time apart.
        redraw: draw random features; False keeps the layers that an earlier phase has trained.
        damping: of the least squares, as a share of the matrix's norm: a little above rounding.
        probe: width of the narrow network that the scan tries scales on.
        rescan: scan again in each window of t.
        form: dense (QR factors), krylov (conjugate gradients without a matrix, for separable features), or auto:
            the faster of the two that fits the problem and the free memory.
        inner: of krylov, the gradient to end at, relative to that at the start.
    """

    name: ClassVar[str] = "head"
    dtype: ClassVar[str] = "float64"
    resample: ClassVar[bool] = False
    steps: ClassVar[int] = 8
    every: ClassVar[int] = 1
    descends: ClassVar[bool] = False
    scale: float = 0.0
    redraw: bool = True
    damping: float = 1e-14
    probe: int = 400
    rescan: bool = False
    form: FormName = "auto"
    inner: float = 1e-3

    def __post_init__(self) -> None:
        fine = 0 <= self.scale < float("inf") and 0 < self.damping < 1 and self.probe >= 1 and 0 < self.inner < 1
        if not fine:
            raise PinnsceneError(f"head expected scale >= 0, 0 < damping < 1, probe >= 1, 0 < inner < 1, got {self}")

    def unfit(self, field: Field) -> str:
        return needs_plain(field) or ("it has unknown coefficients beside the last layer" if field.unknowns else "")

    def explain(self, field: Field) -> str:
        return explain(field, usual(field, self.form))

    def start(self, field: Field, objective: Objective, steps: int, memory: dict[str, Any]) -> Stepper:
        del steps
        self.expect_fit(field)
        return HeadStepper(self, field, objective, memory)


class Prediction(NamedTuple):
    """Scaled residuals [n, k] that a linearisation expects after the update, and the size of the terms in them."""

    residuals: list[Tensor]
    size: float

    @property
    def loss(self) -> float:
        """The sum of squares, over all processes."""
        return float(total(torch.stack([r.square().sum() for r in self.residuals]).sum()))


class HeadStepper(Stepper):
    """Gauss-Newton on the last layer; step 0 also chooses the features."""

    def __init__(self, solver: Head, field: Field, objective: Objective, memory: dict[str, Any]) -> None:
        self.solver, self.field, self.objective, self.memory = solver, field, objective, memory
        self.form, self.plan, self.features = "", "", ""  # what is chosen and why; scales that were drawn
        _expect_jets(field)

    def step(self, k: int) -> dict[str, Tensor]:
        if k == 0 and self.solver.redraw and self.field.random:
            self._draw_features()
        rows = self._rows()
        self._choose(rows)
        if self.form == "krylov":
            return self._descend(rows, *self._solve_krylov(rows))
        update, predicted = self._solve(rows)
        if k == 0 and self._is_linear(rows, update, predicted):
            self.finished = "the problem is linear in the last layer: one solve is exact for these features"
            return {row.block.name: said.square().sum() for row, said in zip(rows, predicted.residuals, strict=True)}
        squares = all(isinstance(row.block.penalty, Square) for row in rows)  # others leave a constant out
        return self._descend(rows, update, predicted.loss if squares else 0.0)

    def _descend(self, rows: list[Rows], update: Tensor, predicted: float) -> dict[str, Tensor]:
        """Take the update as far as the loss falls; finish where it hardly does, or is what was predicted."""
        loss = self._total({row.block.name: self.objective.loss(row.block) for row in rows})
        losses = self._advance(update, loss)
        if not self._total(losses) < loss * (1 - ENOUGH_DECREASE):
            self.finished = "Gauss-Newton found no further decrease"
        elif self._total(losses) <= predicted * (1 + ENOUGH_DECREASE):
            self.finished = "Gauss-Newton converged: residuals are as their linearisation said"
        return losses

    def _choose(self, rows: list[Rows]) -> None:
        """Decide once how steps are solved for, and say so."""
        if not self.form:
            self.form, why = choose(self.field, rows, self.solver.form)
            self.plan = self.features + explain(self.field, self.form, why)
            self.note = self.plan

    def _solve_krylov(self, rows: list[Rows]) -> tuple[Tensor, float]:
        """The update, and the loss that it predicts: none where it was cut short, which is no minimum."""
        found = krylov(self.field, rows, self.solver.inner)
        self.note = f"{self.plan}, {found.iterations} iterations"
        return found.update.T.flatten(), found.loss if found.iterations < MOST else 0.0

    def _is_linear(self, rows: list[Rows], update: Tensor, predicted: "Prediction") -> bool:
        """Take the update and see whether residuals moved as their linearisation said, up to rounding.

        Where they did, and the penalties are squares, the solve was exact. Else the update is taken back. Residuals
        that are pointwise are looked at in a few places.
        """
        if any(not isinstance(row.block.penalty, Square) for row in rows):
            return False
        batches = self.objective.batches(0)
        if all(row.pointwise for row in rows):
            batches = {name: thin(batch, FEW) for name, batch in batches.items()}
        _add(self.field, update, 1.0)
        with torch.no_grad():
            now = [block.residual for block in self.objective.blocks(self.field, batches)]
        differs = False
        for row, said, r in zip(rows, predicted.residuals, now, strict=True):
            scale = row_scale(row.block)
            difference = thin(scale, len(r)) * r - thin(said, len(r))
            differs |= bool((difference.abs() > 64 * torch.finfo(r.dtype).eps * predicted.size).any())
        if anywhere(differs):
            _add(self.field, update, -1.0)
            return False
        return True

    def _draw_features(self) -> None:
        scales = self._scales()
        self.field.redraw(scales, generator(self.objective.seed, "features", device=self.field.device))
        turns = ", ".join(f"{axis} {s:.3g}" for axis, s in zip(self.field.axes, scales.tolist(), strict=True))
        self.features = f"random features turn by up to (radians a half axis) {turns}; "

    def _scales(self) -> Tensor:
        axes = self.field.axes
        if self.solver.scale:
            return torch.full((len(axes),), self.solver.scale, dtype=torch.float64)
        known = self.memory.get("scales")
        if known is None or self.solver.rescan:
            width = self.field.backbone.outputs
            start = [START] * len(axes)
            enough = ENOUGH * self.objective.heldout(self.field.lift())
            self.memory["scales"] = scan_scales(axes, self._score, width, self.solver.probe, start, enough)
        return torch.tensor(self.memory["scales"], dtype=torch.float64)

    def _score(self, scales: list[float], width: int) -> float:
        """The held-out residual that ``width`` features of these scales reach on a share of the points."""
        narrow = deepcopy(self.field)
        narrow.backbone = self.field.backbone.narrow(width)
        narrow.resize_head()
        narrow.redraw(torch.tensor(scales, dtype=torch.float64), generator(self.objective.seed, "scan"))
        share = min(1.0, 2 * width / self.objective.longest)
        trial = HeadStepper(self.solver, narrow, self.objective, self.memory)
        update, _ = trial._solve(trial._rows(share))
        _add(narrow, update, 1.0)
        score = self.objective.heldout(narrow, share)
        return score if isfinite(score) else float("inf")

    def _rows(self, share: float = 1.0) -> list[Rows]:
        batches = {name: thin(b, round(share * len(b))) for name, b in self.objective.batches(0).items()}
        return [
            row
            for name, c in self.objective.constraints.items()
            for row in linearise(self.field, lambda u, name=name, c=c: c.blocks(name, u, batches[name]))
        ]

    def _solve(self, rows: list[Rows]) -> tuple[Tensor, "Prediction"]:
        """The Gauss-Newton update of W [(m + 1) outputs] and what it predicts."""
        sizes = [row.block.residual.numel() for row in rows]
        a, y = stacked(self.field, rows)
        update = least_squares(a, y, self.solver.damping)
        said = (torch.mv(a, update) - y).split(sizes)
        size = float((thin(a, FEW).abs() @ update.abs()).max()) + float(y.abs().max())
        pairs = zip(said, rows, strict=True)
        return update, Prediction([part.view_as(row.block.residual) for part, row in pairs], size)

    def _advance(self, update: Tensor, loss: float) -> dict[str, Tensor]:
        """Take the update, halved until the loss falls, and return the losses there."""
        length, taken = 1.0, 0.0
        for _ in range(12):
            _add(self.field, update, length - taken)
            taken = length
            losses = self._losses()
            if self._total(losses) < loss:
                return losses
            length /= 2
        _add(self.field, update, -taken)
        return self._losses()

    def _total(self, losses: dict[str, Tensor]) -> float:
        return float(total(torch.stack(list(losses.values())).sum()))

    @torch.no_grad()
    def _losses(self) -> dict[str, Tensor]:
        return self.objective.losses(self.field, self.objective.batches(0))


@torch.no_grad()
def _add(field: Field, update: Tensor, length: float) -> None:
    w = length * update.view(-1, len(field.values))  # [m + 1, outputs], the bias last where there is one
    m = field.features
    field.head.weight.add_(w[:m].T)
    if field.backbone.biased:
        field.head.bias.add_(w[m])


def _expect_jets(field: Field) -> None:
    """Raise where the field stands for a family, or its network is not made of layers that carry jets."""
    if field.condition is not None:
        raise PinnsceneError("a family of fields is trained with adam")
    streams = Streams.plan([{(): 1.0}])
    try:
        field.backbone(field.encoding(Jet(streams.start(field.centre[None]), streams)))
    except (TypeError, AttributeError) as cause:
        raise PinnsceneError(
            f"the head solver needs layers that carry jets, which {type(field.backbone).__name__} does not: "
            f"use adam or lbfgs ({cause})"
        ) from cause
