"""A signed distance as a sum of splines on lattices from coarse to fine."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pinnscene.derivatives import Jet
from pinnscene.encodings.grid import Grid

COARSER = 4  # the coarsest lattice has so many times fewer cells than the finest, along each axis
LEVELS = 3
RATE = 0.2  # how much slower than a weight of the network a node moves

Distances = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Shape(nn.Module):
    """A distance in half sides of the box, as quadratic B-splines with one number a node.

    A distance bends little, and what a ray says of it holds for its neighbourhood: each node acts on few cells, so
    that nothing is forgotten elsewhere; coarse lattices carry what many rays agree on. Slopes are continuous. A dense
    lattice of distances is what Wu et al. (2208.12697) train too.

    Attributes:
        cells: of the finest lattice along each axis.
    """

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.splines = Grid(
            3, levels=LEVELS, coarsest=max(1, cells // COARSER), finest=cells, features=1, interpolation="quadratic"
        )

    def forward(self, y: Tensor | Jet) -> Tensor | Jet:
        """Distances [n, 1] at points y [n, 3] of [-1, 1]^3."""
        parts, count = self.splines(y), len(self.splines.levels)
        if isinstance(parts, Jet):
            return Jet(RATE * parts.data[..., :count].sum(-1, keepdim=True), parts.streams)
        return RATE * parts[..., :count].sum(-1, keepdim=True)

    @torch.no_grad()
    def take(self, distances: Distances) -> None:
        """Become a given distance.

        The numbers of the finest lattice are the distances at its nodes: a spline through less than it could be, which
        rounds off edges by a fraction of a cell.

        Args:
            distances: at points [n, 3] of [-1, 1]^3: [n], in half sides.
        """
        *coarse, fine = self.splines.levels
        for level in coarse:
            level.table.zero_()
        along = (torch.arange(fine.side, dtype=torch.float64) - 0.5) * (2 / fine.cells) - 1
        y = torch.cartesian_prod(along, along, along)
        fine.table.copy_(torch.from_numpy(distances(y.numpy()))[:, None] / RATE)
