"""NeRF's positional encoding (Mildenhall et al. 2003.08934, equation 4)."""

from math import pi

import torch
from torch import Tensor

from pinnscene.derivatives.jet import Jet, concatenate
from pinnscene.encodings.base import Encoding, encodings
from pinnscene.errors import PinnsceneError
from pinnscene.layers import Sine


@encodings.register("positional")
class Positional(Encoding):
    """x, then sin(2^k pi x) and cos(2^k pi x) for k < frequencies, for each coordinate.

    Attributes:
        frequencies: octaves L; the encoding has inputs (1 + 2 L) outputs.
    """

    weight: Tensor
    phase: Tensor

    def __init__(self, inputs: int, *, frequencies: int = 6) -> None:
        super().__init__()
        if not 1 <= frequencies <= 24:
            raise PinnsceneError(f"positional expected 1 to 24 frequencies, got {frequencies}")
        self.outputs = inputs * (1 + 2 * frequencies)
        octaves = pi * 2.0 ** torch.arange(frequencies, dtype=torch.float64)
        rows = torch.cat([octave * torch.eye(inputs, dtype=torch.float64) for octave in octaves])
        self.register_buffer("weight", torch.cat([rows, rows]))
        self.register_buffer("phase", torch.arange(2 * len(rows)).ge(len(rows)).double() * (pi / 2))
        self.sine = Sine()

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        z = a.affine(self.weight, self.phase) if isinstance(a, Jet) else a @ self.weight.T + self.phase
        return concatenate([a, self.sine(z)])

    def attenuation(self, spread: Tensor) -> Tensor:
        """Exp(-(2^k pi spread)^2 / 2) a sine: the mean of a wave over a Gaussian (Barron et al. 2103.13415, eq. 14)."""
        waves = torch.exp(-(self.weight.norm(dim=1) * spread).square() / 2)
        return torch.cat([spread.new_ones(len(spread), self.outputs - waves.shape[1]), waves], 1)
