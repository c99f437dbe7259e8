"""Rays through a baked field: where they first meet its zero set, then to the digit on the field itself.

Far from the surface a ray steps by the baked distance less a margin, near it by half a distance and at least half a
lattice cell, until the sign changes; only rays that are still on their way are kept. Newton's method along the ray
on the field itself then takes the hit off the lattice, with the gradient that is the normal at its end.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.render.baking import CHUNK, Baked
from pinnscene.views import Differentiable

NOTHING, SURFACE, CUT, GROUND = 0, 1, 2, 3  # what a ray meets; CUT: the box's wall where the inside reaches it
STEPS = 1024  # at most; a ray that takes half a cell at a time crosses every box in fewer
MARGIN = 3.5  # cells: a diagonal of the coarse cells that the distances away from the surface are good to
ASIDE = 0.25  # cells before a hit where a normal is taken that would point away
NEAR = 1.75  # cells: how near a ray passes that may meet an edge
LOOKS = 11  # at the field along a grazing ray
NEWTON = 4  # evaluations of the field at a hit, at most
SETTLED = 0.0025  # cells: a Newton step below this leaves the normal exact to 1e-4 for radii from 25 cells


class Hits(NamedTuple):
    """What rays meet.

    Attributes:
        t: [n] along the rays, infinite where nothing is met.
        kind: [n] in uint8, of the constants above.
        graze: [n] where a ray came nearest to the surface before that without meeting it, within ``NEAR``; else nan.
    """

    t: Tensor
    kind: Tensor
    graze: Tensor


class Touch(NamedTuple):
    """Hits on the field itself: ``t`` [n] along the rays and the unit ``normal`` [n, 3], outwards."""

    t: Tensor
    normal: Tensor


def slab(half: Tensor, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays enter and leave a box around the origin, [n] each; they miss it where the first is not below."""
    inverse = 1 / torch.where(directions.abs() < 1e-12, torch.full_like(directions, 1e-12), directions)
    middle, reach = -origins * inverse, half * inverse.abs()
    return (middle - reach).amax(1), (middle + reach).amin(1)


def march(baked: Baked, origins: Tensor, directions: Tensor) -> Hits:
    """The first meetings of rays [n, 3] with the baked zero set.

    Args:
        baked: the volume.
        origins: relative to the volume's centre, float32.
        directions: unit vectors, float32.

    Returns:
        Hits; a ray that starts inside meets the surface from within.
    """
    enter, leave = slab(baked.half, origins, directions)
    t = torch.full_like(enter, torch.inf)
    kind, graze = torch.zeros(len(t), dtype=torch.uint8, device=t.device), torch.full_like(t, torch.nan)
    ray = (leave > enter.clamp_min(0)).nonzero()[:, 0]
    at, end = enter.clamp_min(0)[ray], leave[ray]
    o, d = origins[ray], directions[ray]
    value = baked.distance(o + at[:, None] * d)
    cut = (value < 0) & (enter[ray] > 0)
    t[ray[cut]], kind[ray[cut]] = at[cut], CUT
    alive = ~cut
    nearest = torch.full_like(t, NEAR * baked.cell)  # how near the grazes are
    for _ in range(STEPS):
        if not bool(alive.all()):
            ray, at, end, value = ray[alive], at[alive], end[alive], value[alive]
            o, d = o[alive], d[alive]
        if not len(ray):
            break
        size = value.abs()
        stride = torch.maximum(size - MARGIN * baked.cell, (0.5 * size).clamp_min(0.5 * baked.cell))
        there = torch.minimum(at + stride, end)
        after = baked.distance(torch.addcmul(o, there[:, None], d))
        met = (value < 0) != (after < 0)
        passing = ~met & (size < NEAR * baked.cell) & (after.abs() >= size)
        if bool(passing.any()):
            some, gap, where = ray[passing], size[passing], at[passing]
            closer = gap < nearest[some]
            nearest[some[closer]], graze[some[closer]] = gap[closer], where[closer]
        if bool(met.any()):
            first, last, a, b = value[met], after[met], at[met], there[met]
            t[ray[met]] = a + (b - a) * first / (first - last)
            kind[ray[met]] = SURFACE
        alive = ~met & (there < end)
        at, value = there, after
    return Hits(t, kind, graze)


