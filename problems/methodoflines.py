"""The method of lines: what classical solvers of the heat equation have in common, and the one that steps in time.

Space by collocation (Chebyshev points between walls, Fourier on periodic axes; Trefethen, Spectral Methods in
MATLAB, chapters 3, 6 and 13), wall values eliminated by their conditions; time by SciPy's BDF.
"""

from abc import ABC, abstractmethod
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
ROWS = 4096  # points interpolated at a time


class Line(NamedTuple):
    """One axis between walls a u + b du/dn = c: all nodes, and those whose values are unknown.

    At the unknown nodes u_xx is ``second @ unknowns + bend @ c`` with the two walls' c, and the values at all nodes are
    ``extend @ unknowns + lift @ c``.
    """

    nodes: Array
    unknown: Array
    second: Array
    bend: Array
    extend: Array
    lift: Array
    period: float


def differentiation(n: int) -> tuple[Array, Array]:
    """N + 1 Chebyshev points on [-1, 1] from the lower end, and the matrix of the first derivative at them."""
    k = np.arange(n + 1)
    x = -np.cos(np.pi * k / n)
    c = np.where((k == 0) | (k == n), 2.0, 1.0) * (-1.0) ** k
    d = np.outer(c, 1 / c) / (x[:, None] - x[None, :] + np.eye(n + 1))
    return x, d - np.diag(d.sum(1))


def chebyshev(n: int, low: float, high: float, walls: tuple[Wall, Wall]) -> Line:
    """N + 1 Chebyshev points, the two wall values eliminated."""
    x, d = differentiation(n)
    d *= 2 / (high - low)
    inner, ends = np.arange(1, n), np.array([0, n])
    rows = np.zeros((2, n + 1))
    for i, (wall, end, outward) in enumerate(zip(walls, ends, (-1.0, 1.0), strict=True)):
        rows[i] = wall.b * outward * d[end]
        rows[i, end] += wall.a
    inverse = np.linalg.inv(rows[:, ends])
    extend, lift = np.zeros((n + 1, n - 1)), np.zeros((n + 1, 2))
    extend[inner] = np.eye(n - 1)
    extend[ends] = -inverse @ rows[:, inner]
    lift[ends] = inverse
    second = (d @ d)[inner]
    nodes = low + (x + 1) * (high - low) / 2
    return Line(nodes, nodes[inner], second @ extend, second @ lift, extend, lift, 0.0)


def fourier(n: int, low: float, high: float) -> Line:
    """An odd number of equispaced points around a periodic axis."""
    n += 1 - n % 2
    j = np.arange(n)
    x = low + (high - low) * j / n
    waves = np.fft.fftfreq(n, 1 / n) * 2 * np.pi / (high - low)
    second = np.real(np.fft.ifft(-(waves**2)[:, None] * np.fft.fft(np.eye(n), axis=0), axis=0))
    return Line(x, x, second, np.zeros((n, 2)), np.eye(n), np.zeros((n, 2)), high - low)


def line_between(n: int, low: float, high: float, walls: tuple[Wall, Wall]) -> Line:
    """The collocation that suits the walls."""
    return fourier(n, low, high) if walls[0].kind == "periodic" else chebyshev(n, low, high, walls)


class Semidiscrete(ABC):
    """Collocation in space, continuous in time; called with points, t last, it gives the values [n, 1].

    Args:
        axes: names of the space axes.
        lines: the collocation of each.
        walls: the walls of each, whose c are used.
    """

    def __init__(self, axes: Sequence[str], lines: Sequence[Line], walls: Sequence[tuple[Wall, Wall]]) -> None:
        self.lines, self.axes = list(lines), (*axes, "t")
        self.values = [np.array([wall.c for wall in pair]) for pair in walls]
        self.shape = tuple(len(line.unknown) for line in lines)
        mesh = np.meshgrid(*[line.unknown for line in lines], indexing="ij")
        self.where = np.stack([m.ravel() for m in mesh], 1)

    seconds: float

    @abstractmethod
    def state(self, t: float) -> Array:
        """The values at the unknown nodes, of the shape ``shape``."""

    def sample(self, f: Callable[[Points], Tensor], t: float) -> Array:
        """A function of the points at the unknown nodes, flat."""
        coords = np.concatenate([self.where, np.full((len(self.where), 1), t)], 1)
        values = f(Points(torch.as_tensor(coords), self.axes)).detach()
        return np.broadcast_to(values.numpy().astype(float).reshape(-1), (len(coords),)).copy()

    def bent(self) -> Array:
        """What the wall values add to the sum of the second derivatives, of the shape ``shape``."""
        bends = [line.bend @ c for line, c in zip(self.lines, self.values, strict=True)]
        d = len(bends)
        columns = [bend.reshape([-1 if j == k else 1 for j in range(d)]) for k, bend in enumerate(bends)]
        return np.broadcast_to(sum(columns[1:], columns[0]), self.shape)

    def __call__(self, p: Points) -> Tensor:
        """The solution [n, 1] at any points: interpolated in space through all nodes."""
        coords = p.coords.double().cpu().numpy()
        times, which = np.unique(coords[:, -1], return_inverse=True)
        order = np.argsort(which, kind="stable")
        result = np.empty(len(coords))
        for t, rows in zip(times, np.split(order, np.cumsum(np.bincount(which))[:-1]), strict=True):
            result[rows] = self._interpolate(self.state(float(t)), coords[rows])
        return torch.as_tensor(result)[:, None]

    def _interpolate(self, state: Array, x: Array) -> Array:
        for k, (line, c) in enumerate(zip(self.lines, self.values, strict=True)):
            shape = [-1 if i == k else 1 for i in range(state.ndim)]
            state = along(line.extend, state, k) + (line.lift @ c).reshape(shape)
        return interpolate(self.lines, state, x)


