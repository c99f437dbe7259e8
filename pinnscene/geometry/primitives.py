"""Blocks, balls and ellipsoids in any dimension."""

from functools import cached_property, partial
from math import gamma, isfinite, pi

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.geometry.pieces import Piece, Placed
from pinnscene.geometry.region import Core, Factor, Region, names

TINY = 1e-300
NEAR = 1e-12  # to an axis, of the smallest half axis


class Block(Region):
    """A box of space as a region: its parts are its faces, ``x0`` the lower wall of x, ``x1`` the upper one."""

    def __init__(self, box: Box) -> None:
        if "t" in box.axes:
            raise PinnsceneError("a region is of space alone: give it a time afterwards, as OverTime(region, 0, 1)")
        self.box, self.axes, self.lower, self.upper = box, box.axes, box.lower, box.upper

    def __repr__(self) -> str:
        return repr(self.box)

    def distance(self, p: Points | Tensor) -> Tensor:
        return self.box.distance(p)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        sides = torch.tensor(self.upper, dtype=torch.float64) - torch.tensor(self.lower, dtype=torch.float64)
        found = []
        for name, (axis, value) in self.box.faces.items():
            k = self.axes.index(axis)
            area = float(torch.cat([sides[:k], sides[k + 1 :]]).prod())
            found.append(Piece(name, area, len(self.axes) - 1, self._on(k, value)))
        return tuple(found)

    def _on(self, k: int, value: float):
        def place(unit: Tensor) -> Placed:
            columns = list(unit[:, : len(self.axes) - 1].unbind(1))
            columns.insert(k, torch.zeros_like(unit[:, 0]))
            x = self._spread(torch.stack(columns, 1))
            x[:, k] = value
            normal = torch.zeros_like(x)
            normal[:, k] = 1.0 if value == self.upper[k] else -1.0
            return x, normal

        return place

    def factors(self) -> dict[str, list[Factor]]:
        return {name: [self._from(axis, value)] for name, (axis, value) in self.box.faces.items()}

    def _from(self, axis: str, value: float) -> Factor:
        low, high = self.box.bounds[axis]
        return lambda p: (p[axis] - low) if value == low else (high - p[axis])


def interval(low: float, high: float) -> Block:
    """The interval of x from ``low`` to ``high``."""
    return Block(Box(x=(low, high)))


class Ball(Region):
    """The ball about ``centre`` (d numbers, 1 to 5) with a ``radius``; one part of its boundary."""

    def __init__(self, centre: tuple[float, ...], radius: float, part: str = "") -> None:
        self.axes = names(len(centre))
        if not (isfinite(radius) and radius > 0 and all(map(isfinite, centre))):
            raise PinnsceneError(f"a ball expected a finite centre and a radius above 0, got {centre} and {radius}")
        self.centre, self.radius = tuple(map(float, centre)), float(radius)
        self.part = part or ("circle" if len(centre) == 2 else "sphere")
        self.lower = tuple(c - self.radius for c in self.centre)
        self.upper = tuple(c + self.radius for c in self.centre)

    def __repr__(self) -> str:
        return f"Ball({self.centre}, {self.radius})"

    def distance(self, p: Points | Tensor) -> Tensor:
        x = self.coordinates(p)
        return (x - x.new_tensor(self.centre)).norm(dim=1, keepdim=True) - self.radius

    def cores(self) -> list[Core]:
        return [Core((self.centre[0], self.centre[1]), self.radius)] if len(self.axes) == 2 else []

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        d = len(self.axes)
        if d == 1:
            return tuple(Piece(self.part, 1.0, 1, self._end(side)) for side in (-1.0, 1.0))
        area = 2 * pi ** (d / 2) / gamma(d / 2) * self.radius ** (d - 1)
        return (Piece(self.part, area, columns(d), self._place),)

    def _end(self, side: float):
        def place(unit: Tensor) -> Placed:
            normal = torch.full_like(unit[:, :1], side)
            return self.centre[0] + self.radius * normal, normal

        return place

    def _place(self, unit: Tensor) -> Placed:
        normal = directions(unit, len(self.axes))
        return normal.new_tensor(self.centre) + self.radius * normal, normal

    def factors(self) -> dict[str, list[Factor]]:
        def factor(p: Points) -> Tensor:
            away = p.coords - p.coords.new_tensor(self.centre)
            return (self.radius**2 - away.square().sum(1, keepdim=True)) / (2 * self.radius)

        return {self.part: [factor]}


