"""Where light comes from: a sky, and lamps as round as they seem from the scene.

One function answers what light arrives from a direction as a surface of some roughness sees it: the sky's gradient,
and each lamp as a disc blurred into a Gaussian lobe that keeps its energy. A mirror sees the lamp itself, chalk a
glow. Radiances are linear; a white surface under an irradiance of pi is white.
"""

from dataclasses import dataclass
from math import pi, radians

import torch
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.solid import Vector, positive, vector, within

WHITE: Vector = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Sky:
    """Light from everywhere: colours overhead, at the horizon and from below, linear.

    Attributes:
        zenith, horizon, below: radiances.
        strength: multiplies all three.
        shown: whether pictures show it; else what is behind the objects is transparent.
    """

    zenith: Vector = (0.75, 0.85, 1.0)
    horizon: Vector = (0.9, 0.9, 0.9)
    below: Vector = (0.35, 0.33, 0.3)
    strength: float = 0.7
    shown: bool = False

    def __post_init__(self) -> None:
        for name in ("zenith", "horizon", "below"):
            vector(f"sky {name}", getattr(self, name))
            within(f"sky {name}", min(getattr(self, name)), 0, float("1e6"))
        within("sky strength", self.strength, 0, 1e6)

    def radiance(self, d: Tensor, roughness: float = 0.0) -> Tensor:
        """The light [n, 3] from unit directions [n, 3], blurred for rough surfaces."""
        width = 0.35 + 0.65 * roughness
        up = (d[:, 2:] / width).clamp(-1, 1)
        up, down = up.clamp_min(0).pow(0.7), (-up).clamp_min(0).pow(0.5)
        zenith, horizon, below = (self.strength * d.new_tensor(c) for c in (self.zenith, self.horizon, self.below))
        return horizon + up * (zenith - horizon) + down * (below - horizon)

    def irradiance(self, normal: Tensor) -> Tensor:
        """The mean light [n, 3] over the half space about each normal [n, 3]."""
        zenith, horizon, below = (self.strength * normal.new_tensor(c) for c in (self.zenith, self.horizon, self.below))
        above, beneath = 0.65 * zenith + 0.35 * horizon, 0.75 * below + 0.25 * horizon
        return torch.lerp(beneath, above, 0.5 + 0.5 * normal[:, 2:])


@dataclass(frozen=True)
class Light:
    """A lamp: a ball at a ``position``, or like the sun in a ``direction`` at no distance.

    Attributes:
        position: where a lamp hangs, scene units.
        direction: where a sun stands, of any length.
        radius: of the ball, scene units; for a sun its angular radius, degrees.
        colour: linear, of any scale.
        strength: the irradiance over pi that it sends to the middle of the scene.

    Raises:
        PinnsceneError: both or neither of position and direction, or numbers out of range.
    """

    position: Vector | None = None
    direction: Vector | None = None
    radius: float = 0.5
    colour: Vector = WHITE
    strength: float = 1.0

    def __post_init__(self) -> None:
        if (self.position is None) == (self.direction is None):
            raise PinnsceneError("a light expected a position or a direction, got both or neither: give one of them")
        place = self.position if self.direction is None else self.direction
        vector("light position or direction", place or (0.0, 0.0, 0.0))
        positive("light distance or length of its direction", sum(x * x for x in place or ()) ** 0.5)
        positive("light radius", self.radius)
        within("light strength", self.strength, 0, 1e6)

    def towards(self, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Unit directions [n, 3], angular radii [n, 1] (radians) and irradiances over pi [n, 3] at points [n, 3]."""
        strength = self.strength * p.new_tensor(self.colour)
        if self.position is None:
            d = torch.nn.functional.normalize(p.new_tensor(self.direction), dim=0).expand_as(p)
            return d, torch.full_like(p[:, :1], radians(self.radius)), strength.expand_as(p)
        arm = p.new_tensor(self.position) - p
        distance = arm.norm(dim=1, keepdim=True).clamp_min(1e-6)
        fall = (p.new_tensor(self.position).norm() / distance).square().clamp_max(16)
        return arm / distance, (self.radius / distance).clamp_max(1.0).atan(), strength * fall

    def lobe(self, p: Tensor, d: Tensor, roughness: float) -> Tensor:
        """The light [n, 3] that arrives at points from unit directions ``d`` [n, 3], blurred by the roughness.

        A disc of angular radius s has the radiance E / (pi s^2); here it is a Gaussian of variance
        (s^2 + a^4) / 2 with the same integral, a^2 being the width of the microfacets' slopes.
        """
        to, angle, strength = self.towards(p)
        spread = angle.square() + (roughness * roughness) ** 2 + 1e-4
        away = 2 * (1 - (to * d).sum(1, keepdim=True)).clamp_min(0)  # the square of the angle, while it is small
        return strength * pi / (pi * spread) * (-away / spread).exp()
