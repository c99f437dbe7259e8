"""Sines and cosines: periodic functions, and functions between walls where the value or the slope is zero."""

from math import pi

import torch
from torch import Tensor

from pinnscene.bases.base import Basis, bases


class Waves(Basis):
    """cos(k x + phase) with fixed wave numbers and phases, scaled to keep the whole table about one."""

    numbers: Tensor
    phases: Tensor

    def __init__(self, numbers: Tensor, phases: Tensor) -> None:
        super().__init__(len(numbers))
        self.register_buffer("numbers", numbers)
        self.register_buffer("phases", phases)

    def nodes(self, count: int) -> Tensor:
        """Evenly spaced, half a space from the ends."""
        return (2 * torch.arange(count, dtype=torch.float64) + 1) / count - 1

    def table(self, x: Tensor, order: int) -> Tensor:
        """Each derivative turns the phase by a quarter and multiplies by the wave number."""
        waves = torch.cos(x[:, None] * self.numbers + (self.phases + order * pi / 2))
        return waves * self.numbers**order if order else waves


@bases.register("fourier")
class Fourier(Waves):
    """1, cos(pi x), sin(pi x), cos(2 pi x), ...: exactly periodic."""

    def __init__(self, count: int) -> None:
        k = torch.arange(count)
        super().__init__(pi * ((k + 1) // 2).double(), torch.where(k % 2 == 0, -pi / 2, 0.0).double() * (k > 0))


@bases.register("sine")
class Sine(Waves):
    """sin(m pi (x + 1) / 2), m from 1: exactly zero at both ends."""

    def __init__(self, count: int) -> None:
        numbers = pi / 2 * torch.arange(1, count + 1, dtype=torch.float64)
        super().__init__(numbers, numbers - pi / 2)


@bases.register("cosine")
class Cosine(Waves):
    """cos(m pi (x + 1) / 2), m from 0: exactly flat at both ends."""

    def __init__(self, count: int) -> None:
        numbers = pi / 2 * torch.arange(count, dtype=torch.float64)
        super().__init__(numbers, numbers.clone())
