"""A field inside its solid as a medium that glows and absorbs, with level sets as lit sheets in it.

Along a ray light follows dL/ds = sigma (c - L), with the density sigma (1 / length) and the colour c of a transfer
function of the value (Max, "Optical models for direct volume rendering", 1995, equation 6). Segments are put together
front to back; one of length h has the value of its middle and covers 1 - exp(-sigma h) of what is behind it.
Positions are float32 and relative to the middle of the solid's box.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from pinnscene.batch import Points
from pinnscene.metrics import evaluate
from pinnscene.render import tone
from pinnscene.render.baking import Baked
from pinnscene.render.outline import spread
from pinnscene.render.tracing import slab
from pinnscene.views import Differentiable

CELLS = 96  # of the lattice of values along the longest side
REACH = 2.0  # cells about the inside in which values are taken, too: a solid's walls lie between points
OPAQUE = 1e-3  # light that still gets through where a ray is done
SHEET = 0.55  # how much of what is behind it a level set covers
GLASS, RIM, PALE = 0.03, 0.35, 0.85  # the same of a wall seen from before and aslant, and its colour
AMBIENT, KEY = 0.4, 0.75  # light on a sheet


@dataclass(frozen=True, eq=False)
class Medium:
    """A solid, and the values of a field in it.

    Attributes:
        solid: its signed distances, baked.
        values: of the field on a lattice of the same box, the first axis running fastest, float32.
    """

    solid: Baked
    values: Tensor

    @property
    def cell(self) -> float:
        """The shortest side of the lattice of values."""
        return float((2 * self.solid.half.cpu() / torch.tensor([n - 1 for n in self.values.shape[::-1]])).min())

    def value(self, p: Tensor) -> Tensor:
        """The field [n] at positions [n, 3] by trilinear interpolation."""
        grid = (p / self.solid.half).view(1, 1, 1, -1, 3)
        return grid_sample(self.values[None, None], grid, padding_mode="border", align_corners=True).reshape(-1)

    def slope(self, of: str, p: Tensor) -> Tensor:
        """The direction [n, 3] in which the "value" or the "distance" grows."""
        look = self.value if of == "value" else self.solid.distance
        steps = self.cell * torch.eye(3, device=p.device)
        grown = torch.stack([look(p + step) - look(p - step) for step in steps], 1)
        return torch.nn.functional.normalize(grown, dim=1)


def fill(u: Differentiable, solid: Baked, cells: int = CELLS) -> Medium:
    """The medium of a field of space with one output: evaluated inside of the solid and just about it alone."""
    half = solid.half.cpu().double()
    n = [max(8, round(float(cells * side / half.max()))) + 1 for side in half]
    lines = [torch.linspace(-float(h), float(h), k, dtype=torch.float64) for h, k in zip(half, n, strict=True)]
    x = torch.stack(torch.meshgrid(*reversed(lines), indexing="ij")[::-1], -1).reshape(-1, 3)
    reach = REACH * float((2 * half / (torch.tensor(n) - 1)).max())
    near = solid.distance(x.float().to(solid.volume.device)).cpu() < reach
    made = np.full(len(x), np.nan)
    made[near.numpy()] = evaluate(u, Points(x[near] + solid.centre.cpu(), u.axes))[:, 0].numpy()
    made = spread(made.reshape(n[::-1]))
    return Medium(solid, torch.from_numpy(made).float().to(solid.volume.device))


@dataclass(frozen=True)
class Transfer:
    """What a value looks like.

    Attributes:
        low, high: the values at the ends of the colour map ``name``.
        density: of the densest values, 1 / length; 0 for none.
        levels: values whose level sets are drawn as sheets, ascending.
        both: whether both ends are dense and the middle is clear, as for values of both signs; else the upper end is.
    """

    low: float
    high: float
    density: float
    levels: tuple[float, ...] = ()
    both: bool = False
    name: str = "viridis"

    def sigma(self, value: Tensor) -> Tensor:
        """The density [n] at values [n]."""
        share = ((value - self.low) / max(self.high - self.low, 1e-30)).clamp(0, 1)
        return self.density * ((2 * share - 1).abs() if self.both else share) ** 1.5

    def colour(self, value: Tensor) -> Tensor:
        """The map's colours [n, 3] as linear light."""
        return tone.mapped(value, self.low, self.high, self.name)


