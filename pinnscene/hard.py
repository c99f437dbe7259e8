"""Conditions held exactly on a box: an ansatz built from the initial state and the values on walls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from pinnscene.ansatz import Ansatz
from pinnscene.batch import Points
from pinnscene.boundary import Value, as_column
from pinnscene.domain import Box
from pinnscene.errors import PinnsceneError
from pinnscene.views import Differentiable, Frozen

Lift = Callable[[Points], Tensor]


@dataclass(frozen=True)
class HardAnsatz(Ansatz):
    """An ansatz that knows which values it holds, by face."""

    held: Mapping[str, Value] = field(default_factory=dict)


def hard_conditions(
    box: Box,
    *,
    start: Value | None = None,
    velocity: Value | None = None,
    walls: Mapping[str, Value] | None = None,
    scale: float = 1.0,
) -> HardAnsatz:
    """An ansatz that holds initial and Dirichlet conditions whatever the network.

    u = lift + t'^p prod d N with t' the share of the time that has passed, p = 2 where a velocity is given, else 1, and
    d the distances to the walls. The lift begins as start + (t - t0) velocity; one axis after the other, the
    difference from the values of its walls is added, blended linearly across (transfinite interpolation, Gordon and
    Hall 1973).

    Args:
        box: the domain.
        start: u at the lower end of t.
        velocity: u_t there.
        walls: u by face, ``{"x0": 0.0, "x1": g}``.
        scale: of the network's values.

    Raises:
        PinnsceneError: a face or an axis t that is not there, a velocity without a start, nothing to hold.
    """
    held = dict(walls or {})
    if "t" not in box.axes and (start is not None or velocity is not None):
        raise PinnsceneError(f"an initial condition needs an axis t; the axes are {', '.join(box.axes)}")
    if velocity is not None and start is None:
        raise PinnsceneError("an initial velocity needs an initial state too: give start")
    if start is None and not held:
        raise PinnsceneError("hard_conditions() expected a start or walls to hold, got neither")
    for name in held:
        if box.face_named(name)[0] == "t":
            raise PinnsceneError(f"the faces of t are held by start and velocity, not by walls: got '{name}'")
    lift: Lift = Beginning(box, start, velocity)
    if isinstance(start, Differentiable) and velocity is None:  # its own engine knows its derivatives
        lift = Frozen(start, "t", box.bounds["t"][0])
    for axis in box.axes:
        low, high = held.get(f"{axis}0"), held.get(f"{axis}1")
        if low is not None or high is not None:
            lift = Blended(box, axis, low, high, lift)
    order = 0 if start is None else 1 if velocity is None else 2
    asked = held if start is None else {"t0": start, **held}
    return HardAnsatz(lift, Vanishing(box, order, tuple(held)), scale, held=asked)


def moved(p: Points, axis: str, value: float) -> Points:
    """The points with one coordinate set to a value."""
    coords = torch.cat([torch.full_like(p[a], value) if a == axis else p[a] for a in p.axes], 1)
    return replace(p, coords=coords)


@dataclass(frozen=True)
class Beginning:
    """start + (t - t0) velocity, both taken at t0; zero without a start."""

    box: Box
    start: Value | None
    velocity: Value | None

    def __call__(self, p: Points) -> Tensor:
        if self.start is None:
            return torch.zeros_like(p.coords[:, :1])
        begin = self.box.bounds["t"][0]
        at = moved(p, "t", begin)
        value = as_column(self.start, at)
        return value if self.velocity is None else value + (p["t"] - begin) * as_column(self.velocity, at)


@dataclass(frozen=True)
class Blended:
    """A lift that takes given values on one or both walls of an axis."""

    box: Box
    axis: str
    low: Value | None
    high: Value | None
    inner: Lift

    def __call__(self, p: Points) -> Tensor:
        below, above = self.box.bounds[self.axis]
        share = (p[self.axis] - below) / (above - below)
        value = self.inner(p)
        for wall, at, weight in ((self.low, below, 1 - share), (self.high, above, share)):
            if wall is not None:
                q = moved(p, self.axis, at)
                blend = weight if self.low is not None and self.high is not None else torch.ones_like(weight)
                value = value + blend * (as_column(wall, q) - self.inner(q))
        return value


@dataclass(frozen=True)
class Vanishing:
    """t'^order times the distance to each wall that is held, one in the middle between two walls."""

    box: Box
    order: int
    walls: tuple[str, ...]

    def __call__(self, p: Points) -> Tensor:
        d = torch.ones_like(p.coords[:, :1])
        if self.order:
            begin, end = self.box.bounds["t"]
            d = ((p["t"] - begin) / (end - begin)) ** self.order
        for axis, (low, high) in self.box.bounds.items():
            share = (p[axis] - low) / (high - low)
            both = f"{axis}0" in self.walls and f"{axis}1" in self.walls
            for name, distance in ((f"{axis}0", share), (f"{axis}1", 1 - share)):
                if name in self.walls:
                    d = d * distance * (2.0 if both else 1.0)
        return d
