"""Encodings of the direction in which light leaves a point."""

from math import pi, sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from pinnscene.encodings.positional import Positional
from pinnscene.errors import PinnsceneError, unknown

Name = Literal["harmonics", "positional", "none"]


class Harmonics(nn.Module):
    """Real spherical harmonics up to a degree below ``degree``: the directions' own Fourier series.

    Orthonormal on the sphere. The functions of degree l are polynomials of x, y, z of that degree: the associated
    Legendre recurrences in z, times the cosines and sines of multiples of the azimuth (Sloan, Stupid spherical
    harmonics tricks, 2008, appendix A1).
    """

    def __init__(self, degree: int = 4) -> None:
        super().__init__()
        if not 1 <= degree <= 8:
            raise PinnsceneError(f"harmonics expected a degree of 1 to 8, got {degree}")
        self.degree, self.outputs = degree, degree * degree

    def forward(self, d: Tensor) -> Tensor:
        """[n, degree^2] of unit vectors [n, 3]."""
        x, y, z = d.unbind(-1)
        columns: dict[tuple[int, int], Tensor] = {}
        cosine, sine, peak = torch.ones_like(x), torch.zeros_like(x), 1.0  # peak: P_mm without its power of sin
        for m in range(self.degree):
            legendre = {m - 1: torch.zeros_like(z), m: torch.full_like(z, peak)}
            for n in range(m, self.degree):
                if n > m:
                    legendre[n] = ((2 * n - 1) * z * legendre[n - 1] - (n + m - 1) * legendre[n - 2]) / (n - m)
                scaled = legendre[n] * _norm(n, m)
                columns[n, m] = scaled * cosine
                if m:
                    columns[n, -m] = scaled * sine
            cosine, sine = x * cosine - y * sine, x * sine + y * cosine
            peak *= -(2 * m + 1)
        return torch.stack([columns[n, m] for n in range(self.degree) for m in range(-n, n + 1)], -1)


def _norm(n: int, m: int) -> float:
    ratio = 1.0
    for k in range(n - m + 1, n + m + 1):
        ratio /= k
    return sqrt((2 * n + 1) / (4 * pi) * ratio * (2 if m else 1))


class Blind(nn.Module):
    """No direction: light that leaves in all directions alike."""

    outputs = 0

    def forward(self, d: Tensor) -> Tensor:
        return d[:, :0]


def directions(name: Name, degree: int) -> Harmonics | Blind | Positional:
    """An encoding of directions: ``harmonics`` below ``degree``, ``positional`` with so many octaves, or ``none``."""
    if name == "harmonics":
        return Harmonics(degree)
    if name == "positional":
        return Positional(3, frequencies=degree)
    if name == "none":
        return Blind()
    raise unknown("encoding of directions", name, ["harmonics", "positional", "none"])
