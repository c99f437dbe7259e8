"""The multilayer perceptron."""

from itertools import pairwise
from math import sqrt
from typing import Literal

import torch
from torch import Tensor

from pinnscene.backbones.base import Backbone, backbones
from pinnscene.derivatives.jet import Jet
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.layers import ACTIVATIONS, Affine, stack

Name = Literal["relu", "tanh", "softplus", "gelu", "sine"]


@backbones.register("mlp")
class Mlp(Backbone):
    """s(W a + b), layer after layer; weights after He (relu, gelu, softplus) or Glorot (tanh, sine).

    Attributes:
        width: units of each hidden layer.
        depth: hidden layers.
        activation: the function s.
    """

    def __init__(
        self,
        inputs: int,
        *,
        width: int = 64,
        depth: int = 3,
        activation: Name = "tanh",
    ) -> None:
        super().__init__()
        if width < 1 or depth < 1:
            raise PinnsceneError(f"mlp expected width and depth >= 1, got {width} and {depth}")
        if activation not in ACTIVATIONS:
            raise unknown("activation", activation, ACTIVATIONS)
        self.kind: Name = activation
        self.outputs, self.gain = width, 3.0 if activation in ("tanh", "sine") else 6.0
        widths = [inputs, *[width] * depth]
        self.layers = stack(Affine(m, n) for m, n in pairwise(widths))
        self.activation = ACTIVATIONS[activation]()

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        for layer in self.layers:
            a = self.activation(layer(a))
        return a

    def reset(self, generator: torch.Generator) -> None:
        for layer in self.layers:
            inputs = layer.weight.shape[1]
            layer.uniform(sqrt(self.gain / inputs), 1 / sqrt(inputs), generator)

    def redraw(self, scales: Tensor | None, generator: torch.Generator) -> None:
        self.reset(generator)
        first = self.layers[0]
        if scales is not None:
            first.uniform(scales.to(torch.float64), float(scales.max()), generator)

    def narrow(self, width: int) -> "Mlp":
        inputs, depth = self.layers[0].weight.shape[1], len(self.layers)
        return Mlp(inputs, width=width, depth=depth, activation=self.kind)
