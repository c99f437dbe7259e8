"""The contract of a backbone."""

from abc import ABC, abstractmethod
from math import sqrt

import torch
from torch import Tensor, nn

from pinnscene.derivatives.jet import Jet
from pinnscene.errors import PinnsceneError
from pinnscene.layers import Affine
from pinnscene.registry import Registry

backbones: Registry["type[Backbone]"] = Registry("backbone")
WIDEST, DEEPEST = 1 << 16, 256  # units of a layer, and layers


def check_layers(name: str, width: int, depth: int) -> None:
    """Raise ``PinnsceneError`` for layers that no network here has."""
    if not (1 <= width <= WIDEST and 1 <= depth <= DEEPEST):
        raise PinnsceneError(
            f"{name} expected a width of 1 to {WIDEST} and a depth of 1 to {DEEPEST}, got {width} and {depth}"
        )


class Backbone(nn.Module, ABC):
    """Maps encoded coordinates [n, inputs] to features [n, outputs]; the field adds the linear last layer.

    Takes tensors and jets. Keyword arguments of the constructor are its knobs (``--set field.NAME=value``).

    Attributes:
        outputs: the number of features.
        random: whether features can be drawn at random, at a scale of choice.
        biased: whether the last layer adds a constant of its own.
        beyond: the last features that are smooth around holes alone, not within them.
    """

    outputs: int
    random: bool = True
    biased: bool = True
    beyond: int = 0

    @abstractmethod
    def forward(self, a: Tensor | Jet) -> Tensor | Jet: ...

    @abstractmethod
    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights for gradient training."""

    @abstractmethod
    def redraw(self, scales: Tensor | None, generator: torch.Generator) -> None:
        """Draw the weights as random features for a least-squares last layer.

        ``scales`` [inputs] bounds the radians by which the first layer turns along a unit of each input; None
        where the encoding has set the scale already.
        """

    @abstractmethod
    def narrow(self, width: int) -> "Backbone":
        """An untrained one of the same kind with ``width`` features, for trials."""

    def reset_head(self, head: Affine, generator: torch.Generator) -> None:
        """Draw the last layer: uniform in +-1/sqrt(inputs), bias zero."""
        head.uniform(1 / sqrt(self.outputs), 0.0, generator)
