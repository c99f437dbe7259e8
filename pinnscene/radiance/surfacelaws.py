"""How opaque a surface is to rays that come near it: laws from a signed distance to what a ray crosses.

Distances h are negative inside and counted, like densities, in half sides of the box. Both laws have one learned
number, the width w of the shell that the surface is blurred over: it shrinks as the pictures come to agree.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Name = Literal["volsdf", "neus"]
Distance = Callable[[Tensor], Tensor]  # of points of the scene [n, 3]: [n]
WIDTH = 0.05  # to begin with, half sides
RATE = 5.0  # how much faster than a weight of the network the width's logarithm moves
PLACES = 8  # of a stretch, where the density of VolSDF is asked for
NARROW, WIDE = log(1e-5), log(1.0)  # bounds of the width's logarithm


class Law(nn.Module, ABC):
    """A family of laws with the width w = exp(RATE ``exponent``)."""

    def __init__(self) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor(log(WIDTH) / RATE))

    @property
    def width(self) -> Tensor:
        """The width of the shell, half sides."""
        return (RATE * self.exponent).clamp(NARROW, WIDE).exp()

    @torch.no_grad()
    def reset(self, width: float = WIDTH) -> None:
        """Begin with a width, half sides."""
        self.exponent.fill_(log(width) / RATE)

    @abstractmethod
    def density(self, h: Tensor) -> Tensor:
        """The density [n] per half side at distances h [n]."""

    @abstractmethod
    def cross(self, distance: Distance, x: Tensor, d: Tensor, length: Tensor, unit: float) -> Tensor:
        """The optical depth [n] of stretches, as of ``Glow.cross``."""


class Laplace(Law):
    """VolSDF: sigma = Psi(-h) / w with the distribution function Psi of Laplace (Yariv et al. 2106.12052, eq. 2, 3).

    The density of a stretch is its mean over ``PLACES`` places, the distance taken to be linear between its ends:
    a shell may be thinner than a stretch.
    """

    def density(self, h: Tensor) -> Tensor:
        return (0.5 + 0.5 * h.sign() * torch.expm1(-h.abs() / self.width)) / self.width

    def cross(self, distance: Distance, x: Tensor, d: Tensor, length: Tensor, unit: float) -> Tensor:
        start, end = _ends(distance, x, d, length)
        places = (torch.arange(PLACES, device=x.device) + 0.5) / PLACES
        return self.density(torch.lerp(start[:, None], end[:, None], places.to(x))).mean(1) * (length / unit)


class Logistic(Law):
    """NeuS: 1 - alpha = Phi(h_end) / Phi(h_start), Phi the logistic function of h / w (Wang et al. 2106.10689, eq. 13).

    The field is asked at both ends of a stretch: then the light that comes through stretches that follow one another
    is exact for any field that falls along the ray, without a second derivative in training. The paper takes the ends
    from the middle and the slope there.
    """

    def density(self, h: Tensor) -> Tensor:
        """That of a ray straight at the surface: -d log Phi / dt with dh/dt = -1 (eq. 10)."""
        return torch.sigmoid(-h / self.width) / self.width

    def cross(self, distance: Distance, x: Tensor, d: Tensor, length: Tensor, unit: float) -> Tensor:
        del unit
        start, end = (F.logsigmoid(h / self.width) for h in _ends(distance, x, d, length))
        return F.relu(start - end)


def _ends(distance: Distance, x: Tensor, d: Tensor, length: Tensor) -> tuple[Tensor, ...]:
    """The distances [n] at both ends of stretches."""
    half = (length / 2)[:, None] * d
    return distance(torch.cat([x - half, x + half])).chunk(2)


LAWS: dict[str, type[Law]] = {"volsdf": Laplace, "neus": Logistic}
