"""The classical solver for the steady lid-driven cavity: finite elements for the streamfunction, and Newton.

With u = psi_y and v = -psi_x the flow has no divergence, and for every phi that vanishes with its slopes on the walls

    nu (lap psi, lap phi) + (lap psi, psi_y phi_x - psi_x phi_y) = 0.

psi is made of products of cubic Hermite polynomials, whose slopes are continuous (Bogner, Fox and Schmit, 1965), on
lines that lie closer towards the walls: the velocity converges with the third power of their distance.
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from scipy.sparse import csr_array, diags_array, kron
from scipy.sparse.linalg import splu
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.problems.methodoflines import Array

COARSE = 16  # intervals of the grid on which nu comes down step by step
STEP = 0.5  # by which factor
STEPS = 20  # of Newton, at most
CLOSE = 1e-5  # a step this small, beside psi, is the last one
ROWS = 16384  # points evaluated at a time


class Hermite:
    """Piecewise cubics on [0, 1] with continuous slopes: values and slopes at n + 1 lines, in turns."""

    def __init__(self, n: int) -> None:
        self.lines = (1 - np.cos(np.pi * np.arange(n + 1) / n)) / 2
        self.size = 2 * (n + 1)

    def at(self, x: Array, order: int) -> csr_array:
        """The matrix [len(x), size] of the derivatives of an order, 0 to 2, at x."""
        k = np.clip(np.searchsorted(self.lines, x, side="right") - 1, 0, len(self.lines) - 2)
        h = self.lines[k + 1] - self.lines[k]
        s = (x - self.lines[k]) / h
        zero = np.zeros_like(s)
        tables = (
            (1 - 3 * s**2 + 2 * s**3, s - 2 * s**2 + s**3, 3 * s**2 - 2 * s**3, s**3 - s**2),
            (6 * s**2 - 6 * s, 1 - 4 * s + 3 * s**2, 6 * s - 6 * s**2, 3 * s**2 - 2 * s),
            (12 * s - 6, 6 * s - 4, 6 - 12 * s, 6 * s - 2),
        )
        scale = np.stack([zero + 1, h, zero + 1, h], 1) / h[:, None] ** order
        entries = np.stack(tables[order], 1) * scale
        columns = 2 * k[:, None] + np.arange(4)
        rows = np.repeat(np.arange(len(x)), 4)
        return csr_array((entries.ravel(), (rows, columns.ravel())), shape=(len(x), self.size))

    def quadrature(self) -> tuple[Array, Array]:
        """Four Gauss points an interval, and their weights: exact for the products of the weak form."""
        points, weights = np.polynomial.legendre.leggauss(4)
        h = np.diff(self.lines)
        x = self.lines[:-1, None] + h[:, None] * (points + 1) / 2
        return x.ravel(), (h[:, None] * weights / 2).ravel()


class Discrete:
    """The weak form on one grid: residual and Jacobian for the coefficients of psi, flat, x first."""

    def __init__(self, grid: Hermite) -> None:
        x, weights = grid.quadrature()
        value, slope, second = (grid.at(x, order) for order in range(3))
        self.x, self.y = kron(slope, value, "csr"), kron(value, slope, "csr")
        self.lap = kron(second, value, "csr") + kron(value, second, "csr")
        self.weights = np.kron(weights, weights)
        inner = np.arange(2, grid.size - 2)  # without value and slope at both ends
        self.free = (inner[:, None] * grid.size + inner).ravel()

    def residual(self, nu: float, psi: Array) -> Array:
        x, y, lap = self.x @ psi, self.y @ psi, (self.lap @ psi) * self.weights
        return (self.lap.T @ (nu * lap) + self.x.T @ (lap * y) - self.y.T @ (lap * x))[self.free]

    def step(self, nu: float, psi: Array, residual: Array) -> Array:
        """The Newton step."""
        x, y, lap = self.x @ psi, self.y @ psi, self.lap @ psi
        along_x = diags_array(y) @ self.lap + diags_array(lap) @ self.y
        along_y = diags_array(x) @ self.lap + diags_array(lap) @ self.x
        weights = diags_array(self.weights)
        whole = nu * self.lap.T @ weights @ self.lap + self.x.T @ weights @ along_x - self.y.T @ weights @ along_y
        update = np.zeros_like(psi)
        update[self.free] = splu(whole.tocsr()[self.free][:, self.free].tocsc()).solve(residual)
        return update


class Streamfunction:
    """The steady flow in the unit square under a moving lid, solved when made; called with points it gives (u, v).

    Args:
        nu: kinematic viscosity.
        lid: the lid's velocity, a function of x.
        slope: its derivative.
        n: intervals of the grid along each axis.

    Raises:
        PinnsceneError: Newton's method finds no steady flow.
    """

    def __init__(self, nu: float, lid: Callable[[Array], Array], slope: Callable[[Array], Array], n: int) -> None:
        began = perf_counter()
        self.lid, self.slope, self.grid = lid, slope, Hermite(min(COARSE, n))
        path, fast = [nu], float(np.abs(lid(self.grid.lines)).max())
        while path[-1] < 0.01 * fast:
            path.append(path[-1] / STEP)
        psi = self._newton(path, np.zeros((self.grid.size, self.grid.size)))
        while len(self.grid.lines) <= n:
            psi = self._newton([nu], self._refine(psi, Hermite(min(n, 2 * (len(self.grid.lines) - 1)))))
        self.psi = psi
        self.seconds = perf_counter() - began

    def _refine(self, psi: Array, finer: Hermite) -> Array:
        """The same function on a finer grid, which is the grid from now on."""
        lines, moved = finer.lines, np.empty((finer.size, self.grid.size))
        moved[0::2], moved[1::2] = self.grid.at(lines, 0).toarray(), self.grid.at(lines, 1).toarray()
        self.grid = finer
        return moved @ psi @ moved.T

    def _newton(self, path: list[float], psi: Array) -> Array:
        """The coefficients [x, y] of psi, solved from the last viscosity of ``path`` to its first."""
        grid, discrete = self.grid, Discrete(self.grid)
        for line in (0, 1, -2, -1):
            psi[line, :] = psi[:, line] = 0.0
        # the lid's own profile to the corners: what contradicts it there is left to the last interval of the side walls
        psi[0::2, -1], psi[1::2, -1] = self.lid(grid.lines), self.slope(grid.lines)
        flat = psi.ravel()
        for nu in reversed(path):
            flat = self._settle(discrete, nu, flat)
        return flat.reshape(psi.shape)

    @staticmethod
    def _settle(discrete: Discrete, nu: float, psi: Array) -> Array:
        residual = discrete.residual(nu, psi)
        for _ in range(STEPS):
            update, length = discrete.step(nu, psi, residual), 1.0
            if np.abs(update).max() < CLOSE * np.abs(psi).max():  # the next one would be as its square
                return psi - update
            size = np.linalg.norm(residual)
            while np.linalg.norm(residual := discrete.residual(nu, psi - length * update)) > size and length > 0.01:
                length /= 2
            psi = psi - length * update
        raise PinnsceneError(f"the conventional solver found no steady flow at nu = {nu:g}: choose a larger nu")

    def __call__(self, p: Points) -> Tensor:
        """The velocity (u, v) at points, [n, 2]."""
        coords = p.coords.detach().double().cpu().numpy()
        found = []
        for rows in (slice(s, s + ROWS) for s in range(0, len(coords), ROWS)):
            x, y = coords[rows, 0], coords[rows, 1]
            u = self.grid.at(y, 1).multiply(self.grid.at(x, 0) @ self.psi).sum(1)
            v = self.grid.at(y, 0).multiply(self.grid.at(x, 1) @ self.psi).sum(1)
            found.append(np.stack([u, -v], 1))
        return torch.as_tensor(np.concatenate(found))
