"""What operators may be applied to: anything with axes that answers differential operators."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.derivatives import Operator, nested
from pinnscene.errors import unknown


class Differentiable(ABC):
    """A function of points with named axes and outputs."""

    axes: tuple[str, ...]
    values: tuple[str, ...]

    @abstractmethod
    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        """Linear differential operators applied at ``p``, each [n, k]."""

    @abstractmethod
    def param(self, name: str, p: Points | Tensor) -> Any:
        """The coefficient ``name`` at ``p``: a number, or a tensor that broadcasts against [n, k]."""

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

    def param(self, name: str, p: Points | Tensor) -> Any:
        return coefficient(self.params, name, p, self.axes)


class Frozen(Differentiable):
    """A field with one axis held at a value, ``Frozen(u, "t", 0.5)``: constant along that axis."""

    def __init__(self, u: Differentiable, axis: str, value: float) -> None:
        self.u, self.axis, self.value = u, axis, value
        self.axes, self.values = u.axes, u.values

    def param(self, name: str, p: Points | Tensor) -> Any:
        return self.u.param(name, p)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        k = self.axes.index(self.axis)
        x = coordinates(p, len(self.axes)).clone()
        x[:, k] = self.value
        kept = [{index: c for index, c in op.items() if k not in index} for op in operators]
        answers = iter(self.u.derivatives(x, [op for op in kept if op]) if any(kept) else [])
        zero = x.new_zeros(len(x), len(self.values))
        return [next(answers) if op else zero for op in kept]


def coefficient(params: dict[str, Any], name: str, p: Points | Tensor, axes: tuple[str, ...]) -> Any:
    """Look up a coefficient: a number or tensor as it is, a function evaluated at the points."""
    if name not in params:
        raise unknown("coefficient", name, params)
    value = params[name]
    if isinstance(value, Tensor | int | float) or not callable(value):
        return value
    points = p if isinstance(p, Points) else Points(p, axes)
    result = value(points)
    return result if isinstance(result, Tensor) else torch.as_tensor(result)
