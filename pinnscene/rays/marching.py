"""Samples along rays where an occupancy grid says that there may be something."""

from collections.abc import Callable

import torch
from torch import Tensor

from pinnscene.rays.box import slab
from pinnscene.rays.bundle import RayBatch
from pinnscene.rays.contraction import unwarped, warped
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
    start = near + (k + jitter - 1) * step  # the first stretch may begin before the box, it is cut there
    middle = start + step / 2
    o, d = place(rays.origins[hit]), rays.directions[hit]
    rate = place(rays.origins[hit] + d) - o
    number = _numbers(occupancy, o, rate, middle)
    kept = occupancy.occupied[number] & (middle > near) & (middle < far)
    row, slot = kept.nonzero(as_tuple=True)
    first = start[row, slot]
    return Samples(hit[row], first, first + step, len(rays))


def _numbers(occupancy: Occupancy, o: Tensor, rate: Tensor, t: Tensor) -> Tensor:
    """The cells at o + rate t: an axis at a time, since [n, s, 3] would not stay in a processor's cache."""
    cells, number = occupancy.cells, torch.zeros((), dtype=torch.int32, device=t.device)
    for axis in range(3):
        along = (o[:, axis, None] + rate[:, axis, None] * t + 1) * (cells / 2)
        number = number * cells + along.clamp(0, cells - 1).int()
    return number


@torch.no_grad()
def march_far(rays: RayBatch, occupancy: Occupancy, place: Place, unit: float, count: int) -> Samples:
    """``count`` stretches a ray through a scene without end, even up to ``unit``, then longer, where occupied."""
    near, far = warped(rays.near / unit), warped(rays.far / unit)
    k = torch.arange(count + 1, device=near.device)
    inner = ((k + rays.jitter - 0.5) / count).clamp(0, 1)
    edges = unwarped(near + inner * (far - near)) * unit
    middle = (edges[:, :-1] + edges[:, 1:]) / 2
    number = occupancy.number(place(rays.at(middle)))
    kept = occupancy.occupied[number] & (edges[:, 1:] > edges[:, :-1])
    row, slot = kept.nonzero(as_tuple=True)
    return Samples(row, edges[row, slot], edges[row, slot + 1], len(rays))
