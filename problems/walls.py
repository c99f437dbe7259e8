"""Wall conditions on a box, given as text, and the eigenfunctions that they leave.

A wall is ``dirichlet[:value]``, ``neumann[:flux]`` (du/dn = flux), ``robin:h:outside`` (du/dn = h (outside - u)) or
``periodic`` (both walls of an axis). One text for all walls, or by name: ``x=periodic,y0=neumann,y1=dirichlet:1``.
"""

from collections.abc import Mapping
from math import isfinite, pi
from typing import NamedTuple

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.boundary import Dirichlet, Robin, Value
from pinnscene.errors import PinnsceneError, unknown

KINDS = ("dirichlet", "neumann", "robin", "periodic")


class Wall(NamedTuple):
    """a u + b du/dn = c; for periodic walls only the kind counts."""

    kind: str
    a: float
    b: float
    c: float


def read_wall(text: str) -> Wall:
    """One condition; raises ``PinnsceneError`` for what cannot be read."""
    kind, *numbers = text.strip().split(":")
    if kind not in KINDS:
        raise unknown("wall condition", kind, KINDS)
    try:
        values = [float(n) for n in numbers]
    except ValueError:
        values = [float("nan")]
    expected = {"dirichlet": (0, 1), "neumann": (0, 1), "robin": (2,), "periodic": (0,)}[kind]
    if len(values) not in expected or not all(isfinite(v) for v in values):
        raise PinnsceneError(
            f"wall '{text}': expected {' or '.join(map(str, expected))} numbers after '{kind}', "
            "such as dirichlet:1.0, neumann:0.5, robin:2:0 (h and the value outside)"
        )
    if kind == "robin":
        h, outside = values
        if h <= 0:
            raise PinnsceneError(f"wall '{text}': the exchange coefficient h must be positive, got {h}")
        return Wall(kind, h, 1.0, h * outside)
    value = values[0] if values else 0.0
    return Wall(kind, 1.0, 0.0, value) if kind == "dirichlet" else Wall(kind, 0.0, 1.0, value)


def parse_walls(text: str, axes: tuple[str, ...]) -> dict[str, tuple[Wall, Wall]]:
    """The lower and upper wall of each axis of space; raises ``PinnsceneError`` for what cannot be read."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise PinnsceneError(f"walls is empty: expected a condition such as {', '.join(KINDS)}")
    walls = {f"{axis}{end}": Wall("dirichlet", 1.0, 0.0, 0.0) for axis in axes for end in (0, 1)}
    for part in parts:
        where, given, condition = part.rpartition("=")
        if not given:
            names = list(walls)
        elif where in axes:
            names = [f"{where}0", f"{where}1"]
        elif where in walls:
            names = [where]
        else:
            raise unknown("wall", where, [*axes, *walls])
        for name in names:
            walls[name] = read_wall(condition)
    pairs = {axis: (walls[f"{axis}0"], walls[f"{axis}1"]) for axis in axes}
    for axis, (low, high) in pairs.items():
        if (low.kind == "periodic") != (high.kind == "periodic"):
            raise PinnsceneError(f"axis {axis}: periodic joins both walls, so give it for both: {axis}=periodic")
    return pairs


def on_wall(wall: Wall, value: Value) -> Dirichlet | Robin:
    """The residual of a wall that is not periodic, with a number or a function of the points on its right side."""
    return Dirichlet(value) if wall.b == 0 else Robin(wall.a, wall.b, value)


def has_modes(pair: tuple[Wall, Wall]) -> bool:
    """Whether the walls are homogeneous Dirichlet, Neumann or periodic: then their modes are known."""
    return all(wall.kind != "robin" and wall.c == 0 for wall in pair)


def wavenumber(pair: tuple[Wall, Wall], m: int, length: float) -> float:
    """The m-th wave number, m from 1, of the eigenfunctions between two homogeneous walls."""
    kinds = tuple(wall.kind for wall in pair)
    if kinds[0] == "periodic":
        return 2 * pi * m / length
    return (m if kinds[0] == kinds[1] else m - 0.5) * pi / length


def product_mode(
    conditions: Mapping[str, tuple[Wall, Wall]], p: Points, m: int | tuple[int, ...], low: float, length: float
) -> Tensor:
    """The product over the axes of the m-th mode between their walls; one m for all axes, or one an axis."""
    numbers = (m,) * len(conditions) if isinstance(m, int) else m
    value = torch.ones_like(p.coords[:, :1])
    for (axis, pair), number in zip(conditions.items(), numbers, strict=True):
        value = value * mode(pair, number, p[axis], low, length)
    return value


def mode(pair: tuple[Wall, Wall], m: int, x: Tensor, low: float, length: float) -> Tensor:
    """The m-th eigenfunction between two homogeneous walls, a sine or a cosine, at x."""
    phase = wavenumber(pair, m, length) * (x - low)
    return torch.cos(phase) if pair[0].kind == "neumann" else torch.sin(phase)


def unfold(pair: tuple[Wall, Wall], x: Tensor, low: float, length: float) -> tuple[Tensor, Tensor]:
    """Continue a function beyond homogeneous walls, by images: its value at x is ``sign`` times that at ``place``.

    Odd about a Dirichlet wall, even about a Neumann wall, repeated where they are periodic.

    Returns:
        place: within the walls, of the shape of x.
        sign: +1 or -1.
    """
    y = (x - low) / length
    turns = y.detach().floor()
    inside = y - turns
    if pair[0].kind == "periodic":
        return low + length * inside, torch.ones_like(x)
    odd = torch.remainder(turns, 2) == 1
    lower, upper = (-1.0 if wall.kind == "dirichlet" else 1.0 for wall in pair)
    # walls are met in turn, beginning with the upper one: four images make a period
    signs = x.new_tensor([1.0, upper, lower * upper, lower])
    sign = signs[torch.remainder(turns, 4).long()]
    return low + length * torch.where(odd, 1 - inside, inside), sign
