"""What glows: the part of a field of light that answers at points of [-1, 1]^3."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pinnscene.backbones import Backbone
from pinnscene.encodings import Encoding
from pinnscene.layers import Affine
from pinnscene.radiance.colours import Colours

STEEPEST = 15.0  # the exponent of a density at most: 3e6 in half a box


class Setting(NamedTuple):
    """How a scene lies in [-1, 1]^3.

    Attributes:
        place: the scene's points in it.
        unit: the scene's length that a density is counted in.
        step: the usual length of a stretch.
    """

    place: Callable[[Tensor], Tensor]
    unit: float
    step: float


class Glow(nn.Module):
    """Density and features from encoding, backbone and a linear layer; colour from the features and a direction."""

    encoding: Encoding
    backbone: Backbone
    head: Affine
    colours: Colours
    shift: float

    def emit(self, y: Tensor, spread: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The density [n] per unit of y, exp(raw + shift), and the features [n, f] at points y [n, 3].

        Args:
            y: normalised points.
            spread: standard deviations [n, 1] of Gaussians to blur the encoding over; None for the points themselves.
        """
        raw, features = self.outputs(y, spread)
        return torch.exp((raw + self.shift).clamp(max=STEEPEST)), features

    def outputs(self, y: Tensor, spread: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The network's first output [n], and the others, the features [n, f]; arguments as of ``emit``."""
        encoded = self.encoding(y)
        left = None if spread is None else self.encoding.attenuation(spread)
        out = self.head(self.backbone(encoded if left is None else encoded * left))
        assert isinstance(out, Tensor)
        return out[:, 0], out[:, 1:]

    def cross(
        self, x: Tensor, d: Tensor, length: Tensor, scene: Setting, spread: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The optical depth [n] of stretches of a ``length`` [n] about points x [n, 3], and features there [n, f].

        Args:
            x: their middles, in the scene's units.
            d: the unit directions [n, 3] in which they are crossed.
            length: of each.
            scene: that the points are of.
            spread: as of ``emit``.
        """
        del d
        density, features = self.emit(scene.place(x), spread)
        return density * (length / scene.unit), features

    def slope(self, x: Tensor, scene: Setting) -> Tensor:
        """How the opacity of two usual stretches grows with x [n, 3]: [n, 3], by differences over them.

        A density is as rough as its grid, and nearly constant inside and outside; what is seen is neither.
        """
        moves = scene.step * torch.cat([torch.eye(3), -torch.eye(3)]).to(x)
        density, _ = self.emit(scene.place((x + moves[:, None]).flatten(0, 1)))
        opacity = -torch.expm1(-density * (2 * scene.step / scene.unit)).view(2, 3, -1)
        return (opacity[0] - opacity[1]).T


class Coarse(Glow):
    """A second network of its own, alike in everything, that finds where the first has to look closely."""

    def __init__(self, encoding: Encoding, backbone: Backbone, head: Affine, colours: Colours, shift: float) -> None:
        super().__init__()
        self.encoding, self.backbone, self.head, self.colours = encoding, backbone, head, colours
        self.shift = shift

    def reset(self, generator: torch.Generator) -> None:
        """Draw every weight."""
        self.encoding.reset(generator)
        self.backbone.reset(generator)
        self.backbone.reset_head(self.head, generator)
        self.colours.reset(generator)
