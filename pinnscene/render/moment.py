"""A field of space and t at one time, as a field of space."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.derivatives import Operator
from pinnscene.views import Differentiable


class Moment(Differentiable):
    """A field of space and t, at time ``t`` and for one ``output`` or all; a field without t as it is.

    Answers are on the CPU in float64; the field is evaluated where it lives.
    """

    device, dtype = torch.device("cpu"), torch.float64

    def __init__(self, u: Differentiable, t: float | None = None, output: int | None = None) -> None:
        self.u, self.t = u, t
        self.axes = u.space
        self.columns = slice(None) if output is None else slice(output, output + 1)
        self.values = tuple(u.values[self.columns])

    def param(self, name: str, p: Points | Tensor) -> Any:
        return self.u.param(name, self.whole(p))

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        axes = [self.u.axes.index(axis) for axis in self.axes]
        moved = [{tuple(axes[k] for k in index): c for index, c in op.items()} for op in operators]
        x = self.whole(p).to(getattr(self.u, "device", self.device))
        answers = self.u.derivatives(Points(x, self.u.axes), moved)
        return [answer[:, self.columns].double().cpu() for answer in answers]

    def whole(self, p: Points | Tensor) -> Tensor:
        """Coordinates [n, d + 1] of points of space with the time among them."""
        x = p.coords if isinstance(p, Points) else p
        if "t" not in self.u.axes:
            return x
        k = self.u.axes.index("t")
        t = x.new_full((len(x), 1), 0.0 if self.t is None else self.t)
        return torch.cat([x[:, :k], t, x[:, k:]], 1)
