"""Plans: the phases of a solve, each a solver with its precision, place and budget."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_type_hints

import torch

from pinnscene.device import PRECISIONS, resolve_dtype
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.knobs import convert_all
from pinnscene.solvers import Solver, solvers


@dataclass(frozen=True)
class Phase:
    """A solver at work.

    Attributes:
        solver: how to step.
        steps: its budget.
        dtype: float32 or float64.
        precision: of float32 matrix products: highest, high (TF32) or bfloat16.
        resample: fresh points at every step; else a fixed set.
        every: steps between log points, the only places where a GPU is waited for.
    """

    solver: Solver
    steps: int
    dtype: str
    precision: str
    resample: bool
    every: int

    def __post_init__(self) -> None:
        resolve_dtype(self.dtype)
        if self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, PRECISIONS)
        if self.steps < 1 or self.every < 1:
            raise PinnsceneError(f"steps must be at least 1, got {min(self.steps, self.every)}")
        if self.resample and self.solver.name in ("lbfgs", "ssbroyden"):
            name = self.solver.name
            raise PinnsceneError(f"{name} needs fixed points: its line search compares losses of the same ones")

    def describe(self) -> dict[str, Any]:
        """Plain data from which ``make_plan`` builds the same phase."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "solver"}
        knobs = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self.solver).items()}
        return {"solver": self.solver.name, **own, **knobs}


_PHASE = {"steps": int, "dtype": str, "precision": str, "resample": bool, "every": int}


def make_phase(name: str, given: Mapping[str, Any]) -> Phase:
    """A phase from a solver's name and its knobs and budget as text or values."""
    make = solvers[name]
    hints = get_type_hints(make)
    knobs = {f.name: hints[f.name] for f in fields(make)}
    values = convert_all(name, given, knobs | _PHASE)
    own = {k: v for k, v in values.items() if k in _PHASE}
    defaults = {
        "steps": make.steps,
        "dtype": make.dtype,
        "precision": "highest",
        "resample": make.resample,
        "every": make.every,
    }
    solver = make(**{k: v for k, v in values.items() if k in knobs})
    return Phase(solver, **{**defaults, **own})


def expect_reachable(plan: Sequence[Phase], tol: float | None) -> None:
    """Raise ``PinnsceneError`` for a tolerance below the rounding of every phase."""
    if tol is None or not plan:
        return
    best = min(plan, key=lambda phase: torch.finfo(resolve_dtype(phase.dtype)).eps)
    least = torch.finfo(resolve_dtype(best.dtype)).eps
    if tol < least:
        further = "" if best.dtype == "float64" else ": take --dtype float64, or end with lbfgs, which works in float64"
        raise PinnsceneError(f"tol {tol:g} is below what {best.dtype} can tell from zero, {least:.1e}{further}")


def make_plan(names: str | Sequence[str], knobs: Mapping[str, Mapping[str, Any]] | None = None) -> tuple[Phase, ...]:
    """A plan from solver names, ``"adam,lbfgs"``, and knobs by solver name, ``{"adam": {"lr": 1e-4}}``."""
    listed = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    if not listed or not all(listed):
        raise PinnsceneError(f"a plan needs at least one solver, known: {', '.join(solvers)}")
    return tuple(make_phase(name, (knobs or {}).get(name, {})) for name in listed)


def with_steps(plan: Sequence[Phase], steps: Sequence[int]) -> tuple[Phase, ...]:
    """The plan with other step budgets: one for all phases, or one for each."""
    if len(steps) not in (1, len(plan)):
        expected = (
            "one number for one solver" if len(plan) == 1 else f"1 or {len(plan)} numbers for {len(plan)} solvers"
        )
        raise PinnsceneError(f"--steps expected {expected}, got {len(steps)}")
    counts = list(steps) * len(plan) if len(steps) == 1 else steps
    return tuple(replace(phase, steps=n) for phase, n in zip(plan, counts, strict=True))
