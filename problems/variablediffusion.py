"""u_t = div(D grad u) between zero walls, solved by collocation in space and exactly in time."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.problems.methodoflines import chebyshev as line_of
from pinnscene.problems.walls import parse_walls

Array = NDArray[np.float64]
Function = Callable[[Points], Tensor]
TIMES = 40  # Chebyshev nodes of t that the solution is kept at
CHUNK = 20_000


class VariableDiffusion:
    """The solution anywhere in space and time: eigenvectors of the collocation matrix, each with its own decay.

    Args:
        n: intervals of each axis.
        side: x and y go from 0 to it.
        end: t goes from 0 to it.
        d: the diffusivity, a function of points with axes x and y.
        u0: the state at t = 0, zero on the walls.
    """

    def __init__(self, n: int, side: float, end: float, d: Function, u0: Function) -> None:
        began = perf_counter()
        self.n, self.side, self.end = n, side, end
        line = line_of(n, 0.0, side, parse_walls("dirichlet", ("x",))["x"])
        nodes, extend = line.nodes, line.extend
        place = Points(
            torch.as_tensor(np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)), ("x", "y")
        )
        diffusivity = d(place).detach().numpy().reshape(n + 1, n + 1)
        slope = _slope(nodes)
        eye = np.eye(n - 1)
        # along x, at all nodes of x and inner nodes of y, and alike along y
        across = diffusivity[:, 1:-1].reshape(-1, 1) * np.kron(slope @ extend, eye)
        upwards = diffusivity[1:-1, :].reshape(-1, 1) * np.kron(eye, slope @ extend)
        matrix = np.kron(slope[1:-1], eye) @ across + np.kron(eye, slope[1:-1]) @ upwards
        rates, vectors = np.linalg.eig(matrix)
        inner = place.coords.numpy().reshape(n + 1, n + 1, 2)[1:-1, 1:-1].reshape(-1, 2)
        start = u0(Points(torch.as_tensor(inner), ("x", "y"))).detach().numpy()[:, 0]
        weights = np.linalg.solve(vectors, start.astype(complex))
        moments = np.cos(np.pi * np.arange(TIMES + 1) / TIMES)
        states = np.real(vectors @ (weights[:, None] * np.exp(rates[:, None] * (moments + 1) * end / 2)))
        whole = np.einsum("ai,bj,ijt->abt", extend, extend, states.reshape(n - 1, n - 1, -1))
        to = [np.linalg.inv(chebyshev.chebvander(x, len(x) - 1)) for x in (2 * nodes / side - 1, moments)]
        self.weights = np.einsum("ka,lb,mt,abt->klm", to[0], to[0], to[1], whole, optimize=True)
        self.seconds = perf_counter() - began

    def __call__(self, p: Points) -> Tensor:
        x, y, t = (p[axis].detach().numpy()[:, 0] for axis in ("x", "y", "t"))
        parts = []
        for s in range(0, len(p), CHUNK):
            rows = slice(s, s + CHUNK)
            tables = [
                chebyshev.chebvander(2 * c[rows] / length - 1, count - 1)
                for c, length, count in zip(
                    (x, y, t), (self.side, self.side, self.end), self.weights.shape, strict=True
                )
            ]
            along = np.tensordot(tables[0], self.weights, 1)  # [rows, y, t]
            parts.append(np.einsum("nlm,nl,nm->n", along, tables[1], tables[2], optimize=True))
        return torch.as_tensor(np.concatenate(parts))[:, None]


def _slope(nodes: Array) -> Array:
    """The matrix of the first derivative at Chebyshev's nodes (Trefethen 2000, chapter 6)."""
    n = len(nodes) - 1
    c = np.hstack([2.0, np.ones(n - 1), 2.0]) * (-1.0) ** np.arange(n + 1)
    apart = nodes[:, None] - nodes[None, :]
    slope = np.outer(c, 1 / c) / (apart + np.eye(n + 1))
    return slope - np.diag(slope.sum(1))
