"""Periodic evolution equations by Fourier modes and exponential Runge-Kutta steps.

u_t = L u + M g(u) with L and M multipliers of the waves exp(i k x): the stiff part L is integrated exactly, the rest by
ETDRK4 (Cox and Matthews 2002), its coefficients by contour integrals (Kassam and Trefethen 2005, section 3).
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pinnscene.errors import PinnsceneError

Array = NDArray[Any]
CONTOUR = np.exp(2j * np.pi * (np.arange(32) + 0.5) / 32)  # points on a circle around each h L
STENCIL = 8  # stored states that the values between them are interpolated from
CHUNK = 2**21  # complex numbers at a time when values are asked for


class Semilinear(NamedTuple):
    """u_t = L u + M g(u).

    Attributes:
        linear: wave numbers -> L, the symbol of the stiff part.
        outer: wave numbers -> M, such as -i k for -(g)_x.
        g: values at the nodes -> values at the nodes.
    """

    linear: Callable[[Array], Array]
    outer: Callable[[Array], Array]
    g: Callable[[Array], Array]


class Steps(NamedTuple):
    """So many steps of equal length up to a time, of whose states every ``keep``-th is kept."""

    end: float
    count: int
    keep: int = 1


class _Stretch(NamedTuple):
    """States kept at equal distances.

    Attributes:
        times: [m].
        states: their Fourier coefficients [m, modes].
        turns: radians a unit of t [modes] by which each wave turns steadily: Im(L) for free ones, 0 for others, such as
            those bound in a soliton.
    """

    times: Array
    states: Array
    turns: Array


class Etdrk4:
    """A solution of a semilinear equation on a periodic axis, found when made.

    Args:
        equation: L, M and g.
        start: values at equally spaced nodes from the lower end on, real or complex, many of them where it has kinks.
        modes: how many waves are kept, an odd number.
        ends: lower and upper end of the axis.
        begin: first time.
        steps: stretches of steps, one after the other; at least ``STENCIL`` kept states each.
    """

    def __init__(
        self,
        equation: Semilinear,
        start: Array,
        modes: int,
        ends: tuple[float, float],
        begin: float,
        steps: Sequence[Steps],
    ) -> None:
        began = perf_counter()
        n = modes
        if n % 2 == 0 or len(start) < n or any(s.count // s.keep + 1 < STENCIL or s.count % s.keep for s in steps):
            raise PinnsceneError(f"Etdrk4 expected an odd number of modes and enough steps, got {n} and {steps}")
        self.n, self.lower, self.real = n, ends[0], not np.iscomplexobj(start)
        turns = np.arange(n // 2 + 1) if self.real else np.fft.fftfreq(n, 1 / n)
        self.waves = 2 * np.pi / (ends[1] - ends[0]) * turns
        self.symbol = np.asarray(equation.linear(self.waves), dtype=complex)
        outer = equation.outer(self.waves)
        forward, back = (np.fft.rfft, np.fft.irfft) if self.real else (np.fft.fft, np.fft.ifft)
        slope = lambda v: outer * forward(equation.g(back(v, n)))
        self.stretches: list[_Stretch] = []
        v = forward(start)[np.rint(turns).astype(int)] * (n / len(start))
        for stretch in steps:
            times = np.linspace(begin, stretch.end, stretch.count + 1)
            v, kept, turns = _march(v, self.symbol, slope, (stretch.end - begin) / stretch.count, stretch)
            self.stretches.append(_Stretch(times[:: stretch.keep], kept, turns))
            begin = stretch.end
        if not np.isfinite(v).all():
            raise PinnsceneError("the spectral solver overflows: the start is too large or too rough for its steps")
        self.seconds = perf_counter() - began

    def modes(self, t: Array) -> Array:
        """The Fourier coefficients [len(t), modes] at times in any order.

        Free waves turn exactly, by exp(i Im(L) t); what is left is interpolated by polynomials of degree 7.
        """
        result = np.empty((len(t), len(self.waves)), dtype=complex)
        ends = np.array([s.times[-1] for s in self.stretches[:-1]])
        which = np.searchsorted(ends, t)
        for k, (times, states, turns) in enumerate(self.stretches):
            rows = np.flatnonzero(which == k)
            h = times[1] - times[0]
            place = (t[rows] - times[0]) / h
            first = np.clip(np.floor(place).astype(int) - STENCIL // 2 + 1, 0, len(times) - STENCIL)
            weights = _lagrange(place - first)
            turn = np.exp(-1j * turns * h)
            sums = np.zeros((len(rows), len(self.waves)), dtype=complex)
            for j in reversed(range(STENCIL)):
                sums = sums * turn + weights[:, j : j + 1] * states[first + j]
            result[rows] = sums * np.exp(1j * np.outer((place - first) * h, turns))
        return result

    def __call__(self, x: Array, t: Array) -> Array:
        """The values [len(x)] at points by trigonometric interpolation, real or complex as the start was."""
        places, here = np.unique(x, return_inverse=True)
        times, when = np.unique(t, return_inverse=True)
        most = max(1, CHUNK // len(self.waves))
        phase = lambda x: np.exp(1j * np.outer(x - self.lower, self.waves))
        table = phase(places) if len(places) <= most else None  # a lattice has few places
        share = np.full(len(self.waves), 2.0 if self.real else 1.0) / self.n
        share[0] = 1 / self.n
        order = np.argsort(when, kind="stable")
        result = np.empty(len(x), dtype=complex)
        for rows in np.array_split(order, -(-len(order) // most)):
            low, high = when[rows[0]], when[rows[-1]]
            states = self.modes(times[low : high + 1]) * share
            turned = phase(x[rows]) if table is None else table[here[rows]]
            result[rows] = np.einsum("nk,nk->n", turned, states[when[rows] - low])
        return np.real(result) if self.real else result


def _march(
    v: Array, symbol: Array, slope: Callable[[Array], Array], h: float, steps: Steps
) -> tuple[Array, Array, Array]:
    """The state after all steps of length h, those kept on the way, and how far each wave turns by itself."""
    full, half, q, f1, f2, f3 = _coefficients(symbol, h)
    kept = np.empty((steps.count // steps.keep + 1, len(v)), dtype=complex)
    kept[0] = v
    free, all_of_it = np.zeros(len(v)), np.zeros(len(v))  # how fast waves change, their turning left out or not
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(1, steps.count + 1):
            at_v = slope(v)
            if k % steps.keep == 0:
                free += np.abs(np.real(symbol) * v + at_v)
                all_of_it += np.abs(symbol * v + at_v)
            a = half * v + q * at_v
            at_a = slope(a)
            at_b = slope(half * v + q * at_a)
            at_c = slope(half * a + q * (2 * at_b - at_v))
            v = full * v + f1 * at_v + f2 * (at_a + at_b) + f3 * at_c
            if k % steps.keep == 0:
                kept[k // steps.keep] = v
    return v, kept, np.where(free < all_of_it, np.imag(symbol), 0.0)


def _coefficients(symbol: Array, h: float) -> tuple[Array, ...]:
    """Exp(h L), exp(h L / 2) and the four weights of Kassam and Trefethen, equations (2.3) to (2.5)."""
    z = h * symbol[:, None] + CONTOUR
    e, cube = np.exp(z), z**3
    q = h * (np.expm1(z / 2) / z).mean(1)
    f1 = h * ((-4 - z + e * (4 - 3 * z + z**2)) / cube).mean(1)
    f2 = 2 * h * ((2 + z + e * (z - 2)) / cube).mean(1)
    f3 = h * ((-4 - 3 * z - z**2 + e * (4 - z)) / cube).mean(1)
    return np.exp(h * symbol), np.exp(h * symbol / 2), q, f1, f2, f3


def _lagrange(place: Array) -> Array:
    """The weights [n, STENCIL] of values at 0, 1, ..., STENCIL - 1 for places between them."""
    nodes = np.arange(STENCIL)
    weights = np.ones((len(place), STENCIL))
    for j in nodes:
        for i in nodes[nodes != j]:
            weights[:, j] *= (place - i) / (j - i)
    return weights
