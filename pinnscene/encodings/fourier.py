"""Fourier features: cos(2 pi B x), sin(2 pi B x) with a Gaussian B (Tancik et al. 2006.10739, section 6)."""

from math import pi

import torch
from torch import Tensor, nn

from pinnscene.derivatives.jet import Jet
from pinnscene.encodings.base import Encoding, encodings
from pinnscene.errors import PinnsceneError
from pinnscene.layers import Sine

MOST = 1 << 16  # features


@encodings.register("fourier")
class Fourier(Encoding):
    """Gaussian Fourier features, fixed once drawn.

    Attributes:
        features: rows of B; the encoding has twice as many outputs.
        sigma: standard deviation of B, in cycles a unit of the normalised coordinates.
    """

    random = True
    frequencies: Tensor
    phase: Tensor

    def __init__(self, inputs: int, *, features: int = 128, sigma: float = 1.0) -> None:
        super().__init__()
        if not 1 <= features <= MOST or not sigma > 0:
            raise PinnsceneError(
                f"fourier expected features from 1 to {MOST} and sigma > 0, got {features} and {sigma}"
            )
        self.outputs, self.sigma = 2 * features, sigma
        self._hold(torch.zeros(features, inputs))
        # cos z = sin(z + pi / 2): one sine serves both halves.
        phase = torch.zeros(2 * features, dtype=torch.float64)
        phase[:features] = pi / 2
        self.register_buffer("phase", phase)
        self.sine = Sine()

    def _hold(self, frequencies: Tensor) -> None:
        self.register_buffer("frequencies", frequencies)

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        weight = 2 * pi * torch.cat([self.frequencies, self.frequencies])
        z = a.affine(weight, self.phase) if isinstance(a, Jet) else a @ weight.T + self.phase
        return self.sine(z)

    def attenuation(self, spread: Tensor) -> Tensor:
        """Exp(-(2 pi |b| spread)^2 / 2) a wave of frequency b: its mean over a Gaussian."""
        waves = torch.exp(-(2 * pi * self.frequencies.norm(dim=1) * spread).square() / 2)
        return torch.cat([waves, waves], 1)

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        self._fill(torch.full((self.frequencies.shape[1],), 2 * pi * self.sigma), generator)

    def redraw(self, scales: Tensor, generator: torch.Generator) -> bool:
        self._fill(scales, generator)
        return True

    @torch.no_grad()
    def _fill(self, scales: Tensor, g: torch.Generator) -> None:
        normal = torch.randn(*self.frequencies.shape, generator=g, device=g.device, dtype=torch.float64)
        self.frequencies.copy_(normal * scales.to(normal) / (2 * pi))


@encodings.register("learned-fourier")
class LearnedFourier(Fourier):
    """Fourier features whose frequencies are trained with the rest."""

    def _hold(self, frequencies: Tensor) -> None:
        self.frequencies = nn.Parameter(frequencies)
