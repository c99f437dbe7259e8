"""Families of solids for models that learn many shapes at once."""

from collections.abc import Callable, Sequence

import torch

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.scenes.csg import Moved, Scaled
from pinnscene.scenes.solid import Solid
from pinnscene.scenes.solid_primitives import Capsule, Cuboid, Torus
from pinnscene.seeds import generator

SIZES = (0.6, 0.95)  # the farthest that a shape reaches along an axis
TURN = 30.0  # the largest rotation, in degrees


def family(n: int, seed: int, kinds: Sequence[str] = ("box", "torus", "capsule")) -> list[Solid]:
    """Random solids about the origin, the kinds taking turns, each of its own proportions, size and rotation.

    Each lies within [-1, 1]^3, and depends on ``seed`` and its place in the list alone: a longer family begins
    with the shorter one. Families of different seeds have nothing in common.

    Raises:
        PinnsceneError: fewer than one solid, no kinds, or an unknown one.
    """
    if not isinstance(n, int) or n < 1:
        raise PinnsceneError(f"a family expected at least 1 solid, got {n!r}")
    if isinstance(kinds, str) or not kinds:
        raise PinnsceneError(f"a family expected a list of kinds such as {', '.join(KINDS)}, got {kinds!r}")
    for kind in kinds:
        if kind not in KINDS:
            raise unknown("kind of solid", kind, KINDS)
    return [_member(kinds[i % len(kinds)], generator(seed, "family", i)) for i in range(n)]


def _member(kind: str, g: torch.Generator) -> Solid:
    """One solid: proportions, then a rotation, then its size."""
    shape = KINDS[kind](g)
    x, y, z = torch.randn(3, generator=g, dtype=torch.float64).tolist()
    turned = Moved(shape, axis=(x, y, z), angle=_draw(g, -TURN, TURN))
    return Scaled(turned, _draw(g, *SIZES) / max(turned.upper))


def _draw(g: torch.Generator, low: float, high: float) -> float:
    """A number from ``low`` to ``high``."""
    return low + (high - low) * float(torch.rand((), generator=g, dtype=torch.float64))


def _box(g: torch.Generator) -> Solid:
    half = (_draw(g, 0.35, 1.0), _draw(g, 0.35, 1.0), _draw(g, 0.35, 1.0))
    return Cuboid(half, _draw(g, 0.1, 0.6) * min(half))


def _torus(g: torch.Generator) -> Solid:
    return Torus(1.0, _draw(g, 0.2, 0.6))


def _capsule(g: torch.Generator) -> Solid:
    half = _draw(g, 0.5, 1.5)
    return Capsule((0.0, 0.0, -half), (0.0, 0.0, half), _draw(g, 0.3, 0.8))


KINDS: dict[str, Callable[[torch.Generator], Solid]] = {"box": _box, "torus": _torus, "capsule": _capsule}