def disc(x: float = 0.0, y: float = 0.0, radius: float = 1.0, part: str = "") -> Ball:
    """The disc about (x, y)."""
    return Ball((x, y), radius, part)


def columns(d: int) -> int:
    """Coordinates of the unit cube that a direction in d dimensions takes."""
    return d - 1 if d < 4 else d


def directions(unit: Tensor, d: int) -> Tensor:
    """Unit vectors [n, d] of even density on the sphere; [n, columns(d)] in the unit cube give them."""
    if d == 2:
        angle = 2 * pi * unit[:, 0]
        return torch.stack([angle.cos(), angle.sin()], 1)
    if d == 3:  # Archimedes: heights are even
        height, angle = 2 * unit[:, 1] - 1, 2 * pi * unit[:, 0]
        across = (1 - height.square()).clamp_min(0).sqrt()
        return torch.stack([across * angle.cos(), across * angle.sin(), height], 1)
    normal = torch.special.ndtri(unit[:, :d].clamp(1e-12, 1 - 1e-12))
    return normal / normal.norm(dim=1, keepdim=True).clamp_min(TINY)


def warped(density: Tensor, unit: Tensor) -> Tensor:
    """Points [n, k] of the unit cube, k 1 or 2, moved so that even ones have a density given on a grid of cells."""
    if unit.shape[1] == 1:
        return _inverse(density.to(unit)[None], unit[:, 0])[:, None]
    table = density.to(unit)
    first = _inverse(table.sum(1)[None], unit[:, 0])
    row = (first * len(table)).long().clamp_max(len(table) - 1)
    return torch.stack([first, _inverse(table[row], unit[:, 1])], 1)


def _inverse(density: Tensor, share: Tensor) -> Tensor:
    """Where shares [n] of the whole of each row of densities [n, cells], or of one for all, are reached, linearly."""
    ends = density.cumsum(1)
    goal = share * ends[:, -1]
    if len(density) == 1:
        cell = torch.searchsorted(ends[0], goal, right=True).clamp_max(density.shape[1] - 1)
        end, height = ends[0, cell], density[0, cell]
    else:
        cell = torch.searchsorted(ends, goal[:, None], right=True).clamp_max(density.shape[1] - 1)
        end, height = ends.gather(1, cell)[:, 0], density.gather(1, cell)[:, 0]
        cell = cell[:, 0]
    within = (goal - end) / height + 1
    return ((cell + within.clamp(0, 1)) / density.shape[1]).clamp(0, 1)


