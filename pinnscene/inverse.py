"""Inverse problems: any problem with numeric options that are not known but found from measurements."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points, thin
from pinnscene.coefficients import Constant
from pinnscene.constraint import Constraint
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.measurements import Agree, Columns, Measured, Measurements, measurements
from pinnscene.metrics import evaluate, max_abs, rel_l2
from pinnscene.openness import FEW, Probe, accepts, another, expect_number, expect_open, smooth
from pinnscene.problem import Problem, Reference
from pinnscene.seeds import generator
from pinnscene.spectral import tensor_spec
from pinnscene.views import Differentiable, FunctionField
from pinnscene.wrapping import Wrapped

SOFT = 1e-6  # loss of the measurements beside that of the equation, for a slow function of size one
UNRESOLVED = 0.01  # loss of the equation beside that of the measurements at which features are too few
ROUNDING = 1e-12  # of a mean square beside the largest one
FAR = 1e5  # ratio of sizes at which data and domain are taken to have different units


@dataclass(frozen=True)
class Inverse(Wrapped):
    """A problem with unknown options: ``Inverse(Heat(), {"alpha": 0.5}, "rows.csv").solve()``.

    The equation and its conditions are the problem's own; rows of measurements say what the unknowns are. An unknown
    that the problem wants positive is found by its logarithm.

    Attributes:
        problem: any problem on a box whose equation looks the unknowns up by ``u.param``.
        unknowns: their names, each with the value to start from.
        data: measured rows, as ``measurements`` takes them: a file with a column for each axis and for one output at
            least, and ``noise`` where rows differ in it; or such columns by name.

    Raises:
        PinnsceneError: an option that cannot be unknown, no data, or data that do not fit the problem.
    """

    unknowns: Mapping[str, float] = field(default_factory=dict)
    data: Any = ""

    def __post_init__(self) -> None:
        if not self.unknowns:
            raise PinnsceneError("an inverse problem expected at least one unknown, got none")
        for name in self.unknowns:
            expect_number(self.problem, name, "unknown")
        for name, start in self.unknowns.items():
            expect_open(self._posed, name, "unknown")
            if not isfinite(start):
                raise PinnsceneError(f"the unknown {name} expected a finite start, got {start}")
        if isinstance(self.data, str) and not self.data:
            axes = ", ".join([*self.domain.axes, *self.values])
            raise PinnsceneError(
                f"{', '.join(self.unknowns)} unknown: give measurements, --data FILE with the columns {axes}"
            )
        expect_inside(self.rows.data, self.domain, self._where)
        values = len(self.rows.data.outputs) * len(self.rows.data)
        if values <= len(self.unknowns):
            raise PinnsceneError(
                f"{self._where}: {values} measured for {len(self.unknowns)} unknown: expected more, or nothing "
                "says how good an estimate is"
            )

    @cached_property
    def _posed(self) -> Problem:
        """The problem at the start, posed for tensor features."""
        return replace(self.problem, **self.unknowns).spectral()

    @property
    def _where(self) -> str:
        return "the measurements" if isinstance(self.data, Mapping) else str(self.data)

    @cached_property
    def rows(self) -> Measurements:
        """The measurements, all of which are used."""
        source: str | Path | Columns = self.data
        return measurements(source, self.domain.axes, self.values, share=0.0)

    def varied(self) -> dict[str, Any]:
        starts = {k: f"unknown:{start!r}" for k, start in self.unknowns.items()}
        return {**self.problem.varied(), **starts, "data": self.data}

    def data_options(self) -> tuple[str, ...]:
        return (*self.problem.data_options(), *(() if isinstance(self.data, Mapping) else ("data",)))

    def constraints(self) -> Mapping[str, Constraint]:
        found = dict(self._posed.constraints())
        return found | {"data": Constraint(self.rows, Agree(), weight=SOFT * stiffness(self._posed, found))}

    def ansatz(self) -> Ansatz | None:
        return self._posed.ansatz()

    def structure(self) -> dict[str, str]:
        return self._posed.structure()

    def params(self) -> dict[str, Any]:
        return self._posed.params() | {k: Constant(v, self._positive(k)) for k, v in self.unknowns.items()}

    def _positive(self, name: str) -> bool:
        return not accepts(self.problem, name, -abs(another(self.problem, name)))

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        if backbone in (None, "tensor"):
            return tensor_spec(self._posed, whole=True)
        return self._posed.field(solver, backbone)

    def plan(self) -> str:
        return "varpro"

    def in_windows(self, count: int) -> Problem:
        if count != 1:
            raise PinnsceneError("an unknown holds for all of t: solve an inverse problem in one window")
        return self

    def notes(self) -> list[str]:
        return [*self.problem.notes(), *unlike(self.rows.data, self.domain, self._where)]

    def reference(self, p: Points) -> None:
        """None: the answer is what the unknowns decide."""
        del p

    def reference_info(self) -> Reference:
        return Reference("fitted", 0.0, "the measured rows, noise included")

    def conventional(self) -> None:
        """None: a solver of the equation does not find its coefficients."""

    def metrics(self, u: Differentiable) -> dict[str, float]:
        value, truth = self.compare(u)
        return {"rel_l2": rel_l2(value, truth), "max_abs": max_abs(value, truth)}

    def metric_points(self) -> int:
        return len(self.rows.data)

    def monitor(self) -> None:
        """None: the unknowns themselves are shown."""

    def compare(self, u: Differentiable) -> tuple[Tensor, Tensor]:
        """The field at the measured rows, and what was measured there: [n, k] both."""
        data = self.rows.data
        assert data.measured is not None
        return evaluate(u, data)[:, [self.values.index(name) for name in data.outputs]], data.measured

    def estimates(self, u: Differentiable) -> dict[str, Any]:
        return estimates(u)

    def remarks(self, u: Differentiable) -> list[str]:
        return [*unlike(self.rows.data, self.domain, self._where), *hardly(estimates(u)), *self._unresolved(u)]

    def _unresolved(self, u: Differentiable) -> list[str]:
        """A line where the equation's residual is no side condition to the measurements any more."""
        losses = {}
        for name, constraint in self.constraints().items():
            blocks = constraint.blocks(name, u, constraint.draw(name, generator(0, name, "held-out"), heldout=True))
            losses[name] = sum(float(b.weight) * float(b.residual.detach().square().mean()) for b in blocks)
        data = losses.pop("data")
        if not sum(losses.values()) > UNRESOLVED * data > 0:
            return []
        return [
            "the features do not resolve the equation, which may shift the unknowns: its residual weighs "
            f"{sum(losses.values()) / data:.2g} of the measurements', {UNRESOLVED:g} at most is wanted; take more "
            "(--set field.modes=...)"
        ]

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        from pinnscene.render.misfit import draw_misfit
        from pinnscene.render.slices import draw_slices

        return [*draw_slices(self, u, folder), draw_misfit(self.rows.data, *self.compare(u), folder / "data.png")]


