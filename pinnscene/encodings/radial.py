"""The square of the distance from the middle, in place of the coordinates: for fields that no rotation changes."""

import torch
from torch import Tensor

from pinnscene.derivatives.jet import Jet
from pinnscene.encodings.base import Encoding, encodings
from pinnscene.errors import PinnsceneError


@encodings.register("radial")
class Radial(Encoding):
    """2 |x|^2 - 1, about the middle of the frame, and the last axes as they are.

    Where domain and data are the same in all directions, so is the only solution: it is a function of |x|^2, and smooth
    in it. Nothing else can be represented.

    Attributes:
        kept: how many axes at the end stay as they are, such as 1 for t.
    """

    def __init__(self, inputs: int, *, kept: int = 0) -> None:
        super().__init__()
        if not 0 <= kept < inputs:
            raise PinnsceneError(f"radial expected kept from 0 to {inputs - 1}, the axes that stay, got {kept}")
        self.turned, self.outputs = inputs - kept, 1 + kept

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        if isinstance(a, Jet):
            return type(a)(self._joined((a * a).data, a.data, first=0), a.streams)
        return self._joined((a * a)[None], a[None], first=0)[0]

    def _joined(self, squares: Tensor, a: Tensor, first: int) -> Tensor:
        radius = 2 * squares[..., : self.turned].sum(-1, keepdim=True)
        one = torch.zeros_like(radius)
        one[first] = 1.0  # a constant has no derivatives
        return torch.cat([radius - one, a[..., self.turned :]], -1)

    def coordinates(self, scales: Tensor) -> Tensor:
        return torch.cat([scales[:1], scales[self.turned :]])

    def describe(self) -> str:
        return "functions of the distance from the middle alone"
