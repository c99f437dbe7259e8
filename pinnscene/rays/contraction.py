"""All of space in a ball of radius 2 (Barron et al. 2111.12077, equation 10), and steps that suit it."""

import torch
from torch import Tensor

FURTHEST = 2 - 1e-6  # radius in the ball at which space is taken to end


def contract(x: Tensor) -> Tensor:
    """Points [..., 3]: the unit ball stays, what is outside comes to 2 - 1/|x| in its direction."""
    r = x.norm(dim=-1, keepdim=True).clamp(min=1.0)
    return x * ((2 - 1 / r) / r)


def expand(y: Tensor) -> Tensor:
    """The inverse of ``contract``: points [..., 3] of the ball of radius 2; those beyond it come far away."""
    r = y.norm(dim=-1, keepdim=True).clamp(min=1.0)
    return y / (r * (2 - r.clamp(max=FURTHEST)))


def shrinkage(x: Tensor) -> Tensor:
    """How much lengths about points [..., 3] shrink in ``contract``, all directions alike [..., 1].

    The cube root of the determinant: 1/r^2 along the radius, (2 - 1/r)/r across it twice (as Barron et al. 2304.06706).
    """
    r = x.norm(dim=-1, keepdim=True).clamp(min=1.0)
    return ((2 - 1 / r) ** 2).pow(1 / 3) / r.pow(4 / 3)


def warped(t: Tensor) -> Tensor:
    """Distances as numbers from 0 to 1: half of them up to distance 1, the others evenly in disparity."""
    return torch.where(t < 1, t / 2, 1 - 0.5 / t.clamp(min=1.0))


class Strides:
    """Rays o + t d in strides: of length 1 in the unit ball, outside as long as the distance r from its middle.

    The count of strides s has ds/dt = |d| / max(1, r). With tau = |d| t counted from where the ray is nearest to the
    middle, at a distance b: s = tau inside, and outside the integral of dtau / sqrt(b^2 + tau^2), which is a logarithm.
    What is far away looks small, so that long strides see as much of it (Mueller et al. 2201.05989, appendix E.1).
    """

    def __init__(self, origins: Tensor, directions: Tensor) -> None:
        self.speed = directions.norm(dim=1, keepdim=True)
        unit = directions / self.speed
        self.nearest = -(origins * unit).sum(1, keepdim=True)  # tau of the origin is minus this
        b = (origins + self.nearest * unit).norm(dim=1, keepdim=True)
        self.squared = b.square()
        self.half = (1 - self.squared).clamp(min=0).sqrt()  # half the chord in the ball
        self.edge = self.half + b.clamp(min=1.0)

    def of(self, t: Tensor) -> Tensor:
        """The strides [n, k] of distances t [n, k]."""
        tau = t * self.speed - self.nearest
        size = tau.abs()
        outside = self.half + ((size + (self.squared + size.square()).sqrt()) / self.edge).log()
        return torch.where(size > self.half, outside.copysign(tau), tau)

    def distance(self, s: Tensor) -> Tensor:
        """The inverse of ``of``."""
        grown = self.edge * torch.exp(s.abs() - self.half)
        tau = torch.where(s.abs() > self.half, ((grown - self.squared / grown) / 2).copysign(s), s)
        return (tau + self.nearest) / self.speed
