"""The contract of an encoding."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from pinnscene.derivatives.jet import Jet
from pinnscene.registry import Registry

encodings: Registry["type[Encoding]"] = Registry("encoding")


class Encoding(nn.Module, ABC):
    """Maps normalised coordinates [n, inputs] to [n, outputs]; takes tensors and jets.

    Keyword arguments of the constructor are its knobs (``--set field.NAME=value``).
    """

    outputs: int

    @abstractmethod
    def forward(self, a: Tensor | Jet) -> Tensor | Jet: ...

    def reset(self, generator: torch.Generator) -> None:
        """Draw the random parts, if there are any."""
        del generator

    def redraw(self, scales: Tensor, generator: torch.Generator) -> bool:
        """Draw features that turn by about ``scales`` [inputs] radians a unit; False where there are none."""
        del scales, generator
        return False
