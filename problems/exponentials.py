"""The heat equation with constant coefficients, exact in time: exponentials in the eigenvectors of each axis."""

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.problems.methodoflines import Array, Line, Semidiscrete
from pinnscene.problems.tensoreigen import TensorEigen
from pinnscene.problems.walls import Wall


class Exponentials(Semidiscrete):
    """u_t = alpha lap(u) + f with numbers alpha and f, exact in time, solved when made.

    Args:
        axes, lines, walls: see ``Semidiscrete``.
        alpha, source: the numbers.
        start: the initial state, a function of the points.
        begin: first time.
    """

    def __init__(
        self,
        axes: Sequence[str],
        lines: Sequence[Line],
        walls: Sequence[tuple[Wall, Wall]],
        alpha: float,
        source: float,
        start: Callable[[Points], Tensor],
        begin: float,
    ) -> None:
        began = perf_counter()
        super().__init__(axes, lines, walls)
        self.begin, self.eigen = begin, TensorEigen(lines)
        with np.errstate(all="ignore"):
            self.rates = alpha * self.eigen.values
            self.start = self.eigen.to_modes(self.sample(start, begin).reshape(self.shape))
            self.gain = self.eigen.to_modes(alpha * self.bent() + source)
        if not all(np.isfinite(part).all() for part in (self.rates, self.start, self.gain)):
            raise PinnsceneError(
                "the conventional solver overflows: alpha, the source or the wall values are too large"
            )
        self.seconds = perf_counter() - began

    def state(self, t: float) -> Array:
        gone = self.rates * (t - self.begin)
        zero = np.abs(self.rates) < 1e-300
        held = np.where(zero, t - self.begin, np.expm1(gone) / np.where(zero, 1.0, self.rates))
        return self.eigen.from_modes(np.exp(gone) * self.start + held * self.gain)
