"""Evolution equations on a periodic axis by Fourier modes and ETDRK4.

u_t = L u + M g(u) with L and M multipliers of the waves exp(i k x): the stiff part L is integrated exactly.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

from pinnscene.errors import PinnsceneError
from pinnscene.problems.etdrk4 import STENCIL, Array, lagrange, march, stencils

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


class PeriodicModes:
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
            raise PinnsceneError(f"PeriodicModes expected an odd number of modes and enough steps, got {n} and {steps}")
        self.n, self.lower, self.real = n, ends[0], not np.iscomplexobj(start)
        turns = np.arange(n // 2 + 1) if self.real else np.fft.fftfreq(n, 1 / n)
        self.waves = 2 * np.pi / (ends[1] - ends[0]) * turns
        self.symbol = np.asarray(equation.linear(self.waves), dtype=complex)
        outer = equation.outer(self.waves)
        forward, back = (np.fft.rfft, np.fft.irfft) if self.real else (np.fft.fft, np.fft.ifft)
        rest = lambda v, t: outer * forward(equation.g(back(v, n)))
        self.stretches: list[_Stretch] = []
        v = forward(start)[np.rint(turns).astype(int)] * (n / len(start))
        for stretch in steps:
            times = np.linspace(begin, stretch.end, stretch.count + 1)
            v, kept, turns = _march(v, self.symbol, rest, begin, stretch)
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
            first, place = stencils(t[rows], times)
            weights = lagrange(place)
            turn = np.exp(-1j * turns * h)
            sums = np.zeros((len(rows), len(self.waves)), dtype=complex)
            for j in reversed(range(STENCIL)):
                sums = sums * turn + weights[:, j : j + 1] * states[first + j]
            result[rows] = sums * np.exp(1j * np.outer(place * h, turns))
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
    v: Array, symbol: Array, rest: Callable[[Array, float], Array], begin: float, steps: Steps
) -> tuple[Array, Array, Array]:
    """The state after all steps, those kept on the way, and how far each wave turns by itself."""
    kept = np.empty((steps.count // steps.keep + 1, len(v)), dtype=complex)
    free, all_of_it = np.zeros(len(v)), np.zeros(len(v))  # how fast waves change, their turning left out or not
    with np.errstate(over="ignore", invalid="ignore"):
        for k, (w, slope) in enumerate(march(symbol, rest, v, (begin, steps.end), steps.count)):
            v = w
            if k % steps.keep == 0:
                kept[k // steps.keep] = v
                free += np.abs(np.real(symbol) * v + slope)
                all_of_it += np.abs(symbol * v + slope)
    return v, kept, np.where(free < all_of_it, np.imag(symbol), 0.0)
