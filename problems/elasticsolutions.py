"""Displacements by name, from which data of elastic problems are made; their strains are of the size ``STRAIN``.

X are the coordinates over the half length L of the region, from the middle of its box.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.errors import PinnsceneError
from pinnscene.geometry import Region
from pinnscene.problems.elasticmaterial import Material

STRAIN = 0.01
# phases, and by component how many radians they turn along x, y and z over half the region
PHASES, TURNS = (0.4, 1.0, -0.5), ((2.0, 1.0, -1.0), (1.0, -2.0, 1.0), (-1.0, 1.0, 2.0))
SLOPES = ((1.0, 0.5, -0.3), (-0.2, -0.6, 0.4), (0.3, 0.1, 0.8))  # du_i / dx_k over STRAIN


class Body(NamedTuple):
    """What displacements are made for: the region with its middle and half length, and the material."""

    region: Region
    centre: tuple[float, ...]
    half: float
    material: Material

    def scaled(self, p: Points) -> Tensor:
        """X at points."""
        return (p.coords - p.coords.new_tensor(self.centre)) / self.half


Displacement = Callable[[Body, Points], Tensor]


def waves(body: Body, p: Points) -> Tensor:
    """By component STRAIN L sin(a_i . X + b_i)."""
    d = len(p.axes)
    turns, phases = p.coords.new_tensor(TURNS)[:d, :d], p.coords.new_tensor(PHASES)[:d]
    return STRAIN * body.half * torch.sin(body.scaled(p) @ turns.T + phases)


def linear(body: Body, p: Points) -> Tensor:
    """STRAIN L A X with a constant A: the stress is the same everywhere."""
    d = len(p.axes)
    return STRAIN * body.half * body.scaled(p) @ p.coords.new_tensor(SLOPES)[:d, :d].T


def kirsch(body: Body, p: Points) -> Tensor:
    """An infinite plate with a round hole about the origin, pulled along x by S = STRAIN E far away.

    With the radius a of the hole, and kappa = 3 - 4 nu for plane strain, (3 - nu) / (1 + nu) for plane stress
    (Kirsch 1898; Sadd, Elasticity, section 8.4.2); on the hole the stress along it is S (1 - 2 cos 2 theta).
    """
    a, mu, lam = hole(body.region), body.material.mu, body.material.lam
    kappa = (lam + 3 * mu) / (lam + mu)
    x, y = p["x"], p["y"]
    r, theta = (x.square() + y.square()).sqrt(), torch.atan2(y, x)
    s, t = r / a, a / r
    along = s * (kappa + 1) * torch.cos(theta) + 2 * t * ((1 + kappa) * torch.cos(theta) + torch.cos(3 * theta))
    across = s * (kappa - 3) * torch.sin(theta) + 2 * t * ((1 - kappa) * torch.sin(theta) + torch.sin(3 * theta))
    thrice = 2 * t**3
    ux, uy = along - thrice * torch.cos(3 * theta), across - thrice * torch.sin(3 * theta)
    return STRAIN * body.material.young * a / (8 * mu) * torch.cat([ux, uy], 1)


@lru_cache(maxsize=8)
def hole(region: Region) -> float:
    """The radius of the round hole about the origin; raises ``PinnsceneError`` where there is none."""
    if len(region.axes) == 2:
        radius = float(region.distance(torch.zeros(1, 2, dtype=torch.float64)))
        for part in region.parts if radius > 0 else ():
            x = region.boundary(64, part, points="halton")(torch.Generator().manual_seed(0)).coords
            if float((x.norm(dim=1) - radius).abs().max()) < 1e-6 * radius:
                return radius
    raise PinnsceneError(
        "kirsch is about a round hole: expected a domain with a disc about (0, 0) cut out, such as plate-hole, "
        f"got {region!r}"
    )


SOLUTIONS: dict[str, Displacement] = {"waves": waves, "linear": linear, "kirsch": kirsch}
