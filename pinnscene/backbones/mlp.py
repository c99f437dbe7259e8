"""The multilayer perceptron."""

from collections.abc import Sequence
from itertools import pairwise
from math import pi, sqrt
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from pinnscene.backbones.base import Backbone, backbones, check_layers
from pinnscene.derivatives.jet import Jet, concatenate
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.layers import ACTIVATIONS, Affine, Softplus, stack

Name = Literal["relu", "tanh", "softplus", "gelu", "silu", "sine"]
SPACE = 3  # coordinates of a shape


@backbones.register("mlp")
class Mlp(Backbone):
    """s(W a + b), layer after layer; weights after He (relu, gelu, silu, softplus) or Glorot (tanh, sine).

    Attributes:
        width: units of each hidden layer.
        depth: hidden layers.
        activation: the function s.
        skip: the hidden layer that sees the inputs once more, such as 4 of 8 in DeepSDF (Park et al. 1901.05103);
            0 for none.
        sphere: radius of the sphere that a field of one output starts as, about |x| - radius in its normalised
            coordinates (Atzmon and Lipman 1911.10414, theorem 1; Gropp et al. 2002.10099), without an encoding or
            with a grid, whose values start at almost nothing; 0 for random weights.
        beta: sharpness of softplus: the width of its bend is about 1/beta.
    """

    def __init__(
        self,
        inputs: int,
        *,
        width: int = 64,
        depth: int = 3,
        activation: Name = "tanh",
        skip: int = 0,
        sphere: float = 0.0,
        beta: float = 10.0,
    ) -> None:
        super().__init__()
        check_layers("mlp", width, depth)
        if activation not in ACTIVATIONS:
            raise unknown("activation", activation, ACTIVATIONS)
        if not 0 <= skip < depth or skip == 1 or not sphere >= 0 or not beta > 0:
            raise PinnsceneError(
                f"mlp expected skip = 0 or from 2 to depth - 1, sphere >= 0 and beta > 0, got {skip}, {sphere}, {beta}"
            )
        self.kind: Name = activation
        self.skip, self.sphere, self.beta = skip, sphere, beta
        self.outputs, self.gain = width, 3.0 if activation in ("tanh", "sine") else 6.0
        widths = [inputs, *[width] * depth]
        joined = [inputs if k == skip - 1 else 0 for k in range(depth)]
        self.layers = stack(Affine(m + more, n) for (m, n), more in zip(pairwise(widths), joined, strict=True))
        self.activation = Softplus(beta) if activation == "softplus" else ACTIVATIONS[activation]()

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        first = a
        for k, layer in enumerate(self.layers, 1):
            a = self.activation(layer(concatenate([a, first]) if k == self.skip else a))
        return a

    def reset(self, generator: torch.Generator) -> None:
        if self.sphere:
            return round_off(self.layers, self.layers[0].weight.shape[1], self.skip, generator)
        for layer in self.layers:
            inputs = layer.weight.shape[1]
            layer.uniform(sqrt(self.gain / inputs), 1 / sqrt(inputs), generator)

    @torch.no_grad()
    def reset_head(self, head: Affine, generator: torch.Generator) -> None:
        if not self.sphere:
            return super().reset_head(head, generator)
        # the mean of the last hidden units grows like |x| / sqrt(pi) a unit; softplus is a little more than relu in
        # every layer, so that the sphere is found by trial
        head.weight.fill_(sqrt(pi / self.outputs))
        inputs = self.layers[0].weight.shape[1]
        space = min(inputs, SPACE)
        trial = torch.randn(256, space, generator=generator, device=generator.device, dtype=torch.float64)
        on = F.pad(self.sphere * F.normalize(trial), (inputs - space, 0)).to(head.weight)
        head.bias.fill_(-(self(on) @ head.weight.T).mean().item())

    def redraw(self, scales: Tensor | None, generator: torch.Generator) -> None:
        self.reset(generator)
        first = self.layers[0]
        if scales is not None:
            first.uniform(scales.to(torch.float64), float(scales.max()), generator)

    def narrow(self, width: int) -> "Mlp":
        inputs, depth = self.layers[0].weight.shape[1], len(self.layers)
        return Mlp(inputs, width=width, depth=depth, activation=self.kind, skip=self.skip, beta=self.beta)


@torch.no_grad()
def round_off(layers: Sequence[Affine], inputs: int, skip: int, g: torch.Generator) -> None:
    """Normal weights of variance 2 / outputs, so that the norm of the point survives; a skip is not seen at first."""
    for k, layer in enumerate(layers, 1):
        n, m = layer.weight.shape
        normal = torch.randn(n, m, generator=g, device=g.device, dtype=torch.float64) * sqrt(2 / n)
        if k == skip:
            normal[:, m - inputs :] = 0
        layer.weight.copy_(normal)
        layer.bias.zero_()
