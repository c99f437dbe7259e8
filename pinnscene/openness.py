"""Which numeric options may be left open: those that an equation looks up by ``u.param``, and nowhere else."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_type_hints

import torch
from torch import Tensor

from pinnscene.batch import Points, thin
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.knobs import allows
from pinnscene.problem import Problem
from pinnscene.seeds import generator
from pinnscene.views import FunctionField

FEW = 64  # points of each constraint that are looked at
AGREE = 1e-9  # relative difference of residuals that is rounding


class Probe(FunctionField):
    """A smooth function of the points in a field's place that notes which coefficients it is asked for."""

    def __init__(self, problem: Problem, params: dict[str, Any]) -> None:
        super().__init__(lambda p: smooth(problem, p), problem.domain.axes, tuple(problem.values), params)
        self.asked: set[str] = set()

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        self.asked.add(name)
        return super().param(name, p, along)


def smooth(problem: Problem, p: Points) -> Tensor:
    """Half a wave along each axis, a little different for every output: [n, k]."""
    low, high = (p.coords.new_tensor(ends) for ends in (problem.domain.lower, problem.domain.upper))
    waves = torch.cos(torch.pi / 2 * (2 * p.coords - low - high) / (high - low)).sum(1, keepdim=True)
    return waves * torch.arange(1, len(problem.values) + 1, dtype=waves.dtype, device=waves.device)


def expect_open(problem: Problem, name: str, what: str) -> None:
    """Raise ``PinnsceneError`` where a problem's option cannot be ``what``, an unknown or a range.

    It can where residuals ask ``u.param`` for it, and where putting another number there does all that the option does.
    """
    expect_number(problem, name, what)
    other = another(problem, name)
    changed = replace(problem, **{name: other})
    batches = {k: thin(c.draw(k, generator(0, k)), FEW) for k, c in problem.constraints().items()}
    asked, first = _residuals(problem, batches, {name: other})
    if name not in asked:
        able = sorted(k for k in asked if isinstance(getattr(problem, k, None), float))
        raise PinnsceneError(
            f"option {name} cannot be {what}: no equation of this problem depends on it through u.param"
            + (f"; those that can be: {', '.join(able)}" if able else "")
        )
    alike = problem.domain == changed.domain and problem.constraints().keys() == changed.constraints().keys()
    _, second = _residuals(changed, batches, {}) if alike else (asked, {})
    if first.keys() != second.keys() or not all(_alike(first[k], second[k]) for k in first):
        raise PinnsceneError(
            f"option {name} cannot be {what} here: beside the equation it also changes conditions or data"
        )


def expect_number(problem: Problem, name: str, what: str) -> None:
    """Raise ``PinnsceneError`` where a problem has no such option, or it is no number."""
    value = getattr(problem, name, None)
    if value is None:
        numbers = [k for k in problem.params() if isinstance(getattr(problem, k, None), int | float)]
        raise unknown("numeric option", name, numbers)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PinnsceneError(f"option {name} is no number: it cannot be {what}")
    if not allows(get_type_hints(type(problem)).get(name, float), float):
        raise PinnsceneError(f"option {name} is a whole number: it cannot be {what}")


def another(problem: Problem, name: str) -> float:
    """Another value of an option that the problem accepts, near its present one."""
    value = float(getattr(problem, name))
    for other in (1.5 * value, 0.5 * value, value + 1, value - 1):
        if other != value and accepts(problem, name, other):
            return other
    raise PinnsceneError(f"option {name} has no other value than {value:g}: leave it as it is")


def accepts(problem: Problem, name: str, value: float) -> bool:
    """Whether a problem may have this value of an option."""
    try:
        replace(problem, **{name: value})
    except PinnsceneError:
        return False
    return True


def _residuals(
    problem: Problem, batches: Mapping[str, Any], params: dict[str, Any]
) -> tuple[set[str], dict[str, Tensor]]:
    """The coefficients asked for, and residuals and ansatz of a smooth function at a few points, by name."""
    probe, found = Probe(problem, problem.params() | params), {}
    for name, constraint in problem.constraints().items():
        found |= {b.name: b.residual.detach() for b in constraint.blocks(name, probe, batches[name])}
    return probe.asked, found | _ansatz(problem)


def _ansatz(problem: Problem) -> dict[str, Tensor]:
    given = problem.ansatz()
    if given is None:
        return {}
    p = problem.domain.interior(FEW)(generator(0, "probe"))
    parts = {"ansatz.lift": given.lift, "ansatz.factor": given.factor}
    return {name: torch.as_tensor(part(p)).detach() for name, part in parts.items() if part is not None}


def _alike(a: Tensor, b: Tensor) -> bool:
    size = float(torch.maximum(a.abs(), b.abs()).max()) if a.shape == b.shape and a.numel() else 1.0
    return a.shape == b.shape and float((a - b).abs().sum()) <= AGREE * max(size, 1e-300) * max(a.numel(), 1)
