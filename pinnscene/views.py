"""What operators may be applied to: anything with axes that answers differential operators."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.coefficients import Coefficient
from pinnscene.derivatives import Index, Operator, nested, parse
from pinnscene.errors import PinnsceneError, unknown


class Differentiable(ABC):
    """A function of points with named axes and outputs."""

    axes: tuple[str, ...]
    values: tuple[str, ...]

    @abstractmethod
    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        """Linear differential operators applied at ``p``, each [n, k]."""

    @abstractmethod
    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        """The coefficient ``name`` at ``p``: a number, or a tensor that broadcasts against [n, k].

        With ``along`` a partial derivative of it by name, such as ``"x"``.
        """

    def __call__(self, p: Points | Tensor) -> Tensor:
        """The values [n, k]."""
        return self.derivatives(p, [{(): 1.0}])[0]

    @property
    def space(self) -> tuple[str, ...]:
        """The axes of space: all but ``t``."""
        return tuple(axis for axis in self.axes if axis != "t")


class FunctionField(Differentiable):
    """A plain function of the points seen as a field, such as a closed form.

    Args:
        f: points -> [n, k], written with torch.
        axes: names of the coordinates.
        values: names of the outputs.
        params: coefficients for ``param``: numbers, tensors or functions of the points.
    """

    def __init__(
        self,
        f: Callable[[Points], Tensor],
        axes: tuple[str, ...],
        values: tuple[str, ...] = ("u",),
        params: dict[str, Any] | None = None,
    ) -> None:
        self.f, self.axes, self.values, self.params = f, axes, values, params or {}

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return nested(lambda x: self.f(Points(x, self.axes)), coordinates(p, len(self.axes)), operators)

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return coefficient(self.params, name, p, self.axes, along)


class Frozen(Differentiable):
    """A field with one axis held at a value, ``Frozen(u, "t", 0.5)``: constant along that axis.

    With ``order`` m it is the Taylor polynomial of that degree along the axis: order 1 keeps the velocity too.
    """

    def __init__(self, u: Differentiable, axis: str, value: float, order: int = 0) -> None:
        self.u, self.axis, self.value, self.order = u, axis, value, order
        self.axes, self.values = u.axes, u.values

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.u.param(name, p, along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        k = self.axes.index(self.axis)
        x = coordinates(p, len(self.axes)).clone()
        powers = [torch.ones_like(x[:, :1])]
        for m in range(1, self.order + 1):
            powers.append(powers[-1] * (x[:, k : k + 1] - self.value) / m)
        x[:, k] = self.value
        kept = [self._expand(op, k, powers) for op in operators]
        answers = iter(self.u.derivatives(x, [op for op in kept if op]) if any(kept) else [])
        zero = x.new_zeros(len(x), len(self.values))
        return [next(answers) if op else zero for op in kept]

    def _expand(self, op: Operator, k: int, powers: Sequence[Tensor]) -> Operator:
        """The operator at the value: (t - value)^m / m! goes with one more derivative along the axis each."""
        found: dict[Index, float | Tensor] = {}
        for index, c in op.items():
            for m in range(self.order + 1 - index.count(k)):
                raised = tuple(sorted((*index, *[k] * m)))
                found[raised] = found.get(raised, 0.0) + (c * powers[m] if m else c)
        return found


class Shifted(Differentiable):
    """A field moved to another place: ``Shifted(u, by)`` has at p what u has at p - by."""

    def __init__(self, u: Differentiable, by: Sequence[float]) -> None:
        self.u, self.by = u, tuple(by)
        self.axes, self.values = u.axes, u.values

    @property
    def device(self) -> torch.device:
        return getattr(self.u, "device", torch.device("cpu"))

    def _back(self, p: Points | Tensor) -> Points:
        x = coordinates(p, len(self.axes))
        return Points(x - x.new_tensor(self.by), self.axes)

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.u.param(name, self._back(p), along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return self.u.derivatives(self._back(p), operators)


def coefficient(params: dict[str, Any], name: str, p: Points | Tensor, axes: tuple[str, ...], along: str = "") -> Any:
    """Look up a coefficient: a number or tensor as it is, a function or an unknown evaluated at the points.

    Raises:
        PinnsceneError: a name that there is not, or the derivative of a tensor.
    """
    if name not in params:
        raise unknown("coefficient", name, params)
    value = params[name]
    points = p if isinstance(p, Points) else Points(p, axes)
    if isinstance(value, Coefficient):
        return value.at(points, along)
    if isinstance(value, Tensor | int | float) or not callable(value):
        if along and not isinstance(value, int | float):
            raise PinnsceneError(
                f"the coefficient {name} is given as values: give it as a function to differentiate it"
            )
        return 0.0 if along else value
    if along:
        seen = FunctionField(lambda q: torch.as_tensor(value(q)), points.axes)
        return seen.derivatives(points, [{parse(along, points.axes): 1.0}])[0]
    result = value(points)
    return result if isinstance(result, Tensor) else torch.as_tensor(result)
