"""Problems around a problem: everything is the inner one's, but what a subclass says anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.conditions import ConditionSpec
from pinnscene.constraint import Constraint
from pinnscene.fieldspec import FieldSpec
from pinnscene.problem import Conventional, Problem, Reference
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.field import Field


@dataclass(frozen=True)
class Wrapped(Problem):
    """A problem that is another one, to be subclassed."""

    problem: Problem  # the one inside

    @property
    def values(self) -> Any:
        return self.problem.values

    @property
    def domain(self) -> Any:
        return self.problem.domain

    def core(self) -> Problem:
        return self.problem.core()

    def varied(self) -> dict[str, Any]:
        return self.problem.varied()

    def data_options(self) -> tuple[str, ...]:
        return self.problem.data_options()

    def constraints(self) -> Mapping[str, Constraint]:
        return self.problem.constraints()

    def structure(self) -> dict[str, str]:
        return self.problem.structure()

    def ansatz(self) -> Ansatz | None:
        return self.problem.ansatz()

    def condition(self) -> ConditionSpec | None:
        return self.problem.condition()

    def products(self) -> tuple[str, str]:
        return self.problem.products()

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        return self.problem.field(solver, backbone)

    def suited(self, spec: FieldSpec) -> Problem:
        return replace(self, problem=self.problem.suited(spec))

    def prepare(self, u: "Field") -> None:
        self.problem.prepare(u)

    def notes(self) -> list[str]:
        return self.problem.notes()

    def plan(self) -> str:
        return self.problem.plan()

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        return self.problem.knobs(backbone)

    def params(self) -> dict[str, Any]:
        return self.problem.params()

    def frame(self) -> tuple[Sequence[float], Sequence[float]]:
        return self.problem.frame()

    def reference(self, p: Points) -> Tensor | None:
        return self.problem.reference(p)

    def compared(self) -> tuple[str, ...]:
        return self.problem.compared()

    def reference_info(self) -> Reference | None:
        return self.problem.reference_info()

    def conventional(self) -> Conventional | None:
        return self.problem.conventional()

    def derived(self, u: Differentiable) -> Differentiable | None:
        return self.problem.derived(u)

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        return self.problem.figures(u, folder)
