"""Samples along rays where an occupancy grid says that there may be something."""

from collections.abc import Callable

import torch
from torch import Tensor

from pinnscene.rays.box import slab
from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.occupancy import Occupancy
from pinnscene.rays.samples import Samples

Place = Callable[[Tensor], Tensor]  # points of the scene [..., 3] in the grid's [-1, 1]^3


@torch.no_grad()
def march(rays: RayBatch, occupancy: Occupancy, place: Place, lower: Tensor, upper: Tensor, step: float) -> Samples:
    """Stretches of length ``step`` through the occupied cells between the corners of a box [3], in scene units.

    The stretches of a ray begin at its entry into the box, moved by its jitter.
    """
    enter, leave = slab(lower, upper, rays.origins, rays.directions)
    near, far = torch.maximum(enter, rays.near), torch.minimum(leave, rays.far)
    hit = (far > near)[:, 0].nonzero()[:, 0]
    if not len(hit):
        return Samples(hit, near[:0, 0], near[:0, 0], len(rays))
    near, far, jitter = near[hit], far[hit], rays.jitter[hit]
    count = int(((far - near).max() / step).ceil()) + 1
    k = torch.arange(count, device=near.device)
    along = (k + jitter - 1) * step  # from where each ray comes in, so that nothing is lost to a camera far away
    start = near + along
    o, d = rays.origins[hit], rays.directions[hit]
    entry, exit = place(o + near * d), place(o + far * d)
    number = _numbers(occupancy, entry, (exit - entry) / (far - near), along + step / 2)
    kept = occupancy.occupied[number] & (start + step > near) & (start < far)
    row, slot = kept.nonzero(as_tuple=True)
    first = start[row, slot]  # the first and the last stretch of a ray are cut where the box ends
    end = torch.minimum(first + step, far[row, 0])
    return Samples(hit[row], torch.maximum(first, near[row, 0]), end, len(rays))


def _numbers(occupancy: Occupancy, o: Tensor, rate: Tensor, t: Tensor) -> Tensor:
    """The cells at o + rate t: an axis at a time, since [n, s, 3] would not stay in a processor's cache."""
    cells, number = occupancy.cells, torch.zeros((), dtype=torch.int32, device=t.device)
    for axis in range(3):
        along = (o[:, axis, None] + rate[:, axis, None] * t + 1) * (cells / 2)
        number = number * cells + along.clamp(0, cells - 1).int()
    return number


@torch.no_grad()
def march_far(rays: RayBatch, occupancy: Occupancy, place: Place, edges: Tensor) -> Samples:
    """The stretches between ``edges`` [n, s + 1] along each ray whose middles lie in occupied cells."""
    middle = (edges[:, :-1] + edges[:, 1:]) / 2
    number = occupancy.number(place(rays.at(middle)))
    kept = occupancy.occupied[number] & (edges[:, 1:] > edges[:, :-1])
    row, slot = kept.nonzero(as_tuple=True)
    return Samples(row, edges[row, slot], edges[row, slot + 1], len(rays))
