"""Where rays first meet a scene.

Rays skip what the lattice of distances says is empty, then ask the solids themselves: spheres are traced, with steps
lengthened by the slope that the last two distances show (a secant), at most to four times what is surely free and
never by more than half a cell beyond it. A step that ends inside turns back. Triangles are met by exact intersection
in a tree of boxes, the ground in closed form.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscene.render.tracing import slab
from pinnscene.scenes.raylattice import nearest
from pinnscene.scenes.raymesh import MeshItem
from pinnscene.scenes.rayscene import Scene

NOTHING = -1
STEPS = 400
TOUCH = 2e-5  # distance at which a surface is met, scene units in float32
LEAST = 2e-4  # of a step outside, scene units, so that rays along a surface get on
EAGER = 4.0  # times the free distance that a step may be
NEWTON = 6
EXACT = 1e-9  # distance to a surface after polishing, scene units


@dataclass(frozen=True, eq=False)
class Hits:
    """What rays meet.

    Attributes:
        t: distances along them [n], infinite where nothing is met.
        item: the number of the object met [n]; the number of objects for the ground, ``NOTHING`` for nothing.
        passed: the least angle [n] (distance over way gone, about) at which they passed a surface before.
    """

    t: Tensor
    item: Tensor
    passed: Tensor


def meet(scene: Scene, origins: Tensor, directions: Tensor, exact: bool = False) -> Hits:
    """The first meetings of rays [n, 3], float64; ``exact`` polishes them from 2e-5 to 1e-9 of distance."""
    hits = _march(scene, origins.float(), directions.float())
    if exact:
        _polish(scene, origins.double(), directions.double(), hits)
    for k, item in enumerate(scene.items):
        if isinstance(item, MeshItem):
            t = item.first(origins, directions)
            closer = t < hits.t
            hits.t[closer], hits.item[closer] = t[closer], k
    if scene.ground is not None:
        height, fall = origins[:, 2] - scene.ground.height, -directions[:, 2]
        t = torch.where((fall > 0) & (height >= 0), height / fall.clamp_min(1e-12), torch.inf).to(hits.t)
        closer = t < hits.t
        hits.t[closer], hits.item[closer] = t[closer], len(scene.items)
    return hits


def _march(scene: Scene, origins: Tensor, directions: Tensor) -> Hits:
    """Meetings with the solids."""
    solids = [k for k, item in enumerate(scene.items) if not isinstance(item, MeshItem)]
    items, grid = [scene.items[k] for k in solids], scene.lattice
    t = torch.full((len(origins),), torch.inf, dtype=torch.float64)
    found, passed = torch.full((len(t),), NOTHING), torch.full((len(t),), torch.inf)
    half = (grid.upper - grid.lower) / 2
    enter, leave = slab(half, origins - (grid.lower + half), directions)
    ray = (leave > enter.clamp_min(0)).nonzero()[:, 0] if items else found[:0]
    o, d, at, end = origins[ray], directions[ray], enter[ray].clamp_min(0), leave[ray]
    past, value = torch.full_like(at, -torch.inf), torch.zeros_like(at)  # where a solid was asked last, its answer
    for _ in range(STEPS):
        if not len(ray):
            break
        p = torch.addcmul(o, at[:, None], d)
        stride = grid.bound(p)
        close = (stride < grid.cell).nonzero()[:, 0]
        asked = nearest(items, p[close])
        gap, before, there = asked.distance, past[close], at[close]
        passed[ray[close]] = torch.minimum(passed[ray[close]], gap.abs() / there.clamp_min(1e-6))
        step = _step(gap, value[close], there - before, 0.5 * grid.cell)
        stride[close] = step
        past[close], value[close] = there, gap
        stuck = step.abs() <= 2e-7 * there
        met = close[(gap.abs() < TOUCH) | stuck | ((gap < 0) & (before == -torch.inf))]
        which = asked.item[(gap.abs() < TOUCH) | stuck | ((gap < 0) & (before == -torch.inf))]
        t[ray[met]], found[ray[met]] = at[met].double(), torch.tensor(solids)[which]
        at = at + stride
        alive = at < end
        alive[met] = False
        if not bool(alive.all()):
            ray, o, d, at, end, past, value = (x[alive] for x in (ray, o, d, at, end, past, value))
    return Hits(t, found, passed)


def _step(gap: Tensor, before: Tensor, way: Tensor, most: float) -> Tensor:
    """How far to go on from a distance ``gap`` when it was ``before``, a ``way`` back; below 0 inside."""
    slope = ((before - gap) / way).clamp(1 / EAGER, 1.0)
    ahead = torch.where(way.isfinite() & (before > gap), gap / slope, gap)
    ahead = torch.minimum(ahead, gap + most)
    back = torch.where(way.isfinite(), gap / slope, gap)
    return torch.where(gap > 0, ahead.clamp_min(LEAST), torch.where(way > 0, torch.maximum(back, -way), back))


def _polish(scene: Scene, origins: Tensor, directions: Tensor, hits: Hits) -> None:
    """Newton's method along the rays in float64, slopes from a secant over a short way."""
    for k, item in enumerate(scene.items):
        rows = (hits.item == k).nonzero()[:, 0]
        start = hits.t[rows]
        for _ in range(NEWTON):
            if not len(rows):
                break
            o, d, t = origins[rows], directions[rows], hits.t[rows]
            p, h = o + t[:, None] * d, 1e-6
            value = item.distance(p)
            slope = (value - item.distance(p - h * d)) / h
            steep = slope.abs() > 1e-3
            step = torch.where(steep, -value / torch.where(steep, slope, 1.0), 0.0)
            hits.t[rows] = torch.minimum(torch.maximum(t + step, start - 0.01), start + 0.01)
            far = value.abs() > EXACT
            rows, start = rows[far], start[far]
