"""Distances of a whole scene on a lattice: how far a ray may go blindly, and how open the space about a point is.

Distances change by no more than the way gone (their Lipschitz constant is 1), so that the value v at the node next to
a point p gives the bound |d(p)| >= |v| - |p - node|. Rays skip by it what is empty, and only near a surface ask the
objects themselves. Between the nodes, values are interpolated for soft shadows, which need no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscene.scenes.rayitems import Item

NODES = 80  # along the longest side of the box
MARGIN = 0.04  # of the longest side, left free around the objects
CHUNK = 1 << 15


@dataclass(frozen=True, eq=False)
class Nearest:
    """Distances [n] of points to the nearest of some objects, and its number [n]."""

    distance: Tensor
    item: Tensor


def nearest(items: Sequence[Item], p: Tensor) -> Nearest:
    """The objects nearest to points [n, 3]; one is only asked where its bounding box is nearer than the others."""
    best, which = torch.full_like(p[:, 0], torch.inf), torch.full((len(p),), -1)
    for k, item in enumerate(items):
        rows = (_to_box(item, p) < best).nonzero()[:, 0]
        if not len(rows):
            continue
        value = item.distance(p[rows])
        closer = value < best[rows]
        best[rows[closer]], which[rows[closer]] = value[closer], k
    return Nearest(best, which)


def _to_box(item: Item, p: Tensor) -> Tensor:
    """A lower bound [n] of the distance to an object from its box; far below 0 inside."""
    lower, upper = p.new_tensor(item.lower), p.new_tensor(item.upper)
    outside = torch.maximum(lower - p, p - upper)
    away = outside.clamp_min(0).norm(dim=1)
    return torch.where(away > 0, away, -torch.inf)


@dataclass(frozen=True, eq=False)
class Lattice:
    """Signed distances ``values`` [z, y, x] in float32 at the nodes ``lower`` + k ``cell``."""

    lower: Tensor
    cell: float
    values: Tensor

    @property
    def upper(self) -> Tensor:
        return self.lower + self.cell * torch.tensor([n - 1.0 for n in self.values.shape[::-1]])

    def bound(self, p: Tensor) -> Tensor:
        """How far [n] any surface is at least from points [n, 3] within the box; may be below 0."""
        q = (p - self.lower) / self.cell
        last = q.new_tensor([n - 1 for n in self.values.shape[::-1]])
        node = torch.minimum(q.round().clamp_min(0), last)
        off = (q - node).norm(dim=1) * self.cell
        x, y, z = node.long().unbind(1)
        depth, height, width = self.values.shape
        del depth
        return self.values.flatten()[(z * height + y) * width + x].abs() - off

    def between(self, p: Tensor) -> Tensor:
        """Distances [n] at points [n, 3], trilinear; beyond the box those of its wall."""
        last = p.new_tensor([n - 1 for n in self.values.shape[::-1]])
        places = (p - self.lower) / (self.cell * last) * 2 - 1
        found = torch.nn.functional.grid_sample(
            self.values[None, None], places[None, None, None], padding_mode="border", align_corners=True
        )
        return found[0, 0, 0, 0]


def lattice(items: Sequence[Item], nodes: int = NODES) -> Lattice:
    """The lattice of the objects' common box."""
    corners = torch.tensor([[*item.lower, *item.upper] for item in items], dtype=torch.float64)
    lower, upper = corners[:, :3].amin(0), corners[:, 3:].amax(0)
    size = float((upper - lower).max())
    lower, upper = lower - MARGIN * size, upper + MARGIN * size
    cell = float((upper - lower).max()) / (nodes - 1)
    x, y, z = (torch.arange(int(n) + 1) for n in ((upper - lower) / cell).ceil().tolist())
    grid = torch.stack(torch.meshgrid(z, y, x, indexing="ij")[::-1], -1)
    points = (lower.float() + grid.reshape(-1, 3) * cell).float()
    values = torch.cat([nearest(items, part).distance for part in points.split(CHUNK)])
    return Lattice(lower.float(), cell, values.reshape(grid.shape[:3]))
