"""The classical solver for steady linear equations on a box: collocation, solved by diagonalising each axis.

Chebyshev points between walls, Fourier on periodic axes, wall values eliminated by their conditions; then the operator
is a sum of one matrix an axis, and in the eigenvectors of those the solution is a division.
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.problems.methodoflines import Array, along, interpolate, line_between
from pinnscene.problems.tensoreigen import TensorEigen
from pinnscene.problems.wallconstraints import Conditions, Side, WallValues

SINGULAR = 1e-9  # of the largest eigenvalue: below it lies what rounding made of zero


class Collocation:
    """lap(u) + shift u = -source, solved when made; called with points it gives the values [n, 1].

    Args:
        box: the domain, of space alone.
        conditions: its walls.
        source: points -> [n, 1].
        values: right sides of the walls in place of their numbers.
        n: intervals along each axis.
        shift: the number in the equation.
        anchor: the value in the middle of the box where only Neumann and periodic walls leave a constant free.

    Raises:
        PinnsceneError: source and fluxes do not balance where they must, the shift is an eigenvalue, or a value
            is not finite.
    """

    def __init__(
        self,
        box: Box,
        conditions: Conditions,
        source: Callable[[Points], Tensor],
        values: WallValues | None,
        n: int,
        shift: float = 0.0,
        anchor: float = 0.0,
    ) -> None:
        began = perf_counter()
        self.box, self.conditions, self.values = box, conditions, values
        self.lines = [line_between(n, *box.bounds[axis], pair) for axis, pair in conditions.items()]
        right = -self._sample(source, [line.unknown for line in self.lines])
        for k, line in enumerate(self.lines):
            right = right - along(line.bend, self._walls(k, [other.unknown for other in self.lines]), k)
        if not np.isfinite(right).all():
            raise PinnsceneError("the conventional solver overflows: the source or the wall values are too large")
        state = self._divide(right, shift)
        for k, line in enumerate(self.lines):
            nodes = [other.nodes if j < k else other.unknown for j, other in enumerate(self.lines)]
            state = along(line.extend, state, k) + along(line.lift, self._walls(k, nodes), k)
        self.state = state
        if self.singular:
            middle = np.array([[(low + high) / 2 for low, high in zip(box.lower, box.upper, strict=True)]])
            self.state = state + anchor - interpolate(self.lines, state, middle)[0]
        self.seconds = perf_counter() - began

    def _sample(self, f: Callable[[Points], Tensor], nodes: list[Array]) -> Array:
        mesh = np.meshgrid(*nodes, indexing="ij")
        p = Points(torch.as_tensor(np.stack([m.ravel() for m in mesh], 1)), self.box.axes)
        return f(p).detach().double().cpu().numpy().reshape(mesh[0].shape)

    def _walls(self, k: int, nodes: list[Array]) -> Array:
        """The right sides of the two walls of axis k, at nodes of the others: [..., 2, ...]."""
        axis = self.box.axes[k]
        pair = self.conditions[axis]
        shape = [2 if j == k else len(line) for j, line in enumerate(nodes)]
        if pair[0].kind == "periodic":
            return np.zeros(shape)
        sides = []
        for end, wall in enumerate(pair):
            at = [np.array([self.box.bounds[axis][end]]) if j == k else line for j, line in enumerate(nodes)]
            sides.append(self._sample(Side(wall, axis, end, self.values).right, at))
        return np.concatenate(sides, k)

    def _divide(self, right: Array, shift: float) -> Array:
        eigen = TensorEigen(self.lines)
        eigenvalues, modes = eigen.values + shift, eigen.to_modes(right)
        zero = np.abs(eigenvalues) < SINGULAR * np.abs(eigenvalues).max()
        self.singular = shift == 0 and bool(zero.any())
        if zero.any() and np.abs(modes[zero]).max() > 1e-3 * (np.abs(modes).max() + 1e-300):
            raise PinnsceneError(
                "no solution: with Neumann and periodic walls alone, what the source gives must leave through the walls"
                if self.singular
                else f"no solution: {shift:g} is an eigenvalue of the walls"
            )
        return eigen.from_modes(np.where(zero, 0.0, modes / np.where(zero, 1.0, eigenvalues)))

    def __call__(self, p: Points) -> Tensor:
        """The values [n, 1], interpolated through all nodes."""
        return torch.as_tensor(interpolate(self.lines, self.state, p.coords.detach().double().cpu().numpy()))[:, None]
