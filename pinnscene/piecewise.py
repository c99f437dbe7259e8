"""Several fields that together make one, such as the windows of a march in time."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pinnscene.batch import Points, coordinates
from pinnscene.derivatives import Operator
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.views import Differentiable


class Piecewise(nn.Module, Differentiable):
    """Several fields side by side along one axis: ``Piecewise("t", [(0.5, first), (1.0, second)])``.

    Each piece is (upper end, field); a point belongs to the first piece whose end it does not exceed, points
    beyond the last end to the last piece.
    """

    ends: Tensor

    def __init__(self, axis: str, pieces: Sequence[tuple[float, Field]]) -> None:
        super().__init__()
        if not pieces or axis not in pieces[0][1].axes:
            raise PinnsceneError(f"Piecewise expected at least one (end, field) with an axis '{axis}'")
        self.axis = axis
        self.fields = nn.ModuleList(field for _, field in pieces)
        self.register_buffer("ends", torch.tensor([end for end, _ in pieces], dtype=torch.float64))
        self.axes, self.values = pieces[0][1].axes, pieces[0][1].values

    @property
    def device(self) -> torch.device:
        return self.ends.device

    @property
    def dtype(self) -> torch.dtype:
        return self.pieces()[0].dtype

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.pieces()[0].param(name, p, along)

    def pieces(self) -> list[Field]:
        """The fields in order."""
        return [field for field in self.fields if isinstance(field, Field)]

    def forward(self, p: Points | Tensor) -> Tensor:
        return self.derivatives(p, [{(): 1.0}])[0]

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        x = coordinates(p, len(self.axes)).to(self.dtype)
        place = x[:, self.axes.index(self.axis)].to(self.ends.dtype).contiguous()
        piece = torch.bucketize(place, self.ends).clamp_max(len(self.ends) - 1)
        results = [x.new_zeros(len(x), len(self.values)) for _ in operators]
        for k, field in enumerate(self.pieces()):
            rows = (piece == k).nonzero()[:, 0]
            if len(rows):
                parts = field.derivatives(x[rows], [_restrict(op, rows) for op in operators])
                results = [r.index_put((rows,), part) for r, part in zip(results, parts, strict=True)]
        return results


def _restrict(op: Operator, rows: Tensor) -> Operator:
    """The operator at some of the points only."""
    return {i: c[rows] if isinstance(c, Tensor) and c.ndim else c for i, c in op.items()}
