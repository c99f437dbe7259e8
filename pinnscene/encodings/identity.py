"""No encoding: the coordinates themselves."""

from torch import Tensor

from pinnscene.derivatives.jet import Jet
from pinnscene.encodings.base import Encoding, encodings


@encodings.register("none")
class Identity(Encoding):
    """x."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.outputs = inputs

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        return a
