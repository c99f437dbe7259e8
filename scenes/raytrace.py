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
STEPS = 100
TOUCH = 2e-5  # distance at which a surface is met, scene units in float32
LEAST = 5e-3  # of a step outside that nears no surface, scene units: shorter chords of a solid may be missed
EAGER = 4.0  # times the free distance that a step may be
CLOSE = 0.4  # lattice cells of surely free way below which the solids are asked
GLANCES = 40  # steps of a mirrored ray
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
    _ground(scene, origins, directions, hits)
    return hits


def glance(scene: Scene, origins: Tensor, directions: Tensor) -> Hits:
    """About what rays [n, 3] meet, by the lattice alone: good enough for what a glossy surface mirrors."""
    grid = scene.lattice
    t = torch.full((len(origins),), torch.inf, dtype=torch.float64)
    found, half = torch.full((len(t),), NOTHING), (grid.upper - grid.lower) / 2
    enter, leave = slab(half, origins - (grid.lower + half), directions)
    ray = (leave > enter.clamp_min(0)).nonzero()[:, 0]
    o, d, at, end = origins[ray], directions[ray], enter[ray].clamp_min(0) + 0.5 * grid.cell, leave[ray]
    for _ in range(GLANCES):
        if not len(ray):
            break
        away = grid.between(torch.addcmul(o, at[:, None], d))
        met = away < 0.05 * grid.cell
        t[ray[met]] = at[met].double()
        at = at + away.clamp_min(0.3 * grid.cell)
        alive = ~met & (at < end)
        ray, o, d, at, end = (x[alive] for x in (ray, o, d, at, end))
    met = t.isfinite().nonzero()[:, 0]
    found[met] = nearest(scene.items, origins[met] + t[met, None].float() * directions[met]).item
    hits = Hits(t, found, torch.zeros_like(enter))
    _ground(scene, origins.double(), directions.double(), hits)
    return hits


def _ground(scene: Scene, origins: Tensor, directions: Tensor, hits: Hits) -> None:
    """Where rays meet the ground before anything else."""
    if scene.ground is None:
        return
    height, fall = origins[:, 2] - scene.ground.height, -directions[:, 2]
    t = torch.where((fall > 0) & (height >= 0), height / fall.clamp_min(1e-12), torch.inf).to(hits.t)
    closer = t < hits.t
    hits.t[closer], hits.item[closer] = t[closer], len(scene.items)


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
    for k in range(STEPS):
        if not len(ray):
            break
        stride = grid.bound(torch.addcmul(o, at[:, None], d))
        close = (stride < CLOSE * grid.cell).nonzero()[:, 0]
        there, before = at[close], past[close]
        asked = nearest(items, torch.addcmul(o[close], there[:, None], d[close]))
        gap = asked.distance
        passed[ray[close]] = torch.minimum(passed[ray[close]], gap.abs() / there.clamp_min(1e-6))
        step = _step(gap, value[close], there - before, 0.5 * grid.cell)
        stride[close], past[close], value[close] = step, there, gap
        met = (gap.abs() < TOUCH) | (step.abs() <= 2e-7 * there) | ((gap < 0) & before.isinf())
        if k == STEPS - 1:
            met |= gap < LEAST
        t[ray[close[met]]], found[ray[close[met]]] = there[met].double(), torch.tensor(solids)[asked.item[met]]
        at = at + stride
        alive = at < end
        alive[close[met]] = False
        if not bool(alive.all()):
            ray, o, d, at, end, past, value = (x[alive] for x in (ray, o, d, at, end, past, value))
    return Hits(t, found, passed)


def _step(gap: Tensor, before: Tensor, way: Tensor, most: float) -> Tensor:
    """How far to go on from a distance ``gap`` when it was ``before``, a ``way`` back; below 0 inside."""
    slope = torch.where(way.isfinite(), (before - gap) / way, 1.0)
    ahead = torch.where(slope > 0, gap / slope.clamp(1e-6, 1.0), torch.inf)  # where the surface seems to be
    surely = torch.minimum(torch.where(slope > 0, EAGER * gap, gap), gap + most)
    back = gap / slope.clamp(1 / EAGER, 1.0)
    back = torch.where(way > 0, torch.maximum(back, -way), back)
    return torch.where(gap > 0, torch.minimum(ahead, surely.clamp_min(LEAST)), back)


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