def through(
    medium: Medium, transfer: Transfer, origins: Tensor, directions: Tensor, light: Tensor, glass: bool = True
) -> tuple[Tensor, Tensor]:
    """What rays gather in a medium: light [n, 3], and the share [n] of what is behind that gets through.

    Args:
        medium: the solid and its values.
        transfer: what they look like.
        origins: [n, 3] relative to the box's middle.
        directions: unit vectors [n, 3].
        light: unit vector [3] towards the light that sheets are lit by.
        glass: whether the walls of the solid are seen.
    """
    gathered, left = torch.zeros_like(origins), torch.ones(len(origins), device=origins.device)
    enter, leave = slab(medium.solid.half, origins, directions)
    ray = (leave > enter.clamp_min(0)).nonzero()[:, 0]
    walk = _Walk(medium, transfer, light, glass, origins[ray], directions[ray], enter.clamp_min(0)[ray])
    step, end = medium.cell, leave[ray]
    while len(ray):
        walk.go(torch.minimum(walk.at + step, end))
        gathered[ray], left[ray] = walk.gathered, walk.left
        alive = (walk.at < end) & (walk.left > OPAQUE)
        if not bool(alive.all()):
            ray, end = ray[alive], end[alive]
            walk.keep(alive)
    return gathered, left


class _Walk:
    """Rays on their way: how far they are, what is there, and what they have gathered."""

    def __init__(
        self, medium: Medium, transfer: Transfer, light: Tensor, glass: bool, o: Tensor, d: Tensor, at: Tensor
    ) -> None:
        self.medium, self.transfer, self.light, self.glass = medium, transfer, light, glass
        self.o, self.d, self.at = o, d, at
        self.gathered, self.left = torch.zeros_like(o), torch.ones_like(at)
        self.value, self.gap = self._look(at)

    def _look(self, at: Tensor) -> tuple[Tensor, Tensor]:
        p = torch.addcmul(self.o, at[:, None], self.d)
        return self.medium.value(p), self.medium.solid.distance(p)

    def keep(self, alive: Tensor) -> None:
        """Leave the others behind."""
        for name in ("o", "d", "at", "gathered", "left", "value", "gap"):
            setattr(self, name, getattr(self, name)[alive])

    def go(self, there: Tensor) -> None:
        """On to ``there`` [n], past what lies in between."""
        value, gap = self._look(there)
        start, end = _inside(self.gap, gap)
        crossed = (self.gap < 0) != (gap < 0)
        if self.glass:
            self._wall(crossed & (gap < 0), self.at + start * (there - self.at))
        self._fog(self.value + (start + end) / 2 * (value - self.value), (end - start) * (there - self.at))
        for level in self.transfer.levels:
            self._sheet(level, (value > self.value), value, (start, end), there)
        for level in self.transfer.levels[::-1]:
            self._sheet(level, (value < self.value), value, (start, end), there)
        if self.glass:
            self._wall(crossed & (gap >= 0), self.at + end * (there - self.at))
        self.at, self.value, self.gap = there, value, gap

    def _cover(self, rows: Tensor, share: Tensor, colour: Tensor) -> None:
        self.gathered[rows] += (self.left[rows] * share)[:, None] * colour
        self.left[rows] *= 1 - share

    def _fog(self, value: Tensor, length: Tensor) -> None:
        rows = (length > 0).nonzero()[:, 0] if self.transfer.density > 0 else length.new_zeros(0, dtype=torch.long)
        if len(rows):
            share = -torch.expm1(-self.transfer.sigma(value[rows]) * length[rows])
            self._cover(rows, share, self.transfer.colour(value[rows]))

    def _sheet(self, level: float, ordered: Tensor, value: Tensor, ends: tuple[Tensor, Tensor], there: Tensor) -> None:
        """A level set where a segment crosses it inside of the solid."""
        met = ordered & ((self.value < level) != (value < level))
        part = (level - self.value) / torch.where(met, value - self.value, 1.0)
        rows = (met & (ends[0] < ends[1]) & (part >= ends[0]) & (part <= ends[1])).nonzero()[:, 0]
        if len(rows):
            p = self.o[rows] + (self.at + part * (there - self.at))[rows, None] * self.d[rows]
            facing = (self.medium.slope("value", p) @ self.light).abs()
            colour = self.transfer.colour(torch.full_like(facing, level))
            self._cover(rows, torch.full_like(facing, SHEET), (AMBIENT + KEY * facing)[:, None] * colour)

    def _wall(self, crossed: Tensor, at: Tensor) -> None:
        rows = crossed.nonzero()[:, 0]
        if len(rows):
            p = self.o[rows] + at[rows, None] * self.d[rows]
            aslant = 1 - (self.medium.slope("distance", p) * self.d[rows]).sum(1).abs()
            share = GLASS + RIM * aslant.clamp(0, 1) ** 3
            self._cover(rows, share, torch.full((3,), PALE, device=p.device))


def _inside(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """From which to which share of a segment the solid reaches, for the signed distances at its ends."""
    cut = (a / torch.where(a == b, 1.0, a - b)).clamp(0, 1)
    first, last = a < 0, b < 0
    zero, one = torch.zeros_like(a), torch.ones_like(a)
    start = torch.where(first, zero, torch.where(last, cut, one))
    return start, torch.where(last | ~first, one, cut)
