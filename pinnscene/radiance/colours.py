"""The colour of light that leaves a point in a direction."""

import torch
from torch import Tensor, nn

from pinnscene.backbones.mlp import Mlp
from pinnscene.layers import Affine
from pinnscene.radiance.directions import Name, directions


class Colours(nn.Module):
    """A small network from a point's features and a direction to red, green and blue from 0 to 1."""

    def __init__(self, features: int, width: int, depth: int, seen: Name, degree: int) -> None:
        super().__init__()
        self.directions = directions(seen, degree)
        self.layers = Mlp(features + self.directions.outputs, width=width, depth=depth, activation="relu")
        self.head = Affine(width, 3)

    def forward(self, features: Tensor, d: Tensor) -> Tensor:
        """[n, 3] of features [n, m] and unit directions [n, 3]."""
        hidden = self.layers(torch.cat([features, self.directions(d)], 1))
        return torch.sigmoid(self.head(hidden))

    def reset(self, generator: torch.Generator) -> None:
        self.layers.reset(generator)
        self.layers.reset_head(self.head, generator)
