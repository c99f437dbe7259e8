"""Conditions of plane flows by named part of a region's boundary, given as text.

``wall`` (no slip), ``inflow``, ``outflow``, ``slip`` or ``velocity:U:V``, for all of the boundary or by part:
``wall,x0=inflow,x1=outflow``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.boundary import outward
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.geometry import Region
from pinnscene.geometry.spans import spans
from pinnscene.operators import partials
from pinnscene.problems.regionwalls import by_part
from pinnscene.views import Differentiable

KINDS = ("wall", "inflow", "outflow", "slip", "velocity")
HELD = ("velocity", "inflow", "wall")  # kinds that give the velocity; where two meet the last one counts
TILT = 1e-6  # of a part's length: how far its ends may be from the line that an inflow needs
BALANCE = 0.01  # of what flows in: what may be missing from what flows out
PROBES = 2000  # points of a part that its flux is taken from


class Condition(NamedTuple):
    """What holds on a part of the boundary; the velocity (u, v) is that of ``velocity``, else zero."""

    kind: str
    u: float = 0.0
    v: float = 0.0

    @property
    def held(self) -> bool:
        """Whether it gives the velocity."""
        return self.kind in HELD


def read_condition(text: str) -> Condition:
    """One condition; raises ``PinnsceneError`` for what cannot be read."""
    kind, *numbers = text.strip().split(":")
    if kind not in KINDS:
        raise unknown("flow condition", kind, KINDS)
    try:
        values = [float(n) for n in numbers]
    except ValueError:
        values = [float("nan")]
    if len(values) != (2 if kind == "velocity" else 0) or not all(isfinite(v) for v in values):
        expected = "2 numbers after 'velocity', such as velocity:1:0" if kind == "velocity" else f"'{kind}' alone"
        raise PinnsceneError(f"condition '{text.strip()}': expected {expected}")
    return Condition(kind, *values)


def parse_flow(text: str, parts: tuple[str, ...]) -> dict[str, Condition]:
    """The condition of each part of the boundary, ``wall`` where none is given; raises ``PinnsceneError``."""
    return by_part(text, parts, read_condition, "wall")


@dataclass(frozen=True)
class Profile:
    """The inward parabola 4 speed s (1 - s) over a straight part of the boundary, s from 0 to 1 between its ends.

    Attributes:
        start: one end [2].
        along: from there to the other end [2].
        inward: the unit normal into the region [2].
        speed: in the middle.
    """

    start: Tensor
    along: Tensor
    inward: Tensor
    speed: float

    @classmethod
    def on(cls, region: Region, part: str, speed: float) -> "Profile":
        """The profile of a part; raises ``PinnsceneError`` where it is not one straight line."""
        ends, normals = [], []
        for piece in region.pieces:
            for span in spans(piece) if piece.part == part else []:
                x, n = piece.place(torch.tensor([[span[0]], [sum(span) / 2], [span[1]]], dtype=torch.float64))
                ends.append(x)
                normals.append(n)
        x, n = torch.cat(ends), torch.cat(normals)
        first = x[(x - x[0]).norm(dim=1).argmax()]
        along = x[(x - first).norm(dim=1).argmax()] - first
        off = (x - first) @ torch.stack([-along[1], along[0]]) / along.square().sum()
        if float(off.abs().max()) > TILT or float((n - n[0]).abs().max()) > TILT:
            raise PinnsceneError(f"an inflow needs a straight part of the boundary, '{part}' is none: give a velocity")
        return cls(first, along, -n[0], speed)

    def __call__(self, p: Points) -> Tensor:
        """The velocity [n, 2]."""
        at = p.coords.double()
        s = ((at - self.start.to(at)) @ self.along.to(at) / self.along.to(at).square().sum())[:, None]
        return (4 * self.speed * s * (1 - s) * self.inward.to(at)).to(p.coords.dtype)


def velocity_on(region: Region, part: str, condition: Condition, speed: float) -> Callable[[Points], Tensor]:
    """The velocity [n, 2] that a condition of a held kind gives at points of its part."""
    if condition.kind == "inflow":
        return Profile.on(region, part, speed)
    given = (condition.u, condition.v)
    return lambda p: p.coords.new_tensor(given).expand(len(p), 2)


def left_side(condition: Condition, nu: float, u: Differentiable, p: Points) -> Tensor:
    """What a condition says about a flow (u, v, p), [n, 2]: the velocity, the stress nu du/dn - p n, or of each a part.

    Slip: the velocity across the boundary, and the stress along it.
    """
    if condition.held:
        return u(p)[:, :2]
    normal = outward(p)
    value, x, y = partials(u, p, "", "x", "y")
    stress = nu * (normal[:, :1] * x + normal[:, 1:] * y)[:, :2] - value[:, 2:] * normal
    if condition.kind == "outflow":
        return stress
    along = torch.stack([-normal[:, 1], normal[:, 0]], 1)
    return torch.stack([(value[:, :2] * normal).sum(1), (stress * along).sum(1)], 1)


@dataclass(frozen=True)
class Holds:
    """The residual [n, 2] of a condition, in units of the flow.

    Attributes:
        condition: what holds.
        nu: kinematic viscosity.
        fast: the unit of velocities; that of stresses is its square.
        given: the velocity where the condition is of a held kind.
        solution: the flow whose stress is the right side of the other kinds; None for zero.
    """

    condition: Condition
    nu: float
    fast: float
    given: Callable[[Points], Tensor] | None
    solution: Differentiable | None

    def __call__(self, u: Differentiable, p: Points) -> Tensor:
        left, kind = left_side(self.condition, self.nu, u, p), self.condition.kind
        if self.given is not None:
            left = left - self.given(p)
        elif self.solution is not None:
            left = left - left_side(self.condition, self.nu, self.solution, p).detach()
        powers = (2, 2) if kind == "outflow" else (1, 2) if kind == "slip" else (1, 1)
        return left / left.new_tensor([self.fast**power for power in powers])


def expect_driven(region: Region, conditions: Mapping[str, Condition], given: Mapping[str, Callable]) -> None:
    """Raise ``PinnsceneError`` where nothing moves, or what flows in finds no way out."""
    fluxes, still = [], True
    for part, velocity in given.items():
        p = region.boundary(PROBES, part, points="halton")(torch.Generator().manual_seed(0))
        across, value = outward(p), velocity(p)
        still &= not bool(value.abs().max() > 0)
        fluxes.append(float((value * across).sum(1).mean()) * region.measure(part))
    if still:
        raise PinnsceneError("nothing drives the flow: give a part inflow or velocity:U:V, such as x0=inflow")
    through = sum(abs(flux) for flux in fluxes)
    more = sum(fluxes)
    if not any(c.kind == "outflow" for c in conditions.values()) and abs(more) > BALANCE * through:
        ways = ("out", "in") if more > 0 else ("in", "out")
        raise PinnsceneError(
            f"{abs(more):.3g} more flows {ways[0]} than {ways[1]}: give a part outflow, such as x1=outflow, or "
            "velocities that balance"
        )
