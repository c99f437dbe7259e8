"""The classical solver that stands beside heat: the method of lines.

Space by collocation (Chebyshev points between walls, Fourier on periodic axes; Trefethen, Spectral Methods in
MATLAB, chapters 3, 6 and 13), wall values eliminated by their conditions; time by SciPy's BDF.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.problems.walls import Wall

Array = NDArray[np.float64]


class Line(NamedTuple):
    """One axis: all nodes, which unknowns they are, and u_xx as ``second @ unknowns + shift``.

    ``extend @ unknowns + offset`` gives the values at all nodes.
    """

    nodes: Array
    unknown: Array
    second: Array
    shift: Array
    extend: Array
    offset: Array
    period: float


def chebyshev(n: int, low: float, high: float, walls: tuple[Wall, Wall]) -> Line:
    """N + 1 Chebyshev points, the two wall values eliminated."""
    k = np.arange(n + 1)
    x = -np.cos(np.pi * k / n)
    c = np.where((k == 0) | (k == n), 2.0, 1.0) * (-1.0) ** k
    d = np.outer(c, 1 / c) / (x[:, None] - x[None, :] + np.eye(n + 1))
    d -= np.diag(d.sum(1))
    d *= 2 / (high - low)
    inner, ends = np.arange(1, n), np.array([0, n])
    rows = np.zeros((2, n + 1))
    for i, (wall, end, outward) in enumerate(zip(walls, ends, (-1.0, 1.0), strict=True)):
        rows[i] = wall.b * outward * d[end]
        rows[i, end] += wall.a
    inverse = np.linalg.inv(rows[:, ends])
    extend, offset = np.zeros((n + 1, n - 1)), np.zeros(n + 1)
    extend[inner] = np.eye(n - 1)
    extend[ends] = -inverse @ rows[:, inner]
    offset[ends] = inverse @ np.array([wall.c for wall in walls])
    second = (d @ d)[inner]
    nodes = low + (x + 1) * (high - low) / 2
    return Line(nodes, nodes[inner], second @ extend, second @ offset, extend, offset, 0.0)


def fourier(n: int, low: float, high: float) -> Line:
    """An odd number of equispaced points around a periodic axis."""
    n += 1 - n % 2
    j = np.arange(n)
    x = low + (high - low) * j / n
    waves = np.fft.fftfreq(n, 1 / n) * 2 * np.pi / (high - low)
    second = np.real(np.fft.ifft(-(waves**2)[:, None] * np.fft.fft(np.eye(n), axis=0), axis=0))
    return Line(x, x, second, np.zeros(n), np.eye(n), np.zeros(n), high - low)


def line_between(n: int, low: float, high: float, walls: tuple[Wall, Wall]) -> Line:
    """The collocation that suits the walls."""
    return fourier(n, low, high) if walls[0].kind == "periodic" else chebyshev(n, low, high, walls)


class MethodOfLines:
    """u_t = alpha lap(u) + f, solved when made.

    Args:
        axes: names of the space axes.
        lines: the collocation of each.
        alpha, source, start: functions of the points.
        span: first and last time.
        rtol: relative tolerance of the time integration.
    """

    def __init__(
        self,
        axes: Sequence[str],
        lines: Sequence[Line],
        alpha: Callable[[Points], Tensor],
        source: Callable[[Points], Tensor],
        start: Callable[[Points], Tensor],
        span: tuple[float, float],
        rtol: float,
    ) -> None:
        began = perf_counter()
        self.lines, self.axes = list(lines), (*axes, "t")
        self.shape = tuple(len(line.unknown) for line in lines)
        mesh = np.meshgrid(*[line.unknown for line in lines], indexing="ij")
        self.where = np.stack([m.ravel() for m in mesh], 1)
        with np.errstate(all="ignore"):
            matrix, constant = self._assemble(self._at(alpha, span[0]))
        forcing = self._at(source, span[0])
        if not all(np.isfinite(part).all() for part in (matrix, constant, forcing)):
            raise PinnsceneError(
                "the conventional solver overflows: alpha, the source or the wall values are too large"
            )
        steady = np.array_equal(forcing, self._at(source, span[1])) and np.array_equal(
            forcing, self._at(source, 0.5 * (span[0] + span[1]))
        )

        def slope(t: float, u: Array) -> Array:
            return matrix @ u + constant + (forcing if steady else self._at(source, t))

        # SciPy's BDF starts from a table of differences that is not set; it overwrites what it uses, but computes
        # with the rest, which may warn.
        with np.errstate(all="ignore"):
            result = solve_ivp(
                slope,
                span,
                self._at(start, span[0]),
                method="BDF",
                jac=matrix,
                rtol=rtol,
                atol=1e-3 * rtol,
                dense_output=True,
            )
        if not result.success:
            raise PinnsceneError(f"the conventional solver failed: {result.message}")
        self.history = result.sol
        self.seconds = perf_counter() - began

    def _at(self, f: Callable[[Points], Tensor], t: float) -> Array:
        coords = np.concatenate([self.where, np.full((len(self.where), 1), t)], 1)
        values = f(Points(torch.as_tensor(coords), self.axes)).detach()
        return np.broadcast_to(values.numpy().astype(float).reshape(-1), (len(coords),)).copy()

    def _assemble(self, alpha: Array) -> tuple[Array, Array]:
        """Alpha lap as a matrix on the unknowns, and the constant that the walls add."""
        n = len(self.where)
        matrix, constant = np.zeros((n, n)), np.zeros(n)
        for k, line in enumerate(self.lines):
            before, after = int(np.prod(self.shape[:k])), int(np.prod(self.shape[k + 1 :]))
            matrix += np.kron(np.kron(np.eye(before), line.second), np.eye(after))
            constant += np.kron(np.kron(np.ones(before), line.shift), np.ones(after))
        return alpha[:, None] * matrix, alpha * constant

    def __call__(self, p: Points) -> Tensor:
        """The solution [n, 1] at any points: interpolated in space through all nodes, in time by BDF's own."""
        coords = p.coords.double().cpu().numpy()
        times, which = np.unique(coords[:, -1], return_inverse=True)
        states = self.history(times)
        order = np.argsort(which, kind="stable")
        result = np.empty(len(coords))
        for k, rows in enumerate(np.split(order, np.cumsum(np.bincount(which))[:-1])):
            result[rows] = self._interpolate(states[:, k].reshape(self.shape), coords[rows])
        return torch.as_tensor(result)[:, None]

    def _interpolate(self, state: Array, x: Array) -> Array:
        for k, line in enumerate(self.lines):
            shape = [-1 if i == k else 1 for i in range(state.ndim)]
            state = np.moveaxis(np.tensordot(line.extend, state, (1, k)), 0, k) + line.offset.reshape(shape)
        weights = [cardinal(line, x[:, k]) for k, line in enumerate(self.lines)]
        value = np.tensordot(weights[0], state, (1, 0))
        for w in weights[1:]:
            value = np.einsum("nj,nj...->n...", w, value)
        return value


def cardinal(line: Line, x: Array) -> Array:
    """The cardinal functions of the nodes at x, [len(x), nodes], by the barycentric formula."""
    difference = x[:, None] - line.nodes[None, :]
    sign = (-1.0) ** np.arange(len(line.nodes))
    if line.period:
        difference = np.sin(np.pi * difference / line.period)
    else:
        sign[[0, -1]] *= 0.5
    hit = np.abs(difference) < 1e-14
    terms = sign / np.where(hit, 1.0, difference)
    terms /= terms.sum(1, keepdims=True)
    return np.where(hit.any(1, keepdims=True), hit / np.maximum(hit.sum(1, keepdims=True), 1), terms)
