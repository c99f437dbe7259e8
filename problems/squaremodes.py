"""The classical solver for semilinear equations on a square: sine or cosine modes and ETDRK4.

Sines where the values vanish on the walls, cosines where the slopes do: both need a reaction and a start that keep
that symmetry, and then converge faster than any power of the number of modes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt
from time import perf_counter
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dctn, dstn, idctn
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.problems.etdrk4 import STENCIL, Array, lagrange, march, stencils

ROWS = 4096  # points at a time


@dataclass(frozen=True)
class SquareEquation:
    """u_t = diffusion lap(u) - decay u + reaction(u, x, y, t) on the square [low, high]^2, by output.

    Attributes:
        kind: "sine" for zero values on the walls, "cosine" for zero slopes.
        low, high: ends of x and of y.
        span: first and last time.
        diffusion, decay: a number an output.
        reaction: (values [k, n, n], x [n, 1], y [1, n], t) -> [k, n, n].
        start: points -> [n, k].
    """

    kind: Literal["sine", "cosine"]
    low: float
    high: float
    span: tuple[float, float]
    diffusion: tuple[float, ...]
    decay: tuple[float, ...]
    reaction: Callable[[Array, Array, Array, float], Array]
    start: Callable[[Points], Tensor]

    def modes(self, n: int) -> str:
        """The modes that a grid of ``n`` intervals along each axis carries, in words."""
        n = n - 1 if self.kind == "sine" else n
        return f"{n} x {n} {self.kind}"


class SquareModes:
    """The solution of a semilinear equation, solved when made; called with points it gives the values [n, k].

    Args:
        equation: what to solve.
        n: intervals of the grid along each axis; about as many modes.
        step: the longest step of time.
        every: time between the states that are kept.

    Raises:
        PinnsceneError: the solution leaves the range of float64.
    """

    def __init__(self, equation: SquareEquation, n: int, step: float, every: float) -> None:
        began = perf_counter()
        self.equation, self.n = equation, n
        begin, end = equation.span
        kept = max(STENCIL - 1, ceil((end - begin) / every - 1e-9))
        inside = max(1, ceil((end - begin) / kept / step - 1e-9))
        self.times = np.linspace(begin, end, kept + 1)
        self.numbers = np.arange(1, n) if equation.kind == "sine" else np.arange(n)
        self.steps = kept * inside
        states = march(self._linear(), self._rest, self._transform(self._start()), equation.span, self.steps)
        with np.errstate(all="ignore"):
            # kept in float32: seven digits are more than any of these solves has
            self.states = np.stack([self._amplitudes(w) for k, (w, _) in enumerate(states) if k % inside == 0])
        if not np.isfinite(self.states).all():
            raise PinnsceneError("the conventional solver overflows: coefficients or start are too large")
        self.seconds = perf_counter() - began

    def _grid(self) -> tuple[Array, Array]:
        """X [n, 1] and y [1, n]."""
        place = self.numbers / self.n if self.equation.kind == "sine" else (self.numbers + 0.5) / self.n
        x = self.equation.low + (self.equation.high - self.equation.low) * place
        return x[:, None], x[None, :]

    def _start(self) -> Array:
        x, y = np.broadcast_arrays(*self._grid())
        t = np.full(x.size, self.equation.span[0])
        p = Points(torch.as_tensor(np.stack([x.ravel(), y.ravel(), t], 1)), ("x", "y", "t"))
        values = self.equation.start(p).detach().double().cpu().numpy()
        return values.T.reshape(-1, *x.shape)

    def _linear(self) -> Array:
        waves = np.pi * self.numbers / (self.equation.high - self.equation.low)
        square = waves[:, None] ** 2 + waves[None, :] ** 2
        pairs = zip(self.equation.diffusion, self.equation.decay, strict=True)
        return np.stack([-diffusion * square - decay for diffusion, decay in pairs])

    def _transform(self, values: Array) -> Array:
        if self.equation.kind == "sine":
            return np.asarray(dstn(values, type=1, norm="ortho", axes=(1, 2)))
        return np.asarray(dctn(values, norm="ortho", axes=(1, 2)))

    def _rest(self, w: Array, t: float) -> Array:
        x, y = self._grid()
        sine = self.equation.kind == "sine"
        values = self._transform(w) if sine else np.asarray(idctn(w, norm="ortho", axes=(1, 2)))
        return self._transform(self.equation.reaction(values, x, y, t))

    def _amplitudes(self, w: Array) -> NDArray[np.float32]:
        """The factors of the plain products of sines or cosines."""
        scale = np.full(len(self.numbers), sqrt(2 / self.n))
        if self.equation.kind == "cosine":
            scale[0] = sqrt(1 / self.n)
        return (w * scale[:, None] * scale[None, :]).astype(np.float32)

    def __call__(self, p: Points) -> Tensor:
        """The values [n, k]: the modes' own in space, a polynomial of degree 7 between kept states in time."""
        coords = p.coords.detach().double().cpu().numpy()
        first, place = stencils(coords[:, 2], self.times)
        result = np.empty((len(coords), self.states.shape[1]))
        order = np.argsort(first, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(first[order])) + 1):
            begin = int(first[rows[0]])
            result[rows] = self._between(self.states[begin : begin + STENCIL], coords[rows], place[rows])
        return torch.as_tensor(result)

    def _between(self, states: NDArray[np.floating], x: Array, place: Array) -> Array:
        """Values [m, k] at points x from the states of one stencil, ``place`` counted from its first."""
        moments, which = np.unique(place, return_inverse=True)
        weights = lagrange(moments)
        if len(moments) <= STENCIL:  # the states of those moments, each for its own points
            states, share = np.tensordot(weights, states, 1), np.eye(len(moments))[which]
        else:
            share = weights[which]
        value = np.zeros((len(x), states.shape[1]))
        for state, part in zip(states, share.T, strict=True):
            rows = np.flatnonzero(part)
            value[rows] += part[rows, None] * self._at(state, x[rows])
        return value

    def _at(self, state: Array, x: Array) -> Array:
        """One state's values [m, k]; what lies on a grid shares the work along its lines."""
        across, i = np.unique(x[:, 0], return_inverse=True)
        along, j = np.unique(x[:, 1], return_inverse=True)
        half, other = self._modes(across) @ state, self._modes(along)  # [k, a, n] and [b, n]
        if len(across) * len(along) <= 4 * len(x):
            return (half @ other.T)[:, i, j].T
        parts = [slice(s, s + ROWS) for s in range(0, len(x), ROWS)]
        return np.concatenate([np.einsum("kmn,mn->mk", half[:, i[r]], other[j[r]]) for r in parts])

    def _modes(self, x: Array) -> Array:
        turn = np.pi * (x - self.equation.low) / (self.equation.high - self.equation.low)
        phase = turn[:, None] * self.numbers[None, :]
        return np.sin(phase) if self.equation.kind == "sine" else np.cos(phase)
