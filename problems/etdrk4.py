"""Exponential time differencing of fourth order: exact in a stiff diagonal part, Runge-Kutta in the rest.

Cox and Matthews, J. Comput. Phys. 176 (2002), equations 26 to 29; the coefficients by contour integrals as in Kassam
and Trefethen, SIAM J. Sci. Comput. 26 (2005), section 3, since their formulae cancel near zero.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
CONTOUR = 32  # points on a circle around each h L: the error falls faster than their factorial
STENCIL = 8  # stored states that the values between them are interpolated from


class Coefficients(NamedTuple):
    """What a step of size h multiplies by: exp(L h), exp(L h / 2), and the weights of the slopes."""

    whole: Array
    half: Array
    inner: Array
    first: Array
    middle: Array
    last: Array


def coefficients(linear: Array, h: float) -> Coefficients:
    """The coefficients for the diagonal ``linear`` of any shape, real where it is real."""
    turns = (np.arange(CONTOUR) + 0.5) / CONTOUR
    real = not np.iscomplexobj(linear)
    circle = np.exp(2j * np.pi * (turns[: CONTOUR // 2] if real else turns))  # the lower half mirrors the upper one
    sums = np.zeros((4, *linear.shape), dtype=float if real else complex)
    for r in circle:  # one point at a time: the circle of every entry at once would be so many times the memory
        z = h * linear + r
        e, cube = np.exp(z), z**3
        terms = (
            np.expm1(z / 2) / z,
            (-4 - z + e * (4 - 3 * z + z**2)) / cube,
            2 * (2 + z + e * (z - 2)) / cube,
            (-4 - 3 * z - z**2 + e * (4 - z)) / cube,
        )
        sums += np.stack([term.real if real else term for term in terms])
    weights = h / len(circle) * sums
    return Coefficients(np.exp(h * linear), np.exp(h * linear / 2), *weights)


def march(
    linear: Array, rest: Callable[[Array, float], Array], start: Array, span: tuple[float, float], steps: int
) -> Iterator[tuple[Array, Array]]:
    """The states of w' = linear w + rest(w, t) with their ``rest``, the start first, then after each of equal steps.

    Args:
        linear: the diagonal part, of the shape of w.
        rest: (w, t) -> the other part.
        start: w at the beginning of ``span``.
        span: first and last time.
        steps: how many.
    """
    h = (span[1] - span[0]) / steps
    c, w, slope = coefficients(linear, h), start, rest(start, span[0])
    yield w, slope
    for k in range(steps):
        t = span[0] + k * h
        a = c.half * w + c.inner * slope
        at_a = rest(a, t + h / 2)
        at_b = rest(c.half * w + c.inner * at_a, t + h / 2)
        at_c = rest(c.half * a + c.inner * (2 * at_b - slope), t + h)
        w = c.whole * w + c.first * slope + c.middle * (at_a + at_b) + c.last * at_c
        slope = rest(w, t + h)
        yield w, slope


def stencils(t: Array, times: Array) -> tuple[Array, Array]:
    """The first of the ``STENCIL`` equally spaced ``times`` around each t [n], and the place of t counted from it."""
    place = (t - times[0]) / (times[1] - times[0])
    first = np.clip(np.floor(place).astype(int) - STENCIL // 2 + 1, 0, len(times) - STENCIL)
    return first, place - first


def lagrange(place: Array) -> Array:
    """Weights [n, STENCIL] of values at 0, 1, ..., STENCIL - 1 for the polynomial through them at ``place`` [n]."""
    nodes = np.arange(STENCIL)
    weights = np.ones((len(place), STENCIL))
    for j in nodes:
        for i in nodes[nodes != j]:
            weights[:, j] *= (place - i) / (j - i)
    return weights
