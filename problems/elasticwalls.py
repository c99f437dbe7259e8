"""Conditions of elastic bodies by named part of the boundary, given as text.

| text | what it says |
|---|---|
| ``clamped``, ``clamped:0.1:0``, ``clamped:0:free`` | the displacement by component; free ones have no traction |
| ``traction:1:0`` | sigma n, by component |
| ``pressure:2`` | sigma n = -2 n |
| ``free`` | no traction |
| ``roller`` | neither displacement along the normal nor traction across it: a plane of symmetry |

At a point P projects on the directions whose displacement is held: P u = P g, (1 - P) (sigma n - t) = 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from math import isfinite

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.boundary import outward
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.geometry import Region
from pinnscene.operators import jacobian
from pinnscene.problems.elasticmaterial import Material
from pinnscene.problems.regionwalls import by_part
from pinnscene.views import Differentiable

PROBES = 512  # points of a part
MEETING = 0.01  # of the longest side: parts with points nearer than that meet
KINDS = ("clamped", "traction", "pressure", "free", "roller")


@dataclass(frozen=True)
class ElasticWall:
    """One condition.

    Attributes:
        kind: one of ``KINDS``.
        numbers: displacement or traction by component, or the pressure; all zero where none are given.
        held: by component whether the displacement is held; of a roller it is along the normal.
    """

    kind: str
    numbers: tuple[float, ...]
    held: tuple[bool, ...]

    @property
    def rolls(self) -> bool:
        """Whether what is held depends on the normal."""
        return self.kind == "roller"

    @property
    def holds(self) -> bool:
        """Whether any displacement is held."""
        return self.rolls or any(self.held)

    @property
    def loads(self) -> bool:
        """Whether the traction of any direction is given."""
        return self.rolls or not all(self.held)

    def projection(self, normal: Tensor) -> Tensor:
        """P [n, d, d] at points with outward normals [n, d]."""
        if self.rolls:
            return normal[:, :, None] * normal[:, None, :]
        return torch.diag(normal.new_tensor(self.held)).expand(len(normal), -1, -1)

    def displacement(self, normal: Tensor) -> Tensor:
        """The displacement g [n, d]."""
        return normal.new_tensor(self.numbers if any(self.held) else [0.0] * len(self.held)).expand(len(normal), -1)

    def traction(self, normal: Tensor) -> Tensor:
        """The traction t [n, d]."""
        if self.kind == "pressure":
            return -self.numbers[0] * normal
        given = self.numbers if self.kind == "traction" else [0.0] * len(self.held)
        return normal.new_tensor(given).expand(len(normal), -1)


def parse_elastic(text: str, parts: tuple[str, ...], d: int) -> dict[str, ElasticWall]:
    """The condition of each part of the boundary of a body in ``d`` dimensions; parts not spoken of are free.

    Raises:
        PinnsceneError: what cannot be read.
    """
    return by_part(text, parts, lambda piece: read_elastic(piece, d), "free")


def read_elastic(text: str, d: int) -> ElasticWall:
    """One condition; raises ``PinnsceneError`` for what cannot be read."""
    kind, *words = text.strip().split(":")
    if kind not in KINDS:
        raise unknown("wall condition", kind, KINDS)
    loose = [kind == "clamped" and word.strip() == "free" for word in words]
    try:
        numbers = tuple(0.0 if free else float(word) for free, word in zip(loose, words, strict=True))
    except ValueError:
        numbers = (float("nan"),)
    counts = {"clamped": (0, d), "traction": (0, d), "pressure": (1,)}.get(kind, (0,))
    if len(words) not in counts or not all(map(isfinite, numbers)):
        raise PinnsceneError(
            f"wall '{text.strip()}': expected {' or '.join(map(str, counts))} numbers after '{kind}', such as "
            f"clamped{':0' * (d - 1)}:free, traction:1{':0' * (d - 1)}, pressure:2, free, roller"
        )
    held = tuple(not free for free in loose) if words else (True,) * d
    numbers = numbers or (0.0,) * d
    return ElasticWall(kind, numbers, held if kind == "clamped" else (False,) * d)


def clamped_beside_free(region: Region, walls: Mapping[str, ElasticWall]) -> tuple[str, str] | None:
    """A part that is clamped and one that it meets which holds nothing; None where there is no such pair."""
    stream = torch.Generator().manual_seed(0)
    near = MEETING * max(high - low for low, high in zip(region.lower, region.upper, strict=True))
    drawn = {part: region.boundary(PROBES, part, points="sobol")(stream).coords for part in walls}
    for held, loose in permutations(walls, 2):
        meet = float(torch.cdist(drawn[held], drawn[loose]).min()) < near
        if meet and all(walls[held].held) and not walls[loose].holds:
            return held, loose
    return None


def rows(wall: ElasticWall, material: Material, u: Differentiable, p: Points) -> dict[str, Tensor]:
    """What a condition looks at of a displacement: P u as "displacement", (1 - P) sigma n as "traction", [n, d] each.

    Only those that it gives are there.
    """
    normal = outward(p)
    held = wall.projection(normal)
    found = {}
    if wall.holds:
        found["displacement"] = _apply(held, u(p))
    if wall.loads:
        pull = _apply(material.stress(jacobian(u, p)), normal)
        found["traction"] = pull - _apply(held, pull) if wall.holds else pull
    return found


def right_sides(wall: ElasticWall, p: Points) -> dict[str, Tensor]:
    """What ``rows`` are to be by the condition's numbers."""
    normal = outward(p)
    held, pull = wall.projection(normal), wall.traction(normal)
    return {"displacement": _apply(held, wall.displacement(normal)), "traction": pull - _apply(held, pull)}


def _apply(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector[:, :, None])[:, :, 0]
