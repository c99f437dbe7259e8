"""Conditions by named part of a region's boundary, given as text.

As for walls of boxes: ``dirichlet:1`` for all of the boundary, or by part, ``dirichlet:1,hole=robin:2:0``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from pinnscene.batch import Points
from pinnscene.constraint import Constraint
from pinnscene.domain import Domain
from pinnscene.errors import PinnsceneError, unknown
from pinnscene.problems.walls import Wall, on_wall, read_wall
from pinnscene.views import Differentiable

STIFF = 10.0  # features turn by about so many radians over a half axis: by its powers conditions weigh beside lap(u)
Right = Callable[[Wall, Points], Tensor]
T = TypeVar("T")


def parse_parts(text: str, parts: tuple[str, ...]) -> dict[str, Wall]:
    """The condition of each part of the boundary; raises ``PinnsceneError`` for what cannot be read."""
    return by_part(text, parts, _read, "dirichlet:0")


def _read(text: str) -> Wall:
    wall = read_wall(text)
    if wall.kind == "periodic":
        raise PinnsceneError("periodic joins two walls of a box: a region has none")
    return wall


def by_part(text: str, parts: tuple[str, ...], read: Callable[[str], T], usual: str) -> dict[str, T]:
    """What a text such as ``dirichlet:1,hole=neumann`` says of each part of the boundary.

    Args:
        text: conditions, each of one part or, without a name, of all.
        parts: the names that there are.
        read: reads one condition.
        usual: the condition of parts that are not spoken of, as text.

    Raises:
        PinnsceneError: no condition, a part that is not there, or what ``read`` raises.
    """
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    if not pieces:
        raise PinnsceneError(f"walls is empty: expected a condition such as {usual}")
    named = [piece.rpartition("=")[0] for piece in pieces]
    if twice := [part for part in dict.fromkeys(named) if named.count(part) > 1]:
        raise PinnsceneError(f"walls gives {twice[0] or 'all parts'} two conditions: expected one, got '{text}'")
    walls = dict.fromkeys(parts, read(usual))
    for piece in pieces:
        part, given, condition = piece.rpartition("=")
        if given and part not in walls:
            raise PinnsceneError(f"{unknown('part of the boundary', part, parts)}; the parts are {', '.join(parts)}")
        walls |= dict.fromkeys([part] if given else parts, read(condition))
    return walls


@dataclass(frozen=True)
class FromSolution:
    """Right sides that make ``solution`` satisfy the conditions."""

    solution: Differentiable

    def __call__(self, wall: Wall, p: Points) -> Tensor:
        return on_wall(wall, 0.0)(self.solution, p).detach()


def part_constraints(
    domain: Domain, walls: Mapping[str, Wall], n: int, right: Right | None = None, half: float = 1.0
) -> dict[str, Constraint]:
    """A constraint ``wall_PART`` for each part.

    Args:
        domain: a region, or one with a time.
        walls: the condition of each part.
        n: points on all parts together, each at least a sixteenth of them.
        right: right sides in place of the walls' numbers.
        half: the half axis of the field's frame, which sets the weights.
    """
    found = {}
    for (part, wall), count in zip(walls.items(), counts(domain, tuple(walls), n), strict=True):
        value = wall.c if right is None else (lambda p, wall=wall: right(wall, p))
        stiff = (STIFF / half) ** 2
        weight = stiff**2 if wall.b == 0 else stiff
        sampler = domain.boundary(count, part, points="sobol")
        found[f"wall_{part}"] = Constraint(sampler, on_wall(wall, value), weight=weight)
    return found


def counts(domain: Domain, parts: tuple[str, ...], n: int) -> list[int]:
    """How many of ``n`` points go on each part, by its length or area; each part has at least a sixteenth of them."""
    region: Any = getattr(domain, "region", domain)
    whole = sum(region.measure(part) for part in parts)
    return [max(round(n * region.measure(part) / whole), n // 16, 16) for part in parts]


def floats(walls: Mapping[str, Wall]) -> bool:
    """Whether the conditions leave a constant free."""
    return all(wall.kind == "neumann" for wall in walls.values())


def somewhere(domain: Domain) -> Points:
    """One point inside, always the same."""
    p = domain.interior(1, "halton")(torch.Generator().manual_seed(0))
    return p
