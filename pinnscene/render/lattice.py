"""Lattices over a box: how many cells, the numbers of their points, and what lies around a cell."""

from collections.abc import Callable
from functools import reduce
from itertools import product

import numpy as np
import torch
from torch import Tensor

from pinnscene.domain import Box

Shape = tuple[int, int, int]
WINDOWS = [tuple(slice(1, None) if s else slice(-1) for s in shift) for shift in product((0, 1), repeat=3)]


def lattice(box: Box, side: int) -> Shape:
    """The cells along each axis, nearly cubes, about side^3 in all."""
    sides = np.subtract(box.upper, box.lower)
    n = np.clip(np.round(sides / np.prod(sides) ** (1 / 3) * side), 4, 4 * side).astype(int)
    return int(n[0]), int(n[1]), int(n[2])


def vertices(cells: Shape) -> Shape:
    """The points along each axis."""
    return cells[0] + 1, cells[1] + 1, cells[2] + 1


def count(cells: Shape) -> int:
    """The points in all."""
    return int(np.prod(vertices(cells)))


def places(rows: Tensor, cells: Shape) -> Tensor:
    """Lattice coordinates [n, 3] of numbered points, the last axis running fastest."""
    _, b, c = vertices(cells)
    return torch.stack([rows // (b * c), rows // c % b, rows % c], 1)


def corners(values: Tensor, join: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The eight corners of every cell joined to one value."""
    return reduce(join, [values[window] for window in WINDOWS])
