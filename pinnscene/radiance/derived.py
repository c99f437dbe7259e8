"""Functions of points that are made from a field."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.views import Differentiable

if TYPE_CHECKING:
    from pinnscene.field import Field


class Derived(Differentiable):
    """A function of a field's points: on its device, in its precision, with its coefficients."""

    field: "Field"

    @property
    def device(self) -> torch.device:
        return self.field.device

    @property
    def dtype(self) -> torch.dtype:
        return self.field.dtype

    @property
    def chunk(self) -> int:
        """Points to evaluate at a time."""
        return self.field.chunk

    def param(self, name: str, p: Points | Tensor, along: str = "") -> Any:
        return self.field.param(name, p, along)
