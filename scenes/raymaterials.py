"""What the objects of a scene are made of: colours, patterns that fill space, and how they shine.

Colours are linear light, reflectances from 0 to 1. Patterns are functions of the point in the object's own
coordinates, so that they turn and move with it and need no map of the surface.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from pinnscene.errors import unknown
from pinnscene.scenes.solid import Vector, positive, within

GREY: Vector = (0.5, 0.5, 0.5)
EDGE = 0.06  # share of a period over which one colour goes over into the other


@dataclass(frozen=True)
class Material:
    """A surface with a base colour under a clear coat, or a metal.

    Attributes:
        colour: of the surface, linear; a metal's reflections have it too.
        other: the second colour of a pattern, linear.
        pattern: "plain", "checker", "stripes", "rings", "dots", "marble" or "clouds".
        period: after which the pattern repeats itself, scene units.
        roughness: from 0, a mirror, to 1, chalk.
        metal: from 0, paint, to 1, metal.
        shine: the share of light that the coat reflects head on; 0.04 is glass or lacquer, 0 has no coat.

    Raises:
        PinnsceneError: an unknown pattern, or a number outside its range.
    """

    colour: Vector = GREY
    other: Vector = (0.9, 0.9, 0.9)
    pattern: str = "plain"
    period: float = 0.25
    roughness: float = 0.5
    metal: float = 0.0
    shine: float = 0.04

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise unknown("pattern", self.pattern, PATTERNS)
        positive("period", self.period)
        within("roughness", self.roughness, 0, 1)
        within("metal", self.metal, 0, 1)
        within("shine", self.shine, 0, 1)
        for name, colour in (("colour", self.colour), ("other", self.other)):
            for channel in colour:
                within(name, channel, 0, 1)

    def base(self, p: Tensor) -> Tensor:
        """The base colour [n, 3] at points [n, 3] in the object's own coordinates."""
        share = PATTERNS[self.pattern](p / self.period)[:, None]
        return torch.lerp(p.new_tensor(self.colour), p.new_tensor(self.other), share)


def _plain(q: Tensor) -> Tensor:
    return torch.zeros_like(q[:, 0])


def _checker(q: Tensor) -> Tensor:
    """Cubes, four to a period of two: the product of three square waves."""
    waves = (_wave(q - 0.25) * 2 - 1).prod(1)
    return 0.5 + 0.5 * waves


def _stripes(q: Tensor) -> Tensor:
    return _wave(q[:, 2])


def _rings(q: Tensor) -> Tensor:
    return _wave(q.norm(dim=1))


def _dots(q: Tensor) -> Tensor:
    """A ball in the middle of each cell."""
    away = (q - q.round()).norm(dim=1)
    return _step((0.32 - away) / EDGE)


def _marble(q: Tensor) -> Tensor:
    """Veins: a wave along one direction, bent by slower ones."""
    bend = _waver(q * 0.7) + 0.5 * _waver(q * 1.9)
    vein = (q @ q.new_tensor((0.6, 0.3, 0.75)) * pi + 2.6 * bend).sin().abs()
    return (1 - vein).pow(3) * (0.6 + 0.4 * _waver(q * 0.4)).clamp(0, 1)


def _clouds(q: Tensor) -> Tensor:
    """Soft patches of every size down to an eighth of the period."""
    layers = torch.stack([0.5**k * _waver(q * 2**k + 1.7 * k) for k in range(4)])
    return _step(0.5 + 0.45 * layers.sum(0))


def _waver(q: Tensor) -> Tensor:
    """A smooth function about [-1, 1] without visible repetition: sines of bent coordinates."""
    bent = q + 0.6 * (q.roll(1, 1) * 2.3 + q.new_tensor((0.3, 1.1, 2.7))).sin()
    return (bent * q.new_tensor((2.1, 2.7, 2.4)) + q.new_tensor((0.7, 1.9, 0.2))).sin().mean(1) * 1.7


def _wave(x: Tensor) -> Tensor:
    """A square wave of period 1 with soft flanks, from 0 to 1: 1 about 0."""
    return _step(0.5 + (0.25 - (x - x.round()).abs()) / EDGE)


def _step(x: Tensor) -> Tensor:
    """The cubic from 0 at 0 to 1 at 1."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


PATTERNS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": _plain,
    "checker": _checker,
    "stripes": _stripes,
    "rings": _rings,
    "dots": _dots,
    "marble": _marble,
    "clouds": _clouds,
}
