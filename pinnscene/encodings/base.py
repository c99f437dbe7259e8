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
    random = False  # whether it draws features at a scale of choice
    waves = False  # whether its features are products of waves along all axes but the last
    favours_jets = False  # whether first derivatives come sooner by jets even where there are few outputs
    towers = True  # whether its jets go beyond second order

    @abstractmethod
    def forward(self, a: Tensor | Jet) -> Tensor | Jet: ...

    def reset(self, generator: torch.Generator) -> None:
        """Draw the random parts, if there are any."""
        del generator

    def refresh(self, share: float) -> None:
        """Grow with training, of which ``share`` (0 to 1) is done; called before every step."""
        del share

    def describe(self) -> str:
        """What its outputs are, in a few words; empty where the knobs say it all."""
        return ""

    def lines(self) -> list[Tensor] | None:
        """Points of each axis whose lattice suits a least-squares fit; None where any points do."""
        return None

    def attenuation(self, spread: Tensor) -> Tensor | None:
        """What is left of each output [n, outputs] on the mean over a Gaussian around the point.

        Args:
            spread: its standard deviation along each axis [n, 1], in normalised coordinates.

        Returns:
            Factors from 0 to 1; None where outputs cannot be told coarse from fine.
        """
        del spread
        return None

    def coordinates(self, scales: Tensor) -> Tensor | None:
        """The scales of the outputs [outputs] where these are coordinates again, from those of the inputs; else None.

        Random features of a backbone are then drawn at these scales.
        """
        return scales if self.outputs == len(scales) else None

    def redraw(self, scales: Tensor, generator: torch.Generator) -> bool:
        """Draw features that turn by about ``scales`` [inputs] radians a unit; False where there are none."""
        del scales, generator
        return False