def estimates(u: Differentiable) -> dict[str, Any]:
    """The unknown coefficients of a field as plain data, by name."""
    return {name: c.describe() for name, c in getattr(u, "unknowns", {}).items()}


def hardly(found: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """A line for each unknown whose standard error is larger than itself, or not known."""
    lines = []
    for name, fact in found.items():
        value, spread = fact.get("value"), fact.get("standard_error")
        if value is not None and spread is not None and spread > abs(value):
            lines.append(f"the measurements hardly determine {name}: its standard error exceeds its value")
    return lines


def stiffness(problem: Problem, constraints: Mapping[str, Constraint]) -> float:
    """The least weighted mean square that a slow function of mean square one has in any residual of a problem.

    What is said of a slow function is the least that an equation says; it is the size to weigh measurements against.
    """
    sizes = []
    probe = Probe(problem, problem.params())
    nothing = FunctionField(
        lambda p: 0 * smooth(problem, p), problem.domain.axes, tuple(problem.values), problem.params()
    )
    for name, constraint in constraints.items():
        batch = thin(constraint.draw(name, generator(0, name)), FEW)
        pairs = zip(constraint.blocks(name, probe, batch), constraint.blocks(name, nothing, batch), strict=True)
        sizes += [float(a.weight) * float((a.residual - b.residual).detach().square().mean()) for a, b in pairs]
    p = problem.domain.interior(FEW, "halton")(generator(0, "probe"))
    said = [size for size in sizes if size > ROUNDING * max(sizes)]  # on walls where it vanishes nothing is
    return min(said, default=1.0) / float(smooth(problem, p).square().mean())


def expect_inside(data: Measured, domain: Box, where: str) -> None:
    """Raise ``PinnsceneError`` where rows lie outside a box, or too few are there to be told from."""
    low, high = data.coords.new_tensor(domain.lower), data.coords.new_tensor(domain.upper)
    slack = 1e-9 * (high - low)
    outside = ((data.coords < low - slack) | (data.coords > high + slack)).nonzero()
    if len(outside):
        row, k = (int(i) for i in outside[0])
        count, far = len(outside[:, 0].unique()), float(data.coords[:, k].abs().max())
        units = far / max(abs(domain.lower[k]), abs(domain.upper[k]))
        hint = f"; its values are {units:.0e} times as large: are the units those of the domain?" if units > FAR else ""
        raise PinnsceneError(
            f"{where}: {count} of {len(data)} rows lie outside the domain, first row {row + 1} with {domain.axes[k]} = "
            f"{float(data.coords[row, k]):g}, which goes from {domain.lower[k]:g} to {domain.upper[k]:g}{hint}"
        )


def unlike(data: Measured, domain: Box, where: str) -> list[str]:
    """A warning for each axis of which the data cover next to nothing: units may differ."""
    lines = []
    for k, axis in enumerate(domain.axes):
        column = data.coords[:, k]
        spread, extent = float(column.max() - column.min()), domain.upper[k] - domain.lower[k]
        if len(data) > 1 and 0 < spread * FAR < extent:
            lines.append(
                f"warning: {where} covers {spread / extent:.0e} of the domain's {axis}: are the units its own?"
            )
    return lines
