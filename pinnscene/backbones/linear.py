"""No network at all: what the encoding gives are the features of the last layer."""

import torch
from torch import Tensor

from pinnscene.backbones.base import Backbone, backbones
from pinnscene.derivatives.jet import Jet


@backbones.register("linear")
class Linear(Backbone):
    """The features are the encoding's own; the last layer adds no constant, so that a basis keeps what it promises."""

    random = False
    biased = False

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.outputs = inputs

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        return a

    def reset(self, generator: torch.Generator) -> None:
        del generator

    def redraw(self, scales: Tensor | None, generator: torch.Generator) -> None:
        del scales, generator

    def narrow(self, width: int) -> "Linear":
        del width
        return Linear(self.outputs)
