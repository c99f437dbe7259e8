"""Fields with axes taken away, held at values, or added, along which nothing changes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.derivatives import Operator
from pinnscene.views import Differentiable


class Slice(Differentiable):
    """A field with some axes held at values, as a field of the others: ``Slice(u, {"alpha": 0.3})``.

    Args:
        u: the field.
        held: values by axis.
    """

    def __init__(self, u: Differentiable, held: Mapping[str, float]) -> None:
        self.u, self.held = u, dict(held)
        self.axes, self.values = tuple(axis for axis in u.axes if axis not in held), u.values

    @property
    def device(self) -> torch.device:
        return getattr(self.u, "device", torch.device("cpu"))

    def _whole(self, p: Points | Tensor) -> Points:
        x = coordinates(p, len(self.axes))
        columns = dict(zip(self.axes, x.split(1, 1), strict=True))
        held = {axis: torch.full_like(x[:, :1], value) for axis, value in self.held.items()}
        return Points(torch.cat([(columns | held)[axis] for axis in self.u.axes], 1), self.u.axes)

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.u.param(name, self._whole(p), along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        return self.u.derivatives(self._whole(p), self.moved(operators))

    def moved(self, operators: Sequence[Operator]) -> list[Operator]:
        """Operators by the axes of the whole field."""
        place = [self.u.axes.index(axis) for axis in self.axes]
        return [{tuple(sorted(place[k] for k in index)): c for index, c in op.items()} for op in operators]


class Extended(Differentiable):
    """A field on more axes, the first of which are its own: constant along the others."""

    def __init__(self, u: Differentiable, axes: tuple[str, ...]) -> None:
        self.u, self.axes, self.values = u, axes, u.values

    def _own(self, p: Points | Tensor) -> Points:
        return Points(coordinates(p, len(self.axes))[:, : len(self.u.axes)], self.u.axes)

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.u.param(name, self._own(p), along)

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        d, own = len(self.u.axes), self._own(p)
        kept = [{i: c for i, c in op.items() if all(k < d for k in i)} for op in operators]
        answers = iter(self.u.derivatives(own, [op for op in kept if op]) if any(kept) else [])
        zero = own.coords.new_zeros(len(own), len(self.values))
        return [next(answers) if op else zero for op in kept]
