"""What of a density is solid: the opacity of a stretch, averaged over a stated width, on a lattice of a box.

A density alone has no surface: it is as rough as its grid, and inside of things, where no ray comes, it may be
anything. But a place is opaque where a usual stretch there takes half of the light or more. Averaged over a ball, the
opacity is one half on the boundary of anything flat and opaque, wherever that is, and what the width of the average
does not resolve is gone. Hollows that nothing leads into were never seen and count as solid.
"""

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label
from torch import Tensor
from torch.nn import functional as F

from pinnscene.batch import Points, coordinates
from pinnscene.derivatives import Operator
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.radiance.derived import Derived

if TYPE_CHECKING:
    from pinnscene.radiance import RadianceField

FINEST = 256  # nodes along the longest side at most: no field here has more cells
WIDTH = 0.5  # of a stretch: the standard deviation of the average
CRUMB = 0.005  # share of the area below which a body is taken for a floater
HALF = 0.5  # averaged opacity on the surface
Floats = NDArray[np.float32]


class Solid(Derived):
    """How empty a place is: 1 less the averaged opacity, between the nodes of a lattice linearly; 1 outside.

    Attributes:
        field: of light.
        level: the density per unit of length that takes half of the light of a stretch.
        width: the standard deviation of the average, in the scene's units: half a stretch, or a cell if more.
    """

    field: "RadianceField"

    def __init__(self, field: "RadianceField", box: Box, resolution: int, level: float | None = None) -> None:
        """Look at a field of light in a box.

        Args:
            field: what glows; only where it is worth a look.
            box: where to look; what leaves it is cut off, and closed.
            resolution: cells of the lattice along its longest side, ``FINEST`` at most.
            level: a density per unit of length; None for that of which a usual stretch takes half of the light.

        Raises:
            PinnsceneError: a level that is no density.
        """
        if level is not None and level <= 0:
            raise PinnsceneError(f"level expected a density above 0, got {level:g}")
        self.field, self.axes, self.values = field, field.axes, ("emptiness",)
        lower, upper = (np.array(ends, dtype=np.float64) for ends in (box.lower, box.upper))
        shape = np.ceil((upper - lower) * (min(resolution, FINEST) / (upper - lower).max())).astype(int) + 1
        cells = (upper - lower) / (shape - 1)
        self.level = level or log(2) / field.step
        opacity = self._opacity(lower, upper, shape)
        self.width = max(WIDTH * field.step, float(cells.max()))
        averaged = np.asarray(gaussian_filter(opacity, tuple(self.width / cells), mode="constant", truncate=3.0))
        empty = 1 - filled(averaged.astype(np.float32))
        slopes = [np.gradient(empty, step, axis=axis) for axis, step in enumerate(cells)]
        self.table = torch.from_numpy(np.stack([empty, *slopes]).astype(np.float32))[None].to(field.device)
        self.lower, self.upper = (torch.from_numpy(ends).to(field.device) for ends in (lower, upper))

    def _opacity(self, lower: NDArray, upper: NDArray, shape: NDArray) -> Floats:
        """The opacity of a stretch in which ``level`` takes half, at all nodes; nothing on the walls of the box."""
        along = [np.linspace(*ends) for ends in zip(lower, upper, shape, strict=True)]
        made = np.zeros(shape, np.float32)
        y, z = (grid.reshape(-1) for grid in np.meshgrid(*along[1:], indexing="ij"))
        for k in range(1, shape[0] - 1):
            x = torch.from_numpy(np.stack([np.full_like(y, along[0][k]), y, z], 1)).to(self.field.device, self.dtype)
            rows = looked_at(self.field, x)[:, 0].nonzero()[:, 0]
            with torch.no_grad():
                parts = [self.field.density(some)[:, 0] for some in x[rows].split(self.chunk)]
            if parts:
                taken = 1 - torch.exp2(-torch.cat(parts) / self.level)
                made[k].reshape(-1)[rows.cpu().numpy()] = taken.float().cpu().numpy()
        made[:, [0, -1]] = made[:, :, [0, -1]] = 0
        return made

    def derivatives(self, p: Points | Tensor, operators: Sequence[Operator]) -> list[Tensor]:
        """To the first order: slopes are central differences of the lattice."""
        found = self._between(coordinates(p, 3))
        answers = []
        for op in operators:
            if any(len(index) > 1 for index in op):
                raise PinnsceneError("a lattice of opacities has slopes, expected no derivative of higher order")
            terms = [c * found[:, 1 + index[0] if index else 0] for index, c in op.items()]
            answers.append(torch.stack(terms).sum(0)[:, None])
        return answers

    def _between(self, x: Tensor) -> Tensor:
        """Values and slopes [n, 4] at points [n, 3]."""
        place = 2 * (x.to(self.lower) - self.lower) / (self.upper - self.lower) - 1
        outside = (place.abs() > 1).any(1, keepdim=True)
        places = place.flip(1).to(self.table)[None, None, None]
        found = F.grid_sample(self.table, places, padding_mode="border", align_corners=True)[0, :, 0, 0].T
        return torch.where(outside, found.new_tensor([1.0, 0, 0, 0]), found).to(x)


def looked_at(u: "RadianceField", x: Tensor) -> Tensor:
    """Whether points [n, 3] lie in cells that rays look at, [n, 1]."""
    occupancy = u.occupancy
    if occupancy is None:
        return torch.ones_like(x[:, :1], dtype=torch.bool)
    return occupancy.occupied[occupancy.number(u.place(x))][:, None]


def filled(opacity: Floats) -> Floats:
    """Opacities on a lattice with every hollow that does not reach its edge as opaque as can be."""
    body = np.zeros(opacity.shape, np.int32)
    label(opacity < HALF, output=body)
    edges = [np.take(body, end, axis) for axis in range(3) for end in (0, -1)]
    open_to = np.unique(np.concatenate([edge.reshape(-1) for edge in edges]))
    return np.where((body > 0) & ~np.isin(body, open_to), np.float32(1), opacity)
