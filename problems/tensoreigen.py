"""Operators that are a sum of one matrix an axis, in the eigenvectors of those matrices.

Lynch, Rice and Thomas, Numer. Math. 6 (1964); for collocation Haidvogel and Zang, J. Comput. Phys. 30 (1979).
"""

from collections.abc import Sequence

import numpy as np

from pinnscene.problems.methodoflines import Array, Line, along


class TensorEigen:
    """The sum of the second derivatives along each line, diagonal.

    Attributes:
        values: the eigenvalues, of the shape of a state of unknowns; complex where they are.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self.values = np.zeros([len(line.unknown) for line in lines])
        self.bases = []
        for k, line in enumerate(lines):
            if line.period:  # symmetric, with pairs of equal eigenvalues
                found, basis = np.linalg.eigh((line.second + line.second.T) / 2)
            else:
                found, basis = np.linalg.eig(line.second)
            self.values = self.values + found.reshape([-1 if j == k else 1 for j in range(len(lines))])
            self.bases.append(basis)
        self.inverses = [np.linalg.inv(basis) for basis in self.bases]

    def to_modes(self, state: Array) -> Array:
        """The factors of the eigenvectors in a state."""
        for k, inverse in enumerate(self.inverses):
            state = along(inverse, state, k)
        return state

    def from_modes(self, modes: Array) -> Array:
        """The state of these factors."""
        for k, basis in enumerate(self.bases):
            modes = along(basis, modes, k)
        return modes.real
