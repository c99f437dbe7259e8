"""Problems: sets of constraints on a field, with what is known about the answer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.conditions import ConditionSpec
from pinnscene.constraint import Constraint
from pinnscene.errors import PinnsceneError
from pinnscene.fieldspec import FieldSpec
from pinnscene.registry import Registry
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.exporting import Exported, ExportRequest, Kind
    from pinnscene.field import Field
    from pinnscene.render.request import RenderRequest
    from pinnscene.solution import Solution

problems: Registry["type[Problem]"] = Registry("problem", group="pinnscene.problems")
register = problems.register


class Reference(NamedTuple):
    """What metrics are taken against.

    Attributes:
        kind: "exact", "converged", "held-out" or "fitted".
        error: the reference's own relative error.
        note: one line: the formula or the method.
    """

    kind: str
    error: float = 0.0
    note: str = ""


class Conventional(NamedTuple):
    """A classical solver's answer to the same problem.

    Attributes:
        method: its name with its resolution.
        at: points -> [n, k], the answer anywhere.
        seconds: wall time of the solve.
    """

    method: str
    at: Callable[[Points], Tensor]
    seconds: float


@dataclass(frozen=True)
class Problem(ABC):
    """A problem: subclass as a frozen dataclass whose fields are the options, each with a comment on its unit.

    Set ``values`` (names of the outputs) and ``domain``, and write ``constraints``; everything else has a default.
    The docstring states equation, domain, conditions and closed form or reference: ``pinnscene info`` shows it.
    """

    if TYPE_CHECKING:
        # the names of the outputs, and where the field lives: class attributes or properties, never options
        values: ClassVar[Any]
        domain: ClassVar[Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, example in (("values", "values = ('u',)"), ("domain", "domain = Box(x=(0, 1), t=(0, 1))")):
            if not hasattr(cls, name):
                raise PinnsceneError(f"{cls.__name__} must set its {name}, such as {example}")

    @abstractmethod
    def constraints(self) -> Mapping[str, Constraint]:
        """What must be true, by name."""

    def structure(self) -> dict[str, str]:
        """What the answer does at the two ends of each axis, for fields that are made of one basis an axis.

        "periodic"; "dirichlet" where it vanishes, "neumann" where its slope across does; "free" otherwise, as along t.
        """
        return dict.fromkeys(self.domain.axes, "free")

    def ansatz(self) -> Ansatz | None:
        """Conditions held exactly by the shape of the field."""
        return None

    def condition(self) -> ConditionSpec | None:
        """Where the field's codes come from, for a problem whose field stands for a family."""
        return None

    def products(self) -> tuple[str, str]:
        """The basis and the number of functions of each axis, such as "sine,chebyshev" and "24,8", that suit ``head``.

        Both empty for random features.
        """
        return "", ""

    def field(self, solver: str, backbone: str | None = None) -> FieldSpec:
        """A field that suits the plan's first solver.

        For ``head`` tensor features of ``products``, or random ones, wide and shallow; else narrow and deeper, and of
        few smooth units for a solver whose steps cost the square of their number.

        Args:
            solver: name of the first solver.
            backbone: the preset or backbone asked for; None for the problem's own choice.
        """
        basis, modes = self.products()
        linear = solver in ("head", "varpro")
        if backbone == "tensor" or (linear and backbone is None and basis):
            return FieldSpec("tensor", knobs={"basis": basis, "modes": modes} if basis else {})
        if solver in ("gauss-newton", "ssbroyden"):
            own = {"first": 3.0, "omega": 1.0} if backbone == "siren" else {}
            return FieldSpec(backbone or "mlp", knobs={"width": 20, "depth": 3, **own})
        name = backbone or "siren"
        if linear:
            return FieldSpec(name, knobs={"width": 512, "depth": 1})
        own = {"first": 6.0, "omega": 6.0} if name == "siren" else {}
        return FieldSpec(name, knobs={"width": 64, "depth": 3, **own})

    def suited(self, spec: FieldSpec) -> "Problem":
        """The problem as it is best posed for such a field; itself unless it leaves something to the field's kind."""
        del spec
        return self

    def prepare(self, u: "Field") -> None:
        """Tell an untrained field what is known beforehand, such as which part of space is empty."""

    def notes(self) -> list[str]:
        """What was found in the data and decided about it, a line each; shown before a solve."""
        return []

    def plan(self) -> str:
        """The default solvers, in order, separated by commas."""
        return "head"

    def knobs(self, backbone: str | None = None) -> dict[str, dict[str, Any]]:
        """Knobs of solvers and constraints that suit this problem and backbone: ``{"adam": {"lr": 2e-3}}``."""
        del backbone
        return {}

    def data_options(self) -> tuple[str, ...]:
        """The options that are paths of data files."""
        return ()

    def view_options(self) -> tuple[str, ...]:
        """The options that only pictures and files look at: runs that differ in these alone are the same."""
        return ()

    def params(self) -> dict[str, Any]:
        """The coefficients that ``u.param`` finds: by default the options that are numbers or functions."""
        options = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: v for k, v in options.items() if isinstance(v, int | float) or callable(v)}

    def core(self) -> "Problem":
        """The problem that this one is told by: itself, or what it is wrapped around."""
        return self

    def varied(self) -> dict[str, Any]:
        """Options that a wrapper has left open, as plain data: unknowns and ranges."""
        return {}

    def spectral(self) -> "Problem":
        """The same as it is best posed on tensor features, for wrappers that need them."""
        return self

    def at(self, u: Differentiable, values: Mapping[str, float]) -> tuple["Problem", Differentiable]:
        """The problem and its field for values of parameters that are axes; raises ``PinnsceneError`` for others."""
        if values:
            raise PinnsceneError(f"no parameter of this problem has a range: leave {', '.join(values)} out")
        return self, u

    def estimates(self, u: Differentiable) -> dict[str, Any]:
        """What was found of unknown coefficients, by name; empty where all are known."""
        del u
        return {}

    def frame(self) -> tuple[Sequence[float], Sequence[float]]:
        """Lower and upper ends of what the field normalises to [-1, 1]."""
        return self.domain.lower, self.domain.upper

    def cuts(self) -> tuple[float, ...]:
        """Upper ends of windows of t that are solved one after the other; empty for all of it at once."""
        return ()

    def stage(self, k: int, before: Differentiable | None) -> "Problem":
        """The problem on the k-th window, given the solved field of the window before."""
        del k, before
        return self

    def in_windows(self, count: int) -> "Problem":
        """The same in ``count`` windows of t, 1 for all of it at once."""
        from pinnscene.marching import Marching

        return Marching.even(self, count)

    def reference(self, p: Points) -> Tensor | None:
        """Exact or converged values [n, k] of the outputs ``compared`` at points; None where there are none."""
        del p
        return None

    def compared(self) -> tuple[str, ...]:
        """The outputs that ``reference`` knows: the first ones of ``values``, all unless overridden."""
        return tuple(self.values)

    def reference_info(self) -> Reference | None:
        """What ``reference`` is and how good; exact unless overridden."""
        return None if type(self).reference is Problem.reference else Reference("exact")

    def conventional(self) -> Conventional | None:
        """A classical solver's answer, to stand beside ours."""
        return None

    def derived(self, u: Differentiable) -> Differentiable | None:
        """What follows from a solved field, such as stresses from a displacement, for pictures and files.

        A field of values alone, named unlike those of ``u``; pictures show its last output. None where there is none.
        """
        del u
        return None

    def metrics(self, u: Differentiable) -> dict[str, float]:
        """Scores of a field by the design's metric names; empty without a reference."""
        from pinnscene.metrics import against_reference

        return against_reference(self, u)

    def remarks(self, u: Differentiable) -> list[str]:
        """What else is to be said of a field beside its scores, a line each, such as where it is worst."""
        del u
        return []

    def metric_names(self) -> list[str]:
        """The names of the scores that ``metrics`` gives."""
        if self.reference_info() is None:
            return []
        names = self.compared()
        return ["rel_l2", "max_abs", *(f"rel_l2_{name}" for name in names if len(names) > 1)]

    def metric_points(self) -> int:
        """The number of points ``metrics`` is taken on."""
        return len(self.domain.grid())

    def monitor(self) -> tuple[str, Callable[[Differentiable], float]] | None:
        """A cheap metric for the progress display: its name and how to take it; None without a reference."""
        from pinnscene.metrics import quick_error

        return quick_error(self)

    def figures(self, u: Differentiable, folder: Path) -> list[Path]:
        """Pictures of a solved field, drawn into ``folder``."""
        from pinnscene.render.film import draw_domain

        return draw_domain(self, u, folder)

    def render(self, u: Differentiable, request: "RenderRequest") -> list[Path]:
        """Pictures or a film of a solved field."""
        from pinnscene.render.film import render_domain

        return render_domain(self, u, request)

    def check_render(self, request: "RenderRequest") -> None:
        """Raise ``PinnsceneError`` for an option that this problem's pictures do not have, before any work is done."""
        from pinnscene.render.film import kinds

        request.expect_of_field(kinds(self.domain))

    def formats(self) -> tuple[str, ...]:
        """What ``export`` can write, as endings of files, the usual one first."""
        from pinnscene.fieldexport import formats_of

        return formats_of(self.domain)

    def exports(self) -> "Mapping[str, Kind]":
        """The kinds of exports by name, the usual one first: most problems have one."""
        from pinnscene.exporting import Kind

        return {"field": Kind(self.formats())}

    def export(self, u: Differentiable, request: "ExportRequest") -> "Exported":
        """A solved field as a file for other programs, in one of ``formats``."""
        from pinnscene.fieldexport import export_field

        return export_field(self, u, request)

    def solve(self, **settings: Any) -> "Solution":
        """Solve with the default plan; ``settings`` as in ``pinnscene.solve.solve``."""
        from pinnscene.solve import solve

        return solve(self, **settings)