class Ellipsoid(Region):
    """sum ((x_i - c_i) / a_i)^2 < 1 in 2 or 3 dimensions; an ellipse in 2. One part of its boundary."""

    def __init__(self, centre: tuple[float, ...], half: tuple[float, ...], part: str = "") -> None:
        self.axes = names(len(centre))
        fine = len(half) == len(centre) in (2, 3) and all(isfinite(a) and a > 0 for a in half)
        if not fine or not all(map(isfinite, centre)):
            raise PinnsceneError(f"an ellipse expected a centre and as many half axes above 0, got {centre} and {half}")
        self.centre, self.half = tuple(map(float, centre)), tuple(map(float, half))
        self.part = part or ("ellipse" if len(centre) == 2 else "ellipsoid")
        self.lower = tuple(c - a for c, a in zip(self.centre, self.half, strict=True))
        self.upper = tuple(c + a for c, a in zip(self.centre, self.half, strict=True))

    def __repr__(self) -> str:
        return f"Ellipsoid({self.centre}, {self.half})"

    def cores(self) -> list[Core]:
        """Discs along the line between the foci, where what leaves an ellipse comes from."""
        if len(self.axes) != 2:
            return []
        long = max(range(2), key=lambda k: self.half[k])
        a, b = self.half[long], self.half[1 - long]
        reach = (a**2 - b**2) ** 0.5
        count = 2 * round(reach / b) + 1
        found = []
        for k in range(count):
            shift = reach * (2 * k / (count - 1) - 1) if count > 1 else 0.0
            centre = [*self.centre]
            centre[long] += shift
            edge = float(-self.distance(torch.tensor([centre], dtype=torch.float64)))
            found.append(Core((centre[0], centre[1]), edge))
        return found

    def _scaled(self, x: Tensor) -> Tensor:
        return (x - x.new_tensor(self.centre)) / x.new_tensor(self.half)

    def inside(self, x: Tensor) -> Tensor:
        return self._scaled(x).square().sum(1) < 1

    def distance(self, p: Points | Tensor) -> Tensor:
        """Signed distance (Eberly 2013, section 2); its gradient is the direction away from the nearest point."""
        x = self.coordinates(p)
        away = x - x.new_tensor(self.centre)
        half = x.new_tensor(self.half)
        foot = self._foot(away.detach().abs(), half) * torch.where(away < 0, -1.0, 1.0)
        length = (foot - away).norm(dim=1, keepdim=True)
        return torch.where(self.inside(x)[:, None], -length, length)

    def _foot(self, away: Tensor, half: Tensor) -> Tensor:
        """The nearest point of the boundary to places from the centre, all coordinates positive."""
        least = half.min()
        away = away.clamp_min(NEAR * float(least))  # on an axis there are two of them
        # foot_i = a_i^2 y_i / (s + a_i^2 - a_min^2), with s the positive root of sum (foot_i / a_i)^2 = 1, found by
        # bisection: the sum falls with s
        apart = half.square() - least.square()
        low = least * away[:, half.argmin()]
        high = (half * away).norm(dim=1)
        for _ in range(80):
            s = (low + high) / 2
            more = (half * away / (s[:, None] + apart)).square().sum(1) > 1
            low, high = torch.where(more, s, low), torch.where(more, high, s)
        return half.square() * away / (high[:, None] + apart)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        d = len(self.axes)
        shape = (4096,) if d == 2 else (256, 256)
        lines = [(torch.arange(n, dtype=torch.float64) + 0.5) / n for n in shape]
        n = directions(torch.cartesian_prod(*lines).view(-1, d - 1), d)
        # by what the map from the unit sphere stretches lengths or areas at n: prod a |n / a|
        stretch = n.new_tensor(self.half).prod() * (n / n.new_tensor(self.half)).norm(dim=1)
        measure = (2 * pi if d == 2 else 4 * pi) * float(stretch.mean())
        return (Piece(self.part, measure, d - 1, partial(self._place, stretch.view(shape))),)

    def _place(self, stretch: Tensor, unit: Tensor) -> Placed:
        n = directions(warped(stretch, unit), len(self.axes))
        half = n.new_tensor(self.half)
        across = n / half
        return n.new_tensor(self.centre) + half * n, across / across.norm(dim=1, keepdim=True)

    def factors(self) -> dict[str, list[Factor]]:
        def factor(p: Points) -> Tensor:
            away = self._scaled(p.coords)
            slope = (away / away.new_tensor(self.half)).square().sum(1, keepdim=True)
            level = (1 - away.square().sum(1, keepdim=True)) / 2
            return level / (slope + level.square()).clamp_min(TINY).sqrt()  # normalised to first order (Rvachev)

        return {self.part: [factor]}
