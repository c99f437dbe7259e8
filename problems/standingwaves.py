"""The classical solver that stands beside the wave equation: collocation in space, exact in time."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.problems.methodoflines import cardinal, line_between
from pinnscene.problems.walls import Wall


class StandingWaves:
    """u_tt = c^2 u_xx, u_t = 0 at first: each eigenvector of the collocated u_xx swings by itself.

    Args:
        n: collocation intervals.
        walls: homogeneous walls of x.
        c: the speed.
        start: u0 as a function of the points.
        domain: the box of x and t.
    """

    def __init__(
        self, n: int, walls: tuple[Wall, Wall], c: float, start: Callable[[Points], Tensor], domain: Box
    ) -> None:
        began = perf_counter()
        self.line, self.begin = line_between(n, *domain.bounds["x"], walls), domain.bounds["t"][0]
        at = np.stack([self.line.unknown, np.full(len(self.line.unknown), self.begin)], 1)
        u0 = start(Points(torch.as_tensor(at), domain.axes)).detach().numpy()[:, 0]
        values, vectors = np.linalg.eig(self.line.second)
        self.frequencies, self.vectors = c * np.sqrt(-values.astype(complex)), vectors
        self.amplitudes = np.linalg.solve(vectors, u0)
        self.seconds = perf_counter() - began

    def __call__(self, p: Points) -> Tensor:
        """The solution [n, 1] at any points."""
        x, t = (p[axis][:, 0].double().cpu().numpy() for axis in ("x", "t"))
        swings = np.cos(np.outer(t - self.begin, self.frequencies)) * self.amplitudes
        states = (swings @ self.vectors.T).real @ self.line.extend.T
        return torch.as_tensor((states * cardinal(self.line.nodes, x, self.line.period)).sum(1, keepdims=True))