class MethodOfLines(Semidiscrete):
    """u_t = alpha lap(u) + f by SciPy's BDF, solved when made.

    Args:
        axes, lines, walls: see ``Semidiscrete``.
        alpha, source, start: functions of the points.
        span: first and last time.
        rtol: relative tolerance of the time integration.
    """

    def __init__(
        self,
        axes: Sequence[str],
        lines: Sequence[Line],
        walls: Sequence[tuple[Wall, Wall]],
        alpha: Callable[[Points], Tensor],
        source: Callable[[Points], Tensor],
        start: Callable[[Points], Tensor],
        span: tuple[float, float],
        rtol: float,
    ) -> None:
        began = perf_counter()
        super().__init__(axes, lines, walls)
        with np.errstate(all="ignore"):
            matrix, constant = self._assemble(self.sample(alpha, span[0]))
        forcing = self.sample(source, span[0])
        if not all(np.isfinite(part).all() for part in (matrix, constant, forcing)):
            raise PinnsceneError(
                "the conventional solver overflows: alpha, the source or the wall values are too large"
            )
        steady = np.array_equal(forcing, self.sample(source, span[1])) and np.array_equal(
            forcing, self.sample(source, 0.5 * (span[0] + span[1]))
        )

        def slope(t: float, u: Array) -> Array:
            return matrix @ u + constant + (forcing if steady else self.sample(source, t))

        # SciPy's BDF starts from a table of differences that is not set; it overwrites what it uses, but computes
        # with the rest, which may warn.
        with np.errstate(all="ignore"):
            result = solve_ivp(
                slope,
                span,
                self.sample(start, span[0]),
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

    def state(self, t: float) -> Array:
        return self.history(t).reshape(self.shape)

    def _assemble(self, alpha: Array) -> tuple[Array, Array]:
        """Alpha lap as a matrix on the unknowns, and the constant that the walls add."""
        matrix = np.zeros((len(self.where), len(self.where)))
        for k, line in enumerate(self.lines):
            before, after = int(np.prod(self.shape[:k])), int(np.prod(self.shape[k + 1 :]))
            matrix += np.kron(np.kron(np.eye(before), line.second), np.eye(after))
        return alpha[:, None] * matrix, alpha * self.bent().ravel()


def interpolate(lines: Sequence[Line], state: Array, x: Array) -> Array:
    """Values at points x [m, d] from those at all nodes, through all of them."""
    parts = []
    for rows in (slice(s, s + ROWS) for s in range(0, len(x), ROWS)):
        weights = [cardinal(line.nodes, x[rows, k], line.period) for k, line in enumerate(lines)]
        value = np.tensordot(weights[0], state, (1, 0))
        for w in weights[1:]:
            value = np.einsum("nj,nj...->n...", w, value)
        parts.append(value)
    return np.concatenate(parts)


def along(matrix: Array, state: Array, k: int) -> Array:
    """A matrix applied along one axis of a state."""
    return np.moveaxis(np.tensordot(matrix, state, (1, k)), 0, k)


def cardinal(nodes: Array, x: Array, period: float = 0.0) -> Array:
    """The cardinal functions of the nodes at x, [len(x), nodes], by the barycentric formula.

    The nodes are Chebyshev points, or equispaced around a ``period``.
    """
    difference = x[:, None] - nodes[None, :]
    sign = (-1.0) ** np.arange(len(nodes))
    if period:
        difference = np.sin(np.pi * difference / period)
    else:
        sign[[0, -1]] *= 0.5
    hit = np.abs(difference) < 1e-14
    terms = sign / np.where(hit, 1.0, difference)
    terms /= terms.sum(1, keepdims=True)
    return np.where(hit.any(1, keepdims=True), hit / np.maximum(hit.sum(1, keepdims=True), 1), terms)