def sharpen(u: Differentiable, baked: Baked, origins: Tensor, directions: Tensor, hits: Hits) -> Hits:
    """The hits, and those on sharp edges that the lattice rounds off: grazing rays are looked at on the field itself.

    Args:
        u: the field.
        baked: its volume.
        origins: [n, 3] in float64, in the field's coordinates.
        directions: unit vectors [n, 3] in float64.
        hits: what ``march`` found.
    """
    ray = hits.graze.isfinite().nonzero()[:, 0]
    t, kind = hits.t.clone(), hits.kind.clone()
    shares = torch.linspace(-NEAR, NEAR, LOOKS, dtype=torch.float64, device=t.device) * baked.cell
    for some in ray.split(max(1, CHUNK // LOOKS)):
        at = (hits.graze[some].double()[:, None] + shares).clamp_min(0)
        p = origins[some, None] + at[..., None] * directions[some, None]
        with torch.no_grad():
            value = (
                u(Points(p.reshape(-1, 3).to(getattr(u, "dtype", torch.float64)), u.axes)).double().reshape(at.shape)
            )
        changed = (value[:, :-1] < 0) != (value[:, 1:] < 0)
        within = (p[:, 0] - baked.centre.to(p)).abs().le(baked.half.double()).all(1)
        found = changed.any(1) & within
        k = changed.int().argmax(1, keepdim=True)[found]
        a, b = value[found].gather(1, k), value[found].gather(1, k + 1)
        place = at[found].gather(1, k) + (at[found].gather(1, k + 1) - at[found].gather(1, k)) * a / (a - b)
        t[some[found]] = torch.minimum(t[some[found]], place[:, 0].float())
        kind[some[found]] = SURFACE
    return Hits(t, kind, hits.graze)


def touch(
    u: Differentiable, baked: Baked, origins: Tensor, directions: Tensor, t: Tensor, within: bool = False
) -> Touch:
    """Hits of the lattice moved onto the field's own zero set, with its normals there.

    Args:
        u: the field.
        baked: its volume.
        origins: [n, 3] in float64, in the field's coordinates.
        directions: unit vectors [n, 3] in float64.
        t: [n] where ``march`` met the surface.
        within: whether the rays start inside the shape, and so meet its surface from behind.
    """
    dtype, device = getattr(u, "dtype", torch.float64), t.device
    t, normal = t.double().clone(), torch.zeros_like(directions)
    for s in range(0, len(t), CHUNK):
        rows = torch.arange(s, min(s + CHUNK, len(t)), device=device)
        start = t[rows].clone()
        for _ in range(NEWTON):
            if not len(rows):
                break
            d = directions[rows]
            p = origins[rows] + t[rows, None] * d
            value, slope = _value_and_gradient(u, p.to(dtype))
            along = (slope * d).sum(1)
            steepness = slope.norm(dim=1)
            normal[rows] = slope / steepness.clamp_min(1e-30)[:, None]
            # a ray that grazes has no crossing nearby: at most a cell and a half from where the lattice had it
            floor = (0.05 * steepness).clamp_min(1e-30)
            step = -value / torch.where(along.abs() < floor, floor.copysign(along), along)
            moved = (t[rows] + step).nan_to_num(0.0).clamp(start - 1.5 * baked.cell, start + 1.5 * baked.cell)
            unsettled = (moved - t[rows]).abs() > SETTLED * baked.cell
            t[rows] = moved
            rows, start = rows[unsettled], start[unsettled]
    lost = (normal.norm(dim=1) < 0.5) | ~normal.isfinite().all(1)
    normal[lost] = -directions[lost]
    if not within:
        _turn(u, baked, origins, directions, t, normal)
    return Touch(t, normal)


def _turn(u: Differentiable, baked: Baked, origins: Tensor, directions: Tensor, t: Tensor, normal: Tensor) -> None:
    """At sharp edges the gradient may be the hidden face's: take it a little before the surface instead."""
    away = ((normal * directions).sum(1) > 0).nonzero()[:, 0]
    for rows in away.split(CHUNK):
        d = directions[rows]
        p = origins[rows] + (t[rows, None] - ASIDE * baked.cell) * d
        slope = _value_and_gradient(u, p.to(getattr(u, "dtype", torch.float64)))[1]
        turned = slope / slope.norm(dim=1, keepdim=True).clamp_min(1e-30)
        better = (turned * d).sum(1) < (normal[rows] * d).sum(1)
        normal[rows[better]] = turned[better]


def _value_and_gradient(u: Differentiable, p: Tensor) -> tuple[Tensor, Tensor]:
    """The values [n] and gradients [n, 3] of a field, in float64."""
    operators = [{(): 1.0}, {(0,): 1.0}, {(1,): 1.0}, {(2,): 1.0}]
    with torch.no_grad():
        value, *slopes = u.derivatives(Points(p, u.axes), operators)
    return value[:, 0].double(), torch.cat(slopes, 1).double()
