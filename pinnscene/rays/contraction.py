"""All of space in a ball of radius 2 (Barron et al. 2111.12077, equation 10), and steps that suit it."""

import torch
from torch import Tensor


def contract(x: Tensor) -> Tensor:
    """Points [..., 3]: the unit ball stays, what is outside comes to 2 - 1/|x| in its direction."""
    r = x.norm(dim=-1, keepdim=True).clamp(min=1.0)
    return x * ((2 - 1 / r) / r)


def warped(t: Tensor) -> Tensor:
    """Distances as numbers from 0 to 1: half of them up to distance 1, the others evenly in disparity."""
    return torch.where(t < 1, t / 2, 1 - 0.5 / t.clamp(min=1.0))


def unwarped(s: Tensor) -> Tensor:
    """The inverse of ``warped``."""
    return torch.where(s < 0.5, 2 * s, 0.5 / (1 - s).clamp(min=1e-9))
