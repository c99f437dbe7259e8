"""The contract of a backbone."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

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

    @classmethod
    def shared(cls, knobs: Sequence[Mapping[str, Any]], inputs: int) -> dict[str, Any] | None:
        """Knobs that suit fields of several problems at once, over ``inputs`` coordinates; None where there are none.

        Args:
            knobs: those of each problem.
            inputs: coordinates of all, what tells the problems apart included.
        """
        del inputs
        return dict(knobs[0]) if all(k == knobs[0] for k in knobs) else None

    def reset_head(self, head: Affine, generator: torch.Generator) -> None:
        """Draw the last layer: uniform in +-1/sqrt(inputs), bias zero."""
        head.uniform(1 / sqrt(self.outputs), 0.0, generator)
