"""Which cells of a scene are worth a look: rays skip the rest (Mueller et al. 2201.05989, appendix E.2)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pinnscene.errors import PinnsceneError
from pinnscene.seeds import generator

EVERY = 16  # steps between two refreshes
DECAY = 0.95  # what is left of a cell's density from one refresh to the next, unless it is found again
FAINT = 0.01  # opacity of a step that a cell needs to be worth a look
SHARE = 8  # one of so many cells is looked at again even where it is empty
FIRST = 16  # refreshes from the start in which no cell is given up for being faint


class Occupancy(nn.Module):
    """A lattice of cells over [-1, 1]^3, a buffer of the field: saved with it, so that rendering keeps it.

    Attributes:
        cells: along each axis.
        density: the highest density found in each cell lately [cells^3].
        allowed: cells that can hold something at all [cells^3], such as those of a visual hull.
        occupied: cells worth a look [cells^3].
        lower, upper: the corners [3] of the smallest box around all occupied cells.
        age: steps that the field has been trained.
    """

    density: Tensor
    allowed: Tensor
    occupied: Tensor
    lower: Tensor
    upper: Tensor
    age: Tensor

    def __init__(self, cells: int = 64) -> None:
        super().__init__()
        if not 4 <= cells <= 512:
            raise PinnsceneError(f"an occupancy grid expected 4 to 512 cells along an axis, got {cells}")
        self.cells = cells
        self.register_buffer("density", torch.zeros(cells**3))
        self.register_buffer("allowed", torch.ones(cells**3, dtype=torch.bool))
        self.register_buffer("occupied", torch.ones(cells**3, dtype=torch.bool))
        self.register_buffer("lower", -torch.ones(3))
        self.register_buffer("upper", torch.ones(3))
        self.register_buffer("age", torch.tensor(0))

    @torch.no_grad()
    def restrict(self, allowed: Tensor) -> None:
        """Give up the cells that are not ``allowed`` [cells, cells, cells] for good."""
        self.allowed.copy_(allowed.reshape(-1))
        self._occupy(self.allowed)

    def ball(self) -> Tensor:
        """The cells [cells, cells, cells] that reach into the unit ball."""
        along = ((torch.arange(self.cells) + 0.5) * (2 / self.cells) - 1).abs() - 1 / self.cells
        nearest = along.clamp(min=0).square()
        return nearest[:, None, None] + nearest[:, None] + nearest < 1

    def centres(self, rows: Tensor) -> Tensor:
        """The middles [m, 3] of cells by number [m], in [-1, 1]^3."""
        c = self.cells
        index = torch.stack([rows // (c * c), rows // c % c, rows % c], 1)
        return (index + 0.5) * (2 / c) - 1

    def number(self, x: Tensor) -> Tensor:
        """The cells that hold points [..., 3]; points outside count to the cells at the edge."""
        index = ((x + 1) * (self.cells / 2)).clamp(0, self.cells - 1).int()
        return (index[..., 0] * self.cells + index[..., 1]) * self.cells + index[..., 2]

    def _occupy(self, occupied: Tensor) -> None:
        self.occupied.copy_(occupied)
        rows = self.occupied.nonzero()[:, 0]
        half = 1 / self.cells if len(rows) else 0.0
        middles = self.centres(rows) if len(rows) else self.lower.new_zeros(1, 3)
        self.lower.copy_(middles.amin(0) - half)
        self.upper.copy_(middles.amax(0) + half)

    @torch.no_grad()
    def refresh(self, density: Callable[[Tensor], Tensor], step: float) -> None:
        """Look again, every ``EVERY`` steps, at all occupied cells and at some of the others.

        Args:
            density: of points [m, 3] in [-1, 1]^3: [m].
            step: the usual length of a stretch, so that density times step is an optical depth.
        """
        self.age += 1
        age = int(self.age)
        if age % EVERY:
            return
        g = generator(age, "occupancy", device=self.density.device)
        drawn = torch.rand(len(self.allowed), generator=g, device=g.device).to(self.density.device)
        rows = (self.occupied | (self.allowed & (drawn < 1 / SHARE))).nonzero()[:, 0]
        jitter = torch.rand(len(rows), 3, generator=g, device=g.device).to(self.density.device) - 0.5
        found = density(self.centres(rows).to(self.density) + jitter.to(self.density) * (2 / self.cells))
        self.density *= DECAY
        self.density[rows] = torch.maximum(self.density[rows], found.to(self.density))
        if age > EVERY * FIRST:
            self._occupy(self.allowed & (self.density * step > FAINT))

    @torch.no_grad()
    def look(self, density: Callable[[Tensor], Tensor], step: float) -> None:
        """Look at all cells now, at their middles; arguments as of ``refresh``, which goes on from here."""
        rows = self.allowed.nonzero()[:, 0]
        self.density.zero_()
        self.density[rows] = density(self.centres(rows).to(self.density)).to(self.density)
        self._occupy(self.allowed & (self.density * step > FAINT))
        self.age.fill_(EVERY * FIRST)
