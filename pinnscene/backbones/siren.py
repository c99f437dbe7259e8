"""SIREN: an MLP with sine activations (Sitzmann et al. 2006.09661, section 3.2)."""

from itertools import combinations, pairwise
from math import pi, sqrt

import torch
from torch import Tensor

from pinnscene.backbones.base import Backbone, backbones, check_layers
from pinnscene.derivatives.jet import Jet
from pinnscene.errors import PinnsceneError
from pinnscene.layers import Affine, Sine, stack
from pinnscene.samplers import unit_cube


@backbones.register("siren")
class Siren(Backbone):
    """sin(omega (W a + b)), layer after layer.

    Attributes:
        width: units of each hidden layer.
        depth: hidden layers.
        first: omega of the first layer: the frequencies that the network starts with.
        omega: omega of the later layers.
        pairs: share of random features that turn along two axes only: many functions of many coordinates are close to
            sums of functions of few (Harris et al. 2110.04369).
    """

    def __init__(
        self,
        inputs: int,
        *,
        width: int = 64,
        depth: int = 3,
        first: float = 30.0,
        omega: float = 30.0,
        pairs: float = 0.0,
    ) -> None:
        super().__init__()
        check_layers("siren", width, depth)
        if not (first > 0 and omega > 0):
            raise PinnsceneError(f"siren expected first and omega > 0, got {first} and {omega}")
        if not 0 <= pairs <= 1:
            raise PinnsceneError(f"siren expected pairs from 0 to 1, a share of the features, got {pairs}")
        self.outputs, self.first, self.omega, self.pairs = width, first, omega, pairs
        widths = [inputs, *[width] * depth]
        self.layers = stack(Affine(m, n) for m, n in pairwise(widths))
        self.sines = stack(Sine(first if k == 0 else omega) for k in range(depth))

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        for layer, sine in zip(self.layers, self.sines, strict=True):
            a = sine(layer(a))
        return a

    def reset(self, generator: torch.Generator) -> None:
        for k, layer in enumerate(self.layers):
            inputs = layer.weight.shape[1]
            bound = 1 / inputs if k == 0 else sqrt(6 / inputs) / self.omega
            layer.uniform(bound, 1 / sqrt(inputs), generator)

    def narrow(self, width: int) -> "Siren":
        inputs, depth = self.layers[0].weight.shape[1], len(self.layers)
        return Siren(inputs, width=width, depth=depth, first=self.first, omega=self.omega, pairs=self.pairs)

    def reset_head(self, head: Affine, generator: torch.Generator) -> None:
        head.uniform(sqrt(6 / self.outputs) / self.omega, 0.0, generator)

    @torch.no_grad()
    def redraw(self, scales: Tensor | None, generator: torch.Generator) -> None:
        for k, (layer, sine) in enumerate(zip(self.layers, self.sines, strict=True)):
            inputs = layer.weight.shape[1]
            if k == 0 and scales is not None:
                # Sobol weights cover the box of frequencies and phases evenly: the solve is about ten times
                # more accurate than with as many independent draws.
                spread = unit_cube(self.outputs, inputs + 1, "sobol", generator) * 2 - 1
                turns = spread[:, :inputs] * scales.to(spread) * self._kept(inputs).to(spread)
                layer.weight.copy_(turns / sine.omega)
                layer.bias.copy_(spread[:, inputs] * pi / sine.omega)
            else:
                layer.uniform(sqrt(6 / inputs) / sine.omega, pi / sine.omega, generator)

    def _kept(self, inputs: int) -> Tensor:
        """Which axes each feature turns along [outputs, inputs]: pairs in turn for their share, all for the others."""
        kept = torch.ones(self.outputs, inputs)
        chosen = list(combinations(range(inputs), 2))
        for row in range(round(self.pairs * self.outputs) if chosen else 0):
            kept[row] = 0
            kept[row, list(chosen[row % len(chosen)])] = 1
        return kept
