"""The true distance of a shape as a field, to draw and to cut it like a solved one."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points, coordinates
from pinnscene.derivatives import Operator
from pinnscene.derivatives.names import Index
from pinnscene.errors import PinnsceneError
from pinnscene.scenes.shapes import Shape
from pinnscene.views import Differentiable


class TrueField(Differentiable):
    """The signed distance of a shape and its gradient, on the CPU in float64."""

    axes, values = ("x", "y", "z"), ("d",)
    device, dtype = torch.device("cpu"), torch.float64

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        raise PinnsceneError(f"the distance of a shape has no coefficient '{name}'")

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        x = coordinates(p, 3).detach().cpu().double()
        if any(len(index) > 1 for op in operators for index in op):
            raise PinnsceneError("the distance of a shape has first derivatives alone: it is not smooth")
        sloped = any(index for op in operators for index in op)
        distance, slope = self.shape.nearest(x.numpy()) if sloped else (self.shape.distance(x.numpy()), None)
        value = torch.from_numpy(distance)[:, None]
        known: dict[Index, Tensor] = {(): value}
        if slope is not None:
            known |= {(axis,): torch.from_numpy(slope)[:, axis, None] for axis in range(3)}
        return [torch.as_tensor(sum(c * known[index] for index, c in op.items())) for op in operators]
