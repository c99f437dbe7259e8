"""Closed forms of steady plane flows: u, v and the pressure over the density."""

from collections.abc import Callable
from math import pi

import torch
from torch import Tensor

from pinnscene.batch import Points

Flow = Callable[[Points], Tensor]


def kovasznay(nu: float) -> Flow:
    """The flow behind a grid, of Reynolds number 1 / nu (Kovasznay 1948): periodic in y."""
    rate = 1 / (2 * nu) - (1 / (4 * nu**2) + 4 * pi**2) ** 0.5

    def flow(p: Points) -> Tensor:
        decay, phase = torch.exp(rate * p["x"]), 2 * pi * p["y"]
        u = 1 - decay * torch.cos(phase)
        v = rate / (2 * pi) * decay * torch.sin(phase)
        return torch.cat([u, v, -(decay**2) / 2], 1)

    return flow


def poiseuille(nu: float, speed: float, low: float, high: float, end: float) -> Flow:
    """The flow between walls y = low and y = high, ``speed`` in the middle, p = 0 at x = end."""
    height = high - low

    def flow(p: Points) -> Tensor:
        s = (p["y"] - low) / height
        pressure = 8 * nu * speed / height**2 * (end - p["x"])
        return torch.cat([4 * speed * s * (1 - s), torch.zeros_like(s), pressure], 1)

    return flow
