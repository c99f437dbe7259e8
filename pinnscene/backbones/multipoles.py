"""What solutions do around holes: decaying functions of the distance from a centre inside each, by angular order.

Around a disc of radius b, harmonic functions are sums of log r and of (b / z)^m, and solutions of lap(u) = k^2 u that
decay are sums of K_m(k r) exp(i m theta) (Abramowitz and Stegun 9.6; Vekua 1967, section 13).
"""

from typing import Any

import torch
from torch import Tensor

from pinnscene.backbones.wirtinger import Planar


def poles(z: Tensor, radius: Tensor, orders: int) -> Planar:
    """log(z / b), then (b / z)^m for m from 1 to ``orders``: [n, holes, orders + 1].

    Args:
        z: places [n, holes] seen from the centres.
        radius: b [holes].
        orders: angular orders.
    """
    z, m = z[..., None], torch.arange(1, orders + 1, device=z.device, dtype=z.real.dtype)
    share = radius[:, None] / z
    value = share.expand(*z.shape[:-1], orders).cumprod(-1)
    first, one = (z / radius[:, None]).log(), 1 / z
    slope, bend = -m * value * one, m * (m + 1) * value * one**2
    return Planar(torch.cat([first, value], -1), torch.cat([one, slope], -1), zz=torch.cat([-(one**2), bend], -1))


def screened(z: Tensor, radius: Tensor, k: Tensor, orders: int) -> Planar:
    """K_m(k r) exp(i m theta), as a share of its value at the radius, m from 0 to ``orders``: [n, holes, orders + 1].

    By D_+ [K_m e^(i m theta)] = -k K_(m+1) e^(i (m+1) theta) and D_- alike, with D_+ and D_- twice the derivatives by
    the conjugate of z and by z.

    Args:
        z: places [n, holes] seen from the centres.
        radius: [holes].
        k: [holes].
        orders: angular orders.
    """
    r = z.abs()
    turn = z / r
    fall = torch.exp(-k * (r - radius))
    turns = torch.cat([torch.ones_like(z)[..., None], turn[..., None].expand(*z.shape, orders + 2).cumprod(-1)], -1)
    there = decaying(k * r, orders + 2) * fall[..., None] * turns  # m from 0 to orders + 2
    below = there[..., 1:3].conj().flip(-1)  # m = -2 and -1
    whole = torch.cat([below, there], -1)
    edge = decaying(k * radius, orders)
    at = lambda shift: whole[..., 2 + shift : 3 + shift + orders] / edge
    k = k[:, None]
    value = at(0)
    return Planar(value, -k / 2 * at(-1), -k / 2 * at(1), k**2 / 4 * at(-2), k**2 / 4 * value, k**2 / 4 * at(2))


def decaying(x: Tensor, orders: int) -> Tensor:
    """exp(x) K_m(x) for m from 0 to ``orders``, [..., orders + 1]; upward recurrence is stable for them."""
    lowest: Any = _Lowest.apply(x)
    found = list(lowest)
    for m in range(1, orders):
        found.append(found[m - 1] + 2 * m / x * found[m])
    return torch.stack(found[: orders + 1], -1)


class _Lowest(torch.autograd.Function):
    """exp(x) K_0(x) and exp(x) K_1(x), differentiable any number of times."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x)
        return torch.special.scaled_modified_bessel_k0(x), torch.special.scaled_modified_bessel_k1(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        lowest: Any = _Lowest.apply(x)
        k0, k1 = lowest
        return grads[0] * (k0 - k1) + grads[1] * (k1 - k0 - k1 / x)
