"""Regular lattices of points in a box, numbered, of which only some are ever evaluated."""

from dataclasses import dataclass
from math import ceil
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pinnscene.domain import Domain

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CORNERS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=np.int64)  # of a cell, [8, 3]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Points ``lower + (i, j, k) * step``, 0 <= i <= cells[0] and so on.

    A point's number counts along the last axis fastest; a cell has the number of its lowest corner.

    Attributes:
        lower: the first point [3].
        step: the edges of a cell [3].
        cells: cells along each axis.
    """

    lower: Floats
    step: Floats
    cells: tuple[int, int, int]

    @classmethod
    def over(cls, box: Domain, resolution: int, halvings: int) -> Self:
        """The lattice of about cubic cells that has ``resolution`` along the longest axis once halved so often."""
        lower, upper = np.array(box.lower), np.array(box.upper)
        share = resolution * (upper - lower) / (upper - lower).max() / 2**halvings
        cells = tuple(max(2, ceil(n - 1e-9)) for n in share)
        return cls(lower, (upper - lower) / cells, (cells[0], cells[1], cells[2]))

    def halved(self) -> "Lattice":
        """The lattice of cells half as long."""
        i, j, k = self.cells
        return Lattice(self.lower, self.step / 2, (2 * i, 2 * j, 2 * k))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Points along each axis."""
        i, j, k = self.cells
        return i + 1, j + 1, k + 1

    @property
    def strides(self) -> Ints:
        """By how much the number of a point grows along each axis [3]."""
        return np.array([self.shape[1] * self.shape[2], self.shape[2], 1], dtype=np.int64)

    @property
    def diagonal(self) -> float:
        """The diagonal of a cell."""
        return float(np.linalg.norm(self.step))

    def split(self, numbers: Ints) -> Ints:
        """The places (i, j, k) [n, 3] of points."""
        return np.stack(np.unravel_index(numbers, self.shape), -1)

    def positions(self, numbers: Ints) -> Floats:
        """The coordinates [n, 3] of points."""
        return self.lower + self.split(numbers) * self.step

    def corners(self, cells: Ints) -> Ints:
        """The points [n, 8] at the corners of cells, in the order of ``CORNERS``."""
        return cells[:, None] + CORNERS @ self.strides
