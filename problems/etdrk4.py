"""Exponential time differencing of fourth order: exact in a stiff diagonal part, Runge-Kutta in the rest.

Cox and Matthews, J. Comput. Phys. 176 (2002), equations 26 to 29; the coefficients by contour integrals as in Kassam
and Trefethen, SIAM J. Sci. Comput. 26 (2005), section 2, since their formulae cancel near zero.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CONTOUR = 16  # points of the upper half circle: the error falls faster than their factorial


class Coefficients(NamedTuple):
    """What a step of size h multiplies by: exp(L h), exp(L h / 2), and the weights of the slopes."""

    whole: Array
    half: Array
    inner: Array
    first: Array
    middle: Array
    last: Array


def coefficients(linear: Array, h: float) -> Coefficients:
    """The coefficients for the diagonal ``linear``, real and of any shape."""
    circle = np.exp(1j * np.pi * (np.arange(CONTOUR) + 0.5) / CONTOUR)
    sums = [np.zeros(linear.shape) for _ in range(4)]
    for r in circle:  # one point at a time: the circle of every entry at once would be so many times the memory
        z = h * linear + r
        half = np.exp(z / 2)
        e = half * half
        terms = (
            (half - 1) / z,
            (-4 - z + e * (4 - 3 * z + z**2)) / z**3,
            (2 + z + e * (z - 2)) / z**3,
            (-4 - 3 * z - z**2 + e * (4 - z)) / z**3,
        )
        sums = [total + term.real for total, term in zip(sums, terms, strict=True)]
    weights = [h / CONTOUR * total for total in sums]
    return Coefficients(np.exp(h * linear), np.exp(h * linear / 2), *weights)


def etdrk4(
    linear: Array, rest: Callable[[Array, float], Array], start: Array, span: tuple[float, float], steps: int
) -> Iterator[Array]:
    """The states of w' = linear w + rest(w, t) after each of ``steps`` equal steps, the start first.

    Args:
        linear: the diagonal part, of the shape of w.
        rest: (w, t) -> the other part.
        start: w at the beginning of ``span``.
        span: first and last time.
        steps: how many.
    """
    h = (span[1] - span[0]) / steps
    c, w = coefficients(linear, h), start
    yield w
    for k in range(steps):
        t = span[0] + k * h
        slope = rest(w, t)
        a = c.half * w + c.inner * slope
        slope_a = rest(a, t + h / 2)
        slope_b = rest(c.half * w + c.inner * slope_a, t + h / 2)
        slope_c = rest(c.half * a + c.inner * (2 * slope_b - slope), t + h)
        w = c.whole * w + c.first * slope + 2 * c.middle * (slope_a + slope_b) + c.last * slope_c
        yield w
